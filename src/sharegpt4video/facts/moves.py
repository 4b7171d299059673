"""From the camera's small steps to what an interval shows: totals, jitter, and the moves large enough to name.

To be compared, all moves are put in one measure, the share of the picture by which they displace it: of its width for
a pan, of its height for a tilt; for a zoom or a roll the root mean square over the picture, in widths. A move is named
when it is long and quick enough to be seen and goes one way, and the two largest at most: what a hand that holds the
camera adds is no move. A camera that goes one way and comes back is named both ways. One that does neither is static,
or hand-held.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..records import CameraMotion
from .camera import CameraStep

Path = NDArray[np.float64]

NAMES = (
    ("pan right", "pan left"),
    ("tilt up", "tilt down"),
    ("zoom in", "zoom out"),
    ("roll clockwise", "roll counter-clockwise"),
)
ZOOM_AXIS, ROLL_AXIS = 2, 3
DOLLY = ("dolly in", "dolly out")
STATIC, HAND_HELD = "static", "hand-held"
# Shifts hide in the sway of a hand; zooms hardly occur by chance. Nobody sees a roll under some 3.5 degrees, but a head
# that turns, or a lamp that flickers, is measured as one.
LEAST_SHARE = (0.025, 0.025, 0.008, 0.02)
IN_HAND = (2.0, 2.0, 3.0, 1.2)  # times the least distance, in a hand that sways
LEAST_SHARE_PER_SECOND = (0.01, 0.01, 0.004, 0.004)
SLOW_BUT_LONG = 4.0  # times the least distance: then it is named however slow
COMES_BACK = 4.0  # times the least distance: what both ways of a camera that comes back must reach
NET_OF_WAY = 0.5  # share of all its way that a move must get ahead
SECOND_OF_FIRST = 0.35  # both in their least distances: what is less goes unsaid
LEAST_SECOND_AGREEMENT, LEAST_ROLL_AGREEMENT = 0.5, 0.35  # a weak fit knows where the picture went, and little more
PARALLAX = 1.7  # how much further spots miss a camera that travels along their way than across it
NO_PARALLAX = 1.6
MOST_TANGENTIAL_PIXELS = 0.75  # of a zoom: what shows no depth must fit as a picture does
SWAY = 0.008  # widths or heights, to and fro: a tripod does not do that
HELD_SWAY = 0.015  # the reach of a path that gets nowhere
LEAST_SHAKE_WIDTHS = 0.004
JITTERS = 4.0  # times the jitter: what a move must reach
GRID_SECONDS, SMOOTH_SECONDS = 0.1, 0.5
REPEAT_OF_STEP, LONGEST_REPEAT_SECONDS = 0.1, 0.6
LEAST_COVERED = 0.5  # share of the interval that must have been measured


@dataclass(frozen=True)
class TimedStep:
    """The camera's step (None: not measured) in ``[start_seconds, end_seconds]``, in a picture of ``size`` pixels."""

    start_seconds: float
    end_seconds: float
    step: CameraStep | None
    size: tuple[int, int]

    @property
    def seconds(self) -> float:
        return self.end_seconds - self.start_seconds


def sum_up(steps: Sequence[TimedStep], interval_seconds: float) -> CameraMotion:
    """The motion of all steps, which are of one shot and in time order; ``moves`` is empty if too few were measured."""
    measured = [timed for timed in steps if timed.step is not None]
    covered = sum(timed.seconds for timed in measured)
    if len(measured) < 2 or covered < LEAST_COVERED * interval_seconds:
        return CameraMotion()
    steps = join_repeats(steps)
    width, height = measured[0].size
    path = travelled(steps)
    pan, tilt, log_zoom, roll = (float(total) for total in path[-1])
    reach = math.sqrt((1 + (height / width) ** 2) / 12)  # of a zoom or turn: RMS distance of a pixel from the centre
    agreement = sum(timed.step.agreement * timed.seconds for timed in measured if timed.step) / covered
    shares = path * (1.0, 1.0, reach, math.radians(reach))
    growth = growth_names([timed.step for timed in measured if timed.step is not None])
    moves, shake = name(grid_times(steps), shares, height / width, agreement, growth)
    return CameraMotion(pan, tilt, math.exp(log_zoom), roll, shake, moves, agreement)


