"""Texts against measured facts: what was measured otherwise is found; what was not measured contradicts nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from made_facts import BRIGHT, CENTRE, LEFT, NOT_MEASURED, RIGHT, STILL, at, between, thing
from made_rows import row_of
from sharegpt4video.dataset.checks import CHECKS, check_caption
from sharegpt4video.records import Box, CameraMotion, Facts, Look, Sound, TrackedObject, Utterance

FACTS = {name for name, check in CHECKS.items() if check.group == "facts"}
PAN_LEFT = CameraMotion(pan_widths=-0.3, moves=("pan left",), confidence=0.9)
DOLLY_OUT = CameraMotion(zoom_ratio=0.7, moves=("dolly out",), confidence=0.9)
ZOOM_IN = CameraMotion(zoom_ratio=1.4, moves=("zoom in",), confidence=0.9)
UNSURE = replace(PAN_LEFT, confidence=0.4)
GREY = Look(0.5, 0.3, 300.0, (("grey", 0.6), ("white", 0.4)))
START = Box(0.0, 0.3, 0.2, 0.9)


def found(text: str, *facts: Facts, summary: str = "It goes on.") -> set[tuple[str, int]]:
    """The findings on a step with these facts (the last of them are those of the text)."""
    texts = (*("It goes on like this." for _ in facts[:-1]), text)
    row = row_of(texts, summary, facts)
    return {(finding.check, finding.step) for finding in check_caption(row) if finding.check in FACTS}


def step(text: str, *objects, camera: CameraMotion = STILL, look: Look = BRIGHT, texts=None) -> set[str]:  # type: ignore[no-untyped-def]
    lines = None if texts is None else texts
    facts = (at(0.0, look=look, texts=lines), between(0.0, 2.0, *objects, camera=camera, look=look, texts=lines))
    return {check for check, _ in found(text, *facts)}


@pytest.mark.parametrize(
    ("text", "camera"),
    [
        ("The camera pans to the right.", PAN_LEFT),
        ("The camera slowly pans right across the room.", PAN_LEFT),
        ("The camera zooms out.", ZOOM_IN),
        ("The camera pans to the left.", STILL),
        ("The camera tilts slowly upwards.", STILL),
        ("A slow zoom: the camera zooms in on the face.", STILL),
        ("The camera remains static.", PAN_LEFT),
        ("The camera stays completely still.", ZOOM_IN),
        ("It is a static shot of a room.", PAN_LEFT),
        ("The camera slowly moves forward through the hall.", DOLLY_OUT),
        ("The shot dollies in on the table.", DOLLY_OUT),
        ("The camera zooms in.", DOLLY_OUT),
        ("The camera flies backwards.", STILL),
        ("The camera is static.", DOLLY_OUT),
    ],
)
def test_a_camera_that_was_measured_otherwise(text: str, camera: CameraMotion) -> None:
    assert step(text, camera=camera) == {"camera"}


@pytest.mark.parametrize(
    ("text", "camera"),
    [
        ("The camera pans to the left.", PAN_LEFT),
        ("The camera pans left while zooming in.", replace(PAN_LEFT, zoom_ratio=1.3, moves=("pan left", "zoom in"))),
        ("The camera pans to the right.", UNSURE),
        ("The camera pans to the right.", NOT_MEASURED),
        ("The camera remains static.", replace(STILL, pan_widths=0.01)),
        ("The camera does not pan to the left.", STILL),
        ("The camera pans left and right.", PAN_LEFT),
        ("The camera is still at first, then pans left.", PAN_LEFT),
        ("The camera follows the man.", STILL),
        ("The camera pulls back from the house.", DOLLY_OUT),
        ("The camera zooms out.", DOLLY_OUT),
        ("The camera moves forward and back again.", DOLLY_OUT),
        ("The man moves forward and the dog moves in.", DOLLY_OUT),
        ("The camera is hand-held.", DOLLY_OUT),
        ("The camera moves forward.", replace(STILL, moves=("hand-held",))),
        ("The chef pans the gold; the man remains still.", PAN_LEFT),
    ],
)
def test_a_camera_that_is_right_or_was_not_measured(text: str, camera: CameraMotion) -> None:
    assert step(text, camera=camera) == set()


def test_the_summary_is_held_against_every_interval() -> None:
    facts = (at(0.0), between(0.0, 2.0, camera=PAN_LEFT), between(2.0, 4.0, camera=PAN_LEFT))
    assert found("It goes on.", *facts, summary="The camera pans to the right throughout.") == {("camera", -1)}
    assert found("It goes on.", *facts, summary="The camera pans to the left throughout.") == set()
    mixed = (*facts[:2], between(2.0, 4.0, camera=replace(PAN_LEFT, pan_widths=0.3, moves=("pan right",))))
    assert found("It goes on.", *mixed, summary="The camera pans to the right at the end.") == set()


ONE = thing("person", CENTRE, CENTRE)
TWO = (thing("person", LEFT, LEFT, 1), thing("person", RIGHT, RIGHT, 2))


def test_a_number_of_people_that_the_tracks_never_show() -> None:
    alone = (at(0.0, ONE), between(0.0, 2.0, ONE), between(2.0, 4.0, ONE))
    assert found("Two people talk to each other.", *alone) == {("count", 2)}
    assert found("Two older men talk.", *alone) == {("count", 2)}
    assert found("A man talks; two cups stand before him.", *alone) == set()
    both = (at(0.0, *TWO), between(0.0, 2.0, *TWO), between(2.0, 4.0, *TWO))
    assert found("A lone person waits.", *both) == {("count", 2)}
    assert found("Two people wait.", *both) == set()
    assert found("Three people wait.", *both) == set()  # the third may be hidden
    joined = (at(0.0, ONE), between(0.0, 2.0, ONE), between(2.0, 4.0, ONE, thing("person", None, RIGHT, 2)))
    assert found("Two people talk to each other.", *joined) == set()


def test_nobody_where_somebody_is() -> None:
    assert step("There are no people in the room.", ONE) == {"object"}
    assert step("The street is empty.", ONE) == {"object"}
    assert step("The bottle is empty.", ONE) == set()
    small = Box(0.5, 0.5, 0.55, 0.6)
    assert step("There are no people in the room.", thing("person", small, small)) == set()


def test_another_animal_than_the_one_that_was_tracked() -> None:
    dog = thing("dog", CENTRE, CENTRE)
    assert step("A cat lies on the floor.", dog) == {"object"}
    assert step("A dog lies on the floor beside a cat.", dog) == set()
    assert step("An animal that looks like a cat lies there.", dog) == set()
    assert step("A cat lies on the floor.") == set()


@pytest.mark.parametrize(
    ("text", "thing_"),
    [
        ("The person walks to the left.", thing("person", LEFT, RIGHT)),
        ("The man runs from right to left.", thing("person", LEFT, RIGHT)),
        ("The car drives slowly towards the right.", thing("car", RIGHT, LEFT)),
        ("A dog enters from the right.", thing("dog", None, START)),
        ("A car drives in from the right.", thing("car", None, START)),
        ("The car drives out of the picture on the right.", thing("car", START, None)),
        ("The dog leaves the picture on the right.", thing("dog", START, None)),
    ],
)
def test_left_for_right(text: str, thing_) -> None:  # type: ignore[no-untyped-def]
    assert step(text, thing_) == {"direction"}
    other = text.replace("left", "~").replace("right", "left").replace("~", "right")
    assert step(other, thing_) == set()


def test_measured_crossings_are_preferred_to_the_places_of_boxes() -> None:
    def edge(text: str, one: TrackedObject) -> set[str]:
        row = (at(0.0, counts=()), between(0.0, 2.0, one, counts=()))
        return {check for check, _ in found(text, *row)}

    late = thing("dog", None, START)
    assert edge("A dog enters from the right.", late) == set()  # found late, nobody knows where it came from
    assert edge("A dog enters from the right.", replace(late, enters="left")) == {"direction"}
    assert edge("The dog leaves on the left.", thing("dog", CENTRE, None, leaves="right")) == {"direction"}


@pytest.mark.parametrize(
    "text",
    [
        "The person raises the left hand.",
        "The person turns to the left.",
        "The person walks to the left hand side of the road.",
        "The person walks to the left, then to the right and walks to the right.",
        "The person on the left side waits.",
        "The camera moves to the left with the person.",
    ],
)
def test_other_lefts_are_left_alone(text: str) -> None:
    assert step(text, thing("person", LEFT, RIGHT)) == set()


def test_a_moving_camera_is_taken_off() -> None:
    """The person keeps its place in the picture while the camera pans left with it: it walks to the left."""
    person = thing("person", CENTRE, CENTRE)
    assert step("The person walks to the left.", person, camera=PAN_LEFT) == set()
    assert step("The person walks to the right.", person, camera=PAN_LEFT) == {"direction"}


def test_words_that_were_said_can_be_quoted() -> None:
    heard = Sound(0.0, 2.0, True, speech=(Utterance("It reads: grand opening.", 0.5, 1.5),))
    silent = between(0.0, 2.0, texts=("SALE TODAY",))
    quote = 'A voice says these words: "It reads: grand opening".'
    assert found(quote, at(0.0), silent) == {("on-screen text", 1)}
    assert found(quote, at(0.0), replace(silent, sound=heard)) == set()


def test_text_that_nobody_read() -> None:
    assert step('The text "GRAND OPENING" appears.', texts=("SALE TODAY",)) == {"on-screen text"}
    assert step('The text "SALE TODAI" appears.', texts=("SALE TODAY",)) == set()
    assert step('The text "GRAND OPENING" appears.') == set()  # nobody tried to read
    assert step('He whispers "good night" to her.', texts=()) == set()


def test_the_look_of_the_picture() -> None:
    assert step("The footage is in black and white.") == {"look"}
    assert step("The footage is in black and white.", look=GREY) == set()
    assert step("A colorful scene.", look=GREY) == {"look"}
    assert step("A colorful scene.") == set()
    assert step("The screen is completely black.") == {"look"}
    assert step("A black and white cow stands there.") == set()
