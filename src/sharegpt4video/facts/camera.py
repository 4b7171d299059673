"""How the camera moved between two pictures: a similarity that the background agrees on, robust to what moves in front.

The recipe is the usual one (Shi-Tomasi corners, pyramidal Lucas-Kanade with a backward check, consensus over random
samples, re-weighted least squares) with votes balanced over the picture, so that a detailed foreground does not
outvote a plain background.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]
Points = NDArray[np.complex128]

GRID = (8, 6)  # columns and rows among which corners are balanced
CORNERS_PER_CELL = 4
MOST_EDGE_VOTE = 4.0  # a foreground is seldom at the edge of the picture
STILL_BONUS = 1.08  # between two moves that explain the picture equally well, the camera stands still
TARGET_CONTRAST, MOST_GAIN = 50.0, 3.0
WEAKEST_CORNER = 4e-5  # smallest eigenvalue (grey levels scaled to 0..1), under which LK follows noise
LEAST_TRACKS, LEAST_CELLS, LEAST_AGREEMENT = 10, 6, 0.3
LEAST_EDGE_CELLS, LEAST_SPREAD = 6, 0.4
LEAST_LINES = (
    3  # rows, and columns, of cells that move with the camera: a ticker over a plain picture fills two at most
)
HYPOTHESES = 160
LEAST_GROWTH = 0.0015  # log zoom of a step, under which its fixed point is anywhere
MOST_MISS = 0.1  # of the picture's longer side
MOST = 0.6  # share of the votes
BLACK_BAR, MARGIN = 28, 4  # grey level, pixels
WINDOW, LEVELS = (13, 13), 4


@dataclass(frozen=True)
class CameraStep:
    """One similarity, ``z -> scale_turn * z + shift`` with ``z = x + iy`` in pixels from the picture's centre.

    ``agreement`` is the share of the (balanced) votes that follow it, 0..1. ``radial`` and ``tangential`` say by how
    much most spots (pixels) miss it, towards or from its fixed point and across that; both are 0 where it has none
    because the picture neither grows nor shrinks. A zoom misses by noise, the same both ways. A camera that travels
    passes what is near more quickly than what is far, so that spots miss it along their way.
    """

    scale_turn: complex = 1 + 0j
    shift: complex = 0j
    agreement: float = 1.0
    radial: float = 0.0
    tangential: float = 0.0

    @property
    def log_zoom(self) -> float:
        return math.log(abs(self.scale_turn))

    @property
    def turn_degrees(self) -> float:
        """How far the picture turned, clockwise on the screen."""
        return math.degrees(math.atan2(self.scale_turn.imag, self.scale_turn.real))

    def most_pixels(self, size: tuple[int, int]) -> float:
        """How far no pixel of a picture of this size is displaced beyond."""
        return abs(self.shift) + abs(self.scale_turn - 1) * abs(complex(*size)) / 2

    def matrix(self, width: int, height: int) -> NDArray[np.float64]:
        """The 2x3 matrix that warps pixels of the first picture onto the second."""
        a, centre = self.scale_turn, complex((width - 1) / 2, (height - 1) / 2)
        offset = self.shift + centre - a * centre
        return np.array([[a.real, -a.imag, offset.real], [a.imag, a.real, offset.imag]])


@dataclass(frozen=True, eq=False)
class Prepared:
    """A grey picture made ready to be compared.

    ``gain`` is what its contrast was multiplied by, ``active`` the rectangle (left, top, width, height in pixels)
    inside black bars.
    """

    grey: Grey
    gain: float
    active: tuple[int, int, int, int]

    @property
    def size(self) -> tuple[int, int]:
        return int(self.grey.shape[1]), int(self.grey.shape[0])


def prepare(rgb: NDArray[np.uint8]) -> Prepared:
    """Even out brightness and contrast, so that flicker and fades do not read as motion."""
    grey = cv2.GaussianBlur(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), (3, 3), 0)
    mean, deviation = (float(value[0, 0]) for value in cv2.meanStdDev(grey))
    gain = min(MOST_GAIN, TARGET_CONTRAST / max(deviation, 1e-3))
    even = np.clip((grey.astype(np.float32) - mean) * gain + 128, 0, 255).astype(np.uint8)
    return Prepared(even, gain, inside_bars(grey))


def inside_bars(grey: Grey) -> tuple[int, int, int, int]:
    """The rectangle (left, top, width, height) that is left without black bars; the whole picture if all is dark."""
    rows, columns = np.nonzero(grey.max(axis=1) > BLACK_BAR)[0], np.nonzero(grey.max(axis=0) > BLACK_BAR)[0]
    if len(rows) < 2 or len(columns) < 2:
        return 0, 0, grey.shape[1], grey.shape[0]
    return int(columns[0]), int(rows[0]), int(columns[-1] - columns[0] + 1), int(rows[-1] - rows[0] + 1)


@dataclass(frozen=True, eq=False)
class Matches:
    """Spots found again in another picture: where they were and where they are, as ``x + iy`` from the centre.

    ``cells`` says in which grid cell each of them was, ``votes`` what it weighs. ``size`` is that of the picture
    inside black bars.
    """

    before: Points
    after: Points
    cells: NDArray[np.int64]
    votes: NDArray[np.float64]
    size: tuple[int, int]


def register(before: Prepared, after: Prepared, expected: CameraStep | None = None) -> CameraStep | None:
    """The camera's step from one picture to the next of the same size; None where too little can be followed.

    ``expected`` (the step before) is tried as one of the hypotheses.
    """
    matches = match(before, after)
    return None if matches is None else fit(matches, before.size, expected)


def match(before: Prepared, after: Prepared) -> Matches | None:
    """The corners of one picture that are found again in the next; None where they are too few for a camera's step."""
    spots, cells = corners(before)
    if len(spots) < LEAST_TRACKS:
        return None
    moved, followed = follow(before, after, spots)
    width, height = before.size
    centre = complex((width - 1) / 2, (height - 1) / 2)
    cells = cells[followed]
    if len(cells) < LEAST_TRACKS or len(np.unique(cells)) < LEAST_CELLS:
        return None
    return Matches(spots[followed] - centre, moved[followed] - centre, cells, balanced_votes(cells), before.active[2:])


