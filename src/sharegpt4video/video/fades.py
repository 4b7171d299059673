"""Slow transitions: dissolves, and fades through a flat picture, found while the video streams past.

A dissolve is a run of frames that are mixtures of the two pictures at its ends, in shares that grow steadily with
time; a pan or a passing object is not. A fade is a picture that loses its contrast, a flat one, and another picture.
Everything is judged on a few cells per frame, where noise and small motion average out.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

MIN_SHOT_SECONDS = 0.6
SAMPLE_SECONDS = 0.03  # frames are judged at most this often, whatever the frame rate
QUIET_SECONDS = 0.2  # how long the new picture must have been there
MIN_FADE_SECONDS, MAX_FADE_SECONDS = 0.3, 2.2
MARK_SECONDS, OLD_MARK_SECONDS = 0.1, 0.3  # how finely the end of a fade, and its start, are told
RECENT_SECONDS = 0.8
FLAT_CONTRAST = 5.0  # grey levels, standard deviation over the cells
MAX_FLAT_SECONDS = 4.0  # a flat picture that stays longer is a shot of its own; after a cut to it, 0.6 s are enough
MAX_RETURN_SECONDS = 1.6  # how long a picture may take to come out of a flat one
SAME_PICTURE = 0.85  # correlation
GROWTH = 1.08  # a dissolve is taken to be longer when it then changes the picture by so much more


@dataclass(frozen=True)
class Limits:
    """What a dissolve must show."""

    min_change: float
    """Grey levels, root mean square between the two pictures."""
    most_alike: float
    """Correlation of the pictures at its ends."""
    most_left_over: float
    """Of a frame, when both pictures are taken out; 1 is the whole change."""
    mean_left_over: float
    most_uneven: float
    """How far shares may stray from even growth."""
    most_step: float
    """How far shares may grow from frame to frame."""
    least_dip: float
    """Of the contrast that mixing the two must cost."""


# Chosen by a grid search on composed videos (seed 0 of benchmarks/transitions.py).
BELIEVED = Limits(14.0, 0.6, 0.55, 0.35, 0.17, 0.35, 0.6)
# For a network to decide about. A dissolve that is under way when the video opens begins with a picture that already
# has a share of the other. Every further limit, loosened a little, brings proposals by the dozen and hardly a dissolve.
PROPOSED = replace(BELIEVED, most_alike=0.8)


@dataclass(frozen=True)
class Transition:
    """From one shot to the next.

    ``seconds`` is the time of the first frame of the new shot: the first after a cut, for a fade the first in which
    the new picture has taken over. ``start_seconds`` is the time of the last frame that shows the old one alone.
    """

    kind: Literal["cut", "fade"]
    seconds: float
    start_seconds: float


@dataclass(frozen=True)
class Proposal:
    """A transition that may be one: ``believed`` without a network, ``likely`` enough to ask it, or decided."""

    transition: Transition
    believed: bool = True
    likely: bool = True
    verdict: bool | None = None


@dataclass
class Sample:
    """One frame as it is judged: the colours of its cells, and whether a transition may name its time."""

    seconds: float
    cells: Floats
    contrast: float
    mark: bool


@dataclass
class _Flat:
    """A flat picture in progress: what was there before, and since when there is something again."""

    before: Sample | None
    start_seconds: float
    flat_seconds: float
    slow_out: bool
    ended_seconds: float | None = None


@dataclass
class _Fit:
    start_seconds: float
    end_seconds: float
    change: float


def root_mean_square(values: Floats) -> float:
    return float(np.sqrt(np.mean(values**2)))


def distance(first: Floats, second: Floats) -> float:
    """Root mean square difference, in grey levels."""
    return root_mean_square(first - second)


def contrast(cells: Floats) -> float:
    """Standard deviation within the colour channels, in grey levels; 0 for a picture of one colour."""
    return root_mean_square(cells - cells.mean(axis=0))


def likeness(first: Floats, second: Floats) -> float:
    """Correlation of two pictures, blind to brightness, contrast and tint; 0 when one is flat."""
    one, other = first - first.mean(axis=0), second - second.mean(axis=0)
    scale = float(np.sqrt((one**2).sum() * (other**2).sum()))
    return float((one * other).sum()) / scale if scale > 1e-3 else 0.0


class FadeDetector:
    """Finds dissolves and fades; ``push`` takes each frame's time and cells (n, 3), in time order."""

    def __init__(self, limits: Limits = BELIEVED) -> None:
        self._limits = limits
        self._samples: list[Sample] = []
        self._products = _Products()
        self._flat: _Flat | None = None
        self._fit: _Fit | None = None

    def push(self, seconds: float, cells: Floats) -> list[Proposal]:
        if self._samples and seconds - self._samples[-1].seconds < SAMPLE_SECONDS:
            return []
        centred = cells - cells.mean(axis=0)
        self._products.add(centred.ravel())
        self._samples.append(Sample(seconds, cells, root_mean_square(centred), self._is_mark(seconds)))
        self._thin_out(seconds)
        if self._samples[-1].contrast < FLAT_CONTRAST or self._flat:
            return _through_flat(self._pass_flat())
        found = self._dissolve()
        return [Proposal(found)] if found else []

    def flush(self) -> list[Proposal]:
        """What the end of the stream decides: a picture that was still coming out of a flat one has arrived."""
        if self._flat is None or self._flat.ended_seconds is None:
            return []
        return _through_flat(self._out_of_flat(self._flat, self._flat.ended_seconds))

    def forget(self, before_seconds: float) -> None:
        """Judge nothing before this time any more: it belongs to a transition that has been reported."""
        self._drop(before_seconds)
        if self._flat and self._flat.flat_seconds < before_seconds:
            self._flat = None
        if self._fit and self._fit.start_seconds < before_seconds:
            self._fit = None

    def open_seconds(self) -> list[float]:
        """The times that a transition may still name."""
        times = [sample.seconds for sample in self._samples if sample.mark]
        return [*times, self._flat.start_seconds, self._flat.flat_seconds] if self._flat else times

    def settled_seconds(self) -> float:
        """No transition that starts before this will be found any more."""
        oldest = self._samples[0].seconds if self._samples else float("-inf")
        return min(oldest, self._flat.start_seconds) if self._flat else oldest

    def _is_mark(self, seconds: float) -> bool:
        marks = [sample.seconds for sample in self._samples[-8:] if sample.mark]
        return not marks or seconds - marks[-1] >= MARK_SECONDS

    def _drop(self, before_seconds: float) -> None:
        gone = bisect_left(self._samples, before_seconds, key=lambda sample: sample.seconds)
        self._samples = self._samples[gone:]
        self._products.drop(gone)

    def _thin_out(self, now: float) -> None:
        """Keep what a fade can be as long as, and thin out the marks that only a start can fall on."""
        self._drop(min(now - MAX_FADE_SECONDS - 3 * QUIET_SECONDS, self._samples[-4:][0].seconds))
        last_mark = float("-inf")
        for sample in self._samples:
            if sample.seconds > now - RECENT_SECONDS:
                break
            sample.mark = sample.mark and sample.seconds - last_mark >= OLD_MARK_SECONDS
            last_mark = sample.seconds if sample.mark else last_mark

    def _mark_before(self, seconds: float, *, strictly: bool = False) -> float:
        marks = [sample.seconds for sample in self._samples if sample.mark]
        before = [mark for mark in marks if mark < seconds or (mark == seconds and not strictly)]
        return before[-1] if before else [*marks, self._samples[-1].seconds][0]

    def _mark_after(self, seconds: float) -> float:
        marks = [sample.seconds for sample in self._samples if sample.mark and sample.seconds >= seconds]
        return [*marks, self._samples[-1].seconds][0]

    # Fades through a flat picture

    def _pass_flat(self) -> Transition | None:
        now = self._samples[-1]
        if self._flat is None:
            self._flat, self._fit = self._into_flat(), None
        flat = self._flat
        if now.contrast < FLAT_CONTRAST:
            flat.ended_seconds = None
            most = MAX_FLAT_SECONDS if flat.slow_out or flat.before is None else MIN_SHOT_SECONDS
            return self._stays_flat(flat, now) if now.seconds - flat.flat_seconds > most else None
        if flat.ended_seconds is None:
            flat.ended_seconds = now.seconds
        lately = [sample for sample in self._samples if sample.seconds >= now.seconds - QUIET_SECONDS]
        arrived = lately[0].seconds >= flat.ended_seconds and now.contrast <= 1.06 * lately[0].contrast
        if arrived or now.seconds - flat.ended_seconds > MAX_RETURN_SECONDS:
            return self._out_of_flat(flat, flat.ended_seconds)
        return None

    def _into_flat(self) -> _Flat:
        """Walk back from the first flat frame to the last one with the old picture's full contrast."""
        index = len(self._samples) - 1
        while index > 0 and self._samples[index - 1].contrast > 1.02 * self._samples[index].contrast:
            index -= 1
        old, now = self._samples[index], self._samples[-1]
        slow = sum(FLAT_CONTRAST <= sample.contrast < 0.8 * old.contrast for sample in self._samples[index:]) >= 2
        before = old if old.contrast >= FLAT_CONTRAST else None
        now.mark = True
        return _Flat(before, self._mark_before(old.seconds), now.seconds, slow)

    def _stays_flat(self, flat: _Flat, now: Sample) -> Transition | None:
        """The flat picture becomes a shot of its own, unless it was one from the start; then the wait begins anew."""
        now.mark = True
        self._flat = _Flat(None, now.seconds, now.seconds, slow_out=False)
        if flat.before is None:
            return None
        return Transition("fade" if flat.slow_out else "cut", flat.flat_seconds, flat.start_seconds)

    def _out_of_flat(self, flat: _Flat, ended_seconds: float) -> Transition | None:
        self._flat = None
        now = self._samples[-1]
        coming = [sample for sample in self._samples if sample.seconds >= ended_seconds]
        if flat.before and likeness(flat.before.cells, now.cells) > SAME_PICTURE:
            self.forget(ended_seconds)
            return None
        there = next(sample for sample in coming if sample.contrast >= 0.9 * now.contrast)
        slow_in = sum(sample.contrast < 0.8 * now.contrast for sample in coming) >= 2
        slow = flat.slow_out or slow_in
        seconds = self._mark_after(max(there.seconds, now.seconds - RECENT_SECONDS))
        if flat.before and slow_in and not flat.slow_out and seconds - flat.flat_seconds >= MIN_FADE_SECONDS:
            self.forget(seconds)
            return Transition("cut", flat.flat_seconds, flat.start_seconds)  # the next shot opens with the flat picture
        start_seconds = flat.start_seconds if flat.before else self._mark_before(ended_seconds, strictly=True)
        return Transition("fade" if slow else "cut", seconds, start_seconds) if start_seconds < seconds else None

    # Dissolves

    def _dissolve(self) -> Transition | None:
        """The largest dissolve of the last frames, once it has stopped growing."""
        fit = self._best_fit()
        if fit is not None and (self._fit is None or fit.change > GROWTH * self._fit.change):
            self._fit = fit
        if self._fit is None or self._samples[-1].seconds - self._fit.end_seconds < 2 * QUIET_SECONDS:
            return None
        done, self._fit = self._fit, None
        return Transition("fade", self._mark_after(done.end_seconds), self._mark_before(done.start_seconds))

    def _best_fit(self) -> _Fit | None:
        times = np.array([sample.seconds for sample in self._samples])
        end = int(np.searchsorted(times, times[-1] - QUIET_SECONDS, side="right")) - 1
        if end < 4:
            return None
        first = int(np.searchsorted(times, times[end] - MAX_FADE_SECONDS))
        starts = int(np.searchsorted(times, times[end] - MIN_FADE_SECONDS)) - first
        found = mixture(self._products.between(first, end + 1), times[first : end + 1], starts, self._limits)
        if found is None:
            return None
        start, change = found
        return _Fit(float(times[first + start]), float(times[end]), change)


