"""Textured scenes made by construction, for tests that need a picture with something to see in it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]


def texture(seed: int, width: int = 640, height: int = 360, tint: tuple[int, int, int] = (128, 128, 128)) -> Picture:
    """Smooth coloured noise around ``tint``: corners to follow, and nothing that a detector knows."""
    random = np.random.default_rng(seed)
    noise = np.zeros((height, width, 3), np.float32)
    for cell, strength in ((48, 50.0), (16, 30.0), (6, 15.0)):
        small = random.normal(0, strength, (height // cell + 2, width // cell + 2, 3)).astype(np.float32)
        noise += cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(noise + np.array(tint, np.float32), 0, 255).astype(np.uint8)


def panned(scene: Picture, shift_pixels: float, width: int, height: int) -> Picture:
    """The part of a wide scene that begins ``shift_pixels`` from its left."""
    move = np.array([[1, 0, -shift_pixels], [0, 1, 0]], np.float32)
    return np.asarray(cv2.warpAffine(scene, move, (width, height), borderMode=cv2.BORDER_REFLECT), np.uint8)