def fit(matches: Matches, size: tuple[int, int], expected: CameraStep | None = None) -> CameraStep | None:
    """The similarity that the background follows, in a picture of this size; None where too little agrees."""
    z0, z1, votes = matches.before, matches.after, matches.votes
    step = refine(consensus(z0, z1, votes, matches.size, expected), z0, z1, votes)
    agreeing = np.abs(step.scale_turn * z0 + step.shift - z1) < tolerance(z0, z1)
    agreement = float(votes[agreeing].sum() / votes.sum())
    if agreement < LEAST_AGREEMENT or not (stands_still(step, size) or reaches_out(matches.cells[agreeing])):
        return None
    return CameraStep(step.scale_turn, step.shift, agreement, *misses(matches, step))


def misses(matches: Matches, step: CameraStep) -> tuple[float, float]:
    """How far spots miss a step, along the way from its fixed point and across it: what most of the votes keep to.

    Most, not all: what moves by itself misses it too, in any direction.
    """
    if abs(step.log_zoom) < LEAST_GROWTH:
        return 0.0, 0.0
    from_fixed_point = matches.before - step.shift / (1 - step.scale_turn)
    off = matches.after - step.scale_turn * matches.before - step.shift
    off = off * np.conj(from_fixed_point) / np.maximum(np.abs(from_fixed_point), 1e-6)
    near = np.abs(off) <= MOST_MISS * max(matches.size)  # not what has been taken for something else
    if not near.any():
        return 0.0, 0.0
    along, across = (weighted_quantile(np.abs(part[near]), matches.votes[near], MOST) for part in (off.real, off.imag))
    return along, across


