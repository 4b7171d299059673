"""This machine as the place where videos are surveyed and captioned."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from ...captioner.engine import Engine
from ...config import CaptionSettings
from ...reading import Event
from ...records import VideoCaption
from ..rows import Failure, SourceVideo, Survey
from ..settings import SurveySettings
from .ahead import ReadAhead
from .base import PRIORITY, SEGMENTS_WAITING, CaptionStage
from .describing import describe
from .jobs import ReadAlong, attempt, read_job, survey_job, survey_of, surveying
from .pool import WorkerPool


class Here:
    """Worker processes open and decode; one engine in this process keeps every slot of the model busy."""

    def __init__(self, engine: Engine, pool: WorkerPool) -> None:
        self._engine, self._pool = engine, pool
        self._room = asyncio.Semaphore(SEGMENTS_WAITING)
        self._ahead = ReadAhead(self._room)
        self._checking, self._checked = asyncio.Lock(), False
        self.videos_at_once = 4 * engine.slots + 2 * pool.processes

    @property
    def mixed_up(self) -> int:
        return self._engine.asked_again["mixed up"] + self._engine.problems["mixed up"]

    async def _check(self) -> None:
        """Before the first video is read. Raises ModelUnavailable for a model that cannot answer."""
        async with self._checking:
            if not self._checked:
                await self._engine.vlm.check()
                self._checked = True

    async def survey(
        self,
        source: SourceVideo,
        settings: SurveySettings,
        identified: Callable[[str], None] = lambda _: None,
        reading: CaptionSettings | None = None,
    ) -> Survey | Failure:
        await self._check()
        if reading is not None and not self._ahead.is_full:
            along = ReadAlong(reading, *self._wants)
            surveyed = await self._survey(source, settings, identified, along)
            if not isinstance(surveyed, Failure):
                return surveyed
            self._ahead.forget(source.id)  # it may have failed for what only captioning does
        return await self._survey(source, settings, identified, None)

    async def _survey(
        self, source: SourceVideo, settings: SurveySettings, identified: Callable[[str], None], along: ReadAlong | None
    ) -> Survey | Failure:
        items = self._pool.stream(survey_job, source, settings, along, priority=PRIORITY["survey"])
        async with aclosing(surveying(items, source)) as surveyed:
            return await survey_of(self._ahead.hold(source.id, surveyed), identified)

    async def caption(
        self, source: SourceVideo, settings: CaptionSettings, stage: CaptionStage = "caption"
    ) -> VideoCaption | Failure:
        await self._check()
        items: AsyncGenerator[Event | float, None]
        if stage == "caption" and self._ahead.has(source.id):
            items = self._ahead.take(source.id)
        else:
            items = self._pool.stream(read_job, source, settings, *self._wants, priority=PRIORITY[stage])
        return await attempt(source, stage, describe(items, source, self._engine, settings, self._room))

    def forget(self, source: SourceVideo) -> None:
        self._ahead.forget(source.id)

    @property
    def _wants(self) -> tuple[bool, bool]:
        """Whether the model takes pictures, and whether it hears."""
        return self._engine.vlm.max_images > 0, self._engine.vlm.hears

    async def close(self) -> None:
        await self._pool.close()
        await self._engine.vlm.close()
