"""One worker process and its pipe: started, sent to, received from, and how it ended when it is lost.

Three schedulers stand on it: ``dataset.places.pool`` (an event loop; what a job gives streams back),
``lvlm.data.workers`` (threads; one answer to each question, in order) and ``web.jobs.workers`` (with limits, for files
of strangers).
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from types import ModuleType
from typing import Any, Literal

from .errors import SG4VError

STALL_SECONDS = 300.0
START_SECONDS = 300.0
_SLICE_SECONDS = 5.0
_STARTING = threading.Lock()
_KILLED = getattr(signal, "SIGKILL", None)
_CRASHES = [getattr(signal, f"SIG{name}", None) for name in ("SEGV", "BUS", "ABRT", "ILL", "FPE")]


class WorkerLost(SG4VError):
    """A worker process died (``crashed``: killed, or a fault in a codec) or gave no sign of life (``stalled``)."""

    def __init__(self, kind: Literal["crashed", "stalled"], message: str) -> None:
        super().__init__(message)
        self.kind = kind


def forking(*modules: str) -> BaseContext:
    """How to start processes that are forked from one that has imported ``modules``: each is there within milliseconds.

    Never a fork of this process: its threads, GPU and network sessions would not survive that. The first one waits
    until the modules are imported, and the modules of the first call of a program count.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(modules))
    return context


class Worker:
    """A process that runs ``serve(pipe, *arguments)``, seen from this side. It ignores Ctrl-C and ends when we do.

    However it is started, it has the environment that this process has then. Messages are bytes of any size. The first
    one that ``serve`` sends says that it is ready. With ``leads_group`` it leads a process group, and whatever ends it
    ends what it has started, too. Raises WorkerLost when it cannot be started.
    """

    def __init__(
        self,
        serve: Callable[..., None],
        arguments: tuple[Any, ...] = (),
        *,
        context: BaseContext,
        name: str,
        leads_group: bool = False,
    ) -> None:
        self._leads_group = leads_group and hasattr(os, "killpg")
        try:
            self._pipe, other = context.Pipe()
            with other, _without_ctrl_c(), without_main():
                target = (serve, other, arguments, self._leads_group, dict(os.environ))
                self._process = context.Process(target=_serve, args=target, daemon=True, name=name)  # type: ignore[attr-defined]
                self._process.start()
        except (EOFError, ConnectionError) as error:  # by a package that breaks on import, or for want of memory
            message = "a worker process cannot be started: the server that forks it died; see the lines above"
            raise WorkerLost("crashed", message) from error
        except OSError as error:
            message = f"a worker process cannot be started: {error.strerror or error}; free memory or processes"
            raise WorkerLost("crashed", message) from error

    def wait_until_ready(self) -> None:
        """Starting has a time limit of its own, and when it fails no file is to blame. Raises WorkerLost."""
        try:
            self.receive(START_SECONDS)
        except WorkerLost as lost:
            how = f" ({self._ended()})" if lost.kind == "crashed" else f" within {START_SECONDS:.0f} s"
            raise WorkerLost(lost.kind, f"a worker process did not start{how}; see the lines above") from lost

    def send(self, message: bytes) -> None:
        """Raises WorkerLost when the process is gone."""
        try:
            self._pipe.send_bytes(message)
        except OSError as error:
            raise self._died() from error

    @property
    def pid(self) -> int:
        """The number of the process."""
        return int(self._process.pid)

    def receive(self, seconds: float, most_bytes: int | None = None) -> bytes:
        """The next message. Raises WorkerLost when the process is gone, silent for too long, or sends a longer one."""
        left = seconds
        try:
            # In slices, so that the time for which both processes were suspended (Ctrl-Z) does not count as silence.
            while not self._pipe.poll(min(left, _SLICE_SECONDS)):
                left -= _SLICE_SECONDS
                if left <= 0:
                    why = "the file may be damaged in a way that hangs its codec"
                    raise WorkerLost("stalled", f"nothing came for {seconds:.0f} s; {why}")
            return self._pipe.recv_bytes(most_bytes)
        except (EOFError, OSError) as error:
            raise self._died() from error

    def kill(self) -> None:
        """End the process, also a busy one, without waiting: whoever waits for it sees it lost."""
        if self._leads_group and self._process.exitcode is None:  # not yet collected, so the number is still its own
            with suppress(ProcessLookupError, PermissionError):  # it has not begun to lead, or all of it is gone
                os.killpg(self.pid, signal.SIGKILL)
        self._process.kill()

    def end(self) -> None:
        """End the process and give back what it held."""
        self.kill()
        self._process.join(10)
        self._pipe.close()

    def _died(self) -> WorkerLost:
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


def _serve(
    serve: Callable[..., None],
    pipe: Connection,
    arguments: tuple[Any, ...],
    leads_group: bool,
    environment: dict[str, str],
) -> None:
    """What the process does: ``serve``, until the other side is gone."""
    if environment != os.environ:  # those of the process that it was forked from may be older
        os.environ.clear()
        os.environ.update(environment)
    if leads_group:
        os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that gives the orders
    parent = multiprocessing.parent_process()
    assert parent is not None, "runs in a child process"

    def end_with_parent() -> None:
        parent.join()
        if leads_group:
            os.killpg(0, signal.SIGKILL)
        os._exit(1)  # also out of a codec that hangs

    threading.Thread(target=end_with_parent, daemon=True, name="sg4v-parent").start()
    try:
        serve(pipe, *arguments)
    except (EOFError, OSError):
        parent.join(0.5)
        if parent.is_alive():
            raise


@contextmanager
def without_main() -> Iterator[None]:
    """Processes started in here do not run the user's script again, as multiprocessing would have them do.

    They need nothing of it, and a script without ``if __name__ == "__main__"`` would begin its whole work anew in each.
    """
    with _STARTING:
        main = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = main


@contextmanager
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