def weighted_quantile(values: NDArray[np.float64], weights: NDArray[np.float64], share: float) -> float:
    """The value that this share of the weight does not exceed."""
    order = np.argsort(values)
    reached = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(reached, share * reached[-1])])


def corners(picture: Prepared) -> tuple[Points, NDArray[np.int64]]:
    """The strongest corners of every grid cell, as ``x + iy`` in pixels, and the cell of each."""
    strength = cv2.cornerMinEigenVal(picture.grey, 5, ksize=3)
    peaks = (strength == cv2.dilate(strength, np.ones((7, 7), np.uint8))) & (
        strength > WEAKEST_CORNER * picture.gain**2
    )
    left, top, width, height = picture.active
    ys, xs = np.nonzero(peaks[top + MARGIN : top + height - MARGIN, left + MARGIN : left + width - MARGIN])
    cells = (ys + MARGIN) * GRID[1] // height * GRID[0] + (xs + MARGIN) * GRID[0] // width
    ys, xs = ys + top + MARGIN, xs + left + MARGIN
    order = np.lexsort((-strength[ys, xs], cells))
    ordered = cells[order]
    rank = np.arange(len(order)) - np.searchsorted(ordered, ordered)
    keep = order[rank < CORNERS_PER_CELL]
    return xs[keep] + 1j * ys[keep], cells[keep]


def follow(before: Prepared, after: Prepared, spots: Points) -> tuple[Points, NDArray[np.bool_]]:
    """Where each spot went, and whether following it back leads home (within a pixel)."""
    start = np.stack([spots.real, spots.imag], axis=1).astype(np.float32)[:, None]
    settings: dict[str, Any] = {"winSize": WINDOW, "maxLevel": LEVELS}
    there, found, _ = cv2.calcOpticalFlowPyrLK(before.grey, after.grey, start, None, **settings)
    back, found_back, _ = cv2.calcOpticalFlowPyrLK(after.grey, before.grey, there, None, **settings)
    home = np.abs(back - start).max(axis=(1, 2)) < 1.0
    there = there.reshape(-1, 2).astype(np.float64)
    return there[:, 0] + 1j * there[:, 1], (found.ravel() > 0) & (found_back.ravel() > 0) & home


def balanced_votes(cells: NDArray[np.int64]) -> NDArray[np.float64]:
    """One vote per grid cell, shared among its points; the cells at the edge together weigh as much as the others."""
    counts = np.bincount(cells, minlength=GRID[0] * GRID[1])
    there, edge = counts > 0, at_edge(np.arange(GRID[0] * GRID[1]))
    inner_cells, edge_cells = int((there & ~edge).sum()), int((there & edge).sum())
    edge_vote = min(max(inner_cells / max(1, edge_cells), 1.0), MOST_EDGE_VOTE)
    return np.asarray(np.where(edge, edge_vote, 1.0)[cells] / counts[cells])


