"""Whether anything moves that the camera does not explain, however slowly: pictures further apart, compared.

Two measures look for it, because each is blind where the other sees. Corners that go their own way together show slow
motion of what has detail; places whose structure changed show what bends, opens, or comes and goes. Both are blind to
light: a corner stays where it is, and structure is measured against its own surroundings.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .camera import CameraStep, Grey, Matches, Points, Prepared, fit, match, tolerance
from .flow import DenseFlow

Mask = NDArray[np.bool_]
Structure = NDArray[np.float32]

SIDE_PIXELS = 160  # of the pictures whose structure is compared
SURROUNDINGS_PIXELS = 15
LEAST_CONTRAST = 10.0  # grey levels: what structure is measured against where its surroundings have less
LEAST_CHANGE = 0.2  # of the contrast of its surroundings
NOISES = 6.0  # times the noise of the whole picture
MOST_NOISE = 0.1  # above which so much is needed to stand out that nothing would
LEAST_PIXELS_OFF = 0.4  # what a picture may be off without anything having moved
LOWER_QUARTER = 0.3186  # of the absolute value of what is normal with deviation 1
LEAST_AREA = 0.001  # share of the picture: a head in the distance
MOST_AREA = 0.5  # more change than this is most likely the camera's
EDGE_PIXELS = 2
CLOSED_PIXELS = 7  # holes of this size in what changed belong to it
LEAST_CORNERS = 3  # that go the same way together
LEAST_PATH_PIXELS = 1.5
PATCH = (11, 11)  # pixels round a corner
LEAST_UNLIKE = 0.02  # one less the correlation of two patches
ALIKE = 0.35  # of its length: by how much the ways of two corners may differ
NEIGHBOURS = 0.15  # picture widths between two corners of one thing


@dataclass(frozen=True)
class Moved:
    """What moved between two pictures: share of the picture, centre (fractions), and how far (widths)."""

    area: float
    centre: tuple[float, float]
    widths: float


@dataclass(frozen=True)
class Compared:
    """Two pictures, compared: the camera's step between them, and what else moved, if anything.

    ``step`` is None where it is not known: too little could be followed, and the picture is not the same without it.
    """

    step: CameraStep | None
    moved: Moved | None


def compare(before: Prepared, after: Prepared, flow: DenseFlow) -> Compared:
    """What moved from one picture to another of the same size, once the camera's step is taken out."""
    matches = match(before, after)
    step = None if matches is None else fit(matches, before.size)
    first, second, valid = aligned(before, after, step or CameraStep())
    change = structure_changes(first, second, valid, max(before.gain, after.gain))
    if change.noise > MOST_NOISE or change.mask.mean() > MOST_AREA:
        return Compared(None, None)
    own = None if matches is None or step is None else own_way(before, after, matches, step)
    if own is None and change.mask.any():
        own = whereabouts(change.mask, flow(first, second))
    return Compared(step or CameraStep(), own)


def own_way(before: Prepared, after: Prepared, matches: Matches, step: CameraStep) -> Moved | None:
    """The largest group of neighbouring corners that go the same way, and not the camera's."""
    width, height = before.size
    expected = step.scale_turn * matches.before + step.shift
    off = np.abs(matches.after - expected)
    out = np.nonzero(off > np.maximum(LEAST_PATH_PIXELS, 1.5 * tolerance(matches.before, expected)))[0]
    if len(out) < LEAST_CORNERS:
        return None
    centre = complex((width - 1) / 2, (height - 1) / 2)
    out = out[[explained(before, after, *(matches.before[i], expected[i], matches.after[i]), centre) for i in out]]
    spots, ways = matches.after[out], (matches.after - expected)[out]
    group = largest_group(spots, ways, NEIGHBOURS * max(width, height)) if len(out) else out
    if len(group) < LEAST_CORNERS:
        return None
    middle = spots[group].mean()
    return Moved(
        len(group) / len(off),
        (float(middle.real / width + 0.5), float(middle.imag / height + 0.5)),
        float(np.median(np.abs(ways[group])) / width),
    )


def explained(before: Prepared, after: Prepared, was: complex, stays: complex, goes: complex, centre: complex) -> bool:
    """Whether a spot looks more like where it is said to have gone than like where it would be with the camera alone.

    Light that changes pulls a corner away, and neither place looks like it then.
    """
    patch, still, moved = (
        cv2.getRectSubPix(picture.grey, PATCH, ((spot + centre).real, (spot + centre).imag))
        for picture, spot in ((before, was), (after, stays), (after, goes))
    )
    unlike = [1 - float(cv2.matchTemplate(patch, other, cv2.TM_CCOEFF_NORMED)[0, 0]) for other in (still, moved)]
    return unlike[0] > LEAST_UNLIKE and unlike[1] < unlike[0] / 2


