"""A cheap test for where writing may have come, gone or changed: the upright edges of strokes, cell by cell.

Writing is many upright edges, dark to bright and bright to dark, side by side. What is laid over a video keeps its
edges while the picture behind it moves. Two numbers for each cell say both: how many edges there are, and how many of
them were there in the picture before. They cost about 2 ms a picture and decide where the reader has to look.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..records import Box

SIDE_PIXELS = 640
CELL_WIDTH, CELL_HEIGHT = 16, 8  # a line of the smallest letters that can be read is about a cell high
LEAST_CONTRAST = 40  # grey levels over two pixels
LEAST_DENSITY = 0.06  # of either kind of edge in a cell
STAYS = 0.6  # of a cell's edges, for it to be the same as before
LEAST_CELLS = 3  # side by side: a word
PADDING_CELLS = 2
MOST_REGIONS = 4

Cells = NDArray[np.float32]
Mask = NDArray[np.bool_]
WHOLE = Box(0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True, eq=False)
class Strokes:
    """The upright edges of a picture: where it turns brighter (``rising``) and darker (``falling``) to the right."""

    rising: NDArray[np.uint8]
    falling: NDArray[np.uint8]

    @classmethod
    def of(cls, rgb: NDArray[np.uint8]) -> Strokes:
        """Of a picture whose longer side is `SIDE_PIXELS`."""
        grey = cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2GRAY).astype(np.int16)
        slope = np.zeros_like(grey)
        slope[:, 1:-1] = grey[:, 2:] - grey[:, :-2]
        return cls((slope >= LEAST_CONTRAST).astype(np.uint8), (slope <= -LEAST_CONTRAST).astype(np.uint8))

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of its cells."""
        height, width = self.rising.shape
        return max(1, height // CELL_HEIGHT), max(1, width // CELL_WIDTH)

    def edges(self) -> Cells:
        """The share of each cell that edges cover."""
        return self._cells(self.rising | self.falling)

    def written(self) -> Mask:
        """The cells dense enough with both kinds of edges to hold writing."""
        both = np.minimum(self._cells(self.rising), self._cells(self.falling))
        return np.asarray(both >= LEAST_DENSITY)

    def kept(self, before: Strokes) -> Cells:
        """The share of each cell covered by edges that were there before as well."""
        return self._cells((self.rising & before.rising) | (self.falling & before.falling))

    def _cells(self, mask: NDArray[np.uint8]) -> Cells:
        rows, columns = self.shape
        return np.asarray(cv2.resize(mask.astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA))


def regions(cells: Mask) -> list[Box]:
    """Upright rectangles around the words among cells, with room around them; the whole picture for very many."""
    closed = cv2.dilate(cells.astype(np.uint8), np.ones((1, 3), np.uint8))
    count, _, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
    found = [
        (left, top, left + width, top + height)
        for left, top, width, height, area in stats[1:count].tolist()
        if width >= LEAST_CELLS + 2 and area >= LEAST_CELLS + 2  # two cells wider for the dilation
    ]
    rows, columns = cells.shape
    boxes = merged([_padded(each, rows, columns) for each in found])
    if len(boxes) > MOST_REGIONS or sum(box.width * box.height for box in boxes) > 0.5:
        return [WHOLE]
    return boxes


def merged(boxes: list[Box]) -> list[Box]:
    """Boxes that overlap as one, from top to bottom."""
    waiting, done = list(boxes), list[Box]()
    while waiting:
        one = waiting.pop()
        near = next((other for other in waiting if overlaps(one, other)), None)
        if near is None:
            done.append(one)
            continue
        waiting.remove(near)
        edges = (min(one.left, near.left), min(one.top, near.top))
        waiting.append(Box(*edges, max(one.right, near.right), max(one.bottom, near.bottom)))
    return sorted(done, key=lambda box: (box.top, box.left))


def overlaps(one: Box, other: Box) -> bool:
    return (
        min(one.right, other.right) > max(one.left, other.left)
        and min(one.bottom, other.bottom) > max(one.top, other.top)
    )  # fmt: skip


def slices(box: Box, shape: tuple[int, int]) -> tuple[slice, slice]:
    """The cells of a grid that a box touches; at least one."""
    rows, columns = shape
    top, left = min(int(box.top * rows), rows - 1), min(int(box.left * columns), columns - 1)
    bottom, right = int(np.ceil(box.bottom * rows)), int(np.ceil(box.right * columns))
    return slice(top, max(bottom, top + 1)), slice(left, max(right, left + 1))


def _padded(edges: tuple[int, int, int, int], rows: int, columns: int) -> Box:
    left, top, right, bottom = edges
    return Box(
        max(left - PADDING_CELLS, 0) / columns,
        max(top - PADDING_CELLS, 0) / rows,
        min(right + PADDING_CELLS, columns) / columns,
        min(bottom + PADDING_CELLS, rows) / rows,
    )
