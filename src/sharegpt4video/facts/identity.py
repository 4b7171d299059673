"""Tells whether something that comes into the story was in it before: the same colours in the same places."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from ..records import Box
from .boxes import overlap
from .labels import related
from .tracks import Sample

Signature = NDArray[np.float32]

PATCH = (16, 48)  # columns and rows that a box is shrunk to
THIRDS = 3  # head, trunk and legs of a person; what is above and below on a thing
SIDE_MARGIN, END_MARGIN = 0.3, 0.05  # of the box: there is background, which all things of a scene share
HUES, LIGHTS, GREYS = 24, 6, 16
LEAST_SATURATION, LEAST_VALUE = 50, 40  # of 255: less has no hue

# Of pairs of things of one label, from 42 videos: the halves of one track's life are alike to .97 (median; under .94
# for three in ten), things side by side in one picture to .65 (over .93 for one in fifty, .89 for one in ten), those of
# different videos less still (over .78 for one in a hundred).
SAME = 0.95
SAME_HERE = 0.85  # for what is where the subject was last seen, in the same setting
SAME_SETTING, SAME_PLACE = 0.95, 0.4  # likeness of whole pictures, overlap of boxes
DIFFERENT = 0.78
MARGIN = 0.03  # by which the best must lead, or nobody knows which of the two it is
MOST_SUBJECTS = 64  # that are remembered, the latest


WHOLE = Box(0.0, 0.0, 1.0, 1.0)


def signature(rgb: NDArray[np.uint8], box: Box) -> Signature | None:
    """Colour histograms of the upper, middle and lower third of a box, 480 numbers of length 1; None for a tiny box."""
    height, width = rgb.shape[:2]
    side, end = SIDE_MARGIN * box.width, END_MARGIN * box.height
    left, right = round((box.left + side) * width), round((box.right - side) * width)
    top, bottom = round((box.top + end) * height), round((box.bottom - end) * height)
    if right - left < 3 or bottom - top < 6:
        return None
    small = cv2.resize(rgb[top:bottom, left:right], PATCH, interpolation=cv2.INTER_AREA)
    hue, saturation, value = (plane.astype(np.int64) for plane in cv2.split(cv2.cvtColor(small, cv2.COLOR_RGB2HSV)))
    grey = np.minimum(value * GREYS // 256, GREYS - 1)
    colour = GREYS + hue * HUES // 180 * LIGHTS + value * LIGHTS // 256
    bins = np.where((saturation > LEAST_SATURATION) & (value > LEAST_VALUE), colour, grey)
    size = GREYS + HUES * LIGHTS
    bins += np.repeat(np.arange(THIRDS), PATCH[1] // THIRDS)[:, None] * size
    found = np.sqrt(_spread(np.bincount(bins.ravel(), minlength=THIRDS * size).reshape(THIRDS, size)))
    return np.asarray(found / np.linalg.norm(found), np.float32)


def _spread(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Histograms (a row each) with some of each bin in its neighbours: a cloud before the sun is not another shirt."""
    greys = _with_neighbours(counts[:, :GREYS].astype(np.float64))
    colours = counts[:, GREYS:].reshape(THIRDS, HUES, LIGHTS).astype(np.float64)
    colours = 0.5 * colours + 0.25 * (np.roll(colours, 1, axis=1) + np.roll(colours, -1, axis=1))
    return np.concatenate([greys, _with_neighbours(colours).reshape(THIRDS, -1)], axis=1).ravel()


def _with_neighbours(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Half of each value along the last axis, and a quarter of each of its neighbours."""
    spread = 0.5 * values
    spread[..., 1:] += 0.25 * values[..., :-1]
    spread[..., :-1] += 0.25 * values[..., 1:]
    return spread


@dataclass(frozen=True, eq=False)
class Appearance:
    """What is known of a track: when and where it is, what it looks like, and the whole picture around it."""

    track_id: int
    label: str
    first: Sample
    last: Sample
    looks: list[Signature]
    setting: Signature | None


@dataclass
class _Subject:
    label: str
    total: Signature
    box: Box
    setting: Signature | None
    spans: dict[int, tuple[float, float]] = field(default_factory=dict)
    """When each of its tracks was seen."""

    def likeness(self, look: Signature) -> float:
        return float(self.total @ look / np.linalg.norm(self.total))

    def was_here(self, one: Appearance) -> bool:
        """Whether it was last seen in this place of this setting."""
        known = self.setting is not None and one.setting is not None
        same = known and float(np.dot(self.setting, one.setting)) >= SAME_SETTING  # type: ignore[arg-type]
        return same and overlap(self.box, one.first.box) >= SAME_PLACE


class Subjects:
    """Everything that was named so far in a video, and what it looks like."""

    def __init__(self) -> None:
        self._subjects: dict[int, _Subject] = {}
        self._of_track: dict[int, tuple[int, bool]] = {}
        self._next_id = 1

    def of(self, one: Appearance) -> int | None:
        """The number of a track's subject, the same for all tracks of that subject; None where it is not known.

        What is there at the same time as a subject is not that subject. Decided once for each track, when it is first
        asked for.
        """
        if one.track_id not in self._of_track:
            if not one.looks:
                return None
            self._of_track[one.track_id] = self._identify(one)
        number, known = self._of_track[one.track_id]
        if number in self._subjects:
            subject = self._subjects[number]
            start, _ = subject.spans.get(one.track_id, (one.first.seconds, 0.0))
            subject.spans[one.track_id] = min(start, one.first.seconds), one.last.seconds
            subject.box, subject.setting = one.last.box, one.setting
            if one.looks:
                subject.total = subject.total + _mean(one.looks)
        return number if known else None

    def label_of(self, number: int | None, label: str) -> str:
        """What a subject was called first; a thing that is not known to be one of them keeps its own label."""
        subject = None if number is None else self._subjects.get(number)
        return subject.label if subject is not None and related(subject.label, label) else label

    def _identify(self, one: Appearance) -> tuple[int, bool]:
        """The subject that looks like this, or a new one, and whether that is certain."""
        look = _mean(one.looks)
        alike = [
            (subject.likeness(look), number)
            for number, subject in self._subjects.items()
            if related(subject.label, one.label)
            and not any(start <= one.last.seconds and end >= one.first.seconds for start, end in subject.spans.values())
        ]
        (best, number), (second, _) = ([*sorted(alike, reverse=True), (0.0, 0), (0.0, 0)])[:2]
        here = best >= SAME_HERE and self._subjects[number].was_here(one)
        if (best >= SAME and best - second >= MARGIN) or here:
            return number, True
        self._subjects[self._next_id] = _Subject(one.label, look, one.last.box, one.setting)
        self._next_id += 1
        for old in list(self._subjects)[:-MOST_SUBJECTS]:
            del self._subjects[old]
        for track in list(self._of_track)[: 1 - MOST_SUBJECTS]:
            del self._of_track[track]
        return self._next_id - 1, best < DIFFERENT


def _mean(looks: list[Signature]) -> Signature:
    total = np.sum(looks, axis=0)
    mean: Signature = total / np.linalg.norm(total)
    return mean
