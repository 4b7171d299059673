"""How much a video moves, from pairs of pictures now and then: the camera, and what the camera does not explain."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ...facts.camera import CameraStep, Prepared, prepare, register
from ...facts.flow import DenseFlow
from ...facts.motion import MOST_AREA_UNREGISTERED, MotionMeter, Moving, residual_motion
from ...video.grid import SLACK_SECONDS
from ...video.picture import DecodedFrame, Pixels

LEAST_PAIRS, MOST_PAIRS = 8, 120
LONGEST_GAP_SECONDS = 1.0


@dataclass(frozen=True)
class Step:
    """What moved in ``[start_seconds, end_seconds]``, in picture widths per second; ``camera`` None: not measured."""

    start_seconds: float
    end_seconds: float
    motion: float
    camera: float | None


class PairMeter:
    """Measures a pair of pictures about once a second, the one 0.12 s after the other.

    The pictures, and what is measured in them, are those of ``facts.motion``; only pairs are left out, which makes it
    cost an eighth. A video has at least 8 pairs where it is long enough, and about 120 at most.
    """

    def __init__(self, expected_seconds: float | None, least_gap_seconds: float) -> None:
        length = expected_seconds or LEAST_PAIRS * LONGEST_GAP_SECONDS
        self._gap = max(min(length / LEAST_PAIRS, LONGEST_GAP_SECONDS), least_gap_seconds, length / MOST_PAIRS)
        self._steps: list[Step] = []
        self._next = float("-inf")
        self._first: tuple[float, Pixels, Prepared] | None = None
        self._flow = DenseFlow()

    def push(self, frame: DecodedFrame) -> None:
        """Take the next frame, in time order."""
        first = self._first
        if first is None:
            if frame.seconds >= self._next - SLACK_SECONDS:
                picture = frame.small(MotionMeter.side_pixels)
                self._first = (frame.seconds, picture, prepare(picture))
                self._next = frame.seconds + self._gap
        elif frame.seconds >= first[0] + MotionMeter.every_seconds - SLACK_SECONDS:
            self._steps.append(self._step(first, frame))
            self._first = None

    def speeds(self, cut_seconds: list[float]) -> tuple[float | None, float | None]:
        """Means over time of the motion and of the camera's, without the pairs that a cut parts; None: not measured."""
        cuts = np.array(sorted(cut_seconds))
        steps = [
            step
            for step in self._steps
            if np.searchsorted(cuts, step.start_seconds, "right") == np.searchsorted(cuts, step.end_seconds, "right")
        ]
        cameras = [step.camera for step in steps if step.camera is not None]
        motion = float(np.mean([step.motion for step in steps])) if steps else None
        return motion, float(np.mean(cameras)) if cameras else None

    def _step(self, first: tuple[float, Pixels, Prepared], frame: DecodedFrame) -> Step:
        start, picture_before, before = first
        seconds = frame.seconds - start
        picture = frame.small(MotionMeter.side_pixels)
        if np.array_equal(picture_before, picture):
            step, moving = register(before, before), Moving()
        else:
            after = prepare(picture)
            step = register(before, after)
            moving = residual_motion(before, after, step or CameraStep(), self._flow, seconds)
            if step is None and moving.area > MOST_AREA_UNREGISTERED:
                moving = Moving()
        camera = None if step is None else _displacement(step, before.size) / seconds
        return Step(start, frame.seconds, moving.area * moving.speed, camera)


def _displacement(step: CameraStep, size: tuple[int, int]) -> float:
    """How far the camera moved the picture: the root mean square over all its pixels, in picture widths."""
    width, height = size
    radius_squared = (width**2 + height**2) / 12
    return math.sqrt(abs(step.shift) ** 2 + abs(step.scale_turn - 1) ** 2 * radius_squared) / width
