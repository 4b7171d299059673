"""Buckets of hashes by some of their bits, read in the order in which they lie in memory.

Multi-index hashing (M. Norouzi, A. Punjani, D. Fleet, "Fast Search in Hamming Space with Multi-Index Hashing", CVPR
2012): of two 64-bit hashes that differ in few bits, some band of bits differs in fewer still, so it is enough to look
into a few buckets of each band. Nearly all of the time goes into memory access. So the hashes of a bucket lie side by
side, and the asked ones are sorted: one after the other looks into places close to those before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
Indices = NDArray[np.int64]

CANDIDATES = 1 << 21
"""Candidates that are compared at a time (about 80 MB)."""

RUNS = 1 << 14
"""Buckets that are read at a time: few enough for the processor's cache."""

SHORT = 16
"""Of a bucket, this many hashes are read at once. The rest is read only as far as it may hold earlier owners."""

BAND_BITS = 22


class Found(Protocol):
    """Takes pairs of an asked hash and one of a band that may be near: ``compared`` were looked at to find them."""

    def add(self, asked: Indices, held: Indices, compared: int) -> None: ...


@dataclass(frozen=True)
class Runs:
    """Buckets to look into, or what is left of them: positions in the order of a band, for an asked hash each.

    rest  32 further bits of the asked hash
    left  in how many of these a near hash may differ: ``bits`` without those that differ in the band
    """

    begin: Indices
    end: Indices
    asked: Indices
    rest: NDArray[np.uint32]
    left: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.begin)

    def which(self, rows: Indices | NDArray[np.bool_]) -> Runs:
        return Runs(self.begin[rows], self.end[rows], self.asked[rows], self.rest[rows], self.left[rows])

    def after(self, count: int) -> Runs:
        """What is left of them, where there is anything, when ``count`` hashes of each are read."""
        rows = np.flatnonzero(self.end - self.begin > count)
        return Runs(self.begin[rows] + count, self.end[rows], self.asked[rows], self.rest[rows], self.left[rows])

    @staticmethod
    def joined(runs: Sequence[Runs]) -> Runs:
        """All of them."""
        places = np.empty(0, np.int64)
        runs = [Runs(places, places, places, np.empty(0, np.uint32), np.empty(0, np.uint8)), *runs]
        return Runs(
            np.concatenate([one.begin for one in runs]),
            np.concatenate([one.end for one in runs]),
            np.concatenate([one.asked for one in runs]),
            np.concatenate([one.rest for one in runs]),
            np.concatenate([one.left for one in runs]),
        )


