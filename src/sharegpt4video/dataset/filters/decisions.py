"""What the filters decide about a whole data set at once, from its stored scores: as ``Decider`` does, in arrays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..duplicates.looks import LOOK_COLUMNS
from ..rows import SourceVideo
from ..settings import FilterSettings
from ..sources.listed import Listed
from ..store.ids import IdIndex, Ids, packed_ids, sorting, unpacked_id
from ..store.schema import arrow_schema
from ..store.store import Store
from .filters import (
    DUPLICATE,
    FINDINGS,
    FINDINGS_GATE,
    GATES,
    NEAR,
    NOVELTY,
    STAGES,
    LookPool,
    Novel,
    TextPool,
    drops_near,
    look_alike,
    nothing_new,
    open_look_pool,
    open_text_pool,
    same_pictures,
)

Numbers = NDArray[np.float64]
Positions = NDArray[np.int64]

BATCH_ROWS, BATCH_TEXTS = 1 << 14, 1 << 12
KEPT = -1
_NO_HASH = b""


@dataclass(frozen=True, eq=False)
class Decisions:
    """The decisions about every surveyed video, in the order of the sources; an iteration gives (id, reason).

    rows       the row of each video in the table ``surveys``
    stage      the number in ``STAGES`` of what dropped each video, -1 for those that are kept
    first      for duplicates the position of the video that they are a duplicate of, or whose text is nearest; else -1
    distance   of each short caption to the nearest one in the pool when it was offered; NaN where it was not
    scores     the score of every video by gate, NaN where it was not measured
    seconds    the duration of every video, 0 where it is not known
    unsurveyed how many sources have no survey: they failed, or were not reached yet
    """

    settings: FilterSettings
    ids: Ids
    rows: Positions
    stage: NDArray[np.int8]
    first: Positions
    distance: Numbers
    scores: dict[str, Numbers]
    seconds: Numbers
    unsurveyed: int

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return ((unpacked_id(self.ids[row]), self.reason(row)) for row in range(len(self)))

    @property
    def kept(self) -> NDArray[np.bool_]:
        """Which videos no filter dropped."""
        return np.asarray(self.stage == KEPT)

    def reason(self, row: int) -> str:
        """Why the video in this row was dropped; "" when it was not."""
        if self.stage[row] == KEPT:
            return ""
        name = STAGES[self.stage[row]]
        if name == DUPLICATE:
            return same_pictures(unpacked_id(self.ids[self.first[row]]))
        if name == NEAR:
            return look_alike(unpacked_id(self.ids[self.first[row]]))
        threshold = getattr(self.settings, name)
        if name == NOVELTY:
            return nothing_new(float(self.distance[row]), unpacked_id(self.ids[self.first[row]]), threshold)
        gate = FINDINGS_GATE if name == FINDINGS else GATES[name]
        return gate.reason(float(self.scores[name][row]), threshold)


def decide_all(
    store: Store,
    settings: FilterSettings,
    *,
    novelty: TextPool | None = None,
    near: LookPool | None = None,
) -> Decisions:
    """Decide about every video of a data set, in the order of its sources.

    The same as a ``Decider`` that is asked for one after the other; then, where captions have been checked,
    ``settings.max_findings``. Pools that the settings need and that are not given are opened, see
    ``filters.open_text_pool``; they must be empty. Short captions are the user's own, where the settings of the data
    set say so, or those in the table ``shorts``. About 250 bytes of memory for each video, besides the pools.

    Raises what opening the pools raises.
    """
    ids, rows, unsurveyed = order_of(store)
    columns = _columns(store)
    scores = {
        name: np.asarray(gate.score(*(columns[column][rows] for column in gate.columns)), np.float64)
        for name, gate in GATES.items()
    }
    scores[FINDINGS] = _findings(store, ids)
    state = _State(ids, scores, settings)
    for name in GATES:
        state.apply(name)
    if settings.duplicate_packets:
        state.drop_copies(_packet_hashes(store)[rows])
    if drops_near(settings):
        state.drop_near(near or open_look_pool(settings), _looks(store, rows, state.open_rows()))
    if settings.min_novelty is not None:
        pool = novelty or open_text_pool(store.settings(), store.address)
        state.drop_known(pool, _Texts(store, ids, store.settings().novelty.use_given))
        if novelty is None and pool is not None:
            pool.flush()
    state.apply(FINDINGS)
    seconds = np.nan_to_num(columns["duration_seconds"][rows])
    return Decisions(settings, ids, rows, state.stage, state.first, state.distance, scores, seconds, unsurveyed)


class _State:
    """Who is dropped so far."""

    def __init__(self, ids: Ids, scores: dict[str, Numbers], settings: FilterSettings) -> None:
        self._ids, self._scores, self._settings = ids, scores, settings
        self.stage: NDArray[np.int8] = np.full(len(ids), KEPT, np.int8)
        self.first: Positions = np.full(len(ids), -1, np.int64)
        self.distance: Numbers = np.full(len(ids), np.nan)

    def open_rows(self) -> Positions:
        """The rows that are still in, in order."""
        return np.flatnonzero(self.stage == KEPT)

    def apply(self, name: str) -> None:
        """Drop what is on the wrong side of one threshold."""
        threshold = getattr(self._settings, name)
        if threshold is not None:
            gate = FINDINGS_GATE if name == FINDINGS else GATES[name]
            self._drop(np.flatnonzero(gate.fails(self._scores[name], threshold) & (self.stage == KEPT)), name)

    def drop_copies(self, hashes: Ids) -> None:
        """Drop what has the coded pictures of an earlier row that is still in."""
        rows = self.open_rows()
        rows = rows[hashes[rows] != _NO_HASH]
        first = rows[_first_equal(hashes[rows])]
        copies = first != rows
        self.first[rows[copies]] = first[copies]
        self._drop(rows[copies], DUPLICATE)

    def drop_near(self, pool: Any, looks: Iterable[tuple[Positions, list[pa.Array]]]) -> None:
        """Drop what looks like an earlier row that is still in."""
        index = IdIndex(self._ids)
        for rows, columns in looks:
            ids = [unpacked_id(self._ids[row]) for row in rows]
            firsts = packed_ids(pa.array(_added(pool, ids, columns), pa.string()))
            first = index.places(firsts)
            near = first != rows
            self.first[rows[near]] = first[near]
            self._drop(rows[near], NEAR)

    def drop_known(self, pool: Any, texts: _Texts) -> None:
        """Drop what has a short caption that is too near to one of an earlier row that is still in."""
        offered = np.empty(0, np.int64)
        rows = self.open_rows()
        for at in range(0, len(rows), BATCH_TEXTS):
            told = [(row, text) for row in rows[at : at + BATCH_TEXTS] if (text := texts[row])]
            offered = np.append(offered, np.array([row for row, _ in told], np.int64))
            for (row, _), novel in zip(told, _offered(pool, [text for _, text in told]), strict=True):
                self.distance[row] = novel.distance
                if not novel.accepted:
                    self.first[row] = offered[novel.nearest]
                    self.stage[row] = STAGES.index(NOVELTY)

    def _drop(self, rows: Positions, name: str) -> None:
        self.stage[rows] = STAGES.index(name)


def _added(pool: Any, ids: list[str], looks: Sequence[pa.Array]) -> Sequence[str]:
    """The first near-duplicate of each; all at once where the pool can do that."""
    if hasattr(pool, "add_all"):
        found: Sequence[str] = pool.add_all(ids, *looks)
        return found
    each = zip(ids, *(column.to_pylist() for column in looks), strict=True)
    return [pool.add(*values) for values in each]


def _offered(pool: Any, texts: list[str]) -> Sequence[Novel]:
    """What the pool says of each text; all at once where it can do that."""
    if hasattr(pool, "offer_all"):
        found: Sequence[Novel] = pool.offer_all(texts)
        return found
    return [pool.offer(text) for text in texts]


def order_of(store: Store) -> tuple[Ids, Positions, int]:
    """The ids of all sources that were surveyed, in their order; the row of each one's survey; how many were not."""
    sources, surveys = _sources(store)[0], _all_ids(store, "surveys")
    rows = IdIndex(surveys).places(sources)
    there = rows >= 0
    return sources[there], rows[there], int((~there).sum())


