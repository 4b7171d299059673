"""Finds the joints of one person (MoveNet SinglePose Lightning 4, https://www.kaggle.com/models/google/movenet) and
reads the posture off them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import atan2, degrees, hypot
from statistics import median_low
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from ..records import Box, Pose, Torso
from . import network

SIDES = ("left", "right")
PAIRED = ("eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")
JOINTS = ("nose", *(f"{side} {name}" for name in PAIRED for side in SIDES))

NETWORK_PIXELS = 192
CROP_MARGIN = 1.25  # the crop's side over the box's longer side, as in upstream's crop for the next frame
NEAR_CELLS = 1.8  # softens the weight of a joint's heat by its distance from where the person's centre expects it
SEEN = 0.3  # upstream's recommended least joint score
LEAST_CONFIDENCE = 0.2  # below this mean score there is no person in the crop, or far too little of one

UPRIGHT_DEGREES = 30.0
LEANING_DEGREES = 60.0
HORIZONTAL_DEGREES = 120.0
ARM_ABOVE_SHOULDER = 0.25  # of the torso's length
ARM_OFF_BODY_DEGREES = 45.0
LEG_ABOVE_FLOOR = 0.35  # of the leg's length
LEAST_TORSO = 0.35  # of the leg's length: a shorter one points at the camera, and its angle means nothing

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Keypoints:
    """The 17 ``JOINTS`` of a person: rows of x, y (fractions of the whole picture) and score (0..1), shape (17, 3).

    ``aspect`` is the picture's width over its height, without which no angle can be told.
    """

    points: NDArray[np.float64] = field(repr=False)
    aspect: float

    @property
    def confidence(self) -> float:
        """Mean joint score."""
        return float(self.points[:, 2].mean())

    def joint(self, name: str) -> tuple[float, float] | None:
        """A joint in picture heights (x, y), or None where it was not seen well."""
        x, y, score = self.points[JOINTS.index(name)]
        return (float(x) * self.aspect, float(y)) if score >= SEEN else None

    def middle(self, name: str) -> tuple[float, float] | None:
        """The middle of a left and a right joint ("hip", "shoulder"), or the one that was seen."""
        seen = [joint for side in SIDES if (joint := self.joint(f"{side} {name}"))]
        return (sum(x for x, _ in seen) / len(seen), sum(y for _, y in seen) / len(seen)) if seen else None

    def torso_box(self) -> Box | None:
        """The box around shoulders and hips in fractions of the picture; None unless all four were seen."""
        rows = [JOINTS.index(f"{side} {name}") for side in SIDES for name in ("shoulder", "hip")]
        if (self.points[rows, 2] < SEEN).any():
            return None
        (left, top), (right, bottom) = self.points[rows, :2].min(axis=0), self.points[rows, :2].max(axis=0)
        return Box(float(left), float(top), float(right), float(bottom))


class PoseEstimator:
    """Finds a person's joints in an RGB picture; the network is loaded at the first call."""

    def __init__(self, *, threads: int = network.THREADS) -> None:
        self.threads = threads

    def __call__(self, rgb: NDArray[np.uint8], box: Box) -> Keypoints | None:
        """The joints of the person in ``box``, or None if no person is recognised there."""
        height, width = rgb.shape[:2]
        side = round(max(box.width * width, box.height * height) * CROP_MARGIN)
        if side < 1:
            return None
        left, top = round(box.centre[0] * width - side / 2), round(box.centre[1] * height - side / 2)
        shrinks = cv2.INTER_AREA if side > NETWORK_PIXELS else cv2.INTER_LINEAR
        crop = cv2.resize(square(rgb, left, top, side), (NETWORK_PIXELS, NETWORK_PIXELS), interpolation=shrinks)
        outputs = network.run(network.POSE, self.threads, ["centre", "heat", "regress", "offset"], crop[None])
        found = _decode(*(output[0] for output in outputs))
        found[:, 0] = (left + found[:, 0] * side) / width
        found[:, 1] = (top + found[:, 1] * side) / height
        keypoints = Keypoints(found, width / height)
        return keypoints if keypoints.confidence >= LEAST_CONFIDENCE else None


def posture(keypoints: Keypoints) -> Pose:
    """What the joints say about torso, arms and legs; None for each that hangs on a joint not seen well."""
    return Pose(
        torso=_torso(keypoints),
        arms_raised=_arms_raised(keypoints),
        legs_raised=_legs_raised(keypoints),
        confidence=round(keypoints.confidence, 3),
    )


def steady(poses: Sequence[Pose]) -> Pose:
    """One posture for neighbouring moments: for each part what most of them say, for counts the median.

    A part is None if fewer than half of them know it. Raises ValueError without any pose.
    """
    if not poses:
        raise ValueError("steady needs at least one pose")
    return Pose(
        torso=_most(_known([pose.torso for pose in poses])),
        arms_raised=_median(_known([pose.arms_raised for pose in poses])),
        legs_raised=_median(_known([pose.legs_raised for pose in poses])),
        confidence=round(sum(pose.confidence for pose in poses) / len(poses), 3),
    )


def square(rgb: NDArray[np.uint8], left: int, top: int, side: int) -> NDArray[np.uint8]:
    """A square of the picture; black where it reaches beyond the edge."""
    square = np.zeros((side, side, 3), np.uint8)
    inside = rgb[max(top, 0) : max(top + side, 0), max(left, 0) : max(left + side, 0)]
    below, right = max(-top, 0), max(-left, 0)
    square[below : below + inside.shape[0], right : right + inside.shape[1]] = inside
    return square