class Band:
    """Some neighbouring bits of all hashes of a part: which hashes have which value there, the earliest first."""

    def __init__(self, hashes: Hashes, shift: int, width: int, radius: int, bits: int) -> None:
        self._shift, self._width = shift, width
        keys = self._keys(hashes)
        numbered = keys.astype(np.uint64) << np.uint64(32) | np.arange(len(keys), dtype=np.uint64)
        numbered.sort()  # much faster than a stable `argsort`
        self._order = numbered.astype(np.uint32).astype(np.int32)
        self._rest = self._others(hashes)[self._order]
        self._starts = np.zeros((1 << width) + 1, np.int32)
        np.cumsum(np.bincount(keys, minlength=1 << width), out=self._starts[1:])
        flips = [sum(1 << bit for bit in chosen) for n in range(radius + 1) for chosen in combinations(range(width), n)]
        self._flips = np.sort(np.array(flips, np.int64))  # so that one after the other looks into near places
        self._left = (bits - bit_counts(self._flips)).astype(np.uint8)
        self._columns = min(SHORT, 1 + (2 * len(hashes) >> width))
        self._longer = np.diff(self._starts) > self._columns

    def _keys(self, hashes: Hashes) -> NDArray[np.uint32]:
        keys = (hashes >> np.uint64(self._shift)) & np.uint64((1 << self._width) - 1)
        return np.asarray(keys, np.uint32)

    def _others(self, hashes: Hashes) -> NDArray[np.uint32]:
        """The 32 bits above the band, going on with the lowest where it ends."""
        above = self._shift + self._width
        rotated = hashes if above == 64 else hashes >> np.uint64(above) | hashes << np.uint64(64 - above)
        return rotated.astype(np.uint32)

    def read_first(self, hashes: Hashes, found: Found) -> Runs:
        """Compare asked hashes with the first ones of each bucket that they look into; returns what is left.

        In each bucket as many are compared as most have, without asking whether it has so many: the first ones of the
        next bucket are then compared in vain, which does no harm. What the longer ones have beyond that follows.
        """
        order = np.argsort(self._keys(hashes))
        keys, rest = self._keys(hashes)[order].astype(np.int64), self._others(hashes)[order]
        left = []
        for first in range(0, len(hashes), RUNS):
            some = slice(first, first + RUNS)
            longer = [
                self._read_columns(keys[some], rest[some], order[some], row, found)
                for row in range(0, len(self._flips), max(1, RUNS // len(keys[some])))
            ]
            left.append(self.read_on(Runs.joined(longer), SHORT, found))
        return Runs.joined(left)

    def _read_columns(self, keys: Indices, rest: NDArray[np.uint32], asked: Indices, row: int, found: Found) -> Runs:
        """The first ``_columns`` hashes of each bucket, for ``RUNS`` buckets; returns what is left."""
        flips = slice(row, row + max(1, RUNS // len(keys)))
        buckets = self._flips[flips, None] ^ keys[None]
        begins, left = self._starts.take(buckets).astype(np.int64), self._left[flips, None]
        hits, positions = [], []
        for _ in range(self._columns):
            near = bit_counts(self._rest.take(begins, mode="clip") ^ rest[None]) <= left
            hits.append(np.flatnonzero(near))
            positions.append(begins.ravel()[hits[-1]])
            begins += 1
        found.add(
            asked[np.concatenate(hits) % len(keys)], self.held(np.concatenate(positions)), begins.size * self._columns
        )
        longer = np.flatnonzero(self._longer.take(buckets))
        flip, number = np.divmod(longer, len(keys))
        return Runs(
            begins.ravel()[longer],
            self._starts[buckets.ravel()[longer] + 1].astype(np.int64),
            asked[number],
            rest[number],
            self._left[flips][flip],
        )

    def held(self, positions: Indices) -> Indices:
        """Which hashes of the part lie there."""
        return np.asarray(self._order.take(positions, mode="clip"), np.int64)

    def read_on(self, runs: Runs, size: int, found: Found) -> Runs:
        """Compare the next ``size`` hashes of each bucket; returns what is left."""
        counts = np.minimum(runs.end - runs.begin, size)
        for part in portions(counts, CANDIDATES):
            at, rest = ranges(runs.begin[part], counts[part]), np.repeat(runs.rest[part], counts[part])
            close = bit_counts(self._rest[at] ^ rest) <= np.repeat(runs.left[part], counts[part])
            found.add(np.repeat(runs.asked[part], counts[part])[close], self.held(at[close]), len(at))
        return runs.after(size)


def best_bands(bits: int, count: int) -> list[tuple[int, int, int]]:
    """(shift, width, radius) of the bands that find all within ``bits`` with the least work among ``count`` hashes.

    With ``bits = bands * a + b``, a pair within ``bits`` differs by at most ``a`` in one of the first ``b + 1`` bands
    or by at most ``a - 1`` in one of the others.
    """
    plans = []
    for bands in range(-(-64 // BAND_BITS), 17):
        edges = np.linspace(0, 64, bands + 1).astype(int)
        most, more = divmod(bits, bands)
        plan, work = [], 0.0
        for number, (low, high) in enumerate(pairwise(edges)):
            width, radius = int(high - low), most if number <= more else most - 1
            if radius >= 0:
                plan.append((int(low), width, min(radius, width)))
                work += volume(width, radius) * (3 + 2 * count / 2**width)  # an empty bucket costs as three hashes do
        plans.append((work, plan))
    return min(plans)[1]


def volume(width: int, radius: int) -> int:
    """How many values of ``width`` bits lie within ``radius`` of one."""
    count, term = 0, 1
    for flipped in range(min(radius, width) + 1):
        count += term
        term = term * (width - flipped) // (flipped + 1)
    return count


def distances(left: Hashes, right: Hashes) -> NDArray[np.uint8]:
    """The Hamming distance of each pair (broadcast)."""
    return bit_counts(left ^ right)


def bit_counts(values: NDArray[Any]) -> NDArray[np.uint8]:
    """How many bits of each unsigned number are set."""
    if hasattr(np, "bitwise_count"):  # NumPy 2
        return np.asarray(np.bitwise_count(values), np.uint8)
    bits = np.unpackbits(np.ascontiguousarray(values)[..., None].view(np.uint8), axis=-1)
    return np.asarray(bits.sum(axis=-1), np.uint8)


def ranges(starts: Indices, counts: Indices) -> Indices:
    """start, start + 1, ... ``count`` numbers for each, one after the other."""
    if not len(counts):
        return np.empty(0, np.int64)
    ends = np.cumsum(counts)
    return np.arange(int(ends[-1]), dtype=np.int64) + np.repeat(starts - ends + counts, counts)


def portions(sizes: Indices, limit: int) -> Iterator[slice]:
    """Slices whose sizes add up to about ``limit``; one that is larger by itself is alone in its slice."""
    total = np.cumsum(sizes)
    start = 0
    while start < len(sizes):
        done = int(total[start - 1]) if start else 0
        end = max(start + 1, int(np.searchsorted(total, done + limit, side="right")))
        yield slice(start, end)
        start = end
