"""The files of an index: a DuckDB database with one flat row for each video, and the texts for words.

``videos`` has a row for every id that any table of the data set has. Beside the columns of ``columns`` these are:

- n          the row's number in the order in which captions came; it stays when a caption is made again
- doc, text_hash  the document of its texts in ``words``, and what tells whether they have changed
- c_part, c_at    part and row of its caption, by which one row is read from Parquet; NULL: no caption
- s_part, k_part, x_part   parts of its survey, checks and selection
- picture    number of its embedding in ``pictures``
- checked_revision, checked_key   findings count while the caption is at this revision, with these reviews

``shown`` is what counts of it.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...errors import MissingExtra, StorageError
from .columns import CAPTION, CHECKS, COLUMNS, FAILURES, REVIEWS, SELECTION, SURVEY, quoted
from .pictures import Pictures
from .place import Place
from .words import Words, have_fts5

VERSION = "1"
MEMORY = "400MB"
OWN = {
    "id": "UUID",
    "n": "BIGINT",
    "doc": "BIGINT",
    "text_hash": "UBIGINT",
    "c_part": "INTEGER",
    "c_at": "INTEGER",
    "s_part": "INTEGER",
    "k_part": "INTEGER",
    "x_part": "INTEGER",
    "replaced": "BOOLEAN",
    "checked_revision": "INTEGER",
    "checked_key": "BIGINT",
    "edit_key": "BIGINT",
    "summary": "VARCHAR",
    "picture_seconds": "DOUBLE",
    "failure_message": "VARCHAR",
    "picture": "BIGINT",
}
STORED = {**OWN, **{c.name: c.sql_type for c in COLUMNS.values() if c.sql_type}}
PART_OF = {"captions": "c_part", "surveys": "s_part", "checks": "k_part", "selection": "x_part"}
"""The column with the part that a table's row of a video lies in."""
SOURCES = {"captions": CAPTION, "surveys": SURVEY, "checks": CHECKS, "selection": SELECTION}
_CHECKED = "checked_revision = revision AND coalesce(checked_key, 0) = coalesce(edit_key, 0)"
_COMPUTED = {
    "findings": f"CASE WHEN {_CHECKED} THEN coalesce(findings, 0) ELSE 0 END",
    "check": f'CASE WHEN {_CHECKED} THEN coalesce("check", []) ELSE [] END',
    "camera": "coalesce(camera, [])",
    "subject": "coalesce(subject, [])",
    **{
        column.name: f"coalesce({quoted(column.name)}, '')"
        for column in (*CAPTION, *SURVEY, *SELECTION, *FAILURES, *REVIEWS)
        if column.kind == "word"
    },
    "edited": "coalesce(edited, false)",
}


class DamagedIndex(Exception):
    """The files of an index cannot be read as they were written, or belong to something else."""


