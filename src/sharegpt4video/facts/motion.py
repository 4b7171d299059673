"""What moves in a video: the camera, and what the camera does not explain, from small pictures pushed in time order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from ..records import CameraMotion, PictureMotion
from .camera import CameraStep, Grey, Prepared, prepare, register
from .moves import TimedStep, sum_up

FLOW_SIDE_PIXELS = 160
LEAST_FLOW_SIDE_PIXELS = 32  # OpenCV picks the pyramid by the width alone and writes past the end of a lower picture
LEAST_FLOW_PIXELS = 0.3  # under which the flow between two still pictures stays
LEAST_CHANGE, NOISES = 7.0, 4.0  # grey levels, and how many times the picture's own noise
EDGE_PIXELS = 3
LEAST_AREA = 0.003  # share of the picture
MOST_AREA_UNREGISTERED = 0.5  # more change than this with the camera unknown is most likely the camera's
SLACK_SECONDS = 1e-6


@dataclass(frozen=True)
class Moving:
    """What moved between two pictures: share of the picture, centre (fractions), mean speed (widths per second)."""

    area: float = 0.0
    centre: tuple[float, float] = (0.5, 0.5)
    speed: float = 0.0


@dataclass(frozen=True)
class Measured:
    """What is kept of two neighbouring pictures."""

    camera: TimedStep
    moving: Moving


class MotionMeter:
    """Measures motion between pushed pictures and answers for any interval since.

    Push pictures whose longer side is about ``side_pixels``, about every ``every_seconds``, in time order, of all
    shots alike: an answer only uses pairs of pictures that lie inside the interval asked for. Only numbers are kept,
    about 300 bytes a pair, and ``forget`` drops them.
    """

    side_pixels: ClassVar[int] = 320
    every_seconds: ClassVar[float] = 0.12

    def __init__(self) -> None:
        self._pairs: list[Measured] = []
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
        """The motion that the camera does not explain in ``[start_seconds, end_seconds]``."""
        pairs = self._inside(start_seconds, end_seconds)
        total = sum(pair.camera.seconds for pair in pairs)
        weights = [pair.moving.area * pair.camera.seconds for pair in pairs]
        amount = sum(weights)
        if not pairs or amount / total < LEAST_AREA:
            return PictureMotion(0.0, 0.0, None)
        weighted = list(zip(weights, (pair.moving for pair in pairs), strict=True))
        speed = sum(weight * moving.speed for weight, moving in weighted) / amount
        x = sum(weight * moving.centre[0] for weight, moving in weighted) / amount
        y = sum(weight * moving.centre[1] for weight, moving in weighted) / amount
        return PictureMotion(speed, amount / total, (x, y))

    def forget(self, before_seconds: float) -> None:
        """Drop what lies before this time; intervals that start earlier can no longer be asked for."""
        self._pairs = [pair for pair in self._pairs if pair.camera.start_seconds >= before_seconds - SLACK_SECONDS]

    def _inside(self, start_seconds: float, end_seconds: float) -> list[Measured]:
        start, end = start_seconds - SLACK_SECONDS, end_seconds + SLACK_SECONDS
        return [pair for pair in self._pairs if pair.camera.start_seconds >= start and pair.camera.end_seconds <= end]

    def _repeated(self, picture: Prepared) -> CameraStep | None:
        """The step to an identical picture: none, if there is anything in it by which a step could be seen."""
        return register(picture, picture)

    def _moving(self, before: Prepared, after: Prepared, step: CameraStep | None, seconds: float) -> Moving:
        moving = residual_motion(before, after, step or CameraStep(), self._flow, seconds)
        return Moving() if step is None and moving.area > MOST_AREA_UNREGISTERED else moving


class DenseFlow:
    """Optical flow (DIS, the fastest preset) between two grey pictures of the same size, whatever that size is."""

    def __init__(self) -> None:
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)

    def __call__(self, before: Grey, after: Grey) -> NDArray[np.float32]:
        """The displacement of every pixel of ``before``, shape (height, width, 2), in pixels (x, y)."""
        height, width = before.shape
        bottom, right = max(0, LEAST_FLOW_SIDE_PIXELS - height), max(0, LEAST_FLOW_SIDE_PIXELS - width)
        if bottom or right:
            before, after = (
                cv2.copyMakeBorder(picture, 0, bottom, 0, right, cv2.BORDER_REPLICATE) for picture in (before, after)
            )
        field = self._flow.calc(before, after, None)
        return np.asarray(field[:height, :width], np.float32)


def residual_motion(before: Prepared, after: Prepared, step: CameraStep, flow: DenseFlow, seconds: float) -> Moving:
    """Take the camera's step out of the first picture, then see where the second differs and how far that moved."""
    width, height = before.size
    side = FLOW_SIDE_PIXELS / max(width, height)
    small = (max(16, round(width * side)), max(16, round(height * side)))
    matrix = step.matrix(width, height)
    warped = cv2.resize(cv2.warpAffine(before.grey, matrix, (width, height)), small, interpolation=cv2.INTER_AREA)
    left, top, active_width, active_height = before.active
    inside = np.zeros((height, width), np.uint8)
    inside[top : top + active_height, left : left + active_width] = 255
    inside &= cv2.warpAffine(inside, matrix, (width, height))
    valid = cv2.erode(cv2.resize(inside, small), np.ones((2 * EDGE_PIXELS + 1,) * 2, np.uint8), borderValue=0) == 255
    now = cv2.resize(after.grey, small, interpolation=cv2.INTER_AREA)
    field = flow(warped, now)
    length = np.hypot(field[..., 0], field[..., 1])
    change = cv2.blur(cv2.absdiff(warped, now), (3, 3)).astype(np.float32)
    changed = change > max(LEAST_CHANGE, NOISES * float(np.median(change)))
    moves = (changed & valid & (length > LEAST_FLOW_PIXELS)).astype(np.uint8)
    moves = cv2.morphologyEx(moves, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)) > 0
    if not moves.any():
        return Moving()
    ys, xs = np.nonzero(moves)
    centre = (float(xs.mean() + 0.5) / small[0], float(ys.mean() + 0.5) / small[1])
    return Moving(len(xs) / moves.size, centre, float(length[moves].mean()) / small[0] / seconds)
