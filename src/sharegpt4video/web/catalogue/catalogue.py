"""A data set as the pages see it: its captions page by page, one of them whole, and how far it is.

The index is made and kept up to date by one thread in the background, at low priority and out of the way of whoever
asks. Until it is there, the first pages come from Parquet itself.
"""

from __future__ import annotations

import logging
import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ...dataset.report.samples import find_rows
from ...dataset.rows import CaptionRow
from ...dataset.status import videos_per_second
from ...dataset.store import parts
from ...dataset.store.ids import Ids
from ...dataset.store.lock import is_being_written
from ...dataset.store.schema import to_rows
from ...dataset.store.storage import is_local
from ...dataset.store.store import Store, completed
from ...errors import SettingsError, StorageError
from .columns import COLUMNS
from .derive import Known
from .follow import Follower
from .index import Index, damage, following_errors, is_damage, opened
from .like import Likeness, Meaning
from .pages import Page, Pages, Query
from .place import place_for
from .raw import PREFIX, raw_page
from .summary import Counts, Described, counts_of, described

logger = logging.getLogger(__name__)

POLL_SECONDS = 2.0
FAR_POLL_SECONDS = 15.0
CATCH_UP_SECONDS = 2.0
OPEN_SECONDS = 10.0
CLOSE_SECONDS = 10.0
POLITE_SECONDS = 0.25
"""So long the background waits for those who ask, before each batch."""
ASKING_AT_ONCE = 4
STATE_SECONDS = 1.0
BUILDING_SECONDS = 0.1
"""A lock on a local disk is looked at in microseconds."""
GONE = "the data set is gone; put it back, or end this server"


class NotReady(StorageError):
    """The index is not there yet; ask again in a few seconds."""


class NoSuchCaption(SettingsError):
    """No caption has this id."""


@dataclass(frozen=True)
class Live:
    """How far a data set is. ``videos_per_second`` is None while nothing is being written."""

    counts: Counts
    building: bool
    videos_per_second: float | None
    failures: tuple[dict[str, str], ...]


@dataclass(frozen=True)
class Overview:
    """What a data set is. ``indexed_rows`` captions can be searched by now; ``problems`` are parts left out."""

    name: str
    model: str
    counts: Counts
    building: bool
    described: Described
    indexed_rows: int
    problems: tuple[str, ...]


class _Stopped(Exception):
    """The catalogue is being closed."""


