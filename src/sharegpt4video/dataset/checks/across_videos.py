"""One text on several videos: what no look at a single caption can find.

A published set carries one caption about four thousand times, on the wrong videos: replies that were mixed up. Here
every summary leaves 42 bytes behind, its fingerprint; equal fingerprints are equal texts, and alike ones alike texts.
MinHash over word triples: A. Broder, "On the resemblance and containment of documents", 1997.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Iterable, Iterator
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from ...records import Finding
from ...verify.prose import SUMMARY

LEAST_WORDS = 12
LEAST_WORDS_OF_A_PAIR = 30
LEAST_VIDEOS = 3
"""Short texts may be true of two videos; from ``LEAST_WORDS_OF_A_PAIR`` words on a second video is enough."""

BANDS, ROWS_OF_BAND, BANDS_ALIKE = 8, 4, 3
"""Texts are alike when so many of 8 bands agree: at 90 % equal word triples nearly always, at 50 % hardly ever."""

_WORD = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]|[^\W_]+")
_SCRAMBLE = np.random.default_rng(20240606).integers(1, 1 << 32, (BANDS * ROWS_OF_BAND, 2), dtype=np.uint64) | 1
_MASK = np.uint64(0xFFFFFFFF)

_FINGERPRINT = np.dtype([("text", np.uint64), ("words", np.uint16), ("bands", np.uint32, (BANDS,))])
_FOUND = np.dtype([("videos", np.uint32), ("first", np.uint32), ("same", np.bool_)])
Fingerprints = NDArray[np.void]
Found = NDArray[np.void]
SAME, ALIKE = "the same", "nearly the same"


def fingerprint(text: str) -> tuple[int, int, NDArray[np.uint32]]:
    """What is kept of a text: a hash of its words, how many they are, and a hash for each of 8 bands of MinHash."""
    words = _WORD.findall(text.casefold())
    exact = int.from_bytes(hashlib.blake2b(" ".join(words).encode(), digest_size=8).digest(), "little")
    codes = np.array([zlib.crc32(word.encode()) for word in words], np.uint64)
    if len(codes) < 3:
        return exact, len(words), np.zeros(BANDS, np.uint32)
    triples = np.unique((codes[:-2] * 0x9E3779B1 + codes[1:-1] * 0x85EBCA77 + codes[2:] * 0xC2B2AE3D) & _MASK)
    mixed = (triples[None, :] ^ (triples[None, :] >> np.uint64(15))) * _SCRAMBLE[:, :1] + _SCRAMBLE[:, 1:]
    least = ((mixed & np.uint64(0xFFFFFFFFFFFF)) >> np.uint64(16)).min(axis=1).reshape(BANDS, ROWS_OF_BAND)
    weights = np.array([1, 0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D], np.uint64)
    return exact, min(len(words), 65535), ((least * weights).sum(axis=1) >> np.uint64(7)).astype(np.uint32)


class Repeats:
    """Finds texts that stand on several videos. Add every summary once, then ask by place; 42 to 84 bytes each."""

    def __init__(self) -> None:
        self._rows = np.zeros(1024, _FINGERPRINT)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, text: str) -> None:
        """Take in the next summary."""
        if self._count == len(self._rows):
            self._rows = np.concatenate([self._rows, np.zeros(self._count, _FINGERPRINT)])
        self._rows[self._count] = fingerprint(text)
        self._count += 1

    def extend(self, texts: Iterable[str]) -> None:
        for text in texts:
            self.add(text)

    def reorder(self, order: NDArray[np.intp]) -> None:
        """Put the summaries into another order, so that what is found does not depend on the one they came in."""
        self._rows = self._rows[: self._count][order]

    def groups(self) -> Iterator[tuple[str, NDArray[np.int64]]]:
        """The places of texts that are the same, then of those that are nearly the same; largest groups first."""
        rows = self._rows[: self._count]
        told = np.flatnonzero(rows["words"] >= LEAST_WORDS)
        same = list(_large(_equal(rows["text"][told], told), rows))
        taken = np.zeros(self._count, bool)
        for places in same:
            taken[places] = True
        yield from ((SAME, places) for places in same)
        alike = _large(_similar(rows, told), rows)
        yield from ((ALIKE, places) for places in alike if not taken[places].all())

    def found(self) -> Found:
        """For each text, as added: on how many videos it stands (0: on this one only), how, and where first."""
        found = np.zeros(self._count, _FOUND)
        for how, places in self.groups():
            fresh = places[found["videos"][places] == 0]
            found["same"][fresh] = how == SAME
            found["videos"][fresh] = len(places)
            found["first"][fresh] = places[0]
        return found

    @staticmethod
    def finding(found: np.void, first_id: str) -> Finding:
        """The finding for one text of ``found``; ``first_id`` is the id of the first video of its group."""
        how = SAME if found["same"] else ALIKE
        return Finding("repeated", SUMMARY, f"{how} text stands on {found['videos']} videos, the first is {first_id}")


def _equal(keys: NDArray[np.uint64], places: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """The places that share a key, for each key that several of them have."""
    order = np.argsort(keys, kind="stable")
    first = np.ones(len(keys), bool)
    first[1:] = keys[order][1:] != keys[order][:-1]
    starts = np.flatnonzero(first)
    ends = np.append(starts[1:], len(keys))
    several = ends[: len(starts)] - starts > 1
    for start, end in zip(starts[several], ends[: len(starts)][several], strict=True):
        yield np.sort(places[order[start:end]])


def _large(groups: Iterable[NDArray[np.int64]], rows: Fingerprints) -> list[NDArray[np.int64]]:
    """Groups that are no accident: of long texts from two videos on, of short ones from three."""
    kept = [
        places
        for places in groups
        if len(places) >= LEAST_VIDEOS or int(rows["words"][places].min()) >= LEAST_WORDS_OF_A_PAIR
    ]
    return sorted(kept, key=lambda places: (-len(places), int(places[0])))


def _similar(rows: Fingerprints, told: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Groups of texts of which each agrees with another one of the group in enough bands."""
    told = told[_shares_bands(rows["bands"][told])]
    groups = _Groups()
    for chosen in combinations(range(BANDS), BANDS_ALIKE):
        key = np.zeros(len(told), np.uint64)
        for band in chosen:
            key = key * np.uint64(0x9E3779B97F4A7C15) + rows["bands"][told, band].astype(np.uint64) + np.uint64(1)
        for places in _equal(key, told):
            groups.join(places.tolist())
    yield from groups.found()


def _shares_bands(bands: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Which texts have enough bands that any other text has, too; only they can be like another."""
    shared = np.zeros(len(bands), np.uint8)
    for band in range(BANDS):
        _, inverse, counts = np.unique(bands[:, band], return_inverse=True, return_counts=True)
        shared += counts[inverse.ravel()] > 1
    return np.asarray(shared >= BANDS_ALIKE)


class _Groups:
    """Places that belong together, directly or through others."""

    def __init__(self) -> None:
        self._parent: dict[int, int] = {}

    def join(self, places: list[int]) -> None:
        first = self._top(places[0])
        for place in places[1:]:
            top = self._top(place)
            if top != first:
                self._parent[max(top, first)] = min(top, first)
                first = min(top, first)

    def found(self) -> Iterator[NDArray[np.int64]]:
        members: dict[int, list[int]] = {}
        for place in sorted(self._parent):
            members.setdefault(self._top(place), []).append(place)
        yield from (np.array(places, np.int64) for places in members.values() if len(places) > 1)

    def _top(self, place: int) -> int:
        self._parent.setdefault(place, place)
        while self._parent[place] != place:
            self._parent[place] = self._parent[self._parent[place]]
            place = self._parent[place]
        return place
