"""Streams captions and collects what a report says about them, a batch of Arrow columns at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..store.store import packed_ids
from .columns import Floats, Ints, codes, counts, distinct_pairs, flat, floats, lengths, part
from .tally import Counted, Tally
from .tokens import count_words, openings, scripts

_STEP = "steps.list.element"
_FACT = f"{_STEP}.facts.list.element"
CAPTION_COLUMNS = (
    *("width", "height", "start_seconds", "end_seconds", "mode", "summary", "summary_problem", "warnings"),
    "shots.list.element.start_seconds",
    *(f"{_STEP}.{name}" for name in ("start_seconds", "end_seconds", "text", "problem")),
    *(f"{_FACT}.{name}" for name in ("start_seconds", "end_seconds", "camera.moves.list.element")),
    *(f"{_FACT}.{name}" for name in ("motion.score", "look.brightness", "objects.list.element.label")),
    f"{_FACT}.texts.list.element.text",
    *(f"provenance.{name}" for name in ("model", "prompt_set", "prompt_hash", "version")),
    *(f"provenance.{name}" for name in ("requests", "input_tokens", "output_tokens", "cost_usd")),
)
"""Only the leaves that are needed; poses, boxes and palettes are most of the bytes of a caption."""

MAKER = ("model", "prompt_set", "prompt_hash", "version")
SEPARATOR = "\x1f"
MAKER_LETTERS = 48


@dataclass
class Costs:
    """What the captions that count took. ``cost_usd`` is the sum over the ``priced`` captions whose price is known."""

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    priced: int = 0

    def add(self, made: Any) -> None:
        for name in ("requests", "input_tokens", "output_tokens"):
            setattr(self, name, getattr(self, name) + (pc.sum(part(made, name)).as_py() or 0))
        known = part(made, "cost_usd")
        self.cost_usd += pc.sum(known).as_py() or 0.0
        self.priced += len(known) - known.null_count


@dataclass
class CaptionNumbers:
    """What all captions together say: counts, distributions and shares, in bounded memory.

    ``ids`` (16 bytes), ``seconds`` and ``faults`` (texts with a problem) are kept for each video, in store order.
    """

    videos: int = 0
    hours: float = 0.0
    duration: Tally = field(default_factory=lambda: Tally(0.1))
    shots: Tally = field(default_factory=lambda: Tally(1))
    steps: Tally = field(default_factory=lambda: Tally(1))
    step_seconds: Tally = field(default_factory=lambda: Tally(0.1))
    summary_words: Tally = field(default_factory=lambda: Tally(1))
    step_words: Tally = field(default_factory=lambda: Tally(1))
    words_per_second: Tally = field(default_factory=lambda: Tally(0.01))
    motion: Tally = field(default_factory=lambda: Tally(0.001))
    brightness: Tally = field(default_factory=lambda: Tally(0.001))
    sizes: Counted = field(default_factory=Counted)
    aspects: Counted = field(default_factory=Counted)
    modes: Counted = field(default_factory=Counted)
    scripts: Counted = field(default_factory=Counted)
    makers: Counted = field(default_factory=Counted)
    problems: Counted = field(default_factory=Counted)
    openings: Counted = field(default_factory=Counted)
    moves: Counted = field(default_factory=Counted)
    move_seconds: Counted = field(default_factory=Counted)
    measured_seconds: float = 0.0
    objects: Counted = field(default_factory=Counted)
    facts_videos: int = 0
    text_read_videos: int = 0
    text_videos: int = 0
    warned_videos: int = 0
    costs: Costs = field(default_factory=Costs)
    ids: list[NDArray[np.bytes_]] = field(default_factory=list)
    seconds: list[NDArray[np.float32]] = field(default_factory=list)
    faults: list[NDArray[np.uint16]] = field(default_factory=list)

    def add(self, batch: pa.RecordBatch) -> None:
        """Count the captions of one batch, read with ``CAPTION_COLUMNS``."""
        if not batch.num_rows:
            return
        long = floats(batch["end_seconds"]) - floats(batch["start_seconds"])
        self.videos += batch.num_rows
        self.hours += float(long.sum()) / 3600
        self.ids.append(packed_ids(batch["id"]))
        self.seconds.append(long.astype(np.float32))
        self.duration.add(long)
        self.shots.add(lengths(batch["shots"]))
        self.steps.add(lengths(batch["steps"]))
        self.modes.add(*counts(batch["mode"]))
        self.warned_videos += int(np.count_nonzero(lengths(batch["warnings"])))
        self._add_sizes(batch)
        self._add_provenance(batch["provenance"])
        steps, rows = flat(batch["steps"])
        self._add_texts(batch, steps, rows, long)
        self._add_facts(steps, rows)

    def _add_sizes(self, batch: pa.RecordBatch) -> None:
        add_sizes(batch["width"], batch["height"], self.sizes, self.aspects)

    def _add_provenance(self, made: Any) -> None:
        short = (pc.utf8_slice_codeunits(part(made, name), 0, MAKER_LETTERS) for name in MAKER)
        parted = (pc.replace_substring(each, SEPARATOR, " ") for each in short)
        self.makers.add(*counts(pc.binary_join_element_wise(*parted, SEPARATOR)))
        self.costs.add(made)

    def _add_texts(self, batch: pa.RecordBatch, steps: Any, rows: Ints, long: Floats) -> None:
        self.step_seconds.add(floats(part(steps, "end_seconds")) - floats(part(steps, "start_seconds")))
        words = count_words(part(steps, "text"))
        of_video = np.bincount(rows, words, minlength=batch.num_rows)
        self.step_words.add(of_video)
        self.summary_words.add(count_words(batch["summary"]))
        self.words_per_second.add(of_video[long > 0] / long[long > 0])
        self.scripts.add(*scripts(batch["summary"]))
        self.openings.add(*openings(batch["summary"]))
        of_steps, of_summary = part(steps, "problem"), batch["summary_problem"]
        wrong = np.bincount(rows, _told(of_steps), minlength=batch.num_rows) + _told(of_summary)
        self.faults.append(np.minimum(wrong, 65535).astype(np.uint16))
        for column in (of_steps, of_summary):
            self.problems.add(*counts(column.filter(pc.not_equal(column, ""))))

    def _add_facts(self, steps: Any, rows: Ints) -> None:
        facts, of_step = flat(part(steps, "facts"))
        if not len(facts):
            return
        row = rows[of_step]
        self.facts_videos += len(np.unique(row))
        self.motion.add(_where_measured(facts, "motion", "score"))
        self.brightness.add(floats(part(facts, "look", "brightness")))
        self._add_camera(facts)
        labels, of_fact = flat(part(facts, "objects"))
        self.objects.add(*distinct_pairs(row[of_fact], part(labels, "label")))
        texts = part(facts, "texts")
        read = np.asarray(texts.is_valid())
        self.text_read_videos += len(np.unique(row[read]))
        self.text_videos += len(np.unique(row[lengths(texts) > 0]))

    def _add_camera(self, facts: Any) -> None:
        """Moves of the intervals in which the camera could be measured; a single frame shows no motion."""
        moves, of_fact = flat(part(facts, "camera", "moves"))
        took = np.maximum(floats(part(facts, "end_seconds")) - floats(part(facts, "start_seconds")), 0.0)
        measured = np.unique(of_fact)
        self.measured_seconds += float(took[measured].sum())
        names, coded = codes(moves)
        if names:
            self.moves.add(names, np.bincount(coded, minlength=len(names)).tolist())
            self.move_seconds.add(names, np.bincount(coded, took[of_fact], minlength=len(names)).tolist())


def add_sizes(widths: Any, heights: Any, sizes: Counted, aspects: Counted) -> None:
    """Count picture sizes and their shapes; a size of 0 is not known and not counted."""
    wide, high = np.asarray(widths, np.int64), np.asarray(heights, np.int64)
    known = (wide > 0) & (high > 0)
    pairs, often = np.unique(np.stack([wide[known], high[known]], 1), axis=0, return_counts=True)
    sizes.add((f"{w} × {h}" for w, h in pairs.tolist()), often.tolist())
    aspects.add((aspect(w, h) for w, h in pairs.tolist()), often.tolist())


def aspect(width: int, height: int) -> str:
    """The shape of a picture by its usual name, where it is within 2 % of one."""
    usual = (
        (16, 9),
        (4, 3),
        (3, 2),
        (1, 1),
        (21, 9),
        (2, 1),
        (185, 100),
        (9, 16),
        (3, 4),
        (2, 3),
        (4, 5),
        (9, 21),
        (1, 2),
    )
    for w, h in usual:
        if abs(width / height / (w / h) - 1) < 0.02:
            return f"{w / 100:g}:{h / 100:g}" if w > 100 else f"{w}:{h}"
    return "other, wide" if width > height else "other, tall"


def _told(column: Any) -> NDArray[np.int64]:
    return np.asarray(pc.fill_null(pc.not_equal(column, ""), False)).astype(np.int64)


def _where_measured(facts: Any, *names: str) -> Floats:
    """A number of the intervals; a single frame has none."""
    spans = floats(part(facts, "end_seconds")) > floats(part(facts, "start_seconds"))
    return floats(part(facts, *names))[spans]
