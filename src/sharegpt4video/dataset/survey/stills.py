"""What single pictures of a video show about it: how much is black, frozen, blurred, or covered by bars.

Every meter is pushed pictures in time order, keeps numbers and at most two pictures, and answers at the end.
"""

from __future__ import annotations

import math
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from ...facts.colour import SHARPNESS_WIDTH_PIXELS
from ...video.picture import DecodedFrame, fitted_size

Grey = NDArray[np.uint8]
Picture = NDArray[np.uint8]
Edges = tuple[float, float, float, float]
AnyScalar = TypeVar("AnyScalar", bound=np.generic)

MOST_SIDE_PIXELS = 720

BLACK_LUMA, BLACK_PICTURE_SHARE = 26, 0.98
"""A picture is black when this share of it is darker than a tenth of white (the defaults of FFmpeg's blackdetect)."""

CELL_PIXELS = 8
LOCAL_CHANGE, TIMES_MEAN, OVERALL_CHANGE = 6.0, 4.0, 4.5
"""Grey levels: a cell that changes by so much, and so many times more than the mean cell, has motion in it; a picture
that changes by so much on average moves as a whole. Still pictures, H.264 at CRF 35: a cell up to 8.1, but at most 3.6
times the mean, which is up to 3.8; people moving before a static camera: cells of 33 and more, 11 times the mean."""
JUMP, CALM, CALM_SECONDS = 12.0, 4.0, 0.5
"""A mean change of thumbnails (grey levels), after so little change for so long: one picture replaced by another."""
HOLD_SECONDS = 2.0
"""One picture shown for longer than this is frozen while it lasts."""

BAR_LUMA, BAR_SPREAD = 28, 6.0
"""Grey levels: how bright a bar may be, and how far its rows may be from its outermost ones."""
BAR_DARK_TIME, BAR_ROW_SHARE, TEXT_ROW_SHARE = 0.85, 0.9, 0.3
"""In a bar so much of each row is dark so much of the time; of rows with subtitles between such rows, so much."""
EDGE_DARK_TIME, EDGE_SHARE = 0.6, 0.5
"""Behind a bar so much of the next rows is not dark for longer than this: the picture begins, along a straight line."""
EDGE_ROWS = 3
LEAST_BAR_SHARE = 0.01
FOUR_EDGES_SHARE = 0.6
"""Of bars on four sides, each edge has to be lit along so much of it: what stands in the light on a dark stage has no
four straight edges."""
LIT_TIME, LIT_SHARE, LEAST_CONTENT = 0.05, 0.1, 0.2
"""Content begins at the first row in which so much of the pixels is not dark for so much of the time; content that is
smaller than this share of a side is a dark picture."""


def picture_of(frame: DecodedFrame) -> Picture:
    """A frame as it is surveyed: RGB, 320 pixels wide, or less where it would be over 720 pixels tall."""
    width = SHARPNESS_WIDTH_PIXELS
    side = min(MOST_SIDE_PIXELS, round(max(frame.width, frame.height) * width / frame.width))
    if frame.width >= 2 * width:
        return frame.frame(side).pixels
    # Scaling by less than half differs too much between FFmpeg and OpenCV, by which sharpness is defined.
    whole = frame.frame().pixels
    height, wide = whole.shape[:2]
    if wide <= width or max(height, wide) <= side:
        return whole
    size = fitted_size(wide, height, side)
    return np.asarray(cv2.resize(whole, size, interpolation=cv2.INTER_AREA), np.uint8)


def grey_of(rgb: Picture) -> Grey:
    """An RGB picture as grey levels."""
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)


def grey_of_frame(frame: DecodedFrame) -> Grey:
    """A frame as it is surveyed, as grey levels."""
    return grey_of(picture_of(frame))


def sharpness(grey: Grey) -> float:
    """The variance of the Laplacian at 320 pixels width, as in ``records.Look``."""
    width = SHARPNESS_WIDTH_PIXELS
    if grey.shape[1] != width:
        size = (width, max(1, round(grey.shape[0] * width / grey.shape[1])))
        grey = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)
    return float(cv2.Laplacian(grey, cv2.CV_32F).var())


