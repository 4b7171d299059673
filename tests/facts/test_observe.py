"""What the observer makes of its samples."""

from __future__ import annotations

import pytest

from sharegpt4video.config import FactSettings
from sharegpt4video.facts.detect import Detection
from sharegpt4video.facts.observe import Observer, raises
from sharegpt4video.facts.tracks import Tracker
from sharegpt4video.records import Box, Pose


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
    told = [observer._object(track, start, start + 2.0).arm_raises for start in (0.0, 2.0)]
    assert told == [(), (1,)]
