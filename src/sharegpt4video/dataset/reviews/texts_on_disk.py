"""The texts of reviews by caption, in a temporary file of SQLite that goes when it is closed: memory stays bounded."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import fields

from ...errors import StorageError
from ..rows import Review

_NAMES = tuple(field.name for field in fields(Review))
_KEYS = ("id", "caption_id", "batch")
"""Stored as 16 bytes each."""


class ReviewTexts:
    """Any number of reviews, found by their caption."""

    def __init__(self) -> None:
        # The empty name is a private file in the temporary folder, which SQLite keeps in memory while it is small.
        self._base = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._base.execute("PRAGMA journal_mode=OFF")
        self._base.execute(f"CREATE TABLE reviews ({', '.join(_NAMES)})")
        self._base.execute("CREATE INDEX by_caption ON reviews (caption_id)")
        self._base.execute("CREATE INDEX by_id ON reviews (id)")

    @contextmanager
    def adding(self) -> Iterator[Callable[[Iterable[Review]], None]]:
        """A function that adds reviews. Raises StorageError when the temporary folder is full."""
        marks = ", ".join("?" * len(_NAMES))

        def add(rows: Iterable[Review]) -> None:
            self._base.executemany(f"INSERT INTO reviews VALUES ({marks})", map(_packed, rows))

        try:
            self._base.execute("BEGIN")
            yield add
            self._base.execute("COMMIT")
        except sqlite3.Error as error:
            raise StorageError(
                f"{tempfile.gettempdir()}: the temporary file of the reviews cannot be written: {error}; make room"
                " there, or set TMPDIR to a larger disk, then run again"
            ) from error

    def of(self, caption_id: str) -> list[Review]:
        """The reviews of a caption in the order of time."""
        return list(self._select("WHERE caption_id = ? ORDER BY time_ns, id", bytes.fromhex(caption_id)))

    def has(self, id: str) -> bool:
        """Whether there is a review of this id."""
        return self._base.execute("SELECT 1 FROM reviews WHERE id = ?", (bytes.fromhex(id),)).fetchone() is not None

    def every(self) -> Iterator[Review]:
        """All of them in the order of time."""
        return self._select("ORDER BY time_ns, id")

    def rows_by_batch(self) -> dict[str, int]:
        rows = self._base.execute("SELECT batch, count(*) FROM reviews WHERE batch != x'' GROUP BY batch")
        return {batch.hex(): count for batch, count in rows}

    def _select(self, rest: str, *values: object) -> Iterator[Review]:
        for row in self._base.execute(f"SELECT {', '.join(_NAMES)} FROM reviews {rest}", values):
            plain = dict(zip(_NAMES, row, strict=True))
            yield Review(**plain | {name: plain[name].hex() for name in _KEYS})


def _packed(row: Review) -> list[object]:
    return [bytes.fromhex(getattr(row, name)) if name in _KEYS else getattr(row, name) for name in _NAMES]
