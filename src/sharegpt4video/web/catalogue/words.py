"""Words over summaries, steps, on-screen text and speech: SQLite's FTS5, which the standard library brings.

A document is never changed or deleted: SQLite before 3.43 cannot do that without the text. A caption whose text changes
gets a new document, and the numbers that no caption has any more are dropped by whoever reads the hits.
"""

from __future__ import annotations

import re
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...errors import SettingsError

Docs = NDArray[np.int64]
Field = Literal["", "seen", "said"]

MOST_TERMS = 16
MOST_LETTERS = 500
MOST_SECONDS = 5.0
_TERM = re.compile(r'-?"[^"]*"?|\S+')
_UNSPACED = re.compile(
    "([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff])"
)
"""Letters of scripts that put no spaces between words: each is a word of its own, and several of them a phrase."""


def have_fts5() -> bool:
    """Whether this Python's SQLite can search texts."""
    try:
        with sqlite3.connect(":memory:") as memory:
            memory.execute("CREATE VIRTUAL TABLE probe USING fts5(body, content='')")
    except sqlite3.Error:
        return False
    return True


def expression(query: str, *, field: Field = "", any_of: bool = False) -> str:
    """What somebody typed as a query of FTS5: all of the words, or any of them; nothing in it is syntax but
    ``"a phrase"``, ``-without`` and ``begin*``.

    Raises SettingsError if there is no word in it, or too many.
    """
    if len(query) > MOST_LETTERS:
        raise SettingsError(f"the words to look for have {len(query)} letters; give at most {MOST_LETTERS}")
    wanted: list[str] = []
    unwanted: list[str] = []
    for term in _TERM.findall(_plain(query)):
        words = term.lstrip("-").strip('"')
        if not any(letter.isalnum() for letter in words):
            continue
        begins = term.endswith("*") and '"' not in term
        phrase = '"' + spaced(words).replace('"', '""').strip() + '"' + ("*" if begins else "")
        (unwanted if term.startswith("-") and not any_of else wanted).append(phrase)
    if len(wanted) + len(unwanted) > MOST_TERMS and not any_of:
        raise SettingsError(f"search for at most {MOST_TERMS} words at a time")
    if not wanted:
        raise SettingsError(f'{query!r} has no word to search for; write for example: dog "red car" -night')
    found = (" OR " if any_of else " AND ").join(wanted[:MOST_TERMS])
    found = f"({found})" + "".join(f" NOT {phrase}" for phrase in unwanted)
    return f"{{{field}}} : ({found})" if field else found


def spaced(text: str) -> str:
    """The text with spaces around letters that are words of their own."""
    return text if text.isascii() else _UNSPACED.sub(r" \1 ", text)


def _plain(text: str) -> str:
    """Without control characters and halves of surrogate pairs, which SQLite does not take."""
    whole = text.encode("utf-8", "replace").decode()
    return "".join(" " if ord(letter) < 32 or ord(letter) == 127 else letter for letter in whole)


class Words:
    """The texts of an index. One thread writes; any number of threads ask.

    Raises sqlite3.Error for a file that is damaged, also later.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: list[sqlite3.Connection] = []  # not one for each thread: threads of a server come and go
        self._all: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._writer = self._connect()
        self._writer.execute("PRAGMA journal_mode=WAL")
        self._writer.execute("PRAGMA synchronous=NORMAL")
        self._writer.execute(
            "CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5(body, seen, said, content='',"
            " tokenize='porter unicode61 remove_diacritics 2')"
        )
        self._writer.execute("CREATE TABLE IF NOT EXISTS given (last INTEGER)")
        self._writer.commit()
        row = self._writer.execute("SELECT max(last) FROM given").fetchone()
        self._last = int(row[0] or 0)

    @property
    def last(self) -> int:
        """The greatest number that was given to a document."""
        return self._last

    def add(self, texts: Iterable[tuple[str, str, str]]) -> Docs:
        """Take the body, the text seen and the words said of some documents, and return their numbers."""
        rows = [tuple(map(spaced, row)) for row in texts]
        first = self._last + 1
        self._last += len(rows)
        self._writer.executemany(
            "INSERT INTO words(rowid, body, seen, said) VALUES (?, ?, ?, ?)",
            ((first + at, *row) for at, row in enumerate(rows)),
        )
        return np.arange(first, self._last + 1, dtype=np.int64)

    def commit(self) -> None:
        """Make what was added last; called before anything refers to it."""
        self._writer.execute("DELETE FROM given")
        self._writer.execute("INSERT INTO given VALUES (?)", [self._last])
        self._writer.commit()

    def hits(self, expression: str) -> Docs:
        """The numbers of all documents that match, ascending. Raises SettingsError if that takes too long."""
        with self._asking() as reader:
            # One value for all rows: SQLite works without Python's lock until the last of them.
            found = reader.execute("SELECT group_concat(rowid) FROM words WHERE words MATCH ?", [expression])
            text = found.fetchone()[0] or ""
        return np.fromstring(text, np.int64, sep=",") if text else np.empty(0, np.int64)

    def ranked(self, expression: str, most: int) -> tuple[Docs, bool]:
        """The best documents, best first, and whether these are all that match."""
        with self._asking() as reader:
            found = reader.execute(
                "SELECT rowid FROM words WHERE words MATCH ? ORDER BY rank, rowid LIMIT ?", [expression, most + 1]
            ).fetchall()
        return np.array([row[0] for row in found[:most]], np.int64), len(found) <= most

    def is_few(self, expression: str, most: int) -> bool:
        """Whether at most so many documents match."""
        with self._asking() as reader:
            counted = "SELECT count(*) FROM (SELECT 1 FROM words WHERE words MATCH ? LIMIT ?)"
            return int(reader.execute(counted, [expression, most + 1]).fetchone()[0]) <= most

    def close(self) -> None:
        for connection in self._all:
            connection.close()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, check_same_thread=False, timeout=30)
        connection.execute("PRAGMA cache_size=-2000")  # there are as many as ask at once
        self._all.append(connection)
        return connection

    @contextmanager
    def _asking(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            reader = self._idle.pop() if self._idle else self._connect()
        end = time.monotonic() + MOST_SECONDS
        reader.set_progress_handler(lambda: time.monotonic() > end, 200_000)
        try:
            yield reader
        except sqlite3.OperationalError as error:
            if "interrupted" in str(error):
                raise SettingsError("too many captions match; search for rarer words") from error
            raise
        finally:
            reader.set_progress_handler(None, 0)
            with self._lock:
                self._idle.append(reader)