def _decode(
    centre: NDArray[np.float32], heat: NDArray[np.float32], regress: NDArray[np.float32], offset: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Joints (17, 3) as x, y (fractions of the crop) and score, from the four heads (1 + 17 + 34 + 34, 48, 48).

    The head for the person's centre picks a cell; the regression there says where each joint should be; each joint's
    heat is weighted by nearness to that; the best cell gets a fine offset. This is the end of the original graph.
    """
    rows, columns = centre.shape[1:]
    row, column = np.unravel_index(int(np.argmax(centre[0])), (rows, columns))
    expected = regress[:, row, column].reshape(-1, 2) + np.array([row, column], np.float32)
    grid_y, grid_x = np.mgrid[:rows, :columns].astype(np.float32)
    away = np.hypot(grid_y[None] - expected[:, 0, None, None], grid_x[None] - expected[:, 1, None, None])
    best = (heat / (away + NEAR_CELLS)).reshape(len(heat), -1).argmax(axis=1)
    joint = np.arange(len(heat))
    y, x = np.divmod(best, columns)
    fine = offset.reshape(len(heat), 2, rows, columns)[joint, :, y, x]
    return np.stack([(x + fine[:, 1]) / columns, (y + fine[:, 0]) / rows, heat[joint, y, x]], axis=1).astype(np.float64)


def _torso(keypoints: Keypoints) -> Torso | None:
    shoulders, hips = keypoints.middle("shoulder"), keypoints.middle("hip")
    if shoulders is None or hips is None:
        return None
    torso = shoulders[0] - hips[0], shoulders[1] - hips[1]
    leg = _leg_length(keypoints)
    if leg is not None and hypot(*torso) < LEAST_TORSO * leg:
        return None
    angle = _angle(torso, (0.0, -1.0))
    if angle < UPRIGHT_DEGREES:
        return "upright"
    if angle < LEANING_DEGREES:
        return "leaning"
    return "horizontal" if angle < HORIZONTAL_DEGREES else "inverted"


def _arms_raised(keypoints: Keypoints) -> int | None:
    """Wrists clearly above both shoulders, on arms that do not lie along the body; None unless both were seen."""
    shoulders, hips = keypoints.middle("shoulder"), keypoints.middle("hip")
    wrists = [wrist for side in SIDES if (wrist := keypoints.joint(f"{side} wrist"))]
    if shoulders is None or hips is None or len(wrists) < 2:
        return None
    trunk = hips[0] - shoulders[0], hips[1] - shoulders[1]
    top = min(shoulder[1] for side in SIDES if (shoulder := keypoints.joint(f"{side} shoulder")))
    above = [wrist for wrist in wrists if wrist[1] < top - ARM_ABOVE_SHOULDER * hypot(*trunk)]
    return sum(_angle((x - shoulders[0], y - shoulders[1]), trunk) > ARM_OFF_BODY_DEGREES for x, y in above)


def _legs_raised(keypoints: Keypoints) -> int | None:
    """Ankles clearly above the other foot that carries the body, or above the hips; None unless both were seen.

    Someone who lies has no foot below the hips to compare with, so stretched-out legs do not count.
    """
    hips, leg = keypoints.middle("hip"), _leg_length(keypoints)
    ankles = [ankle for side in SIDES if (ankle := keypoints.joint(f"{side} ankle"))]
    if hips is None or leg is None or len(ankles) < 2:
        return None
    margin = LEG_ABOVE_FLOOR * leg
    floor = max(y for _, y in ankles)
    stands = floor > hips[1] + margin
    return sum(y < hips[1] - margin or (stands and y < floor - margin) for _, y in ankles)


def _angle(one: tuple[float, float], other: tuple[float, float]) -> float:
    """The angle between two directions, 0 to 180 degrees."""
    cross, dot = one[0] * other[1] - one[1] * other[0], one[0] * other[0] + one[1] * other[1]
    return degrees(atan2(abs(cross), dot))


def _leg_length(keypoints: Keypoints) -> float | None:
    """The longer leg, hip to knee to ankle, in picture heights: the other one may point at the camera."""
    lengths = []
    for side in SIDES:
        hip, knee, ankle = (keypoints.joint(f"{side} {name}") for name in ("hip", "knee", "ankle"))
        if hip and knee and ankle:
            lengths.append(hypot(hip[0] - knee[0], hip[1] - knee[1]) + hypot(knee[0] - ankle[0], knee[1] - ankle[1]))
    return max(lengths) if lengths else None


def _known(values: Sequence[T | None]) -> list[T]:
    """The values that are not None, or none at all if they are the minority."""
    known = [value for value in values if value is not None]
    return known if 2 * len(known) >= len(values) else []


def _most(values: Sequence[Any]) -> Any:
    """The most frequent value, the one in the middle of the row if there are several; None for none."""
    if not values:
        return None
    counts = [values.count(value) for value in values]
    candidates = [position for position, count in enumerate(counts) if count == max(counts)]
    return values[min(candidates, key=lambda position: abs(2 * position + 1 - len(values)))]


def _median(values: Sequence[int]) -> int | None:
    return median_low(values) if values else None