def at_edge(cells: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether each grid cell touches the edge of the picture."""
    rows, columns = np.divmod(cells, GRID[0])
    return np.asarray((rows == 0) | (rows == GRID[1] - 1) | (columns == 0) | (columns == GRID[0] - 1))


def stands_still(step: CameraStep, size: tuple[int, int]) -> bool:
    """Whether nothing in the picture is displaced by as much as half a pixel."""
    return step.most_pixels(size) < 0.5


def reaches_out(cells: NDArray[np.int64]) -> bool:
    """Whether points are spread wide enough to be the background, not something that moves in front of a plain one."""
    cells = np.unique(cells)
    rows, columns = np.divmod(cells, GRID[0])
    if min(len(np.unique(rows)), len(np.unique(columns))) < LEAST_LINES:
        return False
    # Of a picture full of corners these are 1; of a centred ellipse, about the share of the picture that it covers.
    spread = 12 * float(rows.std() / GRID[1] * columns.std() / GRID[0])
    return len(rows) >= LEAST_CELLS and (int(at_edge(cells).sum()) >= LEAST_EDGE_CELLS or spread >= LEAST_SPREAD)


def tolerance(z0: Points, z1: Points) -> NDArray[np.float64]:
    """How far a point may be off (pixels): real lenses bend and real scenes are not flat, more so in quick moves."""
    return 1.2 + 0.06 * np.abs(z1 - z0)


def consensus(
    z0: Points, z1: Points, votes: NDArray[np.float64], size: tuple[int, int], expected: CameraStep | None
) -> CameraStep:
    """The best voted of many steps: stand still, as before, and what random points and pairs of points suggest."""
    random = np.random.default_rng(len(z0))  # the same points always give the same answer
    first, second = random.integers(0, len(z0), (2, HYPOTHESES))
    apart = z0[second] - z0[first]
    good = np.abs(apart) > 0.2 * size[0]
    turn = (z1[second] - z1[first])[good] / apart[good]
    usable = np.abs(np.log(np.maximum(np.abs(turn), 1e-6))) < 0.5
    before = expected or CameraStep()
    slides = first[: HYPOTHESES // 4]
    turns = np.concatenate([[1, before.scale_turn], np.ones(len(slides)), turn[usable]])
    shifts = np.concatenate([[0, before.shift], (z1 - z0)[slides], (z1[first][good] - turn * z0[first][good])[usable]])
    score = reach(nearness(turns, shifts, z0, z1) * votes, z0, size)
    score[0] *= STILL_BONUS
    best = int(score.argmax())
    return CameraStep(complex(turns[best]), complex(shifts[best]))


def nearness(turns: Points, shifts: Points, z0: Points, z1: Points) -> NDArray[np.float64]:
    """How well each step (a row each) leads each point to where it went: 1 exactly, 0 out of tolerance.

    How far off it leads, ``turn * z0 + shift - z1``, is worked out in real numbers: complex ones take longer.
    """
    ones, nothing = np.ones(len(z0)), np.zeros(len(z0))
    steps = np.stack([turns.real, turns.imag, shifts.real, shifts.imag, np.ones(len(turns))], axis=1)
    off_x = steps @ np.stack([z0.real, -z0.imag, ones, nothing, -z1.real])
    off_y = steps @ np.stack([z0.imag, z0.real, nothing, ones, -z1.imag])
    off_x *= off_x
    off_y *= off_y
    off_x += off_y
    off_x /= -(tolerance(z0, z1) ** 2)
    off_x += 1
    return np.asarray(np.maximum(off_x, 0.0), np.float64)


def reach(support: NDArray[np.float64], z0: Points, size: tuple[int, int]) -> NDArray[np.float64]:
    """The votes of every hypothesis (a row each), worth more the wider they are spread: a background surrounds."""
    x, y = z0.real / size[0], z0.imag / size[1]
    total, x1, x2, y1, y2 = (support @ np.stack([np.ones_like(x), x, x * x, y, y * y], axis=1)).T
    total = np.maximum(total, 1e-9)
    spread = 12 * np.sqrt(np.maximum(x2 / total - (x1 / total) ** 2, 0) * np.maximum(y2 / total - (y1 / total) ** 2, 0))
    return np.asarray(total * np.minimum(spread, 1.0))


def refine(step: CameraStep, z0: Points, z1: Points, votes: NDArray[np.float64]) -> CameraStep:
    """Weighted least squares around a first guess, Tukey's weights, narrowing."""
    limit = tolerance(z0, z1)
    for widen in (2.0, 1.5, 1.0, 1.0):
        off = np.abs(step.scale_turn * z0 + step.shift - z1) / (widen * limit)
        weights = votes * np.maximum(0.0, 1 - off**2) ** 2
        total = weights.sum()
        if total <= 0:
            return step
        mean0, mean1 = (weights * z0).sum() / total, (weights * z1).sum() / total
        spread = (weights * np.abs(z0 - mean0) ** 2).sum()
        if spread <= 1e-9:
            return step
        turn = complex((weights * np.conj(z0 - mean0) * (z1 - mean1)).sum() / spread)
        step = CameraStep(turn, complex(mean1 - turn * mean0))
    return step
