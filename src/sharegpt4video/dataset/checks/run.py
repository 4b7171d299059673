"""The checks over a whole data set: every caption that has none yet, in one pass, in bounded memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ... import background
from ...background import mapped
from ...captioner.engine import Engine
from ...display import Result
from ...errors import SettingsError
from ...records import Finding
from ...verify.prose import Draft
from ...vlm.base import VLM
from ...vlm.embedded import EmbeddedVLM
from ...vlm.forwarding import ForwardingVLM
from ...wording import counted
from ..rows import CaptionRow, Checked
from ..sources.listed import Listed
from ..store.ids import IdIndex, packed_all, sorting
from ..store.schema import to_rows
from ..store.store import Store, packed_ids, unpacked_id
from . import MIXED_UP, REPEATED, check_caption, without_facts_line
from .across_videos import Found, Repeats
from .exchanged import Exchanges
from .judge import Verdict, judging
from .language import check_language_code

PART_ROWS = 2048
FACT_TIMES = "steps.list.element.facts.list.element.start_seconds"
"""The smallest column that shows whether anything was measured."""
_KNOWN_COLUMNS = ("revision", "edit_key", "judge", "findings")


@dataclass(repr=False)
class ChecksResult(Result):
    """What a run of the checks did, and how the whole data set stands after it.

    checked       captions checked in this run; ``updated`` are earlier ones whose text now stands on other videos, too
    captions      captions that have been checked, in this run or before; ``faulty`` are those with a finding
    replaced      captions of files that were replaced since; these are left out of everything
    findings      how many findings each check has made over the whole data set, and ``faulty_by`` in how many captions
    without_facts captions whose steps carry no measured facts: the checks of the group "facts" have nothing to go by
    unrelated     a warning if the captions checked in this run do not seem to fit their videos, else ""
    judged        verdicts of the judge in this run; ``unjudged`` counts why there is none, by the reason
    """

    checked: int = 0
    updated: int = 0
    captions: int = 0
    replaced: int = 0
    faulty: int = 0
    findings: Counter[str] = field(default_factory=Counter)
    faulty_by: Counter[str] = field(default_factory=Counter)
    without_facts: int = 0
    unrelated: str = ""
    judged: int = 0
    unjudged: Counter[str] = field(default_factory=Counter)

    @property
    def not_checked(self) -> str:
        """What could not be checked for want of facts, in words; "" where nothing was missing."""
        return without_facts_line(self.without_facts) if self.without_facts else ""

    def text(self) -> str:
        """The result as a table, most frequent check first."""
        lines = [f"{'check':<18}{'captions':>10}{'share':>9}{'findings':>10}"]
        for name, count in sorted(self.faulty_by.items(), key=lambda pair: (-pair[1], pair[0])):
            share = count / max(self.captions, 1)
            lines.append(f"{name:<18}{count:>10}{share:>9.1%}{self.findings[name]:>10}")
        share = self.faulty / max(self.captions, 1)
        lines.append(f"{'any':<18}{self.faulty:>10}{share:>9.1%}{sum(self.findings.values()):>10}")
        lines.append(f"{counted(self.captions, 'caption')} checked, {self.checked} of them now, {self.updated} updated")
        if self.not_checked:
            lines.append(self.not_checked)
        if self.unrelated:
            lines.append(self.unrelated)
        if self.replaced:
            lines.append(f"{counted(self.replaced, 'caption')} of replaced files left out")
        if self.judged or self.unjudged:
            lines.append(f"{self.judged} judged now, {sum(self.unjudged.values())} without a verdict")
            lines += [f"  {count} x {why}" for why, count in self.unjudged.most_common(5)]
        return "\n".join(lines)


def check_dataset(
    store: Store,
    *,
    judge: VLM | None = None,
    language: str = "en",
    on_progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> ChecksResult:
    """Check every caption that has not been checked as it reads now (by this judge), and write down what was found.

    Captions of files that have been replaced are left out (see ``Listed.current``).
    ``judge`` is asked about each caption that it has not judged yet; one that has been judged stays judged in a run
    without. A caption for which it gives no usable answer keeps the findings of the rules and is asked about again
    next time. ``on_progress`` gets the numbers of captions done and to do. Raises SettingsError for a language or a
    judge that cannot be, VLMError when the judge is gone; what was found before that is kept.
    """
    check_language_code(language)
    if isinstance(judge.vlm if isinstance(judge, ForwardingVLM) else judge, EmbeddedVLM):
        raise SettingsError("the embedded model cannot judge texts; name another model as the judge")
    result = ChecksResult()
    listed, known = Listed(store), _Known(store)
    result.replaced = len(np.intersect1d(store.ids("captions"), listed.replaced))
    waiting = known.waiting(store, listed, judge)
    if waiting.any():
        repeats = _Repeated(store, listed)
        result.updated = _update(store, listed, repeats)
        writer = _Writer(store, result, int(waiting.sum()), on_progress)
        exchanges = Exchanges()
        fresh = _fresh(store, listed, waiting, repeats, exchanges, language)
        try:
            if judge is None:
                for row, findings in fresh:
                    writer.add(_checked(row, findings))
            else:
                background.run(_judge_all(fresh, judge, writer, known))
        finally:
            writer.flush()
            _add_mixed_up(store, exchanges.findings(), known)
        result.unrelated = exchanges.warning()
    _count(store, listed, result)
    return result


class _Known:
    """The revisions and reviewed states that have been checked, and the judge of each: 32 bytes for each caption.

    ``mixed_up`` are the stored findings of that check, by id. They are kept, since a caption that is checked again may
    be compared with other captions than before.
    """

    def __init__(self, store: Store) -> None:
        ids, revisions, edits, judges = [], [], [], []
        self._names: dict[str, int] = {"": 0}
        self.mixed_up: dict[str, Checked] = {}
        for batch in store.batches("checks", _KNOWN_COLUMNS, batch_rows=1 << 14):
            ids.append(packed_ids(batch.column("id")))
            revisions.append(np.asarray(batch.column("revision"), np.int32))
            edits.append(np.asarray(batch.column("edit_key"), np.int64))
            codes = [self._names.setdefault(name, len(self._names)) for name in batch.column("judge").to_pylist()]
            judges.append(np.array(codes, np.int32))
            self.mixed_up |= _mixed_up(batch)
        all_ids = np.concatenate(ids) if ids else np.empty(0, "S16")
        self._index = IdIndex(all_ids)
        self._revisions = np.concatenate([np.empty(0, np.int32), *revisions])
        self._edits = np.concatenate([np.empty(0, np.int64), *edits])
        self._judges = np.concatenate([np.empty(0, np.int32), *judges])

    def waiting(self, store: Store, listed: Listed, judge: VLM | None) -> NDArray[np.bool_]:
        """For each caption that counts, in the order of the table, whether it has to be checked."""
        batches = listed.batches(store, "captions", ["revision", "edit_key"], batch_rows=1 << 16)
        masks = [self._waiting(batch, judge.name if judge else "") for batch in batches]
        return np.concatenate(masks) if masks else np.empty(0, bool)

    def _waiting(self, batch: pa.RecordBatch, judge: str) -> NDArray[np.bool_]:
        place = self._index.places(packed_ids(batch.column("id")))
        waiting = place < 0
        if len(self._index):
            waiting |= self._revisions[place] != np.asarray(batch.column("revision"), np.int32)
            waiting |= self._edits[place] != np.asarray(batch.column("edit_key"), np.int64)
            if judge:
                waiting |= self._judges[place] != self._names.get(judge, -1)
        return np.asarray(waiting)

    def has(self, row: CaptionRow) -> bool:
        """Whether the caption has been checked as it reads now, by whomever."""
        place = self._index.place(row.id)
        if place is None:
            return False
        return (int(self._revisions[place]), int(self._edits[place])) == (row.revision, row.edit_key)


def _checked(row: CaptionRow, findings: tuple[Finding, ...], judge: str = "") -> Checked:
    return Checked(row.id, row.revision, findings, judge, row.edit_key)


def _same(one: Checked, other: Checked) -> bool:
    return (one.revision, one.edit_key) == (other.revision, other.edit_key)


class _Repeated:
    """The findings across videos, by caption: 50 bytes for each."""

    def __init__(self, store: Store, listed: Listed) -> None:
        repeats, ids = Repeats(), []
        for batch in listed.batches(store, "captions", ["summary"], batch_rows=1 << 12):
            repeats.extend(batch.column("summary").to_pylist())
            ids.append(packed_ids(batch.column("id")))
        packed = np.concatenate(ids) if ids else np.empty(0, "S16")
        # Captions are written as they are finished; found in the order of ids, the same is told after every run.
        order = sorting(packed)
        repeats.reorder(order)
        self._ids, self._index = packed[order], IdIndex(packed[order])
        self._rank = np.empty(len(order), np.int64)
        self._rank[order] = np.arange(len(order))
        self._found: Found = repeats.found()

    def at(self, place: int) -> tuple[Finding, ...]:
        """The findings for the caption at this place among those that count."""
        return self._told(int(self._rank[place]))

    def of(self, id: str) -> tuple[Finding, ...]:
        """The findings for the caption with this id; none for one that is not there."""
        place = self._index.place(id)
        return () if place is None else self._told(place)

    def _told(self, where: int) -> tuple[Finding, ...]:
        if not self._found["videos"][where]:
            return ()
        first = unpacked_id(self._ids[self._found["first"][where]])
        return (Repeats.finding(self._found[where], first),)


class _Writer:
    """Collects rows, writes them as parts and counts them."""

    def __init__(self, store: Store, result: ChecksResult, total: int, on_progress: Callable[[int, int], None]) -> None:
        self._store, self.result, self._total, self._on_progress = store, result, total, on_progress
        self._rows: list[Checked] = []
        self._done = 0

    def add(self, row: Checked) -> None:
        self._rows.append(row)
        self.result.checked += 1
        if len(self._rows) >= PART_ROWS:
            self.flush()
        self.told()

    def told(self) -> None:
        """One more caption is done with."""
        self._done += 1
        self._on_progress(self._done, self._total)

    def flush(self) -> None:
        self._store.append("checks", self._rows)
        self._rows.clear()  # not before: what cannot be written is tried again at the end


def _fresh(
    store: Store,
    listed: Listed,
    waiting: NDArray[np.bool_],
    repeats: _Repeated,
    exchanges: Exchanges,
    language: str,
) -> Iterator[tuple[CaptionRow, tuple[Finding, ...]]]:
    """The captions that wait, each with what the rules find."""
    offset = 0
    for batch in listed.batches(store, "captions", batch_rows=64):
        mask = waiting[offset : offset + batch.num_rows]
        places = offset + np.flatnonzero(mask)
        offset += batch.num_rows
        for place, row in zip(places, to_rows(CaptionRow, batch.filter(pa.array(mask))), strict=True):
            exchanges.add(Draft(row, language))
            yield row, (*check_caption(row, language=language), *repeats.at(int(place)))


async def _judge_all(
    fresh: Iterator[tuple[CaptionRow, tuple[Finding, ...]]], judge: VLM, writer: _Writer, known: _Known
) -> None:
    """Judge many captions at once, with twice as many in hand as the judge has slots, so that none waits."""
    engine = Engine(judge)

    async def judged(item: tuple[CaptionRow, tuple[Finding, ...]]) -> Verdict:
        return await engine.run(judging(item[0]))

    try:
        async with aclosing(mapped(fresh, judged, at_once=2 * engine.slots)) as verdicts:
            async for (row, findings), verdict in verdicts:
                if not verdict.problem:
                    writer.result.judged += 1
                    writer.add(_checked(row, (*findings, *verdict.findings), judge.name))
                    continue
                writer.result.unjudged[verdict.problem] += 1
                if known.has(row):  # what the rules found is there already
                    writer.told()
                else:
                    writer.add(_checked(row, findings))
    finally:
        await judge.close()


def _update(store: Store, listed: Listed, repeats: _Repeated) -> int:
    """Store what changed across videos for captions that were checked before."""
    changed: list[Checked] = []
    count = 0
    for batch in listed.batches(store, "checks", batch_rows=4096):
        for row in to_rows(Checked, batch):
            now = repeats.of(row.id)
            if now != tuple(finding for finding in row.findings if finding.check == REPEATED):
                others = [finding for finding in row.findings if finding.check != REPEATED]
                changed.append(replace(row, findings=(*others, *now)))
        if len(changed) >= PART_ROWS:
            store.append("checks", changed)
            count, changed = count + len(changed), []
    store.append("checks", changed)
    return count + len(changed)


def _mixed_up(batch: pa.RecordBatch) -> dict[str, Checked]:
    """The rows of a batch that have a finding of an answer mixed up, by id; with these findings alone."""
    findings = batch.column("findings")
    here = pc.equal(pc.struct_field(pc.list_flatten(findings), "check"), MIXED_UP)
    rows = to_rows(Checked, batch.take(pc.unique(pc.list_parent_indices(findings).filter(here))))
    return {row.id: replace(row, findings=tuple(one for one in row.findings if one.check == MIXED_UP)) for row in rows}


def _add_mixed_up(store: Store, found: dict[str, tuple[Finding, ...]], known: _Known) -> None:
    """Store which texts answer another video, beside what else was found in their captions.

    Findings of earlier runs stand until the caption is revised.
    """
    wanted = packed_all({*found, *known.mixed_up})
    changed: list[Checked] = []
    for batch in store.find("checks", wanted, batch_rows=4096):
        for row in to_rows(Checked, batch):
            before = known.mixed_up.get(row.id)
            now = found.get(row.id) or (before.findings if before and _same(before, row) else ())
            others = tuple(finding for finding in row.findings if finding.check != MIXED_UP)
            if (*others, *now) != row.findings:
                changed.append(replace(row, findings=(*others, *now)))
    store.append("checks", changed)


def _count(store: Store, listed: Listed, result: ChecksResult) -> None:
    for batch in listed.batches(store, "checks", ["findings"], batch_rows=1 << 14):
        findings = batch.column("findings")
        names = pc.struct_field(pc.list_flatten(findings), "check").to_pylist()
        owners = pc.list_parent_indices(findings).to_pylist()
        result.captions += batch.num_rows
        result.faulty += len(set(owners))
        result.findings.update(names)
        result.faulty_by.update(name for _, name in set(zip(owners, names, strict=True)))
    for batch in listed.batches(store, "captions", [FACT_TIMES], batch_rows=1 << 14):
        result.without_facts += int(np.count_nonzero(without_facts(batch)))


def without_facts(batch: pa.RecordBatch) -> NDArray[np.bool_]:
    """Which captions of a batch that was read with ``FACT_TIMES`` carry no measured facts."""
    steps = batch.column("steps")
    measured = pc.list_value_length(steps.flatten().field("facts")).fill_null(0)
    of_caption = np.bincount(pc.list_parent_indices(steps), measured, minlength=batch.num_rows)
    return np.asarray(of_caption == 0)
