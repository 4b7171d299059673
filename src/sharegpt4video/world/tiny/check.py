"""Read the seven facts of a tiny clip back from its pixels, and say whether it is one of this world at all."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..check import Comparison
from ..render import Floats, Pixels, coverage
from ..scenes import COLOURS, DIRECTIONS
from ..words import place_words
from .render import CONTRAST, STRIPES
from .scenes import FACTS, GRID, SHAPES, SIDE, WAY, Fact, TinyScene

SLACK = 1 / GRID  # a start may be off by so much
_REACH = 2  # pixels around the middle of what is seen in which the thing's centre is looked for
_LIKE = 0.7  # intersection over union with a shape, from which on it is one
_PALETTE = np.array(list(COLOURS.values()), np.float32)


@dataclass(frozen=True)
class TinyReading:
    """What was read. ``places`` are all that the start may be called within ``SLACK``; "" is a fact not to be told.

    ``ok``: in every picture one thing of about the right size and form, and the stripes; ``overlap`` is how well its
    best shape fits (0..1, mean).
    """

    shape: str = ""
    colour: str = ""
    places: tuple[str, ...] = ()
    first: str = ""
    turn: str = "?"
    second: str = ""
    camera: str = ""
    ok: bool = False
    overlap: float = 0.0

    def has(self, scene: TinyScene, fact: Fact) -> bool:
        """Whether a fact is as the scene has it."""
        return scene.place in self.places if fact == "place" else getattr(self, fact) == scene.fact(fact)


def check(pictures: Sequence[Pixels]) -> TinyReading:
    """Read a clip: pictures (height, width, 3) uint8 RGB of one size, at least four. Raises ValueError for others."""
    clip = np.stack([np.asarray(picture) for picture in pictures]) if len(pictures) else np.zeros((0,), np.uint8)
    if clip.ndim != 4 or clip.shape[-1] != 3 or clip.dtype != np.uint8 or len(clip) < 4:
        raise ValueError("a tiny clip to check is at least four pictures (height, width, 3) uint8")
    seen: Floats = clip.astype(np.float32) / np.float32(255)
    masks, alone = _things(seen)
    turning, striped = _stripes(seen, masks)
    camera = "still" if abs(turning) < 0.5 else "pan left" if turning > 0 else "pan right"
    if not all(mask.any() for mask in masks):
        return TinyReading(camera=camera)
    fits = [_fits(mask) for mask in masks]
    overlap = float(np.mean([fit.max() for fit, _ in fits]))
    best = int(np.sum([fit.max(axis=1) for fit, _ in fits], axis=0).argmax())
    height, width = masks.shape[1:]
    centres = np.array([spots[fit[best].argmax()] for fit, spots in fits]) / (width, height)
    (start, first), (_, second) = (_move(half) for half in np.array_split(centres, 2))
    colours = [_colour(picture[mask]) for picture, mask in zip(seen, masks, strict=True)]
    half = (len(colours) + 1) // 2
    before, after = (Counter(part).most_common(1)[0][0] for part in (colours[:half], colours[half:]))
    around = [(start[0] + across, start[1] + down) for across in (-SLACK, 0, SLACK) for down in (-SLACK, 0, SLACK)]
    return TinyReading(
        SHAPES[best], before, tuple(sorted({place_words(*spot) for spot in around})), first,
        "" if after == before else after, second, camera, alone and striped and overlap >= _LIKE, overlap,
    )  # fmt: skip


def compare(reading: TinyReading, scene: TinyScene) -> Comparison:
    """Which facts of a scene a reading has right."""
    hits: dict[str, tuple[bool, ...]] = {fact: (reading.has(scene, fact),) for fact in FACTS}
    read = {fact: " or ".join(reading.places) if fact == "place" else getattr(reading, fact) for fact in FACTS}
    wrong = tuple(f"{fact}: {read[fact]}, not {scene.fact(fact)}" for fact in FACTS if not hits[fact][0])
    return Comparison(hits, wrong if reading.ok else (*wrong, "not one whole thing before stripes all along"))


def _things(seen: Floats) -> tuple[NDArray[np.bool_], bool]:
    """For each picture the largest coloured spot; whether it is alone and of about the right size in all of them."""
    coloured = (seen.max(axis=-1) - seen.min(axis=-1)) > 0.4
    side = SIDE * min(seen.shape[1:3])
    least, most, stray = 0.25 * side**2, 1.1 * side**2, 0.1 * side**2
    masks, alone = np.zeros(coloured.shape, bool), True
    for number, spots in enumerate(coloured):
        count, labels, stats, _ = cv2.connectedComponentsWithStats(spots.astype(np.uint8), connectivity=8)
        if count > 1:
            largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
            masks[number] = labels == largest
        area = int(masks[number].sum())
        alone = alone and least <= area <= most and int(spots.sum()) - area <= stray
    return masks, alone


def _fits(mask: NDArray[np.bool_]) -> tuple[Floats, NDArray[np.float64]]:
    """Overlap of a spot with each shape (rows) at each place near its middle (columns), and these places in pixels."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    middle_x, middle_y = (columns[0] + columns[-1]) // 2, (rows[0] + rows[-1]) // 2
    bank, reach, shifts = _shapes(min(mask.shape))
    padded = np.pad(mask, reach)
    part = padded[middle_y : middle_y + 2 * reach + 1, middle_x : middle_x + 2 * reach + 1].ravel().astype(np.float32)
    both = bank @ part
    union = bank.sum(axis=-1) + mask.sum() - both
    return both / union, np.array([middle_x + 0.5, middle_y + 0.5]) + shifts


