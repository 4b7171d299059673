"""The flow of videos through a build: list, survey, decide, caption, write down. The same at every place.

Decisions are made in the order of the sources where they depend on it, so they are the same however the work was
interleaved or interrupted.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace

from ..background import mapped
from ..errors import ModelUnavailable
from ..records import VideoCaption
from .counts import BuildCounts
from .decide.columns import Candidates
from .decide.decider import Decider
from .decide.decisions import Decision
from .ledger import Ledger
from .outcomes import GivenUp, Outcomes
from .places.base import Place
from .rows import Failure, SourceVideo, Survey
from .settings import DatasetSettings
from .worklist import Worklist

UNDECIDED = 256  # videos that may be surveyed before the one that is decided next


@dataclass(frozen=True)
class _Candidate:
    """What is known of a video before it is decided."""

    survey: Survey
    short_text: str | None


class Flow:
    """One run over the sources of a data set: four generators, each of which takes from the one before it."""

    def __init__(
        self, place: Place, settings: DatasetSettings, decider: Decider, ledger: Ledger, outcomes: Outcomes
    ) -> None:
        self._place, self._settings, self._decider = place, settings, decider
        self._ledger, self._outcomes, self._counts = ledger, outcomes, outcomes.counts

    async def run(self, worklist: Worklist) -> BuildCounts:
        """Do what is left to do. Raises StorageError when the directory or the reply cache cannot be written."""
        new = self._new(worklist)
        surveyed = mapped(new, self._survey, at_once=UNDECIDED, in_order=self._decider.needs_order)
        captions = mapped(self._passing(surveyed), self._caption, at_once=self._place.videos_at_once)
        try:
            async with aclosing(captions):
                async for source, caption in captions:
                    await self._outcomes.captioned(source, caption, self._ledger.next_revision(source.id))
                    self._tell()
            await self._outcomes.finish()
        except (GivenUp, ModelUnavailable) as why:
            self._counts.stopped = str(why)
        finally:
            self._counts.mixed_up = self._place.mixed_up
            try:
                self._decider.flush()
            finally:
                self._outcomes.close()  # what is done is written whatever else fails
        return self._counts

    async def _new(self, worklist: Worklist) -> AsyncGenerator[SourceVideo, None]:
        """The sources in order, each content once."""
        async with aclosing(worklist.items()) as items:
            async for item, state in items:
                await self._outcomes.listed(item, state)
                if isinstance(item, Failure) or state == "again":
                    continue
                if self._ledger.first_time(item.id):
                    yield item
                else:
                    self._counts.identical += 1
                self._tell()
        await self._outcomes.all_listed(worklist)

    async def _survey(self, source: SourceVideo) -> _Candidate | None:
        """Survey one source, and caption it in short where novelty is judged; None when that failed, now or before."""
        survey = self._ledger.survey(source.id)
        if survey is None and not self._failed_before(source):
            survey = await self._outcomes.surveyed(await self._place.survey(source, self._settings.survey))
        if survey is None:
            return None
        if not (self._decider.wants_text and self._decider.passes_alone(survey)):
            return _Candidate(survey, None)
        text = await self._short_text(source)
        return None if text is None else _Candidate(survey, text)

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
        self, surveyed: AsyncGenerator[tuple[SourceVideo, _Candidate | None], None]
    ) -> AsyncGenerator[SourceVideo, None]:
        """Those that pass the filters and are not captioned yet."""
        async with aclosing(surveyed):
            async for source, candidate in surveyed:
                if candidate is None:
                    continue
                decision = await self._decision(candidate)
                if not decision.kept:
                    self._counts.dropped[decision.gate] += 1
                elif self._ledger.captioned(source.id):
                    self._counts.known += 1
                elif not self._failed_before(source):
                    yield source
                self._tell()

    async def _decision(self, candidate: _Candidate) -> Decision:
        block = Candidates.of([candidate.survey], [candidate.short_text])
        if not self._decider.wants_text:
            return self._decider.decide(block)[0]
        # Texts are encoded by a network: the event loop must go on meanwhile.
        return (await asyncio.to_thread(self._decider.decide, block))[0]

    async def _caption(self, source: SourceVideo) -> VideoCaption | Failure:
        return await self._place.caption(source, self._settings.caption)

    def _tell(self) -> None:
        self._counts.mixed_up = self._place.mixed_up
        self._outcomes.tell()
