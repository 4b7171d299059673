"""Counts from constructed detections."""

from __future__ import annotations

import numpy as np
import pytest

from sharegpt4video.facts.arrivals import Glance
from sharegpt4video.facts.counting import counts
from sharegpt4video.facts.detect import Detection
from sharegpt4video.records import Box, LabelCount


def frames(*numbers: int, label: str = "person", score: float = 0.6) -> list[Glance]:
    """One frame for each number of things in it, side by side."""
    return [
        Glance(
            second / 3,
            tuple(Detection(label, score, Box(0.06 * i, 0.2, 0.06 * i + 0.05, 0.6)) for i in range(number)),
            np.zeros((90, 160), np.uint8),
        )
        for second, number in enumerate(numbers)
    ]


@pytest.mark.parametrize(
    ("named", "seen", "expected"),
    [
        (2, (2, 2, 2), LabelCount("person", 2)),
        (1, (1, 1, 1, 1), LabelCount("person", 1)),
        (2, (2, 2), None),  # too few frames to know
        (2, (2, 3, 2), None),
        (2, (3, 3, 3), None),  # one of them was not named
        (4, (4, 5, 3), LabelCount("person", None)),
        (3, (3, 4, 2), None),  # "several" is three or more
        (5, (9, 11, 8), LabelCount("person", None, crowd=True)),
        (3, (0, 0, 0), None),
    ],
)
def test_a_number_is_told_where_all_frames_agree(
    named: int, seen: tuple[int, ...], expected: LabelCount | None
) -> None:
    assert counts(["person"] * named, frames(*seen)) == ((expected,) if expected else ())


def test_each_label_is_counted_by_itself() -> None:
    both = [
        Glance(people.seconds, (*people.detections, *dogs.detections), people.grey)
        for people, dogs in zip(frames(2, 2, 2), frames(1, 2, 1, label="dog"), strict=True)
    ]
    assert counts(["person", "dog", "person"], both) == (LabelCount("person", 2),)


def test_an_arm_is_not_counted() -> None:
    whole, arm = Detection("person", 0.8, Box(0.2, 0.1, 0.6, 0.9)), Detection("person", 0.4, Box(0.3, 0.3, 0.5, 0.5))
    seen = [Glance(second / 3, (whole, arm), np.zeros((90, 160), np.uint8)) for second in range(3)]
    assert counts(["person"], seen) == (LabelCount("person", 1),)


def test_what_is_very_weak_is_not_counted() -> None:
    assert counts(["person"], frames(1, 1, 1, score=0.25)) == ()
