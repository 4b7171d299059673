"""Everything a report counts, streamed from the tables of a data set in bounded memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ...errors import SG4VError
from ..decide.words import stored_gates, title
from ..ledger import Failures
from ..rows import TABLES
from ..sources.listed import Listed
from ..status import Status, status
from ..store.ids import IdIndex, Ids, packed_ids, unpacked_id
from ..store.store import Store
from .columns import Ints, counts, flat, floats, part
from .scan import CAPTION_COLUMNS, CaptionNumbers, add_sizes
from .tally import Counted, Tally
from .tokens import count_words
from .words import Lexicon, Words

BATCH_ROWS = 1024
WORD_CAPTIONS = 6000
"""This many captions, chosen at random, are read word by word."""
EXAMPLES = 3
LARGEST_GROUPS = 10

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Example:
    """Something to look at: which video, and what is said of it."""

    where: str
    message: str


@dataclass
class Group:
    """How many rows fall under one heading, with the first few of them."""

    count: int = 0
    videos: int = 0
    examples: list[Example] = field(default_factory=list)


@dataclass
class SurveyNumbers:
    """What the survey measured of all videos, captioned or not."""

    videos: int = 0
    hours: float = 0.0
    duration: Tally = field(default_factory=lambda: Tally(0.1))
    motion: Tally = field(default_factory=lambda: Tally(0.001))
    brightness: Tally = field(default_factory=lambda: Tally(0.001))
    text_area: Tally = field(default_factory=lambda: Tally(0.001))
    sizes: Counted = field(default_factory=Counted)
    aspects: Counted = field(default_factory=Counted)

    def add(self, batch: pa.RecordBatch) -> None:
        self.videos += batch.num_rows
        long = floats(batch["duration_seconds"])
        self.hours += float(np.nansum(long)) / 3600
        self.duration.add(long)
        self.motion.add(floats(batch["motion"]))
        self.brightness.add(floats(batch["brightness"]))
        self.text_area.add(floats(batch["text_area"]))
        add_sizes(batch["width"], batch["height"], self.sizes, self.aspects)


@dataclass
class FailureNumbers:
    """Failures that still stand, by stage and kind; ``overcome`` others no longer do."""

    count: int = 0
    overcome: int = 0
    groups: dict[tuple[str, str], Group] = field(default_factory=dict)


@dataclass
class CheckNumbers:
    """Findings in the captions that count; ``stale`` captions were changed since they were checked."""

    captions: int = 0
    with_findings: int = 0
    stale: int = 0
    judged: int = 0
    groups: dict[str, Group] = field(default_factory=dict)
    ids: list[Ids] = field(default_factory=list)
    findings: list[Ints] = field(default_factory=list)


@dataclass
class SelectionNumbers:
    """What was kept, why the rest was dropped, splits, and near-duplicates (torn groups lie in two splits)."""

    videos: int = 0
    kept: int = 0
    kept_hours: float = 0.0
    reasons: dict[str, Group] = field(default_factory=dict)
    splits: dict[str, tuple[int, float]] = field(default_factory=dict)
    group_sizes: dict[int, int] = field(default_factory=dict)
    largest: list[tuple[str, int]] = field(default_factory=list)
    torn_groups: int = 0


@dataclass(frozen=True)
class Numbers:
    """All that a report says in numbers. ``told`` is dataset.json, or why it cannot be read.

    ``ids`` and ``scores`` (findings and problems) are those of the captions, in the order of the store.
    """

    told: dict[str, Any] | str
    status: Status
    survey: SurveyNumbers
    captions: CaptionNumbers
    words: Words
    failures: FailureNumbers
    checks: CheckNumbers
    selection: SelectionNumbers
    clips: int
    clip_seconds: Tally
    clip_words: Tally
    ids: Ids
    scores: NDArray[np.int64]


def gather(store: Store, *, seed: int = 0, on_progress: Progress | None = None) -> Numbers:
    """Read every table once, the captions twice. Raises SG4VError for a directory that is no data set."""
    told = _told(store)
    say = on_progress or _silent
    say("sources", 0, 0)
    whole, listed = status(store), Listed(store)
    survey = SurveyNumbers()
    wanted = ("duration_seconds", "motion", "brightness", "text_area", "width", "height")
    for batch in listed.batches(store, "surveys", wanted, batch_rows=1 << 14):
        survey.add(batch)
    captioned, states = _states(store, listed)
    say("checks", 0, 0)
    checks = _checks(store, IdIndex(captioned), states)
    captions, lexicon, scores = _captions(store, listed, checks, seed, say)
    ids = _joined(captions.ids)
    index = IdIndex(ids)
    clips, clip_seconds, clip_words = _clips(store, listed)
    return Numbers(
        told=told,
        status=whole,
        survey=survey,
        captions=captions,
        words=lexicon.words(captions.videos),
        failures=_failures(store, listed),
        checks=checks,
        selection=_selection(store, listed, index, np.concatenate([*captions.seconds, np.zeros(1, np.float32)])),
        clips=clips,
        clip_seconds=clip_seconds,
        clip_words=clip_words,
        ids=ids,
        scores=scores,
    )


def _silent(_what: str, _done: int, _of: int) -> None:
    """Progress that nobody asked for."""


def _told(store: Store) -> dict[str, Any] | str:
    try:
        return store.description
    except SG4VError as error:
        if not any(store.parts(table) for table in TABLES):
            raise
        return str(error)


def _joined(ids: list[Ids]) -> Ids:
    return np.concatenate(ids) if ids else np.empty(0, "S16")


def _states(store: Store, listed: Listed) -> tuple[Ids, Ints]:
    """The captions that count, each with its revision and ``edit_key``."""
    ids, states = [np.empty(0, "S16")], [np.empty((0, 2), np.int64)]
    for batch in listed.batches(store, "captions", ["revision", "edit_key"], batch_rows=1 << 14):
        ids.append(packed_ids(batch["id"]))
        states.append(_state(batch))
    return np.concatenate(ids), np.concatenate(states)


def _state(batch: pa.RecordBatch) -> Ints:
    return np.column_stack([np.asarray(batch[name], np.int64) for name in ("revision", "edit_key")])


def _captions(
    store: Store, listed: Listed, checks: CheckNumbers, seed: int, say: Progress
) -> tuple[CaptionNumbers, Lexicon, NDArray[np.int64]]:
    """One pass over the captions; also how bad each one is: findings and texts with a problem."""
    captions, lexicon = CaptionNumbers(), Lexicon()
    of = len(listed.ids_in(store, "captions"))
    random = np.random.default_rng(seed)
    found = IdIndex(_joined(checks.ids))
    findings = np.concatenate([*checks.findings, np.zeros(1, np.int64)])  # the last one is found at place -1
    scores = [np.empty(0, np.int64)]
    for batch in listed.batches(store, "captions", CAPTION_COLUMNS, batch_rows=BATCH_ROWS):
        captions.add(batch)
        score = findings[found.places(captions.ids[-1])] + captions.faults[-1].astype(np.int64)
        scores.append(score)
        chosen = random.random(batch.num_rows) < WORD_CAPTIONS / of
        if chosen.any():
            lexicon.add(batch["summary"].filter(pa.array(chosen)), score[chosen] > 0)
        say("captions", captions.videos, of)
    return captions, lexicon, np.concatenate(scores)


def _failures(store: Store, listed: Listed) -> FailureNumbers:
    """Those that stand by kind, with examples; failed checks and repairs are told as well."""
    found = FailureNumbers()
    failures = Failures(store, listed)
    for batch in listed.batches(store, "failures", batch_rows=BATCH_ROWS):
        stands = failures.standing(batch)
        found.overcome += int((~stands).sum())
        standing = batch.filter(pa.array(stands))
        found.count += standing.num_rows
        for stage, kind, location, message in zip(
            *(standing[name].to_pylist() for name in ("stage", "kind", "location", "message")), strict=True
        ):
            group = found.groups.setdefault((stage, kind), Group())
            group.count += 1
            if len(group.examples) < EXAMPLES:
                group.examples.append(Example(location, message))
    return found


def _checks(store: Store, captioned: IdIndex, states: Ints) -> CheckNumbers:
    found = CheckNumbers()
    states = np.append(states, [[-1, 0]], axis=0)  # found at place -1: no such caption
    for batch in store.batches("checks", batch_rows=1 << 14):
        of_caption = states[captioned.places(packed_ids(batch["id"]))]
        fresh = (_state(batch) == of_caption).all(axis=1)
        found.stale += int((~fresh & (of_caption[:, 0] >= 0)).sum())
        batch = batch.filter(pa.array(fresh))
        findings, rows = flat(batch["findings"])
        often = np.bincount(rows, minlength=batch.num_rows)
        found.ids.append(packed_ids(batch["id"]))
        found.findings.append(often)
        found.captions += batch.num_rows
        found.with_findings += int(np.count_nonzero(often))
        found.judged += pc.sum(pc.not_equal(batch["judge"], "")).as_py() or 0
        if len(findings):
            _add_findings(found.groups, findings, batch["id"], rows)
    return found


def _add_findings(groups: dict[str, Group], findings: Any, ids: Any, rows: Ints) -> None:
    checks = part(findings, "check")
    for name, count in zip(*counts(checks), strict=True):
        group = groups.setdefault(name, Group())
        group.count += count
        places = np.flatnonzero(np.asarray(pc.equal(checks, name)))
        group.videos += len(np.unique(rows[places]))
        for place in places[: EXAMPLES - len(group.examples)].tolist():
            step, reason = part(findings, "step")[place].as_py(), part(findings, "reason")[place].as_py()
            said = f"step {step + 1}: {reason}" if step >= 0 else reason
            group.examples.append(Example(ids[int(rows[place])].as_py(), said))


def _selection(store: Store, listed: Listed, captioned: IdIndex, seconds: NDArray[np.float32]) -> SelectionNumbers:
    found = SelectionNumbers()
    groups: list[Ids] = []
    sides: list[Ints] = []
    seconds[-1] = 0.0  # found at place -1: not captioned
    for batch in listed.batches(store, "selection", batch_rows=1 << 14):
        kept = np.asarray(batch["kept"])
        hours = seconds[captioned.places(packed_ids(batch["id"]))] / 3600.0
        found.videos += batch.num_rows
        found.kept += int(kept.sum())
        found.kept_hours += float(hours[kept].sum())
        splits = np.array(batch["split"].to_pylist(), object)
        for split in sorted(set(splits[kept])):
            videos, length = found.splits.get(split, (0, 0.0))
            here = kept & (splits == split)
            found.splits[split] = videos + int(here.sum()), length + float(hours[here].sum())
        grouped = np.asarray(pc.not_equal(batch["group"], ""))
        groups.append(packed_ids(batch["group"].filter(pa.array(grouped))))
        numbered = np.array([list(found.splits).index(one) if one in found.splits else -1 for one in splits], np.int64)
        sides.append(np.where(kept, numbered, -1)[grouped])
        _add_reasons(found.reasons, batch.filter(pa.array(~kept)))
    _add_groups(found, _joined(groups), np.concatenate([np.empty(0, np.int64), *sides]))
    return found


def _add_reasons(groups: dict[str, Group], dropped: pa.RecordBatch) -> None:
    for place, gate in enumerate(stored_gates(dropped)):
        group = groups.setdefault(title(gate), Group())
        group.count += 1
        if len(group.examples) < EXAMPLES:
            group.examples.append(Example(dropped["id"][place].as_py(), dropped["reason"][place].as_py()))


def _add_groups(found: SelectionNumbers, groups: Ids, sides: Ints) -> None:
    """Sizes of groups; ``sides`` is the number of each video's split, -1 for one that is not kept."""
    ids, of_video, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    pairs = np.unique(of_video[sides >= 0] * (len(found.splits) + 1) + sides[sides >= 0])
    found.torn_groups = int(np.count_nonzero(np.bincount(pairs // (len(found.splits) + 1)) > 1))
    often = np.bincount(sizes)
    found.group_sizes = {int(size): int(often[size]) for size in np.flatnonzero(often)}
    largest = np.argsort(-sizes, kind="stable")[:LARGEST_GROUPS]
    found.largest = [(unpacked_id(ids[place]), int(sizes[place])) for place in largest if sizes[place] > 1]


def _clips(store: Store, listed: Listed) -> tuple[int, Tally, Tally]:
    seconds, spoken, count = Tally(0.1), Tally(1), 0
    columns = ("start_seconds", "end_seconds", "text")
    for batch in listed.batches(store, "clips", columns, batch_rows=1 << 13, video="video_id"):
        count += batch.num_rows
        seconds.add(floats(batch["end_seconds"]) - floats(batch["start_seconds"]))
        spoken.add(count_words(batch["text"]))
    return count, seconds, spoken
