"""Who comes and who goes: only what was measured, a crossing of the picture's edge or a place that was empty.

A track that begins does not show that something came: most of the time it had been there and was not recognised. So
the frames before must show nothing at its place, and the place must have looked different. Leaving is
the same, read backwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

import cv2
import numpy as np
from numpy.typing import NDArray

from ..records import Box, Side
from .boxes import overlap, share_inside
from .detect import Detection
from .labels import related
from .tracks import Track

GREY_SIDE_PIXELS = 160
SIDES: tuple[Side, ...] = ("left", "right", "top", "bottom")

TOUCHES = 0.03  # a box this near to the picture's edge is cut off by it
LEAST_WAY = 0.07  # of the picture: below it lies the jitter of detected boxes
WAY_SECONDS = 1.5  # how long a crossing is watched
TRANSIT_SECONDS = 0.7  # in which something may be on its way, seen in part and not yet found
NEAR_EDGE_SECONDS = 0.7  # what is first seen clear of the edge must have been at it this short a time ago
ELSEWHERE_SECONDS = 1.0  # what is lost this long may be found again as another track
UPRIGHT = ("top", "bottom")  # people walk in from the sides; a camera that tilts comes upon heads and feet
MOST_CUT_OFF = 0.5  # of the picture: what is cut off by the bottom and higher than this may have stood there long
LEAST_EMPTY_CROSSED, LEAST_EMPTY = 1, 3  # frames with an empty place, for a crossing and for all else
SEEN_INSIDE = 0.5  # mean score of what is never overlooked for a second
SAME_PLACE = 0.3  # overlap
SEARCH = 0.06  # how far something may have gone between two frames, in picture widths
LEAST_CHANGE, NOISES, CHANGED_SHARE = 12.0, 4.0, 0.25  # grey levels, times the median change; share of a box's pixels
AT_REST_SHARE = 0.03  # the same for a place in which nothing was half in the picture
FLAT = 2.0  # grey levels: there is no pattern
SAME_PATTERN, SAME_PATTERN_STILL = 0.8, 0.9  # correlation


@dataclass(frozen=True, eq=False)
class Glance:
    """One look at the picture: what was detected, however weakly, and the picture itself, small and grey."""

    seconds: float
    detections: tuple[Detection, ...]
    grey: NDArray[np.uint8]


@dataclass(frozen=True)
class Passage:
    """Something that comes or goes at ``seconds``: the side of the picture that it crosses, or "inside"."""

    seconds: float
    side: Side


def small_grey(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture as ``Glance`` keeps it."""
    height, width = rgb.shape[:2]
    scale = GREY_SIDE_PIXELS / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), size, interpolation=cv2.INTER_AREA), np.uint8)


def arrival(track: Track, glances: Sequence[Glance], others: Sequence[Track], still: bool) -> Passage | None:
    """How a track came into the picture; None where it was there from the start, or where nothing shows otherwise.

    ``glances`` are those at the shot, in time order, ``others`` its other tracks, named or not. Without a ``still``
    camera only crossings count.
    """
    first = track.first
    sights = [(sample.seconds - first.seconds, sample.box) for sample in track.samples]
    return _passage(track, sights, first.seconds, list(reversed(glances)), others, still, comes=True)


def departure(track: Track, glances: Sequence[Glance], others: Sequence[Track], still: bool) -> Passage | None:
    """How a track left the picture; None where it is still there, or where nothing shows otherwise."""
    last = track.last
    sights = [(last.seconds - sample.seconds, sample.box) for sample in reversed(track.samples)]
    return _passage(track, sights, last.seconds, glances, others, still, comes=False)


def _passage(
    track: Track,
    sights: Sequence[tuple[float, Box]],
    seconds: float,
    glances: Sequence[Glance],
    others: Sequence[Track],
    still: bool,
    *,
    comes: bool,
) -> Passage | None:
    """What happened at an end of a track, ``seconds``, told from the frames from there on (in time, or against it).

    ``sights`` are its boxes with how long they are from that end, nearest first.
    """
    at = next((number for number, glance in enumerate(glances) if glance.seconds == seconds), None)
    box = sights[0][1]
    if at is None or covered(track, seconds, box, others):
        return None
    side = crossed(sights)
    edge = side or at_edge(box)
    if not still and (not side or (side in UPRIGHT and track.label == "person")):
        return None
    beyond = _beyond(glances[at:], box, others)

    def shows(glance: Glance, found: bool) -> bool:
        return found or looks_alike(glances[at].grey, glance.grey, box, still)

    if still and edge:  # it may be on its way, seen in part
        near = [one for one in beyond if abs(one[0].seconds - seconds) <= TRANSIT_SECONDS]
        passed = list(takewhile(lambda one: shows(*one), near)) if side else near
        beyond = beyond[len(passed) :]
    needed = LEAST_EMPTY_CROSSED if side else LEAST_EMPTY
    empty = beyond[:needed]
    if len(empty) < needed or any(shows(*one) for one in empty):
        return None
    bare = edge and all(changed_share(empty[0][0].grey, glance.grey, box) <= AT_REST_SHARE for glance, _ in empty)
    unsure = track.score < SEEN_INSIDE and not bare  # where all is at rest before, nobody was half in the picture
    if not side and (unsure or _elsewhere(track, others, comes=comes)):
        return None
    return Passage((seconds + empty[0][0].seconds) / 2, edge or "inside")


