"""Frames and a detector of transitions whose every time is known, for tests of what is chosen among them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sharegpt4video.records import Frame
from sharegpt4video.video.fades import Transition

Pixels = np.ndarray[Any, np.dtype[np.uint8]]


class Decoded:
    """A frame with times, whose picture is one colour: an angle in degrees that the test encoder reads back."""

    alive = 0

    def __init__(self, seconds: float, duration_seconds: float, angle: int = 0) -> None:
        self.seconds, self.duration_seconds, self.end_seconds = seconds, duration_seconds, seconds + duration_seconds
        self.angle = angle
        Decoded.alive += 1

    def __del__(self) -> None:
        Decoded.alive -= 1

    def small(self, side_pixels: int) -> Pixels:
        assert side_pixels > 0
        return np.full((9, 16, 3), self.angle, np.uint8)

    def frame(self, side_pixels: int) -> Frame:
        return Frame(self.small(side_pixels), self.seconds, self.duration_seconds)


class Told:
    """A detector that is told the transitions and changes beforehand, and reports each ``late`` seconds after it
    happened."""

    side_pixels = 64

    def __init__(self, transitions: Sequence[Transition], late: float = 0.3, changes: Sequence[float] = ()) -> None:
        self._coming = list(transitions)
        self._changes = list(changes)
        self._late = late
        self._seen: list[float] = []

    def push(self, seconds: float, thumbnail: Pixels) -> list[Transition]:
        assert thumbnail.shape[2] == 3
        self._seen.append(seconds)
        return self._report(seconds - self._late)

    def flush(self) -> list[Transition]:
        return self._report(float("inf"))

    def _report(self, until: float) -> list[Transition]:
        found = [one for one in self._coming if one.seconds <= until]
        self._coming = self._coming[len(found) :]
        return found

    def take_changes(self) -> list[float]:
        found = [one for one in self._changes if one <= self._seen[-1] - self._late]
        self._changes = self._changes[len(found) :]
        return found

    @property
    def settled_seconds(self) -> float:
        times = [one.start_seconds for one in self._coming if one.seconds <= self._seen[-1]]
        return min([self._seen[-1] - self._late - 1.5, *times])

    @property
    def open_seconds(self) -> frozenset[float]:
        return frozenset(time for time in self._seen if time >= self.settled_seconds)