def _through_flat(found: Transition | None) -> list[Proposal]:
    """A slow fade to or from a flat picture is one for sure; a network that looks for its middle misses some."""
    return [Proposal(found, verdict=True if found.kind == "fade" else None)] if found else []


class _Products:
    """The mean product of each sample's centred cells with each other's, of the last samples.

    Both arrays are longer than what they hold, which is moved to their front when they are full.
    """

    def __init__(self) -> None:
        self._cells: Floats = np.empty((0, 0), np.float32)
        self._products: Doubles = np.empty((0, 0))
        self._first = self._end = 0

    def add(self, centred: Floats) -> None:
        if self._end == len(self._cells):
            self._make_room(len(centred))
        held = slice(self._first, self._end + 1)
        self._cells[self._end] = centred
        # A stack of small products: of a matrix and a vector, BLAS would wake threads that cost more than they bring.
        row = (self._cells[held, None] @ centred[:, None]).ravel().astype(np.float64) / len(centred)
        self._products[self._end, held] = self._products[held, self._end] = row
        self._end += 1

    def drop(self, count: int) -> None:
        """Forget the oldest ones."""
        self._first += count

    def between(self, first: int, end: int) -> Doubles:
        """Those of the samples ``[first, end)``, counted from the oldest one held."""
        part = slice(self._first + first, self._first + end)
        return self._products[part, part]

    def _make_room(self, length: int) -> None:
        count = self._end - self._first
        room = max(2 * count, 64)
        cells, products = np.empty((room, length), np.float32), np.empty((room, room))
        if count:
            cells[:count] = self._cells[self._first : self._end]
            products[:count, :count] = self.between(0, count)
        self._cells, self._products, self._first, self._end = cells, products, 0, count


