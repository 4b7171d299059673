"""How many of a kind there are: a number only where every frame agrees on it."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median_low

from ..records import LabelCount
from .arrivals import Glance
from .boxes import share_inside
from .detect import Detection

LEAST_FRAMES = 3
SEVERAL, CROWD = 3, 8
SURE = 0.3  # score over which a detection counts


def counts(there: Sequence[str], glances: Sequence[Glance]) -> tuple[LabelCount, ...]:
    """What is known of the number of each label; ``there`` holds one label for each named thing.

    A number where each of at least ``LEAST_FRAMES`` frames shows just as many as were named; "several" or "a crowd"
    where they differ but none shows fewer than that. Nothing is said of the rest.
    """
    found = []
    for label in dict.fromkeys(there):
        seen = [len(whole(glance.detections, label)) for glance in glances]
        named = there.count(label)
        if len(seen) >= LEAST_FRAMES and set(seen) == {named}:
            found.append(LabelCount(label, named))
        elif len(seen) >= LEAST_FRAMES and label == "person" and median_low(seen) >= CROWD:
            found.append(LabelCount(label, None, crowd=True))
        elif len(seen) >= LEAST_FRAMES and min(*seen, named) >= SEVERAL:
            found.append(LabelCount(label, None))
    return tuple(found)


def whole(detections: Sequence[Detection], label: str) -> list[Detection]:
    """The detections of a label without those that lie inside another: an arm is not a second person."""
    alike = [found for found in detections if found.label == label and found.score >= SURE]
    return [
        found
        for number, found in enumerate(alike)
        if not any(share_inside(found.box, other.box) > 0.8 for other in alike[:number])
    ]