def _beyond(glances: Sequence[Glance], box: Box, others: Sequence[Track]) -> list[tuple[Glance, bool]]:
    """The frames after the first of these, each with whether anything was detected in the box there.

    The next one is left out if so: half in or half out of the picture, too little was there to be followed.
    """
    seconds = glances[0].seconds
    beyond = [
        (
            glance,
            found_at(box, [found for found in glance.detections if not _taken(found, glance.seconds, seconds, others)]),
        )
        for glance in glances[1:]
    ]
    return beyond[1:] if beyond and beyond[0][1] else beyond


def at_edge(box: Box) -> Side:
    """The side of the picture that cuts the box off, at a corner the one that it lies along.

    The bottom does not count: it cuts off most people. What is cut off on opposite sides is a close view of something.
    """
    sides = {side for side in SIDES if _from_edge(box, side)[0] <= TOUCHES}
    if {"left", "right"} <= sides or {"top", "bottom"} <= sides:
        return ""
    sides.discard("bottom")
    return max(sorted(sides), key=lambda side: box.height if side in ("left", "right") else box.width, default="")


def _elsewhere(track: Track, others: Sequence[Track], *, comes: bool) -> bool:
    """Whether something that may be the same ended just before this began, or begins when it ends: it went too fast to
    be followed."""
    for other in others:
        earlier, later = (other, track) if comes else (track, other)
        apart = later.first.seconds - earlier.last.seconds
        if other is not track and related(track.label, other.label) and abs(apart) <= ELSEWHERE_SECONDS:
            return True
    return False


def _taken(found: Detection, seconds: float, end_seconds: float, others: Sequence[Track]) -> bool:
    """Whether a detection is of another track, one that is there at both times."""
    return any(
        sample.seconds == seconds and sample.box == found.box
        for other in others
        if other.first.seconds <= min(seconds, end_seconds) and other.last.seconds >= max(seconds, end_seconds)
        for sample in other.samples
    )


def crossed(sights: Sequence[tuple[float, Box]]) -> Side:
    """The side of the picture that these boxes move away from, if the first of them touches it or soon would, else "".

    What is cut off by the edge grows from it: its far side moves.
    """
    near = sights[0][1]
    best = 0.0
    side: Side = ""
    for name in SIDES:
        gap, far = _from_edge(near, name)
        ways = [(passed, _from_edge(box, name)[1] - far) for passed, box in sights if 0 < passed <= WAY_SECONDS]
        passed, way = max(ways, key=lambda one: one[1], default=(1.0, 0.0))
        soon = gap <= TOUCHES or gap <= way / passed * NEAR_EDGE_SECONDS
        if soon and far < (MOST_CUT_OFF if name == "bottom" else 0.9) and way >= LEAST_WAY and way > best:
            best, side = way, name
    return side


def _from_edge(box: Box, side: Side) -> tuple[float, float]:
    """How far the near and the far side of a box are from a side of the picture."""
    if side == "left":
        return box.left, box.right
    if side == "right":
        return 1 - box.right, 1 - box.left
    return (box.top, box.bottom) if side == "top" else (1 - box.bottom, 1 - box.top)


def found_at(box: Box, detections: Sequence[Detection]) -> bool:
    """Whether anything at all was detected in about this box."""
    return any(overlap(box, found.box) >= SAME_PLACE for found in detections)


def looks_alike(grey: NDArray[np.uint8], other: NDArray[np.uint8], box: Box, still: bool) -> bool:
    """Whether what is in the box in one picture may also be in the other, there or a little off.

    Before a still camera, what has come or gone changes many pixels of its box; what is behind it may look much like
    it otherwise (a table's edge runs on behind a bottle). Before a moving one, only the pattern tells.
    """
    height, width = grey.shape
    left, top, right, bottom = _pixels(box, width, height)
    if right - left < 4 or bottom - top < 4 or grey.shape != other.shape:
        return False
    reach = round(SEARCH * width)
    around = other[max(top - reach, 0) : bottom + reach, max(left - reach, 0) : right + reach]
    patch = grey[top:bottom, left:right]
    if still and changed_share(grey, other, box) < CHANGED_SHARE:
        return True
    flat = float(patch.std()) < FLAT
    same = 1.0 if flat else float(cv2.matchTemplate(around, patch, cv2.TM_CCOEFF_NORMED).max())
    return (flat and not still) or same >= (SAME_PATTERN_STILL if still else SAME_PATTERN)


def changed_share(grey: NDArray[np.uint8], other: NDArray[np.uint8], box: Box) -> float:
    """The share of the box's pixels that differ between two pictures, by more than noise."""
    change = cv2.absdiff(grey, other)
    noise = max(LEAST_CHANGE, NOISES * float(np.median(change)))
    left, top, right, bottom = _pixels(box, grey.shape[1], grey.shape[0])
    return float((change[top:bottom, left:right] > noise).mean())


def _pixels(box: Box, width: int, height: int) -> tuple[int, int, int, int]:
    left, right = round(max(box.left, 0) * width), round(min(box.right, 1) * width)
    return left, round(max(box.top, 0) * height), right, round(min(box.bottom, 1) * height)


def covered(track: Track, seconds: float, box: Box, others: Sequence[Track]) -> bool:
    """Whether another track lies over it then: one thing seen as two, or taken for two things."""
    for other in others:
        there = other.box_at(seconds) if other is not track else None
        if there is None:
            continue
        nested = other.label == track.label and max(share_inside(box, there), share_inside(there, box)) > 0.5
        if nested or overlap(box, there) >= SAME_PLACE:
            return True
    return False
