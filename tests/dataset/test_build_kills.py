"""Killed with SIGKILL at any moment, a build carries on: the same data set, and no finished reply is asked for twice.

A real process, a real HTTP server that counts, kills at random moments of every phase.
"""

from __future__ import annotations

import os
import random
import re
import select
import signal
import subprocess
import sys
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import psutil
import pytest

from chat_server import ChatServer, Exchange, Received, completion
from made_requests import server_vlm
from made_sets import QUICK, same_captions, write_clips
from sharegpt4video.dataset.build import BuildOptions, build
from sharegpt4video.dataset.store.store import Store

KILLS = 12
VIDEOS = 8
AT_ONCE = 4
"""So many requests are with the server at a time: so many replies may be on their way when a kill comes."""

# One process imports what builds need, once, and forks for each build. Its workers import this file without the rest.
RUN = """
import os, sys

def run(key):
    vlm = server_vlm(sys.argv[2], max_concurrent=int(sys.argv[3]), api_key=key)
    counts = build(["videos"], sys.argv[1], model=vlm, settings=QUICK, options=BuildOptions(processes=1))
    return bool(counts.left or counts.failed)

if __name__ == "__main__":
    sys.path[:0] = sys.argv[4:]
    from made_requests import server_vlm
    from made_sets import QUICK
    from sharegpt4video.dataset.build import BuildOptions, build
    print("ready", flush=True)
    for key in sys.stdin:
        if (child := os.fork()) == 0:
            status = 1
            try:
                status = run(key.strip())
            finally:
                sys.stderr.flush()
                os._exit(status)
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Counting:
    """Answers slowly, and notes which question of which run (by its key) it answered."""

    def __init__(self, delay_seconds: float) -> None:
        self.delay_seconds = delay_seconds
        self.sent: defaultdict[str, list[str]] = defaultdict(list)
        self._lock = threading.Lock()

    def __call__(self, exchange: Exchange) -> None:
        exchange.wait(self.delay_seconds)
        exchange.send(completion(exchange.received, told(exchange.received)))
        with self._lock:
            headers = exchange.received.headers
            self.sent[headers["x-request-id"]].append(headers["authorization"])


def told(received: Received) -> str:
    asked = re.findall(r"in the video from (\S+ s to \S+ s)", received.text)
    return f"From {asked[-1]} a leaf turns over in the wind." if asked else "A leaf lies on dry ground."


class Builds:
    """Runs builds one after the other, each in a process of its own, which can be killed."""

    def __init__(self, folder: Path, address: str) -> None:
        script = folder / "run.py"
        script.write_text(RUN)
        command = [sys.executable, str(script), "out", address, str(AT_ONCE), str(Path(__file__).parents[1])]
        self.errors = folder / "errors.txt"
        with self.errors.open("wb") as errors:
            self._process = subprocess.Popen(
                command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, bufsize=0
            )
        assert self._line() == "ready", self.errors.read_text()

    def start(self, key: str) -> int:
        """Begin a build; returns the number of its process."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{key}\n".encode())
        return int(self._line() or "0")

    def ended(self, seconds: float | None) -> int | None:
        """The exit code of the build; None if it still runs after so many seconds."""
        line = self._line(seconds)
        return None if line is None else int(line)

    def kill(self, build: int) -> int:
        """Kill it and its workers at once, as a machine that loses its power would; returns how it ended."""
        with suppress(psutil.NoSuchProcess, ProcessLookupError):  # it may just have ended by itself
            workers = psutil.Process(build).children(recursive=True)
            os.kill(build, signal.SIGKILL)
            for worker in workers:
                if worker.is_running():
                    worker.kill()
        code = self.ended(None)
        assert code is not None
        return code

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _line(self, seconds: float | None = None) -> str | None:
        assert self._process.stdout is not None
        if not select.select([self._process.stdout], [], [], seconds)[0]:
            return None
        return self._process.stdout.readline().decode().strip()


@pytest.mark.timeout(900)
def test_killed_at_random_moments_nothing_is_lost_or_paid_for_twice(tmp_path: Path) -> None:
    write_clips(tmp_path / "videos", VIDEOS, seconds=6.0)
    with ChatServer(default=Counting(0.0)) as server:
        build_undisturbed(tmp_path, server.base_url)
    moments, kills, sets = spread_moments(), 0, 0
    counting = Counting(0.12)
    with ChatServer(default=counting) as server, closing(Builds(tmp_path, server.base_url)) as builds:
        while kills < KILLS:
            kills += run_until_done(builds, moments, counting, most_kills=KILLS - kills)
            same_captions(tmp_path / "out", tmp_path / "calm")
            assert Store(tmp_path / "out").verify() == []
            sets += 1
            (tmp_path / "out").rename(tmp_path / f"out-{sets}")
    assert kills == KILLS


def spread_moments() -> Iterator[float]:
    """Seconds after the start to kill at: at random, but as many in each part of a run."""
    chance = random.Random(7)
    while True:
        starts = [0.1 + 0.4 * number for number in range(10)]
        chance.shuffle(starts)
        yield from (start + chance.uniform(0.0, 0.4) for start in starts)


def run_until_done(builds: Builds, moments: Iterator[float], counting: Counting, *, most_kills: int) -> int:
    """Build one data set, killed again and again until a run comes through; returns how often it was killed."""
    counting.sent.clear()
    kills = 0
    while True:
        build = builds.start(f"run-{kills}")
        code = builds.ended(next(moments) if kills < most_kills else None)
        if code is None:
            code = builds.kill(build)
        if code == -signal.SIGKILL:
            kills += 1
            continue
        assert code == 0, builds.errors.read_text()
        assert_not_asked_again(counting)
        return kills


def build_undisturbed(folder: Path, address: str) -> None:
    vlm = server_vlm(address, max_concurrent=AT_ONCE)
    here = Path.cwd()
    os.chdir(folder)
    try:
        counts = build(["videos"], "calm", model=vlm, settings=QUICK, options=BuildOptions(processes=1))
    finally:
        os.chdir(here)
    assert (counts.captioned, counts.left) == (VIDEOS, 0)


def assert_not_asked_again(counting: Counting) -> None:
    """A question was answered again only by another run, and only those that were on their way when a kill came."""
    assert counting.sent
    assert all(len(set(runs)) == len(runs) for runs in counting.sent.values()), "twice in one run"
    lost = Counter(run for runs in counting.sent.values() for run in runs[:-1])
    assert all(count <= AT_ONCE for count in lost.values()), lost
