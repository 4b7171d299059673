"""Turns pictures into vectors with the detector's backbone, so that similar scenes can be told from changed ones."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from . import network

SIDE_PIXELS = 224
CELLS = 3


class BackboneEncoder:
    """Last backbone stage of NanoDet-g at 224 pixels, averaged over a 3 x 3 grid: 4608 numbers, scaled to length 1.

    Same scenes are told from changed ones with an AUC of .996 (thumbnails: .87), and .95 is the cosine with the best
    balanced accuracy, .968, on 206 labelled pairs: ``benchmarks/encoder_threshold.py`` prints both tables.
    """

    name = "embedded"
    similarity = 0.95
    batch_size = 1  # in a batch of 4 a picture costs 5 % less, and steps come three keyframes later

    def __init__(self, *, threads: int = network.THREADS) -> None:
        self.threads = threads

    def encode(self, pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """One row of length 1 for each picture (height, width, 3) uint8 RGB of any size: (n, 4608)."""
        if not pictures:
            return np.zeros((0, 512 * CELLS * CELLS), np.float32)
        small = np.stack([_shrunk(picture) for picture in pictures])
        (stage,) = network.run(network.DETECTOR, self.threads, ["stage32"], small)
        rows = _cell_means(stage).reshape(len(pictures), -1)
        unit: NDArray[np.float32] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return unit


def _shrunk(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture at 224 x 224. Its proportions are given up: they are the same for all pictures of a video."""
    shrinks = cv2.INTER_AREA if min(picture.shape[:2]) > SIDE_PIXELS else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, (SIDE_PIXELS, SIDE_PIXELS), interpolation=shrinks), np.uint8)


def _cell_means(stage: NDArray[np.float32]) -> NDArray[np.float32]:
    """Means over a grid of cells: (n, channels, rows, columns) -> (n, channels, CELLS, CELLS)."""
    row_edges, column_edges = (np.linspace(0, length, CELLS + 1).astype(int) for length in stage.shape[2:])
    sums = np.add.reduceat(np.add.reduceat(stage, row_edges[:-1], axis=2), column_edges[:-1], axis=3)
    areas = np.diff(row_edges)[:, None] * np.diff(column_edges)[None, :]
    means: NDArray[np.float32] = (sums / areas).astype(np.float32)
    return means
