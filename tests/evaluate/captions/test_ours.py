"""Captions against known facts: claims of made captions, and the closed world's captions whose errors are known."""

from __future__ import annotations

import json
import random

import pytest

from sharegpt4video.errors import SettingsError
from sharegpt4video.evaluate.captions.ours import (
    Fact,
    FactScore,
    Language,
    claims,
    read_scenes,
    score,
    world_facts,
    world_language,
)
from sharegpt4video.world.captions import CaptionKind, caption
from sharegpt4video.world.sampling import sample_scene
from sharegpt4video.world.scenes import Scene

LANGUAGE = world_language()
FACTS = [
    Fact("square", "colour", "red"),
    Fact("square", "movement", "left", 0.0),
    Fact("square", "deed", "grows", 1.0),
    Fact("disc", "movement", "up", 2.0),
]


def said(text: str) -> list[tuple[str, str, str]]:
    return [(claim.subject, claim.respect, claim.value) for claim in claims(text, LANGUAGE)]


def test_claims_are_about_the_last_subject_named() -> None:
    assert said("A small red square moves slowly to the left, then grows. The camera pans right.") == [
        ("square", "colour", "red"),
        ("square", "size", "small"),
        ("square", "movement", "left"),
        ("square", "speed", "slow"),
        ("square", "deed", "grows"),
        ("camera", "camera", "pan right"),
    ]


def test_what_something_passes_behind_is_not_what_the_clause_is_about() -> None:
    assert said("the ring passes left behind the disc and comes back") == [
        ("ring", "movement", "left"),
        ("ring", "hiding", "disc"),
        ("ring", "deed", "turns around"),
    ]


def test_a_sentence_about_something_else_ends_a_subject() -> None:
    assert said("The square rests. Nobody moves left.") == [("square", "deed", "stays")]


def test_a_sentence_that_goes_on_with_it_is_about_the_same() -> None:
    for text in ("The square moves left. Then it grows.", "The square moves left. Finally, it grows."):
        assert said(text) == [("square", "movement", "left"), ("square", "deed", "grows")]
    assert said("The square moves left, and, then, grows.") == [
        ("square", "movement", "left"),
        ("square", "deed", "grows"),
    ]


def test_stated_contradicted_missing_wrong() -> None:
    found = score("The blue square moves left and shrinks.", FACTS, LANGUAGE)
    assert [fact.value for fact in found.stated] == ["left"]
    assert [fact.value for fact in found.contradicted] == ["red", "grows"]
    assert [fact.value for fact in found.missing] == ["up"]
    assert [claim.value for claim in found.wrong] == ["blue", "shrinks"]
    assert (found.precision, found.recall) == (1 / 3, 1 / 4)
    assert found.f1 == pytest.approx(2 / 7)


@pytest.mark.parametrize(
    ("text", "order", "order_recall"),
    [
        ("The square moves left, then grows. The disc moves up.", 1.0, 1.0),
        ("The disc moves up. The square grows, then moves left.", 0.0, 0.0),
        ("The square grows, then moves left. The disc moves up.", 2 / 3, 2 / 3),
        ("The square moves left. The disc moves up.", 1.0, 1 / 3),
        ("The square moves left.", None, 0.0),
    ],
)
def test_order_is_counted_by_pairs(text: str, order: float | None, order_recall: float) -> None:
    found = score(text, FACTS, LANGUAGE)
    assert (found.order, found.order_recall) == (order, order_recall)


def test_nothing_said_is_not_wrong_but_recalls_nothing() -> None:
    found = score("", FACTS, LANGUAGE)
    assert (found.precision, found.recall, found.order, len(found.missing)) == (1.0, 0.0, None, 4)


def test_a_language_of_ones_own() -> None:
    language = Language({"man": "man|he"}, after={"pose": {"up": "stands up", "down": "sits down"}})
    facts = [Fact("man", "pose", "down", 0.0), Fact("man", "pose", "up", 1.0)]
    assert score("The man sits down and then he stands up.", facts, language).order == 1.0


def scenes(difficulty: str) -> list[Scene]:
    return [sample_scene(random.Random(seed), difficulty=difficulty) for seed in range(40)]


def judged(scene: Scene, kind: CaptionKind) -> FactScore:
    return score(caption(scene, kind).text, world_facts(json.loads(scene.to_json())), LANGUAGE)


@pytest.mark.parametrize("difficulty", ["simple", "medium", "hard"])
def test_dense_captions_of_the_closed_world_state_every_fact_in_order(difficulty: str) -> None:
    for scene in scenes(difficulty):
        found = judged(scene, "dense")
        assert (found.precision, found.recall, found.wrong) == (1.0, 1.0, ()), caption(scene, "dense").text
        assert found.order in (None, 1.0), caption(scene, "dense").text