def is_black(thumbnail: Grey) -> bool:
    """Whether there is next to nothing to see in a grey picture."""
    return int(np.count_nonzero(thumbnail < BLACK_LUMA)) >= BLACK_PICTURE_SHARE * thumbnail.size


def is_changed(before: Grey, after: Grey) -> bool:
    """Whether something happened between two pictures of one size that noise and compression do not explain."""
    rows, columns = (max(1, length // CELL_PIXELS) for length in before.shape)
    cells = cv2.resize(cv2.absdiff(before, after).astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA)
    most, mean = float(cells.max()), float(cells.mean())
    return mean > OVERALL_CHANGE or most > max(LOCAL_CHANGE, TIMES_MEAN * mean)


class FreezeMeter:
    """How much of the time nothing changes.

    Pictures half a second or so apart are compared. Where one still picture is replaced by another, as in a slide show,
    the two sides of that moment are looked at separately, so that it takes no time.
    """

    def __init__(self) -> None:
        self._anchor: tuple[float, Grey] | None = None
        self._last: DecodedFrame | None = None
        self._thumbnail: Grey | None = None
        self._restless = float("-inf")  # when thumbnails last changed
        self._still = True  # whether nothing changed between the last two pictures compared
        self._frozen = 0.0

    def push(self, frame: DecodedFrame, thumbnail: Grey, sample: Grey | None) -> None:
        """Take the next frame with its thumbnail, and its grey picture when it is to be compared."""
        before, last = self._thumbnail, self._last
        change = 0.0 if before is None else cv2.norm(before, thumbnail, cv2.NORM_L1) / thumbnail.size
        calm = last is not None and last.seconds > self._restless and frame.seconds - self._restless >= CALM_SECONDS
        replaced = calm and change > JUMP
        if last is not None and (replaced or last.duration_seconds > HOLD_SECONDS):
            self._compare(last.seconds, grey_of_frame(last))
            self._hold(last)
            self._anchor = (frame.seconds, grey_of_frame(frame) if sample is None else sample)
        elif sample is not None:
            self._compare(frame.seconds, sample)
        if last is None or change > CALM:
            self._restless = frame.seconds
        self._last, self._thumbnail = frame, thumbnail

    def finish(self) -> float:
        """Seconds in which nothing changed, to the end of the last frame."""
        last, self._last = self._last, None
        if last is not None:
            self._compare(last.seconds, grey_of_frame(last))
            self._hold(last)
        return self._frozen

    def _compare(self, seconds: float, grey: Grey) -> None:
        if self._anchor is not None and seconds > self._anchor[0]:
            self._still = not is_changed(self._anchor[1], grey)
            self._frozen += seconds - self._anchor[0] if self._still else 0.0
        self._anchor = (seconds, grey)

    def _hold(self, last: DecodedFrame) -> None:
        """Count the time for which the last frame before another picture, or before the end, is shown."""
        if self._still or last.duration_seconds > HOLD_SECONDS:
            self._frozen += last.duration_seconds


class BarMeter:
    """How much of the picture lies under black bars that stay: letterbox, pillarbox, or both.

    A row belongs to a bar when it is dark nearly all of the time, at one level; between such rows may be subtitles.
    The inner edge has to be straight and to stay: right behind it the picture is not dark, as a rule, over a good
    part of its length. That tells bars from dark scenes, from night skies and from a stage in the dark.
    """

    def __init__(self) -> None:
        self._count = 0
        self._dark: NDArray[np.float32] | None = None
        self._sum: NDArray[np.float32] | None = None

    def push(self, grey: Grey) -> None:
        """Take the next surveyed picture; black ones tell nothing and need not be given."""
        dark = grey <= BAR_LUMA
        if self._dark is None or self._sum is None or self._dark.shape != grey.shape:
            self._dark, self._sum = np.zeros(grey.shape, np.float32), np.zeros(grey.shape, np.float32)
            self._count = 0
        self._dark += dark
        self._sum += np.where(dark, grey, 0)
        self._count += 1

    def share(self) -> float | None:
        """Of the picture, 0 to 1; None when there was no picture that could tell."""
        if self._dark is None or self._sum is None or self._count == 0:
            return None
        often = self._dark / np.float32(self._count)
        level = self._sum / np.maximum(self._dark, np.float32(1))
        height, width = often.shape
        top, bottom = _bars(often, level)
        left, right = _bars(often[top : height - bottom].T, level[top : height - bottom].T)
        covered = 1.0 - (height - top - bottom) * (width - left - right) / (height * width)
        return float(covered or _covered_on_four_sides(often, self.content()))

    def content(self) -> Edges:
        """Where anything is ever lit, as edges left, top, right, bottom in shares of the picture.

        A copy with bars has the same content as its original, dark scenes included, so the two can be compared by it;
        what is cut off of a dark scene is not always a bar, so ``share`` is stricter.
        """
        if self._dark is None or self._count == 0:
            return 0.0, 0.0, 1.0, 1.0
        lit = self._dark / np.float32(self._count) < 1 - LIT_TIME
        height, width = lit.shape
        left, right = 0, width
        for _ in range(2):  # the rows of a narrow picture between wide bars are found once its columns are
            top, bottom = _reach(lit[:, left:right].mean(axis=1))
            left, right = _reach(lit[top:bottom].mean(axis=0))
        if bottom - top < LEAST_CONTENT * height or right - left < LEAST_CONTENT * width:
            return 0.0, 0.0, 1.0, 1.0
        return left / width, top / height, right / width, bottom / height


def inside(picture: NDArray[AnyScalar], edges: Edges) -> NDArray[AnyScalar]:
    """The part of a picture between edges (left, top, right, bottom, in shares); at least one pixel."""
    height, width = picture.shape[:2]
    left, top = min(math.ceil(edges[0] * width), width - 1), min(math.ceil(edges[1] * height), height - 1)
    right, bottom = max(math.floor(edges[2] * width), left + 1), max(math.floor(edges[3] * height), top + 1)
    return np.ascontiguousarray(picture[top:bottom, left:right])


def _reach(share: NDArray[np.float32]) -> tuple[int, int]:
    """The first row with content and the one after the last; all rows if none has."""
    rows = np.flatnonzero(share > LIT_SHARE)
    return (int(rows[0]), int(rows[-1]) + 1) if len(rows) else (0, len(share))


def _covered_on_four_sides(often: NDArray[np.float32], content: Edges) -> float:
    """The share of the picture under bars round all of it, which no whole row or column crosses; 0.0 without such."""
    left, top, right, bottom = content
    if min(left, top, 1 - right, 1 - bottom) < LEAST_BAR_SHARE:
        return 0.0
    lit = inside(often, content) < EDGE_DARK_TIME
    for turns in range(4):
        if np.rot90(lit, turns)[:EDGE_ROWS].any(axis=0).mean() < FOUR_EDGES_SHARE:
            return 0.0
    return 1.0 - (right - left) * (bottom - top)


def _bars(often: NDArray[np.float32], level: NDArray[np.float32]) -> tuple[int, int]:
    """How many rows from the top and from the bottom are bars."""
    rows = len(often)
    top, bottom = _bar(often, level), _bar(often[::-1], level[::-1])
    return (top, bottom) if top + bottom < rows else (0, 0)


def _bar(often: NDArray[np.float32], level: NDArray[np.float32]) -> int:
    """How many of the first rows are a bar; pixels are dark so ``often`` (share of the time), and then at ``level``."""
    dark = often >= BAR_DARK_TIME
    base = float(np.median(level[:2][dark[:2]])) if dark[:2].any() else 0.0
    black = dark & (np.abs(level - base) <= BAR_SPREAD)
    share = black.mean(axis=1)
    within = share >= TEXT_ROW_SHARE
    reach = len(within) if within.all() else int(np.argmin(within))
    if reach == len(within):
        return 0
    whole = np.append(share >= BAR_ROW_SHARE, False)
    for depth in range(reach, 0, -1):
        if whole[depth - 1] and not whole[depth] and depth >= LEAST_BAR_SHARE * len(within):
            lit = (often[depth : depth + EDGE_ROWS] < EDGE_DARK_TIME).any(axis=0)
            if lit.mean() >= EDGE_SHARE:
                return depth
    return 0
