"""Where the work on single videos is done: in processes of this machine, or on a cluster (``cluster.OnRay``)."""

from __future__ import annotations

import asyncio
from typing import Literal, Protocol

from ...captioner.engine import Engine
from ...config import CaptionSettings
from ...records import VideoCaption
from ..rows import Failure, SourceVideo, Stage, Survey
from ..settings import SurveySettings
from .jobs import attempt, describe, read_job, survey_job
from .pool import WorkerPool

SEGMENTS_WAITING = 512  # read and not described yet, all videos together; at most 4 pictures each

CaptionStage = Literal["short", "caption"]
"""A short caption is only made to see whether a video brings something new."""
PRIORITY: dict[Stage, int] = {"caption": 0, "short": 1, "survey": 2}
"""Who is given a reader first: what feeds the model, then what decides about it."""


class Place(Protocol):
    """Works on one video at a time or on many at once, and says of each what came of it or why it failed.

    Methods raise only what would stop every other video, too (``jobs.FATAL``).
    """

    videos_at_once: int
    """So many captions under way keep every slot of the model busy."""

    @property
    def mixed_up(self) -> int:
        """How many replies belonged to other requests."""
        ...

    async def survey(self, source: SourceVideo, settings: SurveySettings) -> Survey | Failure: ...

    async def caption(
        self, source: SourceVideo, settings: CaptionSettings, stage: CaptionStage = "caption"
    ) -> VideoCaption | Failure: ...

    async def close(self) -> None:
        """End what is under way, and give back processes and memory."""
        ...


class Here:
    """Worker processes open and decode; one engine in this process keeps every slot of the model busy."""

    def __init__(self, engine: Engine, pool: WorkerPool) -> None:
        self._engine, self._pool = engine, pool
        self._room = asyncio.Semaphore(SEGMENTS_WAITING)
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

    async def survey(self, source: SourceVideo, settings: SurveySettings) -> Survey | Failure:
        await self._check()
        surveying = self._pool.call(survey_job, source, settings, priority=PRIORITY["survey"])
        return await attempt(source, "survey", surveying)

    async def caption(
        self, source: SourceVideo, settings: CaptionSettings, stage: CaptionStage = "caption"
    ) -> VideoCaption | Failure:
        await self._check()
        looks = self._engine.vlm.max_images > 0
        items = self._pool.stream(read_job, source, settings, looks, priority=PRIORITY[stage])
        return await attempt(source, stage, describe(items, source, self._engine, settings, self._room))

    async def close(self) -> None:
        await self._pool.close()
        await self._engine.vlm.close()
