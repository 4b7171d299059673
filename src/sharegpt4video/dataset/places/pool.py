"""Worker processes for what decodes: a crash, a hang or a leak in a codec ends one video, not the run."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import multiprocessing
import signal
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from typing import Any, Literal

from ...background import Turns
from ...cores import cores, limit_cores
from ...errors import SG4VError
from ...processes import without_main

Job = Callable[..., None]
"""Called in a worker as ``job(send, *arguments)``; gives what it has to give through ``send``, item by item."""

STALL_SECONDS = 300.0
LEAVE_SECONDS = 5.0
START_SECONDS = 300.0
_SLICE_SECONDS = 5.0
_STOP, _ITEM, _END, _ERROR = range(4)
_KILLED = getattr(signal, "SIGKILL", None)
_CRASHES = [getattr(signal, f"SIG{name}", None) for name in ("SEGV", "BUS", "ABRT", "ILL", "FPE")]


class WorkerLost(SG4VError):
    """A worker process died (``crashed``: killed, or a fault in a codec) or gave no sign of life (``stalled``)."""

    def __init__(self, kind: Literal["crashed", "stalled"], message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Stopped(SG4VError):
    """Raised by ``send`` in a worker when nobody wants the rest."""


class WorkerPool:
    """``processes`` workers, each doing one job at a time; a lost one is replaced.

    Jobs with a lower ``priority`` are given a worker first, equal ones in the order they came. A worker waits when
    what it has sent has not been taken, so memory stays bounded. Made inside a running event loop, or before it.
    A worker imports the module ``preload`` before it says that it is ready.
    """

    def __init__(self, processes: int, *, stall_seconds: float = STALL_SECONDS, preload: str = "") -> None:
        if processes < 1:
            raise ValueError(f"a pool needs at least one process, not {processes}")
        self.processes = processes
        self.lost = 0
        self._stall_seconds, self._preload = stall_seconds, preload
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
                receiving = asyncio.ensure_future(self._in_thread(worker.receive, self._stall_seconds))
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
        worker = _Worker(max(cores() // self.processes, 1), self._preload)
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
        worker.kill()

    async def _in_thread(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)


def _again(kind: type[Exception], message: str) -> Exception:
    """The error that a job raised. Made without its constructor, which may take more than a message."""
    error = kind.__new__(kind, message)
    Exception.__init__(error, message)
    return error


class _Worker:
    """One process and the pipe to it, seen from this side."""

    def __init__(self, threads: int, preload: str) -> None:
        # Started afresh, not forked: the sessions of ONNX Runtime and threads do not survive a fork.
        context = multiprocessing.get_context("spawn")
        self._pipe, other = context.Pipe()
        arguments = (other, threads, preload)
        self._process = context.Process(target=_serve, args=arguments, daemon=True, name="sg4v-worker")
        try:
            with _without_ctrl_c(), without_main():
                self._process.start()
        except OSError as error:
            self._pipe.close()
            message = f"a process to read it cannot be started: {error.strerror or error}; free memory or processes"
            raise WorkerLost("crashed", message) from error
        finally:
            other.close()

    def wait_until_ready(self) -> None:
        """Starting has a time limit of its own, and when it fails no file is to blame. Raises WorkerLost."""
        try:
            self.receive(START_SECONDS)
        except WorkerLost as lost:
            how = self._ended() if lost.kind == "crashed" else f"in {START_SECONDS:.0f} s"
            raise WorkerLost(lost.kind, f"the process to read it did not start ({how}); see the lines above") from lost

    def begin(self, job: Job, arguments: tuple[Any, ...]) -> None:
        try:
            self._pipe.send((job, arguments))
        except OSError as error:
            raise self._lost() from error

    def receive(self, seconds: float) -> tuple[int, Any]:
        """The next message. Raises WorkerLost after so many seconds of silence."""
        left = seconds
        try:
            # In slices, so that the time for which both processes were suspended (Ctrl-Z) does not count as silence.
            while not self._pipe.poll(min(left, _SLICE_SECONDS)):
                left -= _SLICE_SECONDS
                if left > 0:
                    continue
                raise WorkerLost(
                    "stalled",
                    f"nothing came for {seconds:.0f} s; the file may be damaged in a way that hangs its codec",
                )
            kind, item = self._pipe.recv()
        except (EOFError, OSError) as error:
            raise self._lost() from error
        return kind, item

    def leave_job(self, seconds: float) -> None:
        try:
            self._pipe.send(_STOP)
        except OSError as error:
            raise self._lost() from error
        while self.receive(seconds)[0] == _ITEM:
            pass

    def kill(self) -> None:
        self._process.kill()
        self._process.join(10)
        self._pipe.close()

    def _lost(self) -> WorkerLost:
        return WorkerLost("crashed", f"the process that read it died ({self._ended()}); {self._advice()}")

    def _ended(self) -> str:
        self._process.join(10)
        code = self._process.exitcode
        return f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"

    def _advice(self) -> str:
        number = -(self._process.exitcode or 0)
        if number in _CRASHES:
            return "the file crashes its decoder; copy or download it again, or convert it (ffmpeg -i FILE NEW.mp4)"
        if number == _KILLED:
            return "the system ends processes when memory is short; free some, or read fewer videos at the same time"
        return "the file may be damaged, or memory may be short"


@contextlib.contextmanager
def _without_ctrl_c() -> Iterator[None]:
    """Processes started in here never see Ctrl-C, not even before they can ignore it themselves."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # else starting a process starts it, and that unblocks the signal again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(pipe: Connection, threads: int, preload: str) -> None:
    """What a worker does: jobs, one after the other, until the other side is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that gives the orders
    _limit_threads(threads)
    if preload:
        importlib.import_module(preload)
    try:
        pipe.send((_END, None))
        while True:
            order = pipe.recv()
            if order != _STOP:  # it came when the job was done already
                _do(pipe, *order)
    except (EOFError, OSError):
        return


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
