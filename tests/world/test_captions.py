"""Captions tell the facts they must, in the closed vocabulary, and wrong ones are wrong in what they say they are."""

from __future__ import annotations

import random

import pytest

from sharegpt4video.errors import SettingsError
from sharegpt4video.world import words as w
from sharegpt4video.world.captions import CAPTION_KINDS, caption, captions
from sharegpt4video.world.questions import vocabulary
from sharegpt4video.world.replacements import replacements
from sharegpt4video.world.sampling import sample_scene
from sharegpt4video.world.scenes import Event, Scene, Thing

SCENES = [
    sample_scene(random.Random(seed), difficulty=name) for name in ("simple", "medium", "hard") for seed in range(25)
]
PHRASES = (*w.FIRST, *w.NEXT, *w.LAST, "halfway")
ORDER_WORDS = set(" ".join(PHRASES).split()) - {"to", "with", "at", "in", "the", "that"}


def test_one_scene_word_for_word() -> None:
    scene = Scene(
        (Thing("ring", "red", "small", 0.2, 0.2),),
        (Event("moves", 0, 0.0, 0.5, "right", "fast"), Event("grows", 0, 0.5, 1.0)),
        camera="pan left",
    )
    told = caption(scene, "dense", seconds=4.0)
    parts = [(step.kind, step.start_seconds, step.end_seconds) for step in told.steps]
    assert parts == [("opening", 0.0, 0.0), ("change", 0.0, 2.0), ("change", 2.0, 4.0)]
    assert "a small red ring at the top left" in told.steps[0].text
    assert "the ring" in told.steps[1].text
    assert "right" in told.steps[1].text
    assert told.steps[2].text.split("the ring ")[1] in ("grows.", "becomes large.")
    assert told.summary.endswith("the red ring moves right, then grows.")
    assert "camera pans left" in told.summary
    assert told.text.startswith(told.steps[0].text)
    assert told.text.endswith(told.summary)


@pytest.mark.parametrize("kind", CAPTION_KINDS)
def test_every_word_is_of_the_vocabulary(kind: str) -> None:
    known = set(vocabulary())
    for scene in SCENES:
        for told in captions(scene, kind, 3):  # type: ignore[arg-type]
            assert set(w.words(told.text)) <= known


def test_dense_and_shuffled_tell_every_fact() -> None:
    for scene in SCENES:
        for kind in ("dense", "shuffled"):
            found = set(w.words(caption(scene, kind).text))
            for number, thing in enumerate(scene.things):
                assert {thing.shape, *scene.colours_of(number)} <= found
            for event in scene.events:
                assert event.direction is None or event.direction in found
                assert event.kind != "moves" or found & ({"slowly"} if event.speed == "slow" else {"fast", "quickly"})
                assert not event.behind or event.behind in found
            assert set(scene.tones) <= found
            assert set(w.words(w.CAMERA_MOVES[scene.camera])) <= found


def test_dense_tells_events_in_their_order() -> None:
    for scene in SCENES:
        starts = [step.start_seconds for step in caption(scene, "dense").steps]
        assert starts == sorted(starts)
        for step in caption(scene, "dense", seconds=1.0).steps[1:]:
            begun = [event for event in scene.events if event.start == pytest.approx(step.start_seconds)]
            assert begun
            assert all(scene.things[event.thing].shape in step.text for event in begun)


def test_shuffled_has_no_word_of_order_and_another_order() -> None:
    for scene in SCENES:
        assert not ORDER_WORDS & set(w.words(caption(scene, "shuffled").text))


def test_short_is_one_sentence_that_says_less() -> None:
    for scene in SCENES:
        short, dense = caption(scene, "short").text, caption(scene, "dense").text
        assert short.count(".") == 1
        assert len(w.words(short)) < len(w.words(dense)) / 2


def test_short_gives_a_thing_the_colour_that_it_has_then() -> None:
    events = (Event("recolours", 0, 0.0, 0.5, colour="blue"), Event("grows", 0, 0.5, 1.0))
    scene = Scene((Thing("ring", "red", "small"),), events)
    texts = {caption(scene, "short", variant=variant).text for variant in range(40)}
    assert "a red ring that turns blue." in texts
    assert "a blue ring that grows." in texts
    assert not any("red" in text and "grows" in text for text in texts)


def test_a_wrong_caption_is_the_dense_one_of_a_scene_that_differs_in_the_stated_fact() -> None:
    for scene in SCENES:
        wrong = caption(scene, "wrong")
        assert len(wrong.replaced) == 1
        assert wrong.text != caption(scene, "dense").text
        others = [other for what, other in replacements(scene) if what == wrong.replaced[0]]
        assert len(others) == 1
        assert wrong.text == caption_like(scene, others[0])


def caption_like(true: Scene, other: Scene) -> str:
    """The dense caption of a scene, in the words that were chosen for the true one."""
    from dataclasses import replace

    return caption(replace(other, seed=true.seed), "dense").text


def test_only_the_stated_word_differs() -> None:
    """For facts that are one word each, word by word."""
    for scene in SCENES:
        for variant in range(4):
            wrong, dense = caption(scene, "wrong", variant=variant), caption(scene, "dense", variant=variant)
            what = wrong.replaced[0]
            if what.fact in ("shape", "colour", "new colour", "direction"):
                pairs = list(zip(w.words(dense.text), w.words(wrong.text), strict=True))
                assert {pair for pair in pairs if pair[0] != pair[1]} == {(what.right, what.wrong)}


def test_several_facts_can_be_wrong() -> None:
    told = caption(SCENES[0], "wrong", replace=3)
    assert len({each.fact for each in told.replaced}) == 3


def test_words_vary_with_the_variant_and_with_nothing_else() -> None:
    texts = [told.text for told in captions(SCENES[0], "dense", 12)]
    assert texts == [told.text for told in captions(SCENES[0], "dense", 12)]
    assert len(set(texts)) > 6


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(SettingsError, match="'long'"):
        caption(SCENES[0], "long")  # type: ignore[arg-type]


def test_several_wrong_facts_are_named_as_they_truly_are() -> None:
    """An order is not told of events that are wrong themselves, and no event is counted in a wrong order."""
    for seed in range(150):
        scene = sample_scene(random.Random(seed), difficulty="hard")
        for each in caption(scene, "wrong", replace=4).replaced:
            if each.fact in ("direction", "new colour", "speed"):
                event = scene.events[each.event]
                assert each.right in (event.direction, event.colour, event.speed), each
            if each.fact == "order":
                pair = scene.events[each.event : each.event + 2]
                assert each.right == ", then ".join(f"{e.kind} {e.direction or e.colour}".strip() for e in pair)
