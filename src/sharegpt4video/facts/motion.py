"""What moves in a video: the camera, and what the camera does not explain, from small pictures pushed in time order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from ..records import CameraMotion, PictureMotion
from .camera import CameraStep, Prepared, prepare, register
from .flow import DenseFlow
from .moves import TimedStep, sum_up
from .still import LEAST_AREA, Compared, Moved, aligned, compare, structure_changes

LEAST_CHANGE, NOISES = 7.0, 4.0  # grey levels, and how many times the picture's own noise
LEAST_FLOW_PIXELS = 0.3  # under which the flow between two still pictures stays
LEAST_MEAN_AREA = 0.003  # share of the picture, over a whole interval
MOST_AREA_UNREGISTERED = 0.5  # more change than this with the camera unknown is most likely the camera's
SLACK_SECONDS = 1e-6
ANCHOR_SECONDS = 0.5  # between the pictures that are kept, to be compared over longer times
ANCHORS_APART = (1, 4)  # what is compared with what: over half a second, over two, and the two ends
LEAST_SEEN = 1 / 3  # share of the interval between the first and the last picture kept: one step in three at worst
LEAST_QUIET_SECONDS = 1.5  # shorter ones were false in 3 of 4 (somebody who pauses), longer ones in none of 11
STEADY = ((), ("static",), ("hand-held",))  # not measured, or no move
MOST_SECONDS_MOVING = 0.5  # a keyframe is where something changes: what begins there belongs to the next interval


@dataclass(frozen=True)
class Moving:
    """What moved between two pictures: share of the picture, centre (fractions), mean speed (widths per second).

    ``structural`` is the share of the picture whose structure changed, which no light does; 0 where nothing moved.
    """

    area: float = 0.0
    centre: tuple[float, float] = (0.5, 0.5)
    speed: float = 0.0
    structural: float = 0.0


@dataclass(frozen=True)
class Measured:
    """What is kept of two neighbouring pictures."""

    camera: TimedStep
    moving: Moving


class MotionMeter:
    """Measures motion between pushed pictures and answers for any interval since.

    Push pictures whose longer side is about ``side_pixels``, about every ``every_seconds``, in time order, of all
    shots alike: an answer only uses pairs of pictures that lie inside the interval asked for. What is kept is about
    300 bytes a pair and, every half second, a grey picture of some 60 kB; ``forget`` drops both.
    """

    side_pixels: ClassVar[int] = 320
    every_seconds: ClassVar[float] = 0.12

    def __init__(self) -> None:
        self._pairs: list[Measured] = []
        self._anchors: list[tuple[float, Prepared]] = []
        self._last: tuple[float, NDArray[np.uint8], Prepared] | None = None
        self._expected: CameraStep | None = None
        self._flow = DenseFlow()

    def push(self, seconds: float, rgb_small: NDArray[np.uint8]) -> None:
        """Measure the step from the picture before to this one, of shape (height, width, 3).

        Pictures of a new size start afresh. Raises ValueError if ``seconds`` is not after the picture before.
        """
        last, now = self._last, prepare(rgb_small)
        if last is not None and seconds <= last[0]:
            raise ValueError(f"pictures must come in time order: {seconds} s after {last[0]} s")
        self._last = (seconds, rgb_small, now)
        if not self._anchors or seconds >= self._anchors[-1][0] + ANCHOR_SECONDS - self.every_seconds / 2:
            self._anchors.append((seconds, now))
        if last is None or last[2].size != now.size:
            self._expected = None
            return
        if np.array_equal(last[1], rgb_small):
            step, moving = self._repeated(now), Moving()
        else:
            step = register(last[2], now, self._expected)
            moving = self._moving(last[2], now, step, seconds - last[0])
        self._expected = step
        self._pairs.append(Measured(TimedStep(last[0], seconds, step, now.size), moving))

    def camera(self, start_seconds: float, end_seconds: float) -> CameraMotion:
        """How the camera moved in ``[start_seconds, end_seconds]``; ``moves`` is empty if it could not be measured.

        A roll is positive when the camera turns clockwise as seen by the one who holds it: the picture then turns
        counter-clockwise on the screen.
        """
        return sum_up([pair.camera for pair in self._inside(start_seconds, end_seconds)], end_seconds - start_seconds)

    def residual(self, start_seconds: float, end_seconds: float) -> PictureMotion:
        """The motion that the camera does not explain in ``[start_seconds, end_seconds]``, and whether there is any.

        Behind a camera that travels, what is near moves against what is far, so that nothing is said of stillness.
        """
        pairs = self._inside(start_seconds, end_seconds)
        moves = self.camera(start_seconds, end_seconds).moves
        if moves not in STEADY:
            return mean_motion(pairs) or PictureMotion(0.0, 0.0, None)
        quiet_start, quiet_end = longest_quiet(pairs, start_seconds, end_seconds)
        compared = self._compared(*self._within(quiet_start, quiet_end, (start_seconds, end_seconds)))
        slow = [(one.moved, seconds) for one, seconds in compared if one.moved is not None]
        motion = mean_motion(pairs) or (slow_motion(slow) if slow else mean_motion(pairs, least_area=LEAST_AREA))
        seen = bool(compared) and not slow and all(one.step is not None for one, _ in compared)
        quiet = (quiet_start, quiet_end) if seen and quiet_end - quiet_start >= LEAST_QUIET_SECONDS else None
        still = None
        if slow or quiet_end - quiet_start < end_seconds - start_seconds - MOST_SECONDS_MOVING:
            still = False if moves == ("static",) and motion is not None else None
        elif seen:
            still = True
        return replace(motion or PictureMotion(0.0, 0.0, None), still=still, quiet=quiet)

    def forget(self, before_seconds: float) -> None:
        """Drop what lies before this time; intervals that start earlier can no longer be asked for."""
        least = before_seconds - SLACK_SECONDS
        self._pairs = [pair for pair in self._pairs if pair.camera.start_seconds >= least]
        self._anchors = [anchor for anchor in self._anchors if anchor[0] >= least]

    def _inside(self, start_seconds: float, end_seconds: float) -> list[Measured]:
        start, end = start_seconds - SLACK_SECONDS, end_seconds + SLACK_SECONDS
        return [pair for pair in self._pairs if pair.camera.start_seconds >= start and pair.camera.end_seconds <= end]

    def _within(self, start: float, end: float, interval: tuple[float, float]) -> tuple[float, float]:
        """A quiet part without the moment next to motion, where that has begun too faintly to be seen so soon."""
        margin = 1.5 * self.every_seconds
        return start + margin * (start > interval[0]), end - margin * (end < interval[1])

    def _compared(self, start_seconds: float, end_seconds: float) -> list[tuple[Compared, float]]:
        """The pictures kept of the interval, compared over longer and longer times, and those times."""
        start, end = start_seconds - SLACK_SECONDS, end_seconds + SLACK_SECONDS
        kept = [anchor for anchor in self._anchors if start <= anchor[0] <= end]
        last = len(kept) - 1
        if last < 1 or kept[last][0] - kept[0][0] < LEAST_SEEN * (end_seconds - start_seconds):
            return []
        chosen = {(first, first + apart) for apart in ANCHORS_APART for first in range(0, last - apart + 1, apart)}
        compared = []
        for first, second in sorted(chosen | {(0, last)}):
            (from_seconds, before), (to_seconds, after) = kept[first], kept[second]
            if before.size == after.size:
                compared.append((compare(before, after, self._flow), to_seconds - from_seconds))
        return compared

    def _repeated(self, picture: Prepared) -> CameraStep | None:
        """The step to an identical picture: none, if there is anything in it by which a step could be seen."""
        return register(picture, picture)

    def _moving(self, before: Prepared, after: Prepared, step: CameraStep | None, seconds: float) -> Moving:
        moving = residual_motion(before, after, step or CameraStep(), self._flow, seconds)
        return Moving() if step is None and moving.area > MOST_AREA_UNREGISTERED else moving


def longest_quiet(pairs: Sequence[Measured], start_seconds: float, end_seconds: float) -> tuple[float, float]:
    """The longest part of an interval in which nothing moves from picture to picture.

    One pair alone that differs is a flash or a fault: what lasts is seen in the next pair, too, or for longer. Next to
    the interval's ends nobody knows, and it counts.
    """
    moving = [True, *(pair.moving.structural >= LEAST_AREA for pair in pairs), True]
    edges = [start_seconds]
    for place, pair in enumerate(pairs, start=1):
        if moving[place] and (moving[place - 1] or moving[place + 1]):
            edges += [pair.camera.start_seconds, pair.camera.end_seconds]
    edges.append(end_seconds)
    return max(zip(edges[::2], edges[1::2], strict=True), key=lambda part: part[1] - part[0])


def mean_motion(pairs: Sequence[Measured], least_area: float = LEAST_MEAN_AREA) -> PictureMotion | None:
    """The mean of what moved from picture to picture; None where that is less than ``least_area`` of the picture."""
    total = sum(pair.camera.seconds for pair in pairs)
    weights = [pair.moving.area * pair.camera.seconds if pair.moving.structural else 0.0 for pair in pairs]
    amount = sum(weights)
    if not pairs or amount == 0 or amount / total < least_area:
        return None
    weighted = list(zip(weights, (pair.moving for pair in pairs), strict=True))
    speed = sum(weight * moving.speed for weight, moving in weighted) / amount
    x = sum(weight * moving.centre[0] for weight, moving in weighted) / amount
    y = sum(weight * moving.centre[1] for weight, moving in weighted) / amount
    return PictureMotion(speed, amount / total, (x, y))


def slow_motion(moved: Sequence[tuple[Moved, float]]) -> PictureMotion:
    """The same of what shows only over a longer time, given with that time."""
    amount = sum(one.area for one, _ in moved)
    return PictureMotion(
        sum(one.area * one.widths / seconds for one, seconds in moved) / amount,
        amount / len(moved),
        (
            sum(one.area * one.centre[0] for one, _ in moved) / amount,
            sum(one.area * one.centre[1] for one, _ in moved) / amount,
        ),
    )


def residual_motion(before: Prepared, after: Prepared, step: CameraStep, flow: DenseFlow, seconds: float) -> Moving:
    """Take the camera's step out of the first picture, then see where the second differs and how far that moved."""
    warped, now, valid = aligned(before, after, step)
    field = flow(warped, now)
    length = np.hypot(field[..., 0], field[..., 1])
    change = cv2.blur(cv2.absdiff(warped, now), (3, 3)).astype(np.float32)
    changed = change > max(LEAST_CHANGE, NOISES * float(np.median(change)))
    moves = (changed & valid & (length > LEAST_FLOW_PIXELS)).astype(np.uint8)
    moves = cv2.morphologyEx(moves, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)) > 0
    if not moves.any():
        return Moving()
    structural = structure_changes(warped, now, valid, max(before.gain, after.gain)).mask & (length > LEAST_FLOW_PIXELS)
    height, width = moves.shape
    ys, xs = np.nonzero(moves)
    centre = (float(xs.mean() + 0.5) / width, float(ys.mean() + 0.5) / height)
    speed = float(length[moves].mean()) / width / seconds
    return Moving(len(xs) / moves.size, centre, speed, float(structural.mean()))