def _sources(store: Store, *columns: str) -> tuple[Ids, pa.Table]:
    """The ids of the sources that count, in the order of listing, and columns of theirs; of equal ids the first."""
    batches = list(store.batches("sources", ["id", *columns], batch_rows=BATCH_ROWS, superseded=True))
    if not batches:
        return np.empty(0, "S16"), arrow_schema(SourceVideo).empty_table().select(columns)
    table = pa.Table.from_batches(batches)
    ids = packed_ids(table.column("id"))
    counts = (_first_equal(ids) == np.arange(len(ids))) & Listed(store).current(ids)
    return ids[counts], table.select(columns).filter(pa.array(counts))


def _all_ids(store: Store, table: str) -> Ids:
    """The ids of the rows that count, in the order of the table."""
    return packed_ids(store.column(table, "id"))


def _columns(store: Store) -> dict[str, Numbers]:
    """The columns that scores are made of, NaN for what was not measured."""
    names = sorted({column for gate in GATES.values() for column in gate.columns})
    found: dict[str, list[Numbers]] = {name: [] for name in names}
    for batch in store.batches("surveys", names, batch_rows=BATCH_ROWS):
        for name in names:
            numbers = batch.column(batch.schema.get_field_index(name)).cast(pa.float64())
            found[name].append(numbers.fill_null(np.nan).to_numpy(zero_copy_only=False))
    return {name: np.concatenate([*parts, np.empty(0)]) for name, parts in found.items()}


