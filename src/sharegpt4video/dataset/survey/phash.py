"""A 64-bit perceptual hash of a picture: the signs of its coarsest waves, without black bars."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

WORK_SIDE, GRID, WAVES = 128, 32, 8
BAR_LUMA = 20
"""A row or column is part of a black bar when no pixel of it is brighter than this (0..255)."""
MAX_BAR_SHARE = 0.4
"""Bars that are wider than this share of the side, on each side, are a dark picture and no bars."""
MIN_CONTRAST = 4.0
"""A picture whose luma (0..255) has a smaller standard deviation is flat."""
MIN_WAVE = 1.0
"""Waves that are weaker than this may be rounding (natural pictures: 20 to 500)."""


def perceptual_hash(rgb: Picture) -> str:
    """The hash of an RGB picture, uint8 (height, width, 3), as 16 hex digits; "" for a picture with too little in it.

    Pictures that look alike have hashes that differ in few bits, whatever their size, coding and brightness. Flat
    pictures (black, white, the end of a fade) and plain gradients get no hash, so that they never make two videos
    alike. Black bars do not count. After the DCT hash of C. Zauner, "Implementation and Benchmarking of Perceptual
    Image Hash Functions" (2010); unlike there, the average brightness has no bit and a bit is the sign of its wave, so
    that a mirrored picture flips just the 32 bits of the odd horizontal waves.

    Raises ValueError for any other array.
    """
    import cv2

    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or not rgb.size:
        raise ValueError(f"a picture is uint8 (height, width, 3), not {rgb.dtype} {rgb.shape}")
    small = cv2.resize(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), (WORK_SIDE, WORK_SIDE), interpolation=cv2.INTER_AREA)
    luma = _without_bars(np.asarray(small, np.float32))
    grid = np.asarray(cv2.resize(luma, (GRID, GRID), interpolation=cv2.INTER_AREA), np.float32)
    waves = (_cosines()[: WAVES + 1] @ grid @ _cosines()[:WAVES].T).ravel()[1 : WAVES * WAVES + 1]
    if float(grid.std()) < MIN_CONTRAST or 2 * int((np.abs(waves) > MIN_WAVE).sum()) < len(waves):
        return ""
    return np.packbits(waves > 0).tobytes().hex()


@cache
def _cosines() -> NDArray[np.float32]:
    """The orthonormal DCT-II of ``GRID`` points."""
    points = (np.arange(GRID) + 0.5) * np.pi / GRID
    rows: NDArray[np.float64] = np.cos(np.arange(GRID)[:, None] * points[None, :]) * np.sqrt(2 / GRID)
    rows[0] /= np.sqrt(2)
    return np.asarray(rows, np.float32)


def _without_bars(luma: NDArray[np.float32]) -> NDArray[np.float32]:
    top, bottom = _inside(luma.max(axis=1))
    left, right = _inside(luma.max(axis=0))
    return np.ascontiguousarray(luma[top:bottom, left:right])


def _inside(brightest: NDArray[np.float32]) -> tuple[int, int]:
    """Where the picture begins and ends between two bars of about the same width; everything, if they are not that."""
    length = len(brightest)
    bright = np.flatnonzero(brightest > BAR_LUMA)
    if not len(bright):
        return 0, length
    before, after = int(bright[0]), length - 1 - int(bright[-1])
    are_bars = abs(before - after) <= 2 and max(before, after) <= MAX_BAR_SHARE * length
    return (before, length - after) if are_bars else (0, length)
