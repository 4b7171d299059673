"""A thread that owns a model and answers waiting requests in batches; asked from any thread or event loop."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable
from concurrent.futures import Future, InvalidStateError, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

from ...errors import VLMError
from .chat import Asked

_MESSAGE_LIMIT_CHARS = 600
_LINGER_SECONDS = 0.01  # requests that are asked together come one by one; a batch waits for the next so long


@dataclass(frozen=True)
class Reading:
    """What a model wrote: the text as it came, whether the limit ended it, and exact token counts.

    ``problem`` tells why there is no text, "" if there is one. ``thinks``: the model's template can turn thinking off.
    """

    text: str
    cut_off: bool = False
    input_tokens: int = 0
    output_tokens: int = 0
    problem: str = ""
    thinks: bool = False


@dataclass(eq=False)
class Job:
    """One question on its way. Only jobs of the same ``kind`` share a batch; ``on_text`` wants it piece by piece."""

    asked: Asked
    max_tokens: int
    kind: Hashable = None
    on_text: Callable[[str], None] | None = None
    done: Future[Reading] = field(default_factory=Future)
    unwanted: bool = False

    def drop(self) -> None:
        """The asker is gone: take it out of the line, or stop writing at the next token."""
        self.unwanted = True
        self.done.cancel()

    def answer(self, reading: Reading) -> None:
        with contextlib.suppress(InvalidStateError):  # closed or dropped meanwhile
            self.done.set_result(reading)

    def fail(self, error: BaseException) -> None:
        with contextlib.suppress(InvalidStateError):
            self.done.set_exception(error)


class Engine(Protocol):
    """A loaded model."""

    def run(self, jobs: list[Job]) -> None:
        """Answer these jobs: set a result or an exception on each."""

    def free(self) -> None:
        """Give back the model's memory."""


class Worker:
    """Loads a model when first asked, in the thread that then runs it, and serves jobs in the order they come.

    A batch is the oldest job and up to ``size - 1`` later ones of its kind. An error that the engine does not give to
    a job itself goes to every job of the batch; a VLMError of ``load`` goes to those waiting, and the next job tries
    to load again.
    """

    def __init__(self, name: str, load: Callable[[], Engine], size: int) -> None:
        self._name, self._load, self._size = name, load, size
        self._engine: Engine | None = None
        self._waiting: deque[Job] = deque()
        self._batch: list[Job] = []
        self._changed = threading.Condition()
        self._ended = False
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="sg4v-hf")

    def put(self, job: Job) -> bool:
        """Line up a job; False if this worker has ended."""
        with self._changed:
            if self._ended:
                return False
            self._waiting.append(job)
            self._changed.notify()
            self._pool.submit(self._turn).add_done_callback(self._after)
        return True

    def load(self) -> None:
        """Load the model now. Raises VLMError if it cannot be."""
        self._pool.submit(self._loaded).result()

    def end(self) -> None:
        """Stop, tell those who wait, and free the model. Comes back when all is done."""
        with self._changed:
            self._ended = True
            left = [*self._waiting, *self._batch]
            self._waiting.clear()
            self._changed.notify()
        for job in left:
            job.unwanted = True
            job.fail(VLMError(f"{self._name}: the model was closed before this request was answered"))
        self._pool.shutdown(wait=True)
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.free()

    def _loaded(self) -> Engine:
        if self._engine is None:
            self._engine = self._load()
        return self._engine

    def _turn(self) -> None:
        with self._changed:
            self._linger()
            self._batch = self._take()
        if self._batch:
            self._loaded().run(self._batch)

    def _after(self, turn: Future[None]) -> None:
        """Runs in the worker's thread, right after the turn."""
        batch, self._batch = self._batch, []
        error = turn.exception()
        if error is None:
            return
        with self._changed:
            # What keeps a model from being loaded concerns everybody who waits; other errors the batch alone.
            if self._engine is None:
                batch += self._waiting
                self._waiting.clear()
        for job in batch:
            job.fail(self._told(error))

    def _linger(self) -> None:
        until = time.monotonic() + 5 * _LINGER_SECONDS
        while 0 < len(self._waiting) < self._size and not self._ended and time.monotonic() < until:
            if not self._changed.wait(_LINGER_SECONDS):
                return

    def _take(self) -> list[Job]:
        taken: list[Job] = []
        passed: list[Job] = []
        while self._waiting and len(taken) < self._size:
            job = self._waiting.popleft()
            if taken and job.kind != taken[0].kind:
                passed.append(job)
            elif job.done.set_running_or_notify_cancel():
                taken.append(job)
        self._waiting.extendleft(reversed(passed))
        return taken

    def _told(self, error: BaseException) -> BaseException:
        """A fresh error for each asker: what a library raised is told with its kind and first words."""
        if isinstance(error, VLMError):
            return VLMError(*error.args)
        said = f"{type(error).__name__}: {str(error).strip()[:_MESSAGE_LIMIT_CHARS]}"
        told = VLMError(f"{self._name}: the model failed with {said}")
        told.__cause__ = error
        return told
