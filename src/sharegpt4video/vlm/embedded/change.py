"""The difference between two keyframes: who comes and goes, what bodies do, what moves, what the camera does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ...records import Box, CameraMotion, Facts, Look, PictureMotion, TrackedObject
from .camera import camera_clauses
from .clauses import Clause, ClauseKind, area, side
from .scene import POSE_CONFIDENCE, folded, palette_words, plain_screen, readable
from .words import MOVERS, a, choose, counted, listed, quoted

BORDER = 0.03  # a box this close to the edge of the picture is cut off by it
SAME_PLACE_OVERLAP = 0.3  # a track that ends and one that begins here are one object that was lost for a while
LEAST_MOVE = 0.07  # of the picture's width; below it lies the jitter of detected boxes
LEAST_MOVE_OF_THINGS = 0.14  # a chair seldom walks: its box is more likely to be wrong than its place
LEAST_RISE = 0.12  # of the picture's height; a body that straightens moves its box this much
LEAST_GROWTH = 1.25
MOST_STRETCH = 1.2
MOST_ROLL_DEGREES = 15.0  # a camera turned further than this tilts every torso
LEAST_STIR, SLIGHT_STIR, FAST_STIR = 0.02, 0.05, 0.2  # picture widths per second


def clauses(facts: Facts, earlier: Facts | None = None, before: str = "") -> list[Clause]:
    """Everything worth saying about one interval, most important first.

    ``earlier`` are the facts up to the interval's start (for changes of light and colour), ``before`` is the text of
    the step before: what was read there is not read out again.
    """
    facts = replace(facts, objects=rejoined(facts))
    found = [clause for thing in facts.objects for clause in object_clauses(thing, facts)]
    found += camera_clauses(facts)
    found += stir_clauses(facts, found)
    found += text_clauses(facts, earlier, before)
    found += look_clauses(facts, earlier, before)
    return sorted(found, key=lambda clause: -clause.salience)


def rejoined(facts: Facts) -> tuple[TrackedObject, ...]:
    """The objects, with a track that ends and one that begins in the same place joined into one."""
    ended = [thing for thing in facts.objects if thing.start_box and not thing.end_box]
    joined: dict[int, TrackedObject] = {}
    gone: set[int] = set()
    for thing in facts.objects:
        if thing.start_box or not thing.end_box:
            continue
        for old in ended:
            if old.track_id in gone or old.label != thing.label or old.start_box is None:
                continue
            if overlap(carried(old.start_box, facts.camera), thing.end_box) >= SAME_PLACE_OVERLAP:
                gone.add(old.track_id)
                joined[thing.track_id] = replace(thing, start_box=old.start_box, start_pose=old.start_pose)
                break
    return tuple(joined.get(t.track_id, t) for t in facts.objects if t.track_id not in gone)


def overlap(one: Box, other: Box) -> float:
    """Intersection over union."""
    width = min(one.right, other.right) - max(one.left, other.left)
    height = min(one.bottom, other.bottom) - max(one.top, other.top)
    shared = max(width, 0.0) * max(height, 0.0)
    union = area(one) + area(other) - shared
    return shared / union if union > 0 else 0.0


def carried(box: Box, camera: CameraMotion) -> Box:
    """Where a box would be at the end of the interval if only the camera had moved."""
    zoom, pan, tilt = max(camera.zoom_ratio, 0.01), camera.pan_widths, camera.tilt_heights
    left, right = (0.5 + (x - 0.5) * zoom - pan for x in (box.left, box.right))
    top, bottom = (0.5 + (y - 0.5) * zoom + tilt for y in (box.top, box.bottom))
    return Box(left, top, right, bottom)


def object_clauses(thing: TrackedObject, facts: Facts) -> Iterator[Clause]:
    if thing.start_box is None and thing.end_box is not None:
        yield _clause(thing, facts, "enter", entering(thing, thing.end_box, facts), 0.9)
    elif thing.end_box is None and thing.start_box is not None:
        yield _clause(thing, facts, "leave", leaving(thing, thing.start_box, facts), 0.85)
    elif thing.start_box is not None and thing.end_box is not None:
        yield from acting(thing, thing.start_box, thing.end_box, facts)


def acting(thing: TrackedObject, start: Box, end: Box, facts: Facts) -> Iterator[Clause]:
    """What an object does that is there at both ends.

    A body that bends changes its box too: then its size says nothing.
    """
    actions = posture_actions(thing, facts.camera) if thing.label == "person" else []
    for action in actions:
        yield _clause(thing, facts, "posture", action, 0.8)
    bends = any("torso" in action or action == "straighten up" for action in actions)
    if action := moving(thing, start, end, facts.camera, LEAST_MOVE_OF_THINGS if bends else LEAST_MOVE):
        gist = "" if action.startswith(("move up", "move down")) else f"move to the {heading(start, end, facts.camera)}"
        yield replace(_clause(thing, facts, "move", action, 0.7), gist=gist)
    if not actions and (action := growing(thing, start, end, facts.camera)):
        yield _clause(thing, facts, "size", action, 0.6)


def _clause(thing: TrackedObject, facts: Facts, kind: ClauseKind, action: str, salience: float) -> Clause:
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


def entering(thing: TrackedObject, box: Box, facts: Facts) -> str:
    edge = border_side(box)
    if thing.label in MOVERS and edge and holds_still(facts.camera):
        return f"enter from the {edge}"
    return f"come into view {side(box)}"


def leaving(thing: TrackedObject, box: Box, facts: Facts) -> str:
    edge = border_side(box)
    if thing.label in MOVERS and edge and holds_still(facts.camera):
        return f"leave the picture on the {edge}"
    return "go out of view"


def border_side(box: Box) -> str:
    """The edge, "left" or "right", when the box touches that edge and lies on that side, else ""."""
    if box.left <= BORDER and box.centre[0] < 0.4 and box.right < 1 - BORDER:
        return "left"
    if box.right >= 1 - BORDER and box.centre[0] > 0.6 and box.left > BORDER:
        return "right"
    return ""


def holds_still(camera: CameraMotion) -> bool:
    """Whether the camera was measured, and neither turned nor zoomed."""
    return bool(camera.moves) and not any(move.startswith(("pan", "tilt", "zoom", "roll")) for move in camera.moves)


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
    if start is None or end is None:
        return []
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
    if (start, end) == ("leaning", "upright"):
        return "straighten up"
    words = {"inverted": "upside down"}
    return f"bring the torso from {words.get(start, start)} to {words.get(end, end)}"


def shift(start_low: float, start_high: float, end_low: float, end_high: float) -> float:
    """How far an interval moved: the smaller of what its two ends did, 0 when they disagree or are cut off.

    A raised arm moves one edge of a box, a body that walks moves both.
    """
    low, high = end_low - start_low, end_high - start_high
    if min(start_low, end_low) <= BORDER and max(start_high, end_high) >= 1 - BORDER:
        return 0.0
    if low * high <= 0:
        return 0.0
    return low if abs(low) < abs(high) else high


def heading(start: Box, end: Box, camera: CameraMotion) -> str:
    """Which way an object that is there at both ends goes, once the camera's own move is taken off."""
    seen = carried(start, camera)
    return "right" if shift(seen.left, seen.right, end.left, end.right) > 0 else "left"


