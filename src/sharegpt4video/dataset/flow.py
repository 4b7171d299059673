"""The flow of videos through a build: list, survey, decide, caption, write down. The same at every place.

Decisions are those of the order of the sources (see ``undecided``), so they are the same however the work was
interleaved or interrupted; what is decided is captioned, whatever else is still being surveyed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace
from functools import partial

from ..background import gone, mapped
from ..config import CaptionSettings
from ..errors import ModelUnavailable
from ..records import VideoCaption
from .counts import BuildCounts
from .decide.decider import Decider
from .decide.decisions import Decision
from .decide.undecided import Undecided
from .ledger import Ledger
from .outcomes import GivenUp, Outcomes
from .places.base import Place
from .rows import Failure, SourceVideo, Survey
from .settings import DatasetSettings
from .worklist import Worklist

LIKELY = 0.9
"""The share of videos that has to pass the filters for reading to begin before they are decided: that saves one decode
of a video that passes, and wastes up to five, with facts, on one that does not."""
FIRST_READ = 16  # videos that count as passed before any is decided
AT_ONCE = 256  # videos that may be undecided, or decided and not yet taken to be captioned


class Flow:
    """One run over the sources of a data set: four generators, each of which takes from the one before it."""

    def __init__(
        self, place: Place, settings: DatasetSettings, decider: Decider, ledger: Ledger, outcomes: Outcomes
    ) -> None:
        self._place, self._settings, self._decider = place, settings, decider
        self._ledger, self._outcomes, self._counts = ledger, outcomes, outcomes.counts
        self._decided = self._kept = 0

    async def run(self, worklist: Worklist) -> BuildCounts:
        """Do what is left to do. Raises StorageError when the directory or the reply cache cannot be written."""
        undecided = Undecided(self._decider)
        deciding = asyncio.create_task(undecided.run())
        decided = mapped(self._new(worklist, undecided), partial(self._decide, undecided), at_once=AT_ONCE)
        captions = mapped(self._passing(decided), self._caption, at_once=self._place.videos_at_once)
        try:
            async with aclosing(captions):
                async for source, caption in captions:
                    await self._outcomes.captioned(source, caption, self._ledger.next_revision(source.id))
                    self._tell()
            await self._outcomes.finish()
        except (GivenUp, ModelUnavailable) as why:
            self._counts.stopped = str(why)
        finally:
            await gone(deciding)
            self._counts.mixed_up = self._place.mixed_up
            try:
                self._decider.flush()
            finally:
                self._outcomes.close()  # what is done is written whatever else fails
        return self._counts

    async def _new(self, worklist: Worklist, undecided: Undecided) -> AsyncGenerator[SourceVideo, None]:
        """The sources in order, each content once."""
        async with aclosing(worklist.items()) as items:
            async for item, state in items:
                await self._outcomes.listed(item, state)
                if isinstance(item, Failure) or state == "again":
                    continue
                if self._ledger.first_time(item.id):
                    undecided.enter(item.id)
                    yield item
                else:
                    self._counts.identical += 1
                self._tell()
        await self._outcomes.all_listed(worklist)

    async def _decide(self, undecided: Undecided, source: SourceVideo) -> Decision | None:
        """Survey one source, caption it in short where novelty is judged, and decide; None when that failed."""
        survey = await self._survey(source, partial(undecided.identified, source.id))
        text: str | None = None
        if survey is not None and self._decider.wants_text and self._decider.passes_alone(survey):
            text = await self._short_text(source)
            survey = None if text is None else survey
        if survey is None:
            undecided.withdraw(source.id)
            return None
        return await undecided.decision(survey, text)

    async def _survey(self, source: SourceVideo, identified: Callable[[str], None]) -> Survey | None:
        """The survey of one source; None when that failed, now or before."""
        survey = self._ledger.survey(source.id)
        if survey is None and not self._failed_before(source):
            surveying = self._place.survey(source, self._settings.survey, identified, self._reading(source))
            return await self._outcomes.surveyed(await surveying)
        return survey

    def _reading(self, source: SourceVideo) -> CaptionSettings | None:
        """How to read a video while it is surveyed, where it is likely enough that it will be captioned."""
        settings = self._settings
        if settings.caption.mode != "sliding" or not settings.survey.pictures or self._decider.wants_text:
            return None
        is_likely = self._kept + FIRST_READ >= LIKELY * (self._decided + FIRST_READ)
        return settings.caption if is_likely and not self._ledger.captioned(source.id) else None

    async def _short_text(self, source: SourceVideo) -> str | None:
        if source.caption and self._settings.novelty.use_given:
            return source.caption
        if (text := self._ledger.short_text(source.id)) is not None:
            return text
        if self._failed_before(source):
            return None
        fast = replace(self._settings.caption, mode="fast")
        return await self._outcomes.told_in_short(source, await self._place.caption(source, fast, "short"))

    def _failed_before(self, source: SourceVideo) -> bool:
        """Whether it failed in an earlier run and is not to be tried again; such a video is counted here."""
        failed = self._ledger.failed(source.id)
        if failed:
            self._counts.failed_before[self._ledger.failed_kind(source.id)] += 1
        return failed

    async def _passing(
        self, decided: AsyncGenerator[tuple[SourceVideo, Decision | None], None]
    ) -> AsyncGenerator[SourceVideo, None]:
        """Those that pass the filters and are not captioned yet."""
        async with aclosing(decided):
            async for source, decision in decided:
                if decision is not None and self._is_wanted(source, decision):
                    yield source
                else:
                    self._place.forget(source)
                self._tell()

    def _is_wanted(self, source: SourceVideo, decision: Decision) -> bool:
        """Whether a decided video is to be captioned; one that is not is counted here."""
        self._decided += 1
        self._kept += decision.kept
        if not decision.kept:
            self._counts.dropped[decision.gate] += 1
        elif self._ledger.captioned(source.id):
            self._counts.known += 1
        else:
            return not self._failed_before(source)
        return False

    async def _caption(self, source: SourceVideo) -> VideoCaption | Failure:
        return await self._place.caption(source, self._settings.caption)

    def _tell(self) -> None:
        self._counts.mixed_up = self._place.mixed_up
        self._outcomes.tell()
