"""Texts by key, on disk while an export runs, so that joining two tables needs no memory for either."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType

from ...errors import StorageError


class DiskMultimap:
    """Any number of texts per key, in a temporary file that is deleted when the map is closed. A context manager."""

    def __init__(self, pairs: Iterable[tuple[bytes, str]]) -> None:
        """Fill the map. Keys are packed ids; the texts of one key keep their order.

        Raises StorageError when the temporary folder is full.
        """
        self._folder = tempfile.TemporaryDirectory(prefix="sg4v-export-")
        self._base = sqlite3.connect(Path(self._folder.name) / "texts.sqlite", isolation_level=None)
        with ExitStack() as stack, self._told():
            stack.callback(self.close)
            self._base.execute("PRAGMA journal_mode=OFF")  # a scratch file: nothing to recover after a crash
            self._base.execute("PRAGMA synchronous=OFF")
            self._base.execute("CREATE TABLE texts (key BLOB, text TEXT)")
            self._base.execute("BEGIN")
            self._base.executemany("INSERT INTO texts VALUES (?, ?)", pairs)
            self._base.execute("COMMIT")
            self._base.execute("CREATE INDEX by_key ON texts (key)")
            stack.pop_all()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            folder = Path(self._folder.name).parent
            raise StorageError(
                f"{folder}: the temporary file of this export cannot be written: {error}; make room there, or set"
                " TMPDIR to a larger disk, then run again"
            ) from error

    def get(self, key: bytes) -> list[str]:
        """The texts of a key; empty if it has none."""
        return [text for (text,) in self._base.execute("SELECT text FROM texts WHERE key = ? ORDER BY rowid", (key,))]

    def close(self) -> None:
        self._base.close()
        self._folder.cleanup()

    def __enter__(self) -> DiskMultimap:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
