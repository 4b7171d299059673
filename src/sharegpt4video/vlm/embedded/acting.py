"""What a tracked object does between two keyframes: its limbs, its way through the picture, its size, its stirring."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ...records import Box, CameraMotion, Facts, Pose, TrackedObject
from .clauses import Clause, ClauseKind
from .geometry import BORDER, TRAVELS, area, holds_still, shifts, side
from .words import ALIVE, DRIVEN, MOVERS, a

POSE_CONFIDENCE = 0.3
LEAST_MOVE = 0.07  # of the picture's width; below it lies the jitter of detected boxes
LEAST_GLIDE = 0.04  # of what is rigid, where the picture was seen to move
LEAST_MOVE_OF_THINGS = 0.14  # a chair seldom walks: its box is more likely to be wrong than its place
LEAST_RISE = 0.12  # of the picture's height; a body that straightens moves its box this much
LEAST_GROWTH, MUCH_GROWTH = 1.25, 1.8
MOST_STRETCH = 1.2
MOST_ROLL_DEGREES = 15.0  # a camera turned further than this tilts every torso
LEAST_DRIFT = 0.02  # of the width, in each of two intervals the same way
STANDING = CameraMotion()
SLOW_MOVE, FAST_MOVE = 0.05, 0.35  # picture widths per second


def object_clause(thing: TrackedObject, facts: Facts, kind: ClauseKind, action: str, salience: float) -> Clause:
    """A clause about an object, weighed by what it is and how large."""
    box = thing.end_box or thing.start_box or Box(0, 0, 0, 0)
    weight = 1.0 if thing.label == "person" else 0.9 if thing.label in MOVERS else 0.6
    return Clause(
        kind=kind,
        action=action,
        salience=salience * weight * (0.8 + 0.2 * min(area(box) * 4, 1.0)),
        start_seconds=facts.start_seconds,
        end_seconds=facts.end_seconds,
        label=thing.label,
        tracks=(thing.track_id,),
    )


def acting(thing: TrackedObject, start: Box, end: Box, facts: Facts, before: TrackedObject | None) -> Iterator[Clause]:
    """What an object does that is there at both ends.

    A body that bends changes its box too: then its size says nothing. ``before`` is the same object in the interval
    before.
    """
    actions = posture_actions(thing, facts.camera) if thing.label == "person" else []
    for action in actions:
        yield object_clause(thing, facts, "posture", action, 0.8)
    bends = any("torso" in action or action == "straighten up" for action in actions)
    if action := moving(thing, start, end, facts, LEAST_MOVE_OF_THINGS if bends else LEAST_MOVE):
        across, _ = shifts(start, end, facts.camera)
        gist = "" if " up " in action or " down " in action else f"move to the {'right' if across > 0 else 'left'}"
        yield replace(object_clause(thing, facts, "move", action, 0.7), gist=gist, way=_sides(start, end, facts.camera))
    elif before is not None and not bends and (towards := drifting(before, thing, facts.camera)):
        clause = object_clause(thing, facts, "move", f"move slowly to the {towards}", 0.6)
        yield replace(clause, gist=f"move to the {towards}", way=_sides(start, end, facts.camera))
    if not actions and (action := growing(thing, start, end, facts.camera)):
        yield object_clause(thing, facts, "size", action, 0.6)


def posture_actions(person: TrackedObject, camera: CameraMotion) -> list[str]:
    """What a person's limbs and torso do in an interval, in verbs; nothing where a joint was not seen."""
    start, end = person.start_pose, person.end_pose
    if start is None or end is None or min(start.confidence, end.confidence) < POSE_CONFIDENCE:
        return []
    actions = limb_actions("arm", start.arms_raised, end.arms_raised, person.arm_raises)
    actions += limb_actions("leg", start.legs_raised, end.legs_raised, person.leg_raises)
    if abs(camera.roll_degrees) < MOST_ROLL_DEGREES and start.torso and end.torso and start.torso != end.torso:
        actions.append(torso_action(start.torso, end.torso))
    return actions


def limb_actions(limb: str, start: int | None, end: int | None, raises: Sequence[int] = ()) -> list[str]:
    """From how many limbs are up at both ends, and what went up between: one verb, or none."""
    if end is None:
        return []
    if start is None:  # it was not seen at first: how it is now
        return [f"hold {'both arms' if end > 1 else 'one arm'} up"] if end and limb == "arm" else []
    between = raises[1:] if end and not start else raises  # one raise leads to the end
    if between:
        return [repeated(limb, raises, end)]
    if start == end:
        return []
    if end > start:
        which = f"the other {limb}" if start else f"both {limb}s" if end > 1 else a(limb)
        return [f"raise {which}"]
    if end:
        return [f"lower one {limb}"]
    return [f"lower both {limb}s" if start > 1 else f"lower the raised {limb}"]


def repeated(limb: str, raises: Sequence[int], end: int) -> str:
    """Limbs that went up and down between the two frames, which a look at the two alone would not show."""
    which = f"both {limb}s" if max(raises) > 1 else a(limb)
    if len(raises) > 2 or (len(raises) == 2 and end):
        return f"keep raising and lowering {which}"
    if len(raises) == 2:
        return f"raise {which} twice"
    return f"raise {which} again" if end else f"raise {which} for a moment"


