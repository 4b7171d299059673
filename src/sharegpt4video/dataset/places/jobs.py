"""What is done with one video by worker processes. They import no model and nothing that asks one (``describing``).

The same functions serve a build on this machine (``build``) and on a cluster (``cluster``).
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from ...config import CaptionSettings
from ...errors import MissingExtra, ModelDenied, ModelUnavailable, SettingsError, StorageError, VideoError, VLMError
from ...facts.segments import segments
from ...facts.selector import open_selector
from ...processes import WorkerLost
from ...reading import Ended, Opened, read
from ...video.picture import DecodedFrame
from ...video.reader import VideoReader
from ...video.shots import ShotDetector
from ...wanted import WantedPart
from ..rows import Failure, FailureKind, SourceVideo, Stage, Survey
from ..settings import SurveySettings
from ..sources.sources import SourceGone, UnsafeSource, open_source
from ..survey.survey import survey
from .base import NEW_KEYFRAMES

T = TypeVar("T")
Send = Callable[[Any], None]

READING = __name__
"""What a worker that reads videos has to import."""
FATAL = (StorageError, SettingsError, MissingExtra, ModelDenied)
"""Errors that would stop every other video, too."""
SIGN_EVERY_SECONDS = 20.0
"""A long film takes longer to survey than a worker may be silent before it is taken for one that hangs."""


@dataclass(frozen=True)
class ReadAlong:
    """How to read a video for captioning in the decode in which it is surveyed."""

    settings: CaptionSettings
    wants_images: bool
    wants_sound: bool = False


def survey_job(send: Send, source: SourceVideo, settings: SurveySettings, reading: ReadAlong | None = None) -> None:
    """Survey one source: sends its packet hash, and at the end its `Survey`; None now and then, as a sign of life.

    With ``reading``, and unless the video is too long, what ``read_job`` sends comes in between, without progress.
    """
    sent_seconds = time.monotonic()

    def alive() -> None:
        nonlocal sent_seconds
        if time.monotonic() - sent_seconds >= SIGN_EVERY_SECONDS:
            sent_seconds = time.monotonic()
            send(None)

    def read(reader: VideoReader, decoded: Iterator[DecodedFrame], detector: ShotDetector) -> None:
        assert reading is not None
        captioning = of_source(reading.settings, source)
        wants: dict[str, Any] = {"wants_images": reading.wants_images, "wants_sound": reading.wants_sound}
        part = WantedPart(reader, captioning, stopped=lambda: False, on_progress=lambda _: None, **wants)
        send(Opened.of(part))
        how: dict[str, Any] = {"with_images": reading.wants_images, "new_keyframes": NEW_KEYFRAMES}
        how |= {"detector": detector, "listener": part.listener}
        for segment in segments(part.decoded(decoded), open_selector(captioning.keyframes), captioning, **how):
            send(part.with_sound(segment))
        send(Ended.of(part))

    if reading is not None:  # one detector for both
        settings = replace(settings, verify_cuts=reading.settings.keyframes.verify_cuts)
    with open_source(source) as video:
        surveyed = survey(
            video,
            id=source.id,
            settings=settings,
            start_seconds=source.start_seconds,
            end_seconds=source.end_seconds,
            size_bytes=source.size_bytes,
            identified=send,
            alongside=read if reading is not None else None,
            alive=alive,
        )
    send(surveyed)


async def surveying(
    items: AsyncGenerator[str | Survey | None, None], source: SourceVideo
) -> AsyncGenerator[str | Survey | Failure, None]:
    """What a ``survey_job`` sends, without signs of life, and with a Failure in place of a survey that fails.

    Only `FATAL` errors are raised.
    """
    try:
        async with aclosing(items):
            async for item in items:
                if item is not None:
                    yield item
    except FATAL:
        raise
    except Exception as error:  # noqa: BLE001 - as in ``attempt``
        yield failure_of(source, "survey", error)


async def survey_of(
    items: AsyncIterator[str | Survey | Failure], identified: Callable[[str], None]
) -> Survey | Failure:
    """The survey out of those items; ``identified`` is called with the packet hash when it comes."""
    found: str | Survey | Failure = ""
    async for found in items:
        if isinstance(found, str):
            identified(found)
    assert not isinstance(found, str), "the survey is the last item"
    return found


def read_job(
    send: Send, source: SourceVideo, settings: CaptionSettings, wants_images: bool, wants_sound: bool = False
) -> None:
    """Read one source for captioning: sends the events of ``reading.read``, and between them the time read to."""
    with open_source(source) as video:
        how: dict[str, Any] = {"wants_images": wants_images, "wants_sound": wants_sound, "new_keyframes": NEW_KEYFRAMES}
        for event in read(video, of_source(settings, source), on_progress=send, **how):
            send(event)


def of_source(settings: CaptionSettings, source: SourceVideo) -> CaptionSettings:
    """The settings for one source: those of all, for its own span."""
    return replace(settings, start_seconds=source.start_seconds, end_seconds=source.end_seconds)


async def attempt(source: SourceVideo, stage: Stage, work: Awaitable[T]) -> T | Failure:
    """The result of the work on one video, or a Failure that says why it failed; only `FATAL` errors are raised."""
    try:
        return await work
    except FATAL:
        raise
    except Exception as error:  # noqa: BLE001 - one odd video must not end a run over a million
        return failure_of(source, stage, error)


def failure_of(source: SourceVideo, stage: Stage, error: Exception) -> Failure:
    """The row for a video that could not be done."""
    message = str(error) or type(error).__name__
    kind = kind_of(error)
    if kind == "unexpected":
        message = f"{type(error).__name__}: {message}"
    return Failure(source.id, source.location, source.user_id, stage, kind, message)


def kind_of(error: Exception) -> FailureKind:
    """Whose fault it was, as far as that can be told from the exception."""
    if isinstance(error, WorkerLost):
        return error.kind
    if isinstance(error, SourceGone):
        return "vanished"
    if isinstance(error, UnsafeSource):
        return "unsafe"
    if isinstance(error, VideoError):
        return "unreadable"
    if isinstance(error, ModelUnavailable):
        return "unavailable"
    return "model" if isinstance(error, VLMError) else "unexpected"
