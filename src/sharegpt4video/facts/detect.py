"""Finds the objects of 80 everyday kinds in one picture (NanoDet-g, https://github.com/RangiLyu/nanodet)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from ..records import Box
from . import network

# The 80 kinds of COCO, in the order of the network's outputs.
# fmt: off
LABELS = (
    "person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat", "traffic light",
    "fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog", "horse", "sheep", "cow", "elephant",
    "bear", "zebra", "giraffe", "backpack", "umbrella", "handbag", "tie", "suitcase", "frisbee", "skis", "snowboard",
    "sports ball", "kite", "baseball bat", "baseball glove", "skateboard", "surfboard", "tennis racket", "bottle",
    "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple", "sandwich", "orange", "broccoli",
    "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch", "potted plant", "bed", "dining table", "toilet",
    "tv", "laptop", "mouse", "remote", "keyboard", "cell phone", "microwave", "oven", "toaster", "sink",
    "refrigerator", "book", "clock", "vase", "scissors", "teddy bear", "hair drier", "toothbrush",
)
# fmt: on

STRIDES = (8, 16, 32)
DISTANCES = 11  # the network gives each side's distance as a distribution over 0..10 strides


@dataclass(frozen=True)
class Detection:
    """One object seen in one picture; ``score`` is the network's own (0..1)."""

    label: str
    score: float
    box: Box


class ObjectDetector:
    """Finds objects in RGB pictures of any size; the network is loaded at the first call.

    ``min_score`` is low on purpose: ``facts/tracks.py`` starts a track only on a better score and keeps it on these.
    The picture's proportions are kept, as in upstream's training, and its longer side becomes ``side_pixels``.
    """

    def __init__(
        self,
        *,
        threads: int = network.THREADS,
        min_score: float = 0.3,
        side_pixels: int = 416,
        same_label_overlap: float = 0.55,
        any_label_overlap: float = 0.8,
        max_detections: int = 30,
    ) -> None:
        self.threads = threads
        self.min_score = min_score
        self.side_pixels = side_pixels
        self.same_label_overlap = same_label_overlap
        self.any_label_overlap = any_label_overlap
        self.max_detections = max_detections

    def __call__(self, rgb: NDArray[np.uint8], *, mirrored: bool = False) -> list[Detection]:
        """The objects in ``rgb`` (height, width, 3) uint8, best first.

        With ``mirrored`` the network sees the picture the other way round; boxes are those of the picture as given.
        Whoever asks both ways in turn finds out mistakes: what is there is there in a mirror, too.
        """
        height, width = network_size(rgb.shape[0], rgb.shape[1], self.side_pixels)
        shrinks = rgb.shape[1] > width
        small = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
        pixels = np.ascontiguousarray(small[:, ::-1]) if mirrored else small
        heads = network.run(network.DETECTOR, self.threads, [f"head{stride}" for stride in STRIDES], pixels[None])
        found = self.read_heads([head[0] for head in heads])
        return [replace(one, box=flipped(one.box)) for one in found] if mirrored else found

    def read_heads(self, heads: Sequence[NDArray[np.float32]]) -> list[Detection]:
        """The objects in the three heads (124, rows, columns) of one picture, finest first; best first."""
        height, width = (length * STRIDES[0] for length in heads[0].shape[1:])
        boxes, scores, kinds = self._candidates(heads)
        boxes = np.clip(boxes / np.array([width, height, width, height], np.float32), 0.0, 1.0)
        kept = self._without_duplicates(boxes, scores, kinds)
        return [Detection(LABELS[kinds[i]], float(scores[i]), Box(*map(float, boxes[i]))) for i in kept]

    def _candidates(
        self, heads: Sequence[NDArray[np.float32]]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
        """Boxes (n, 4) in network pixels, scores (n,) and label numbers (n,) over ``min_score``, best first."""
        least = np.log(self.min_score / (1 - self.min_score))
        parts = [_decode(head, stride, least) for head, stride in zip(heads, STRIDES, strict=True)]
        boxes, logits, kinds = (np.concatenate(column) for column in zip(*parts, strict=True))
        order = np.argsort(-logits, kind="stable")
        return boxes[order], 1 / (1 + np.exp(-logits[order])), kinds[order]

    def _without_duplicates(
        self, boxes: NDArray[np.float32], scores: NDArray[np.float32], kinds: NDArray[np.int64]
    ) -> list[int]:
        """Indices of the boxes that no better box covers."""
        overlap = overlaps(boxes, boxes)
        limit = np.where(kinds[:, None] == kinds[None, :], self.same_label_overlap, self.any_label_overlap)
        covers = overlap > limit
        kept: list[int] = []
        alive = np.ones(len(scores), bool)
        while alive.any() and len(kept) < self.max_detections:
            best = int(np.argmax(alive))  # the first that is left: they are sorted by score
            kept.append(best)
            alive &= ~covers[best]
            alive[best] = False
        return kept


def network_size(height: int, width: int, side_pixels: int) -> tuple[int, int]:
    """The nearest size with about these proportions that the network's three halvings by 32 divide."""
    scale = side_pixels / max(height, width)
    rows, columns = (max(32, round(length * scale / 32) * 32) for length in (height, width))
    return rows, columns


def overlaps(boxes: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """Intersection over union of each box (n, 4) with each other (m, 4), as left, top, right, bottom: (n, m)."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=2)
    areas, other_areas = (np.prod(np.clip(b[:, 2:] - b[:, :2], 0, None), axis=1) for b in (boxes, others))
    union = areas[:, None] + other_areas[None, :] - shared
    result: NDArray[np.float32] = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return result


def flipped(box: Box) -> Box:
    """The box in the mirrored picture."""
    return Box(1 - box.right, box.top, 1 - box.left, box.bottom)


def _decode(
    head: NDArray[np.float32], stride: int, least: float
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
    """Boxes, best logits and label numbers of one head (124, rows, columns), where the best logit is over ``least``.

    Each cell holds 80 class logits and, for the left, top, right and bottom side, 11 logits of its distance from the
    cell's centre in strides (generalised focal loss, https://arxiv.org/abs/2006.04388).
    """
    kinds_total, columns = len(LABELS), head.shape[2]
    flat = head.reshape(head.shape[0], -1)
    best = flat[:kinds_total].max(axis=0)
    cells = np.flatnonzero(best > least)
    kinds = flat[:kinds_total, cells].argmax(axis=0)
    sides = flat[kinds_total:, cells].reshape(4, DISTANCES, -1)
    weights = np.exp(sides - sides.max(axis=1, keepdims=True))
    distances = (weights * np.arange(DISTANCES, dtype=np.float32)[:, None]).sum(axis=1) / weights.sum(axis=1) * stride
    x = (cells % columns + 0.5) * stride
    y = (cells // columns + 0.5) * stride
    boxes = np.stack([x - distances[0], y - distances[1], x + distances[2], y + distances[3]], axis=1)
    return boxes.astype(np.float32), best[cells], kinds
