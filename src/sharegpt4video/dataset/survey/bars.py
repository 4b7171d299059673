"""Where the picture lies between black bars, and where anything is ever lit."""

from __future__ import annotations

import math
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from .stills import Grey

Mask = NDArray[np.bool_]
Edges = tuple[float, float, float, float]
"""Left, top, right, bottom, as shares of the width and height of the picture."""
AnyScalar = TypeVar("AnyScalar", bound=np.generic)

WHOLE: Edges = (0.0, 0.0, 1.0, 1.0)

BAR_LUMA, BAR_SPREAD = 28, 6.0
"""Grey levels: how bright a black bar may be, and how much its rows may differ from its outermost ones."""
BAR_TIME, BAR_ROW_SHARE, TEXT_ROW_SHARE = 0.85, 0.9, 0.3
"""A pixel belongs to a bar when it has the bar's colour for this share of the time, a row when this share of its pixels
does. Rows with text in them, which lie between such rows, need the last share only."""
EDGE_TIME, EDGE_SHARE = 0.6, 0.5
"""A pixel is part of the picture when it has the bar's colour for less than this share of the time. The inner edge of a
bar is straight: right behind it, this share of the row is part of the picture."""
EDGE_ROWS, BLURRED_EDGE_SHARE = 3, 0.5
"""Coding blurs the edge: the picture begins within this many rows, at the first one with this share of it lit."""
LEAST_BAR_SHARE = 0.01
FOUR_EDGES_SHARE = 0.6
"""With black bars on all four sides, each edge has to be lit along this share of it: somebody in the light on a dark
stage does not have four straight edges."""
LIT_TIME, LIT_SHARE, LEAST_CONTENT = 0.05, 0.1, 0.2
"""A pixel is lit when it is not dark for the first share of the time, and content begins at the first row with the
second share of its pixels lit. Content smaller than the third share of a side means that the picture is dark."""


def bar_rows(plain: Mask, lit: Mask, edge_share: float) -> int:
    """How many of the first rows are a bar.

    ``plain`` pixels have the colour of the bar nearly all of the time, ``lit`` ones have another colour for much of it.
    Rows with text in them may lie between the rows of a bar. Its inner edge has to be straight: right behind it at
    least ``edge_share`` of the columns of ``lit`` are lit. ``lit`` may leave out columns.
    """
    share = plain.mean(axis=1)
    within, whole = share >= TEXT_ROW_SHARE, share >= BAR_ROW_SHARE
    reach = len(share) - 1 if within.all() else int(np.argmin(within))
    for depth in range(reach, 0, -1):
        if whole[depth - 1] and not whole[depth] and depth >= LEAST_BAR_SHARE * len(share):
            edge = lit[depth : depth + EDGE_ROWS]
            if edge.size and edge.any(axis=0).mean() >= edge_share:
                return depth + int(np.argmax(edge.mean(axis=1) >= BLURRED_EDGE_SHARE))
    return 0


class BlackBars:
    """Black bars that stay in place: letterbox, pillarbox, or both.

    A row belongs to a bar when it is equally dark nearly all of the time; subtitles may lie between such rows. The
    inner edge has to be straight and to stay in place: right behind it, the picture is lit most of the time along much
    of the edge. That tells bars from dark scenes, night skies and dark stages.
    """

    def __init__(self) -> None:
        self._count = 0
        self._dark: NDArray[np.float32] | None = None
        self._sum: NDArray[np.float32] | None = None

    def push(self, grey: Grey) -> None:
        """Take the next surveyed picture. Black ones say nothing and can be left out."""
        dark = grey <= BAR_LUMA
        if self._dark is None or self._sum is None or self._dark.shape != grey.shape:
            self._dark, self._sum = np.zeros(grey.shape, np.float32), np.zeros(grey.shape, np.float32)
            self._count = 0
        self._dark += dark
        self._sum += np.where(dark, grey, 0)
        self._count += 1

    def edges(self, within: Edges = WHOLE) -> Edges | None:
        """Where the picture lies between the bars, within given edges; None if every picture was black."""
        if self._dark is None or self._sum is None or self._count == 0:
            return None
        dark = inside(self._dark, within)
        often = dark / np.float32(self._count)
        level = inside(self._sum, within) / np.maximum(dark, np.float32(1))
        height, width = often.shape
        top, bottom = _bars(often, level)
        left, right = _bars(often[top : height - bottom].T, level[top : height - bottom].T)
        edges = left / width, top / height, 1 - right / width, 1 - bottom / height
        content = _content(often)
        # Where bars are wide, the edges of a small picture are too short to be found row by row, or some of them are.
        return placed(content if _is_framed(often, content) else edges, within)

    def content(self, within: Edges = WHOLE) -> Edges:
        """Where anything is ever lit, within given edges.

        A copy with bars has the same content as its original, dark scenes included, so the two can be compared by it.
        What this cuts off a dark scene is not always a bar, so ``edges`` is stricter.
        """
        if self._dark is None or self._count == 0:
            return within
        return placed(_content(inside(self._dark, within) / np.float32(self._count)), within)


