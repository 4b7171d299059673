"""All hashes within a Hamming distance of given ones, exactly, among millions.

Multi-index hashing (M. Norouzi, A. Punjani, D. Fleet, "Fast Search in Hamming Space with Multi-Index Hashing", CVPR
2012): of two 64-bit hashes that differ in few bits, some band of bits differs in fewer still, so it is enough to look
into a few buckets of each band. Everything is NumPy arrays: 40 to 60 bytes for each hash.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
Indices = NDArray[np.int64]

EARLIEST = 100
"""How many owners are told for a hash: the earliest ones. Without an end, a picture that a million videos share (a
title card, a test chart) would ask for a million times a million comparisons."""

BUFFERED = 4096
"""So many of the last hashes are compared one by one, before they are worth an index."""

CANDIDATES = 1 << 21
"""Candidates that are compared at a time (about 80 MB)."""

BAND_BITS = 22


class HammingIndex:
    """Hashes with their owners; grows, and answers at any time.

    Parts of an index are sorted, never changed, and merged when as large as all that came after them, so that a hash
    is sorted a logarithmic number of times.
    """

    def __init__(self, bits: int) -> None:
        self.bits = bits
        self._parts: list[_Part] = []
        self._hashes = np.empty(BUFFERED, np.uint64)
        self._owners = np.empty(BUFFERED, np.int64)
        self._buffered = 0

    def add(self, hashes: Hashes, owners: Indices) -> None:
        """Take hashes of owners; owners must not be smaller than those of earlier calls."""
        end = self._buffered + len(hashes)
        if end <= BUFFERED:
            self._hashes[self._buffered : end] = hashes
            self._owners[self._buffered : end] = owners
            self._buffered = end
            return
        buffered = slice(0, self._buffered)
        hashes = np.concatenate([self._hashes[buffered], hashes])
        owners = np.concatenate([self._owners[buffered], owners])
        while self._parts and self._parts[-1].entries <= 2 * len(hashes):
            earlier = self._parts.pop()
            hashes = np.concatenate([earlier.every_hash(), hashes])
            owners = np.concatenate([earlier.owners, owners])
        self._parts.append(_Part(hashes, owners, self.bits))
        self._buffered = 0

    def near(self, hashes: Hashes) -> tuple[Indices, Indices]:
        """Owners of hashes within ``bits``: (number of the asked hash, owner), sorted, each pair once.

        For each asked hash there are at most ``EARLIEST`` owners, the smallest ones.
        """
        found = [part.near(hashes) for part in self._parts] + [self._near_buffered(hashes)]
        asked = np.concatenate([numbers for numbers, _ in found])
        owners = np.concatenate([owners for _, owners in found])
        return _earliest(asked, owners)

    def _near_buffered(self, hashes: Hashes) -> tuple[Indices, Indices]:
        held, owners = self._hashes[: self._buffered], self._owners[: self._buffered]
        rows = max(1, CANDIDATES // BUFFERED)
        found = [np.empty((2, 0), np.int64)]
        for start in range(0, len(hashes), rows):
            asked, at = np.nonzero(distances(hashes[start : start + rows, None], held[None]) <= self.bits)
            found.append(np.stack([asked + start, owners[at]]))
        asked, owner = np.concatenate(found, axis=1)
        return _earliest(asked, owner)


class _Part:
    """Sorted hashes, each once, with the earliest of their owners, and for each band the order of its buckets."""

    def __init__(self, hashes: Hashes, owners: Indices, bits: int) -> None:
        self.bits = bits
        self.hashes, self.starts, self.owners = _grouped(hashes, owners)
        self.entries = len(self.owners)
        self._bands = [_Band(self.hashes, *band) for band in best_bands(bits, len(self.hashes))]

    def every_hash(self) -> Hashes:
        return np.repeat(self.hashes, np.diff(self.starts))

    def near(self, hashes: Hashes) -> tuple[Indices, Indices]:
        found = [np.empty(0, np.int64)]
        for band in self._bands:
            for asked, held in band.candidates(hashes):
                close = distances(hashes[asked], self.hashes[held]) <= self.bits
                found.append(asked[close] * len(self.hashes) + held[close])
        pairs = np.sort(np.concatenate(found))  # `np.unique` is many times slower for such numbers, since NumPy 2.3
        pairs = pairs[_is_new(pairs)]
        return self._owned(*np.divmod(pairs, len(self.hashes)))

    def _owned(self, asked: Indices, held: Indices) -> tuple[Indices, Indices]:
        """Owners in place of hashes."""
        counts = self.starts[held + 1] - self.starts[held]
        return _earliest(np.repeat(asked, counts), self.owners[ranges(self.starts[held], counts)])


class _Band:
    """Some neighbouring bits of all hashes of a part: which hashes have which value there."""

    def __init__(self, hashes: Hashes, shift: int, width: int, radius: int) -> None:
        self._shift, self._width = np.uint64(shift), width
        keys = self._keys(hashes)
        self._order = np.argsort(keys, kind="stable").astype(np.int32)
        self._starts = np.zeros((1 << width) + 1, np.int32)
        np.cumsum(np.bincount(keys, minlength=1 << width), out=self._starts[1:])
        flips = [sum(1 << bit for bit in chosen) for n in range(radius + 1) for chosen in combinations(range(width), n)]
        self._flips = np.array(flips, np.int64)

    def _keys(self, hashes: Hashes) -> Indices:
        keys: Hashes = (hashes >> self._shift) & np.uint64((1 << self._width) - 1)
        return keys.astype(np.int64)

    def candidates(self, hashes: Hashes) -> Iterator[tuple[Indices, Indices]]:
        """(number of the asked hash, number of a held one) of all in the buckets to look into, in handy portions."""
        rows = max(1, CANDIDATES // len(self._flips))
        for first in range(0, len(hashes), rows):
            buckets = (self._keys(hashes[first : first + rows])[:, None] ^ self._flips[None]).ravel()
            begins = self._starts[buckets].astype(np.int64)
            counts = self._starts[buckets + 1] - begins
            full = np.flatnonzero(counts)
            asked, begins, counts = full // len(self._flips) + first, begins[full], counts[full]
            for part in portions(counts, CANDIDATES):
                held = self._order[ranges(begins[part], counts[part])].astype(np.int64)
                yield np.repeat(asked[part], counts[part]), held


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
                work += volume(width, radius) * (2 + count / 2**width)  # an empty bucket costs as two candidates do
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
    if hasattr(np, "bitwise_count"):  # NumPy 2
        return np.asarray(np.bitwise_count(left ^ right), np.uint8)
    differing = (left ^ right)[..., None].view(np.uint8)
    return np.asarray(np.unpackbits(differing, axis=-1).sum(axis=-1), np.uint8)


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


def _grouped(hashes: Hashes, owners: Indices) -> tuple[Hashes, Indices, Indices]:
    """Each hash once, sorted; where its owners begin (and the end); its earliest owners."""
    order = np.lexsort((owners, hashes))
    hashes, owners = hashes[order], owners[order]
    first = np.flatnonzero(_is_new(hashes))
    rank = np.arange(len(hashes)) - np.repeat(first, np.diff(np.append(first, len(hashes))))
    kept = rank < EARLIEST
    counts = np.add.reduceat(kept, first)
    return hashes[first], np.append(0, np.cumsum(counts)), owners[kept]


def _is_new(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Which of some values differ from the one before."""
    new = np.ones(len(values), np.bool_)
    new[1:] = values[1:] != values[:-1]
    return new


def _earliest(asked: Indices, owners: Indices) -> tuple[Indices, Indices]:
    """Each (asked, owner) once, sorted, and of each asked only the ``EARLIEST`` smallest owners."""
    if not len(asked):
        return asked, owners
    order = np.lexsort((owners, asked))
    asked, owners = asked[order], owners[order]
    fresh = _is_new(asked) | _is_new(owners)
    asked, owners = asked[fresh], owners[fresh]
    first = np.flatnonzero(_is_new(asked))
    rank = np.arange(len(asked)) - np.repeat(first, np.diff(np.append(first, len(asked))))
    kept = rank < EARLIEST
    return asked[kept], owners[kept]
