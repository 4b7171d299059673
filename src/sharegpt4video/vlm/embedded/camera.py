"""What the camera does, in words: for one interval, and for a whole run of them. The moves have CameraBench's names."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ...records import CameraMotion, Facts
from .clauses import Clause

SLOW_WIDTHS_PER_SECOND = 0.06
FAST_WIDTHS_PER_SECOND = 0.3
MOST_MOVES = 2

_ACTIONS = {
    "pan left": ("pan", "left"),
    "pan right": ("pan", "right"),
    "tilt up": ("tilt", "up"),
    "tilt down": ("tilt", "down"),
    "zoom in": ("zoom", "in"),
    "zoom out": ("zoom", "out"),
    "roll clockwise": ("roll", "clockwise"),
    "roll counter-clockwise": ("roll", "counter-clockwise"),
}
_TRAVELS = {
    "dolly in": "move forward",
    "dolly out": "move backward",
    "truck left": "move sideways to the left",
    "truck right": "move sideways to the right",
    "pedestal up": "rise",
    "pedestal down": "descend",
    "tracking": "follow the movement",
    "arc clockwise": "circle around",
    "arc counter-clockwise": "circle around",
    "shake": "shake",
    "hand-held": "be hand-held",
}


def camera_clauses(facts: Facts, earlier: Facts | None = None) -> Iterator[Clause]:
    """One clause for each of the two largest moves; none when the camera was not measured.

    That it is still or held by hand is told once: not again when it was so in the interval before.
    """
    seconds = max(facts.end_seconds - facts.start_seconds, 1e-3)
    times = (facts.start_seconds, facts.end_seconds)
    before = earlier.camera.moves[:MOST_MOVES] if earlier else ()
    moves = facts.camera.moves[:MOST_MOVES]
    goes_on = set(moves) <= set(before)
    for position, move in enumerate(moves):
        told = move in before
        if move in _ACTIONS:
            action = with_speed(move, speed(move, facts.camera, seconds))
            action = keeping(action) if goes_on else action
            yield Clause("camera", action, 0.65 - 0.02 * position, *times, subject="the camera")
        elif move in ("shake", "hand-held"):
            if not told:
                yield Clause("camera", _TRAVELS[move], 0.3 - 0.02 * position, *times, subject="the camera")
        elif move in _TRAVELS:
            action = keeping(_TRAVELS[move]) if goes_on else _TRAVELS[move]
            yield Clause("camera", action, 0.65 - 0.02 * position, *times, subject="the camera")
        elif move == "static" and len(moves) == 1 and not told:
            yield Clause("camera", STILL, 0.05, *times, subject="the camera")


STILL = "stay still"


def keeping(action: str) -> str:
    """The same move where it was told of the interval before: "keep panning left"."""
    first, _, rest = action.partition(" ")
    doing = {"pan": "panning", "tilt": "tilting"}.get(first, f"{first.removesuffix('e')}ing")
    return f"keep {doing} {rest}".strip()


def with_speed(move: str, rate: float) -> str:
    """The move as a verb: "pan slowly right", "zoom in quickly"."""
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
    if move in _ACTIONS:
        return with_speed(move, (SLOW_WIDTHS_PER_SECOND + FAST_WIDTHS_PER_SECOND) / 2)
    return _TRAVELS.get(move, "")
