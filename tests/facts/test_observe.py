"""What the observer makes of its samples."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from sharegpt4video.config import FactSettings
from sharegpt4video.facts.detect import Detection
from sharegpt4video.facts.hands import CloseLook
from sharegpt4video.facts.observe import MOST_UNSEEN, SAMPLE_SIDE_PIXELS, Observer, Span, raises
from sharegpt4video.facts.tracks import Tracker
from sharegpt4video.records import Box, Facts, LabelCount, Look, Pose


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([], ()),
        ([0, 0, 0], ()),
        ([0, 1, 1, 0], (1,)),
        ([0, 1, 2, 0, 0, 1], (2, 1)),
        ([2, 2, 0], ()),  # up from the start: not raised here
        ([2, 0, 1], (1,)),
        ([None, 1, 0, 1], (1,)),  # not seen before it was up
        ([0, None, 1, None, 1, None, 0], (1,)),
    ],
)
def test_raises_are_counted_from_below(counts: list[int | None], expected: tuple[int, ...]) -> None:
    assert raises(counts) == expected


def test_what_is_up_too_briefly_does_not_count() -> None:
    assert raises([0, 1, 0, 1, 1, 0, 2], least_samples=2) == (1,)


def test_a_raise_between_two_intervals_is_told_once() -> None:
    """Down at 1.8 s and up at 2.2 s: the step from 2 s tells it, and only that one."""
    observer = Observer(FactSettings(ocr=False))
    box, tracker = Box(0.3, 0.2, 0.6, 0.9), Tracker()
    for number, arms in enumerate([0, 0, 0, 0, 0, 1, 1, 0, 0, 0]):
        seconds = 0.2 + 0.4 * number
        tracker.push(seconds, [Detection("person", 0.9, box)])
        observer._poses[seconds, box] = Pose("upright", arms, 0, 0.9)
    (track,) = tracker.tracks
    told = [observer._object(track, start, start + 2.0, [track]).arm_raises for start in (0.0, 2.0)]
    assert told == [(), (1,)]


class Frame:
    """A frame whose pictures are grey, the more so the later; ``alive`` refers to those that networks look at."""

    def __init__(self, seconds: float, alive: list[weakref.ref[Any]]) -> None:
        self.seconds = seconds
        self._alive = alive

    def small(self, side_pixels: int) -> np.ndarray[Any, Any]:
        picture = np.full((60, 80, 3), round(10 * self.seconds), np.uint8)
        if side_pixels == SAMPLE_SIDE_PIXELS:
            self._alive.append(weakref.ref(picture))
        return picture


def observed(detector: Any, frames: Iterator[Frame]) -> Facts:
    observer = Observer(FactSettings(ocr=False))
    observer._detector = detector
    for _ in observer.watch(frames):  # type: ignore[arg-type]
        pass
    return observer.facts(0.0, 4.0, Span(0.0, 4.0), Look(0.5, 0.5, 0.0, ()))


@pytest.mark.parametrize("cores", ["1", "2"])
def test_a_slow_network_changes_no_fact_and_lets_no_pictures_pile_up(
    cores: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SG4V_CORES", cores)
    alive: list[weakref.ref[Any]] = []
    held: list[int] = []

    def detector(picture: np.ndarray[Any, Any], **_: bool) -> list[Detection]:
        time.sleep(0.02)
        left = float(picture[0, 0, 0]) / 50  # a fifth of the picture to the right each second
        return [Detection("car", 0.9, Box(left, 0.4, left + 0.2, 0.6))]

    def frames() -> Iterator[Frame]:
        for number in range(40):
            yield Frame(number / 10, alive)
            held.append(sum(picture() is not None for picture in alive))

    (car,) = observed(detector, frames()).objects
    assert car.start_box == Box(0.0, 0.4, 0.2, 0.6)
    assert car.end_box is not None
    assert car.end_box.left == pytest.approx(0.8, abs=0.1)
    assert len(alive) >= 4 * MOST_UNSEEN - 2
    assert max(held) <= MOST_UNSEEN + 1  # and the one that is being passed on
    for thread in threading.enumerate():
        if thread.name.startswith("facts"):
            thread.join(5)
            assert not thread.is_alive()  # it ends with its video


def test_what_fails_in_a_network_is_raised_to_who_asks() -> None:
    def detector(_: np.ndarray[Any, Any], **_ways: bool) -> list[Detection]:
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        observed(detector, (Frame(number / 10, []) for number in range(5)))


def test_every_other_picture_is_looked_at_in_a_mirror() -> None:
    asked: list[bool] = []

    def detector(_: np.ndarray[Any, Any], mirrored: bool = False) -> list[Detection]:
        asked.append(mirrored)
        return []

    observed(detector, (Frame(number / 3, []) for number in range(6)))
    assert asked == [False, True] * 3


def test_what_is_seen_only_one_way_round_is_not_named() -> None:
    """Drums that are taken for a motorcycle, but not in a mirror."""

    def detector(_: np.ndarray[Any, Any], mirrored: bool = False) -> list[Detection]:
        dog = Detection("dog", 0.7, Box(0.1, 0.4, 0.4, 0.8))
        drums = Detection("motorcycle", 0.7, Box(0.6, 0.4, 0.9, 0.8))
        return [dog] if mirrored else [dog, drums]

    found = observed(detector, (Frame(number / 3, []) for number in range(14)))
    assert [thing.label for thing in found.objects] == ["dog"]


def test_what_is_found_late_was_there_and_what_came_was_not() -> None:
    """A car found from .7 s on was there from the start; one that drives in later was not."""
    driven_at = [Box(max(0.1 * number - 0.7, 0.0), 0.1, 0.1 * number - 0.4, 0.3) for number in range(14)]
    numbers = iter(range(14))

    def detector(_: np.ndarray[Any, Any], **_ways: bool) -> list[Detection]:
        number = next(numbers)
        there = [Detection("car", 0.8, Box(0.6, 0.6, 0.9, 0.9))] if number > 1 else []
        came = [Detection("car", 0.8, driven_at[number])] if number > 4 else []
        return there + came

    facts = observed(detector, (Painted(number / 3, box) for number, box in enumerate(driven_at)))
    parked, driven = sorted(facts.objects, key=lambda thing: thing.enters)
    assert (parked.enters, parked.start_box) == ("", Box(0.6, 0.6, 0.9, 0.9))
    assert (driven.enters, driven.start_box) == ("left", None)


class Painted(Frame):
    """A grey frame with one speckled thing in it."""

    def __init__(self, seconds: float, box: Box) -> None:
        super().__init__(seconds, [])
        self._box = box

    def small(self, side_pixels: int) -> np.ndarray[Any, Any]:
        picture = np.full((side_pixels * 9 // 16, side_pixels, 3), 120, np.uint8)
        height, width = picture.shape[:2]
        columns = slice(round(self._box.left * width), max(round(self._box.right * width), 0))
        area = picture[round(self._box.top * height) : round(self._box.bottom * height), columns]
        area[:] = np.random.default_rng(0).integers(0, 255, area.shape, dtype=np.uint8)
        return picture


def test_hands_are_counted_as_such_and_have_no_posture() -> None:
    """An arm that reaches in beside somebody: the detector calls both a person, and a pose was found for both."""
    observer = Observer(FactSettings(ocr=False))
    arm, body = Box(0.0, 0.1, 0.3, 0.4), Box(0.5, 0.1, 0.8, 0.9)
    for box in (arm, body):
        observer._poses.update({(number / 3, box): Pose("upright", 2, 0, 0.9) for number in range(12)})
    observer._detector = lambda _picture, **_: [Detection("person", 0.9, body), Detection("person", 0.8, arm)]  # type: ignore[assignment]
    observer._hand_finder = lambda _picture, box, _: CloseLook(int(box == arm))  # type: ignore[assignment]
    for _ in observer.watch(Frame(number / 3, []) for number in range(12)):  # type: ignore[arg-type]
        pass
    facts = observer.facts(0.0, 2.0, Span(0.0, 4.0), Look(0.5, 0.5, 0.0, ()))
    found = {thing.label: thing.end_pose is not None for thing in facts.objects}
    assert found == {"person": True, "hand": False}
    assert facts.counts == (LabelCount("person", 1), LabelCount("hand", 1))
