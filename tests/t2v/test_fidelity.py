"""Facts held against texts whose truth is known, because each was made by changing one thing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sharegpt4video.t2v.fidelity import judge
from sharegpt4video.t2v.prompt_facts import facts_of

PROMPT = "two red birds flying over a lake, zoom in"
TRUE = "The video shows two bright red birds. They fly low over a calm lake while the camera slowly zooms in."


def standings(prompt: str, text: str, kind: str = "") -> list[str]:
    return [one.standing for one in judge(facts_of(prompt), text).judged if not kind or one.fact.kind == kind]


def test_a_true_rewriting_keeps_everything() -> None:
    assert set(standings(PROMPT, TRUE)) == {"kept"}
    assert judge(facts_of(PROMPT), TRUE).is_true


@pytest.mark.parametrize(
    ("old", "new", "kind", "standing"),
    [
        ("bright red", "bright blue", "colour", "contradicted"),
        ("bright red", "bright", "colour", "lost"),
        ("two bright", "three bright", "count", "contradicted"),
        ("two bright", "bright", "count", "lost"),
        ("zooms in", "zooms out", "camera", "contradicted"),
        ("zooms in", "zooms", "camera", "near"),
        ("zooms in", "waits", "camera", "lost"),
        ("zooms in", "performs a zoom-in", "camera", "kept"),
        ("calm lake", "calm pond", "setting", "near"),
        ("calm lake", "calm street", "setting", "lost"),
        ("They fly", "They hover", "action", "near"),
        ("They fly", "They rest", "action", "lost"),
    ],
)
def test_one_thing_changed_is_one_thing_found(old: str, new: str, kind: str, standing: str) -> None:
    assert old in TRUE
    text = TRUE.replace(old, new)
    assert standings(PROMPT, text, kind) == [standing]
    others = [one.standing for one in judge(facts_of(PROMPT), text).judged if one.fact.kind != kind]
    assert set(others) == {"kept"}


@pytest.mark.parametrize(
    ("prompt", "text", "standing"),
    [
        ("a couch", "A grey sofa.", "kept"),
        ("a motorcycle", "A motorbike waits.", "kept"),
        ("a dog", "A puppy waits.", "near"),
        ("a person", "She waits.", "near"),
        ("a house", "A farmhouse.", "near"),
        ("a dog", "A bicycle.", "lost"),
    ],
)
def test_other_words_for_it_are_told_from_near_ones(prompt: str, text: str, standing: str) -> None:
    assert standings(prompt, text, "subject") == [standing]


LEFT = "a dog on the left of a horse"


@pytest.mark.parametrize(
    ("text", "standing"),
    [
        ("A dog sits on the left of a tall horse.", "kept"),
        ("A horse grazes on the right of a dog.", "kept"),
        ("On the left side of the horse, there is a playful dog.", "kept"),
        ("A horse stands in a field. To its left, a dog waits.", "kept"),
        ("A horse sits on the left of a dog.", "contradicted"),
        ("A dog sits on the right of a horse.", "contradicted"),
        ("A dog and a horse look to the left.", "near"),
        ("A dog and a horse rest.", "lost"),
    ],
)
def test_a_relation_has_a_direction(text: str, standing: str) -> None:
    found = standings(LEFT, text, "relation")
    assert found == [standing] or (standing == "near" and found != ["lost"])


def test_what_a_pan_from_side_to_side_says() -> None:
    assert standings("a lake, pan left", "The camera pans slowly from left to right.", "camera") == ["contradicted"]
    assert standings("a lake, pan left", "The camera pans from right to left.", "camera") == ["kept"]


def test_the_order_of_actions() -> None:
    asked = facts_of("a cat is sleeping, then it starts dancing")
    right, wrong = "A cat sleeps. Then the cat dances.", "A cat dances. Then the cat sleeps."
    assert (judge(asked, right).swapped, judge(asked, right).ordered) == ((), 1)
    assert [(one.text, other.text) for one, other in judge(asked, wrong).swapped] == [("sleeping", "dancing")]
    assert judge(asked, "A cat sleeps.").ordered == 0


def test_quoted_text_is_kept_letter_by_letter() -> None:
    assert standings('a sign that says "OPEN LATE"', 'A sign reads "Open late".', "text") == ["kept"]
    assert standings('a sign that says "OPEN LATE"', 'A sign reads "Open".', "text") == ["lost"]


def test_a_prompt_in_another_language() -> None:
    assert standings("一只狗在海滩上奔跑", "一只狗在海滩上奔跑，镜头缓缓推近。") == ["kept"]
    assert standings("一只狗在海滩上奔跑", "A dog runs on the beach.") == ["lost"]


@settings(max_examples=40)
@given(st.text(max_size=80), st.text(max_size=200))
def test_any_text_can_be_held_against_any_prompt(prompt: str, text: str) -> None:
    asked = facts_of(prompt)
    assert [one.fact for one in judge(asked, text).judged] == list(asked.facts)
    assert not [one for one in judge(asked, prompt).judged if one.standing == "contradicted"]
