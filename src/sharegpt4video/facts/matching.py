"""How well a detection continues a track, and when two tracks are one thing."""

from __future__ import annotations

from math import hypot
from typing import TYPE_CHECKING

from ..records import Box
from . import labels
from .boxes import overlap
from .detect import Detection

if TYPE_CHECKING:
    from .tracks import Track


def double_overlap(track: Track, other: Track) -> float:
    """The overlap over which two tracks are one thing: a dog and a cat in much the same place sooner than two people,
    who may stand behind each other."""
    kin = track.label != other.label and labels.related(track.label, other.label)
    return 0.6 if kin else 0.8


def fit(track: Track, predicted: Box, detection: Detection, seconds: float) -> float:
    """How well a detection continues a track: up to 1 for overlap, a little for nearness, 0 for not at all.

    Sampled a few times a second, a fast object may not overlap its last box at all; then it must be of the same kind
    and size, and near where its speed takes it (a new track has no speed yet, so it may be further off).
    """
    found = detection.box
    overlapping = max(overlap(predicted, found), overlap(track.last.box, found))
    same_label, kin = track.label == detection.label, labels.related(track.label, detection.label)
    surely = detection.score >= track.settings.start_score  # a weak one of something else is the background
    if overlapping >= (0.25 if kin else 0.5 if surely else 0.6):
        return overlapping + (0.5 if same_label else 0.25 if kin else 0.0) + 0.2 * detection.score
    width, height = (predicted.width + found.width) / 2, (predicted.height + found.height) / 2
    if not kin or width <= 0 or height <= 0:
        return 0.0
    ratio = (predicted.width * predicted.height) / max(found.width * found.height, 1e-9)
    away = hypot((predicted.centre[0] - found.centre[0]) / width, (predicted.centre[1] - found.centre[1]) / height)
    reach = 1.5 if track.seen_frames < 2 else 0.8
    near = away < reach and 0.4 < ratio < 2.5 and seconds - track.last.seconds < track.settings.gap_seconds
    return 0.2 * (1 - away / reach) if near else 0.0
