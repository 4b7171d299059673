"""Text embeddings kept beside a data set, so that a resumed run encodes no text twice."""

from __future__ import annotations

import hashlib
import io
import os
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Sequence
from types import TracebackType

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ..store.storage import names, open_storage, put, read
from .arrays import GrowingArray
from .novelty import TextEncoder

Keys = NDArray[np.uint64]
Vectors = NDArray[np.float16]

FOLDER = "vectors"
PART_TEXTS = 4096
"""So many new embeddings are written at a time; a killed run has to encode fewer than that again."""
PARTS_HELD = 4
PART_ROWS = 1 << 32
"""Where a vector is, as one number: that of its part times this, plus that of its row."""
PROBE = "A person in a red jacket rides a bicycle along a river while it begins to rain."
SAME_MODEL = 0.999
"""Embeddings were made by the same model when the one of the probe has this cosine to that of today."""


class CachedEncoder:
    """An encoder that looks into ``ROOT/vectors`` first, and adds what it has to encode.

    Embeddings are kept as float16, by encoder name and a 64-bit hash of the text. A file that is damaged, or was made
    by another model of the same name, is not used. Memory: 20 bytes for each text; only some thousand vectors are held,
    since a resumed run asks in about the order of the first.

    Use it in a ``with`` block, or call ``flush``: otherwise the last embeddings are not written. Raises StorageError
    when the folder cannot be read or written.
    """

    def __init__(self, encoder: TextEncoder, root: str | os.PathLike[str]) -> None:
        self._encoder, self.name = encoder, encoder.name
        self._fs, path = open_storage(root)
        readable = re.sub(r"[^A-Za-z0-9]+", "-", self.name).strip("-")[-40:]
        self._folder = f"{path}/{FOLDER}/{readable}-{hashlib.blake2b(self.name.encode(), digest_size=4).hexdigest()}"
        self._probe = encoder.encode([PROBE])[0]
        self._parts: list[str] = []
        self._held: OrderedDict[int, Vectors] = OrderedDict()
        self._new_keys, self._new = GrowingArray(np.uint64), GrowingArray(np.float16, self._probe.shape)
        self._index(list(names(self._fs, self._folder)))

    def __enter__(self) -> CachedEncoder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.flush()

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One row for each text, shape (texts, dimensions); of length 1 up to the rounding to float16."""
        keys = np.array([_key(text) for text in texts], np.uint64)
        rows = np.zeros((len(texts), len(self._probe)), np.float16)
        missing = ~self._look_up(keys, rows)
        if missing.any():
            _, wanted, back = np.unique(keys[missing], return_index=True, return_inverse=True)
            places = np.flatnonzero(missing)
            fresh = self._encoder.encode([texts[place] for place in places[wanted]]).astype(np.float16)
            rows[missing] = fresh[back]
            self._new_keys.add(keys[places[wanted]])
            self._new.add(fresh)
            if len(self._new) >= PART_TEXTS:
                self.flush()
        return rows.astype(np.float32)

    def flush(self) -> None:
        """Write what is new."""
        if not len(self._new):
            return
        width = pa.binary(2 * len(self._probe))
        table = pa.table(
            {
                "key": pa.array(self._new_keys.rows, pa.uint64()),
                "vector": pa.FixedSizeBinaryArray.from_buffers(
                    width, len(self._new), [None, pa.py_buffer(self._new.rows.astype("<f2").tobytes())]
                ),
            }
        ).replace_schema_metadata({"encoder": self.name, "probe": self._probe.astype("<f4").tobytes()})
        buffer = io.BytesIO()
        pq.write_table(table, buffer, compression="zstd")
        name = f"{time.time_ns():020d}-{secrets.token_hex(4)}.parquet"
        put(self._fs, f"{self._folder}/{name}", buffer.getvalue())
        self._take(name, self._new_keys.rows.copy())
        self._new_keys, self._new = GrowingArray(np.uint64), GrowingArray(np.float16, self._probe.shape)

    def _index(self, found: list[str]) -> None:
        self._keys, self._places = np.empty(0, np.uint64), np.empty(0, np.int64)
        keys: list[Keys] = []
        places: list[NDArray[np.int64]] = []
        for name in found:
            table = self._read(name) if name.endswith(".parquet") else None
            if table is not None:
                keys.append(np.asarray(table["key"].to_numpy(), np.uint64))
                places.append(len(self._parts) * PART_ROWS + np.arange(len(keys[-1])))
                self._parts.append(name)
        if keys:
            self._merge(np.concatenate(keys), np.concatenate(places))

    def _take(self, name: str, keys: Keys) -> None:
        places = len(self._parts) * PART_ROWS + np.arange(len(keys))
        self._parts.append(name)
        self._merge(np.concatenate([self._keys, keys]), np.concatenate([self._places, places]))

    def _merge(self, keys: Keys, places: NDArray[np.int64]) -> None:
        self._keys, first = np.unique(keys, return_index=True)
        self._places = places[first]

    def _look_up(self, keys: Keys, rows: Vectors) -> NDArray[np.bool_]:
        """Fill in the rows of known keys; returns which."""
        order = np.argsort(self._new_keys.rows)
        known, at = _places(self._new_keys.rows[order], keys)
        rows[known] = self._new.rows[order[at[known]]]
        stored, at = _places(self._keys, keys)
        parts, numbers = np.divmod(self._places[at[stored]], PART_ROWS)
        for part in np.unique(parts):
            vectors = self._vectors(int(part))
            if vectors is not None:
                mine = np.flatnonzero(stored)[parts == part]
                rows[mine] = vectors[numbers[parts == part]]
                known[mine] = True
        return known

    def _vectors(self, part: int) -> Vectors | None:
        if part not in self._held:
            table = self._read(self._parts[part])
            if table is None:
                return None
            data = table["vector"].combine_chunks()
            whole = data.chunk(0) if isinstance(data, pa.ChunkedArray) else data
            flat = np.frombuffer(whole.buffers()[1], "<f2")
            self._held[part] = flat.reshape(-1, len(self._probe))[whole.offset : whole.offset + len(whole)]
            if len(self._held) > PARTS_HELD:
                self._held.popitem(last=False)
        self._held.move_to_end(part)
        return self._held[part]

    def _read(self, name: str) -> pa.Table | None:
        """A stored part; None for one that cannot be used."""
        data = read(self._fs, f"{self._folder}/{name}")
        if data is None:
            return None
        try:
            table = pq.read_table(pa.BufferReader(data))
        except (pa.ArrowException, OSError):
            return None
        probe = np.frombuffer((table.schema.metadata or {}).get(b"probe", b""), "<f4")
        same = probe.shape == self._probe.shape and float(probe @ self._probe) >= SAME_MODEL
        return table if same and {"key", "vector"} <= set(table.column_names) else None


def _places(held: Keys, wanted: Keys) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Which of the wanted keys are among sorted ones, and where."""
    if not len(held):
        return np.zeros(len(wanted), np.bool_), np.zeros(len(wanted), np.int64)
    at = np.minimum(np.searchsorted(held, wanted), len(held) - 1)
    return held[at] == wanted, at


def _key(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
