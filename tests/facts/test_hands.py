"""Palms in constructed outputs of the network, the boxes that are looked at, and hands in a real video."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from sharegpt4video.facts.hands import NETWORK_PIXELS, CloseLook, HandFinder, cut_off, find_palms, has_head
from sharegpt4video.facts.pose import JOINTS, Keypoints
from sharegpt4video.records import Box

TRUTH = Path(__file__).parents[3] / "shared" / "truth"
CELLS = 24  # of the finer grid, with two anchors each
WIDE = 0.3 * NETWORK_PIXELS


def palms(*found: tuple[int, int, float, float]) -> int:
    """What is made of palms at (column, row) of the finer grid, of these widths in pixels and scores."""
    regress, logits = np.zeros((2016, 18), np.float32), np.full((2016, 1), -9, np.float32)
    for column, row, width, score in found:
        anchor = 2 * (row * CELLS + column)
        regress[anchor, 2], logits[anchor] = width, np.log(score / (1 - score))
    return find_palms(regress, logits)


@pytest.mark.parametrize(
    ("found", "count"),
    [
        ((), 0),
        (((3, 4, WIDE, 0.95),), 1),
        (((3, 4, WIDE, 0.75),), 0),  # not sure
        (((3, 4, WIDE / 2, 0.95),), 0),  # so small that a body comes with it
        (((3, 4, WIDE, 0.95), (4, 4, WIDE, 0.9)), 1),  # the same palm twice
        (((3, 4, WIDE, 0.95), (16, 4, WIDE, 0.6)), 2),
        (((3, 4, WIDE, 0.95), (16, 4, WIDE, 0.4)), 1),
    ],
)
def test_palms_that_are_sure_and_large_count(found: tuple[tuple[int, int, float, float], ...], count: int) -> None:
    assert palms(*found) == count


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        (Box(0.2, 0.2, 0.8, 0.8), False),
        (Box(0.0, 0.2, 0.8, 0.8), True),
        (Box(0.2, 0.01, 0.8, 0.8), True),
        (Box(0.2, 0.2, 1.0, 0.8), True),
        (Box(0.2, 0.2, 0.8, 0.99), True),
    ],
)
def test_an_edge_cuts_off_what_touches_it(box: Box, expected: bool) -> None:
    assert cut_off(box) is expected


def joints(head: float, body: float) -> Keypoints:
    return Keypoints(np.array([(0.5, 0.5, head if row < 5 else body) for row in range(len(JOINTS))]), 1.5)


@pytest.mark.parametrize(
    ("keypoints", "expected"),
    [
        (None, False),
        (joints(0.8, 0.5), True),
        (joints(0.1, 0.6), False),  # a body without one
        (joints(0.4, 0.15), False),  # dim joints all over, as on hands
    ],
)
def test_a_head_belongs_to_a_body(keypoints: Keypoints | None, expected: bool) -> None:
    assert has_head(keypoints) is expected


def test_no_network_is_asked_about_somebody_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sharegpt4video.facts.network.run", None)
    picture = np.zeros((90, 160, 3), np.uint8)
    assert HandFinder()(picture, Box(0.2, 0.2, 0.5, 0.9), None) == CloseLook()
    assert HandFinder()(picture, Box(0.0, 0.2, 0.5, 0.9), joints(0.8, 0.5)) == CloseLook()


def test_a_hand_that_reaches_in_is_found() -> None:
    """The hand over the bottles at 23.3 s, by eye at the top on the left and cut off there."""
    video = TRUTH / "bottles.mp4"
    if not video.exists():
        pytest.skip(f"{video} is not there")
    with av.open(str(video)) as container:
        container.seek(23_000_000)
        rgb = next(f for f in container.decode(video=0) if f.time >= 23.3).to_ndarray(format="rgb24")
    assert HandFinder()(rgb, Box(0.04, 0.0, 0.51, 0.52), None) == CloseLook(1)