def moving(thing: TrackedObject, start: Box, end: Box, camera: CameraMotion, least: float = LEAST_MOVE) -> str:
    """How an object moves once the camera's own move is taken off; "" below what boxes jitter."""
    if not camera.moves:
        return ""
    seen = carried(start, camera)
    across = shift(seen.left, seen.right, end.left, end.right)
    up = -shift(seen.top, seen.bottom, end.top, end.bottom)
    least = least if thing.label in MOVERS else LEAST_MOVE_OF_THINGS
    if abs(across) >= least + 0.15 * abs(camera.pan_widths):
        return sideways(across, start, end, camera)
    if abs(up) >= LEAST_RISE * (least / LEAST_MOVE) + 0.15 * abs(camera.tilt_heights):
        return "move up in the picture" if up > 0 else "move down in the picture"
    return ""


def sideways(across: float, start: Box, end: Box, camera: CameraMotion) -> str:
    towards = "right" if across > 0 else "left"
    if holds_still(camera) and side(start) != side(end):
        names = [side(box).rpartition(" ")[2] for box in (start, end)]
        return f"move from the {names[0]} to the {names[1]} of the picture"
    return f"move slightly to the {towards}" if abs(across) < 0.12 else f"move to the {towards}"


def growing(thing: TrackedObject, start: Box, end: Box, camera: CameraMotion) -> str:
    """Say "come closer" for what moves by itself before a still camera, "become larger" for the rest.

    Only when width and height agree (arms that are spread widen a box) and, for what moves by itself, when the feet
    move with the size: who comes closer stands lower in the picture.
    """
    if not camera.moves or any(move.startswith("zoom") for move in camera.moves):
        return ""
    wide, high = end.width / max(start.width, 0.01), end.height / max(start.height, 0.01)
    if min(wide, high) <= 0 or max(wide, high) / min(wide, high) > MOST_STRETCH:
        return ""
    growth, alive = (wide * high) ** 0.5, thing.label in MOVERS and holds_still(camera)
    sinks, cut_off = end.bottom - start.bottom, max(start.bottom, end.bottom) >= 1 - BORDER
    if growth >= LEAST_GROWTH and (not alive or sinks > 0.02 or cut_off):
        return "come closer" if alive else "become larger in the picture"
    inside = min(end.left, end.top) > 0.01 and max(end.right, end.bottom) < 0.99
    if growth <= 1 / LEAST_GROWTH and inside and (not alive or sinks < -0.02 or cut_off):
        return "move further away" if alive else "become smaller in the picture"
    return ""