def inside(picture: NDArray[AnyScalar], edges: Edges) -> NDArray[AnyScalar]:
    """The part of a picture within edges; at least one pixel."""
    height, width = picture.shape[:2]
    left, top = min(math.ceil(edges[0] * width), width - 1), min(math.ceil(edges[1] * height), height - 1)
    right, bottom = max(math.floor(edges[2] * width), left + 1), max(math.floor(edges[3] * height), top + 1)
    return np.ascontiguousarray(picture[top:bottom, left:right])


def placed(edges: Edges, within: Edges) -> Edges:
    """Edges that are relative to the part of the picture within ``within``, relative to the whole picture."""
    left, top, right, bottom = within
    width, height = right - left, bottom - top
    return left + edges[0] * width, top + edges[1] * height, left + edges[2] * width, top + edges[3] * height


def covered(edges: Edges) -> float:
    """The share of the picture that lies outside the edges."""
    left, top, right, bottom = edges
    return 1.0 - (right - left) * (bottom - top)


def _content(often: NDArray[np.float32]) -> Edges:
    """Where anything is ever lit, or the whole picture if hardly anything is; ``often``: how often a pixel is dark."""
    lit = often < 1 - LIT_TIME
    height, width = lit.shape
    left, right = 0, width
    for _ in range(2):  # the rows of a narrow picture between wide bars are found once its columns are
        top, bottom = _reach(lit[:, left:right].mean(axis=1))
        left, right = _reach(lit[top:bottom].mean(axis=0))
    if bottom - top < LEAST_CONTENT * height or right - left < LEAST_CONTENT * width:
        return WHOLE
    return left / width, top / height, right / width, bottom / height


def _reach(share: NDArray[np.float32]) -> tuple[int, int]:
    """The first row with content and the one after the last; all rows if none has."""
    rows = np.flatnonzero(share > LIT_SHARE)
    return (int(rows[0]), int(rows[-1]) + 1) if len(rows) else (0, len(share))


def _is_framed(often: NDArray[np.float32], content: Edges) -> bool:
    """Whether there are bars on all four sides of the content."""
    left, top, right, bottom = content
    if min(left, top, 1 - right, 1 - bottom) < LEAST_BAR_SHARE:
        return False
    lit = inside(often, content) < EDGE_TIME
    return all(np.rot90(lit, turns)[:EDGE_ROWS].any(axis=0).mean() >= FOUR_EDGES_SHARE for turns in range(4))


def _bars(often: NDArray[np.float32], level: NDArray[np.float32]) -> tuple[int, int]:
    """How many rows at the top and the bottom are bars. ``often``: how often a pixel is dark; ``level``: how dark."""
    lit = often < EDGE_TIME
    top = bar_rows(_black(often, level), lit, EDGE_SHARE)
    bottom = bar_rows(_black(often[::-1], level[::-1]), lit[::-1], EDGE_SHARE)
    return (top, bottom) if top + bottom < len(often) else (0, 0)


def _black(often: NDArray[np.float32], level: NDArray[np.float32]) -> Mask:
    """The pixels that are dark nearly all of the time, and as dark as the first rows."""
    dark = often >= BAR_TIME
    base = float(np.median(level[:2][dark[:2]])) if dark[:2].any() else 0.0
    return np.asarray(dark & (np.abs(level - base) <= BAR_SPREAD), np.bool_)