class Index:
    """An open index. Raises DamagedIndex if its files are of no use, MissingExtra without DuckDB."""

    def __init__(self, place: Place, address: str) -> None:
        self.place = place
        self.words: Words | None = None
        self.pictures = Pictures(place.folder / "pictures.i8")
        self._db: Any = None
        duckdb = _duckdb()
        try:
            self._db = duckdb.connect(
                str(place.folder / "videos.duckdb"),
                config={
                    "threads": 1,  # each request works in its own thread
                    "memory_limit": MEMORY,
                    "temp_directory": str(place.folder / "spill"),
                    "preserve_insertion_order": False,
                    "enable_external_access": True,
                    "autoinstall_known_extensions": False,
                    "autoload_known_extensions": False,
                },
            )
            self._lock_up()
            self._prepare(address)
            self.words = Words(place.folder / "words.sqlite") if have_fts5() else None
            self._check_words()
        except _opening_errors() as error:
            self.close()
            raise DamagedIndex(str(error)) from error

    def cursor(self) -> Any:
        """A connection of its own for one thread."""
        return self._db.cursor()

    def show(self, *, selected: bool) -> None:
        """Define what counts. ``selected``: whether the data set has a selection; without one every caption is kept."""
        computed = dict(_COMPUTED)
        if not selected:
            computed |= {"kept": "c_part IS NOT NULL", "split": "'train'"}
        columns = ", ".join(f"{computed.get(name, quoted(name))} AS {quoted(name)}" for name in STORED)
        self._db.execute(f"CREATE OR REPLACE VIEW shown AS SELECT {columns} FROM videos")

    def close(self) -> None:
        for part in (self.words, self._db):
            if part is not None:
                try:
                    part.close()
                except damage():
                    continue

    def _lock_up(self) -> None:
        """The data set may be a stranger's, and the index in it: a view there could read any file of this machine."""
        self._db.execute("SET enable_external_access = false")  # not at the start: then nothing may be spilled
        self._db.execute("SET lock_configuration = true")
        views = "SELECT view_name FROM duckdb_views() WHERE NOT internal AND view_name <> 'shown'"
        macros = "SELECT function_name FROM duckdb_functions() WHERE NOT internal"
        if names := self._db.execute(f"{views} UNION ALL {macros}").fetchall():
            raise DamagedIndex(f"it holds {names[0][0]}, which was not put there by us")

    def _prepare(self, address: str) -> None:
        self._db.execute("CREATE TABLE IF NOT EXISTS meta (version VARCHAR, address VARCHAR)")
        told = self._db.execute("SELECT version, address FROM meta").fetchall()
        if told and told != [(VERSION, address)]:
            raise DamagedIndex(f"of version {told[0][0]} for {told[0][1]}")
        if told:
            return
        columns = ", ".join(f"{quoted(name)} {kind}" for name, kind in STORED.items())
        self._db.execute("BEGIN")
        self._db.execute(f"CREATE TABLE videos ({columns})")
        self._db.execute("CREATE TABLE parts (tab VARCHAR, name VARCHAR, number INTEGER, rows BIGINT, problem VARCHAR)")
        self._db.execute("CREATE SEQUENCE part_number")  # no number comes twice: rows refer to parts by it
        self._db.execute("INSERT INTO meta VALUES (?, ?)", [VERSION, address])
        self._db.execute("COMMIT")
        self.show(selected=False)

    def _check_words(self) -> None:
        last = self._db.execute("SELECT coalesce(max(doc), 0) FROM videos").fetchall()[0][0]
        if self.words is not None and self.words.last < last:
            raise DamagedIndex("the texts are older than the rows")
        last = self._db.execute("SELECT coalesce(max(picture), -1) FROM videos").fetchall()[0][0]
        if len(self.pictures) <= last:
            raise DamagedIndex("pictures are missing")


def opened(place: Place, address: str, on_rebuild: Callable[[str], None] = lambda _: None) -> Index:
    """The index in a place, rebuilt if what is there cannot be used. Raises StorageError if that fails as well."""
    try:
        return Index(place, address)
    except DamagedIndex as error:
        on_rebuild(str(error))
    place.clear()
    try:
        return Index(place, address)
    except DamagedIndex as error:
        raise StorageError(
            f"{place.folder}: no index can be made here: {error}; free some space on this disk, it is tried again"
        ) from error


def damage() -> tuple[type[Exception], ...]:
    """What the two databases raise."""
    return (_duckdb().Error, sqlite3.Error)


def reading_errors() -> tuple[type[Exception], ...]:
    """What may be wrong with a part: it is damaged, or holds what no part of ours does."""
    return (StorageError, ValueError, KeyError, *damage())


def following_errors() -> tuple[type[Exception], ...]:
    """What may keep an index from being brought up to date."""
    return (StorageError, *damage())


def _opening_errors() -> tuple[type[Exception], ...]:
    return (DamagedIndex, *damage())


def is_damage(error: BaseException) -> bool:
    """Whether an error means that the files are of no use, rather than that a question or a row was wrong."""
    if isinstance(error, sqlite3.Error):
        return type(error) is sqlite3.DatabaseError or bool(re.search("malformed|disk I/O|no such table", str(error)))
    duckdb = _duckdb()
    broken = (duckdb.IOException, duckdb.FatalException, duckdb.InternalException, duckdb.SerializationException)
    return isinstance(error, (*broken, duckdb.CatalogException))


def _duckdb() -> Any:
    try:
        import duckdb
    except ImportError as error:
        raise MissingExtra("browsing a data set", "web") from error
    return duckdb


def size_bytes(folder: Path) -> int:
    """How much disk a place takes."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
