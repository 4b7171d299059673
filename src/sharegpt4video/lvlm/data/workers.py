"""Processes that decode and encode samples: a crash or a hang in a codec costs one sample, not the run."""

from __future__ import annotations

import atexit
import io
import multiprocessing
import pickle
import queue
import signal
import threading
import traceback
from concurrent.futures import Future
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from types import TracebackType
from typing import Any

import torch

from ...cores import cores, limit_cores
from ...errors import SG4VError
from ...processes import without_main
from .encode import Encoder
from .example import Example
from .samples import Sample, SampleError

Outcome = Example | SampleError

STALL_SECONDS = 300.0
START_SECONDS = 300.0


def encode_one(encoder: Encoder, sample: Sample) -> Outcome:
    """An example, or what is wrong with the sample."""
    try:
        return encoder.encode(sample)
    except SampleError as error:
        return error


class Workers:
    """``processes`` processes that encode what is submitted, in that order. A context manager.

    Each has a thread on this side that waits for it, so its results are taken in while a model is trained. What comes
    back goes through a pipe: shared memory is often small in containers.
    """

    def __init__(self, encoder: Encoder, processes: int, *, stall_seconds: float = STALL_SECONDS) -> None:
        self._modules = encoder.modules
        self._order = _dumped((encoder, max(cores() // processes, 1)))
        self._stall_seconds = stall_seconds
        self._jobs: queue.SimpleQueue[tuple[Sample, Future[Outcome]] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._closed = False
        self._running: set[_Worker] = set()
        self._threads = [threading.Thread(target=self._serve, daemon=True, name="sg4v-data") for _ in range(processes)]
        for thread in self._threads:
            thread.start()
        # Before multiprocessing, which would end by SIGTERM, and wait for, what is left when the program ends.
        atexit.register(self.close)

    def submit(self, sample: Sample) -> Future[Outcome]:
        """Ask for a sample. The future raises what is no fault of the sample."""
        future: Future[Outcome] = Future()
        self._jobs.put((sample, future))
        return future

    def close(self) -> None:
        """End all processes, busy ones too; what was not done stays undone."""
        atexit.unregister(self.close)
        with self._lock:
            self._closed = True
            running = list(self._running)
        for _ in self._threads:
            self._jobs.put(None)
        for worker in running:
            worker.stop()
        for thread in self._threads:
            thread.join(10)

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _serve(self) -> None:
        worker: _Worker | None = None
        while (job := self._jobs.get()) is not None and not self._closed:
            sample, future = job
            try:
                worker = worker or self._started()
                future.set_result(worker.ask(sample, self._stall_seconds))
            except _Lost as lost:
                self._ended(worker)
                worker = None
                future.set_result(SampleError(sample.id, str(lost), "fatal to its process"))
            except Exception as error:  # noqa: BLE001 - raised again where the sample is waited for
                future.set_exception(error)
        self._ended(worker)

    def _started(self) -> _Worker:
        try:
            worker = _Worker(self._modules)
        except (EOFError, OSError) as error:  # the server that forks died, by a broken package or for want of memory
            raise SG4VError(f"a process for the data cannot be started ({error!r}); the reason stands above") from error
        with self._lock:
            if self._closed:
                worker.kill()
                raise SG4VError("the loader was closed")
            self._running.add(worker)
        try:
            worker.begin(self._order)
        except _Lost as lost:
            self._ended(worker)
            raise SG4VError(f"a process for the data did not start: {lost}; its own words stand above") from lost
        return worker

    def _ended(self, worker: _Worker | None) -> None:
        if worker is not None:
            with self._lock:
                self._running.discard(worker)
            worker.kill()


class _Lost(Exception):
    """A process died, or gave no sign of life."""


class _Worker:
    """One process and the pipe to it, seen from this side."""

    def __init__(self, modules: list[str]) -> None:
        context = _context(modules)
        self._pipe, other = context.Pipe()
        self._process = context.Process(target=_work, args=(other,), daemon=True, name="sg4v-data")  # type: ignore[attr-defined]
        with without_main():
            self._process.start()
        other.close()

    def begin(self, order: bytes) -> None:
        self._exchange(order, START_SECONDS)

    def ask(self, sample: Sample, seconds: float) -> Outcome:
        """Raises what the process raised, and _Lost."""
        found = self._exchange(pickle.dumps(sample), seconds)
        if isinstance(found, BaseException) and not isinstance(found, SampleError):
            raise found
        return found  # type: ignore[no-any-return]

    def _exchange(self, message: bytes, seconds: float) -> Any:
        try:
            self._pipe.send_bytes(message)
            if not self._pipe.poll(seconds):
                raise _Lost(
                    f"nothing came of it for {seconds:.0f} s; its media may be damaged in a way that hangs a codec"
                )
            return pickle.loads(self._pipe.recv_bytes())
        except (EOFError, OSError) as error:
            self._process.join(10)
            code = self._process.exitcode
            how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
            raise _Lost(f"the process that read it died ({how}); its media may be damaged, or memory short") from error

    def stop(self) -> None:
        """End the process; whoever waits for it sees it lost."""
        self._process.kill()

    def kill(self) -> None:
        self.stop()
        self._process.join(10)
        self._pipe.close()


def _context(modules: list[str]) -> BaseContext:
    """Never a fork of this process: its threads and its GPU would not survive that."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, *modules])  # imported once, not by every process
    return context


def _work(pipe: Connection) -> None:
    """What a process does: samples, one after the other, until the other side is gone."""
    # Often sent to all processes of a group; it is for the one that gives the orders, which still needs its samples.
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, signal.SIG_IGN)
    try:
        encoder, threads = pickle.loads(pipe.recv_bytes())
        limit_cores(threads)
        torch.set_num_threads(1)
        pipe.send_bytes(_dumped(None))
        while True:
            sample = pickle.loads(pipe.recv_bytes())
            pipe.send_bytes(_dumped(_outcome(encoder, sample)))
    except (EOFError, OSError):
        return


def _outcome(encoder: Encoder, sample: Sample) -> Outcome | Exception:
    try:
        return encode_one(encoder, sample)
    except SG4VError as error:
        return error
    except Exception:  # noqa: BLE001
        # A defect in any library that reads pictures, video or text: it has to end the run on the other side, with its
        # traceback. Let through here, it would end this process, and the sample would count as one that kills it.
        return RuntimeError(f"sample {sample.id}: a defect, not a fault of the sample\n{traceback.format_exc()}")


class _Pickler(pickle.Pickler):
    """Tensors as NumPy arrays: their own way of pickling goes through shared memory, or copies more often."""

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            return torch.from_numpy, (value.numpy(),)
        return NotImplemented


def _dumped(value: Any) -> bytes:
    buffer = io.BytesIO()
    _Pickler(buffer, protocol=5).dump(value)
    return buffer.getvalue()
