"""Openings: what is in one frame, and where."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from made_facts import BLACK, BRIGHT, CENTRE, DARK, LEFT, RIGHT, at, pose, thing
from sharegpt4video.records import Box, LabelCount, Look, ScreenText, TrackedObject
from sharegpt4video.vlm.embedded import scene
from sharegpt4video.vlm.embedded.geometry import corner


@pytest.mark.parametrize(
    ("box", "words"),
    [
        (Box(0.05, 0.3, 0.25, 0.9), "on the left"),
        (Box(0.4, 0.2, 0.6, 0.9), "in the centre"),
        (Box(0.7, 0.05, 0.9, 0.25), "at the top right"),
        (Box(0.42, 0.85, 0.55, 0.99), "at the bottom"),
        (Box(0.3, 0.55, 0.95, 1.0), "in the foreground"),
        (Box(0.02, 0.02, 0.99, 0.99), "filling most of the picture"),
        (Box(0.7, 0.4, 0.8, 0.55), "on the right"),
    ],
)
def test_places(box: Box, words: str) -> None:
    assert scene.place(box) == words


@pytest.mark.parametrize(
    ("torso", "arms", "legs", "words"),
    [
        ("upright", 1, 0, "with one arm raised"),
        ("upright", 2, None, "with both arms raised"),
        ("upright", 0, 0, ""),
        ("upright", 0, None, ""),
        ("horizontal", 1, 1, "with the torso horizontal and one arm and one leg raised"),
        ("leaning", 0, None, "leaning"),
        ("inverted", None, None, "upside down"),
        (None, 1, None, "with one arm raised"),
        (None, None, None, ""),
    ],
)
def test_postures(torso: str | None, arms: int | None, legs: int | None, words: str) -> None:
    assert scene.posture_words(pose(torso, arms, legs)) == words


@pytest.mark.parametrize(
    ("box", "torso", "legs", "stands"),
    [
        (Box(0.45, 0.1, 0.6, 0.9), "upright", 0, True),
        (Box(0.45, 0.1, 0.6, 0.9), "upright", 1, True),
        (Box(0.45, 0.1, 0.6, 0.9), "upright", None, False),  # no foot was seen
        (Box(0.45, 0.1, 0.6, 0.9), "leaning", 0, False),
        (Box(0.4, 0.4, 0.6, 0.9), "upright", 0, False),  # as wide as one who sits
    ],
)
def test_who_surely_stands_is_said_to_stand(box: Box, torso: str, legs: int | None, stands: bool) -> None:
    person = thing("person", box, box, end_pose=pose(torso, 0, legs))
    assert bool(re.search("a person (standing|stands) in the centre", scene.opening(at(0.0, person)))) == stands


def test_a_pose_that_was_hardly_seen_is_not_told() -> None:
    assert scene.posture_words(replace(pose("horizontal", 2, 1), confidence=0.1)) == ""


@pytest.mark.parametrize(
    ("box", "legs", "words"),
    [
        (Box(0.2, 0.05, 0.8, 1.0), None, "close-up"),
        (Box(0.3, 0.3, 0.6, 1.0), None, "medium shot"),
        (Box(0.45, 0.5, 0.5, 0.75), None, "wide shot"),
        (Box(0.4, 0.1, 0.6, 0.95), 0, "full shot"),
        (Box(0.48, 0.5, 0.52, 0.7), 0, "wide shot"),
    ],
)
def test_shot_sizes(box: Box, legs: int | None, words: str) -> None:
    assert scene.shot_size([thing("person", box, box, end_pose=pose(legs=legs))]) == words


def test_small_things_have_no_shot_size() -> None:
    assert scene.shot_size([thing("cup", LEFT, LEFT)]) == ""


def test_people_of_like_place_are_counted() -> None:
    text = scene.opening(at(0.0, thing("person", LEFT, LEFT, 1), thing("person", LEFT, LEFT, 2)))
    assert "two people" in text
    assert "on the left" in text


def test_two_people_who_differ_are_told_apart() -> None:
    facts = at(
        0.0,
        thing("person", LEFT, LEFT, 1, colours=("red",), end_pose=pose("leaning", 0, None)),
        thing("person", RIGHT, RIGHT, 2, colours=("blue",)),
    )
    text = scene.opening(facts)
    assert "a person in red on the left and a person in blue on the right" in text
    assert "The person on the left is leaning." in text


def test_colours_belong_to_things_and_clothes() -> None:
    facts = at(
        0.0, thing("person", CENTRE, CENTRE, 1, colours=("red",)), thing("car", LEFT, LEFT, 2, colours=("white",))
    )
    text = scene.opening(facts)
    assert "person in red" in text
    assert "a white car on the left" in text


def test_a_picture_in_which_nothing_is_known_is_told_by_its_look() -> None:
    text = scene.opening(at(0.0, look=DARK))
    assert re.fullmatch(r"The (picture|image) is dark, mostly black\.", text)
    assert "bright, mostly light blue and green" in scene.opening(at(0.0))


@pytest.mark.parametrize(
    ("look", "words"),
    [
        (DARK, "The picture is dark."),
        (Look(0.5, 0.2, 400.0, (("green", 0.7), ("brown", 0.2))), "The picture is mostly green."),
        (Look(0.5, 0.2, 400.0, (("grey", 0.7), ("brown", 0.2))), ""),
        (BRIGHT, ""),
    ],
)
def test_the_look_is_told_beside_things_where_it_adds_something(look: Look, words: str) -> None:
    assert scene.opening(at(0.0, thing("dog", LEFT, LEFT), look=look)) == f"A dog is on the left. {words}".strip()


@pytest.mark.parametrize(
    ("count", "boxes", "words"),
    [
        (LabelCount("person", 2), (LEFT, LEFT), "two people on the left"),
        (LabelCount("person", 5), (LEFT, LEFT), "five people"),
        (LabelCount("person", None), (LEFT, RIGHT), "several people"),
        (LabelCount("person", None, crowd=True), (LEFT, RIGHT), "a crowd of people"),
        (LabelCount("person", None, crowd=True), (), "a crowd of people"),
        (LabelCount("person", 1), (LEFT,), "a person is on the left"),
        (LabelCount("car", 3), (LEFT, CENTRE, RIGHT), "three cars"),
        (LabelCount("car", None, crowd=True), (LEFT, RIGHT), "many cars"),
    ],
)
def test_counts_are_those_that_were_measured(count: LabelCount, boxes: tuple[Box, ...], words: str) -> None:
    things = [thing(count.label, box, box, number) for number, box in enumerate(boxes)]
    text = scene.opening(at(0.0, *things, counts=(count,))).lower()
    assert words in text or words.replace(" is on", " on") in text
    assert "several" not in text or count.count is None


def test_things_whose_number_was_not_stable_are_not_counted() -> None:
    text = scene.opening(at(0.0, thing("car", LEFT, LEFT, 1), thing("car", RIGHT, RIGHT, 2), counts=()))
    assert text == "There are cars."
    assert "two cars" in scene.opening(at(0.0, thing("car", LEFT, LEFT, 1), thing("car", RIGHT, RIGHT, 2))).lower()


@pytest.mark.parametrize(
    ("look", "text"),
    [
        (BLACK, "The screen is black."),
        (Look(0.99, 0.01, 0.0, (("white", 1.0),)), "The screen is white."),
        (Look(0.4, 0.005, 0.0, (("blue", 0.99),)), "The screen is plain blue."),
    ],
)
def test_plain_screens(look: Look, text: str) -> None:
    assert scene.opening(at(0.0, look=look)) == text


def test_a_blurred_picture_is_called_blurred() -> None:
    assert "blurred" in scene.opening(at(0.0, thing("car", LEFT, LEFT), look=replace(BRIGHT, sharpness=5.0)))
    assert "blurred" not in scene.opening(at(0.0, thing("car", LEFT, LEFT)))


def test_text_is_quoted_once_and_only_when_read_well() -> None:
    box = Box(0.1, 0.1, 0.3, 0.15)
    lines = (
        ScreenText("clideo.com", 0.9, 0.0, box),
        ScreenText("Clideo.com", 0.8, 0.0, box),
        ScreenText("xq", 0.3, 0.0, box),
        ScreenText("24/90", 0.9, 0.0, box),
    )
    text = scene.opening(replace(at(0.0), texts=lines))
    assert text.count("lideo.com") == 1
    assert "in the top left corner" in text.lower()
    assert "xq" not in text
    assert "90" not in text  # a counter of a game or a clock


def test_every_one_of_many_labels_is_named() -> None:
    labels = ["cup", "fork", "knife", "spoon", "bowl", "banana", "apple", "carrot", "pizza", "cake"]
    things = [thing(label, LEFT, LEFT, n) for n, label in enumerate(labels)]
    text = scene.opening(at(0.0, *things))
    assert all(f"a {label}" in text or f"an {label}" in text for label in labels)


@pytest.mark.parametrize("seconds", [float(number) for number in range(8)])
@pytest.mark.parametrize("sharpness", [5.0, 500.0])
def test_a_weak_palette_reads_well_in_every_phrasing(seconds: float, sharpness: float) -> None:
    """The phrasings are chosen by time; the words for colours must fit all of them."""
    weak = Look(0.5, 0.3, sharpness, (("green", 0.22), ("dark grey", 0.2), ("blue", 0.1)))
    text = scene.opening(at(seconds, look=weak))
    assert "partly green and dark grey" in text
    assert " is with " not in text
    assert " is," not in text


def row(*lefts: float, top: float = 0.3, width: float = 0.1, height: float = 0.6) -> list[TrackedObject]:
    boxes = [Box(left, top, left + width, top + height) for left in lefts]
    return [thing("bottle", box, box, number) for number, box in enumerate(boxes)]


def test_things_side_by_side_are_in_a_row() -> None:
    three = (LabelCount("bottle", 3),)
    assert scene.opening(at(0.0, *row(0.1, 0.45, 0.8), counts=three)).startswith("Three bottles are standing in a row.")
    assert "in a row" in scene.opening(at(0.0, *row(0.1, 0.45, 0.8, width=0.25), counts=three))
    assert "in a row" not in scene.opening(at(0.0, *row(0.1, 0.25, 0.8), counts=three))
    uneven = [*row(0.1, 0.45), *row(0.8, height=0.3)]
    assert "in a row" not in scene.opening(at(0.0, *uneven, counts=three))
    low = [*row(0.1, 0.45), *row(0.8, top=0.1)]
    assert "in a row" not in scene.opening(at(0.0, *low, counts=three))


@pytest.mark.parametrize(
    ("box", "where"),
    [
        (Box(0.0, 0.9, 0.2, 0.97), "in the bottom left corner"),
        (Box(0.7, 0.02, 0.98, 0.1), "in the top right corner"),
        (Box(0.4, 0.9, 0.6, 0.97), ""),
        (Box(0.0, 0.5, 0.2, 0.6), ""),
    ],
)
def test_corners_are_the_ends_of_two_edges(box: Box, where: str) -> None:
    assert corner(box) == where
