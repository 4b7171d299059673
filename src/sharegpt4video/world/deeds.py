"""From a path to what a thing does: a hidden Markov model over the few ways to move or to change size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .render import Floats
from .scenes import DIRECTIONS, OPPOSITE, SIZES, SPEEDS, Direction, Kind, Speed

BETWEEN_SPEEDS = float(np.sqrt(SPEEDS["slow"] * SPEEDS["fast"]))
_SWITCH = 7.0  # the price of a change from one way to another, in squared deviations


@dataclass(frozen=True)
class Deed:
    """An event as read from pixels, in fractions of the video; an instant one (colour, appearance) has end == start."""

    kind: Kind
    start: float
    end: float
    direction: Direction | None = None
    speed: Speed | None = None
    colour: str = ""
    behind: str = ""

    @property
    def middle(self) -> float:
        return (self.start + self.end) / 2


@dataclass(frozen=True)
class _Way:
    """A steady change: what it is, and how much of x, y and side it is over the whole video."""

    kind: Kind
    rate: tuple[float, float, float]
    direction: Direction | None = None
    speed: Speed | None = None


def _ways() -> list[_Way]:
    found = [_Way("stays", (0.0, 0.0, 0.0))]
    for direction, (across, down) in DIRECTIONS.items():
        found += [_Way("moves", (across * rate, down * rate, 0.0), direction, speed) for speed, rate in SPEEDS.items()]
    step = SIZES["large"] - SIZES["small"]
    for share in (1 / 3, 1 / 2, 1.0):  # of the video, that a change of size can take
        found += [_Way("grows", (0.0, 0.0, step / share)), _Way("shrinks", (0.0, 0.0, -step / share))]
    return found


def deeds_of(places: Floats, deviation: float) -> list[Deed]:
    """What happens along a path; ``places`` is (pictures, 3): x, y and side as fractions, nan where it was not seen.

    ``deviation`` is how far a measured step may be off. Turning round is one deed.
    """
    places = _thinned(places)
    count = len(places)
    seen = np.flatnonzero(~np.isnan(places[:, 0]))
    if len(seen) < 2:
        return []
    filled = np.stack([np.interp(np.arange(count), seen, places[seen, axis]) for axis in range(3)], axis=1)
    first, last = int(seen[0]), int(seen[-1])
    ways = _ways()
    path = _likeliest(np.diff(filled[first : last + 1], axis=0), ways, count, deviation)
    found = [
        Deed(ways[way].kind, (first + start + 0.5) / count, (first + end + 0.5) / count, ways[way].direction)
        for way, start, end in _runs(path)
    ]
    pause = 2.6 / count
    large = [deed for deed in _joined(found, pause) if _matters(deed, filled)]
    return _turned([_with_speed(deed, filled) for deed in _joined(large, pause)], pause)


def _thinned(places: Floats) -> Floats:
    """Means over runs of pictures, so that at least 16 are left and every step is well over the errors."""
    every = max(1, len(places) // 16)
    count = len(places) // every
    parts = np.array_split(places, count)
    return np.stack([part.mean(axis=0) for part in parts]) if every > 1 else places


def _matters(deed: Deed, places: NDArray[np.float64]) -> bool:
    """Whether it gets anywhere: the least that a thing does is over twice this."""
    change = np.abs(_change(deed, places))
    return bool(change[:2].max() > 0.035 if deed.direction is not None else deed.kind != "stays" and change[2] > 0.05)


def _change(deed: Deed, places: NDArray[np.float64]) -> NDArray[np.float64]:
    first, last = round(deed.start * len(places) - 0.5), round(deed.end * len(places) - 0.5)
    change: NDArray[np.float64] = places[last] - places[first]
    return change


def _with_speed(deed: Deed, places: NDArray[np.float64]) -> Deed:
    """The speed of a move over its whole length; its first and last steps may be half moves."""
    if deed.direction is None:
        return deed
    rate = float(np.abs(_change(deed, places)[:2]).max()) / max(deed.end - deed.start, 1e-9)
    return replace(deed, speed="fast" if rate > BETWEEN_SPEEDS else "slow")


def _likeliest(steps: NDArray[np.float64], ways: Sequence[_Way], count: int, deviation: float) -> list[int]:
    """The cheapest sequence of ways (Viterbi): squared deviations from each, and a price for every change."""
    rates = np.array([way.rate for way in ways]) / count
    costs = (((steps[:, None, :] - rates[None]) / deviation) ** 2).sum(axis=2)
    costs = np.minimum(costs, 4 * _SWITCH)  # one bad measurement must not decide everything
    total, back = costs[0], []
    for cost in costs[1:]:
        best = int(total.argmin())
        changed = total[best] + _SWITCH
        back.append(np.where(total <= changed, np.arange(len(ways)), best))
        total = np.minimum(total, changed) + cost
    path = [int(total.argmin())]
    for choices in reversed(back):
        path.append(int(choices[path[-1]]))
    return path[::-1]


def _runs(path: Sequence[int]) -> list[tuple[int, int, int]]:
    """(way, first step, step after the last)."""
    edges = [0, *(at for at in range(1, len(path)) if path[at] != path[at - 1]), len(path)]
    return [(path[start], start, end) for start, end in pairwise(edges)]


def _joined(found: Sequence[Deed], pause: float) -> list[Deed]:
    """The same at two rates, one right after the other, is one deed: the step where it begins or ends is a half one."""
    whole: list[Deed] = []
    for deed in found:
        last = whole[-1] if whole else None
        alike = last is not None and (deed.kind, deed.direction) == (last.kind, last.direction)
        if last is not None and alike and deed.start - last.end < pause:
            whole[-1] = replace(whole[-1], end=deed.end)
        else:
            whole.append(deed)
    return whole


def _turned(found: Sequence[Deed], pause: float) -> list[Deed]:
    """A move and the opposite move right after it are one turn."""
    whole: list[Deed] = []
    for deed in found:
        last = whole[-1] if whole else None
        if (
            last is not None and last.kind == deed.kind == "moves" and last.direction is not None
            and deed.direction == OPPOSITE[last.direction] and deed.start - last.end < pause
        ):  # fmt: skip
            speed: Speed = (
                "fast" if "fast" in (last.speed, deed.speed) else "slow"
            )  # the point of return cuts both short
            whole[-1] = replace(last, kind="turns", end=deed.end, speed=speed)
        else:
            whole.append(deed)
    return whole
