"""What follows from all rows of a data set together: files replaced, failures that stand.

It is worked out by the functions that all commands go by, and takes a small share of the time.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pyarrow as pa

from ...dataset.ledger import Failures
from ...dataset.sources.listed import Listed
from ...dataset.store import parts
from ...dataset.store.generations import contents
from ...dataset.store.ids import unpacked_id
from ...dataset.store.parts import Written
from ...dataset.store.store import Store
from ...errors import StorageError
from .index import Index

logger = logging.getLogger(__name__)

LAST_FAILURES = 20
LEAST_SECONDS = 2.0
SHARE = 20.0
"""One part in so many of the time goes into this."""


@dataclass
class Known:
    """What is known beside the index itself. Each value is replaced as a whole, so other threads can read it.

    waiting_rows   captions that are written and not yet in the index
    written        when captions were written, oldest first
    failures       the last of those that stand
    problems       parts that cannot be read, and why
    counting       held while rows go from waiting into the index: no caption is counted twice, or not at all
    """

    videos: int = 0
    waiting_rows: int = 0
    written: tuple[Written, ...] = ()
    failures: tuple[dict[str, str], ...] = ()
    problems: dict[str, str] = field(default_factory=dict)
    counting: threading.Lock = field(default_factory=threading.Lock)


class Derived:
    """Keeps ``known`` and those columns of an index up to date; used by the thread that writes the index."""

    def __init__(self, store: Store, index: Index) -> None:
        self._store = store
        self._db = index.cursor()
        self._written: dict[str, list[Written]] = {}
        self._at = -1e9
        self._took = 0.0
        self._from: object = None
        self.known = Known()

    def refresh(self, listed: dict[str, tuple[str, ...]]) -> bool:
        """Look again if the parts of the tables are others than before; returns whether anything was done."""
        tables = {
            table: contents(self._store.fs, f"{self._store.root}/{table}").live
            for table in ("sources", "failures", "shorts")
        }
        state = (tables, listed["selection"], listed["captions"] if tables["failures"] else ())
        wait = max(LEAST_SECONDS, SHARE * self._took)
        if state == self._from or time.monotonic() - self._at < wait:
            return False
        began = time.monotonic()
        try:
            sources = Listed(self._store)
            failed = list(_standing(self._store, sources)) if tables["failures"] else []
        except StorageError as error:
            logger.warning("%s; which failures stand is not known", error)
            return False
        self._write_derived([unpacked_id(id) for id in sources.replaced], failed)
        self.known.videos = len(sources.ids)
        self.known.failures = tuple(failed[-LAST_FAILURES:])
        self.known.written = tuple(one for name in listed["captions"] for one in self._times(name))
        self._from, self._at = state, time.monotonic()
        self._took = self._at - began
        return True

    def _times(self, name: str) -> list[Written]:
        """When the rows of a part of the captions were written; read once."""
        if name not in self._written:
            try:
                with parts.opened(self._store.fs, f"{self._store.root}/captions/{name}", whole=False) as file:
                    self._written[name] = parts.written(file)
            except StorageError:
                return []
        return self._written[name]

    def _write_derived(self, replaced: list[str], failed: list[dict[str, str]]) -> None:
        self._db.register("gone", pa.table({"id": pa.array(replaced, pa.string())}))
        columns = ("id", "failure", "message", "location")
        self._db.register("failed", pa.table({c: pa.array([row[c] for row in failed], pa.string()) for c in columns}))
        try:
            self._db.execute("BEGIN")
            is_gone = "(id IN (SELECT id::UUID FROM gone))"
            self._db.execute(f"UPDATE videos SET replaced = NOT replaced WHERE replaced <> {is_gone}")
            self._db.execute(
                "CREATE OR REPLACE TEMP TABLE standing AS SELECT id::UUID AS id, last(failure) AS failure,"
                " last(message) AS message, last(location) AS location FROM failed WHERE id <> '' GROUP BY 1"
            )
            self._db.execute(
                "UPDATE videos SET failure = NULL, failure_message = NULL"
                " WHERE failure IS NOT NULL AND id NOT IN (SELECT id FROM standing)"
            )
            self._db.execute(
                "UPDATE videos SET failure = s.failure, failure_message = s.message,"
                " video = coalesce(video, s.location) FROM standing s"
                " WHERE videos.id = s.id AND (videos.failure, videos.failure_message)"
                " IS DISTINCT FROM (s.failure, s.message)"
            )
            self._db.execute(
                "INSERT INTO videos (id, replaced, video, location, failure, failure_message)"
                " SELECT id, false, location, location, failure, message FROM standing"
                " WHERE id NOT IN (SELECT id FROM videos)"
            )
            self._db.execute(  # pages go by these numbers
                "UPDATE videos SET n = o.n FROM (SELECT id, (SELECT coalesce(max(n), 0) FROM videos)"
                " + row_number() OVER (ORDER BY id) AS n FROM videos WHERE n IS NULL AND failure IS NOT NULL) o"
                " WHERE videos.id = o.id"
            )
            self._db.execute("COMMIT")
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        finally:
            self._db.unregister("gone")
            self._db.unregister("failed")


def _standing(store: Store, listed: Listed) -> Iterator[dict[str, str]]:
    """The failures that stand, in the order they were written."""
    failures = Failures(store, listed)
    columns = ["location", "stage", "kind", "message"]
    for batch in store.batches("failures", columns, batch_rows=1 << 14):
        for row in batch.filter(pa.array(failures.standing(batch))).to_pylist():
            yield {
                "id": row["id"],
                "failure": row["kind"],
                "stage": row["stage"],
                "message": row["message"],
                "location": row["location"],
            }
