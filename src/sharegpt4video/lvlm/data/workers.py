"""Processes that decode and encode samples: a crash or a hang in a codec costs one sample, not the run."""

from __future__ import annotations

import atexit
import io
import pickle
import queue
import signal
import threading
import traceback
from concurrent.futures import Future
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any

import torch

from ...cores import cores, limit_cores
from ...errors import SG4VError
from ...processes import STALL_SECONDS, Worker, WorkerLost, forking
from .encode import Encoder
from .example import Example
from .samples import Sample, SampleError

Outcome = Example | SampleError


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
        self._encoder = _dumped(encoder)
        self._threads_each = max(cores() // processes, 1)
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
            worker.kill()
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
            except WorkerLost as lost:
                self._ended(worker)
                worker = None
                future.set_result(SampleError(sample.id, str(lost), "fatal to its process"))
            except Exception as error:  # noqa: BLE001 - raised again where the sample is waited for
                future.set_exception(error)
        self._ended(worker)

    def _started(self) -> _Worker:
        worker: _Worker | None = None
        try:
            worker = _Worker(self._threads_each, self._modules)
            with self._lock:
                if self._closed:
                    worker.end()
                    raise SG4VError("the loader was closed")
                self._running.add(worker)
            worker.learn(self._encoder)
        except WorkerLost as lost:  # which costs no sample: none was begun
            self._ended(worker)
            raise SG4VError(f"the samples cannot be read: {lost}") from lost
        return worker

    def _ended(self, worker: _Worker | None) -> None:
        if worker is not None:
            with self._lock:
                self._running.discard(worker)
            worker.end()


class _Worker(Worker):
    """A process that answers each sample with what `encode_one` makes of it."""

    def __init__(self, threads: int, modules: list[str]) -> None:
        super().__init__(_serve, (threads,), context=forking(__name__, *modules), name="sg4v-data")

    def learn(self, encoder: bytes) -> None:
        """Give it its encoder. Raises WorkerLost.

        Not an argument of the process: only one is started at a time, and that would take until it has imported torch.
        """
        self.wait_until_ready()
        self.send(encoder)
        self.wait_until_ready()

    def ask(self, sample: Sample, seconds: float) -> Outcome:
        """Raises what the process raised, and WorkerLost."""
        self.send(pickle.dumps(sample))
        answer = pickle.loads(self.receive(seconds))
        if isinstance(answer, BaseException) and not isinstance(answer, SampleError):
            raise answer
        return answer  # type: ignore[no-any-return]


def _serve(pipe: Connection, threads: int) -> None:
    """What a process does: its encoder first, then samples, one after the other."""
    # Often sent to all processes of a group; it is for the one that gives the orders, which still needs its samples.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    pipe.send_bytes(b"imported")
    encoder = pickle.loads(pipe.recv_bytes())
    limit_cores(threads)
    torch.set_num_threads(1)
    pipe.send_bytes(b"ready")
    while True:
        sample = pickle.loads(pipe.recv_bytes())
        pipe.send_bytes(_dumped(_outcome(encoder, sample)))


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
