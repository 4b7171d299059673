"""Ids as 16 bytes each in NumPy arrays: packing, finding, and which of several rows with the same id counts."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Ids = NDArray[np.bytes_]

BAD = 255
DIGITS = np.full(256, BAD, np.uint8)
DIGITS[np.frombuffer(b"0123456789abcdef", np.uint8)] = np.arange(16)
DIGITS[np.frombuffer(b"ABCDEF", np.uint8)] = np.arange(10, 16)


def packed_ids(column: pa.ChunkedArray | pa.Array) -> Ids:
    """Ids of 32 hex digits as 16 bytes each, in a NumPy array of type S16; an empty id becomes 16 zero bytes.

    Raises ValueError naming the first id that is neither.
    """
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    packed = [_packed(chunk) for chunk in chunks if len(chunk)]
    if not packed:
        return np.empty(0, "S16")
    return packed[0] if len(packed) == 1 else np.concatenate(packed)


def packed_id(id: str) -> np.bytes_:
    """One id of 32 hex digits as an array of ids holds it."""
    packed: np.bytes_ = np.array([bytes.fromhex(id)], "S16")[0]
    return packed


def packed_all(ids: Iterable[str]) -> Ids:
    """Ids of 32 hex digits as an array."""
    return np.array([bytes.fromhex(id) for id in ids], "S16")


def unpacked_id(packed: np.bytes_ | bytes) -> str:
    """The 32 hex digits of an id from ``packed_ids``; "" for an empty one."""
    whole = bytes(packed).ljust(16, b"\0")  # NumPy drops zero bytes at the end
    return whole.hex() if any(whole) else ""


def sorting(ids: Ids) -> NDArray[np.intp]:
    """The order that sorts ids, equal ones as they came. Numbers sort several times faster than byte strings."""
    halves = np.ascontiguousarray(ids).view(">u8").reshape(-1, 2).astype(np.uint64)
    return np.lexsort((halves[:, 1], halves[:, 0]))


def distinct(ids: Ids) -> Ids:
    """The ids, sorted, each once."""
    ids = ids[sorting(ids)]
    first = np.ones(len(ids), bool)
    first[1:] = ids[1:] != ids[:-1]
    return ids[first]


class IdIndex:
    """Finds ids in an array of them, of equal ones the first. 16 bytes of memory for each if sorted, else 24."""

    def __init__(self, ids: Ids) -> None:
        order = sorting(ids)
        self._order = None if np.array_equal(order, np.arange(len(ids))) else order
        self._sorted = ids if self._order is None else ids[order]

    def __len__(self) -> int:
        return len(self._sorted)

    def __contains__(self, id: str) -> bool:
        return self.place(id) is not None

    def place(self, id: str) -> int | None:
        """Where in the array an id is."""
        packed = packed_id(id)
        at = int(np.searchsorted(self._sorted, packed))
        if at == len(self) or self._sorted[at] != packed:
            return None
        return at if self._order is None else int(self._order[at])

    def places(self, ids: Ids) -> NDArray[np.int64]:
        """Where in the array each of these ids is; -1 for one that is not there."""
        if not len(self):
            return np.full(len(ids), -1, np.int64)
        at = np.minimum(np.searchsorted(self._sorted, ids), len(self) - 1)
        return np.where(self._sorted[at] == ids, at if self._order is None else self._order[at], -1)

    def has(self, ids: Ids) -> NDArray[np.bool_]:
        """For each of these ids, whether it is in the array."""
        return self.places(ids) >= 0


class LatestRows:
    """Which rows of a table count: of equal ids the last one. Rows with an empty id all count.

    ``ids`` are those of all parts, one after the other; ``starts`` says where each part begins.
    """

    def __init__(self, ids: Ids, starts: NDArray[np.int64]) -> None:
        self._starts = starts
        self._mask: NDArray[np.bool_] | None = None
        order = sorting(ids)
        inner = ids[order]
        last = np.ones(len(ids), bool)
        last[:-1] = inner[1:] != inner[:-1]
        if not last.all():
            self._mask = np.zeros(len(ids), bool)
            self._mask[order[last]] = True
            self._mask[ids == b""] = True

    def mask(self, part: int, offset: int, count: int) -> NDArray[np.bool_] | None:
        """Which of ``count`` rows from ``offset`` in a part count; None for all of them."""
        if self._mask is None:
            return None
        start = int(self._starts[part]) + offset
        kept = self._mask[start : start + count]
        return None if kept.all() else kept


def _packed(array: pa.Array) -> Ids:
    if array.type != pa.large_string():
        array = array.cast(pa.large_string())
    _, offset_bytes, text_bytes = array.buffers()
    offsets = np.frombuffer(offset_bytes, np.int64)[array.offset : array.offset + len(array) + 1]
    lengths = np.diff(offsets)
    if array.null_count or not ((lengths == 32) | (lengths == 0)).all():
        _refuse(array)
    packed = np.zeros((len(array), 16), np.uint8)
    if offsets[-1] > offsets[0]:
        digits = DIGITS[np.frombuffer(text_bytes, np.uint8)[offsets[0] : offsets[-1]]].reshape(-1, 32)
        if (digits == BAD).any():
            _refuse(array)
        packed[lengths == 32] = digits[:, 0::2] << 4 | digits[:, 1::2]
    return packed.reshape(-1).view("S16")


def _refuse(array: pa.Array) -> None:
    for number, text in enumerate(array.to_pylist()):
        if text is None or (text and (len(text) != 32 or BAD in DIGITS[list(text.encode())])):
            raise ValueError(f"row {number}: an id has 32 hex digits, not {text!r}")
