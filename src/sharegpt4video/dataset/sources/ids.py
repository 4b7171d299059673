"""Ids of sources: a hash of the content folded with one of the span, and what earlier runs have hashed already."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import numpy as np

from ...files import CONTENT_ID_BYTES
from ..store.ids import IdIndex, sorting, unpacked_id

if TYPE_CHECKING:
    from ..rows import SourceVideo

HashLookup = Callable[[str, int, str], "str | None"]
"""Answers (location, size_bytes, modified) with the id of that content as a whole, or None where it is not known."""

ID_BYTES = CONTENT_ID_BYTES


def with_span(content: str, start_seconds: float | None, end_seconds: float | None) -> str:
    """The id of the span of a content; the whole has the id of the content itself.

    The span's hash is added bit by bit without carry, so the same call turns the id of a span back into that of the
    content: a stored row of any span of a file saves reading that file for all others.
    """
    if start_seconds is None and end_seconds is None:
        return content
    text = f"{_exact(start_seconds)} {_exact(end_seconds)}"
    span = hashlib.blake2b(text.encode(), digest_size=ID_BYTES, person=b"sg4v span").digest()
    return f"{int(content, 16) ^ int.from_bytes(span, 'big'):032x}"


def place_id(*texts: str) -> str:
    """An id for what has no content to hash: an unusable row of a list, a file that is gone, a web address."""
    packed = "\0".join(texts).encode(errors="surrogatepass")
    return hashlib.blake2b(packed, digest_size=ID_BYTES, person=b"sg4v place").hexdigest()


class StoredHashes:
    """What the stored sources say about contents, in 32 bytes a row. An instance is a ``HashLookup``."""

    def __init__(self, sources: Iterable[SourceVideo]) -> None:
        keys, contents = bytearray(), bytearray()
        for source in sources:
            if source.modified:
                keys += bytes.fromhex(place_id(source.location, str(source.size_bytes), source.modified))
                contents += bytes.fromhex(source.content_id)
        packed = np.frombuffer(bytes(keys), f"S{ID_BYTES}")
        order = sorting(packed)
        self._index = IdIndex(packed[order])
        self._contents = np.frombuffer(bytes(contents), f"S{ID_BYTES}")[order]

    def __call__(self, location: str, size_bytes: int, modified: str) -> str | None:
        place = self._index.place(place_id(location, str(size_bytes), modified))
        return None if place is None else unpacked_id(self._contents[place])


def _exact(seconds: float | None) -> str:
    return "-" if seconds is None else (float(seconds) + 0.0).hex()  # + 0.0 makes one zero of -0.0 and 0.0
