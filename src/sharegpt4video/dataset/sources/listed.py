"""Which of the listed sources still count: of several contents that one place has had, the last one that was seen."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ...errors import VideoError
from ..rows import CaptionRow, SourceVideo
from ..store import parts
from ..store.ids import IdIndex, Ids, distinct, packed_all, packed_ids
from ..store.schema import to_rows
from ..store.store import Store, completed
from .contents import Contents, Look, confirmed
from .ids import with_span
from .places import SourceReplaced, is_web, stat

_COLUMNS = ("location", "start_seconds", "end_seconds", "modified")


class Listed:
    """The rows of the table ``sources``, in the order of listing, by whether they count; some 40 bytes a row.

    stale      whether the place of a row has been seen with another content since
    first      whether a row counts and is the first of its id and place: a file of which only the date has changed is
               listed again, and keeps its place in the order
    replaced   the ids of which every row is stale, sorted: what was listed under them is gone
    """

    def __init__(self, store: Store) -> None:
        ids, places, contents, compared = _columns(store)
        newest = _last_content(places, compared)
        self.stale: NDArray[np.bool_] = compared & (newest >= 0) & (contents != contents[newest])
        self.first: NDArray[np.bool_] = _first_of_pair(ids, places) & ~self.stale
        self.ids: Ids = distinct(ids[~self.stale])
        self.replaced: Ids = np.setdiff1d(distinct(ids), self.ids)
        self._replaced = IdIndex(self.replaced)

    def is_replaced(self, id: str) -> bool:
        """Whether what was listed under an id is gone."""
        return id in self._replaced

    def current(self, ids: Ids) -> NDArray[np.bool_]:
        """Which of these videos count: those whose file has not been replaced by another one.

        Every command goes by this rule. The caption of a replaced file is kept, but not counted, judged, repaired or
        exported; it counts again once that file is listed again.
        """
        return ~self._replaced.has(ids)

    def batches(
        self, store: Store, table: str, columns: Sequence[str] | None = None, *, batch_rows: int, video: str = "id"
    ) -> Iterator[pa.RecordBatch]:
        """As ``store.batches``, without the rows of replaced files. ``video`` is the column with the video's id."""
        wanted = columns if columns is None else [video, *columns]
        for batch in store.batches(table, wanted, batch_rows=batch_rows):
            if len(self.replaced):
                batch = batch.filter(pa.array(self.current(packed_ids(batch.column(video)))))
            if batch.num_rows:
                yield batch

    def ids_in(self, store: Store, table: str) -> Ids:
        """The ids in a table that count, sorted, without repeats."""
        return np.setdiff1d(store.ids(table), self.replaced)

    def sources(self, store: Store) -> Iterator[list[SourceVideo]]:
        """The sources that count, in order, some at a time; the same content at two places is there twice."""
        yield from _sources(store, self.first)


def places_of(store: Store, listed: Listed, ids: Collection[str]) -> dict[str, list[SourceVideo]]:
    """Where these contents have been seen and nothing else since, the place that was listed last first."""
    found: dict[str, list[SourceVideo]] = {id: [] for id in ids}
    for at, source in _rows_of(store, ids):
        if at < len(listed.stale) and not listed.stale[at]:  # more may have been listed since
            found[source.id].insert(0, source)
    return found


def original_of(row: CaptionRow, places: Sequence[SourceVideo], listed: Listed) -> SourceVideo:
    """The file that a caption was made from, wherever it lies now; ``places`` are those of ``places_of``.

    Raises SourceReplaced, SourceGone or another VideoError where it is not to be found. A caption of which nothing is
    known that a file could be held against has the file of its name, unless another one was listed there since.
    """
    return _original(row, places, is_replaced=listed.is_replaced(row.id))


def original_alone(store: Store, row: CaptionRow) -> SourceVideo:
    """As ``original_of``, for one caption, without reading all that is listed.

    The places of others are looked through only where one of its own may have had another content since.
    """
    own = [source for _, source in _rows_of(store, [row.id])]
    dated = [_is_dated(source.location, source.modified) for source in own]
    last = _last_at(store, {source.location for source, is_dated in zip(own, dated, strict=True) if is_dated})
    places = [
        source
        for source, is_dated in zip(own, dated, strict=True)
        if not is_dated or last.get(source.location) == source.content_id
    ]
    return _original(row, places[::-1], is_replaced=bool(own) and not places)


def _original(row: CaptionRow, places: Sequence[SourceVideo], *, is_replaced: bool) -> SourceVideo:
    found = [place for place in (row.original, *places) if place.can_compare]
    return first_there(found) if found or is_replaced else row.original