def join_repeats(steps: Sequence[TimedStep]) -> list[TimedStep]:
    """Spread a step over the repeated pictures before it, so that a source of few frames per second does not shake."""
    joined: list[TimedStep] = []
    for timed in steps:
        last = joined[-1] if joined else None
        if (
            last is not None
            and last.step is not None
            and timed.step is not None
            and last.end_seconds == timed.start_seconds
            and last.seconds + timed.seconds <= LONGEST_REPEAT_SECONDS
            and last.step.most_pixels(last.size) <= REPEAT_OF_STEP * timed.step.most_pixels(timed.size)
        ):
            joined[-1] = TimedStep(last.start_seconds, timed.end_seconds, timed.step, timed.size)
        else:
            joined.append(timed)
    return joined


def travelled(steps: Sequence[TimedStep]) -> Path:
    """Pan (widths), tilt (heights), log zoom and roll (degrees) since the first step, at the steps' edges.

    A step that could not be measured goes on as its neighbours do.
    """
    middles, speeds = [], []
    for timed in steps:
        if timed.step is not None:
            width, height = timed.size
            shift, seconds = timed.step.shift, timed.seconds
            # The camera turns right, up or clockwise when the picture slides left, slides down or turns the other way.
            camera = (-shift.real / width, shift.imag / height, timed.step.log_zoom, -timed.step.turn_degrees)
            middles.append((timed.start_seconds + timed.end_seconds) / 2)
            speeds.append([value / seconds for value in camera])
    wanted = [(timed.start_seconds + timed.end_seconds) / 2 for timed in steps]
    all_speeds = np.stack([np.interp(wanted, middles, column) for column in np.array(speeds).T], axis=1)
    durations = np.array([timed.seconds for timed in steps])[:, None]
    return np.concatenate([np.zeros((1, 4)), np.cumsum(all_speeds * durations, axis=0)])


def grid_times(steps: Sequence[TimedStep]) -> NDArray[np.float64]:
    """Seconds at the edges of the steps, from 0; gaps between steps are left out."""
    return np.concatenate([[0.0], np.cumsum([timed.seconds for timed in steps])])


def growth_names(steps: Sequence[CameraStep]) -> tuple[str, str] | None:
    """What to call it when the picture grows and shrinks: travel where there is parallax, zoom where there is none.

    None where neither is sure: what grows may then be somebody who comes closer.
    """
    growing = [step for step in steps if step.tangential > 0]
    if not growing:
        return NAMES[ZOOM_AXIS]
    radial = sum(step.radial for step in growing) / len(growing)
    tangential = sum(step.tangential for step in growing) / len(growing)
    if radial >= PARALLAX * tangential:
        return DOLLY
    flat = tangential <= MOST_TANGENTIAL_PIXELS and radial < NO_PARALLAX * tangential
    return NAMES[ZOOM_AXIS] if flat else None


def name(
    times: NDArray[np.float64],
    path: Path,
    heights_per_width: float,
    agreement: float,
    growth: tuple[str, str] | None = NAMES[ZOOM_AXIS],
) -> tuple[tuple[str, ...], float]:
    """The names of the moves, largest first, and the jitter (RMS, widths), from the path in shares of the picture.

    ``growth`` names the moves that make the picture grow and shrink; None: they are not named.
    """
    even = np.linspace(0.0, times[-1], max(2, round(times[-1] / GRID_SECONDS) + 1))
    path = np.stack([np.interp(even, times, column) for column in path.T], axis=1)
    smooth = smoothed(path, round(SMOOTH_SECONDS / GRID_SECONDS))
    jitter = np.sqrt(((path - smooth) ** 2).mean(axis=0))
    shake = float(np.linalg.norm(jitter * (1.0, heights_per_width, 1.0, 1.0)))
    to_and_fro = np.abs(np.diff(smooth, axis=0)).sum(axis=0) - np.abs(smooth[-1] - smooth[0])
    in_hand = float(to_and_fro[:2].max()) >= SWAY
    found = moves_found(even, smooth, jitter, in_hand)
    names = (*NAMES[:ZOOM_AXIS], growth, NAMES[ROLL_AXIS] if agreement >= LEAST_ROLL_AGREEMENT else None)
    known = [(leasts, ways, runs) for leasts, axis, runs in found if (ways := names[axis])]
    alone = in_hand or agreement < LEAST_SECOND_AGREEMENT
    told = [
        ways[0 if run.share > 0 else 1]
        for leasts, ways, runs in known[: 1 if alone else None]
        if leasts >= SECOND_OF_FIRST * known[0][0]
        for run in runs
    ]
    if found:  # a move of which nobody can say what it is does not leave the camera static
        return tuple(told[:2]), shake
    reach = float((smooth.max(axis=0) - smooth.min(axis=0))[:2].max())
    held = shake >= LEAST_SHAKE_WIDTHS or (in_hand and reach >= HELD_SWAY)
    return (HAND_HELD if held else STATIC,), shake


