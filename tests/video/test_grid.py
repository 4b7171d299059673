from fractions import Fraction
from itertools import pairwise
from types import SimpleNamespace
from typing import cast

from hypothesis import given, settings
from hypothesis import strategies as st

from sharegpt4video.video.grid import Grid
from sharegpt4video.video.picture import DecodedFrame


def frames(starts: list[Fraction], end: Fraction) -> list[DecodedFrame]:
    edges = [float(at) for at in (*starts, end)]
    return [cast(DecodedFrame, SimpleNamespace(seconds=at, end_seconds=gone)) for at, gone in pairwise(edges)]


def taken(starts: list[Fraction], end: Fraction, every: Fraction) -> list[int]:
    grid = Grid(float(every))
    return [number for number, frame in enumerate(frames(starts, end)) if grid.takes(frame)]


def on_screen(starts: list[Fraction], end: Fraction, every: Fraction) -> list[int]:
    """The same by exact arithmetic."""
    ticks = (starts[0] + every * number for number in range(int((end - starts[0]) / every) + 1))
    return sorted({max(n for n, at in enumerate(starts) if at <= tick) for tick in ticks if tick < end})


@settings(max_examples=60, deadline=None)
@given(
    rate=st.one_of(st.integers(1, 240), st.sampled_from([Fraction(n, 1001) for n in (24000, 30000, 60000)])),
    every=st.sampled_from([Fraction(n, 100) for n in (5, 10, 12, 20, 30, 50, 70, 200)]),
    start=st.sampled_from([Fraction(0), Fraction(73, 10), Fraction(1, 3), Fraction(100_000)]),
)
def test_every_tick_has_its_frame_at_every_rate(rate: Fraction | int, every: Fraction, start: Fraction) -> None:
    starts = [start + number / Fraction(rate) for number in range(int(6 * rate))]
    end = starts[-1] + 1 / Fraction(rate)
    assert taken(starts, end, every) == on_screen(starts, end, every)


@settings(max_examples=60, deadline=None)
@given(lengths=st.lists(st.sampled_from([10, 16, 17, 33, 40, 100, 900]), min_size=1, max_size=60))
def test_every_tick_has_its_frame_at_a_rate_that_varies(lengths: list[int]) -> None:
    edges = [Fraction(sum(lengths[:number]), 1000) for number in range(len(lengths) + 1)]
    assert taken(edges[:-1], edges[-1], Fraction(1, 2)) == on_screen(edges[:-1], edges[-1], Fraction(1, 2))
