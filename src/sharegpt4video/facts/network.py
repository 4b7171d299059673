"""Runs the networks that look at single pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..networks import THREADS as THREADS
from ..networks import WEIGHTS as WEIGHTS
from ..networks import session

DETECTOR = "nanodet-g-416.onnx"
POSE = "movenet-lightning-192.onnx"
PALM = "palm-192.onnx"
FACE = "blazeface-192.onnx"


def run(file_name: str, threads: int, outputs: Sequence[str], pixels: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
    """The named outputs for ``pixels`` of shape (pictures, height, width, 3) uint8 RGB.

    Safe to call from several threads. Detector and encoder share one session, so the weights are in memory once.
    """
    found: list[NDArray[np.float32]] = session(file_name, threads).run(list(outputs), {"pixels": pixels})
    return found


def try_out(file_name: str) -> None:
    """Run a network once. Raises what ONNX Runtime does, ValueError if no finite numbers come out."""
    black = np.zeros((1, 192, 192, 3), np.uint8)
    for output in session(file_name, 1).run(None, {"pixels": black}):
        if not output.size or not np.isfinite(output).all():
            raise ValueError(f"{file_name} yields no finite numbers")
