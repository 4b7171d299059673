"""The nearest of many unit vectors: all of them compared while they are few, with FAISS when they are many."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arrays import GrowingArray

Rows = NDArray[np.float32]

EXACT_UP_TO = 50_000
"""Beyond so many vectors FAISS is used where it is installed."""
COMPARED_ROWS = 1 << 14
LISTS, PROBED = 1024, 24
"""FAISS sorts vectors into so many lists, and looks into so many of them."""


class Neighbours:
    """Unit vectors in the order they were added."""

    def __init__(self) -> None:
        self._exact: GrowingArray | None = None
        self._lists: Any = None
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, rows: Rows) -> None:
        """Take further vectors (n, dimensions) of length 1."""
        self._count += len(rows)
        if self._lists is not None:
            self._lists.add(rows)
            return
        if self._exact is None:
            self._exact = GrowingArray(np.float32, rows.shape[1:])
        self._exact.add(rows)
        if self._count > EXACT_UP_TO and importlib.util.find_spec("faiss") is not None:
            self._lists, self._exact = _trained(self._exact.rows), None

    def nearest(self, rows: Rows) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """For each row the largest cosine and the position of that vector; -inf and -1 when there are none."""
        if self._lists is not None:
            cosines, places = self._lists.search(np.ascontiguousarray(rows), 1)
            return cosines[:, 0], places[:, 0]
        cosines, places = np.full(len(rows), -np.inf, np.float32), np.full(len(rows), -1, np.int64)
        held = np.empty((0, rows.shape[1]), np.float32) if self._exact is None else self._exact.rows
        for start in range(0, len(held), COMPARED_ROWS):
            found = rows @ held[start : start + COMPARED_ROWS].T
            best = found.argmax(axis=1)
            values = found[np.arange(len(rows)), best]
            better = values > cosines
            cosines[better], places[better] = values[better], best[better] + start
        return cosines, places


def _trained(rows: Rows) -> Any:
    """An index of FAISS that holds these vectors: lists by nearest of 1024 means, float16."""
    import faiss

    size = rows.shape[1]
    lists = min(LISTS, max(1, len(rows) // 40))
    means = faiss.IndexFlatIP(size)
    index = faiss.IndexIVFScalarQuantizer(
        means, size, lists, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT, False
    )
    index.train(rows)
    index.add(rows)
    index.nprobe = PROBED
    return index
