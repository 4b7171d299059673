"""What videos look like, as arrays: keyframe hashes and embeddings out of the text and bytes of survey rows."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .arrays import GrowingArray
from .bands import Hashes, Indices

Vectors = NDArray[np.float16]

SIMILARITY_COLUMNS = ("hashes", "embedding", "centre_hashes", "centre_embedding")
"""The columns of the table ``surveys`` that near-duplicates are found with."""
HASH_DIGITS = 16

_DIGIT = np.full(256, 255, np.uint8)
_DIGIT[np.frombuffer(b"0123456789abcdefABCDEF", np.uint8)] = [*range(16), *range(10, 16)]


def hash_numbers(column: pa.ListArray) -> tuple[Hashes, Indices]:
    """The different keyframe hashes of videos, one video after the other, and how many each has; "" is none.

    Raises ValueError for a hash that is not 16 hex digits.
    """
    texts = column.flatten()
    numbers, lengths = _numbers(texts)
    owners = np.repeat(np.arange(len(column)), np.asarray(column.value_lengths().fill_null(0)))[lengths > 0]
    order = np.lexsort((numbers, owners))
    owners, numbers = owners[order], numbers[order]
    fresh = np.ones(len(owners), np.bool_)
    fresh[1:] = (owners[1:] != owners[:-1]) | (numbers[1:] != numbers[:-1])
    return numbers[fresh], np.bincount(owners[fresh], minlength=len(column))


def vectors_of(column: pa.BinaryArray) -> Vectors:
    """Embeddings as (videos, dimensions); a row of zeros for a video without one, no dimensions if all are without.

    Raises ValueError when they are not float16 or not of one length.
    """
    data, lengths = _content(column)
    sizes = np.unique(lengths[lengths > 0])
    if len(sizes) > 1 or (sizes % 2).any():
        raise ValueError(f"embeddings are float16 and all of one length, not of {sizes.tolist()} bytes")
    if not len(sizes):
        return np.zeros((len(column), 0), np.float16)
    vectors = np.zeros((len(column), int(sizes[0]) // 2), np.float16)
    vectors[lengths > 0] = data.view("<f2").reshape(-1, vectors.shape[1])
    return vectors


class GrowingVectors:
    """Embeddings of one length, kept as they come."""

    def __init__(self) -> None:
        self._held: GrowingArray | None = None
        self._without = 0  # videos before the first that has an embedding

    def add(self, vectors: Vectors) -> None:
        """Take those of further videos. Raises ValueError when they are longer or shorter than the ones before."""
        count, size = vectors.shape
        if self._held is None and not size:
            self._without += count
            return
        if self._held is None:
            self._held = GrowingArray(np.float16, (size,))
            self._held.add(np.zeros((self._without, size), np.float16))
        wanted = self._held.rows.shape[1]
        if size not in (0, wanted):
            raise ValueError(f"an embedding has {size} numbers, those before it {wanted}; survey the videos again")
        self._held.add(vectors if size else np.zeros((count, wanted), np.float16))

    def __getitem__(self, rows: Indices) -> Vectors:
        return np.zeros((len(rows), 0), np.float16) if self._held is None else self._held.rows[rows]


class ColumnVectors:
    """Embeddings that stay in their Arrow column."""

    def __init__(self, column: pa.BinaryArray | pa.ChunkedArray) -> None:
        self._chunks = [column] if isinstance(column, pa.Array) else column.chunks
        self._starts = np.cumsum([0] + [len(chunk) for chunk in self._chunks])

    def __getitem__(self, rows: Indices) -> Vectors:
        # Chunk by chunk: Arrow's own `take` joins all chunks first, in some versions.
        chunks = np.searchsorted(self._starts, rows, side="right") - 1
        order = np.argsort(chunks, kind="stable")
        parts = [
            self._chunks[chunk].take(pa.array(rows[order][chunks[order] == chunk] - self._starts[chunk]))
            for chunk in np.unique(chunks)
        ]
        found = vectors_of(pa.concat_arrays(parts)) if parts else np.zeros((0, 0), np.float16)
        sorted_back = np.empty_like(found)
        sorted_back[order] = found
        return sorted_back


def _content(column: pa.Array) -> tuple[NDArray[np.uint8], Indices]:
    """The bytes of all values of a text or binary column, joined, and the length of each."""
    if column.null_count:
        raise ValueError("a hash or an embedding is null; surveys have empty ones instead")
    if not len(column):
        return np.empty(0, np.uint8), np.empty(0, np.int64)
    wide = pa.types.is_large_string(column.type) or pa.types.is_large_binary(column.type)
    _, ends, data = column.buffers()
    edges = np.frombuffer(ends, np.int64 if wide else np.int32)[column.offset : column.offset + len(column) + 1]
    return np.frombuffer(data or b"", np.uint8)[edges[0] : edges[-1]], np.diff(edges).astype(np.int64)


def _numbers(texts: pa.Array) -> tuple[Hashes, Indices]:
    """The values of hex texts without the empty ones, and the length of each text."""
    data, lengths = _content(texts)
    digits = _DIGIT[data]
    if not np.isin(lengths, (0, HASH_DIGITS)).all() or (digits == 255).any():
        wrong = next(text for text in texts.to_pylist() if not _is_hash(text))
        raise ValueError(f"a keyframe hash is {HASH_DIGITS} hex digits, not {wrong!r}")
    values = np.asarray(digits[::2] << 4 | digits[1::2], np.uint8)
    return np.asarray(values.view(">u8"), np.uint64), lengths


def _is_hash(text: str) -> bool:
    return not text or (len(text) == HASH_DIGITS and all(digit in "0123456789abcdefABCDEF" for digit in text))
