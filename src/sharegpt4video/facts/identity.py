"""Tells whether something that comes into the story was in it before: the same colours in the same places."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from ..records import Box
from .labels import related

Signature = NDArray[np.float32]

PATCH = (16, 48)  # columns and rows that a box is shrunk to
THIRDS = 3  # head, trunk and legs of a person; what is above and below on a thing
SIDE_MARGIN = 0.2  # of the box's width: there is background
HUES, CHROMATIC_LIGHTS, GREYS = 12, 3, 6
LEAST_SATURATION, LEAST_VALUE = 50, 40  # of 255: less has no hue

# Of pairs of things of one label, from 42 videos: the halves of one track's life are alike to .97 (median; a tenth is
# under .84), things of different videos to .41 (a hundredth is over .78), things side by side in one picture to .71.
SAME = 0.9
DIFFERENT = 0.78
MARGIN = 0.04  # by which the best must lead, or nobody knows which of the two it is
MOST_SUBJECTS = 64  # that are remembered, the latest


def signature(rgb: NDArray[np.uint8], box: Box) -> Signature | None:
    """Colour histograms of the upper, middle and lower third of a box, 126 numbers of length 1; None for a tiny box."""
    height, width = rgb.shape[:2]
    margin = SIDE_MARGIN * box.width
    left, right = round((box.left + margin) * width), round((box.right - margin) * width)
    top, bottom = round(box.top * height), round(box.bottom * height)
    if right - left < 3 or bottom - top < 6:
        return None
    small = cv2.resize(rgb[top:bottom, left:right], PATCH, interpolation=cv2.INTER_AREA)
    hue, saturation, value = (plane.astype(np.int64) for plane in cv2.split(cv2.cvtColor(small, cv2.COLOR_RGB2HSV)))
    grey = np.minimum(value * GREYS // 256, GREYS - 1)
    colour = GREYS + hue * HUES // 180 * CHROMATIC_LIGHTS + value * CHROMATIC_LIGHTS // 256
    bins = np.where((saturation > LEAST_SATURATION) & (value > LEAST_VALUE), colour, grey)
    total = GREYS + HUES * CHROMATIC_LIGHTS
    counts = [np.bincount(third.ravel(), minlength=total) for third in np.split(bins, THIRDS)]
    found: Signature = np.sqrt(np.concatenate(counts) / bins.size).astype(np.float32)
    return found


@dataclass
class _Subject:
    label: str
    total: Signature
    spans: dict[int, tuple[float, float]] = field(default_factory=dict)
    """When each of its tracks was seen."""

    @property
    def mean(self) -> Signature:
        mean: Signature = self.total / np.linalg.norm(self.total)
        return mean


class Subjects:
    """Everything that was named so far in a video, and what it looks like."""

    def __init__(self) -> None:
        self._subjects: dict[int, _Subject] = {}
        self._of_track: dict[int, tuple[int, bool]] = {}
        self._next_id = 1

    def of(self, track_id: int, label: str, looks: list[Signature], first: float, last: float) -> int | None:
        """The number of a track's subject, the same for all tracks of that subject; None where it is not known.

        ``looks`` are signatures of its sights, ``first`` and ``last`` when it is there. What is there at the same time
        as a subject is not that subject. Decided once for each track, when it is first asked for.
        """
        if track_id not in self._of_track:
            if not looks:
                return None
            self._of_track[track_id] = self._identify(label, _mean(looks), first, last)
        number, known = self._of_track[track_id]
        if number in self._subjects:
            subject = self._subjects[number]
            subject.spans[track_id] = (min(first, subject.spans.get(track_id, (first, last))[0]), last)
            if looks:
                subject.total = subject.total + _mean(looks)
        return number if known else None

    def label_of(self, number: int | None, label: str) -> str:
        """What a subject was called first; a thing that is not known to be one of them keeps its own label."""
        subject = None if number is None else self._subjects.get(number)
        return subject.label if subject is not None and related(subject.label, label) else label

    def _identify(self, label: str, look: Signature, first: float, last: float) -> tuple[int, bool]:
        """The subject that looks like this, or a new one, and whether that is certain."""
        alike = [
            (float(subject.mean @ look), number)
            for number, subject in self._subjects.items()
            if related(subject.label, label)
            and not any(start <= last and end >= first for start, end in subject.spans.values())
        ]
        (best, number), (second, _) = ([*sorted(alike, reverse=True), (0.0, 0), (0.0, 0)])[:2]
        if best >= SAME and best - second >= MARGIN:
            return number, True
        self._subjects[self._next_id] = _Subject(label, look)
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
