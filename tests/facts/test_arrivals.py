"""Arrivals and departures of drawn things, whose paths are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from sharegpt4video.facts.arrivals import Glance, Passage, arrival, at_edge, crossed, departure, small_grey
from sharegpt4video.facts.detect import Detection
from sharegpt4video.facts.tracks import Track, Tracker
from sharegpt4video.records import Box

STEP = 1 / 3
HEIGHT, WIDTH = 90, 160
THING = np.random.default_rng(3).integers(0, 255, (HEIGHT, WIDTH), dtype=np.uint8)
GROUND = np.random.default_rng(4).integers(90, 130, (HEIGHT, WIDTH), dtype=np.uint8)

Path = Callable[[float], tuple[float, float] | None]


def visible(centre: tuple[float, float] | None, side: float = 0.3) -> Box | None:
    """The part of a square thing that lies in the picture; None for less than a quarter of it."""
    if centre is None:
        return None
    x, y = centre
    box = Box(max(x - side / 2, 0.0), max(y - side / 2, 0.0), min(x + side / 2, 1.0), min(y + side / 2, 1.0))
    return box if min(box.width, box.height) > side / 4 else None


def drawn(box: Box | None, ground: NDArray[np.uint8] = GROUND) -> NDArray[np.uint8]:
    picture = ground.copy()
    if box is not None:
        rows = slice(round(box.top * HEIGHT), round(box.bottom * HEIGHT))
        columns = slice(round(box.left * WIDTH), round(box.right * WIDTH))
        picture[rows, columns] = THING[: rows.stop - rows.start, : columns.stop - columns.start]
    return picture


def watched(
    path: Path, *, blind: Sequence[int] = (), frames: int = 15, label: str = "person"
) -> tuple[Track, list[Glance]]:
    """A thing on a path, detected wherever it is but in the frames that the detector is ``blind`` in."""
    tracker, glances = Tracker(), []
    for number in range(frames):
        box = visible(path(number * STEP))
        found = (Detection(label, 0.7, box),) if box is not None and number not in blind else ()
        tracker.push(number * STEP, found)
        glances.append(Glance(number * STEP, found, drawn(box)))
    (track,) = [track for track in tracker.tracks if track.confirmed]
    return track, glances


def from_side(side: str, seconds: float) -> tuple[float, float]:
    """A thing that comes in from a side between 1 and 3 s and stops in the middle."""
    way = -0.3 + 0.8 * min(max((seconds - 1) / 2, 0.0), 1.0)
    return {"left": (way, 0.5), "right": (1 - way, 0.5), "top": (0.5, way), "bottom": (0.5, 1 - way)}[side]


@pytest.mark.parametrize("still", [True, False])
@pytest.mark.parametrize("side", ["left", "right", "top", "bottom"])
def test_what_crosses_an_edge_comes_from_there_and_goes_there(side: str, still: bool) -> None:
    track, glances = watched(lambda seconds: from_side(side, seconds), label="car")
    came = arrival(track, glances, [track], still)
    assert came is not None
    assert (came.side, departure(track, glances, [track], still)) == (side, None)
    assert 1.3 < came.seconds < 1.9
    track, glances = watched(lambda seconds: from_side(side, 4.7 - seconds), label="car")
    went = departure(track, glances, [track], still)
    assert went is not None
    assert (arrival(track, glances, [track], still), went.side) == (None, side)
    assert 2.8 < went.seconds < 3.4


@pytest.mark.parametrize("side", ["left", "right", "top", "bottom"])
def test_a_camera_that_tilts_makes_nobody_come_from_above(side: str) -> None:
    track, glances = watched(lambda seconds: from_side(side, seconds))
    assert arrival(track, glances, [track], still=True) is not None
    assert (arrival(track, glances, [track], still=False) is None) == (side in ("top", "bottom"))


@pytest.mark.parametrize("blind", [range(6), range(9, 15)])
@pytest.mark.parametrize("centre", [(0.5, 0.5), (0.1, 0.5), (0.5, 0.9)])
@pytest.mark.parametrize("still", [True, False])
def test_what_is_only_not_detected_neither_comes_nor_goes(
    blind: range, centre: tuple[float, float], still: bool
) -> None:
    track, glances = watched(lambda _: centre, blind=blind)
    assert arrival(track, glances, [track], still) is None
    assert departure(track, glances, [track], still) is None


def test_what_appears_within_a_still_picture_comes_from_inside() -> None:
    track, glances = watched(lambda seconds: (0.5, 0.5) if 1.5 < seconds < 3.5 else None)
    assert arrival(track, glances, [track], still=True) == Passage(pytest.approx(1.5), "inside")
    assert departure(track, glances, [track], still=True) == Passage(pytest.approx(3.5), "inside")
    assert arrival(track, glances, [track], still=False) is None


def test_where_something_weak_was_detected_the_place_was_not_empty() -> None:
    track, glances = watched(lambda seconds: (0.5, 0.5) if seconds > 1.5 else None)
    faint = Detection("chair", 0.21, Box(0.36, 0.36, 0.66, 0.66))
    glances[3] = Glance(glances[3].seconds, (faint,), glances[3].grey)
    assert arrival(track, glances, [track], still=True) is None


def test_the_start_of_a_shot_is_no_arrival() -> None:
    track, glances = watched(lambda seconds: (0.1 + 0.1 * seconds, 0.5))
    assert arrival(track, glances, [track], still=True) is None


def test_one_person_seen_as_two_does_not_come_twice() -> None:
    track, glances = watched(lambda seconds: from_side("left", seconds))
    other = Tracker()
    for number in range(15):
        other.push(number * STEP, [Detection("person", 0.8, Box(0.0, 0.2, 0.6, 1.0))])
    assert arrival(track, glances, [track, *other.tracks], still=True) is None


def test_a_box_that_is_cut_off_and_trembles_crosses_nothing() -> None:
    sights = [(0.33 * number, Box(0.3, 0.4 + 0.02 * (number % 2), 0.6, 1.0)) for number in range(5)]
    assert crossed(sights) == ""


def test_the_small_picture_is_grey_and_keeps_its_proportions() -> None:
    assert small_grey(np.zeros((360, 640, 3), np.uint8)).shape == (90, 160)
    assert small_grey(np.zeros((640, 360, 3), np.uint8)).shape == (160, 90)
    assert small_grey(np.zeros((1, 900, 3), np.uint8)).shape == (1, 160)


def reaching_in(seconds: float, comes: float, box: Box) -> Box | None:
    """An arm: nothing, then for a third of a second half of the box, then all of it."""
    if seconds < comes:
        return None
    return Box(box.left, box.top, box.right, box.top + box.height / 2) if seconds < comes + 0.4 else box


@pytest.mark.parametrize(
    ("box", "side"),
    [(Box(0.0, 0.0, 0.2, 0.65), "left"), (Box(0.4, 0.0, 0.7, 0.4), "top"), (Box(0.8, 0.0, 1.0, 0.6), "right")],
)
def test_an_arm_that_is_suddenly_there_has_come_over_the_edge(box: Box, side: str) -> None:
    tracker, glances = Tracker(), []
    for number in range(15):
        there = reaching_in(number * STEP, 2.2, box)
        found = (Detection("person", 0.47, box),) if there == box else ()
        tracker.push(number * STEP, found)
        glances.append(Glance(number * STEP, found, drawn(there)))
    (track,) = tracker.tracks
    came = arrival(track, glances, [track], still=True)
    assert came is not None
    assert came.side == side
    assert arrival(track, glances, [track], still=False) is None
    always = [Glance(glance.seconds, glance.detections, drawn(box)) for glance in glances]
    assert arrival(track, always, [track], still=True) is None


def test_a_close_view_that_reaches_from_side_to_side_comes_over_no_edge() -> None:
    box = Box(0.0, 0.1, 1.0, 0.9)
    assert at_edge(box) == ""
    assert at_edge(Box(0.0, 0.0, 0.15, 1.0)) == ""
    assert at_edge(Box(0.3, 0.3, 0.6, 1.0)) == ""


def test_who_was_half_in_the_picture_before_has_not_come() -> None:
    """An arm that stirs at the edge, and only then is found."""
    box = Box(0.4, 0.0, 0.7, 0.4)
    tracker, glances = Tracker(), []
    for number in range(15):
        there = box if number >= 7 else Box(0.4, 0.0, 0.7, 0.06 + 0.06 * (number % 2))
        found = (Detection("person", 0.47, box),) if number >= 7 else ()
        tracker.push(number * STEP, found)
        glances.append(Glance(number * STEP, found, drawn(there)))
    (track,) = tracker.tracks
    assert arrival(track, glances, [track], still=True) is None
