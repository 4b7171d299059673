"""Cut clips in parallel processes: a codec crash costs one clip, and finished clips are kept."""

from __future__ import annotations

import errno
import multiprocessing
import pickle
import queue
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Generic, TypeVar

from ..cores import cores, limit_cores
from ..errors import SG4VError
from ..files import file_state
from ..processes import Worker, WorkerLost

T = TypeVar("T")

STALL_SECONDS = 3600.0
"""One clip may take so long before its process is given up."""
REPEATED_SHARE = 0.1
"""A source repeats a picture now and then; more than this share of them means that it is slower than the clip."""
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
AHEAD = 4
"""Clips under way or waiting, for each process."""


@dataclass(frozen=True)
class Cutting:
    """How clips are written; see ``video.constant.cut_frames``."""

    side_pixels: int | None = None
    audio: bool = True
    crf: int = 18
    preset: str = "fast"


@dataclass(frozen=True)
class CutJob:
    """One clip to cut, and where to."""

    source: str
    target: str
    start_seconds: float
    frames: int
    fps: float
    how: Cutting
    state: tuple[int, int] | None = None
    """The source's as the caption is of it; None: not compared."""


@dataclass(frozen=True)
class CutClip:
    """A clip that exists. ``kept``: an earlier run cut it."""

    width: int
    height: int
    has_sound: bool
    size_bytes: int
    kept: bool = False
    repeats: bool = False
    """Pictures come twice, for the source has fewer per second."""


@dataclass(frozen=True)
class NotCut:
    """Why there is no clip: the kind of failure, and the message for the user. ``stops``: the next would fail alike."""

    kind: str
    message: str
    stops: bool = False


Outcome = CutClip | NotCut


def cut_clip(job: CutJob) -> Outcome:
    """Cut one clip, unless its file is there: it is complete then, and its name says what is in it."""
    from ..video.constant import cut_frames

    target = Path(job.target)
    try:
        kept = target.exists()
        repeats = False
        if not kept:
            target.parent.mkdir(parents=True, exist_ok=True)
            how = job.how
            done = cut_frames(
                job.source,
                target,
                job.start_seconds,
                job.frames,
                job.fps,
                audio=how.audio,
                side_pixels=how.side_pixels,
                crf=how.crf,
                preset=how.preset,
            )
            repeats = done.repeated > REPEATED_SHARE * job.frames
            if job.state is not None and file_state(job.source) != job.state:
                target.unlink()
                return NotCut("video was changed while clips were cut; run again", job.source)
        return _looked_at(target, kept=kept, repeats=repeats)
    except (SG4VError, OSError) as error:
        return NotCut("cannot be read or cut", str(error), stops=_is_full(error))


def _is_full(error: BaseException | None) -> bool:
    """Whether there is no room left to write to."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            return True
        error = error.__cause__
    return False


def _looked_at(path: Path, *, kept: bool, repeats: bool) -> CutClip:
    from ..video.streams import opened

    with opened(path) as (clip, video):
        return CutClip(video.width, video.height, bool(clip.streams.audio), path.stat().st_size, kept, repeats)


class Cutters(Generic[T]):
    """``processes`` processes that cut; 0: this one does. A context manager."""

    def __init__(self, processes: int) -> None:
        self._processes = processes
        self._idle: queue.SimpleQueue[_Cutter | None] = queue.SimpleQueue()
        self._all: list[_Cutter] = []
        for _ in range(processes):
            self._idle.put(None)

    def done(self, jobs: Iterable[tuple[CutJob, T]]) -> Iterator[tuple[T, Outcome]]:
        """What became of each job, in their order; so many are taken ahead that no process waits."""
        if not self._processes:
            yield from ((with_it, cut_clip(job)) for job, with_it in jobs)
            return
        ahead: deque[tuple[T, Future[Outcome]]] = deque()
        with ThreadPoolExecutor(self._processes) as threads:
            try:
                for job, with_it in jobs:
                    ahead.append((with_it, threads.submit(self._cut, job)))
                    if len(ahead) >= AHEAD * self._processes:
                        first, future = ahead.popleft()
                        yield first, future.result()
                while ahead:
                    first, future = ahead.popleft()
                    yield first, future.result()
            except BaseException:
                for _, future in ahead:
                    future.cancel()
                self.close()  # so that no thread waits for a long cut
                raise

    def _cut(self, job: CutJob) -> Outcome:
        cutter = self._idle.get()
        try:
            if cutter is None:
                cutter = _Cutter(max(cores() // self._processes, 1))
                self._all.append(cutter)
                cutter.wait_until_ready()
            outcome = cutter.cut(job)
        except WorkerLost as lost:
            outcome = NotCut(lost.kind, f"{job.source}: {lost}")
            if cutter is not None:
                cutter.end()
                cutter = None
        self._idle.put(cutter)
        return outcome

    def close(self) -> None:
        """End all processes, busy ones too."""
        for cutter in self._all:
            cutter.kill()

    def __enter__(self) -> Cutters[T]:
        return self

    def __exit__(self, *problem: object) -> None:
        self.close()


class _Cutter(Worker):
    def __init__(self, threads: int) -> None:
        super().__init__(_serve, (threads,), context=multiprocessing.get_context("spawn"), name="sg4v-cutter")

    def cut(self, job: CutJob) -> Outcome:
        self.send(pickle.dumps(job))
        outcome: Outcome = pickle.loads(self.receive(STALL_SECONDS))
        return outcome


def _serve(pipe: Connection, threads: int) -> None:
    limit_cores(threads)
    pipe.send_bytes(b"ready")
    while True:
        job = pickle.loads(pipe.recv_bytes())
        pipe.send_bytes(pickle.dumps(cut_clip(job)))
