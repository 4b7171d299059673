"""Asks the model again about captions in which the checks found something, and tells it what was wrong.

Only the texts with findings are asked for again, and the summary when a step has changed. The new caption is checked
like any other; it is kept, as a further revision, only if less is wrong with it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ... import background
from ...background import mapped
from ...captioner.engine import Engine
from ...config import CaptionSettings
from ...display import Result
from ...engines import check_facts, open_engine
from ...errors import SettingsError, StorageError, VideoError
from ...prompts import prompt_set
from ...records import Finding, Provenance
from ...verify.prose import SUMMARY
from ...vlm.base import VLM, Reply
from ...wording import counted
from ..places.jobs import failure_of
from ..places.pairing import PairedVLM
from ..report.samples import find_rows
from ..rows import CaptionRow, Checked, Failure, SourceVideo
from ..sources.listed import Listed, original_of, places_of
from ..store.ids import IdIndex, packed_all
from ..store.schema import to_rows
from ..store.store import Store, packed_ids
from . import CHECKS, JUDGE, MIXED_UP, REPEATED, check_caption, severity
from .judge import Verdict, judging
from .language import check_language_code
from .retelling import Pictures, pictures_of, retelling
from .run import ChecksResult, check_dataset

PART_ROWS = 64


@dataclass(repr=False)
class RepairResult(Result):
    """What a repair did.

    faulty        captions with findings of the chosen checks, in their newest revision
    better        those of which a better revision was written; ``clean`` of these have no finding left
    not_better    those for which the model said nothing better; the old text stays
    not_askable   those with findings that asking again cannot mend (times, shots), or in texts that were reviewed
    failed        those whose video cannot be read any more
    requests, input_tokens, output_tokens   what was asked, whether it helped or not
    mended        by check: captions that had this finding and have it no more
    checks        how the data set stands after it
    """

    faulty: int = 0
    better: int = 0
    clean: int = 0
    not_better: int = 0
    not_askable: int = 0
    failed: int = 0
    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    mended: Counter[str] = field(default_factory=Counter)
    checks: ChecksResult | None = None

    def text(self) -> str:
        """The result in a few lines."""
        lines = [
            f"{counted(self.faulty, 'caption')} with findings: {self.better} better now ({self.clean} without any),"
            f" {self.not_better} no better, {self.not_askable} not to be mended by asking, {self.failed} unreadable",
            f"{counted(self.requests, 'request')}, {self.input_tokens} input and {self.output_tokens} output tokens",
        ]
        return "\n".join([*lines, *(f"  {name:<18}{count:>8} mended" for name, count in self.mended.most_common())])


@dataclass(frozen=True)
class Outcome:
    """One caption after asking again: the new row and what is wrong with it; a failure where the video is gone."""

    row: CaptionRow
    findings: tuple[Finding, ...]
    replies: tuple[Reply, ...] = ()
    failure: Failure | None = None


def repair(
    store: Store,
    *,
    model: VLM | str,
    settings: CaptionSettings | None = None,
    checks: Collection[str] | None = None,
    judge: VLM | None = None,
    language: str = "en",
    max_revision: int = 3,
    on_progress: Callable[[RepairResult], None] = lambda _: None,
    close_model: bool = False,
) -> RepairResult:
    """Ask again about each caption with findings, and keep what is better. The findings are those that are stored.

    ``settings`` are those of the data set unless others are given. ``checks`` chooses findings by their check; None:
    all. ``judge`` judges the new summaries; without one, a finding of a judge counts as mended when the summary has
    changed, and the next ``check_dataset`` with the judge looks at it again. A caption is not asked about any more at
    ``max_revision``. A model given by name, or with ``close_model``, is closed. Raises SettingsError for an unknown
    check, VLMError when the model is gone; what was mended before that is kept.
    """
    known = {*CHECKS, JUDGE, REPEATED, MIXED_UP}
    if unknown := sorted(set(checks or ()) - known):
        raise SettingsError(f"no check is called {unknown[0]!r}; known are: {', '.join(sorted(known))}")
    check_language_code(language)
    settings = settings or store.settings().caption
    paired = PairedVLM(open_engine(model, settings).vlm)
    check_facts(paired, measured=settings.facts.measure)
    work = _Repair(store, open_engine(paired, settings), settings, judge, language)
    try:
        closes = close_model or isinstance(model, str)
        background.run(work.run(_Faulty(store, checks, max_revision), on_progress, closes))
    finally:
        work.flush()
    work.result.checks = check_dataset(store, language=language)
    return work.result


class _Faulty:
    """The captions that have findings of the chosen checks: their findings are held, the captions are streamed."""

    def __init__(self, store: Store, checks: Collection[str] | None, max_revision: int) -> None:
        self._store = store
        self._checked: dict[str, Checked] = {}
        self._listed = Listed(store)
        for batch in self._listed.batches(store, "checks", batch_rows=4096):
            some = np.asarray(pc.list_value_length(batch.column("findings"))) > 0
            for row in to_rows(Checked, batch.filter(pa.array(some))):
                chosen = [finding for finding in row.findings if checks is None or finding.check in checks]
                if chosen and row.revision < max_revision:
                    self._checked[row.id] = replace(row, findings=tuple(chosen))
        self._index = IdIndex(packed_all(self._checked))
        self._places = places_of(store, self._listed, self._checked)

    def original(self, row: CaptionRow) -> SourceVideo:
        """The file that a caption was made from. Raises as ``original_of`` does."""
        return original_of(row, self._places[row.id], self._listed)

    def _mine(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        return batch.filter(pa.array(self._index.has(packed_ids(batch.column("id")))))

    def __iter__(self) -> Iterator[tuple[CaptionRow, tuple[Finding, ...]]]:
        for batch in self._listed.batches(self._store, "captions", batch_rows=64):
            for row in to_rows(CaptionRow, self._mine(batch)):
                checked = self._checked[row.id]
                if checked.is_of(row):
                    yield row, checked.findings


class _Repair:
    """One run of repairs on one event loop."""

    def __init__(
        self, store: Store, engine: Engine, settings: CaptionSettings, judge: VLM | None, language: str
    ) -> None:
        self.result = RepairResult()
        self._store, self._engine, self._settings, self._language = store, engine, settings, language
        self._judge = Engine(judge) if judge else None
        self._prompts = prompt_set(settings.prompts)
        self._captions: list[CaptionRow] = []
        self._failures: list[Failure] = []

    async def run(self, faulty: _Faulty, on_progress: Callable[[RepairResult], None], closes: bool) -> None:

        async def ask_again(item: tuple[CaptionRow, tuple[Finding, ...]]) -> Outcome:
            row, findings = item
            return await self._ask_again(row, faulty, _askable(row, findings))

        try:
            at_once = 2 * self._engine.slots
            async with aclosing(mapped(self._askable(faulty), ask_again, at_once=at_once)) as outcomes:
                async for (row, findings), outcome in outcomes:
                    self._settle(row, findings, outcome)
                    on_progress(self.result)
                    if len(self._captions) + len(self._failures) >= PART_ROWS:
                        await background.whole(self.flush)
        finally:
            if closes:
                await self._engine.vlm.close()
            if self._judge:
                await self._judge.vlm.close()

    def _askable(self, faulty: _Faulty) -> Iterator[tuple[CaptionRow, tuple[Finding, ...]]]:
        for row, findings in faulty:
            self.result.faulty += 1
            if _askable(row, findings):
                yield row, findings
            else:
                self.result.not_askable += 1

    async def _ask_again(self, row: CaptionRow, faulty: _Faulty, findings: Sequence[Finding]) -> Outcome:
        replies: list[Reply] = []
        numbers = sorted({finding.step for finding in findings if finding.step != SUMMARY})
        try:
            pictures = await self._pictures(row, faulty, numbers)
        except (VideoError, StorageError) as error:
            return Outcome(row, (), failure=failure_of(SourceVideo(row.id, row.location, row.user_id), "repair", error))
        role = retelling(row, findings, pictures, self._prompts, self._settings.fold_steps)
        told = await self._engine.run(role, on_reply=replies.append)
        told = with_texts_of(row, told, {edit.step for edit in row.edits})
        added_up = self._added_up(row.provenance, replies)
        new = replace(told, revision=row.revision + 1, provenance=added_up, refused=())
        found = check_caption(new, language=self._language)
        if self._judge:
            verdict: Verdict = await self._judge.run(judging(new))
            found = (*found, *verdict.findings)
        return Outcome(new, found, tuple(replies))

    async def _pictures(self, row: CaptionRow, faulty: _Faulty, numbers: Sequence[int]) -> Pictures:
        """The pictures of these steps, cut out of the video again; none for a model that looks at none."""
        if not numbers or not self._engine.vlm.max_images:
            return {}
        return await asyncio.to_thread(lambda: pictures_of(faulty.original(row), row, numbers, self._settings))

    def _added_up(self, before: Provenance, replies: Sequence[Reply]) -> Provenance:
        tokens_in = sum(reply.input_tokens for reply in replies)
        tokens_out = sum(reply.output_tokens for reply in replies)
        cost = self._engine.vlm.cost_usd(tokens_in, tokens_out)
        return replace(
            before,
            model=next((reply.model for reply in replies), before.model),
            prompt_set=self._prompts.name,
            prompt_hash=self._prompts.hash,
            requests=before.requests + len(replies),
            input_tokens=before.input_tokens + tokens_in,
            output_tokens=before.output_tokens + tokens_out,
            cost_usd=cost if before.cost_usd is None else before.cost_usd + (cost or 0.0),
            request_keys=(*before.request_keys, *(reply.request_key for reply in replies)),
        )

    def _settle(self, row: CaptionRow, before: Sequence[Finding], outcome: Outcome) -> None:
        """Keep the new caption if less is wrong with it than with the old one."""
        result = self.result
        result.requests += len(outcome.replies)
        result.input_tokens += sum(reply.input_tokens for reply in outcome.replies)
        result.output_tokens += sum(reply.output_tokens for reply in outcome.replies)
        if outcome.failure:
            result.failed += 1
            self._failures.append(outcome.failure)
            return
        old = (*check_caption(row, language=self._language), *_foreign(before))
        kept = [finding for finding in _foreign(before) if self._stands(finding, row, outcome.row)]
        new = (*outcome.findings, *kept)
        if severity(new) >= severity(old):
            result.not_better += 1
            return
        result.better += 1
        result.clean += not new
        result.mended.update({finding.check for finding in old} - {finding.check for finding in new})
        self._captions.append(outcome.row)

    def _stands(self, finding: Finding, old: CaptionRow, new: CaptionRow) -> bool:
        """Whether a finding that the rules cannot make still counts against the new caption."""
        if finding.check == JUDGE and self._judge:
            return False  # it has judged again
        return _text(old, finding.step).split() == _text(new, finding.step).split()

    def flush(self) -> None:
        """Write what has been mended so far."""
        self._store.append("captions", self._as_stored(self._captions))
        self._captions.clear()  # not before: what cannot be written is tried again at the end
        self._store.append("failures", self._failures)
        self._failures.clear()

    def _as_stored(self, rows: Sequence[CaptionRow]) -> list[CaptionRow]:
        """The rows with the model's own texts where reviews changed them: the reviews are laid over these again."""
        reviewed = [row.id for row in rows if row.edit_key]
        before: dict[str, CaptionRow] = find_rows(self._store, "captions", reviewed, original=True)
        return [_unreviewed(row, before[row.id]) if row.edit_key else row for row in rows]