def stir_clauses(facts: Facts, found: Sequence[Clause]) -> Iterator[Clause]:
    """Motion that neither the camera nor a told event explains."""
    motion = facts.motion
    if motion.centre is None or motion.score < LEAST_STIR or not facts.camera.moves:
        return
    times = (facts.start_seconds, facts.end_seconds)
    if motion.area > 0.5:
        if not found or max(clause.salience for clause in found) < 0.5:
            yield Clause("stir", "be in motion", 0.45, *times, subject="most of the picture")
        return
    mover = owner(motion, facts)
    if mover is None:
        slight = motion.score < SLIGHT_STIR
        known = sum(thing.label in MOVERS for thing in facts.objects if thing.start_box or thing.end_box)
        if known > 1 or (slight and any(clause.tracks for clause in found)):
            return  # the middle of what several bodies do lies between them
        strength = "quickly" if motion.score > FAST_STIR else "slightly" if slight else ""
        yield Clause("stir", f"move {strength}".strip() + f" {region(motion.centre)}", 0.4, *times, subject="something")
    elif mover.label in MOVERS and not any(mover.track_id in clause.tracks for clause in found):
        ways = (
            ["make small movements", "move a little"]
            if motion.score < SLIGHT_STIR
            else ["move on the spot", "keep moving"]
        )
        action = choose(ways, "stir", facts.start_seconds, mover.track_id)
        yield replace(_clause(mover, facts, "stir", action, 0.35), gist="keep moving")


def owner(motion: PictureMotion, facts: Facts) -> TrackedObject | None:
    """The smallest object that the motion's centre lies in, at either end."""
    inside = [
        (area(box), thing.track_id, thing)
        for thing in facts.objects
        for box in (thing.start_box, thing.end_box)
        if box and motion.centre and box.left - 0.03 <= motion.centre[0] <= box.right + 0.03
        and box.top - 0.03 <= motion.centre[1] <= box.bottom + 0.03
    ]  # fmt: skip
    return min(inside, key=lambda item: item[:2])[2] if inside else None


def region(centre: tuple[float, float]) -> str:
    """A point of the picture in words: "in the middle of the picture", "at the bottom left"."""
    across = "left" if centre[0] < 0.36 else "right" if centre[0] > 0.64 else ""
    level = "top" if centre[1] < 0.3 else "bottom" if centre[1] > 0.7 else ""
    if not across and not level:
        return "in the middle of the picture"
    if not level:
        return f"on the {across} of the picture"
    return f"at the {level} {across}".rstrip() + (" of the picture" if not across else "")


def text_clauses(facts: Facts, earlier: Facts | None, before: str) -> Iterator[Clause]:
    """Lines that were not there before: neither read in the earlier facts nor told in the text before."""
    known = folded(before)
    known += "".join(folded(line.text) for line in (earlier.texts if earlier and earlier.texts else ()))
    new = [quoted(line.text) for line in readable(facts.new_texts) if folded(line.text) not in known]
    if new:
        times = (facts.start_seconds, facts.end_seconds)
        many = len(new) > 1
        shown = [*new[:4], f"{counted('line', len(new) - 4)} more"] if len(new) > 4 else new
        subject = f"the text{'s' if many else ''} {listed(shown)}"
        yield Clause("text", "appear on the screen", 0.55, *times, subject=subject, many=many)


def look_clauses(facts: Facts, earlier: Facts | None, before: str) -> Iterator[Clause]:
    """Changes of light and colour against the look at the interval's start.

    When that is not known, only an empty screen at the end, unless the text before has told it.
    """
    times = (facts.start_seconds, facts.end_seconds)
    plain = plain_screen(facts.look)
    if earlier is None:
        if plain and plain not in before:
            yield Clause("look", f"be {plain} at the end", 0.7, *times, subject="the screen")
        return
    if plain and plain != plain_screen(earlier.look):
        yield Clause("look", f"go {plain}", 0.75, *times, subject="the picture")
        return
    change = facts.look.brightness - earlier.look.brightness
    if abs(change) >= 0.12:
        amount = "much " if abs(change) >= 0.3 else ""
        action = f"become {amount}{'brighter' if change > 0 else 'darker'}"
        yield Clause("look", action, 0.3 + min(abs(change), 0.4), *times, subject="the picture")
    if colours := new_palette(earlier.look, facts.look):
        yield Clause("look", f"be now {colours}", 0.3, *times, subject="the picture")


def new_palette(start: Look, end: Look) -> str:
    """The palette in words when the colour that covers most has changed clearly, else ""."""
    if not start.palette or not end.palette or start.palette[0][0] == end.palette[0][0]:
        return ""
    name, share = end.palette[0]
    had = dict(start.palette).get(name, 0.0)
    return palette_words(end) if share - had >= 0.25 and palette_words(end).startswith("mostly") else ""
