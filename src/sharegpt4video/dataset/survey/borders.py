"""Where the picture lies between bars of any colour, or between bars filled with an enlarged, blurred copy of itself.

False alarms would drop good videos, so it takes more than a plain area to be a bar: bars are on two opposite sides and
stay in place, their inner edges are straight, and there is a picture between them.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from .bars import BAR_TIME, EDGE_TIME, WHOLE, Edges, bar_rows, placed
from .stills import Picture, grey_of

Stack = NDArray[np.uint8]
"""Pictures of one size, in the order of time."""
Greys = NDArray[np.float32]
Box = tuple[int, int, int, int]
"""Left, top, right, bottom, in pixels."""

MOST_NESTED = 3  # a film with black bars, on a white page, between blurred bars

SAME_COLOUR = 10
"""How far each colour channel of a bar's pixels may be from the colour of the bar (0 to 255)."""
STRAIGHT_SHARE = 0.7
"""How much of the length of an inner edge has to be visible."""
MIDDLE_SHARE, CONTENT_SHARE = 0.2, 0.3
"""A column belongs to the picture when, in the middle share of its rows, this share does not have the bars' colour."""
LEAST_CHANGE = 1.0
"""Mean standard deviation over time, in grey levels: a video changes between its bars, a photo on a slide does not."""
PLAIN_SPREAD, LIVELY_SPREAD = 1.0, 2.5
"""Standard deviations along an inner edge, in grey levels: each edge has at least the first, one has the second. Slides
and windows have bands above and below, too, but plain areas between them."""

LEAST_FILL_SHARE, MOST_FILL_SHARE = 0.04, 0.45
"""Least and greatest width of a blurred bar, on each side."""
EDGE_TIMES, EDGE_LEVELS, FILL_DETAIL = 2.5, 1.0, 0.4
"""At the edge of a blurred bar, neighbouring pixels differ by this many times as much as within the bar plus this many
grey levels. Within the bar they differ by at most the last share of what they differ by in the picture."""
FILL_CELLS, FILL_BLUR, FILL_COSINE = 48, 2.0, 0.8
"""A bar is filled with the picture when both, reduced to this many cells a side and blurred by this sigma, have this
correlation."""
FILL_ZOOMS = (1.0, 1.15, 1.35, 1.6)
"""How much larger the copy may be than it has to be to cover the whole frame."""


def picture_edges(pictures: Sequence[Picture]) -> Edges:
    """Where the picture lies between the bars that all of a video's pictures have (RGB, of one size)."""
    return (_picture_edges(np.stack(pictures), MOST_NESTED) if len(pictures) else None) or WHOLE


def _picture_edges(stack: Stack, levels: int) -> Edges | None:
    for bars in (_coloured, _filled):
        box, sure = bars(stack)
        if box is None:
            continue
        height, width = stack.shape[1:3]
        edges = (box[0] / width, box[1] / height, box[2] / width, box[3] / height)
        inner = _picture_edges(stack[:, box[1] : box[3], box[0] : box[2]], levels - 1) if levels > 1 else None
        if inner is not None:
            return placed(inner, edges)
        if sure:
            return edges
    return None


def _coloured(stack: Stack) -> tuple[Box | None, bool]:
    """The picture between bars of one colour, and whether it is lively enough for them to be bars for sure."""
    height, width = stack.shape[1:3]
    for colour in _colours(stack):
        other = (np.abs(stack.astype(np.int16) - colour).max(axis=-1) > SAME_COLOUR).mean(axis=0)
        top, bottom = _bar_pair(other)
        left, right = _bar_pair(other[top : height - bottom].T)
        if not (top or left):
            continue
        box = (left, top, width - right, height - bottom)
        greys = _greys(stack[:, top : height - bottom, left : width - right])
        spreads = _edge_spreads(greys, bool(left), bool(top))
        lively = min(spreads) >= PLAIN_SPREAD and max(spreads) >= LIVELY_SPREAD
        return box, lively and float(greys.std(axis=0).mean()) >= LEAST_CHANGE
    return None, False


def _colours(stack: Stack) -> list[NDArray[np.int16]]:
    """The colours that bars may have: the median along each pair of opposite sides."""
    sides = (np.concatenate([stack[:, :2], stack[:, -2:]], 1), np.concatenate([stack[:, :, :2], stack[:, :, -2:]], 2))
    one, two = (np.median(side.reshape(-1, 3), axis=0).round().astype(np.int16) for side in sides)
    return [one] if np.abs(one - two).max() <= SAME_COLOUR else [one, two]


