"""Captions as Arrow columns, made flat: one value or one short list for each video, and the texts to search."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...dataset.report.columns import Ints, codes, flat, floats, lengths, part

_STEP = "steps.list.element"
_FACT = f"{_STEP}.facts.list.element"
CAPTION_COLUMNS = (
    *("id", "location", "user_id", "revision", "video", "width", "height", "start_seconds", "end_seconds", "mode"),
    *("summary", "summary_problem", "warnings"),
    *(f"{_STEP}.{name}" for name in ("text", "problem", "frame_seconds.list.element")),
    *(f"{_FACT}.{name}" for name in ("camera.moves.list.element", "motion.score", "objects.list.element.label")),
    f"{_FACT}.texts.list.element.text",
    f"{_FACT}.sound.speech.list.element.text",
    *(f"provenance.{name}" for name in ("model", "requests", "input_tokens", "output_tokens", "cost_usd")),
)
"""Only the leaves that are needed; poses, boxes and palettes are most of the bytes of a caption."""
SUMMARY_LETTERS = 300
_PLAIN = ("id", "location", "user_id", "revision", "video", "width", "height", "start_seconds", "end_seconds", "mode")
_MADE = ("requests", "input_tokens", "output_tokens", "cost_usd")


def flat_captions(batch: pa.RecordBatch) -> pa.Table:
    """A batch with ``CAPTION_COLUMNS`` as the columns of ``columns.CAPTION``, and what pages show and search.

    These are ``summary``, cut to some letters, ``picture_seconds`` (the first keyframe that a step refers to), and the
    texts ``body`` (summary and steps), ``seen`` (read in the picture) and ``said`` (heard).
    """
    count = batch.num_rows
    columns: dict[str, Any] = {name: batch[name] for name in _PLAIN}
    steps, rows = flat(batch["steps"])
    facts, of_step = _inside(steps, "facts")
    of_fact = rows[of_step]
    columns["seconds"] = pc.subtract(batch["end_seconds"], batch["start_seconds"])
    columns["steps"] = lengths(batch["steps"])
    columns["warnings"] = lengths(batch["warnings"])
    columns["problems"] = np.bincount(rows, _filled(part(steps, "problem")), count) + _filled(batch["summary_problem"])
    told = part(steps, "text")
    columns["words"] = np.bincount(rows, _words(told), count).astype(np.int64)
    columns["model"] = part(batch["provenance"], "model")
    columns |= {name: part(batch["provenance"], name) for name in _MADE}
    columns["summary"] = pc.utf8_slice_codeunits(batch["summary"], 0, SUMMARY_LETTERS)
    columns["picture_seconds"] = _first_frames(batch, steps, rows)
    columns["max_motion"] = _greatest(_score(facts), of_fact, count)
    for name, values, owners in (
        ("camera", *_strings(facts, of_fact, "camera", "moves")),
        ("subject", *_labels(facts, of_fact)),
    ):
        columns[name] = distinct_lists(values, owners, count)
    columns["subjects"] = lengths(columns["subject"])
    seen, of_seen = _nested(facts, of_fact, "texts")
    said, of_said = _spoken(facts, of_fact)
    columns["texts"] = lengths(distinct_lists(seen, of_seen, count))
    columns["body"] = _joined(batch["summary"], told, rows, count)
    columns["seen"] = pc.binary_join(distinct_lists(seen, of_seen, count), "\n")
    columns["said"] = pc.binary_join(_lists(said, of_said, count), " ")
    return pa.table(columns)


def distinct_lists(values: pa.Array, owners: Ints, count: int) -> pa.Array:
    """For each of ``count`` rows the different texts that it owns, as a sorted list; ``owners`` are rows, ascending."""
    names, coded = codes(values)
    if not names:
        return pa.array([[]] * count, pa.list_(pa.string()))
    order = np.array(sorted(range(len(names)), key=names.__getitem__))
    ranks = np.argsort(order)  # sorted by text: what it looks like must not depend on the rows beside it
    names = [names[at] for at in order]
    there = coded >= 0
    pairs = np.unique(owners[there] * len(names) + ranks[coded[there]])
    ends = np.cumsum(np.append(0, np.bincount(pairs // len(names), minlength=count))).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(ends), pa.array(names, pa.string()).take(pa.array(pairs % len(names))))


def _lists(values: pa.Array, owners: Ints, count: int) -> pa.Array:
    ends = np.cumsum(np.append(0, np.bincount(owners, minlength=count))).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(ends), values.cast(pa.string()))


def _joined(summary: pa.Array, told: pa.Array, rows: Ints, count: int) -> pa.Array:
    steps = pc.binary_join(_lists(pc.fill_null(told, ""), rows, count), "\n")
    return pc.binary_join_element_wise(pc.fill_null(summary, ""), steps, "\n")


def _has(column: Any, name: str) -> bool:
    """Whether a struct has a field; parts of earlier versions lack some."""
    return bool(pa.types.is_struct(column.type)) and column.type.get_field_index(name) >= 0


def _inside(column: Any, name: str) -> tuple[Any, Ints]:
    if not _has(column, name):
        return pa.nulls(0, pa.struct([])), np.empty(0, np.int64)
    items, owners = flat(part(column, name))
    return items, owners


def _strings(facts: Any, of_fact: Ints, group: str, name: str) -> tuple[Any, Ints]:
    """The texts of a list inside a struct of each fact, and the row of each."""
    if not _has(facts, group):
        return pa.array([], pa.string()), np.empty(0, np.int64)
    items, owners = _inside(part(facts, group), name)
    return (items, of_fact[owners]) if len(items) else (pa.array([], pa.string()), np.empty(0, np.int64))


def _nested(facts: Any, of_fact: Ints, name: str) -> tuple[Any, Ints]:
    """The field ``text`` of a list of structs of each fact, and the row of each."""
    items, owners = _inside(facts, name)
    if not len(items):
        return pa.array([], pa.string()), np.empty(0, np.int64)
    return part(items, "text"), of_fact[owners]


def _labels(facts: Any, of_fact: Ints) -> tuple[Any, Ints]:
    items, owners = _inside(facts, "objects")
    if not len(items):
        return pa.array([], pa.string()), np.empty(0, np.int64)
    return part(items, "label"), of_fact[owners]


def _spoken(facts: Any, of_fact: Ints) -> tuple[Any, Ints]:
    if not _has(facts, "sound"):
        return pa.array([], pa.string()), np.empty(0, np.int64)
    return _nested(part(facts, "sound"), of_fact, "speech")


def _score(facts: Any) -> Any:
    return floats(part(facts, "motion", "score")) if _has(facts, "motion") else np.empty(0)


def _greatest(values: Any, owners: Ints, count: int) -> pa.Array:
    found = np.full(count, -np.inf)
    known = ~np.isnan(values)
    np.maximum.at(found, owners[: len(values)][known], values[known])
    return pa.array(found, pa.float64(), mask=np.isneginf(found))


def _first_frames(batch: pa.RecordBatch, steps: Any, rows: Ints) -> pa.Array:
    """When the picture that a step was last made from was shown, of the first step that says so; else the start."""
    found = np.asarray(batch["start_seconds"], np.float64).copy()
    if not _has(steps, "frame_seconds"):
        return pa.array(found)
    frames = part(steps, "frame_seconds")
    sizes = lengths(frames)
    items = np.asarray(pc.cast(frames.flatten(), pa.float64()), np.float64)
    lasts = np.cumsum(sizes) - 1
    named = np.flatnonzero(sizes)
    firsts, at = np.unique(rows[named], return_index=True)
    found[firsts] = items[lasts[named[at]]]
    return pa.array(found)


def _filled(column: Any) -> Any:
    """1 where a text is not empty."""
    return np.asarray(pc.fill_null(pc.not_equal(column, ""), False)).astype(np.int64)


def _words(column: Any) -> Any:
    from ...dataset.report.tokens import count_words

    return count_words(column)
