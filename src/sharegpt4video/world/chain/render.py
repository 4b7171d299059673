"""Draw a chain: one thing on a grey background that stays as it is."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..render import Floats, Pixels, coverage, frame_count
from ..scenes import COLOURS
from .scenes import EVENT, PERIOD_SECONDS, PLACES, SIZES, ChainScene, State

SIDE_PIXELS = 46
"""Of a picture by default: three times three places of about 15 pixels."""
FPS = 4.0
"""By default: twice in the course of each event, and where it begins and ends."""
DARKEST, LIGHTEST = 0.2, 0.55  # of the background
_CONTRAST = 0.03


def render(
    scene: ChainScene, width: int = SIDE_PIXELS, height: int = SIDE_PIXELS, fps: float = FPS
) -> Iterator[Pixels]:
    """Yield the pictures of a video, (height, width, 3) uint8 RGB; picture k shows the time k / fps.

    Raises SettingsError if there would be none, or far too many.
    """
    states, backdrop = scene.states, _backdrop(scene, width, height)
    for number in range(frame_count(fps, scene.seconds)):
        yield _painted(backdrop, *_between(states, number / fps))


def picture(scene: ChainScene, seconds: float, width: int = SIDE_PIXELS, height: int = SIDE_PIXELS) -> Pixels:
    """The picture at one time."""
    return _painted(_backdrop(scene, width, height), *_between(scene.states, seconds))


def _between(states: tuple[State, ...], seconds: float) -> tuple[State, State, float]:
    """The states before and after the event of this time, and how much of it is done (0..1)."""
    number, within = divmod(seconds, PERIOD_SECONDS)
    at = min(int(number), len(states) - 1)
    begin, end = EVENT
    done = min(max((within - begin) / (end - begin), 0.0), 1.0)
    return states[at], states[min(at + 1, len(states) - 1)], done


def _backdrop(scene: ChainScene, width: int, height: int) -> Floats:
    grain = np.random.default_rng(scene.seed).uniform(-_CONTRAST, _CONTRAST, (height, width))
    shade = DARKEST + (LIGHTEST - DARKEST) * scene.backdrop + grain
    return np.repeat(shade.astype(np.float32)[:, :, None], 3, axis=2)


def _painted(backdrop: Floats, before: State, after: State, done: float) -> Pixels:
    """A move and a change of size go on evenly; a colour changes when half the time is over."""
    canvas, share = backdrop.copy(), np.float32(done)
    height, width = canvas.shape[:2]
    side = (SIZES[before.size] + (SIZES[after.size] - SIZES[before.size]) * share) * min(width, height)
    x = (before.column + (after.column - before.column) * share + 0.5) / PLACES * width
    y = (before.row + (after.row - before.row) * share + 0.5) / PLACES * height
    across = np.arange(width, dtype=np.float32) + np.float32(0.5 - x)
    down = np.arange(height, dtype=np.float32) + np.float32(0.5 - y)
    cover = coverage(before.shape, across, down, float(side) / 2)[:, :, None]
    colour = before.colour if done < 0.5 else after.colour
    canvas += cover * (np.asarray(COLOURS[colour], np.float32) - canvas)
    pixels: Pixels = (canvas * np.float32(255) + np.float32(0.5)).astype(np.uint8)
    return pixels
