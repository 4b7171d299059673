"""Whether the camera follows a subject: the background slides by, and the subject stays where it is in the picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..records import Box, CameraMotion, TrackedObject

TRACKING = "tracking"
LEAST_SLIDE = 0.15  # widths or heights by which the background must slide
MOST_OF_SLIDE = 0.35  # share of it by which a subject that is followed may move in the picture
LEAST_AREA = 0.01  # share of the picture: nobody follows a dot
MOST_GROWTH = 1.5  # of its width or height


def followed(camera: CameraMotion, objects: Sequence[TrackedObject]) -> CameraMotion:
    """The motion with "tracking" as its first move, if one of the objects is followed; else as it is."""
    slide = (camera.pan_widths, camera.tilt_heights)
    turns = any(move.startswith(("pan", "truck", "tilt", "pedestal")) for move in camera.moves)
    if not turns or max(map(abs, slide)) < LEAST_SLIDE:
        return camera
    boxes = [(thing.start_box, thing.end_box) for thing in objects if thing.start_box and thing.end_box]
    if not any(stays(start, end, slide) for start, end in boxes):
        return camera
    return replace(camera, moves=(TRACKING, camera.moves[0]))


def stays(start: Box, end: Box, slide: tuple[float, float]) -> bool:
    """Whether a box stays in its place and of its size while the background slides."""
    if min(start.width * start.height, end.width * end.height) < LEAST_AREA:
        return False
    grown = max(end.width / start.width, start.width / end.width, end.height / start.height, start.height / end.height)
    moved = max(abs(after - before) for before, after in zip(start.centre, end.centre, strict=True))
    return grown <= MOST_GROWTH and moved <= MOST_OF_SLIDE * max(map(abs, slide))
