"""Finds objects with a detector of the user's own: an ONNX file of the DETR family, as its project exports it.

Two forms are known, by the names and shapes of the outputs:

- ``labels``, ``boxes``, ``scores`` (D-FINE, RT-DETR: their ``export_onnx.py``), with a second input for the size;
- boxes (1, queries, 4) as centre and size in fractions, and logits (1, queries, classes) (RF-DETR's ``dets`` and
  ``labels``, ``pred_boxes`` and ``logits`` of Hugging Face exports).
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import SettingsError
from ..foreign import well_formed
from ..given import read_json
from ..networks import THREADS, session
from ..records import Box
from .detect import LABELS, Detection, flipped

DECODED = frozenset(("labels", "boxes", "scores"))
SIDE_PIXELS = 640  # of a network that takes any size
UNUSED_COCO_IDS = frozenset((0, 12, 26, 29, 30, 45, 66, 68, 69, 71, 83))
IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
PLAIN = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
ADVICE = "docs/how-it-works.md tells what a detector's file must be like"


@dataclass(frozen=True)
class _Beside:
    """What the file ``NAME.json`` beside ``NAME.onnx`` tells, or what is usual where there is none."""

    labels: tuple[str, ...]
    """By class number; "" for a number without a class."""
    mean: tuple[float, ...]
    std: tuple[float, ...]


class OnnxDetector:
    """Finds objects in RGB pictures with the network in a file, as ``ObjectDetector`` does with its own.

    Raises SettingsError if the file cannot be loaded or is of neither known form, or has no labels.
    """

    def __init__(self, path: Path, *, min_score: float, max_detections: int = 30, threads: int = THREADS) -> None:
        self.path, self.min_score, self.max_detections = path.resolve(), min_score, max_detections
        self._session = _loaded(self.path, threads)
        inputs = self._session.get_inputs()
        pictures = [one for one in inputs if len(one.shape) == 4]
        self._outputs = [one.name for one in self._session.get_outputs()]
        if len(pictures) != 1 or pictures[0].type not in ("tensor(float)", "tensor(float16)"):
            raise self._wrong(f"one input for pictures, float, is needed; it has {[one.name for one in inputs]}")
        (self._picture,) = pictures
        self._size_input = next((one.name for one in inputs if one is not self._picture), None)
        self._height, self._width = (
            length if isinstance(length, int) else SIDE_PIXELS for length in self._picture.shape[2:]
        )
        self._decoded = set(self._outputs) >= DECODED
        self._beside = self._read_beside()

    def __call__(self, rgb: NDArray[np.uint8], *, mirrored: bool = False) -> list[Detection]:
        """The objects in ``rgb`` (height, width, 3) uint8, best first; see ``ObjectDetector``."""
        shrinks = cv2.INTER_AREA if rgb.shape[1] > self._width else cv2.INTER_LINEAR
        small = cv2.resize(rgb, (self._width, self._height), interpolation=shrinks)
        scaled = (small[:, ::-1] if mirrored else small).astype(np.float32) / 255
        scaled = (scaled - np.array(self._beside.mean, np.float32)) / np.array(self._beside.std, np.float32)
        kind = np.float16 if self._picture.type == "tensor(float16)" else np.float32
        given = {self._picture.name: np.ascontiguousarray(scaled.transpose(2, 0, 1)[None].astype(kind))}
        if self._size_input:
            given[self._size_input] = np.ones((1, 2), np.int64)  # boxes come in parts of this
        found = dict(zip(self._outputs, self._session.run(self._outputs, given), strict=True))
        boxes, scores, kinds = self._read_decoded(found) if self._decoded else self._read_queries(found)
        objects = [
            Detection(self._beside.labels[kind], float(score), Box(*map(float, np.clip(box, 0.0, 1.0))))
            for box, score, kind in zip(boxes, scores, kinds, strict=True)
            if score >= self.min_score and kind < len(self._beside.labels) and self._beside.labels[kind]
        ]
        best = sorted(objects, key=lambda one: -one.score)[: self.max_detections]
        return [replace(one, box=flipped(one.box)) for one in best] if mirrored else best

    def _read_decoded(self, found: dict[str, Any]) -> tuple[Any, Any, Any]:
        boxes = np.asarray(found["boxes"], np.float32)[0]
        if not self._size_input:
            boxes = boxes / np.array([self._width, self._height] * 2, np.float32)
        return boxes, np.asarray(found["scores"], np.float32)[0], np.asarray(found["labels"])[0].astype(int)

    def _read_queries(self, found: dict[str, Any]) -> tuple[Any, Any, Any]:
        middle, logits = (np.asarray(found[name], np.float32)[0] for name in self._queries())
        scores = 1 / (1 + np.exp(-logits))
        half = middle[:, 2:] / 2
        kinds = scores.argmax(axis=1)
        return np.hstack([middle[:, :2] - half, middle[:, :2] + half]), scores.max(axis=1), kinds

    def _queries(self) -> tuple[str, str]:
        """The names of the outputs with boxes and with logits."""
        shapes = {one.name: one.shape for one in self._session.get_outputs() if len(one.shape) == 3}
        boxes = [name for name in shapes if name in ("dets", "pred_boxes")]
        boxes = boxes or [name for name, shape in shapes.items() if shape[-1] == 4]
        logits = [name for name in shapes if name not in boxes]
        if len(boxes) != 1 or len(logits) != 1:
            raise self._wrong(f"its outputs {self._outputs} are neither labels, boxes and scores nor boxes and logits")
        return boxes[0], logits[0]

    def _read_beside(self) -> _Beside:
        name = None if self._decoded else self._queries()[1]
        counts = [one.shape[-1] for one in self._session.get_outputs() if one.name == name]
        classes = next((count for count in counts if isinstance(count, int)), None)
        mean, std = IMAGENET if "dets" in self._outputs else PLAIN
        path = self.path.with_suffix(".json")
        told: dict[str, Any] = {}
        if path.exists():
            try:
                told = dict(read_json(path))
            except (OSError, ValueError, TypeError) as wrong:
                raise self._wrong(f"{path.name} beside it cannot be read: {wrong}") from wrong
        labels = tuple(well_formed(str(label or "")) for label in told.get("labels") or _usual_labels(classes))
        if not any(labels) or (classes is not None and len(labels) > classes):
            raise self._wrong(
                f'{classes or "its"} classes have no labels; list them as {{"labels": [...]}} in {path.name}'
            )
        scale = [tuple(map(float, told.get(key, usual))) for key, usual in (("mean", mean), ("std", std))]
        if any(len(one) != 3 for one in scale) or not all(scale[1]):
            raise self._wrong(f"mean and std in {path.name} are three numbers each, for red, green and blue")
        return _Beside(labels, *scale)

    def _wrong(self, what: str) -> SettingsError:
        return SettingsError(f"facts.detector: {self.path}: {what}; {ADVICE}")


@functools.cache
def _loaded(path: Path, threads: int) -> Any:
    if not path.is_file():
        raise SettingsError(f"facts.detector: {path}: there is no such file; {ADVICE}")
    try:
        return session(str(path), threads)
    except Exception as wrong:  # ONNX Runtime has an exception of its own for each fault
        raise SettingsError(f"facts.detector: {path}: ONNX Runtime cannot load it: {wrong}; {ADVICE}") from wrong


def _usual_labels(classes: int | None) -> Sequence[str]:
    """COCO's 80 labels, or the same by COCO's own numbers up to 90, by how many classes there are."""
    if classes in (None, len(LABELS)):
        return LABELS
    names = iter(LABELS)
    numbers = len(LABELS) + len(UNUSED_COCO_IDS)
    return [] if classes != numbers else ["" if n in UNUSED_COCO_IDS else next(names) for n in range(numbers)]
