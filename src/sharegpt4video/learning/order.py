"""Which sample comes when: a mixture by weights, shuffled by a seed, that can be entered at any place at no cost."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

_Places = NDArray[np.int64]


class Order:
    """(source, index) of every sample of a run, in order.

    An epoch takes ``weight`` times the samples of each source from an endless row of shufflings of it: with 0.5 one
    half, and the other half in the next epoch; with 2.0 each sample twice. Then the epoch is shuffled as a whole.
    Depends on the sizes, the weights, the seed and ``epochs`` (which may be a fraction) alone, and on no library's
    idea of shuffling. Memory: 8 bytes for each sample of an epoch.
    """

    def __init__(self, sizes: Sequence[int], weights: Sequence[float], *, seed: int = 0, epochs: float = 1.0) -> None:
        self._sizes = list(sizes)
        # As written: 0.29 of a hundred samples are 29, which 0.29 * 100 is not.
        self._per_epoch = [size * Fraction(str(weight)) for size, weight in zip(sizes, weights, strict=True)]
        self._firsts = np.concatenate([[0], np.cumsum(self._sizes)]).astype(np.int64)
        self._seed = seed % 2**64
        whole, part = divmod(Fraction(str(epochs)), 1)
        self._length = self._before(int(whole)) + int(part * (self._before(int(whole) + 1) - self._before(int(whole))))
        self._known: tuple[int, _Places] = (-1, np.zeros(0, np.int64))

    def __len__(self) -> int:
        return self._length

    def part(self, begin: int, end: int) -> list[tuple[int, int]]:
        """The places ``[begin, end)`` of the order; fewer where it ends."""
        return [self._at(place) for place in range(begin, min(end, len(self)))]

    def epoch_of(self, place: int) -> int:
        """The epoch, counted from 0, that a place of the order belongs to."""
        epoch = int(place / sum(self._per_epoch))
        while self._before(epoch + 1) <= place:
            epoch += 1
        while self._before(epoch) > place:
            epoch -= 1
        return epoch

    def _at(self, place: int) -> tuple[int, int]:
        epoch = self.epoch_of(place)
        if self._known[0] != epoch:
            self._known = (epoch, self._epoch(epoch))
        found = int(self._known[1][place - self._before(epoch)])
        source = int(np.searchsorted(self._firsts, found, side="right")) - 1
        return source, found - int(self._firsts[source])

    def _before(self, epoch: int) -> int:
        """How many samples come before an epoch."""
        return sum(int(epoch * amount) for amount in self._per_epoch)

    def _epoch(self, epoch: int) -> _Places:
        parts = [self._of_source(source, epoch) for source in range(len(self._sizes))]
        whole = np.concatenate(parts)
        return whole[_shuffled(len(whole), self._seed, 0, epoch)]

    def _of_source(self, source: int, epoch: int) -> _Places:
        size, amount = self._sizes[source], self._per_epoch[source]
        begin, end = int(epoch * amount), int((epoch + 1) * amount)
        pieces: list[_Places] = [np.zeros(0, np.int64)]
        for time in range(begin // size, -(-end // size)):
            shuffled = _shuffled(size, self._seed, 1, source, time)
            pieces.append(shuffled[max(begin - time * size, 0) : end - time * size])
        found: _Places = np.concatenate(pieces) + self._firsts[source]
        return found


class Preceded:
    """An order that some sources come before, so many samples of them, shuffled again and again; then it begins."""

    def __init__(self, order: Order, sizes: Sequence[int], sources: Sequence[int], count: int, *, seed: int) -> None:
        own = [sizes[source] for source in sources]
        self._order, self._sources, self._count = order, list(sources), count
        self._first = Order(own, [1.0] * len(own), seed=seed, epochs=-(-count // sum(own)))

    def __len__(self) -> int:
        return self._count + len(self._order)

    def part(self, begin: int, end: int) -> list[tuple[int, int]]:
        """The places ``[begin, end)`` of the order; fewer where it ends."""
        first = self._first.part(begin, min(end, self._count)) if begin < self._count else []
        then = self._order.part(max(begin - self._count, 0), max(end - self._count, 0))
        return [*((self._sources[source], index) for source, index in first), *then]


def _shuffled(count: int, *key: int) -> _Places:
    """0 to ``count`` - 1 in the order of random numbers; the stream of PCG64 is the same in every version of NumPy."""
    numbers = np.random.PCG64(np.random.SeedSequence(key)).random_raw(count)
    return np.argsort(numbers, kind="stable").astype(np.int64)


def deal(lengths: Sequence[int], world: int) -> list[list[int]]:
    """Share samples out to ``world`` processes: numbers that differ by one at most, and lengths as even as is easy.

    The longest first, each to the one with the least so far. Returns the places of each one's samples, in order.
    """
    least, larger = divmod(len(lengths), world)  # so many hands hold one more
    hands: list[list[int]] = [[] for _ in range(world)]
    sums = [0] * world
    for at in sorted(range(len(lengths)), key=lambda at: (-lengths[at], at)):
        free = [one for one in range(world) if len(hands[one]) < least + (larger > 0)]
        one = min(free, key=lambda one: (sums[one], one))
        hands[one].append(at)
        sums[one] += lengths[at]
        larger -= len(hands[one]) > least
    return [sorted(hand) for hand in hands]
