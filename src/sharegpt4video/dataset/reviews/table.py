"""The rows of the table ``reviews``: written by several people and a build at the same time, read as they come in.

No lock is taken. Each call writes one part under a name with random digits, so two writers never write the same file,
and whoever merges parts (``Store.compact``, under the lock) keeps those that came in meanwhile. A part is there whole
or not at all, so a killed writer loses what it had not told anybody was stored, and nothing else. Since parts may be
merged in any order, a row says itself when it was committed, and that alone decides the order.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...errors import StorageError
from ..rows import Review
from ..store import parts
from ..store.ids import IdIndex, Ids, distinct, packed_id, packed_ids, sorting
from ..store.schema import to_rows
from ..store.store import Store
from .texts_on_disk import ReviewTexts

TABLE = "reviews"
READS = 5
"""How often to list the parts again when some were merged while they were being read."""
_VERDICTS = {None: -1, "": 0, "accept": 1, "reject": 2}
ACCEPTED, REJECTED = 1, 2


def new_id() -> str:
    return secrets.token_hex(16)


def commit(store: Store, rows: Sequence[Review]) -> list[Review]:
    """Write reviews as one part; they come later than all that are there. Returns them with their times.

    Raises StorageError when they cannot be written; then none of them is.
    """
    if not rows:
        return []
    stamp = store.next_stamp(TABLE, afresh=True)
    timed = [replace(row, time_ns=stamp + number) for number, row in enumerate(rows)]
    store.append_at(TABLE, timed, timed[-1].time_ns)
    return timed


@dataclass(frozen=True)
class _Part:
    """What is held in memory of the reviews of a part: some 70 bytes for each."""

    ids: Ids
    captions: Ids
    times: NDArray[np.int64]
    batches: Ids
    verdicts: NDArray[np.int8]
    has_text: NDArray[np.bool_]


class Reviews:
    """The reviews of a data set that are there now; ``refresh`` reads what has come in since.

    Texts are kept in a temporary file. Thread-safe.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._mutex = threading.RLock()
        self._forget()

    def _forget(self) -> None:
        self._parts: dict[str, _Part] = {}
        self._texts = ReviewTexts()
        self._about_batches: list[Review] = []
        self._settle()

    def refresh(self) -> bool:
        """Read the parts that were not there before; returns whether there is any review.

        Raises StorageError when they cannot be read.
        """
        with self._mutex:
            for attempt in range(READS):
                now = self._store.parts(TABLE)
                try:
                    self._take(now)
                    break
                except StorageError as error:
                    self._forget()
                    merged = isinstance(error.__cause__, FileNotFoundError) and self._store.parts(TABLE) != now
                    if attempt == READS - 1 or not merged:
                        raise
            return bool(self._parts)

    def _take(self, now: Sequence[str]) -> None:
        if self._parts.keys() - now:  # merged: the same rows under other names
            self._forget()
        new = [path for path in now if path not in self._parts]
        for path in new:
            self._parts[path] = self._read(path)
        if new:
            self._settle()

    def _read(self, path: str) -> _Part:
        light: list[pa.RecordBatch] = []
        with parts.opened(self._store.fs, path, whole=True) as file, self._texts.adding() as add:
            for batch in file.iter_batches(batch_size=parts.ROW_GROUP_ROWS):
                light.append(batch.select(["id", "caption_id", "time_ns", "batch", "verdict", "text", "kind"]))
                rows = to_rows(Review, batch)
                self._about_batches += [row for row in rows if row.kind in ("begin", "end", "undo")]
                add(row for row in rows if row.caption_id)
        table = pa.Table.from_batches(light) if light else None
        if table is None:
            empty = np.empty(0, "S16")
            return _Part(empty, empty, np.empty(0, np.int64), empty, np.empty(0, np.int8), np.empty(0, bool))
        return _Part(
            packed_ids(table.column("id")),
            packed_ids(table.column("caption_id")),
            np.asarray(table.column("time_ns"), np.int64),
            packed_ids(table.column("batch")),
            np.array([_VERDICTS[value] for value in table.column("verdict").to_pylist()], np.int8),
            np.asarray(table.column("text").is_valid()),
        )

    def _settle(self) -> None:
        """Work out which reviews count, of which captions they are, and the last verdict on each of these."""
        self._about_batches.sort(key=order)
        self.withdrawn = _withdrawn(self._about_batches)
        self._ended = {row.batch for row in self._about_batches if row.kind == "end"}
        every = list(self._parts.values())
        none = np.empty(0, "S16")
        captions = np.concatenate([none, *(part.captions for part in every)])
        batches = np.concatenate([none, *(part.batches for part in every)])
        ids = np.concatenate([none, *(part.ids for part in every)])
        times = np.concatenate([np.empty(0, np.int64), *(part.times for part in every)])
        verdicts = np.concatenate([np.empty(0, np.int8), *(part.verdicts for part in every)])
        has_text = np.concatenate([np.empty(0, bool), *(part.has_text for part in every)])
        counts = self._counting(ids, captions, batches)
        self.edited = IdIndex(distinct(captions[counts & has_text]))
        judged = counts & (verdicts >= 0)
        by_time = np.lexsort((ids[judged], times[judged]))
        captions, verdicts = captions[judged][by_time], verdicts[judged][by_time]
        order_of = sorting(captions)  # stable: of one caption, the last verdict comes last
        captions, verdicts = captions[order_of], verdicts[order_of]
        last = np.ones(len(captions), bool)
        last[:-1] = captions[1:] != captions[:-1]
        self._judged, self._verdicts = IdIndex(captions[last]), np.append(verdicts[last], np.int8(0))

    def _counting(self, ids: Ids, captions: Ids, batches: Ids) -> NDArray[np.bool_]:
        gone = np.array([packed_id(one) for one in self.withdrawn], "S16")
        ended = np.array([packed_id(one) for one in self._ended], "S16")
        in_batch: NDArray[np.bool_] = batches != b""
        undone = IdIndex(gone).has(ids) | (in_batch & IdIndex(gone).has(batches))
        counts: NDArray[np.bool_] = (captions != b"") & (~in_batch | IdIndex(ended).has(batches)) & ~undone
        return counts

    def counts(self, row: Review) -> bool:
        """Whether a review is neither withdrawn nor part of a bulk change that is withdrawn or was not finished."""
        if row.id in self.withdrawn or row.batch in self.withdrawn:
            return False
        return not row.batch or row.batch in self._ended

    def knows(self, id: str) -> bool:
        """Whether there is a batch or a review of this id."""
        with self._mutex:
            about = {one for row in self._about_batches for one in (row.id, row.batch)}
            return id in about or self._texts.has(id)

    def verdicts(self, ids: Ids) -> NDArray[np.int8]:
        """The last verdict on each of these captions: 0 for none, ``ACCEPTED``, ``REJECTED``."""
        return np.asarray(self._verdicts[self._judged.places(ids)])

    def judged(self) -> tuple[int, int]:
        """How many captions are accepted, and how many rejected."""
        verdicts = self._verdicts[:-1]
        return int(np.count_nonzero(verdicts == ACCEPTED)), int(np.count_nonzero(verdicts == REJECTED))

    def of(self, caption_id: str, *, all_of_them: bool = False) -> list[Review]:
        """The reviews of a caption in the order of time; those that count, or all of them."""
        with self._mutex:
            found = self._texts.of(caption_id)
        return [row for row in found if all_of_them or self.counts(row)]

    def every(self) -> Iterator[Review]:
        """All reviews of captions in the order of time, whether they count or not."""
        return self._texts.every()

    @property
    def about_batches(self) -> tuple[Review, ...]:
        """The rows that begin, end and withdraw bulk changes, in the order of time."""
        return tuple(self._about_batches)

    def rows_by_batch(self) -> dict[str, int]:
        """How many reviews each bulk change has written."""
        with self._mutex:
            return self._texts.rows_by_batch()


def order(row: Review) -> tuple[int, str]:
    return row.time_ns, row.id


def _withdrawn(rows: Sequence[Review]) -> set[str]:
    """The ids of batches and reviews that are undone. An undo may be undone as well, so the last one counts first."""
    gone: set[str] = set()
    for row in reversed(rows):
        if row.kind == "undo" and row.id not in gone:
            gone.add(row.batch)
    return gone
