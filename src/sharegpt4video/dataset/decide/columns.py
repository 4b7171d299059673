"""What is decided about: videos in the order of their sources, in blocks, from tables or from a survey just made."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..rows import SourceVideo, Survey
from ..similar.columns import SIMILARITY_COLUMNS
from ..sources.listed import Listed
from ..store.ids import IdIndex, Ids, packed_all, packed_ids, sorting
from ..store.schema import arrow_schema
from ..store.store import Store
from .gates import FINDINGS, GATES, Numbers, scores_of

Positions = NDArray[np.int64]

BATCH_ROWS = 1 << 14
_NUMBERS = tuple(sorted({column for gate in GATES.values() for column in gate.columns}))


@dataclass(frozen=True, eq=False)
class Candidates:
    """A block of videos; one of a single video and one of many thousand are decided alike.

    scores      by gate, NaN for what was not measured; the number of findings as well where captions were checked
    packets     the hash of the coded pictures of each video; "" for none
    appearance  the ``SIMILARITY_COLUMNS`` of the table ``surveys``; empty where near-duplicates are not dropped
    texts       short captions; "" or None for one without
    seconds     durations, 0 where they are not known
    """

    ids: Ids
    scores: dict[str, Numbers]
    packets: Ids
    appearance: tuple[pa.Array, ...]
    texts: Sequence[str | None]
    seconds: Numbers

    def __len__(self) -> int:
        return len(self.ids)

    @staticmethod
    def of(surveys: Sequence[Survey], texts: Sequence[str | None]) -> Candidates:
        """Of surveys that are at hand, and the short caption of each."""
        columns = {name: np.array([_number(getattr(survey, name)) for survey in surveys]) for name in _NUMBERS}
        types = arrow_schema(Survey)
        appearance = [
            pa.array([getattr(each, name) for each in surveys], types.field(name).type) for name in SIMILARITY_COLUMNS
        ]
        return Candidates(
            packed_all(survey.id for survey in surveys),
            scores_of(columns),
            packed_ids(pa.array([survey.packet_hash for survey in surveys], pa.string())),
            tuple(appearance),
            texts,
            np.nan_to_num(columns["duration_seconds"]),
        )


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


class Surveyed:
    """The surveyed videos of a data set in the order of their sources, 24 bytes for each.

    ids          of the videos
    rows         the row of each one's survey in the table ``surveys``
    unsurveyed   how many sources have no survey
    """

    def __init__(self, store: Store, listed: Listed | None = None) -> None:
        self._store, self._listed = store, listed or Listed(store)
        sources, surveys = _sources(store, self._listed)[0], packed_ids(store.column("surveys", "id"))
        rows = IdIndex(surveys).places(sources)
        there = rows >= 0
        self.ids: Ids = sources[there]
        self.rows: Positions = rows[there]
        self.unsurveyed = int((~there).sum())

    def candidates(self, *, appearance: bool, texts: bool) -> Iterator[Candidates]:
        """All of them, some thousand at a time, each column read once; ``appearance`` and ``texts`` where wanted."""
        names = [*_NUMBERS, "packet_hash", *(SIMILARITY_COLUMNS if appearance else ())]
        told = _Texts(self._store, self._listed, self.ids) if texts else None
        findings = _findings(self._store, self.ids)
        for start, table in self._tables(names):
            ids = self.ids[start : start + table.num_rows]
            columns = {name: _numbers(table.column(name)) for name in _NUMBERS}
            yield Candidates(
                ids,
                scores_of(columns) | {FINDINGS: findings[start : start + len(ids)]},
                packed_ids(table.column("packet_hash")),
                tuple(_whole(table.column(name)) for name in SIMILARITY_COLUMNS) if appearance else (),
                told.of(start, len(ids)) if told else [None] * len(ids),
                np.nan_to_num(columns["duration_seconds"]),
            )

    def _tables(self, names: Sequence[str]) -> Iterator[tuple[int, pa.Table]]:
        """Columns of the surveys in the order of the videos, some thousand at a time, and where each part begins.

        Surveys are stored about in the order of the sources: only those that are still needed are held.
        """
        oldest = np.minimum.accumulate(self.rows[::-1])[::-1]
        batches = self._store.batches("surveys", names, batch_rows=BATCH_ROWS)
        held: list[tuple[int, pa.RecordBatch]] = []
        done = 0
        for start in range(0, len(self.rows), BATCH_ROWS):
            part = self.rows[start : start + BATCH_ROWS]
            while done <= part.max():
                batch = next(batches)
                held.append((done, batch))
                done += batch.num_rows
            held = [(first, batch) for first, batch in held if first + batch.num_rows > oldest[start]]
            table = pa.Table.from_batches([batch for _, batch in held])
            yield start, table.take(pa.array(part - held[0][0]))


def _numbers(column: pa.ChunkedArray) -> Numbers:
    numbers: Numbers = column.cast(pa.float64()).fill_null(math.nan).to_numpy()
    return numbers


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)


def _sources(store: Store, listed: Listed, *columns: str) -> tuple[Ids, pa.Table]:
    """The ids of the sources that count, in the order of listing, and columns of theirs; of equal ids the first."""
    batches = list(store.batches("sources", ["id", *columns], batch_rows=BATCH_ROWS, superseded=True))
    if not batches:
        return np.empty(0, "S16"), arrow_schema(SourceVideo).empty_table().select(columns)
    table = pa.Table.from_batches(batches)
    ids = packed_ids(table.column("id"))
    counts = (_first_equal(ids) == np.arange(len(ids))) & listed.current(ids)
    return ids[counts], table.select(columns).filter(pa.array(counts))


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
    checked, counts = [np.empty(0, "S16")], [np.empty(0)]
    for batch in store.batches("checks", ["findings"], batch_rows=BATCH_ROWS):
        checked.append(packed_ids(batch.column("id")))
        counts.append(pc.list_value_length(batch.column("findings")).fill_null(0).to_numpy().astype(np.float64))
    places = IdIndex(np.concatenate(checked)).places(ids)
    return np.append(np.concatenate(counts), math.nan)[places]


class _Texts:
    """The short captions: the user's own where the settings of the data set say so, or those that were made."""

    def __init__(self, store: Store, listed: Listed, ids: Ids) -> None:
        sources, table = _sources(store, listed, "caption")
        self._sources = IdIndex(sources).places(ids)
        self._given = table.column("caption") if store.settings().novelty.use_given else None
        self._shorts = IdIndex(packed_ids(store.column("shorts", "id"))).places(ids)
        usable = pc.equal(store.column("shorts", "problem"), "")
        self._made = pc.if_else(usable, store.column("shorts", "text"), "")

    def of(self, start: int, count: int) -> list[str]:
        """Those of some videos; "" for none that can be used."""
        rows = slice(start, start + count)
        made = _taken(self._made, self._shorts[rows])
        given = [""] * count if self._given is None else _taken(self._given, self._sources[rows])
        return [one or other for one, other in zip(given, made, strict=True)]


def _taken(column: pa.ChunkedArray, rows: Positions) -> list[str]:
    """The texts in these rows; "" for row -1 and for none."""
    found = column.take(pa.array(rows, mask=rows < 0))
    return [text or "" for text in found.to_pylist()]