def mixture(products: Doubles, times: Doubles, starts: int, limits: Limits) -> tuple[int, float] | None:
    """Find the frame from which the last one was reached by a dissolve.

    ``products`` (frames, frames) are the mean products of the frames' cells, each channel's mean taken off; the first
    ``starts`` frames are tried. Returns the index of the best one and the size of the change in grey levels, or None.
    What a dissolve must show: different pictures at its ends; frames between that are sums of both (little is left
    over) in shares that grow as time does, without a step; and the loss of contrast that adding two different
    pictures brings, which no moving camera shows.
    """
    power, last = np.diag(products), len(products) - 1
    across, change = products[: max(starts, 0), last], power[: max(starts, 0)] + power[last]
    tried = np.flatnonzero(
        (across < limits.most_alike * np.sqrt(power[: len(across)] * power[last]))
        & (change - 2 * across > limits.min_change**2)
    )
    if not tried.size:
        return None
    own, end, across = power[tried, None], power[last], across[tried, None]
    change = own + end - 2 * across
    even = (times - times[tried, None]) / (times[last] - times[tried, None])  # 0 at the start, 1 at the end
    shares = (products[last] - products[tried] - across + own) / change
    left_over = np.maximum(power + own - 2 * products[tried] - shares**2 * change, 0) / change
    mixed = (1 - even) ** 2 * own + even**2 * end + 2 * even * (1 - even) * across
    lost = own + even * (end - own) - power, own + even * (end - own) - mixed
    uneven, fits = _looks_mixed(even, shares, left_over, lost, limits)
    if not fits.any():
        return None
    large = fits & (change[:, 0] > change[fits, 0].max() / GROWTH**2)
    best = int(np.argmin(np.where(large, uneven, np.inf)))
    return int(tried[best]), float(np.sqrt(change[best, 0]))


def _looks_mixed(
    even: Doubles, shares: Doubles, left_over: Doubles, lost: tuple[Doubles, Doubles], limits: Limits
) -> tuple[Doubles, NDArray[np.bool_]]:
    """How far the shares stray from even ones, and whether all signs of a dissolve are there; a row per start.

    ``lost`` is the contrast that each frame lost, and what mixing the two pictures would have cost it.
    """
    between = (even > 0) & (even < 1)
    weight = np.where(between, even * (1 - even), 0)
    uneven = np.where(between, np.abs(shares - even), 0).max(axis=1)
    step = np.diff(np.where(even < 0, 0, shares), axis=1).max(axis=1)
    worst = np.sqrt(np.where(between, left_over, 0).max(axis=1))
    mean = np.sqrt((left_over * weight).sum(axis=1) / np.maximum(weight.sum(axis=1), 1e-9))
    truly, by_mixing = ((each * weight).sum(axis=1) for each in lost)
    fits = (worst < limits.most_left_over) & (mean < limits.mean_left_over) & (uneven < limits.most_uneven)
    return uneven, fits & (step < limits.most_step) & (truly / np.maximum(by_mixing, 1e-6) > limits.least_dip)
