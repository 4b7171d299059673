"""The flow of videos through a build: list, survey, decide, caption, write down.

Worker processes open and decode; one engine in this process keeps every slot of the model busy. Decisions are made in
the order of the sources, so they are the same however the work was interleaved or interrupted.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from ...background import gone
from ...captioner.engine import Engine
from ...errors import ModelDenied
from ...records import VideoCaption
from ..decide.columns import Candidates
from ..decide.decider import Decider
from ..decide.decisions import Decision
from ..ledger import Ledger
from ..rows import Failure, SourceVideo, Survey
from ..settings import DatasetSettings
from ..store.store import Store
from .jobs import attempt, describe, read_job, survey_job
from .outcomes import GivenUp, Outcomes
from .pool import WorkerPool
from .progress import BuildCounts
from .worklist import Worklist

UNDECIDED = 256  # videos that may be surveyed before the one that is decided next
SEGMENTS_WAITING = 512  # read and not described yet, all videos together; at most 4 pictures each

CAPTION_FIRST, SHORT_NEXT, SURVEY_LAST = range(3)
"""Who is given a worker first: what feeds the model, then what decides about it."""


@dataclass(frozen=True)
class _Looked:
    """What is known of a video before it is decided."""

    survey: Survey
    short_text: str | None


class Flow:
    """One run over the sources of a data set. ``counts`` is up to date at any time."""

    def __init__(
        self,
        store: Store,
        engine: Engine,
        pool: WorkerPool,
        settings: DatasetSettings,
        decider: Decider,
        *,
        on_progress: Callable[[BuildCounts], None] = lambda _: None,
    ) -> None:
        self._outcomes = Outcomes(store, on_progress)
        self.counts = self._outcomes.counts
        self._engine, self._pool, self._settings, self._decider = engine, pool, settings, decider
        self._room = asyncio.Semaphore(SEGMENTS_WAITING)
        self._window = asyncio.Semaphore(UNDECIDED)
        self._in_flight = asyncio.Semaphore(4 * engine.slots + 2 * pool.processes)
        self._undecided: asyncio.Queue[tuple[SourceVideo, asyncio.Task[_Looked | None]] | None] = asyncio.Queue()
        self._looking: set[asyncio.Task[_Looked | None]] = set()
        self._captions: set[asyncio.Task[None]] = set()

    async def run(self, worklist: Worklist, known: Ledger) -> BuildCounts:
        """Do what is left to do. Raises StorageError when the directory or the reply cache cannot be written."""
        self._known = known
        self._fatal = asyncio.get_running_loop().create_future()
        tasks = [asyncio.create_task(self._list(worklist)), asyncio.create_task(self._decide())]
        try:
            await _first_failure([*tasks, self._fatal], until=tasks)
            await self._outcomes.finish()
        except (GivenUp, ModelDenied) as why:
            self.counts.stopped = str(why)
        finally:
            await gone(*tasks, *self._looking, *self._captions)
            self._fatal.cancel()
            self._count_mixed_up()
            self._decider.flush()
            self._outcomes.close()
        return self.counts

    async def _list(self, worklist: Worklist) -> None:
        """Put the sources into the queue, in order, each with a task that looks at it."""
        async for item, state in worklist.items():
            await self._outcomes.listed(item, state)
            if isinstance(item, Failure) or state == "again":
                continue
            if not self._known.first_time(item.id):
                self.counts.identical += 1
                continue
            await self._window.acquire()
            looking = asyncio.create_task(self._look(item))
            self._looking.add(looking)
            looking.add_done_callback(self._looking.discard)
            self._undecided.put_nowait((item, looking))
            self._outcomes.tell()
        await self._outcomes.all_listed(worklist)
        self._undecided.put_nowait(None)

    async def _look(self, source: SourceVideo) -> _Looked | None:
        """Survey one source, and where novelty is wanted have it told in short; None when that failed."""
        if self._known.failed(source.id):
            return None
        looked = await attempt(source, "survey", self._looked(source))
        if isinstance(looked, Failure):
            await self._outcomes.failed(looked)
            return None
        return looked

    async def _looked(self, source: SourceVideo) -> _Looked:
        survey = self._known.survey(source.id)
        if survey is None:
            survey = await self._pool.call(survey_job, source, self._settings.survey, priority=SURVEY_LAST)
            await self._outcomes.surveyed(survey)
        wants_text = self._decider.wants_text and self._decider.passes_alone(survey)
        return _Looked(survey, await self._short_text(source) if wants_text else None)

    async def _short_text(self, source: SourceVideo) -> str:
        if source.caption and self._settings.novelty.use_given:
            return source.caption
        if (text := self._known.short_text(source.id)) is not None:
            return text
        short = await self._outcomes.told_in_short(source, await self._describe(source, fast=True))
        return short.text if not short.problem else ""

    async def _decide(self) -> None:
        """Take the sources in order; those that pass are captioned, side by side."""
        while (item := await self._undecided.get()) is not None:
            source, looking = item
            looked = await looking
            self._window.release()
            if looked is None:
                if self._known.failed(source.id):
                    self.counts.failed_before[self._known.failed_kind(source.id)] += 1
                continue
            decision = await self._decision(looked)
            if not decision.kept:
                self.counts.dropped[decision.gate] += 1
            elif self._known.captioned(source.id):
                self.counts.known += 1
            else:
                await self._in_flight.acquire()
                task = asyncio.create_task(self._caption(source))
                self._captions.add(task)
                task.add_done_callback(self._caption_done)
            self._outcomes.tell()
        while self._captions:
            await asyncio.wait(self._captions)

    async def _decision(self, looked: _Looked) -> Decision:
        candidates = Candidates.of([looked.survey], [looked.short_text])
        if not self._decider.wants_text:
            return self._decider.decide(candidates)[0]
        # Texts are encoded by a network: the event loop must go on meanwhile.
        return (await asyncio.to_thread(self._decider.decide, candidates))[0]

    async def _caption(self, source: SourceVideo) -> None:
        captioned = await attempt(source, "caption", self._describe(source))
        if isinstance(captioned, Failure):
            await self._outcomes.failed(captioned)
        else:
            await self._outcomes.captioned(source, captioned, self._known.next_revision(source.id))
        self._count_mixed_up()
        self._outcomes.tell()

    def _caption_done(self, task: asyncio.Task[None]) -> None:
        self._in_flight.release()
        self._captions.discard(task)
        if not task.cancelled() and (error := task.exception()) and not self._fatal.done():
            self._fatal.set_exception(error)

    async def _describe(self, source: SourceVideo, *, fast: bool = False) -> VideoCaption:
        settings = self._settings.caption
        settings = replace(settings, mode="fast") if fast else settings
        looks = self._engine.vlm.max_images > 0
        priority = SHORT_NEXT if fast else CAPTION_FIRST
        items: AsyncGenerator[Any, None] = self._pool.stream(read_job, source, settings, looks, priority=priority)
        return await describe(items, source, self._engine, settings, self._room)

    def _count_mixed_up(self) -> None:
        self.counts.mixed_up = self._engine.asked_again["mixed up"] + self._engine.problems["mixed up"]


async def _first_failure(watched: Iterable[asyncio.Future[None]], *, until: Iterable[asyncio.Future[None]]) -> None:
    """Wait until all of ``until`` are done, or one of ``watched`` fails: then raise what it raised."""
    waiting, needed = set(watched), set(until)
    while needed:
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for future in done:
            future.result()
        needed -= done