def moves_found(
    times: NDArray[np.float64], smooth: Path, jitter: NDArray[np.float64], in_hand: bool
) -> list[tuple[float, int, list[Run]]]:
    """The moves that can be seen, largest first: their size in the least that is named, their axis, and their runs."""
    found = []
    for axis, least in enumerate(LEAST_SHARE):
        needed = max(least * (IN_HAND[axis] if in_hand else 1.0), JITTERS * float(jitter[axis]))
        if runs := worth_naming(split(times, smooth[:, axis], least), axis, needed):
            found.append((max(abs(run.share) for run in runs) / least, axis, runs))
    return sorted(found, key=lambda one: (-round(one[0], 2), one[1]))


def smoothed(path: Path, window: int) -> Path:
    """A moving average of ``window`` (odd) samples; the ends are mirrored so that a steady move stays as it is."""
    half = min(window // 2, len(path) - 1)
    if half == 0:
        return path
    head, tail = 2 * path[0] - path[half:0:-1], 2 * path[-1] - path[-2 : -2 - half : -1]
    padded = np.concatenate([head, path, tail])
    kernel = np.ones(2 * half + 1) / (2 * half + 1)
    return np.stack([np.convolve(column, kernel, mode="valid") for column in padded.T], axis=1)


@dataclass(frozen=True)
class Run:
    """A stretch in which one kind of move goes one way, by a signed ``share`` of the picture."""

    start_seconds: float
    end_seconds: float
    share: float


def split(times: NDArray[np.float64], path: NDArray[np.float64], least: float) -> list[Run]:
    """Cut one path into runs at its turning points; a way back shorter than ``least`` is part of the run."""
    runs: list[Run] = []
    low = high = begin = furthest = 0
    going = 0  # 1 or -1 once the path has left its start by `least`
    for here, value in enumerate(path):
        if going == 0:
            low, high = (here if value < path[low] else low), (here if value > path[high] else high)
            if path[high] - path[low] >= least:
                begin, furthest = sorted((low, high))
                going = 1 if furthest == high else -1
        elif going * (value - path[furthest]) > 0:
            furthest = here
        elif going * (path[furthest] - value) >= least:
            runs.append(Run(float(times[begin]), float(times[furthest]), float(path[furthest] - path[begin])))
            begin, furthest, going = furthest, here, -going
    if going:
        runs.append(Run(float(times[begin]), float(times[furthest]), float(path[furthest] - path[begin])))
    return runs


def worth_naming(runs: list[Run], axis: int, needed: float) -> list[Run]:
    """The one way that a kind of move goes, or the two ways, if they are long and quick enough to be seen."""
    if not runs:
        return []
    net, way = sum(run.share for run in runs), sum(abs(run.share) for run in runs)
    if abs(net) > NET_OF_WAY * way:
        runs = [Run(runs[0].start_seconds, runs[-1].end_seconds, net)]
    elif len(runs) == 2:
        needed = max(needed, COMES_BACK * LEAST_SHARE[axis])
    else:
        return []
    long_enough = [
        run
        for run in runs
        if abs(run.share) >= needed
        and (
            abs(run.share) >= LEAST_SHARE_PER_SECOND[axis] * (run.end_seconds - run.start_seconds)
            or abs(run.share) >= SLOW_BUT_LONG * LEAST_SHARE[axis]
        )
    ]
    return long_enough if len(long_enough) == len(runs) else []
