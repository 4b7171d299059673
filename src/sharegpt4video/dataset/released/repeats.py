"""Ids and texts that several rows share: a hash and a place for each, compared once all rows are read."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

_LINE_BITS = 40


@dataclass(frozen=True)
class Repeat:
    """Rows that share an id or a text: how many more than one, and where the first ones are (file number, line)."""

    kind: str
    count: int
    places: tuple[tuple[int, int], ...]
    words: str


class RepeatFinder:
    """Finds repeats among the rows it is given; 16 bytes for each id and each text."""

    def __init__(self) -> None:
        self._ids: dict[str, tuple[array[int], array[int]]] = {}
        self._texts = array("q"), array("q")

    def add_id(self, kind: str, id: str, file: int, line: int) -> None:
        if id and id != "None":
            keys, places = self._ids.setdefault(kind, (array("q"), array("q")))
            keys.append(_hash(id))
            places.append(file << _LINE_BITS | line)

    def add_text(self, text: str, file: int, line: int) -> None:
        keys, places = self._texts
        keys.append(_hash(" ".join(text.split())))
        places.append(file << _LINE_BITS | line)

    def groups(self, limit: int) -> Iterator[Repeat]:
        """For each kind: the first groups of rows with the same, and one more that counts the others."""
        for kind, (keys, places) in self._ids.items():
            yield from _groups(kind, keys, places, limit)
        yield from _groups("same caption", *self._texts, limit)


def _groups(kind: str, keys: array[int], places: array[int], limit: int) -> Iterator[Repeat]:
    if not len(keys):
        return
    hashes, at = np.frombuffer(keys, np.int64), np.frombuffer(places, np.int64)
    order = np.lexsort((at, hashes))
    hashes, at = hashes[order], at[order]
    if kind == "same caption":  # a row that says the same twice is no matter of several videos
        new = np.ones(len(at), bool)
        new[1:] = (hashes[1:] != hashes[:-1]) | (at[1:] != at[:-1])
        hashes, at = hashes[new], at[new]
    starts = np.flatnonzero(np.r_[True, hashes[1:] != hashes[:-1]])
    sizes = np.diff(np.r_[starts, len(hashes)])
    several = np.flatnonzero(sizes > 1)
    several = several[np.argsort(at[starts[several]], kind="stable")]
    for number in several[:limit].tolist():
        begin, size = int(starts[number]), int(sizes[number])
        yield Repeat(kind, size - 1, tuple(_place(int(one)) for one in at[begin : begin + 2]), f"{size} rows")
    rest = int((sizes[several[limit:]] - 1).sum())
    if rest:
        first = int(at[starts[several[limit]]])
        yield Repeat(kind, rest, (_place(first),), "and others")


def _place(packed: int) -> tuple[int, int]:
    return packed >> _LINE_BITS, packed & ((1 << _LINE_BITS) - 1)


def _hash(text: str) -> int:
    found = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(found, "big", signed=True)
