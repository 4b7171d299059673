"""Worker processes for what decodes: a crash, a hang or a leak in a codec ends one video, not the run."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import multiprocessing
import pickle
import threading
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from typing import Any

from ...background import Turns
from ...cores import cores, limit_cores
from ...errors import SG4VError
from ...processes import STALL_SECONDS, Worker, WorkerLost, forking

Job = Callable[..., None]
"""Called in a worker as ``job(send, *arguments)``; gives what it has to give through ``send``, item by item."""

LEAVE_SECONDS = 5.0
_STOP, _ITEM, _END, _ERROR = range(4)


class Stopped(SG4VError):
    """Raised by ``send`` in a worker when nobody wants the rest."""


class WorkerPool:
    """``processes`` workers, each doing one job at a time; a lost one is replaced.

    Jobs with a lower ``priority`` are given a worker first, equal ones in the order they came. A worker waits when
    what it has sent has not been taken, so memory stays bounded. Made inside a running event loop, or before it.
    A worker imports the module ``preload`` before it says that it is ready. With ``forked`` it is imported once for all
    workers, and the first one is waited for; without, each is started at once and imports it for itself.
    """

    def __init__(
        self, processes: int, *, stall_seconds: float = STALL_SECONDS, preload: str = "", forked: bool = False
    ) -> None:
        if processes < 1:
            raise ValueError(f"a pool needs at least one process, not {processes}")
        self.processes = processes
        self.lost = 0
        self._stall_seconds, self._preload = stall_seconds, preload
        # Never forked from this process: the sessions of ONNX Runtime and threads do not survive that.
        self._context = forking(preload or __name__) if forked else multiprocessing.get_context("spawn")
        self._threads = ThreadPoolExecutor(processes, "sg4v-workers")
        self._begun: list[_Worker] = []
        self._idle: list[_Worker] = []
        self._workers: set[_Worker] = set()
        self._turns = Turns(processes)

    def begin(self) -> None:
        """Start a worker now, in the background, so that the first job waits less. Raises WorkerLost."""
        self._begun.append(self._new())

    async def stream(self, job: Job, *arguments: Any, priority: int = 0) -> AsyncGenerator[Any, None]:
        """Run ``job`` in a worker and yield what it sends. Raises what it raises, and WorkerLost.

        Leaving early stops the job at its next ``send``.
        """
        await self._turns.take(priority)
        worker: _Worker | None = None
        try:
            worker = await self._at_work(job, arguments)
            async with aclosing(self._received(worker)) as items:
                async for item in items:
                    yield item
        except WorkerLost:
            self.lost += 1
            if worker is not None:
                self._drop(worker)
            raise
        finally:
            if worker in self._workers and worker is not None:
                self._idle.append(worker)
            self._turns.give_back()

    async def _received(self, worker: _Worker) -> AsyncGenerator[Any, None]:
        """What a worker sends until its job has ended; who leaves before that makes it stop."""
        receiving: asyncio.Future[tuple[int, Any]] | None = None
        kind = _ITEM
        try:
            while kind == _ITEM:
                receiving = asyncio.ensure_future(self._in_thread(worker.next, self._stall_seconds))
                kind, item = await asyncio.shield(receiving)
                if kind == _ERROR:
                    raise _again(*item)
                if kind == _ITEM:
                    yield item
        finally:
            if kind == _ITEM and worker in self._workers:
                await self._stop(worker, receiving)

    async def call(self, job: Job, *arguments: Any, priority: int = 0) -> Any:
        """Run a job that sends one item, and return it."""
        found = None
        async with aclosing(self.stream(job, *arguments, priority=priority)) as items:
            async for item in items:
                found = item
        return found

    async def close(self) -> None:
        """End all workers, also busy ones."""
        self.end()

    def end(self) -> None:
        """The same as ``close``, for callers without an event loop."""
        for worker in list(self._workers):
            self._drop(worker)
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _at_work(self, job: Job, arguments: tuple[Any, ...]) -> _Worker:
        """A worker that has been given the job."""
        is_ready = bool(self._idle)
        worker = self._idle.pop() if is_ready else self._begun.pop() if self._begun else self._new()
        with contextlib.ExitStack() as stack:
            # Also when waiting is cancelled: a worker that may have the job must not be given another one.
            stack.callback(self._drop, worker)
            if not is_ready:
                await self._in_thread(worker.wait_until_ready)
            await self._in_thread(worker.begin, job, arguments)
            stack.pop_all()
        return worker

    def _new(self) -> _Worker:
        worker = _Worker(self._context, max(cores() // self.processes, 1), self._preload)
        self._workers.add(worker)
        return worker

    async def _stop(self, worker: _Worker, receiving: asyncio.Future[tuple[int, Any]] | None) -> None:
        """Make a worker leave its job; one that does not soon is replaced."""

        async def leave() -> None:
            # What was being waited for when we were interrupted may be the end of the job already.
            kind = (await receiving)[0] if receiving is not None and not receiving.done() else _ITEM
            if kind == _ITEM:
                await self._in_thread(worker.leave_job, LEAVE_SECONDS)

        try:
            await asyncio.wait_for(leave(), LEAVE_SECONDS)
        except (WorkerLost, asyncio.TimeoutError):
            self._drop(worker)
        except asyncio.CancelledError:
            self._drop(worker)
            raise

    def _drop(self, worker: _Worker) -> None:
        self._workers.discard(worker)
        worker.end()

    async def _in_thread(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)


def _again(kind: type[Exception], message: str) -> Exception:
    """The error that a job raised. Made without its constructor, which may take more than a message."""
    error = kind.__new__(kind, message)
    Exception.__init__(error, message)
    return error


class _Worker(Worker):
    """A process that does one job at a time and sends what it gives."""

    def __init__(self, context: BaseContext, threads: int, preload: str) -> None:
        super().__init__(_serve, (threads, preload), context=context, name="sg4v-worker")

    def begin(self, job: Job, arguments: tuple[Any, ...]) -> None:
        self.send(pickle.dumps((job, arguments)))

    def next(self, seconds: float) -> tuple[int, Any]:
        """What its job sends next, or how it ended. Raises WorkerLost after so many seconds of silence."""
        kind, item = pickle.loads(self.receive(seconds))
        return kind, item

    def leave_job(self, seconds: float) -> None:
        self.send(pickle.dumps(_STOP))
        while self.next(seconds)[0] == _ITEM:
            pass


def _serve(pipe: Connection, threads: int, preload: str) -> None:
    """What a worker does: jobs, one after the other."""
    _limit_threads(threads)
    if preload:
        importlib.import_module(preload)
    pipe.send((_END, None))
    while True:
        order = pipe.recv()
        if order != _STOP:  # it came when the job was done already
            _do(pipe, *order)


def _do(pipe: Connection, job: Job, arguments: tuple[Any, ...]) -> None:
    lock = threading.Lock()

    def send(item: Any) -> None:
        with lock:
            if pipe.poll():
                pipe.recv()
                raise Stopped("nobody wants the rest")
            pipe.send((_ITEM, item))

    try:
        job(send, *arguments)
    except Stopped:
        pipe.send((_END, None))
        return
    except Exception as error:  # noqa: BLE001 - whatever it is, it is raised again on the other side
        pipe.send((_ERROR, (type(error), str(error))))
    else:
        pipe.send((_END, None))


def _limit_threads(threads: int) -> None:
    """Share the cores between the workers."""
    import cv2

    limit_cores(threads)
    cv2.setNumThreads(threads)
