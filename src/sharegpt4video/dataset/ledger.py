"""What is known of each video: what earlier runs have done, which failures stand, what the filters keep.

Read from the tables once, a few dozen bytes for each video. Carrying a build on, its status, exports and the report all
ask here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..records import UNANSWERED
from .decide.decisions import NOT_CAPTIONED
from .decide.words import stored_gates
from .rows import TABLES, Stage, Survey
from .sources.listed import Listed
from .store.ids import IdIndex, Ids, packed_ids, unpacked_id
from .store.schema import arrow_schema, to_rows
from .store.store import Store

_HEAVY = {
    "hashes": pa.scalar([], pa.list_(pa.string())),
    "embedding": pa.scalar(b"", pa.binary()),
    "centre_hashes": pa.scalar([], pa.list_(pa.string())),
    "centre_embedding": pa.scalar(b"", pa.binary()),
}
ALL_KINDS = "all"
UNLISTED: Stage = "list"
"""The stage of what is named and cannot be a source; its id is one of its place, of no video."""
DONE_AT: dict[Stage, str] = {"survey": "surveys", "short": "shorts"}
"""Stages whose failure is over once the table has the video."""
AFTER_CAPTIONING: tuple[Stage, ...] = ("check", "repair")
"""Stages whose failure leaves a caption as it was."""
PASSING = frozenset({"unavailable", "model", "vanished"})
"""Not the fault of the video: each run tries again, since the server or the model's options may have been fixed, or the
file may be back or found elsewhere."""

NEIGHBOURS, BLOCKS_KEPT = 64, 16
"""Surveys are turned into values so many at a time, which costs as much as three alone; a build asks for them in about
the order in which they were written."""


class Ledger:
    """The finished videos of a data set, by id.

    retry        kinds of failures that are to be tried again ("all" for every kind)
    with_hashes  also load what near-duplicates are found by, which is most of a survey
    """

    def __init__(self, store: Store, *, retry: Collection[str] = (), with_hashes: bool = False) -> None:
        columns = [name for name in Survey.__dataclass_fields__ if with_hashes or name not in _HEAVY]
        self._captioned = IdIndex(store.ids("captions"))
        self._unanswered = _unanswered(store)
        self._failed, self._kinds = _failed_ids(store, PASSING.union(retry))
        self._surveys = _Lookup(store, "surveys", columns)
        self._surveys_of = lru_cache(BLOCKS_KEPT)(self._block)
        self._shorts = _Lookup(store, "shorts", ["text", "problem"])
        self._seen: set[bytes] = set()

    def first_time(self, id: str) -> bool:
        """Whether this id comes for the first time in this run."""
        packed = bytes.fromhex(id)
        if packed in self._seen:
            return False
        self._seen.add(packed)
        return True

    def captioned(self, id: str) -> bool:
        """Whether it has a caption of which no text is missing for want of an answer."""
        return id not in self._unanswered and id in self._captioned

    def next_revision(self, id: str) -> int:
        """The number of the caption that comes next: 0 for the first one."""
        return self._unanswered.get(id, -1) + 1

    def failed(self, id: str) -> bool:
        """Whether it failed before and is not to be tried again."""
        return id in self._failed and not self.captioned(id)

    def failed_kind(self, id: str) -> str:
        """The kind of failure that ``failed`` speaks of."""
        at = self._failed.place(id)
        return "" if at is None else self._kinds[at]

    def surveyed(self, id: str) -> bool:
        return self._surveys.has(id)

    def survey(self, id: str) -> Survey | None:
        at = self._surveys.place(id)
        if at is None:
            return None
        try:
            return self._surveys_of(at // NEIGHBOURS)[at % NEIGHBOURS]
        except ValueError:  # of a neighbour, perhaps
            return to_rows(Survey, self._surveys.slice(at, 1))[0]

    def _block(self, number: int) -> list[Survey]:
        return to_rows(Survey, self._surveys.slice(number * NEIGHBOURS, NEIGHBOURS))

    def short_text(self, id: str) -> str | None:
        """The short caption that was made for it; "" for one that cannot be used, None if none was made."""
        found = self._shorts.row(id)
        if found is None:
            return None
        problem = str(found.column("problem")[0].as_py())
        if re.search(UNANSWERED, problem):
            return None
        return "" if problem else str(found.column("text")[0].as_py())


class Failures:
    """Which of the stored failures stand.

    One of a name stands until the name is listed, one of a check or a repair as long as the caption counts, and any
    other until the video got past that stage, has a caption, or is dropped. ``over`` are the ids that have a caption or
    are dropped, if they are known already.
    """

    def __init__(self, store: Store, listed: Listed, over: Ids | None = None) -> None:
        if over is None:
            over = np.concatenate([listed.ids_in(store, "captions"), dropped_ids(store)])
        self._over, self._listed = IdIndex(over), IdIndex(listed.ids)
        self._past = _Past(store)

    def standing(self, batch: pa.RecordBatch) -> NDArray[np.bool_]:
        """Which rows of a batch stand; it has the columns ``id`` and ``stage``."""
        ids = packed_ids(batch.column("id"))
        stages = batch.column("stage")
        listed, over = self._listed.has(ids), self._over.has(ids)
        over |= self._past.rows(batch)
        for stage in AFTER_CAPTIONING:
            over &= ~_equal(stages, stage)
        return np.where(_equal(stages, UNLISTED), ~listed, listed & ~over)


class _Past:
    """Which failures are over because their video has got past that stage since."""

    def __init__(self, store: Store) -> None:
        self._done = {stage: IdIndex(store.ids(table)) for stage, table in DONE_AT.items()}

    def rows(self, batch: pa.RecordBatch) -> NDArray[np.bool_]:
        """Which rows of a batch with the columns ``id`` and ``stage`` these are."""
        ids, over = packed_ids(batch.column("id")), np.zeros(batch.num_rows, bool)
        for stage, done in self._done.items():
            over |= _equal(batch.column("stage"), stage) & done.has(ids)
        return over


def _equal(column: pa.Array, value: str) -> NDArray[np.bool_]:
    equal: NDArray[np.bool_] = pc.equal(column, value).to_numpy(zero_copy_only=False)
    return equal


def kept_ids(store: Store) -> IdIndex | None:
    """The ids of the selected videos; None when nothing was selected yet."""
    if not store.parts("selection"):
        return None
    batches = store.batches("selection", ["kept"], batch_rows=1 << 16)
    return IdIndex(_joined(packed_ids(batch.column("id").filter(batch.column("kept"))) for batch in batches))


def dropped_ids(store: Store) -> Ids:
    """The ids of the videos that the selection dropped; one that only lacks its caption is left to do, or failed."""
    chunks = []
    for batch in store.batches("selection", ["kept", "gate", "reason"], batch_rows=1 << 16):
        others = batch.filter(pc.invert(batch.column("kept")))
        by_filters = [gate != NOT_CAPTIONED for gate in stored_gates(others)]
        chunks.append(packed_ids(others.column("id"))[np.array(by_filters, bool)])
    return _joined(chunks)


def _joined(chunks: Iterable[Ids]) -> Ids:
    return np.concatenate([np.empty(0, "S16"), *chunks])


def unanswered(batch: pa.RecordBatch) -> NDArray[np.bool_]:
    """For each caption of a batch, whether a text is missing because the model did not answer.

    The batch has the columns ``summary_problem`` and ``steps``, of which the problems are enough.
    """
    return any_problem(batch, lambda problems: pc.match_substring_regex(problems, UNANSWERED))


def any_problem(batch: pa.RecordBatch, matches: Callable[[pa.Array], pa.Array]) -> NDArray[np.bool_]:
    """For each caption of such a batch, whether the problem of its summary or of a step matches."""
    found: NDArray[np.bool_] = matches(batch.column("summary_problem")).to_numpy(zero_copy_only=False).copy()
    steps = batch.column("steps")
    parents = pc.list_parent_indices(steps)
    found[pc.filter(parents, matches(steps.flatten().field("problem"))).to_numpy(zero_copy_only=False)] = True
    return found


class _Lookup:
    """Some columns of a table, found by id."""

    def __init__(self, store: Store, table: str, columns: list[str]) -> None:
        batches = list(store.batches(table, columns, batch_rows=1 << 14))
        self._table = _completed(pa.Table.from_batches(batches), TABLES[table]) if batches else None
        self._index = IdIndex(packed_ids(self._table.column("id")) if self._table is not None else np.empty(0, "S16"))

    def has(self, id: str) -> bool:
        return id in self._index

    def place(self, id: str) -> int | None:
        """Which row this id has, counted from 0; None if it has none."""
        return self._index.place(id)

    def slice(self, start: int, count: int) -> pa.Table:
        """Up to ``count`` rows from ``start`` on."""
        assert self._table is not None, "an empty table has no places"
        return self._table.slice(start, count)

    def row(self, id: str) -> pa.Table | None:
        """The row of this id as a table of one row; None if there is none."""
        at = self.place(id)
        return None if at is None else self.slice(at, 1)


def _completed(table: pa.Table, row_type: type) -> pa.Table:
    """The table with the columns that were not read, empty: whole rows are turned into values several times faster."""
    schema = arrow_schema(row_type)
    if not {field.name for field in schema} - {*table.column_names} <= {*_HEAVY}:
        return table
    read = {name: table.column(name) for name in table.column_names}
    columns = [read.get(field.name) for field in schema]
    filled = [
        pa.chunked_array([pa.repeat(_HEAVY[field.name], table.num_rows)]) if column is None else column
        for field, column in zip(schema, columns, strict=True)
    ]
    return pa.Table.from_arrays(filled, schema=schema)


def _unanswered(store: Store) -> dict[str, int]:
    """The captions that lack texts for want of an answer, with their revisions."""
    found: dict[str, int] = {}
    for batch in store.batches("captions", ["revision", "summary_problem", "steps.list.element.problem"]):
        some = batch.filter(pa.array(unanswered(batch)))
        ids = map(unpacked_id, packed_ids(some.column("id")))
        found.update(zip(ids, some.column("revision").to_pylist(), strict=True))
    return found


def _failed_ids(store: Store, retry: Collection[str]) -> tuple[IdIndex, list[str]]:
    """Ids whose last failure kept them from a caption and is not of a kind to be tried again, and their kinds."""
    chunks, kinds, past = [np.empty(0, "S16")], [np.empty(0, object)], _Past(store)
    for batch in store.batches("failures", ["kind", "stage"]):
        told = np.array(batch.column("kind").to_pylist(), object)
        kept = np.array([kind not in retry and ALL_KINDS not in retry for kind in told], bool) & ~past.rows(batch)
        for stage in AFTER_CAPTIONING:
            kept &= ~_equal(batch.column("stage"), stage)
        chunks.append(packed_ids(batch.column("id"))[kept])
        kinds.append(told[kept])
    return IdIndex(np.concatenate(chunks)), np.concatenate(kinds).tolist()
