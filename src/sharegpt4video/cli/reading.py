"""One video from its file to its caption, read in a thread, or in a worker process that may crash alone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable
from typing import Any

from .. import background
from ..captioner.engine import Engine
from ..config import CaptionSettings
from ..dataset.work.pool import WorkerPool
from ..reading import Event, read
from ..records import VideoCaption
from ..run import Progress, VideoRun


class HalfWay(Exception):
    """Captioning ended early because of ``cause``; ``caption`` holds the steps that were finished before that."""

    def __init__(self, cause: Exception, caption: VideoCaption) -> None:
        super().__init__(str(cause))
        self.cause, self.caption = cause, caption


class Stopped(asyncio.CancelledError):
    """Captioning was cancelled; ``caption`` holds the steps that were finished before that."""

    def __init__(self, caption: VideoCaption) -> None:
        super().__init__()
        self.caption = caption


class Readers:
    """Reads videos for one model. A crash of a decoder ends the process it happens in: with ``processes``, one of ours,
    which is replaced; without, this one.
    """

    def __init__(self, settings: CaptionSettings, *, processes: int = 0) -> None:
        self._settings = settings
        self._pool = WorkerPool(processes) if processes else None

    async def caption(self, video: str, engine: Engine, on_progress: Callable[[Progress], None]) -> VideoCaption:
        """Caption one video. Raises HalfWay for whatever goes wrong, Stopped when cancelled."""
        run = VideoRun(engine, self._settings, on_progress)
        looks = engine.vlm.max_images > 0
        events = self._from_worker(video, looks, run) if self._pool else self._from_thread(video, looks, run)
        try:
            return await run.describe(events)
        except BrokenPipeError:  # whoever reads our stdout has gone
            raise
        except asyncio.CancelledError as cause:
            raise Stopped(run.caption()) from cause
        except Exception as cause:
            raise HalfWay(cause, run.caption()) from cause

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.close()

    def _from_thread(self, video: str, looks: bool, run: VideoRun) -> AsyncGenerator[Event, None]:
        stop, loop = threading.Event(), asyncio.get_running_loop()

        def report(seconds: float) -> None:
            loop.call_soon_threadsafe(run.read_to, seconds)

        events = read(video, self._settings, looks=looks, stopped=stop.is_set, on_progress=report)
        return background.in_thread(events, stop.set)

    async def _from_worker(self, video: str, looks: bool, run: VideoRun) -> AsyncGenerator[Event, None]:
        assert self._pool is not None
        items = self._pool.stream(_read_job, video, self._settings, looks)
        try:
            async for item in items:
                if isinstance(item, float):
                    run.read_to(item)
                else:
                    yield item
        finally:
            await items.aclose()


def _read_job(send: Callable[[Any], None], video: str, settings: CaptionSettings, looks: bool) -> None:
    """Read one video in a worker: sends the events of ``reading.read``, and between them the time read to."""
    for event in read(video, settings, looks=looks, on_progress=send):
        send(event)