def largest_group(spots: Points, ways: Points, reach_pixels: float) -> NDArray[np.int64]:
    """The indices of the most spots that lie within reach of one of them and go nearly its way."""
    near = np.abs(spots[:, None] - spots) <= reach_pixels
    alike = np.abs(ways[:, None] - ways) <= 1.0 + ALIKE * np.abs(ways)[:, None]
    fellows = near & alike
    return np.nonzero(fellows[int(fellows.sum(axis=1).argmax())])[0]


@dataclass(frozen=True, eq=False)
class Changes:
    """Where the structure of a picture changed, and the noise there is everywhere in that measure."""

    mask: Mask
    noise: float


def structure_changes(first: Grey, second: Grey, valid: Mask, gain: float) -> Changes:
    """Where two small grey pictures, whose contrast has been raised by ``gain``, differ in structure.

    By more, that is, than noise and a small misfit would make them differ.
    """
    one, other = structure(first, gain), structure(second, gain)
    change = np.abs(cv2.blur(one - other, (3, 3)))
    noise = float(np.quantile(change[valid], 0.25)) / LOWER_QUARTER if valid.any() else 0.0
    limit = np.maximum(LEAST_CHANGE, NOISES * noise) + LEAST_PIXELS_OFF * np.maximum(slope(one), slope(other))
    mask = cv2.morphologyEx(((change > limit) & valid).astype(np.uint8), cv2.MORPH_OPEN, np.ones((2, 2), np.uint8))
    mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((CLOSED_PIXELS,) * 2, np.uint8))
    return Changes(np.asarray(mask > 0), noise)


def whereabouts(change: Mask, field: NDArray[np.float32]) -> Moved | None:
    """What changed, as far as it hangs together, and how far it went by the flow; None where that is too little."""
    height, width = change.shape
    _, _, stats, centres = cv2.connectedComponentsWithStats(change.astype(np.uint8), connectivity=8)
    areas = stats[1:, cv2.CC_STAT_AREA] / change.size
    if not len(areas) or areas.max() < LEAST_AREA:
        return None
    x, y = centres[int(areas.argmax()) + 1]
    paths = np.hypot(field[..., 0], field[..., 1])[change]
    centre = (float(x + 0.5) / width, float(y + 0.5) / height)
    return Moved(float(areas[areas >= LEAST_AREA].sum()), centre, float(paths.mean()) / width)


def aligned(before: Prepared, after: Prepared, step: CameraStep) -> tuple[Grey, Grey, Mask]:
    """Both pictures at a small size, the first as the camera's step moves it, and where both show something."""
    width, height = before.size
    shrink = SIDE_PIXELS / max(width, height)
    small = (max(16, round(width * shrink)), max(16, round(height * shrink)))
    matrix = step.matrix(width, height)
    left, top, active_width, active_height = before.active
    inside = np.zeros((height, width), np.uint8)
    inside[top : top + active_height, left : left + active_width] = 255
    inside &= cv2.warpAffine(inside, matrix, (width, height))
    both = cv2.resize(inside, small) == 255
    valid = cv2.erode(both.astype(np.uint8), np.ones((2 * EDGE_PIXELS + 1,) * 2, np.uint8), borderValue=0) > 0
    first = cv2.resize(cv2.warpAffine(before.grey, matrix, (width, height)), small, interpolation=cv2.INTER_AREA)
    second = cv2.resize(after.grey, small, interpolation=cv2.INTER_AREA)
    return np.where(both, first, second), second, valid  # what only one shows must not change its surroundings


def structure(grey: Grey, gain: float) -> Structure:
    """The picture without its light: each pixel against the mean and the contrast of its surroundings."""
    picture, window = grey.astype(np.float32), (SURROUNDINGS_PIXELS,) * 2
    detail = picture - cv2.blur(picture, window)
    contrast = np.sqrt(np.maximum(cv2.blur(detail * detail, window), 0.0))  # a running sum can end below zero
    return np.asarray(detail / (contrast + LEAST_CONTRAST * gain), np.float32)


def slope(picture: Structure) -> Structure:
    """By how much a pixel changes when the picture is off by a pixel, at most, next to it."""
    x, y = (cv2.Sobel(picture, cv2.CV_32F, dx, 1 - dx, ksize=3, scale=0.125) for dx in (1, 0))
    return np.asarray(cv2.dilate(np.hypot(x, y), np.ones((3, 3), np.uint8)))