def _text(row: CaptionRow, number: int) -> str:
    return row.summary if number == SUMMARY else row.steps[number].text


def _foreign(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The findings that looking at the caption alone does not make: the judge's, and those across videos."""
    return tuple(finding for finding in findings if finding.check not in CHECKS)


def _askable(row: CaptionRow, findings: Sequence[Finding]) -> list[Finding]:
    """The findings that asking again may mend; reviewed texts are left as they are."""
    reviewed = {edit.step for edit in row.edits}
    return [
        finding
        for finding in findings
        if finding.step not in reviewed and (finding.check not in CHECKS or CHECKS[finding.check].can_ask_again)
    ]


def _unreviewed(row: CaptionRow, before: CaptionRow) -> CaptionRow:
    """The repaired row without what reviews had changed in the row before it was repaired."""
    own = with_texts_of(before, row, {edit.step for edit in row.edits})
    return replace(own, edits=before.edits, edit_key=before.edit_key)


def with_texts_of(other: CaptionRow, row: CaptionRow, numbers: Collection[int]) -> CaptionRow:
    """The row with some texts, and their problems, of another one of the same steps."""
    steps = tuple(
        replace(step, text=other.steps[number].text, problem=other.steps[number].problem) if number in numbers else step
        for number, step in enumerate(row.steps)
    )
    if SUMMARY in numbers:
        return replace(row, steps=steps, summary=other.summary, summary_problem=other.summary_problem)
    return replace(row, steps=steps)
