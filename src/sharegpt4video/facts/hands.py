"""Tells hands from people: the detector knows only people, and calls an arm that reaches into the picture one.

Palms and faces are found by MediaPipe's detectors (https://github.com/google-ai-edge/mediapipe). Their keypoints and
the faces' boxes are not used.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot

import cv2
import numpy as np
from numpy.typing import NDArray

from ..records import Box
from . import network
from .pose import SEEN, Keypoints, square

HAND, HANDS = "hand", "hands"
"""The labels of an arm with its hand, and of two of them in one box."""

NETWORK_PIXELS = 192
CROP_MARGIN = 1.1  # the crop's side over the box's longer side
GRIDS = ((24, 2), (12, 6))  # cells along a side, and anchors in each; all anchors of a cell lie in its middle
PALM, SECOND_PALM, FACE = 0.8, 0.5, 0.6  # least scores
# A palm's width over the longer side of the box: of an arm that reaches in it is .2 to .5 on real video, of people
# whose head the picture cuts off .08 to .18.
LEAST_SIZE = 0.2
LEAST_PALMS = 2  # sights
MOST_FACES = 1
AT_EDGE = 0.02  # of the picture
SURE_BODY = 0.3  # mean joint score: that of hands is lower, or no pose is found at all
HEAD_JOINTS = slice(0, 5)  # nose, eyes, ears


@dataclass(frozen=True)
class CloseLook:
    """What one look at a person's box found: how many palms, and whether there is a face."""

    palms: int = 0
    face: bool = False


class HandFinder:
    """Looks for palms and faces in people's boxes; the networks are loaded at the first box that may be a hand."""

    def __init__(self, *, threads: int = network.THREADS) -> None:
        self.threads = threads

    def __call__(self, rgb: NDArray[np.uint8], box: Box, keypoints: Keypoints | None) -> CloseLook:
        """What is in ``box``. The networks are asked only where an edge cuts it off and no head was seen."""
        if not cut_off(box) or has_head(keypoints):
            return CloseLook()
        height, width = rgb.shape[:2]
        side = round(max(box.width * width, box.height * height) * CROP_MARGIN)
        if side < 1:
            return CloseLook()
        left, top = round(box.centre[0] * width - side / 2), round(box.centre[1] * height - side / 2)
        shrinks = cv2.INTER_AREA if side > NETWORK_PIXELS else cv2.INTER_LINEAR
        crop = cv2.resize(square(rgb, left, top, side), (NETWORK_PIXELS, NETWORK_PIXELS), interpolation=shrinks)[None]
        palms = find_palms(*(output[0] for output in network.run(network.PALM, self.threads, OUTPUTS, crop)))
        if not palms:
            return CloseLook()
        (logits,) = network.run(network.FACE, self.threads, OUTPUTS[1:], crop)
        return CloseLook(palms, bool(_score(logits).max() >= FACE))


OUTPUTS = ("regress", "logit")


def cut_off(box: Box) -> bool:
    """Whether it reaches an edge of the picture."""
    return min(box.left, box.top, 1 - box.right, 1 - box.bottom) <= AT_EDGE


def has_head(keypoints: Keypoints | None) -> bool:
    """Whether most joints of a head were seen, on a body that is surely one: hands are given dim joints, too."""
    if keypoints is None or keypoints.confidence < SURE_BODY:
        return False
    return int((keypoints.points[HEAD_JOINTS, 2] >= SEEN).sum()) >= 3


def find_palms(regress: NDArray[np.float32], logits: NDArray[np.float32]) -> int:
    """How many palms (0, 1 or 2) the network's outputs (anchors, 18) and (anchors, 1) hold for one crop.

    The first must be sure, and so large that no body comes with it; a second one beside it need be less sure.
    """
    scores = _score(logits[:, 0])
    best = int(scores.argmax())
    if scores[best] < PALM or regress[best, 2] / NETWORK_PIXELS * CROP_MARGIN < LEAST_SIZE:
        return 0
    near = np.flatnonzero(scores >= SECOND_PALM)
    centres, sizes = _anchors()[near] + regress[near, :2] / NETWORK_PIXELS, regress[near, 2] / NETWORK_PIXELS
    first = int(np.flatnonzero(near == best)[0])
    away = (
        hypot(*(centre - centres[first])) > max(size, sizes[first]) for centre, size in zip(centres, sizes, strict=True)
    )
    return 1 + any(away)


@dataclass
class CloseLooks:
    """The looks at one track, counted."""

    total: int = 0
    with_palms: int = 0
    with_pairs: int = 0
    with_faces: int = 0

    def add(self, look: CloseLook) -> None:
        self.total += 1
        self.with_palms += look.palms > 0
        self.with_pairs += look.palms > 1
        self.with_faces += look.face

    @property
    def has_faces(self) -> bool:
        """Whether a face was found more often than by mistake."""
        return self.with_faces > MOST_FACES

    def label(self, label: str) -> str:
        """A person's label after these looks: "hand" or "hands" if half of them found palms and hardly any a face."""
        palms = self.with_palms
        if label != "person" or palms < LEAST_PALMS or 2 * palms < self.total or self.has_faces:
            return label
        return HANDS if 2 * self.with_pairs >= palms else HAND


def _score(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -60, 60))), np.float64)


def _anchors() -> NDArray[np.float32]:
    """The middle of each anchor's cell, x and y in fractions of the crop."""
    rows = [
        ((column + 0.5) / cells, (row + 0.5) / cells)
        for cells, count in GRIDS
        for row in range(cells)
        for column in range(cells)
        for _ in range(count)
    ]
    return np.array(rows, np.float32)