def _bar_pair(other: NDArray[np.floating]) -> tuple[int, int]:
    """How many rows above and below are bars, both or none. ``other``: how often a pixel has another colour."""
    rows = len(other)
    plain, lit = other <= 1 - BAR_TIME, other > 1 - EDGE_TIME
    middle = lit[int(rows * (0.5 - MIDDLE_SHARE / 2)) : int(np.ceil(rows * (0.5 + MIDDLE_SHARE / 2)))]
    lit = lit[:, middle.mean(axis=0) >= CONTENT_SHARE] if len(middle) else lit
    top, bottom = (bar_rows(plain[::way], lit[::way], STRAIGHT_SHARE) for way in (1, -1))
    return (top, bottom) if top and bottom and top + bottom < rows else (0, 0)


def _edge_spreads(greys: Greys, sides: bool, above: bool) -> list[float]:
    """How lively the pictures are along their edges: standard deviations, left and right, then above and below."""
    strips = [greys[:, :, :4], greys[:, :, -4:]] if sides else []
    strips += [strip.transpose(0, 2, 1) for strip in (greys[:, :4], greys[:, -4:])] if above else []
    return [float(np.median(strip.std(axis=1))) for strip in strips]


def _filled(stack: Stack) -> tuple[Box | None, bool]:
    """The picture between bars filled with an enlarged, blurred copy of it, left and right or above and below."""
    height, width = stack.shape[1:3]
    greys = _greys(stack)
    if columns := _filled_columns(greys):
        return (columns, 0, width - columns, height), True
    if rows := _filled_columns(np.ascontiguousarray(greys.transpose(0, 2, 1))):
        return (0, rows, width, height - rows), True
    return None, False


def _filled_columns(greys: Greys) -> int:
    """How many columns on each side are filled bars."""
    width = greys.shape[2]
    if width < FILL_CELLS:
        return 0
    steps = np.abs(np.diff(greys, axis=2)).mean(axis=0)
    best, columns = 0.0, 0
    for at in range(max(3, int(LEAST_FILL_SHARE * width)), int(MOST_FILL_SHARE * width)):
        detail = FILL_DETAIL * steps[:, at + 2 : width - at - 2].mean()
        strength = min(_edge_strength(side, at, detail) for side in (steps, steps[:, ::-1]))
        if strength > best:
            best, columns = strength, at
    return columns if columns and _is_blown_up(greys, columns) else 0


def _edge_strength(steps: Greys, at: int, most_detail: float) -> float:
    """How strong the inner edge of a smooth bar of ``at`` columns is; 0.0 if there is no such edge.

    ``steps``: how much each pixel differs from the next one in its row.
    """
    bar = steps[:, : at - 2].mean(axis=1)
    is_edge = steps[:, at - 2 : at + 1].max(axis=1) >= EDGE_TIMES * bar + EDGE_LEVELS
    return float(steps[:, at - 1].mean()) if bar.mean() <= most_detail and is_edge.mean() >= STRAIGHT_SHARE else 0.0


def _is_blown_up(greys: Greys, columns: int) -> bool:
    """Whether the bars look like the picture between them, enlarged to cover the whole frame."""
    _, height, width = greys.shape
    whole = np.stack([_cells(grey) for grey in greys])
    bar = int(columns / width * FILL_CELLS)
    outside = np.r_[: max(1, bar - 1), FILL_CELLS - max(1, bar - 1) : FILL_CELLS]
    shown, wide = width - 2 * columns, 1 - 2 * columns / width
    for zoom in FILL_ZOOMS:
        rows, cut = round(height * (1 - wide / zoom) / 2), round(shown * (1 - 1 / zoom) / 2)
        parts = greys[:, rows : height - rows, columns + cut : width - columns - cut]
        blown_up = np.stack([cv2.GaussianBlur(_cells(part), (0, 0), FILL_BLUR) for part in parts])
        if _cosine(whole[:, :, outside], blown_up[:, :, outside]) >= FILL_COSINE:
            return True
    return False


def _cells(grey: Greys) -> Greys:
    return np.asarray(cv2.resize(grey, (FILL_CELLS, FILL_CELLS), interpolation=cv2.INTER_AREA), np.float32)


def _cosine(one: Greys, other: Greys) -> float:
    """The correlation of two arrays; 0.0 if one of them is constant."""
    one, other = one - one.mean(), other - other.mean()
    lengths = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float((one * other).sum()) / lengths if lengths > 0 else 0.0


def _greys(stack: Stack) -> Greys:
    return np.stack([grey_of(picture) for picture in stack]).astype(np.float32)
