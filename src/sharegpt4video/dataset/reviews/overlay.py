"""The captions as they read once their reviews are applied, laid over the stored ones while these are read.

``Store.batches`` and ``report.samples.find_rows`` are the two places that read captions, and both come here. Without
reviews this costs one listing of an empty folder. With them, the texts of those parts are read as well that hold a
reviewed caption.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..rows import CaptionRow, Review
from ..store.ids import Ids, packed_all, packed_ids, unpacked_id
from ..store.schema import arrow_schema
from ..store.store import Store
from .resolve import SUMMARY, Resolved, Texts, resolved
from .table import REJECTED, Reviews

_STEP = "steps.list.element"
TEXT_COLUMNS = ("revision", "summary", "summary_problem", f"{_STEP}.text", f"{_STEP}.problem")
"""What has to be read of a caption to apply its reviews."""
_EDITS = arrow_schema(CaptionRow).field("edits")


class Overlay:
    """What reviews have changed in the captions of a data set, as of the last ``refresh``."""

    def __init__(self, store: Store) -> None:
        self.reviews = Reviews(store)

    def refresh(self) -> None:
        """Take in the reviews that were written since. Raises StorageError when they cannot be read."""
        self.reviews.refresh()

    def touches(self, ids: Ids) -> bool:
        """Whether a review has changed a text of one of these captions."""
        edited = self.reviews.edited
        return len(edited) > 0 and bool(edited.has(ids).any())

    def rejected(self, ids: Ids) -> NDArray[np.bool_]:
        """Which of these captions were rejected."""
        found: NDArray[np.bool_] = self.reviews.verdicts(ids) == REJECTED
        return found

    def is_rejected(self, id: str) -> bool:
        return bool(self.rejected(packed_all([id]))[0])

    def columns(self, wanted: Sequence[str] | None) -> list[str] | None:
        """The columns to read so that reviews can be applied to those that are wanted."""
        if wanted is None:
            return None
        more = [name for name in TEXT_COLUMNS if not ("steps" in wanted and name.startswith(_STEP))]
        return list(dict.fromkeys([*wanted, *more]))

    def applied(self, batch: pa.RecordBatch, wanted: Sequence[str] | None = None) -> pa.RecordBatch:
        """Captions, read with ``columns(wanted)``, as they read with their reviews; only the wanted columns."""
        places = np.flatnonzero(self.reviews.edited.has(packed_ids(batch.column("id"))))
        found = {int(place): one for place in places if (one := self._resolved(batch, int(place))).key}
        return _as_wanted(_changed(batch, found) if found else batch, wanted)

    def resolved(self, row: CaptionRow, reviews: Sequence[Review] | None = None) -> Resolved:
        """What reviews have made of a caption, given as it was written."""
        texts = tuple(step.text for step in row.steps)
        problems = tuple(step.problem for step in row.steps)
        stored = Texts(row.revision, row.summary, row.summary_problem, texts, problems)
        return resolved(stored, self.reviews.of(row.id) if reviews is None else reviews)

    def _resolved(self, batch: pa.RecordBatch, place: int) -> Resolved:
        id = unpacked_id(packed_ids(batch.column("id").slice(place, 1))[0])
        return resolved(texts_at(batch, place), self.reviews.of(id))


def texts_at(batch: pa.RecordBatch, place: int) -> Texts:
    """The texts of the caption at a place of a batch that has the columns of ``TEXT_COLUMNS``."""
    steps = batch.column("steps").slice(place, 1).flatten()
    return Texts(
        batch.column("revision")[place].as_py(),
        batch.column("summary")[place].as_py(),
        batch.column("summary_problem")[place].as_py(),
        tuple(steps.field("text").to_pylist()),
        tuple(steps.field("problem").to_pylist()),
    )


def as_reviewed(row: CaptionRow, found: Resolved) -> CaptionRow:
    """A caption as it reads with what its reviews have made of it."""
    if not found.changed:
        return row
    summary, problem = found.changed.get(SUMMARY, (row.summary, row.summary_problem))
    steps = list(row.steps)
    for step, (text, left) in found.changed.items():
        if step != SUMMARY:
            steps[step] = replace(steps[step], text=text, problem=left)
    return replace(
        row,
        summary=summary,
        summary_problem=problem,
        steps=tuple(steps),
        edits=(*row.edits, *found.edits),
        edit_key=found.key,
    )


def _changed(batch: pa.RecordBatch, found: dict[int, Resolved]) -> pa.RecordBatch:
    """The batch with the texts, problems and edits of these rows."""
    summaries, problems = batch.column("summary").to_pylist(), batch.column("summary_problem").to_pylist()
    steps = batch.column("steps")
    ends = np.cumsum([0, *steps.value_lengths().to_pylist()])
    flat = steps.flatten()
    texts, step_problems = flat.field("text").to_pylist(), flat.field("problem").to_pylist()
    for place, one in found.items():
        for step, (text, problem) in one.changed.items():
            if step == SUMMARY:
                summaries[place], problems[place] = text, problem
            else:
                texts[ends[place] + step], step_problems[ends[place] + step] = text, problem
    new = {"text": pa.array(texts, pa.string()), "problem": pa.array(step_problems, pa.string())}
    columns: dict[str, pa.Array] = {
        "summary": pa.array(summaries, pa.string()),
        "summary_problem": pa.array(problems, pa.string()),
        "steps": _steps(steps, ends, flat, new),
    }
    names = batch.schema.names
    if "edits" in names:
        before = batch.column("edits").to_pylist()
        more = {place: [vars(edit) for edit in one.edits] for place, one in found.items()}
        told = [[*old, *more.get(place, ())] for place, old in enumerate(before)]
        columns["edits"] = pa.array(told, _EDITS.type)
    if "edit_key" in names:
        keys = np.array(batch.column("edit_key"), np.int64)
        keys[list(found)] = [one.key for one in found.values()]
        columns["edit_key"] = pa.array(keys)
    arrays = [columns.get(name, batch.column(name)) for name in names]
    return pa.RecordBatch.from_arrays(arrays, schema=batch.schema)


def _steps(steps: pa.ListArray, ends: Any, flat: pa.StructArray, new: dict[str, pa.Array]) -> pa.ListArray:
    kinds = [flat.type.field(number) for number in range(flat.type.num_fields)]
    inner = [new.get(field.name, flat.field(field.name)) for field in kinds]
    values = pa.StructArray.from_arrays(inner, fields=kinds)
    return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), values, type=steps.type)


def _as_wanted(batch: pa.RecordBatch, wanted: Sequence[str] | None) -> pa.RecordBatch:
    """Without what was read only so that reviews could be applied."""
    if wanted is None:
        return batch
    tops = {name.split(".")[0] for name in wanted}
    arrays, fields = [], []
    for field in batch.schema:
        if field.name not in tops:
            continue
        column = batch.column(field.name)
        inner = [name.removeprefix(f"{_STEP}.").split(".")[0] for name in wanted if name.startswith(f"{_STEP}.")]
        if field.name == "steps" and "steps" not in wanted:
            column = _only(column, inner)
        arrays.append(column)
        fields.append(pa.field(field.name, column.type))
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields, metadata=batch.schema.metadata))


def _only(steps: pa.ListArray, names: Sequence[str]) -> pa.ListArray:
    flat = steps.flatten()
    kinds = [one for one in (flat.type.field(n) for n in range(flat.type.num_fields)) if one.name in names]
    values = pa.StructArray.from_arrays([flat.field(one.name) for one in kinds], fields=kinds)
    ends = np.cumsum([0, *steps.value_lengths().to_pylist()])
    return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), values)
