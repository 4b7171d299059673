"""From pixels to paths: where each colour is in each picture, and which of them are one thing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .render import Floats, Pixels, coverage
from .scenes import COLOURS, SHAPES, SIZES, Shape

Mask = NDArray[np.bool_]

AREAS: dict[Shape, float] = {
    "square": 0.81,
    "disc": 0.785,
    "triangle": 0.5,
    "cross": 0.5644,
    "ring": 0.573,
    "diamond": 0.5,
}
"""The part of its bounding square that a shape fills (the square is drawn a little smaller than that)."""
_SIDE = 128  # pixels; larger pictures are reduced, since nothing is gained by more
_NAMES = tuple(COLOURS)
_LINK = 0.06  # of the picture: how far a thing may seem to jump when it changes its colour


@dataclass(frozen=True)
class Clip:
    """A video ready to be measured: ``pictures`` (time, height, width, 3) in 0..1, and the noise found in them."""

    pictures: Floats
    noise: float

    @property
    def shorter(self) -> int:
        return int(min(self.pictures.shape[1:3]))

    def __len__(self) -> int:
        return len(self.pictures)


@dataclass
class Track:
    """One thing over time; arrays have one entry for each picture.

    ``colour`` is the index of its colour (-1: not seen), ``x`` and ``y`` its centroid in pixels, ``area`` in pixels.
    """

    colour: NDArray[np.int64]
    x: Floats
    y: Floats
    area: Floats

    @property
    def seen(self) -> Mask:
        return self.colour >= 0

    @property
    def colours(self) -> tuple[str, ...]:
        found = [int(index) for index in self.colour if index >= 0]
        return tuple(_NAMES[index] for at, index in enumerate(found) if at == 0 or index != found[at - 1])


def clip_of(frames: Sequence[Pixels]) -> Clip:
    """Reduce large pictures, measure the noise, and average it away where pixels allow."""
    pictures = np.stack([reduced(frame) for frame in frames]).astype(np.float32) / np.float32(255)
    noise = _noise(pictures)
    if noise > 0.02 and min(pictures.shape[1:3]) >= 48:
        pictures = _averaged(pictures)
    return Clip(pictures, noise)


def reduced(frame: Pixels) -> Pixels:
    """A large picture at the size at which it is measured, others as they are."""
    height, width = frame.shape[:2]
    factor = min(height, width) / _SIDE
    if factor <= 1.25:
        return frame
    size = round(width / factor), round(height / factor)
    return np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.BOX))


def _noise(pictures: Floats) -> float:
    """The deviation of a pixel's noise, from the second differences of one channel against another."""
    chroma = pictures[..., 0] - pictures[..., 1]
    bend = chroma[:, :, 2:] - 2 * chroma[:, :, 1:-1] + chroma[:, :, :-2]
    return float(np.median(np.abs(bend)) / 0.6745 / np.sqrt(12))


def _averaged(pictures: Floats) -> Floats:
    """Means over 3 x 3 pixels."""
    for axis in (1, 2):
        pad = [(1, 1) if at == axis else (0, 0) for at in range(4)]
        wide = np.pad(pictures, pad, mode="edge")
        length = pictures.shape[axis]
        parts = [np.take(wide, range(start, start + length), axis=axis) for start in range(3)]
        pictures = (parts[0] + parts[1] + parts[2]) / np.float32(3)
    return pictures


def shares(clip: Clip) -> tuple[NDArray[np.int64], Floats]:
    """For each pixel the colour it is most like, and how much of it there is (0..1).

    Grey has no part in any colour, so over a grey background the share is the share of the pixel that is covered.
    In a noisy clip a share counts only where the neighbours say so too.
    """
    nearest, share = _shares(clip.pictures)
    if clip.noise > 0.02:
        around, support = _shares(_averaged(clip.pictures))
        nearest = np.where(support > 0, around, nearest)
        share = np.where((support > 0) & (share > 0), share, 0)
    return nearest, share