def test_short_and_shuffled_captions_lose_facts_and_order() -> None:
    several = scenes("medium")
    assert all(judged(scene, "short").recall < 0.7 for scene in several)
    orders = [judged(scene, "shuffled").order for scene in several]
    known = [order for order in orders if order is not None]
    assert len(known) > 10
    assert 0.2 < sum(known) / len(known) < 0.8  # half of the pairs, by chance
    assert all(judged(scene, "shuffled").recall == 1.0 for scene in several)


def test_a_replaced_fact_is_found() -> None:
    seen = dict.fromkeys(("colour", "size", "direction", "camera", "speed"), 0)
    for scene in scenes("medium"):
        told, found = caption(scene, "wrong"), judged(scene, "wrong")
        for replaced in told.replaced:
            if replaced.fact in seen:
                seen[replaced.fact] += 1
            if replaced.fact in ("colour", "size", "direction", "camera"):
                assert found.wrong, told.text
                assert found.precision < 1
    assert sum(count > 0 for count in seen.values()) >= 3


def test_scene_files_and_other_data(tmp_path: object) -> None:
    from pathlib import Path

    path = Path(str(tmp_path)) / "scenes.jsonl"
    scene = scenes("simple")[0]
    path.write_text(
        scene.to_json() + "\n" + json.dumps({"video": "a.mp4", "scene": json.loads(scene.to_json())}) + "\n"
    )
    first, second = read_scenes(path)
    assert world_facts(first) == world_facts(second)
    with pytest.raises(SettingsError, match="not a scene"):
        world_facts({"boxes": []})
    path.write_text("no json")
    with pytest.raises(SettingsError, match=r"scenes\.jsonl"):
        read_scenes(path)


def test_a_list_of_all_there_could_be_is_mostly_wrong() -> None:
    facts = [Fact("square", "movement", "left", 0.0), Fact("square", "new colour", "red", 1.0)]
    listed = score("The square moves left, right, up and down. It turns red, green, or blue.", facts, world_language())
    assert (listed.recall, listed.precision) == (1.0, 2 / 7), listed.wrong
    either = score("The square moves left or to the right.", facts[:1], world_language())
    assert [claim.value for claim in either.wrong] == ["right"]


def test_a_second_way_is_told_in_the_place_where_it_stands() -> None:
    facts = [Fact("square", "movement", "left", 0.0), Fact("square", "movement", "up", 1.0)]
    assert score("The square moves left, then up.", facts, world_language()).order == 1.0
    assert score("The square moves up and then left.", facts, world_language()).order == 0.0


def test_looks_may_be_told_with_commas_or_by_a_verb() -> None:
    facts = [Fact("square", "colour", "red"), Fact("square", "size", "small"), Fact("disc", "colour", "blue")]
    for text in ("A small, red square. A blue disc.", "The square is red and small; the circle is blue."):
        found = score(text, facts, world_language())
        assert (found.recall, found.precision) == (1.0, 1.0), text
    circles = world_language(shapes=("disc", "circle"))
    assert score("A blue circle.", facts, circles).wrong[0].subject == "circle"


def test_points_of_a_list_are_about_what_they_name() -> None:
    facts = [Fact("square", "movement", "left"), Fact("disc", "movement", "up")]
    for text in ("- The square moves left\n- The disc moves up", "the square moves left\nthe disc moves up"):
        found = score(text, facts, world_language())
        assert (found.recall, found.precision) == (1.0, 1.0), text
    assert not score("The square moves left\n- A person moves up", facts, world_language()).wrong


def test_events_have_the_times_of_a_video_of_that_length() -> None:
    thing = {"shape": "square", "colour": "red", "size": "small"}
    event = {"thing": 0, "kind": "moves", "direction": "left", "speed": "slow", "start": 0.25}
    scene = {"things": [thing], "events": [event], "tones": ["dark", "light"]}
    times = {fact.value: fact.seconds for fact in world_facts(scene, seconds=8.0)}
    assert (times["left"], times["dark"], times["light"]) == (2.0, 0.0, 4.0)


def test_a_change_of_background_told_backwards_is_out_of_order() -> None:
    scene = {"things": [], "events": [], "camera": "still", "tones": ["dark", "light"]}
    facts = world_facts(scene)
    assert score("The background is dark. The background turns light.", facts, world_language()).order == 1.0
    assert score("The background is light. The background turns dark.", facts, world_language()).order == 0.0
    assert [fact.seconds for fact in world_facts({**scene, "tones": ["dark"]})] == [None, None]
