"""One video from its file to its caption. It is read in a worker process, which may crash alone.

Nothing heavy is imported here: a worker starts up while its parent is still importing the rest.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..dataset.places.pool import WorkerPool

if TYPE_CHECKING:
    from ..captioner.engine import Engine
    from ..config import CaptionSettings
    from ..draft import Progress
    from ..records import VideoCaption
    from ..video.reader import VideoInfo

READING = "sharegpt4video.reading"


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
    """Reads videos in ``processes`` workers: a crash of a decoder ends the worker, which is replaced, and no other."""

    def __init__(self, processes: int = 1) -> None:
        self._pool = WorkerPool(processes, preload=READING)

    def begin(self) -> None:
        """Let the first worker start up now. Raises WorkerLost."""
        self._pool.begin()

    async def caption(
        self, video: str, settings: CaptionSettings, engine: Engine, on_progress: Callable[[Progress], None]
    ) -> VideoCaption:
        """Caption one video. Raises HalfWay for whatever goes wrong, Stopped when cancelled."""
        from ..run import VideoRun

        run = VideoRun(engine, settings, on_progress)
        try:
            wants = engine.vlm.max_images > 0, engine.vlm.hears
            items = self._pool.stream(_read_job, _lasting(video), settings, *wants)
            return await run.describe(items)
        except BrokenPipeError:  # whoever reads our stdout has gone
            raise
        except asyncio.CancelledError as cause:
            raise Stopped(run.draft.caption()) from cause
        except Exception as cause:
            raise HalfWay(cause, run.draft.caption()) from cause

    async def info(self, video: str) -> VideoInfo:
        """What the header and the first picture tell. Raises VideoError and WorkerLost."""
        found: VideoInfo = await self._pool.call(_info_job, _lasting(video))
        return found

    def end(self) -> None:
        self._pool.end()


def _read_job(
    send: Callable[[Any], None], video: str, settings: CaptionSettings, wants_images: bool, wants_sound: bool = False
) -> None:
    """Read one video in a worker: sends the events of ``reading.read``, and between them the time read to."""
    from ..reading import read

    for event in read(video, settings, wants_images=wants_images, wants_sound=wants_sound, on_progress=send):
        send(event)


def _info_job(send: Callable[[Any], None], video: str) -> None:
    from ..video.reader import VideoReader

    with VideoReader(video) as reader:
        send(reader.info)


def _lasting(video: str) -> str:
    """A path that leads another process to the same file; ``/dev/stdin`` and ``/dev/fd/3`` are its own there."""
    if not video.startswith(("/dev/", "/proc/self/", "/proc/thread-self/")):
        return video
    real = os.path.realpath(video)
    if os.path.isfile(real):  # noqa: PTH113 - a Path would drop what is odd in a name
        return real
    handle = {"/dev/stdin": "0"}.get(video) or video.rpartition("/fd/")[2]
    return f"/proc/{os.getpid()}/fd/{handle}" if sys.platform == "linux" and handle.isdigit() else video