def torso_action(start: str, end: str) -> str:
    """Torso changes are told as measured: why a torso tilts (bending, sitting, lying down) is not known."""
    if end == "upright":
        return "straighten up" if start == "leaning" else f"bring the torso from {_TORSO[start]} to upright"
    if (start, end) == ("upright", "leaning"):
        return "lean over"
    return f"bring the torso from {_TORSO[start]} to {_TORSO[end]}"


_TORSO = {"upright": "upright", "leaning": "leaning", "horizontal": "horizontal", "inverted": "upside down"}


def moving(thing: TrackedObject, start: Box, end: Box, facts: Facts, least: float = LEAST_MOVE) -> str:
    """How an object moves once the camera's own move is taken off; "" below what boxes jitter.

    Before a camera that travels, a box that slides need not have moved.
    """
    camera = facts.camera
    if not camera.moves or any(move.startswith(TRAVELS) for move in camera.moves):
        return ""
    across, up = shifts(start, end, camera)
    glides = is_rigid(thing) and facts.motion.still is False and holds_still(camera) and _holds(start, end, facts)
    least = least if thing.label in MOVERS else LEAST_MOVE_OF_THINGS
    sideways = abs(across) >= (LEAST_GLIDE if glides else least) + 0.15 * abs(camera.pan_widths)
    rises = abs(up) >= LEAST_RISE * (least / LEAST_MOVE) + 0.15 * abs(camera.tilt_heights)
    if not sideways and not rises:
        return ""
    seconds = max(facts.end_seconds - facts.start_seconds, 1e-3)
    rate = max(abs(across), abs(up)) / seconds
    verb = "drive" if thing.label in DRIVEN and holds_still(camera) else "move"
    how = f"{verb} slowly" if rate < SLOW_MOVE else f"{verb} quickly" if rate > FAST_MOVE else verb
    level = "up" if up > 0 else "down"
    if not sideways:
        return f"{how} {level} in the picture"
    if glides and abs(across) < LEAST_MOVE:
        return f"{how} to the {'right' if across > 0 else 'left'}"
    way = _way(across, start, end, camera, how)
    return f"{way} and {level}" if rises and " from " not in way else way


def is_rigid(thing: TrackedObject) -> bool:
    """Whether it moves without changing its shape: its box has no arms that stir."""
    return thing.label in MOVERS and thing.label not in ALIVE


def _holds(start: Box, end: Box, facts: Facts) -> bool:
    """Whether the middle of what moves lies in the box at either end."""
    x, y = facts.motion.centre or (-1.0, -1.0)
    return any(box.left <= x <= box.right and box.top <= y <= box.bottom for box in (start, end))


def _sides(start: Box, end: Box, camera: CameraMotion) -> tuple[str, str]:
    """The sides of the picture that a move begins and ends on; unknown before a camera that moves, too."""
    if not holds_still(camera):
        return "", ""
    return side(start).rpartition(" ")[2], side(end).rpartition(" ")[2]


def drifting(before: TrackedObject, now: TrackedObject, camera: CameraMotion) -> str:
    """Which way something goes that is too slow to be told from the jitter of boxes in one interval, by two of them."""
    if now.label not in MOVERS or not holds_still(camera):
        return ""
    boxes = before.start_box, now.start_box, now.end_box
    if boxes[0] is None or boxes[1] is None or boxes[2] is None:
        return ""
    first, second = shifts(boxes[0], boxes[1], STANDING)[0], shifts(boxes[1], boxes[2], STANDING)[0]
    if first * second <= 0 or min(abs(first), abs(second)) < LEAST_DRIFT or abs(first + second) < LEAST_MOVE:
        return ""
    return "right" if first > 0 else "left"


def _way(across: float, start: Box, end: Box, camera: CameraMotion, how: str) -> str:
    towards = "right" if across > 0 else "left"
    if holds_still(camera) and side(start) != side(end):
        begins, ends = _sides(start, end, camera)
        return f"{how} from the {begins} to the {ends} of the picture"
    if abs(across) < 0.12:
        return f"move a little to the {towards}"
    return f"{how} to the {towards}"


def growing(thing: TrackedObject, start: Box, end: Box, camera: CameraMotion) -> str:
    """Say "come closer" for what moves by itself before a still camera, "become larger" for the rest.

    Only when width and height agree (arms that are spread widen a box) and, for what moves by itself, when the feet
    move with the size: who comes closer stands lower in the picture.
    """
    if not camera.moves or any(move.startswith(("zoom", "dolly")) for move in camera.moves):
        return ""
    wide, high = end.width / max(start.width, 0.01), end.height / max(start.height, 0.01)
    if min(wide, high) <= 0 or max(wide, high) / min(wide, high) > MOST_STRETCH:
        return ""
    growth, alive = (wide * high) ** 0.5, thing.label in MOVERS and holds_still(camera)
    much = "much " if not 1 / MUCH_GROWTH < growth < MUCH_GROWTH else ""
    sinks, cut_off = end.bottom - start.bottom, max(start.bottom, end.bottom) >= 1 - BORDER
    if growth >= LEAST_GROWTH and (not alive or sinks > 0.02 or cut_off):
        return f"come {much}closer" if alive else f"become {much}larger in the picture"
    inside = min(end.left, end.top) > 0.01 and max(end.right, end.bottom) < 0.99
    if growth <= 1 / LEAST_GROWTH and inside and (not alive or sinks < -0.02 or cut_off):
        return f"move {much}further away" if alive else f"become {much}smaller in the picture"
    return ""


def trusted(pose: Pose | None) -> bool:
    return pose is not None and pose.confidence >= POSE_CONFIDENCE
