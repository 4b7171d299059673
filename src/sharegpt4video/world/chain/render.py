"""Render a chain: one thing in front of a fixed background of grey patches."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..render import Floats, Pixels, coverage, frame_count
from ..scenes import COLOURS
from .scenes import EVENT, PERIOD_SECONDS, PLACES, SIZES, ChainScene, State

SIDE_PIXELS = 46
"""Of a picture by default: three times three places of about 15 pixels."""
FPS = 8.0
"""By default. What goes faster from one picture to the next would look like a cut."""
DARKEST, LIGHTEST = 0.2, 0.6  # of the background
_PATCHES = 5  # along each side


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
    """Patches of grey, one fading into the next: before a plain ground, an event would look like a cut."""
    patches = np.random.default_rng(scene.seed).uniform(DARKEST, LIGHTEST, (_PATCHES, _PATCHES)).astype(np.float32)
    rows, columns = (np.linspace(0, _PATCHES - 1, side, dtype=np.float32) for side in (height, width))
    grid = np.arange(_PATCHES, dtype=np.float32)
    down, across = (np.clip(1 - np.abs(at[:, None] - grid), 0, 1) for at in (rows, columns))
    shade = (down[:, :, None] * patches).sum(axis=1) @ across.T
    return np.repeat(shade.astype(np.float32)[:, :, None], 3, axis=2)


def _painted(backdrop: Floats, before: State, after: State, done: float) -> Pixels:
    """Everything changes evenly, colours too: what changes at once would look like a cut."""
    canvas, share = backdrop.copy(), np.float32(done)
    height, width = canvas.shape[:2]
    side = (SIZES[before.size] + (SIZES[after.size] - SIZES[before.size]) * share) * min(width, height)
    x = (before.column + (after.column - before.column) * share + 0.5) / PLACES * width
    y = (before.row + (after.row - before.row) * share + 0.5) / PLACES * height
    across = np.arange(width, dtype=np.float32) + np.float32(0.5 - x)
    down = np.arange(height, dtype=np.float32) + np.float32(0.5 - y)
    cover = coverage(before.shape, across, down, float(side) / 2)[:, :, None]
    first, second = (np.asarray(COLOURS[state.colour], np.float32) for state in (before, after))
    canvas += cover * (first + (second - first) * share - canvas)
    pixels: Pixels = (canvas * np.float32(255) + np.float32(0.5)).astype(np.uint8)
    return pixels
