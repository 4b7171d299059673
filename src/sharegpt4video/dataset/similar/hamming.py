"""All hashes within a Hamming distance of given ones, exactly, among millions, with the earliest of their owners.

``bands`` is how they are found. Everything is NumPy arrays: about 60 bytes for each hash.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .bands import CANDIDATES, SHORT, Band, Hashes, Indices, best_bands, distances, portions, ranges

EARLIEST = 100
"""How many owners are given for a hash: the earliest ones. Without a limit, a picture that a million videos share (a
title card, a test chart) would ask for a million times a million comparisons."""

BUFFERED = 4096
"""The last hashes, up to this number, are compared one by one before they are worth an index."""

PAIRS = 1 << 22
"""After this many new pairs, those that lead to owners beyond the earliest are dropped."""


class HammingIndex:
    """Hashes with their owners; grows, and answers at any time.

    Parts of an index are sorted, never changed, and merged when as large as all that came after them, so that a hash
    is sorted a logarithmic number of times. ``compared`` counts the comparisons of hashes so far.
    """

    def __init__(self, bits: int) -> None:
        self.bits = bits
        self.compared = 0
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
            more_hashes, more_owners = earlier.contents()
            hashes = np.concatenate([more_hashes, hashes])
            owners = np.concatenate([more_owners, owners])
        self._parts.append(_Part(hashes, owners, self.bits))
        self._buffered = 0

    def near(self, hashes: Hashes, before: Indices) -> tuple[Indices, Indices]:
        """Owners of hashes within ``bits``: (number of the asked hash, owner), sorted, each pair once.

        For each asked hash there are at most ``EARLIEST`` owners: the smallest ones below its number in ``before``.
        """
        answers = [part.near(hashes, before) for part in self._parts]
        self.compared += sum(found.compared for found in answers)
        return _joined([found.owners() for found in answers] + [self._near_buffered(hashes, before)])

    def _near_buffered(self, hashes: Hashes, before: Indices) -> tuple[Indices, Indices]:
        held, owners = self._hashes[: self._buffered], self._owners[: self._buffered]
        self.compared += len(hashes) * len(held)
        rows = max(1, CANDIDATES // BUFFERED)
        answers = []
        for start in range(0, len(hashes), rows):
            asked, at = np.nonzero(distances(hashes[start : start + rows, None], held[None]) <= self.bits)
            asked, owner = asked + start, owners[at]
            early = owner < before[asked]
            answers.append(_earliest(asked[early], owner[early]))
        return _joined(answers)


class _Part:
    """Hashes, each once, in the order of their earliest owners, with up to ``EARLIEST`` of these, and bands of them."""

    def __init__(self, hashes: Hashes, owners: Indices, bits: int) -> None:
        self.bits = bits
        self.hashes, self.starts, self.owners = _grouped(hashes, owners)
        self.first = self.owners[self.starts[:-1]]
        self.entries = len(self.owners)
        self._bands = [Band(self.hashes, *band, bits) for band in best_bands(bits, len(self.hashes))]

    def contents(self) -> tuple[Hashes, Indices]:
        """All hashes with their owners, in the order of the owners."""
        order = np.argsort(self.owners, kind="stable")
        return np.repeat(self.hashes, np.diff(self.starts))[order], self.owners[order].astype(np.int64)

    def near(self, hashes: Hashes, before: Indices) -> _Found:
        """The hashes of this part that are near to asked ones, as far as they lead to their earliest owners.

        The beginning of each bucket is read for all, the rest of the long ones only for those that it may still give
        an earlier owner: of what very many videos share, that is little.
        """
        found = _Found(self, hashes, before)
        left = [band.read_first(hashes, found) for band in self._bands]
        size = SHORT
        while any(map(len, left)):
            found.settle()
            size *= 2
            for number, band in enumerate(self._bands):
                runs = left[number]
                runs = runs.which(self.first[band.held(runs.begin)] < found.latest[runs.asked])
                left[number] = band.read_on(runs, size, found)
        return found


class _Found:
    """Pairs of an asked hash and a near one of a part, as far as they lead to the earliest owners.

    latest    for each asked hash: an owner from here on is not among its earliest ones
    compared  how many comparisons were made
    """

    def __init__(self, part: _Part, hashes: Hashes, before: Indices) -> None:
        self._part, self._hashes, self._before = part, hashes, before
        self.latest, self.compared = before, 0
        self._pairs = [np.empty(0, np.int64)]
        self._new, self._limit = 0, PAIRS

    def add(self, asked: Indices, held: Indices, compared: int) -> None:
        """Take those that are near among pairs that may be; ``compared`` were looked at to find them."""
        self.compared += compared
        close = distances(self._hashes[asked], self._part.hashes[held]) <= self._part.bits
        self._pairs.append(asked[close] * len(self._part.hashes) + held[close])
        self._new += len(self._pairs[-1])
        if self._new > self._limit:
            self.settle()

    def settle(self) -> None:
        """Find out up to which owner each asked hash has to be compared, and drop what lies beyond."""
        asked, owners = self.owners()
        counts = np.bincount(asked, minlength=len(self._hashes))
        full = counts == EARLIEST
        self.latest = self._before.copy()
        self.latest[full] = owners[np.cumsum(counts)[full] - 1]
        asked, held = np.divmod(self._pairs[0], len(self._part.hashes))
        self._pairs = [self._pairs[0][self._part.first[held] <= self.latest[asked]]]
        self._new, self._limit = 0, PAIRS + len(self._pairs[0])

    def owners(self) -> tuple[Indices, Indices]:
        """(number of the asked hash, owner), sorted; the earliest owners of each."""
        pairs = np.sort(np.concatenate(self._pairs))  # `np.unique` is many times slower here, since NumPy 2.3
        self._pairs = [pairs[_is_new(pairs)]]
        asked, held = np.divmod(self._pairs[0], len(self._part.hashes))
        begins = self._part.starts[held]
        counts = self._part.starts[held + 1] - begins
        answers = []
        for part in portions(counts, CANDIDATES):
            who = np.repeat(asked[part], counts[part])
            owners = self._part.owners[ranges(begins[part], counts[part])].astype(np.int64)
            early = owners < self._before[who]
            answers.append(_earliest(who[early], owners[early]))
        return _joined(answers)


def _grouped(hashes: Hashes, owners: Indices) -> tuple[Hashes, Indices, NDArray[np.int32]]:
    """Each hash once, by its earliest owner; where its owners begin (and the end); its earliest owners.

    Owners must be sorted.
    """
    order = np.argsort(hashes, kind="stable")
    hashes, sorted_owners = hashes[order], owners[order].astype(np.int32)
    first = np.flatnonzero(_is_new(hashes))
    counts = np.diff(np.append(first, len(hashes)))
    by_owner = np.argsort(sorted_owners[first], kind="stable")
    first, counts = first[by_owner], np.minimum(counts[by_owner], EARLIEST)
    return hashes[first], np.append(0, np.cumsum(counts)), sorted_owners[ranges(first, counts)]


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


def _joined(answers: Sequence[tuple[Indices, Indices]]) -> tuple[Indices, Indices]:
    """Answers put together, with the earliest owners of each asked hash."""
    none = np.empty(0, np.int64)
    if len(answers) == 1:
        return answers[0]
    asked = np.concatenate([none, *(asked for asked, _ in answers)])
    return _earliest(asked, np.concatenate([none, *(owners for _, owners in answers)]))
