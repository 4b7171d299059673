"""One worker process: messages of any size, and every way in which it can be lost, or we can."""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import psutil
import pytest

import served
from sharegpt4video import processes
from sharegpt4video.processes import Worker, WorkerLost

posix = pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")


@contextmanager
def worker(serve: Callable[..., None], *arguments: Any, ready: bool = True, method: str = "spawn") -> Iterator[Worker]:
    made = Worker(serve, arguments, context=multiprocessing.get_context(method), name="test")
    try:
        if ready:
            made.wait_until_ready()
        yield made
    finally:
        made.end()


def test_messages_of_any_size_come_back_in_order() -> None:
    with worker(served.echo) as made:
        for message in (b"", b"a", os.urandom(20_000_000), b"b"):
            made.send(message)
            assert made.receive(60) == message


@posix
@pytest.mark.parametrize(
    ("serve", "how", "words"),
    [
        (served.die, [signal.SIGSEGV], r"\(signal 11\); the file crashes its decoder"),
        (served.die, [signal.SIGKILL], r"\(signal 9\); the system ends processes when memory is short"),
        (served.die, [-3], r"\(exit code 3\); the file may be damaged, or memory may be short"),
        (served.die_in_the_middle, [], r"\(signal 9\)"),
        (served.break_down, [], r"a worker process did not start \(exit code 1\); see the lines above"),
    ],
)
def test_how_it_died_is_told(serve: Callable[..., None], how: list[int], words: str) -> None:
    with pytest.raises(WorkerLost, match=words) as lost, worker(serve, *how) as made:
        made.receive(60)
    assert lost.value.kind == "crashed"


def test_a_dead_one_takes_no_message() -> None:
    with worker(served.echo) as made:
        made.kill()
        with pytest.raises(WorkerLost, match=r"the process that read it died \((signal|exit code)"):
            made.send(bytes(10_000_000))  # more than fits into the pipe


def test_silence_is_measured_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of at most five seconds each, so that time spent suspended is not counted as silence."""
    with worker(served.hang) as made:
        with pytest.raises(WorkerLost, match=r"nothing came for 0 s; .* hangs its codec") as lost:
            made.receive(0.2)
        assert lost.value.kind == "stalled"
        waited: list[float] = []
        monkeypatch.setattr(made._pipe, "poll", lambda seconds: waited.append(seconds) or False, raising=False)
        with pytest.raises(WorkerLost, match="nothing came for 12 s"):
            made.receive(12)
    assert waited == [5, 5, 2]


def test_ended_it_leaves_nothing_behind_and_may_be_ended_again() -> None:
    with worker(served.hang) as made:
        process = psutil.Process(made._process.pid)
        made.end()
        assert not process.is_running()
        with pytest.raises(WorkerLost):
            made.receive(60)


@posix
def test_ctrl_c_reaches_neither_one_that_starts_nor_one_that_works() -> None:
    with worker(served.echo, ready=False) as made:
        assert made._process.pid is not None
        os.kill(made._process.pid, signal.SIGINT)
        made.wait_until_ready()
        os.kill(made._process.pid, signal.SIGINT)
        made.send(b"still there")
        assert made.receive(60) == b"still there"


@posix
def test_waiting_for_it_can_be_interrupted() -> None:
    with worker(served.echo) as made:
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
        with pytest.raises(KeyboardInterrupt):
            made.receive(60)
        made.send(b"and asked again")
        assert made.receive(60) == b"and asked again"


ALONE = """
import multiprocessing, os, signal, sys
import served
from sharegpt4video.processes import Worker
print("begun", flush=True)
worker = Worker(getattr(served, sys.argv[2]), context=multiprocessing.get_context(sys.argv[1]), name="test")
worker.wait_until_ready()
print(worker._process.pid, flush=True)
if sys.argv[2] == "hang":
    os.kill(os.getpid(), signal.SIGKILL)
"""


def script(path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    (path / "alone.py").write_text(ALONE, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, str(path / "alone.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment, check=False)


@posix
@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_it_ends_with_the_process_that_started_it(method: str, tmp_path: Path) -> None:
    """Also when it hangs, and nobody could end it."""
    ended = script(tmp_path, method, "hang")
    assert (ended.returncode, ended.stderr) == (-signal.SIGKILL, "")
    number = int(ended.stdout.split()[1])
    deadline = time.monotonic() + 60
    while psutil.pid_exists(number) and psutil.Process(number).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "it lives on"
        time.sleep(0.02)


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_it_has_the_environment_of_the_moment(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when the process that it is forked from is older: keys and places may be set between two runs."""
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {method} here")
    monkeypatch.setenv("SG4V_TEST", "one")
    for now in ("one", "two", None):
        if now is None:
            monkeypatch.delenv("SG4V_TEST")
        else:
            monkeypatch.setenv("SG4V_TEST", now)
        with worker(served.tell, method=method) as made:
            told = dict(line.partition("=")[::2] for line in made.receive(60).decode().splitlines() if "=" in line)
        assert told.get("SG4V_TEST") == now


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_a_script_without_a_guard_is_run_once(method: str, tmp_path: Path) -> None:
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {method} here")
    ended = script(tmp_path, method, "echo")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines()[0] == "begun"
    assert len(ended.stdout.splitlines()) == 2


@pytest.mark.parametrize(
    ("problem", "raised", "words"),
    [
        (BlockingIOError(errno.EAGAIN, "Out of processes"), WorkerLost, "started: Out of processes; free memory"),
        (EOFError(), WorkerLost, "the server that forks it died; see the lines above"),
        (ConnectionRefusedError(), WorkerLost, "the server that forks it died; see the lines above"),
        (KeyError("odd"), KeyError, "odd"),
    ],
)
def test_one_that_cannot_be_started_is_told(
    problem: Exception, raised: type[Exception], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BaseProcess, "start", Mock(side_effect=problem))
    main = sys.modules["__main__"]
    with pytest.raises(raised, match=words), worker(served.echo):
        pass
    assert sys.modules["__main__"] is main
    assert not processes._STARTING.locked()