@lru_cache(maxsize=8)
def _shapes(shorter: int) -> tuple[Floats, int, Any]:
    """(shape, place, pixels) of all shapes at all places, how far they reach from the middle, and the places."""
    side = SIDE * shorter
    reach = math.ceil(side / 2) + _REACH + 1
    pixels = np.arange(-reach, reach + 1, dtype=np.float32)
    steps = np.arange(-_REACH, _REACH + 0.25, 0.5)
    shifts = np.array([(across, down) for down in steps for across in steps])
    moved = [(pixels - np.float32(across), pixels - np.float32(down)) for across, down in shifts]
    bank = [[coverage(shape, x, y, side / 2) > 0.5 for x, y in moved] for shape in SHAPES]
    return np.array(bank, np.float32).reshape(len(SHAPES), len(shifts), -1), reach, shifts


def _move(centres: NDArray[np.float64]) -> tuple[NDArray[np.float64], str]:
    """Where half a video begins and which way it goes, from a straight line through its centres."""
    times = np.arange(len(centres)) / len(centres)
    slope, start = np.polyfit(times, centres, 1)
    across, down = (float(way) for way in slope)
    far, near = max(abs(across), abs(down)), min(abs(across), abs(down))
    if far < WAY / 2 or near > far / 2:
        return start, ""
    return start, max(DIRECTIONS, key=lambda name: DIRECTIONS[name][0] * across + DIRECTIONS[name][1] * down)


def _colour(pixels: Floats) -> str:
    mean = np.median(pixels, axis=0)
    return list(COLOURS)[int(np.abs(_PALETTE - mean).sum(axis=1).argmin())]


def _stripes(seen: Floats, masks: NDArray[np.bool_]) -> tuple[float, bool]:
    """How many periods the stripes slide to the right in the length of the video, and whether they are stripes."""
    light = seen.mean(axis=-1)
    height, width = light.shape[1:]
    wave = np.exp(2j * np.pi * STRIPES * (np.arange(width) + 0.5) / width)
    free = ~_wider(masks)
    waves, like = [], True
    for picture, plain in zip(light, free, strict=True):
        design = np.stack([np.ones_like(picture), np.broadcast_to(wave.real, picture.shape),
                           np.broadcast_to(wave.imag, picture.shape)], axis=-1)[plain]  # fmt: skip
        if len(design) < height * width / 4:
            return 0.0, False
        solved, *_ = np.linalg.lstsq(design, picture[plain], rcond=None)
        waves.append(complex(solved[1], solved[2]))
        rest = float(np.abs(picture[plain] - design @ solved).mean())
        like = like and 0.5 * CONTRAST < abs(waves[-1]) < 1.5 * CONTRAST and rest < 0.75 * CONTRAST
    steps = np.angle([after * before.conjugate() for before, after in pairwise(waves)])
    return float(np.mean(steps)) * len(seen) / (2 * np.pi), like


def _wider(masks: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """With a pixel more all around."""
    kernel = np.ones((3, 3), np.uint8)
    return np.stack([cv2.dilate(mask.astype(np.uint8), kernel) > 0 for mask in masks])
