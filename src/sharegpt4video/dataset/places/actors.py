"""What runs on the machines of a cluster: readers, describers, and the keeper of the reply cache."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable
from contextlib import aclosing
from pathlib import Path
from typing import Any, TypeVar, cast

from ... import background
from ...captioner.engine import Engine
from ...config import CaptionSettings
from ...engines import open_engine
from ...errors import StorageError, VideoError
from ...reading import Ended
from ...records import VideoCaption
from ...vlm.base import VLM, Reply
from ..rows import Failure, SourceVideo, Stage, Survey
from ..settings import DatasetSettings, SurveySettings
from .base import SEGMENTS_WAITING
from .describing import describe
from .jobs import FATAL, attempt, failure_of, read_job, survey_job, surveying
from .models import ModelSpec
from .pairing import PairedVLM
from .pool import WorkerPool
from .replies import CachedVLM, ReplyCache

T = TypeVar("T")


class ReaderLost(Exception):
    """The machine of a reader is gone; the video can be read by another one."""


class Reader:
    """Surveys or reads one video at a time, in a process of its own: a codec that crashes does not take the actor.

    Reading is pulled: no more than one event is sent ahead, so what is in flight is bounded however long a video is.
    """

    def __init__(self) -> None:
        self._pool = WorkerPool(1)
        self._number = 0  # of the reading that it is reserved for
        self._events: AsyncGenerator[Any, None] | None = None
        self._taking: asyncio.Future[Any] | None = None
        self._ended = asyncio.Event()

    async def ready(self) -> None:
        """Answers once the actor has been started."""

    async def alive(self) -> None:
        """Answers unless the actor is lost."""

    async def survey(
        self, source: SourceVideo, settings: SurveySettings
    ) -> AsyncGenerator[str | Survey | Failure, None]:
        """Give the packet hash once it is known, and at the end the survey, or why there is none."""
        async with aclosing(surveying(self._pool.stream(survey_job, source, settings), source)) as items:
            async for item in items:
                yield item

    async def reserve(self, number: int) -> None:
        """Get ready for a reading. Late calls for an earlier one, by a describer taken for lost, now do nothing."""
        self._number = number
        await self._leave()
        self._ended = asyncio.Event()

    async def open(
        self, number: int, source: SourceVideo, stage: Stage, settings: CaptionSettings, *wants: bool
    ) -> None:
        """Begin to read."""
        if number == self._number:
            self._source, self._stage = source, stage
            self._events = self._pool.stream(read_job, source, settings, *wants)

    async def next(self, number: int) -> Any:
        """The next event, a Failure, or None at the end or when the video is left. Raises `FATAL` errors."""
        try:
            while number == self._number and self._events is not None:
                self._taking = asyncio.ensure_future(anext(self._events, None))
                event = await self._taking
                if not isinstance(event, float):  # nobody watches the progress
                    if event is None:
                        await self.leave(number)
                    return event
        except asyncio.CancelledError:
            return None
        except FATAL:
            await self.leave(number)
            raise
        except Exception as error:  # noqa: BLE001 - one odd video must not end a run over a million
            await self.leave(number)
            return failure_of(self._source, self._stage, error)
        return None

    async def ended(self, number: int) -> None:
        """Wait until the video has been read or left."""
        if number == self._number:
            await self._ended.wait()

    async def leave(self, number: int) -> None:
        """Stop reading, wherever it is, also while a describer that is gone still waits for the next event."""
        if number == self._number:
            await self._leave()

    async def _leave(self) -> None:
        events, self._events, ended = self._events, None, self._ended
        if self._taking is not None and not self._taking.done():
            await background.gone(self._taking)
        if events is not None:
            await events.aclose()
        ended.set()


class Describer:
    """Describes what readers read, many videos at once on one engine."""

    def __init__(
        self, spec: ModelSpec, settings: DatasetSettings, slots: int | None, prompt_hash: str, keeper: Any
    ) -> None:
        self._arguments = spec, settings, slots, prompt_hash, keeper
        self._engine: Engine | None = None

    async def ready(self) -> None:
        """Load the model. Raises what opening it raises; raised by the constructor, Ray would call it a lost actor."""
        spec, settings, slots, prompt_hash, keeper = self._arguments
        vlm = spec.open(settings)
        if slots is not None:
            vlm.max_concurrent = slots
        self._engine = open_engine(RemotelyCachedVLM(PairedVLM(vlm), keeper, prompt_hash), settings.caption)
        self._room = asyncio.Semaphore(SEGMENTS_WAITING)

    async def alive(self) -> None:
        """Answers unless the actor is lost."""

    async def describe(
        self, source: SourceVideo, stage: Stage, settings: CaptionSettings, reader: Any, number: int
    ) -> VideoCaption | Failure:
        """Caption one video as this reader, reserved by ``number``, reads it. Raises ReaderLost and `FATAL` errors."""
        assert self._engine is not None, "ready comes first"
        vlm = self._engine.vlm
        reading = _Reading(reader, number, source, stage, settings, vlm.max_images > 0, vlm.hears)
        result = await attempt(source, stage, describe(reading.events(), source, self._engine, settings, self._room))
        if reading.lost:
            raise ReaderLost(source.location)
        return reading.failure or result

    async def mixed_up(self) -> int:
        """How many replies belonged to other requests."""
        engine = self._engine
        return engine.asked_again["mixed up"] + engine.problems["mixed up"] if engine else 0


class _Reading:
    """One video on its way from a reader. What cut the reading short is held here: describing is not to blame."""

    def __init__(self, reader: Any, number: int, *arguments: Any) -> None:
        self._reader, self._number, self._arguments = reader, number, arguments
        self.failure: Failure | None = None
        self.lost = False

    async def events(self) -> AsyncGenerator[Any, None]:
        from .lost import LOST

        whole = False
        try:
            await self._reader.open.remote(self._number, *self._arguments)
            while (event := await self._reader.next.remote(self._number)) is not None:
                if isinstance(event, Failure):
                    self.failure = event
                    raise VideoError(event.message)
                whole = isinstance(event, Ended)
                yield event
        except LOST as error:
            self.lost = True
            raise VideoError("its reader was lost") from error
        if not whole:  # half a video must not be described as a whole one
            self.lost = True
            raise VideoError("its reader left it before the end")


class RemotelyCachedVLM(CachedVLM):
    """A model whose answers are kept by the `Keeper`."""

    def __init__(self, vlm: VLM, keeper: Any, prompt_hash: str) -> None:
        super().__init__(vlm, cast(ReplyCache, None), prompt_hash)
        self._keeper = keeper

    async def check(self) -> None:
        """When something is asked that is not kept."""

    async def _get(self, key: bytes) -> Reply | None:
        found: Reply | None = await of_keeper(self._keeper.get.remote(key))
        return found

    async def _put(self, key: bytes, reply: Reply) -> None:
        await of_keeper(self._keeper.put.remote(key, reply))


class Keeper:
    """The reply cache, for all describers."""

    def __init__(self, folder: str, writer: str) -> None:
        self._cache = ReplyCache(Path(folder), writer)

    def get(self, key: bytes) -> Reply | None:
        return self._cache.get(key)

    def put(self, key: bytes, reply: Reply) -> None:
        self._cache.put(key, reply)

    def misses(self) -> int:
        """How many requests the model was asked."""
        return self._cache.misses


async def of_keeper(call: Awaitable[T]) -> T:
    """What the keeper answers. Raises StorageError when it is gone: no answer could be kept any more."""
    from .lost import LOST

    try:
        return await call
    except LOST as error:
        raise StorageError("the process that keeps the replies died; build again: what it was given is kept") from error