def _last_at(store: Store, locations: Collection[str]) -> dict[str, str]:
    """The content that each of these places had when it was last listed with a date."""
    found: dict[str, str] = {}
    wanted = pa.array(sorted(locations), pa.string())
    for batch in store.batches("sources", _COLUMNS, batch_rows=1 << 14, superseded=True) if locations else ():
        for row in batch.filter(pc.is_in(batch.column("location"), wanted)).to_pylist():
            if _is_dated(row["location"], row["modified"]):
                found[row["location"]] = with_span(row["id"], row["start_seconds"], row["end_seconds"])
    return found


def _is_dated(location: str, modified: str) -> bool:
    """Whether it can be told that a place has another content: released captions have no dates."""
    return bool(modified) or is_web(location)


def _rows_of(store: Store, ids: Collection[str]) -> Iterator[tuple[int, SourceVideo]]:
    """All rows of these contents, each with its number among all, and no other row is read."""
    wanted, first = IdIndex(packed_all(sorted(set(ids)))), 0
    for path in store.parts("sources") if len(wanted) else ():
        packed = store.ids_of(path)
        for at, batch in parts.rows_at(store.fs, path, np.flatnonzero(wanted.has(packed))):
            yield from zip((first + at).tolist(), to_rows(SourceVideo, completed("sources", batch)), strict=True)
        first += len(packed)


def _sources(store: Store, kept: NDArray[np.bool_]) -> Iterator[list[SourceVideo]]:
    offset = 0
    for batch in store.batches("sources", superseded=True):
        mask = kept[offset : offset + batch.num_rows]
        offset += batch.num_rows
        if mask.any():
            yield to_rows(SourceVideo, batch.filter(pa.array(mask)))


def first_there(places: Iterable[SourceVideo], look: Look = stat, contents: Contents | None = None) -> SourceVideo:
    """The first of these places where the content still is, with its size and date of now.

    Raises what ``confirmed`` raises for the first one; SourceReplaced without any: these are the
    places of something that was listed once.
    """
    problem: VideoError = SourceReplaced("another file has been listed under its name since")
    for number, place in enumerate(places):
        try:
            return confirmed(place, look, contents)
        except VideoError as error:
            problem = problem if number else error
    raise problem


def _columns(store: Store) -> tuple[Ids, NDArray[np.int64], Ids, NDArray[np.bool_]]:
    """Of each row its id, its place as a number, its content, and whether that can be told."""
    ids, contents = [np.empty(0, "S16")], [np.empty(0, "S16")]
    places, compared = [np.empty(0, np.int64)], [np.empty(0, bool)]
    for batch in store.batches("sources", _COLUMNS, batch_rows=1 << 14, superseded=True):
        packed = packed_ids(batch.column("id"))
        rows = {name: batch.column(name).to_pylist() for name in ("id", *_COLUMNS)}
        inner = packed.copy()
        for at, (id, start, end) in enumerate(zip(rows["id"], rows["start_seconds"], rows["end_seconds"], strict=True)):
            if start is not None or end is not None:
                inner[at] = bytes.fromhex(with_span(id, start, end))
        ids.append(packed)
        contents.append(inner)
        places.append(np.fromiter(map(hash, rows["location"]), np.int64, len(packed)))
        dated = map(_is_dated, rows["location"], rows["modified"])
        compared.append(np.fromiter(dated, bool, len(packed)))
    return np.concatenate(ids), np.concatenate(places), np.concatenate(contents), np.concatenate(compared)


def _last_content(places: NDArray[np.int64], compared: NDArray[np.bool_]) -> NDArray[np.int64]:
    """For each row the last one of its place whose content can be told; -1 where there is none."""
    found = np.full(len(places), -1, np.int64)
    if len(places):
        order = np.lexsort((np.arange(len(places)), places))
        begins = np.flatnonzero(_changes(places[order]))
        last = np.maximum.reduceat(np.where(compared[order], order, -1), begins)
        found[order] = np.repeat(last, np.diff(np.append(begins, len(places))))
    return found


def _first_of_pair(ids: Ids, places: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which rows are the first ones of their id at their place."""
    halves = np.ascontiguousarray(ids).view(">u8").reshape(-1, 2).astype(np.uint64)
    pairs = np.column_stack([halves, places.view(np.uint64)])
    order = np.lexsort((np.arange(len(ids)), *pairs.T))
    first = np.zeros(len(ids), bool)
    first[order[_changes(pairs[order])]] = True
    return first


def _changes(rows: NDArray[Any]) -> NDArray[np.bool_]:
    """Which of sorted rows differ from the one before; the first one does."""
    differs = rows[1:] != rows[:-1]
    return np.append(np.ones(min(len(rows), 1), bool), differs.any(axis=1) if differs.ndim > 1 else differs)
