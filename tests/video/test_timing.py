"""What becomes of the times that a file gives."""

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sharegpt4video.video.timing import REORDERED_PICTURES, Losses, Timeline, presentation_zero


def test_presentation_zero() -> None:
    assert presentation_zero(None, None) is None
    assert presentation_zero(Fraction(14, 10), Fraction(14, 10)) == Fraction(14, 10)
    assert presentation_zero(Fraction(1), Fraction(13, 10)) == 1
    assert presentation_zero(Fraction(-7, 1000), Fraction(0)) == 0, "an audio decoder's lead-in moves no picture"
    assert presentation_zero(Fraction(-2), Fraction(-2)) == -2, "negative times are shifted to start at 0"
    assert presentation_zero(Fraction(21_333, 10**6), Fraction(1920, 90_000)) == Fraction(1920, 90_000)


def timed(times: list[float | None], step: float | None = 0.04) -> tuple[list[tuple[int, float, float]], Losses]:
    losses = Losses()
    timeline: Timeline[int] = Timeline(losses, step)
    shown = [s for index, time in enumerate(times) for s in timeline.push(index, time, None)]
    shown += timeline.flush()
    return [(s.picture, s.start_seconds, s.end_seconds) for s in shown], losses


def test_missing_times_follow_the_one_before() -> None:
    got, losses = timed([None, None, 0.2, None, 0.4])
    assert [start for _, start, _ in got] == pytest.approx([0, 0.04, 0.2, 0.24, 0.4])
    assert losses.counts == {"untimed": 3}


def test_repeated_and_backward_times_drop_a_picture_and_count_it() -> None:
    got, losses = timed([0, 0.1, 0.1, 0.2, 0.15, 0.3])
    assert [picture for picture, _, _ in got] == [0, 1, 3, 5]
    assert losses.sentences() == ["2 pictures were dropped because their time did not come after the one before"]


def test_one_wild_time_does_not_spoil_the_rest() -> None:
    got, _ = timed([0, 0.1, 1e9, 0.3, 0.4])
    assert [(picture, start) for picture, start, _ in got] == [(0, 0), (1, 0.1), (3, 0.3), (4, 0.4)]


def test_a_clock_that_starts_again_goes_on() -> None:
    got, losses = timed([100, 100.1, 0, 0.1, 0.2])
    assert [start for _, start, _ in got] == pytest.approx([100, 100.1, 100.14, 100.24, 100.34])
    assert losses.counts == {"jumps": 1}


def test_a_clock_that_stands_still_does_not_lose_the_film() -> None:
    times: list[float | None] = [0.0, 5.92, *(5.9 for _ in range(148))]
    got, losses = timed(times)
    assert len(got) == 150 - REORDERED_PICTURES
    assert got[-1][0] == 149
    assert losses.counts == {"misplaced": REORDERED_PICTURES, "untimed": 148 - REORDERED_PICTURES}
    resumed, _ = timed([*times, 20.0, 20.04])
    assert [start for _, start, _ in resumed][-2:] == [20.0, 20.04]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.none() | st.floats(-1e18, 1e18, allow_nan=False) | st.floats(-3, 3), max_size=30))
def test_times_always_increase_and_tile(times: list[float | None]) -> None:
    got, _ = timed(times)
    assert len(got) >= (1 if times else 0)
    for (_, start, end), (_, following, _) in itertools.pairwise(got):
        assert start < end == following
    if got:
        assert got[-1][1] < got[-1][2]
