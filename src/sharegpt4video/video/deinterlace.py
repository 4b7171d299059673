"""Pictures whose lines are of two moments, made into pictures of one, so that they show no combs."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import av.filter

from .source import AV_ERRORS
from .timing import Losses

LEAD_SECONDS = 0.2
"""How long before a wanted picture decoding begins: a picture is deinterlaced with the help of those beside it."""


@dataclass(frozen=True)
class Timed:
    """A picture and the time and length that its decoder gave it, in ticks."""

    picture: av.VideoFrame
    ticks: int | None
    duration: int


def deinterlaced(frames: Iterator[av.VideoFrame], losses: Losses) -> Iterator[Timed]:
    """One picture for each, at its time; those that are not called interlaced come out as they are.

    FFmpeg's ``bwdif`` is not even made before the first interlaced picture; from then on one is held back.
    """
    filtered: _Filter | None = None
    for frame in frames:
        if filtered is not None and not filtered.takes(frame):
            yield from filtered.finish()
            filtered = None
        if filtered is None and frame.interlaced_frame:
            filtered = _Filter.of(frame, losses)
        losses.counts["deinterlaced"] += filtered is not None and bool(frame.interlaced_frame)
        if filtered is None:
            yield Timed(frame, frame.pts, frame.duration or 0)
        else:
            yield from filtered.push(frame)
    if filtered is not None:
        yield from filtered.finish()


class _Filter:
    def __init__(self, frame: av.VideoFrame) -> None:
        self._kind = _kind(frame)
        self._waiting: deque[tuple[int | None, int]] = deque()
        self._graph: Any = av.filter.Graph()
        nodes = (
            self._graph.add_buffer(
                width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 1000)
            ),
            self._graph.add("bwdif", "mode=send_frame:parity=auto:deint=interlaced"),
            self._graph.add("buffersink"),
        )
        self._graph.link_nodes(*nodes)
        self._graph.configure()

    @classmethod
    def of(cls, frame: av.VideoFrame, losses: Losses) -> _Filter | None:
        try:
            return cls(frame)
        except AV_ERRORS as error:
            losses.note(f"the video is interlaced and could not be deinterlaced ({error})")
            return None

    def takes(self, frame: av.VideoFrame) -> bool:
        return self._kind == _kind(frame)

    def push(self, frame: av.VideoFrame) -> Iterator[Timed]:
        self._waiting.append((frame.pts, frame.duration or 0))
        self._graph.push(frame)
        yield from self._ready()

    def finish(self) -> Iterator[Timed]:
        self._graph.push(None)
        yield from self._ready()

    def _ready(self) -> Iterator[Timed]:
        while self._waiting:
            try:
                picture = self._graph.pull()
            except (EOFError, av.error.BlockingIOError):
                return
            yield Timed(picture, *self._waiting.popleft())


def _kind(frame: av.VideoFrame) -> tuple[int, int, str]:
    return frame.width, frame.height, frame.format.name
