"""A cluster as the place where videos are surveyed and captioned: pools of Ray actors that grow and shrink with it."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ...background import Stock, gone
from ...config import CaptionSettings
from ...errors import SG4VError
from ...prompts import prompt_set
from ...records import VideoCaption
from ..outcomes import GivenUp
from ..rows import Failure, SourceVideo, Stage, Survey
from ..settings import DatasetSettings, SurveySettings
from .actors import Describer, Keeper, Reader, ReaderLost, of_keeper
from .base import PRIORITY, CaptionStage
from .jobs import survey_of
from .lost import LOST
from .models import ModelSpec
from .replies import replies_folder, writer_name

if TYPE_CHECKING:
    from ..build import BuildOptions
    from ..cluster import ClusterOptions
    from ..store.store import Store

T = TypeVar("T")

TRIES = 3
"""A video that has lost this many machines is not tried on another: it may be what kills them."""
LOOK_SECONDS = 2.0
"""How often the cluster is looked at for machines that have joined."""
START_SECONDS = 900.0
"""An autoscaler may need minutes to bring the first machine; after this long without one the build is given up."""


class OnRay:
    """A `Place`. Made within the event loop of the run, whose end has to close it."""

    def __init__(
        self, store: Store, spec: ModelSpec, settings: DatasetSettings, options: BuildOptions, cluster: ClusterOptions
    ) -> None:
        vlm = spec.open(settings)
        self._cluster = cluster
        # At an endpoint no more than it has slots: each describer asks at least one request at a time.
        describers = cluster.describers if cluster.gpus_each else min(cluster.describers, vlm.max_concurrent)
        slots = None if cluster.gpus_each else vlm.max_concurrent // describers
        self._keeper = _keeper(str(options.replies or replies_folder(store)), writer_name(options.shard))
        make_describer = _remote(Describer, cpus=1 if cluster.gpus_each else 0, gpus=cluster.gpus_each)
        made_with = spec, settings, slots, prompt_set(settings.caption.prompts).hash, self._keeper
        # Four for each slot, as in a local build: while some are read, others are described.
        calls = 4 * (slots or vlm.max_concurrent)
        self._readers = _Actors("reader (1 CPU)", _remote(Reader, cpus=1), calls=1)
        self._describers = _Actors(f"describer ({_needs(cluster)})", lambda: make_describer(*made_with), calls=calls)
        self.videos_at_once = calls * describers + 2 * self._wanted_readers()
        self._wanted_describers, self._readings = describers, itertools.count(1)
        self._watching = asyncio.create_task(self._watch())

    mixed_up = 0
    """Not known while the build is running, see ``count_mixed_up``."""

    async def survey(
        self,
        source: SourceVideo,
        settings: SurveySettings,
        identified: Callable[[str], None] = lambda _: None,
        reading: CaptionSettings | None = None,  # noqa: ARG002 - what is read would have to wait on some machine
    ) -> Survey | Failure:
        async def once() -> Survey | Failure:
            async with self._readers.one(PRIORITY["survey"]) as reader:
                try:
                    items = reader.survey.options(num_returns="streaming").remote(source, settings)
                    return await survey_of(_streamed(items), identified)
                except LOST:
                    self._readers.lose(reader)
                    raise

        return await _retried(source, "survey", once)

    def forget(self, source: SourceVideo) -> None:
        """Nothing is held."""

    async def caption(
        self, source: SourceVideo, settings: CaptionSettings, stage: CaptionStage = "caption"
    ) -> VideoCaption | Failure:
        return await _retried(source, stage, lambda: self._caption_once(source, settings, stage))

    async def _caption_once(
        self, source: SourceVideo, settings: CaptionSettings, stage: CaptionStage
    ) -> VideoCaption | Failure:
        async with self._describers.one(PRIORITY[stage]) as describer, AsyncExitStack() as until_read:
            reader = await until_read.enter_async_context(self._readers.one(PRIORITY[stage]))
            number = next(self._readings)
            await self._left(reader, reader.reserve.remote(number))
            describing = asyncio.ensure_future(
                _ours(describer.describe.remote(source, stage, settings, reader, number))
            )
            read = asyncio.ensure_future(self._left(reader, reader.ended.remote(number)))
            try:
                await asyncio.wait((describing, read), return_when=asyncio.FIRST_COMPLETED)
                if not read.done():  # it failed on the way, or was never begun
                    await self._left(reader, reader.leave.remote(number))
                await until_read.aclose()
                caption: VideoCaption | Failure = await describing
                return caption
            except LOST:
                self._describers.lose(describer)
                raise
            finally:
                await gone(describing, read)

    async def _left(self, reader: Any, call: Awaitable[None]) -> None:
        """Wait until a reader is done with its video; nobody gets one that is lost."""
        try:
            await call
        except LOST:
            self._readers.lose(reader)

    async def paid(self) -> int:
        """How many requests the model was asked."""
        return int(await of_keeper(self._keeper.misses.remote()))

    async def count_mixed_up(self) -> int:
        """How many replies belonged to other requests; those of describers that were lost are not known."""
        found = 0
        for actor in self._describers.there:
            with suppress(*LOST):
                found += int(await _ours(actor.mixed_up.remote()))
        return found

    async def close(self) -> None:
        await gone(self._watching)
        await self._readers.close()
        await self._describers.close()
        ray.kill(self._keeper)

    def _wanted_readers(self) -> int:
        return self._cluster.readers or max(int(ray.cluster_resources().get("CPU", 1)) * 3 // 4, 1)

    async def _watch(self) -> None:
        """Keep as many actors as there is room for."""
        try:
            while True:
                self._readers.fill(self._wanted_readers())
                self._describers.fill(self._wanted_describers)
                await asyncio.sleep(LOOK_SECONDS)
        except Exception as error:  # noqa: BLE001 - whoever waits for an actor would wait for ever
            for actors in (self._readers, self._describers):
                actors.fail(GivenUp(f"the cluster's state is not available: {error}"))


class _Actors:
    """Actors of one kind, each with a number of calls at a time. A lost one is never handed out again."""

    def __init__(self, name: str, make: Callable[[], Any], calls: int) -> None:
        self._name, self._make, self._calls = name, make, calls
        self._free: Stock[Any] = Stock()
        self._starting: dict[asyncio.Task[None], Any] = {}
        self._last_there, self._last_lost = time.monotonic(), ""
        self.there: list[Any] = []

    @asynccontextmanager
    async def one(self, rank: int) -> AsyncGenerator[Any, None]:
        """An actor that answers and has a free call; who waits with the lowest rank gets the next."""
        while True:
            actor = await self._free.take(rank)
            try:
                if await self._answers(actor):
                    yield actor
                    return
            finally:
                if actor in self.there:
                    self._free.put(actor)

    async def _answers(self, actor: Any) -> bool:
        """Whether an actor is alive. One that was lost while it was idle is no reason to suspect the next video."""
        try:
            await actor.alive.remote()
        except LOST:
            self.lose(actor)
            return False
        return True

    def fill(self, wanted: int) -> None:
        """Start actors up to the wanted number; they join once they are ready. After too long without one, give up."""
        if self.there:
            self._last_there = time.monotonic()
        elif time.monotonic() - self._last_there > START_SECONDS:
            self.fail(GivenUp(self._none_started()))
        for _ in range(wanted - len(self.there) - len(self._starting)):
            actor = self._make()
            task = asyncio.create_task(self._join(actor))
            self._starting[task] = actor
            task.add_done_callback(self._starting.pop)

    def lose(self, actor: Any) -> None:
        if actor in self.there:
            self.there.remove(actor)
            self._free.discard(actor)
            ray.kill(actor)

    def fail(self, error: Exception) -> None:
        """Whoever waits for one gets this error."""
        self._free.fail(error)

    async def close(self) -> None:
        starting = dict(self._starting)
        await gone(*starting)
        for actor in (*self.there, *starting.values()):
            ray.kill(actor)

    async def _join(self, actor: Any) -> None:
        try:
            await asyncio.wait_for(_ours(actor.ready.remote()), START_SECONDS)
        except LOST as error:
            self._last_lost = _last_line(error)
            if getattr(error, "actor_init_failed", False):  # as any other would
                self.fail(GivenUp(f"a {self._name} cannot be started: {self._last_lost}"))
            return  # the next look starts another one
        except asyncio.TimeoutError:
            ray.kill(actor)
            return
        except SG4VError as error:
            self.fail(error)
            return
        self.there.append(actor)
        for _ in range(self._calls):
            self._free.put(actor)

    def _none_started(self) -> str:
        minutes = f"{START_SECONDS / 60:.0f} minutes"
        if self._last_lost:
            return f"no {self._name} stayed alive for {minutes}; the last one ended with: {self._last_lost}"
        return f"no machine of the cluster had room for a {self._name} in {minutes}"


async def _retried(source: SourceVideo, stage: Stage, once: Callable[[], Awaitable[T | Failure]]) -> T | Failure:
    """The work on one video, again on other machines when one is lost."""
    for _ in range(TRIES):
        try:
            return await once()
        except (ReaderLost, *LOST):
            continue
    message = f"{TRIES} machines of the cluster were lost while they worked on it"
    return Failure(source.id, source.location, source.user_id, stage, "crashed", message)


async def _streamed(refs: AsyncIterator[Awaitable[T]]) -> AsyncGenerator[T, None]:
    """What a call yields, as it comes. Raises as ``_ours`` does."""
    async for ref in refs:
        yield await _ours(ref)


async def _ours(call: Awaitable[T]) -> T:
    """What a call returns. Raises our own error where one is behind Ray's; GivenUp for any other but ``LOST``."""
    try:
        return await call
    except LOST:
        raise
    except RayError as error:
        behind: BaseException | None = error
        while behind is not None:
            if isinstance(behind, SG4VError | ReaderLost) and not isinstance(behind, RayError):
                raise behind from None
            behind = getattr(behind, "cause", None) or behind.__cause__
        raise GivenUp(f"Ray gave up: {_last_line(error)}") from error


def _last_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[-1].strip()


def _keeper(folder: str, writer: str) -> Any:
    """The reply cache as an actor on this machine, where its disk is."""
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    return ray.remote(num_cpus=0, scheduling_strategy=here)(Keeper).remote(folder, writer)


def _remote(kind: type, *, cpus: float, gpus: float = 0.0) -> Callable[..., Any]:
    made: Callable[..., Any] = ray.remote(num_cpus=cpus, num_gpus=gpus or None, max_restarts=0)(kind).remote
    return made


def _needs(cluster: ClusterOptions) -> str:
    return f"1 CPU, {cluster.gpus_each:g} GPUs" if cluster.gpus_each else "no CPU"