def _shares(pictures: Floats) -> tuple[NDArray[np.int64], Floats]:
    tints = np.array([COLOURS[name] for name in _NAMES], np.float32)
    tints -= tints.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(tints, axis=1).astype(np.float32)
    chroma = pictures - pictures.mean(axis=-1, keepdims=True)
    units = tints / lengths[:, None]
    # Written out: as a product of matrices it would start threads, which fight when many clips are read at once.
    along = np.stack([sum(chroma[..., at] * unit[at] for at in range(3)) for unit in units], axis=-1)
    nearest = along.argmax(axis=-1)
    share = np.take_along_axis(along, nearest[..., None], axis=-1)[..., 0] / lengths[nearest]
    return nearest, np.clip((share - np.float32(0.25)) * 2, 0, 1).astype(np.float32)


def tracks(clip: Clip, nearest: NDArray[np.int64], share: Floats) -> list[Track]:
    """All things, each followed through its changes of colour."""
    least = 0.25 * min(AREAS.values()) * (SIZES["small"] * clip.shorter) ** 2
    found = []
    for index in range(len(_NAMES)):
        own = np.where(nearest == index, share, 0)
        track = _track(own, index, least, SIZES["large"] * clip.shorter)
        if track.seen.sum() >= max(1, len(clip) // 16):
            found.append(track)
    return _linked(found, _LINK * clip.shorter)


def _track(own: Floats, index: int, least: float, reach: float) -> Track:
    count, height, width = own.shape
    columns, rows = np.arange(width, dtype=np.float32) + 0.5, np.arange(height, dtype=np.float32) + 0.5
    track = Track(np.full(count, -1), *(np.full(count, np.nan, np.float32) for _ in range(3)))
    for at in range(count):
        part = own[at]
        for _ in range(2):  # once more without the specks that lie too far off to belong to it
            area = float(part.sum())
            if area < least:
                break
            x, y = float(part.sum(axis=0) @ columns) / area, float(part.sum(axis=1) @ rows) / area
            track.colour[at], track.x[at], track.y[at], track.area[at] = index, x, y, area
            part = part * (np.abs(columns - x) < reach)[None, :] * (np.abs(rows - y) < reach)[:, None]
        else:
            continue
        track.colour[at] = -1
    return track


def _linked(found: list[Track], reach: float) -> list[Track]:
    """Where one colour ends and another begins at the same place in the next picture, they are one thing."""
    left = sorted(found, key=lambda track: int(np.argmax(track.seen)))
    whole: list[Track] = []
    for track in left:
        start = int(np.argmax(track.seen))
        for before in whole:
            end = int(np.flatnonzero(before.seen)[-1])
            near = np.hypot(before.x[end] - track.x[start], before.y[end] - track.y[start]) < reach
            if end + 1 == start and near:
                for ours, more in (
                    (before.colour, track.colour),
                    (before.x, track.x),
                    (before.y, track.y),
                    (before.area, track.area),
                ):
                    ours[start:] = more[start:]
                break
        else:
            whole.append(track)
    return whole


def shape_of(track: Track, share: Floats, nearest: NDArray[np.int64]) -> tuple[Shape, float]:
    """The shape that fits best, by drawing each one over the pixels; and by how much it beats the next (0..1)."""
    area = np.where(track.seen, track.area, 0)
    whole = np.flatnonzero(area > 0.9 * np.median(area[track.seen]))
    chosen = whole[np.linspace(0, len(whole) - 1, min(8, len(whole))).round().astype(int)]
    errors = {
        shape: float(np.mean([_misfit(shape, track, share, nearest, int(at)) for at in chosen])) for shape in SHAPES
    }
    best, second = sorted(errors, key=lambda shape: errors[shape])[:2]
    return best, 1 - errors[best] / max(errors[second], 1e-9)


def _misfit(shape: Shape, track: Track, share: Floats, nearest: NDArray[np.int64], at: int) -> float:
    half = float(np.sqrt(track.area[at] / AREAS[shape])) / 2
    own = np.where(nearest[at] == track.colour[at], share[at], 0)
    x, y = float(track.x[at]), float(track.y[at]) - (half / 3 if shape == "triangle" else 0)
    columns = np.arange(own.shape[1], dtype=np.float32) + np.float32(0.5 - x)
    rows = np.arange(own.shape[0], dtype=np.float32) + np.float32(0.5 - y)
    near = (np.abs(rows) < 1.5 * half + 1)[:, None] & (np.abs(columns) < 1.5 * half + 1)[None, :]
    drawn = np.clip((coverage(shape, columns, rows, half) - np.float32(0.25)) * 2, 0, 1)
    return float(((drawn - own)[near] ** 2).sum() / track.area[at])
