"""Whether drawn figures are found again by their colours."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from sharegpt4video.facts.identity import MOST_SUBJECTS, Appearance, Signature, Subjects, signature
from sharegpt4video.facts.tracks import Sample
from sharegpt4video.records import Box

HERE = Box(0.3, 0.1, 0.7, 0.9)
RED, BLUE, GREEN, GREY, DARK = (200, 30, 30), (30, 40, 200), (30, 160, 50), (128, 128, 128), (25, 25, 30)


def figure(
    *colours: tuple[int, int, int], light: float = 1.0, seed: int = 0, box: Box = HERE
) -> tuple[NDArray[np.uint8], Box]:
    """A picture of a figure in head, shirt and trousers of these colours, with noise."""
    picture = np.full((180, 320, 3), 200, np.float32)
    left, right, rows = round(box.left * 320), round(box.right * 320), round(box.height * 180 / 3)
    for third, colour in enumerate(colours):
        top = round(box.top * 180) + third * rows
        picture[top : top + rows, left:right] = colour
    picture = picture * light + np.random.default_rng(seed).normal(0, 6, picture.shape)
    return np.clip(picture, 0, 255).astype(np.uint8), box


def look(*colours: tuple[int, int, int], light: float = 1.0, seed: int = 0, box: Box = HERE) -> Signature:
    found = signature(*figure(*colours, light=light, seed=seed, box=box))
    assert found is not None
    return found


def seen(
    track: int,
    label: str,
    looks: list[Signature],
    first: float,
    last: float,
    box: Box | None = None,
    setting: Signature | None = None,
) -> Appearance:
    """A track at one place, which is another for every track unless it is given."""
    box = box or Box(0.01 * track, 0.1, 0.01 * track + 0.005, 0.2)
    return Appearance(track, label, Sample(first, box, 0.7), Sample(last, box, 0.7), looks, setting)


def test_a_signature_has_length_one_and_does_not_hang_on_place_or_size() -> None:
    there = look(DARK, RED, BLUE, box=Box(0.0, 0.5, 0.2, 0.95), seed=1)
    assert float(np.linalg.norm(there)) == pytest.approx(1, abs=1e-5)
    assert float(look(DARK, RED, BLUE) @ there) > 0.95


def test_a_tiny_box_has_no_signature() -> None:
    picture, _ = figure(RED, RED, RED)
    assert signature(picture, Box(0.5, 0.5, 0.51, 0.6)) is None
    assert signature(picture, Box(0.5, 0.5, 0.5, 0.5)) is None


def test_a_subject_keeps_its_number_when_the_picture_cuts_away_and_back() -> None:
    subjects = Subjects()
    red, blue = look(DARK, RED, BLUE), look(DARK, BLUE, GREY)
    numbers = [
        subjects.of(seen(1, "person", [red], 0, 2)),
        subjects.of(seen(2, "person", [blue], 3, 5)),
        subjects.of(seen(3, "person", [look(DARK, RED, BLUE, light=0.95, seed=4)], 6, 8)),
        subjects.of(seen(4, "person", [look(DARK, BLUE, GREY, seed=5)], 9, 11)),
    ]
    assert numbers == [1, 2, 1, 2]


def test_two_that_are_there_at_once_are_two_however_alike() -> None:
    subjects = Subjects()
    assert subjects.of(seen(1, "bottle", [look(BLUE, GREY, GREY)], 0, 9)) == 1
    assert subjects.of(seen(2, "bottle", [look(BLUE, GREY, GREY, seed=1)], 3, 5)) == 2


def test_nobody_knows_which_of_two_alike_comes_back() -> None:
    subjects = Subjects()
    for track, seed in ((1, 0), (2, 1)):
        subjects.of(seen(track, "bottle", [look(BLUE, GREY, GREY, seed=seed)], 0, 5))
    assert subjects.of(seen(3, "bottle", [look(BLUE, GREY, GREY, seed=2)], 7, 9)) is None


def test_what_is_neither_alike_nor_clearly_different_is_not_known() -> None:
    subjects = Subjects()
    assert subjects.of(seen(1, "person", [look(DARK, RED, BLUE)], 0, 2)) == 1
    assert subjects.of(seen(2, "person", [look(DARK, RED, BLUE), *[look(DARK, RED, GREY)] * 2], 3, 5)) is None
    assert subjects.of(seen(3, "person", [look(DARK, GREEN, GREY)], 6, 8)) == 3


def test_a_dog_is_no_person_of_the_same_colours_but_may_have_been_called_a_cat() -> None:
    subjects, brown = Subjects(), look(GREY, DARK, GREY)
    assert subjects.of(seen(1, "dog", [brown], 0, 2)) == 1
    assert subjects.of(seen(2, "person", [brown], 3, 5)) == 2
    assert subjects.of(seen(3, "cat", [brown], 6, 8)) == 1
    assert [subjects.label_of(1, "cat"), subjects.label_of(1, "person"), subjects.label_of(None, "cat")] == [
        "dog",
        "person",
        "cat",
    ]


def test_a_track_asked_for_again_keeps_its_number() -> None:
    subjects = Subjects()
    assert subjects.of(seen(7, "person", [look(DARK, RED, BLUE)], 0, 2)) == 1
    assert subjects.of(seen(7, "person", [look(GREEN, GREEN, GREEN)], 0, 4)) == 1
    assert subjects.of(seen(8, "person", [], 5, 6)) is None


@pytest.mark.parametrize(
    ("box", "setting", "expected"),
    [
        (HERE, (GREEN, GREEN, GREY), 1),  # back in the same place of the same setting: a look less alike will do
        (Box(0.7, 0.1, 0.9, 0.9), (GREEN, GREEN, GREY), None),
        (HERE, (GREY, BLUE, BLUE), None),  # the other speaker of a talk is in the same place, too
    ],
)
def test_what_is_back_in_its_place_may_look_less_alike(
    box: Box, setting: tuple[tuple[int, int, int], ...], expected: int | None
) -> None:
    subjects, turned = Subjects(), [*[look(DARK, RED, BLUE)] * 3, *[look(DARK, RED, GREY)] * 2]
    assert subjects.of(seen(1, "person", [look(DARK, RED, BLUE)], 0, 2, HERE, look(GREEN, GREEN, GREY))) == 1
    assert subjects.of(seen(2, "person", turned, 5, 7, box, look(*setting))) == expected


def test_memory_does_not_grow() -> None:
    subjects, random = Subjects(), np.random.default_rng(0)
    for track in range(5 * MOST_SUBJECTS):
        vector = random.random(480).astype(np.float32)
        subjects.of(seen(track, "person", [vector / np.linalg.norm(vector)], track, track + 0.5))
    assert len(subjects._subjects) <= MOST_SUBJECTS
    assert len(subjects._of_track) <= MOST_SUBJECTS
