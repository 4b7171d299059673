"""What runs on the machines of a cluster: readers, describers, and the keeper of the reply cache."""

from __future__ import annotations

import asyncio
import pickle
import threading
from collections.abc import AsyncGenerator, Coroutine, Iterable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np

from ...config import CaptionSettings
from ...pipeline import open_engine
from ...records import VideoCaption
from ...vlm.base import VLM, Reply
from ..rows import Failure, SourceVideo, Stage
from ..settings import DatasetSettings, SurveySettings
from .jobs import attempt, describe, read_job, survey_job
from .models import ModelSpec
from .pairing import PairedVLM
from .pool import Job, WorkerPool
from .replies import CachedVLM, ReplyCache

T = TypeVar("T")
Batch = dict[str, Any]

CALLS_AT_ONCE = 4  # of one describer: while the last videos of one are finished, the others fill the slots


def packed(value: Any) -> bytes:
    """A value of ours as bytes: Ray's blocks hold Arrow columns."""
    return pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)


def unpacked(data: bytes) -> Any:
    return pickle.loads(data)


class _Loop:
    """An event loop in a thread of its own, which outlives the calls of an actor."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True, name="sg4v-loop").start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        future: Future[T] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return future.result()


class _InWorker:
    """Does a job in a process of its own, so that a codec that crashes does not take the actor with it."""

    def __init__(self) -> None:
        self._loop = _Loop()
        self._pool = WorkerPool(1)

    def items(self, stage: Stage, source: SourceVideo, job: Job, *arguments: Any) -> list[Any] | Failure:
        """What the job sends for this source."""
        return self._loop.run(attempt(source, stage, self._gathered(job, source, *arguments)))

    async def _gathered(self, job: Job, *arguments: Any) -> list[Any]:
        return [item async for item in self._pool.stream(job, *arguments)]


class Surveyor:
    """Surveys one source at a time; a row gets ``result``, a `Survey` or a `Failure`."""

    def __init__(self, settings: SurveySettings) -> None:
        self._settings, self._worker = settings, _InWorker()

    def __call__(self, batch: Batch) -> Batch:
        results = []
        for data in batch["source"]:
            source = unpacked(data)
            found = self._worker.items("survey", source, survey_job, self._settings)
            results.append(found if isinstance(found, Failure) else found[0])
        return _with(batch, "result", results)


class Reader:
    """Reads one source at a time for captioning; a row gets ``events``, those of ``reading.read`` or a `Failure`."""

    def __init__(self, settings: CaptionSettings, looks: bool, stage: Stage) -> None:
        self._settings, self._looks, self._stage, self._worker = settings, looks, stage, _InWorker()

    def __call__(self, batch: Batch) -> Batch:
        results = []
        for data in batch["source"]:
            source = unpacked(data)
            found = self._worker.items(self._stage, source, read_job, self._settings, self._looks)
            if not isinstance(found, Failure):
                found = [event for event in found if not isinstance(event, float)]  # nobody watches the progress
            results.append(found)
        return _with(batch, "events", results)


class Describer:
    """Describes what was read, many videos at once on one engine; a row gets ``result``: a caption or a `Failure`."""

    def __init__(
        self,
        spec: ModelSpec,
        settings: DatasetSettings,
        caption: CaptionSettings,
        slots: int | None,
        prompt_hash: str,
        keeper: Any,
        stage: Stage,
    ) -> None:
        vlm = spec.open(settings)
        if slots is not None:
            vlm.max_concurrent = slots
        self._caption, self._stage, self._keeper = caption, stage, keeper
        self._engine = open_engine(RemotelyCachedVLM(PairedVLM(vlm), keeper, prompt_hash), caption)
        self._loop = _Loop()

    @staticmethod
    def pool(size: int, slots: int | None) -> Any:
        """A pool of these in which every actor has several calls at once."""
        import ray

        calls = max(CALLS_AT_ONCE, -(-2 * (slots or 1) // 8))
        return ray.data.ActorPoolStrategy(
            size=size,
            max_tasks_in_flight_per_actor=calls,
            max_concurrent_calls_per_actor=calls,
            enable_true_multi_threading=True,
        )

    def __call__(self, batch: Batch) -> Batch:
        pairs = [
            (unpacked(source), unpacked(events))
            for source, events in zip(batch["source"], batch["events"], strict=True)
        ]
        results = self._loop.run(self._all(pairs))
        return _with({"source": batch["source"]}, "result", results)

    async def _all(self, pairs: Iterable[tuple[SourceVideo, list[Any] | Failure]]) -> list[VideoCaption | Failure]:
        return list(await asyncio.gather(*(self._one(source, events) for source, events in pairs)))

    async def _one(self, source: SourceVideo, events: list[Any] | Failure) -> VideoCaption | Failure:
        if isinstance(events, Failure):
            return events
        return await attempt(source, self._stage, describe(_each(events), source, self._engine, self._caption))


class RemotelyCachedVLM(CachedVLM):
    """A model whose answers are kept by the `Keeper`."""

    def __init__(self, vlm: VLM, keeper: Any, prompt_hash: str) -> None:
        super().__init__(vlm, cast(ReplyCache, None), prompt_hash)
        self._keeper = keeper

    async def _get(self, key: bytes) -> Reply | None:
        found: Reply | None = await self._keeper.get.remote(key)
        return found

    async def _put(self, key: bytes, reply: Reply) -> None:
        await self._keeper.put.remote(key, reply)


class Keeper:
    """The reply cache, for all describers."""

    def __init__(self, folder: str, writer: str) -> None:
        self._cache = ReplyCache(Path(folder), writer)

    def get(self, key: bytes) -> Reply | None:
        return self._cache.get(key)

    def put(self, key: bytes, reply: Reply) -> None:
        self._cache.put(key, reply)

    def misses(self) -> int:
        return self._cache.misses


def _with(batch: Batch, name: str, values: Iterable[Any]) -> Batch:
    column = np.empty(len(batch["source"]), object)
    column[:] = [packed(value) for value in values]
    return {**batch, name: column}


async def _each(items: Iterable[Any]) -> AsyncGenerator[Any, None]:
    for item in items:
        yield item
