"""Which id came first with a key: a hash table in NumPy arrays, for millions of keys."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..duplicates.grown import Grown

KEY_BYTES = 16
_LEAST_SLOTS = 1 << 10
_EMPTY = -1


class FirstSeen:
    """Keys of 16 bytes that are themselves hashes, each with the id (16 bytes) that it came with first.

    Takes 48 to 96 bytes a key. Adding takes some microseconds.
    """

    def __init__(self) -> None:
        self._keys, self._ids = Grown(f"V{KEY_BYTES}"), Grown(f"V{KEY_BYTES}")
        self._slots: NDArray[np.int32] = np.full(_LEAST_SLOTS, _EMPTY, np.int32)

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, key: bytes, id: bytes) -> bytes | None:
        """Note a key; returns the id that it came with before, None the first time."""
        mask = len(self._slots) - 1
        slot = int.from_bytes(key[:8], "little") & mask
        while (row := int(self._slots[slot])) != _EMPTY:
            if bytes(self._keys.rows[row]) == key:
                return bytes(self._ids.rows[row])
            slot = slot + 1 & mask
        self._slots[slot] = len(self._keys)
        self._keys.add(_one(key))
        self._ids.add(_one(id))
        if 2 * len(self._keys) > len(self._slots):
            self._spread(2 * len(self._slots))
        return None

    def _spread(self, slots: int) -> None:
        """Put all keys into a table of another size: each into the first free slot from its own on."""
        self._slots = np.full(slots, _EMPTY, np.int32)
        rows = np.arange(len(self._keys), dtype=np.int32)
        wanted = self._keys.rows.view("<u8")[::2].astype(np.int64) & (slots - 1)
        while len(rows):
            free = self._slots[wanted] == _EMPTY
            self._slots[wanted[free]] = rows[free]  # of several for one slot, the last one stays
            placed = self._slots[wanted] == rows
            rows, wanted = rows[~placed], wanted[~placed] + 1 & (slots - 1)


def _one(value: bytes) -> NDArray[Any]:
    if len(value) != KEY_BYTES:
        raise ValueError(f"a key is {KEY_BYTES} bytes, not {len(value)}")
    return np.frombuffer(value, f"V{KEY_BYTES}")
