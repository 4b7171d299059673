"""Describing what a job of a worker process reads (``jobs``): the half that asks a model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from ...captioner.engine import Engine
from ...config import CaptionSettings
from ...errors import ModelUnavailable
from ...reading import Event
from ...records import VideoCaption
from ...run import VideoRun
from ..rows import SourceVideo
from .jobs import of_source


async def describe(
    items: AsyncGenerator[Event | float, None],
    source: SourceVideo,
    engine: Engine,
    settings: CaptionSettings,
    room: asyncio.Semaphore | None = None,
) -> VideoCaption:
    """Describe what a ``read_job`` sends.

    Raises what reading raises, and VLMError: ModelUnavailable also when not one text was answered.
    """
    run = VideoRun(engine, of_source(settings, source), room=room)
    captioned = await run.describe(items)
    if not captioned.answered:
        raise ModelUnavailable(captioned.unanswered[0])
    return captioned
