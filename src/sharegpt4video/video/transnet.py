"""TransNet V2 (Souček and Lokoč, 2020, arXiv 2008.04838): where one shot ends, told by a network from tiny pictures."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ..networks import session

FILE = "transnetv2.onnx"
WIDTH, HEIGHT = 48, 27
_BINS = 512  # of the colour histograms: three bits for each of red, green and blue

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]


def reduced(thumbnail: Pixels) -> Pixels:
    """A picture (RGB, any size) as the network takes it; its proportions are not kept, as in upstream's training."""
    return np.asarray(cv2.resize(thumbnail, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA), np.uint8)


def probabilities(frames: Pixels) -> Floats:
    """How likely each of the frames (n, 27, 48, 3) is the last one of its shot or the middle of a slow transition.

    That is the first row; the second tells how likely it is any frame of a transition.
    """
    given = {"pixels": frames, "histograms": _histograms(frames)}
    return np.asarray(session(FILE).run(["probability"], given)[0], np.float32)


def try_out() -> None:
    """Run the network once. Raises what ONNX Runtime does, ValueError if no finite numbers come out."""
    if not np.isfinite(probabilities(np.zeros((4, HEIGHT, WIDTH, 3), np.uint8))).all():
        raise ValueError(f"{FILE} yields no finite numbers")


def _histograms(frames: Pixels) -> Floats:
    """The colour histogram of each frame, as a unit vector."""
    red, green, blue = np.moveaxis(frames.astype(np.int64) >> 5, -1, 0)
    bins = ((red << 6) + (green << 3) + blue).reshape(len(frames), -1)
    bins += np.arange(len(frames))[:, None] * _BINS
    counts = np.bincount(bins.ravel(), minlength=len(frames) * _BINS).reshape(len(frames), _BINS)
    unit: Floats = (counts / np.linalg.norm(counts, axis=1, keepdims=True)).astype(np.float32)
    return unit
