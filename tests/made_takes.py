"""Takes whose truth is known, made by moving a window over a procedural scene."""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np

from sharegpt4video.facts.motion import MotionMeter

WIDTH, HEIGHT = 320, 180
EVERY = MotionMeter.every_seconds
Picture = np.ndarray
View = tuple[float, float, float, float]  # centre x and y in pixels from the scene's middle, zoom, clockwise degrees


def textured(seed: int, side: int = 900) -> Picture:
    """Blotches of all sizes in colour, as in nature."""
    random = np.random.default_rng(seed)
    layers = [
        cv2.resize(
            random.standard_normal((side // size + 2,) * 2 + (3,)) * size**0.6,
            (side, side),
            interpolation=cv2.INTER_CUBIC,
        )
        for size in (3, 8, 24, 80)
    ]
    total = np.sum(layers, axis=0)
    return np.clip(118 + 42 * total / total.std(), 0, 255).astype(np.uint8)


def seen(scene: Picture, view: View) -> Picture:
    x, y, zoom, turn = view
    matrix = cv2.getRotationMatrix2D((scene.shape[1] / 2 + x, scene.shape[0] / 2 + y), turn, zoom)
    matrix[:, 2] += (WIDTH / 2 - scene.shape[1] / 2 - x, HEIGHT / 2 - scene.shape[0] / 2 - y)
    return cv2.warpAffine(scene, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)


def paste(picture: Picture, thing: Picture, x: float, y: float, width: int, height: int) -> Picture:
    """Put a piece of another texture at a whole pixel."""
    result, left, top = picture.copy(), round(x), round(y)
    rows, columns = slice(max(top, 0), min(top + height, HEIGHT)), slice(max(left, 0), min(left + width, WIDTH))
    result[rows, columns] = thing[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    return result


def measured(take: Callable[[float], Picture], seconds: float = 2.0, *, noise: float = 4.0) -> MotionMeter:
    random, meter = np.random.default_rng(5), MotionMeter()
    for number in range(round(seconds / EVERY) + 1):
        picture = take(number * EVERY) + random.standard_normal((HEIGHT, WIDTH, 3)) * noise
        meter.push(number * EVERY, np.clip(picture, 0, 255).astype(np.uint8))
    return meter


def view_of(move: str, speed: float, seconds: float) -> View:
    """``speed`` is in per cent of the picture per second, degrees per second for a roll."""
    kind, _, way = move.partition(" ")
    gone = speed * (seconds - 1.0) * (1 if way in ("right", "down", "in", "clockwise") else -1)
    return {
        "pan": (gone / 100 * WIDTH, 0.0, 1.0, 0.0),
        "tilt": (0.0, gone / 100 * HEIGHT, 1.0, 0.0),
        "zoom": (0.0, 0.0, math.exp(gone / 100), 0.0),
        "roll": (0.0, 0.0, 1.0, gone),
    }[kind]


def depths(scene: Picture, thing: Picture, forward: float, sideways: float = 0.0) -> Picture:
    """A far wall and things at several depths before it, seen by a pinhole camera that has gone so far.

    The wall is 4 away, the nearest thing 1.2; the picture's width is 1 at distance 1.
    """
    picture = (
        seen(scene, (0, 0, 4 / (4 - forward), 0)) if not sideways else seen(scene, (sideways * WIDTH / 4, 0, 1, 0))
    )
    random = np.random.default_rng(6)
    for place in range(13):
        depth = 3.4 - 0.17 * place
        x, y = random.uniform(-1.6, 1.6), random.uniform(-0.9, 0.9)
        size = 0.9 * WIDTH / (depth - forward)
        left = WIDTH / 2 + WIDTH * (x - sideways) / (depth - forward) - size / 2
        top = HEIGHT / 2 + WIDTH * y / (depth - forward) - size / 2
        piece = np.ascontiguousarray(thing[50 * place : 50 * place + 160, 300:460])
        matrix = np.array([[size / 160, 0, left], [0, size / 160, top]])
        cover = cv2.warpAffine(np.ones((160, 160), np.uint8), matrix, (WIDTH, HEIGHT))
        picture = np.where(cover[..., None] > 0, cv2.warpAffine(piece, matrix, (WIDTH, HEIGHT)), picture)
    return picture
