"""What videos look like, for "more like this one": the embeddings of the survey in a file of eight-bit numbers.

It is read from one end to the other for a question, some megabytes at a time: a million videos are 260 MB, which the
system keeps at hand while they are used, and no memory of ours.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...dataset.similar.columns import vectors_of
from ...files import open_own

DIMENSIONS = 256
_RECORD = np.dtype([("norm", "<f4"), ("vector", "i1", (DIMENSIONS,))])
_CHUNK = 1 << 14


class Pictures:
    """The vectors of an index, by number from 0. One thread adds, any may look."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __len__(self) -> int:
        return self._path.stat().st_size // _RECORD.itemsize if self._path.exists() else 0

    def add(self, embeddings: pa.Array) -> NDArray[np.int64]:
        """Take embeddings (float16, little endian) and return their numbers; -1 for one that cannot be compared."""
        numbers = np.full(len(embeddings), -1, np.int64)
        fits = np.array([len(one) == 2 * DIMENSIONS if one is not None else False for one in embeddings.to_pylist()])
        if not fits.any():
            return numbers
        vectors = vectors_of(embeddings.filter(pa.array(fits))).astype(np.float32)
        largest = np.abs(vectors).max(axis=1, keepdims=True)
        usable = np.isfinite(largest[:, 0]) & (largest[:, 0] > 0)
        scaled = np.rint(vectors[usable] * (127 / largest[usable]))
        records = np.zeros(len(scaled), _RECORD)
        records["vector"], records["norm"] = scaled, np.linalg.norm(scaled, axis=1)
        first = len(self)
        with open_own(self._path, "ab") as file:
            file.truncate(first * _RECORD.itemsize)  # what a killed process wrote in part
            file.write(records.tobytes())
        numbers[np.flatnonzero(fits)[usable]] = np.arange(first, first + len(records))
        return numbers

    def nearest(self, number: int, most: int) -> NDArray[np.int64]:
        """The numbers of the vectors nearest to one of them by cosine, itself first."""
        count = len(self)
        if not 0 <= number < count:
            return np.empty(0, np.int64)
        with self._path.open("rb") as file:
            file.seek(number * _RECORD.itemsize)
            own = np.frombuffer(file.read(_RECORD.itemsize), _RECORD)[0]
            wanted = own["vector"].astype(np.float32) / max(float(own["norm"]), 1e-9)
            file.seek(0)
            scores = np.empty(count, np.float32)
            for first in range(0, count, _CHUNK):
                records = np.frombuffer(file.read(_CHUNK * _RECORD.itemsize), _RECORD)[: count - first]
                scores[first : first + len(records)] = (records["vector"].astype(np.float32) @ wanted) / records["norm"]
        scores[number] = np.inf
        best = np.argpartition(-scores, min(most, count - 1))[:most] if count > most else np.arange(count)
        ordered: NDArray[np.int64] = best[np.argsort(-scores[best], kind="stable")].astype(np.int64)
        return ordered
