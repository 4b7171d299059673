"""Worker processes, seen from the server: one is always waiting, each is thrown away after its task.

A process that has read a stranger's file is never given another's. Only where a model is loaded into the process itself
is it kept for the next question to that model.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

from ... import errors
from ...errors import SG4VError, VideoError
from ...processes import Worker, WorkerLost, forking
from .limits import ProcessLimits
from .tasks import Task, is_in_process

LONGEST_MESSAGE = 64 << 20
_MODULE = f"{__package__}.worker"
_KEPT_SECONDS = 900.0


@dataclass(frozen=True)
class Said:
    """What a worker says on its way."""

    kind: str
    data: Any
    picture: bytes = b""


class Failed(SG4VError):
    """A task failed; ``caption`` has what there is of one, as JSON ("" for none)."""

    def __init__(self, message: str, caption: str) -> None:
        super().__init__(message)
        self.caption = caption


@dataclass
class _Kept:
    """The process that has a model loaded."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    worker: Worker | None = None
    used: float = 0.0


class Workers:
    """Starts, uses and ends worker processes; made and used in one event loop.

    most         how many work at the same time; whoever starts more long tasks has to count them
    most_short   how many of them do short tasks; the others wait
    """

    def __init__(self, limits: ProcessLimits, most: int, most_short: int) -> None:
        self._limits, self._turns = limits, asyncio.Semaphore(most_short)
        self._threads = ThreadPoolExecutor(most + 2, "sg4v-web")  # one waits for each, and two start or end some
        self._context = forking(_MODULE)
        self._spare: asyncio.Task[Worker] | None = None
        self._kept: dict[str, _Kept] = {}
        self._closed = False

    def prepare(self) -> None:
        """Start a process for the next task, in the background."""
        if self._spare is None and not self._closed:
            self._spare = asyncio.ensure_future(self._in_thread(self._start, self._limits))
            self._spare.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def stream(self, task: Task, *, seconds: float, is_short: bool = True) -> AsyncGenerator[Said, None]:
        """Do a task and yield what is said of it; leaving early ends the process and all that it has started.

        Raises what the task raises, VideoError when it takes longer than ``seconds`` or its process dies.
        """
        model = getattr(task, "model", "")
        if is_in_process(model):
            kept = self._kept.setdefault(model, _Kept())
            async with kept.turn:
                kept.worker = kept.worker or await self._in_thread(self._start, replace(self._limits, memory_bytes=0))
                worker, kept.worker = kept.worker, None
                async with aclosing(self._done_by(worker, task, seconds, kept)) as said_all:
                    async for said in said_all:
                        yield said
            return
        async with self._turns if is_short else nullcontext():
            worker = await self._fresh()
            self.prepare()
            async with aclosing(self._done_by(worker, task, seconds, None)) as said_all:
                async for said in said_all:
                    yield said

    async def ask(self, task: Task, *, seconds: float, is_short: bool = True) -> Said:
        """Do a task that says one thing. Raises what ``stream`` raises."""
        last: Said | None = None
        async with aclosing(self.stream(task, seconds=seconds, is_short=is_short)) as said_all:
            async for said in said_all:
                last = said
        if last is None:
            raise SG4VError("the process that did it said nothing; see the server's log")
        return last

    async def close(self) -> None:
        """End all processes that are waiting; those at work are ended by whoever uses them."""
        self._closed = True
        waiting = [kept.worker for kept in self._kept.values() if kept.worker]
        if self._spare is not None:
            await asyncio.wait([self._spare])
            if not self._spare.exception():
                waiting.append(self._spare.result())
        for worker in waiting:
            await self._in_thread(worker.end)
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def drop_unused(self) -> None:
        """End processes whose model nobody has asked for long."""
        for kept in self._kept.values():
            if kept.worker is not None and time.monotonic() - kept.used > _KEPT_SECONDS:
                worker, kept.worker = kept.worker, None
                await self._in_thread(worker.end)

    def _start(self, limits: ProcessLimits) -> Worker:
        from .worker import serve

        worker = Worker(serve, (limits,), context=self._context, name="sg4v-web", leads_group=True)
        try:
            worker.wait_until_ready()
        except BaseException:
            worker.end()
            raise
        return worker

    async def _fresh(self) -> Worker:
        spare, self._spare = self._spare, None
        if spare is not None:
            try:
                return await asyncio.shield(spare)
            except WorkerLost:
                pass
            except asyncio.CancelledError:
                self._spare = self._spare or spare
                raise
        starting = asyncio.ensure_future(self._in_thread(self._start, self._limits))
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            starting.add_done_callback(lambda done: done.cancelled() or done.exception() or done.result().end())
            raise

    async def _done_by(
        self, worker: Worker, task: Task, seconds: float, kept: _Kept | None
    ) -> AsyncGenerator[Said, None]:
        until, complete = time.monotonic() + seconds, False
        coming: asyncio.Future[bytes] | None = None
        try:
            worker.send(json.dumps({**task.plain(), "processor_seconds": seconds * 4}).encode())
            while True:
                coming = asyncio.ensure_future(
                    self._in_thread(worker.receive, max(until - time.monotonic(), 0.01), LONGEST_MESSAGE)
                )
                said = _read(await asyncio.shield(coming))
                if said.kind == "end":
                    complete = True
                    return
                if said.kind == "error":
                    complete = True
                    raise _error(said.data)
                yield said
        except WorkerLost as lost:
            raise _why(lost, seconds) from lost
        finally:
            if complete and kept is not None and not self._closed:
                kept.worker, kept.used = worker, time.monotonic()
            else:
                worker.kill()
                if coming is not None:
                    await asyncio.wait([coming])
                    coming.cancelled() or coming.exception()
                await asyncio.shield(self._in_thread(worker.end))

    async def _in_thread(self, work: Any, *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)


def _read(message: bytes) -> Said:
    head, _, picture = message.partition(b"\n")
    kind, data = json.loads(head)
    return Said(str(kind), data, picture)


def _error(told: dict[str, str]) -> SG4VError:
    """The error that a worker reports, as one of ours."""
    message = told.get("message") or "it failed for a reason that the server's log tells"
    if "caption" in told:
        return Failed(message, told["caption"])
    of = getattr(errors, told.get("of", ""), SG4VError)
    if of in (errors.VideoError, errors.SettingsError, errors.VLMError, errors.ModelUnavailable, errors.ModelDenied):
        made: SG4VError = of(message)
        return made
    return SG4VError(message)


def _why(lost: WorkerLost, seconds: float) -> SG4VError:
    if lost.kind == "stalled":
        return VideoError(f"it took longer than the {seconds:.0f} s that it may take here; choose a shorter part")
    return VideoError(str(lost))
