"""Counting millions of values in memory that does not grow with their number."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_SLOTS = 1 << 20
MOST_KEYS = 100_000
MOST_KEY_LETTERS = 200


class Tally:
    """How often each number came, in slots of ``resolution`` from 0 up; numbers over 2^20 slots share the last one.

    ``count``, ``total``, ``least`` and ``most`` are exact, quantiles and histograms to within one slot (so exact for
    whole numbers at resolution 1). NaN is not counted; numbers below 0 count as 0.
    """

    def __init__(self, resolution: float) -> None:
        self.resolution = resolution
        self.count = 0
        self.total = 0.0
        self.least = math.inf
        self.most = -math.inf
        self._slots: NDArray[np.int64] = np.zeros(1, np.int64)

    def add(self, values: NDArray[Any]) -> None:
        numbers = np.asarray(values, np.float64)
        numbers = numbers[np.isfinite(numbers)]
        if not len(numbers):
            return
        self.count += len(numbers)
        self.total += float(numbers.sum())
        self.least = min(self.least, float(numbers.min()))
        self.most = max(self.most, float(numbers.max()))
        # The small addition keeps 0.3 / 0.1 = 2.9999999999999996 in slot 3.
        slots = np.clip(numbers / self.resolution + 1e-6, 0, MOST_SLOTS - 1).astype(np.int64)
        fresh = np.bincount(slots)
        if len(fresh) > len(self._slots):
            self._slots = np.pad(self._slots, (0, len(fresh) - len(self._slots)))
        self._slots[: len(fresh)] += fresh

    @property
    def mean(self) -> float:
        """The mean; NaN of nothing."""
        return self.total / self.count if self.count else math.nan

    def quantile(self, share: float) -> float:
        """The smallest value (its slot's lower edge) that at least this share of the values do not exceed."""
        if not self.count:
            return math.nan
        rank = max(1, math.ceil(share * self.count))
        slot = int(np.searchsorted(np.cumsum(self._slots), rank))
        return round(slot * self.resolution, 9)

    def between(self, edges: Iterable[float]) -> list[int]:
        """How many values lie in each ``[edges[i], edges[i + 1])``; edges are taken to the nearest slot."""
        sums = np.concatenate([[0], np.cumsum(self._slots)])
        at = [min(max(round(edge / self.resolution), 0), len(self._slots)) for edge in edges]
        return [int(sums[high] - sums[low]) for low, high in pairwise(at)]


@dataclass
class Counted:
    """How much there is of each key, for at most ``limit`` keys: when there are more, the smaller half is forgotten.

    ``total`` is exact. An amount may be too small by at most ``short_by``, which stays 0 until something is forgotten.
    """

    limit: int = MOST_KEYS
    total: float = 0.0
    short_by: float = 0.0
    amounts: Counter[str] = field(default_factory=Counter)

    def add(self, keys: Iterable[str], amounts: Iterable[float]) -> None:
        for key, amount in zip(keys, amounts, strict=True):
            self.amounts[key[:MOST_KEY_LETTERS]] += amount  # type: ignore[assignment]  # seconds are counted, too
            self.total += amount
        if len(self.amounts) > self.limit:
            kept = self.amounts.most_common(self.limit // 2 + 1)
            self.short_by += kept.pop()[1]
            self.amounts = Counter(dict(kept))

    def top(self, count: int | None = None) -> list[tuple[str, float]]:
        """The largest, in order; equal ones by key."""
        ranked = sorted(self.amounts.items(), key=lambda item: (-item[1], item[0]))
        return list(ranked[:count])

    def __len__(self) -> int:
        return len(self.amounts)
