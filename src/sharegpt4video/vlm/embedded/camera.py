"""What the camera does, in words: for one interval, and for a whole run of them."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ...records import CameraMotion, Facts
from .clauses import Clause

SLOW_WIDTHS_PER_SECOND = 0.06
FAST_WIDTHS_PER_SECOND = 0.3

_ACTIONS = {
    "pan left": ("pan", "to the left"),
    "pan right": ("pan", "to the right"),
    "tilt up": ("tilt", "up"),
    "tilt down": ("tilt", "down"),
    "zoom in": ("zoom", "in"),
    "zoom out": ("zoom", "out"),
    "roll clockwise": ("roll", "clockwise"),
    "roll counter-clockwise": ("roll", "counter-clockwise"),
}


def camera_clauses(facts: Facts) -> Iterator[Clause]:
    """One clause for each move that is large enough to say; none when the camera was not measured."""
    seconds = max(facts.end_seconds - facts.start_seconds, 1e-3)
    times = (facts.start_seconds, facts.end_seconds)
    for position, move in enumerate(facts.camera.moves):
        if move in _ACTIONS:
            action = with_speed(move, speed(move, facts.camera, seconds))
            yield Clause("camera", action, 0.65 - 0.02 * position, *times, subject="the camera")
        elif move == "shake":
            yield Clause("camera", "shake", 0.3 - 0.02 * position, *times, subject="the camera")
        elif move == "static" and len(facts.camera.moves) == 1:
            yield Clause("camera", "stay still", 0.05, *times, subject="the camera")


def with_speed(move: str, rate: float) -> str:
    """The move as a verb: "pan slowly to the right", "zoom in quickly"."""
    verb, direction = _ACTIONS[move]
    how = "slowly" if rate < SLOW_WIDTHS_PER_SECOND else "quickly" if rate > FAST_WIDTHS_PER_SECOND else ""
    order = [verb, direction, how] if direction in ("in", "out", "up", "down") else [verb, how, direction]
    return " ".join(filter(None, order))


def speed(move: str, camera: CameraMotion, seconds: float) -> float:
    """How fast a move shifts the picture, in picture widths (heights for a tilt) per second."""
    if move.startswith("pan"):
        return abs(camera.pan_widths) / seconds
    if move.startswith("tilt"):
        return abs(camera.tilt_heights) / seconds
    if move.startswith("zoom"):
        return abs(math.log(max(camera.zoom_ratio, 1e-3))) / 2 / seconds
    return abs(math.radians(camera.roll_degrees)) / 2 / seconds


def plain_action(move: str) -> str:
    """The move as a verb without its speed; "" for a name that is not a move."""
    return (
        with_speed(move, (SLOW_WIDTHS_PER_SECOND + FAST_WIDTHS_PER_SECOND) / 2)
        if move in _ACTIONS
        else {"shake": "shake"}.get(move, "")
    )