class Catalogue:
    """The catalogue of the data set in a directory or at an address; ``start`` it, and ``close`` it in the end.

    cache       where the index goes if it cannot lie in the data set itself; None: the user's cache
    by_meaning  compare descriptions by meaning where the sentence encoder is installed

    Raises SG4VError if the directory is not a data set, MissingExtra without DuckDB. Methods may be called from any
    thread.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        cache: Path | None = None,
        poll_seconds: float | None = None,
        by_meaning: bool = True,
    ) -> None:
        damage()  # says at once if DuckDB is missing
        self.store = Store.open(path)
        self.name = self.store.root.rstrip("/").rpartition("/")[2]
        far = not is_local(self.store.fs)
        self._poll = poll_seconds or (FAR_POLL_SECONDS if far else POLL_SECONDS)
        self._cache, self._meaning = cache, Meaning() if by_meaning else None
        self._index: Index | None = None
        self._pages: Pages | None = None
        self._follower: Follower | None = None
        self._known = Known()
        self._whole = threading.Event()
        self._there = threading.Event()
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._damaged = threading.Event()
        self._newest = threading.Condition()
        self._told = self._taken = 0  # how often there was news, and up to which of it the index has come
        self._asking = 0
        self._slots = threading.BoundedSemaphore(ASKING_AT_ONCE)
        self._mutex = threading.Lock()
        self._states: dict[str, tuple[float, tuple[int, ...], Any]] = {}
        self._problem = ""
        self._thread = threading.Thread(target=self._run, name="sg4v-catalogue", daemon=True)

    def start(self) -> Catalogue:
        self._thread.start()
        return self

    def close(self) -> None:
        """Stop, and give the index back. What was taken in so far is kept."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(CLOSE_SECONDS)  # it may be in the middle of one long step; its work is not lost

    def __enter__(self) -> Catalogue:
        return self.start()

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def is_whole(self) -> bool:
        """Whether the index has had everything that was there at some time."""
        return self._whole.is_set()

    def wait(self, seconds: float = 60.0) -> bool:
        """Wait until ``is_whole``."""
        return self._whole.wait(seconds)

    def refresh_soon(self) -> None:
        """Look for new rows now; who searches next waits for them, for a moment at most."""
        with self._newest:
            self._told += 1
        self._wake.set()

    def require_there(self) -> None:
        """Raises NotReady where the data set was moved or deleted: what is known of it is not there any more."""
        if not self._remembered("there", (), self.store.exists):
            raise NotReady(f"{self.store.root}: {GONE}")

    def page(self, query: Query, after: str = "", limit: int = 50) -> Page:
        """One page of captions.

        Raises SettingsError for a question that makes no sense, NotReady while the index is being rebuilt.
        """
        plain = not (query.q or query.like or query.where) and query.order in ("", "row")
        if after.startswith(PREFIX) or (plain and not after and not self._whole.is_set()):
            if not plain:
                raise SettingsError("'after' does not belong to this search; start again without it")
            return raw_page(self.store, after, limit)
        self._catch_up()
        with self._open() as (_, pages):
            found = pages.page(query, after, limit)
        return found if self._whole.is_set() else replace(found, total=None)

    def ids(self, query: Query) -> Ids:
        """The ids of all captions that a question leaves. Raises as ``page``, NotReady until all can be searched."""
        if not self._whole.is_set():
            raise NotReady("the index of this data set is still being made; try again when it is whole")
        self._catch_up()
        with self._open() as (_, pages):
            return pages.ids(query)

    def row(self, id: str) -> CaptionRow:
        """One caption, with its reviews applied. Raises NoSuchCaption, StorageError."""
        if not re.fullmatch("[0-9a-f]{32}", id):
            raise NoSuchCaption("a caption is named by the 32 hex digits of its id")
        found = self._row_at(id)
        if found is None:
            found = find_rows(self.store, "captions", [id]).get(id)
        if found is None:
            raise NoSuchCaption(f"no caption has the id {id}")
        return found

    def number(self, id: str) -> dict[str, Any]:
        """What the index has about a video, by column; {} while it has nothing."""
        with self._open() as (index, _):
            db = index.cursor()
            rows = db.execute("SELECT * FROM shown WHERE id = ?::UUID", [id]).fetchall()
            names = [column[0] for column in db.execute("SELECT * FROM shown LIMIT 0").description]
            db.close()
        return dict(zip(names, rows[0], strict=True)) if rows else {}

    def overview(self) -> Overview:
        told = self.store.description
        with self._open() as (index, _):
            version = self._version()
            shape = self._remembered("shape", version, lambda: described(index.cursor(), COLUMNS))
        problems = tuple(self._known.problems.values())
        counts, rows = self._counts()
        return Overview(
            self.name, str(told["model"]), counts, self._building(), shape, rows,
            (*problems, *([self._problem] if self._problem else [])),
        )  # fmt: skip

    def live(self) -> Live:
        building = self._building()
        rate = videos_per_second(list(self._known.written)) if building else None
        return Live(self._counts()[0], building, rate, self._known.failures)

    def _counts(self) -> tuple[Counts, int]:
        with self._open() as (index, _):
            return self._remembered(  # type: ignore[no-any-return]
                "counts", self._version(), lambda: counts_of(index.cursor(), self._known)
            )

    def _building(self) -> bool:
        seconds = BUILDING_SECONDS if is_local(self.store.fs) else STATE_SECONDS
        return bool(self._remembered("building", (), lambda: is_being_written(self.store.fs, self.store.root), seconds))

    def _catch_up(self) -> None:
        """Wait until what ``refresh_soon`` was called for can be found: who has just edited a text searches for it."""
        if self._whole.is_set():
            with self._newest:
                told = self._told
                self._newest.wait_for(lambda: self._taken >= told, CATCH_UP_SECONDS)

    def _version(self) -> tuple[int, ...]:
        """After which refresh of which follower the index is, and how much of the next is still to come."""
        follower = self._follower
        return (id(follower), follower.version, self._known.waiting_rows) if follower else ()

    def _remembered(self, name: str, version: tuple[int, ...], make: Any, seconds: float = STATE_SECONDS) -> Any:
        """A value that is worked out again when the index has changed; during a refresh, once in ``seconds``."""
        with self._mutex:
            when, of, value = self._states.get(name, (-1e9, (), None))
            same = of[:2] == version[:2] and time.monotonic() - when < seconds
            if same or (version and of == version):
                return value
        value = make()
        with self._mutex:
            self._states[name] = (time.monotonic(), version, value)
        return value

    def _row_at(self, id: str) -> CaptionRow | None:
        """The row by the place that the index knows; None where that is not so (any more)."""
        try:
            with self._open(wait=False) as (index, _):
                db = index.cursor()
                found = db.execute(
                    "SELECT p.name, v.c_at FROM videos v JOIN parts p ON p.tab = 'captions' AND p.number = v.c_part"
                    " WHERE v.id = ?::UUID",
                    [id],
                ).fetchall()
                db.close()
        except NotReady:
            return None
        if not found:
            return None
        name, at = found[0]
        try:
            path = f"{self.store.root}/captions/{name}"
            for _, batch in parts.rows_at(self.store.fs, path, np.array([at], np.int64)):
                whole = self.store.overlay.applied(completed("captions", batch))
                row = to_rows(CaptionRow, whole)[0]
                return row if row.id == id else None
        except StorageError:
            return None  # compacted a moment ago
        return None

    @contextmanager
    def _open(self, *, wait: bool = True) -> Iterator[tuple[Index, Pages]]:
        """The index, which is not taken away meanwhile. A damaged one is rebuilt, and queried later."""
        if wait and not self._damaged.is_set():
            self._there.wait(OPEN_SECONDS)
        with self._slots:
            with self._mutex:
                index, pages = self._index, self._pages
                if index is None or pages is None or self._damaged.is_set():
                    raise NotReady(self._problem or "the index of this data set is being made; try again in a moment")
                self._asking += 1
            try:
                yield index, pages
            except damage() as error:
                if is_damage(error):
                    self._damaged.set()
                    self._wake.set()
                    logger.warning("%s: the index is damaged (%s); rebuilding it", self.name, error)
                    raise NotReady("the index was damaged and is being rebuilt; try again in a moment") from error
                raise
            finally:
                with self._mutex:
                    self._asking -= 1

    def _run(self) -> None:
        """What the thread in the background does, for as long as it lives."""
        with suppress(OSError, AttributeError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)  # of this thread alone, on Linux
        while not self._stop.is_set():
            try:
                self._follow()
            except _Stopped:
                return
            except (StorageError, OSError) as error:
                self._problem = str(error)
                logger.warning("%s", error)
                self._stop.wait(5 * self._poll)

    def _follow(self) -> None:
        place = place_for(self.store, self._cache)
        try:
            while True:
                index = opened(place, self.store.address, self._told_rebuild)
                try:
                    self._keep_up(index)
                finally:
                    self._withdraw(index)
                place.clear()
                self._stop.wait(self._poll)
        finally:
            place.close()

    def _keep_up(self, index: Index) -> None:
        """Take in what comes, until the index turns out to be damaged. Raises _Stopped in the end."""
        follower = Follower(self.store, index, self._pause)
        with self._mutex:
            self._index, self._follower, self._known = index, follower, follower.known
            self._pages = Pages(index, Likeness(index, self._meaning).nearest)
            self._states.clear()
        self._damaged.clear()
        while not self._damaged.is_set():
            try:
                self._there.set()
                told = self._told
                self.require_there()  # or its rows would be taken for deleted
                follower.refresh()
                self._problem = ""
                self._whole.set()
                with self._newest:
                    self._taken = told
                    self._newest.notify_all()
            except following_errors() as error:
                self._problem = str(error)
                logger.warning("%s: the index could not be brought up to date: %s", self.name, error)
                if is_damage(error):
                    self._damaged.set()
                    break
            self._wake.wait(self._poll)
            self._wake.clear()
            if self._stop.is_set():
                break
        if self._stop.is_set():
            raise _Stopped

    def _withdraw(self, index: Index) -> None:
        """Close an index once nobody asks it any more."""
        self._there.clear()
        self._whole.clear()
        with self._mutex:
            self._index = self._pages = self._follower = None
        until = time.monotonic() + OPEN_SECONDS
        while self._asking and time.monotonic() < until:
            time.sleep(0.02)
        index.close()

    def _pause(self) -> None:
        until = time.monotonic() + POLITE_SECONDS
        while self._asking and time.monotonic() < until and not self._stop.is_set():
            time.sleep(0.01)
        if self._stop.is_set():
            raise _Stopped

    def _told_rebuild(self, why: str) -> None:
        logger.info("%s: rebuilding the index: %s", self.name, why)
