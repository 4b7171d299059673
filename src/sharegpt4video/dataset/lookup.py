"""What a data set says about its videos: their captions, its tables as Arrow, what became of one of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa

from ..checking import one_of, raise_for
from ..errors import SettingsError
from .decide.decisions import NOT_CAPTIONED, Decision
from .decide.words import stored_decision
from .export.selection import SPLITS, Selection
from .ledger import AFTER_CAPTIONING, Failures
from .report.samples import find_rows
from .rows import TABLES, CaptionRow, Failure
from .sources.listed import Listed
from .store.ids import packed_all, packed_ids
from .store.schema import arrow_schema, to_rows, with_layout
from .store.store import Store

VIDEO = {"clips": "video_id", "reviews": "caption_id"}
"""The column with the id of the video, where that is not the id of the row."""


def captions(store: Store, *, split: str | None = None, dropped: bool = False) -> Iterator[CaptionRow]:
    """The captions that exports would take; see ``Dataset.captions``."""
    batches = caption_batches(store, split=split, dropped=dropped, batch_rows=64)
    return (row for batch in batches for row in to_rows(CaptionRow, batch))


def caption_batches(
    store: Store,
    columns: Sequence[str] | None = None,
    *,
    split: str | None = None,
    dropped: bool = False,
    batch_rows: int = 1024,
) -> Iterator[pa.RecordBatch]:
    """Those captions as Arrow, some columns or all. Raises SettingsError for a split that makes no sense."""
    if split is not None and dropped:
        raise SettingsError("dropped videos are in no split; give split or dropped, not both")
    selection = Selection(store, None if split is None else [split])
    return _caption_batches(store, columns, selection, dropped=dropped, batch_rows=batch_rows)


def _caption_batches(
    store: Store, columns: Sequence[str] | None, selection: Selection, *, dropped: bool, batch_rows: int
) -> Iterator[pa.RecordBatch]:
    for batch in Listed(store).batches(store, "captions", columns, batch_rows=batch_rows):
        wanted = selection.codes(packed_ids(batch.column("id"))) < len(SPLITS)
        yield batch if dropped else batch.filter(pa.array(wanted))


def table(store: Store, name: str, columns: Sequence[str] | None = None) -> pa.RecordBatchReader:
    """The rows of a table that count; see ``Dataset.table``."""
    raise_for(one_of("a table", name, TABLES))
    schema = arrow_schema(TABLES[name])
    if isinstance(columns, str):
        raise SettingsError(f"columns is a list of names, such as [{columns!r}]")
    names = schema.names if columns is None else list(columns)
    raise_for(problem for column in names for problem in one_of(f"a column of {name}", column, schema.names))
    chosen = pa.schema([schema.field(column) for column in names])
    return pa.RecordBatchReader.from_batches(chosen, _batches(store, name, names))


def _batches(store: Store, name: str, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    listed, video = Listed(store), VIDEO.get(name, "id")
    failures = Failures(store, listed) if name == "failures" else None
    read = [*names, "stage"] if failures else names
    for batch in listed.batches(store, name, read, batch_rows=1024, video=video):
        counting = batch.filter(pa.array(failures.standing(batch))) if failures else batch
        yield with_layout(TABLES[name], counting, names)


def why(store: Store, id: str) -> Decision | Failure | None:
    """What became of one video; see ``Dataset.why``."""
    if len(id) != 32 or set(id) - set("0123456789abcdef"):
        raise SettingsError(f"an id has 32 hex digits, as in the column id of every table; {id!r} is not one")
    selected = find_rows(store, "selection", [id]).get(id)
    others = ("sources", "captions", "failures")
    if selected is None and not any(find_rows(store, name, [id]) for name in others):
        raise SettingsError(f"{store.root}: has no video with the id {id}")
    listed = Listed(store)
    if listed.is_replaced(id):
        return None
    decision = None if selected is None else stored_decision(selected)
    if decision is None or decision.gate == NOT_CAPTIONED:
        return _failure(store, listed, id) or decision
    return decision


def _failure(store: Store, listed: Listed, id: str) -> Failure | None:
    """The failure that stands and has kept a video from being captioned."""
    failures = Failures(store, listed)
    for batch in store.find("failures", packed_all([id])):
        for row in to_rows(Failure, batch.filter(pa.array(failures.standing(batch)))):
            if row.stage not in AFTER_CAPTIONING:
                return row
    return None
