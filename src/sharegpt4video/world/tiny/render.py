"""Draw a tiny scene: one thing before upright stripes that slide when the camera pans."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..render import Floats, Pixels, coverage, frame_count
from ..scenes import COLOURS
from .scenes import SIDE, TinyScene

TONE, CONTRAST = 0.30, 0.14
STRIPES = 3  # periods across the picture; a pan moves them by one in the length of the video
PAN = {"still": 0.0, "pan left": 1.0, "pan right": -1.0}
"""By how many periods the stripes slide to the right: a camera that looks right sees them go left."""


def render(
    scene: TinyScene, width: int = 24, height: int = 24, fps: float = 8.0, seconds: float = 2.0
) -> Iterator[Pixels]:
    """Yield the pictures of a video, (height, width, 3) uint8 RGB. Raises SettingsError if there would be none."""
    count = frame_count(fps, seconds)
    for number in range(count):
        yield picture(scene, number / count, width, height)


def picture(scene: TinyScene, time: float, width: int = 24, height: int = 24) -> Pixels:
    """The picture at one time (0..1)."""
    columns = (np.arange(width, dtype=np.float32) + np.float32(0.5)) / np.float32(width)
    turns = columns * STRIPES - np.float32(scene.stripes + PAN[scene.camera] * time)
    shade: Floats = (TONE + CONTRAST * np.sin(2 * np.pi * turns)).astype(np.float32)
    canvas = np.repeat(np.repeat(shade[None, :, None], height, axis=0), 3, axis=2)
    x, y = scene.at(time)
    side = SIDE * min(width, height)
    across = np.arange(width, dtype=np.float32) + np.float32(0.5 - x * width)
    down = np.arange(height, dtype=np.float32) + np.float32(0.5 - y * height)
    share = coverage(scene.shape, across, down, side / 2)[:, :, None]
    colour = scene.colour if time < 0.5 else scene.later_colour
    canvas += share * (np.asarray(COLOURS[colour], np.float32) - canvas)
    pixels: Pixels = (canvas * np.float32(255) + np.float32(0.5)).astype(np.uint8)
    return pixels