def _packet_hashes(store: Store) -> Ids:
    return packed_ids(store.column("surveys", "packet_hash"))


def _first_equal(keys: Ids) -> Positions:
    """For each key the position of the first one that equals it."""
    order = sorting(keys)
    new = np.ones(len(keys), bool)
    new[1:] = keys[order][1:] != keys[order][:-1]
    first = np.empty(len(keys), np.int64)
    first[order] = order[np.maximum.accumulate(np.where(new, np.arange(len(keys)), 0))]
    return first


def _findings(store: Store, ids: Ids) -> Numbers:
    """How many things the checks found wrong with each caption; NaN for captions that were not checked."""
    checked = _all_ids(store, "checks")
    if not len(checked):
        return np.full(len(ids), np.nan)
    counts = [
        pc.list_value_length(batch.column(batch.schema.get_field_index("findings"))).fill_null(0).to_numpy()
        for batch in store.batches("checks", ["findings"], batch_rows=BATCH_ROWS)
    ]
    rows = IdIndex(checked).places(ids)
    return np.where(rows >= 0, np.concatenate(counts)[rows].astype(np.float64), np.nan)


def _looks(store: Store, rows: Positions, wanted: Positions) -> Iterator[tuple[Positions, list[pa.Array]]]:
    """The ``LOOK_COLUMNS`` of the wanted videos, in their order, some thousand at a time.

    Surveys are stored about in the order of the sources: only those that are still needed are held.
    """
    surveys = rows[wanted]
    oldest = np.minimum.accumulate(surveys[::-1])[::-1]
    batches = store.batches("surveys", LOOK_COLUMNS, batch_rows=BATCH_ROWS)
    held: list[tuple[int, pa.RecordBatch]] = []
    done = 0
    for at in range(0, len(wanted), BATCH_ROWS):
        part = surveys[at : at + BATCH_ROWS]
        while done <= part.max():
            batch = next(batches)
            held.append((done, batch))
            done += batch.num_rows
        held = [(start, batch) for start, batch in held if start + batch.num_rows > oldest[at]]
        table = pa.Table.from_batches([batch for _, batch in held]).take(pa.array(part - held[0][0]))
        yield wanted[at : at + BATCH_ROWS], [_whole(table[name]) for name in LOOK_COLUMNS]


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)


class _Texts:
    """The short caption of each row: the user's own, or the one that was made; "" for none that can be used."""

    def __init__(self, store: Store, ids: Ids, use_given: bool) -> None:
        sources, table = _sources(store, "caption")
        self._sources = IdIndex(sources).places(ids)
        self._shorts = IdIndex(_all_ids(store, "shorts")).places(ids)
        self._given = table.column("caption") if use_given else None
        self._made = store.column("shorts", "text")
        self._problems = store.column("shorts", "problem")

    def __getitem__(self, row: int) -> str:
        given = "" if self._given is None else self._given[int(self._sources[row])].as_py()
        short = int(self._shorts[row])
        if given or short < 0 or self._problems[short].as_py():
            return str(given or "")
        return str(self._made[short].as_py() or "")
