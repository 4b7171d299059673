"""Motion that neither the camera nor a told event explains: who stirs and how, or where in the picture it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ...records import Box, Facts, PictureMotion, TrackedObject
from .acting import object_clause, trusted
from .cast import identity
from .clauses import Clause
from .geometry import area, region, side
from .words import ALIVE, MOVERS, noun

LEAST_STIR, SLOW_STIR, FAST_STIR = 0.02, 0.05, 0.2  # picture widths per second
SMALL_STIR, LARGE_STIR = 0.1, 0.4  # of the box of the one who stirs: a hand, half a body
WIDE_STIR, LOCAL_STIR, WHOLE_STIR = 0.2, 0.3, 0.5  # of the picture
FASTER = 1.6  # times the speed in the interval before
NEAR = 0.03
LARGEST_SPOT = 0.4  # of the picture: around a larger thing is everywhere
POSED_HEIGHT = 0.35  # of the picture: in a smaller body the middle of the motion tells no part of it


def stir_clauses(facts: Facts, earlier: Facts | None, found: Sequence[Clause]) -> Iterator[Clause]:
    """At most one clause about what moves without going anywhere."""
    motion = facts.motion
    if motion.centre is None or motion.still or not is_sure(facts):
        return
    times = (facts.start_seconds, facts.end_seconds)
    if motion.area > WHOLE_STIR:
        if not found or max(clause.salience for clause in found) < 0.5:
            yield Clause("stir", "be in motion", 0.45, *times, subject="most of the picture")
        return
    mover = owner(motion, facts)
    if mover is not None and mover.label in MOVERS:
        if not any(mover.track_id in clause.tracks and clause.kind != "appear" for clause in found):
            gist = stirring(mover, motion)
            action = compared(gist, mover, motion, earlier)
            yield replace(object_clause(mover, facts, "stir", action, 0.35), gist=gist)
        return
    known = sum(thing.label in MOVERS for thing in facts.objects if thing.start_box or thing.end_box)
    if known > 1 and mover is None:
        return  # the middle of what several bodies do lies between them
    if motion.score < SLOW_STIR and any(clause.tracks for clause in found):
        return
    pace = "quick " if motion.score > FAST_STIR else "slow " if motion.score < SLOW_STIR else ""
    where = spot(mover, motion.centre, facts)
    gist = f"be movement {where}"
    subject, action = goes_on(facts, where, earlier) or ("there", f"be {pace}movement {spread(motion, where)}")
    yield Clause("stir", action, 0.4, *times, subject=subject, gist=gist)


def spot(thing: TrackedObject | None, centre: tuple[float, float], facts: Facts) -> str:
    """Where something moves: around the one thing of its kind that is there, or in a part of the picture."""
    if thing is None or thing.end_box is None or area(thing.end_box) > LARGEST_SPOT:
        return region(centre)
    alone = sum(other.label == thing.label for other in facts.objects) == 1
    return f"around the {noun(thing.label)}" if alone else region(centre)


def spread(motion: PictureMotion, where: str) -> str:
    wide = motion.area > WIDE_STIR and not where.startswith("around")
    return f"in a large part of the picture, mainly {where.removesuffix(' of the picture')}" if wide else where


def goes_on(facts: Facts, where: str, earlier: Facts | None) -> tuple[str, str] | None:
    """Movement that was told of the interval before, as subject and action; None where it was not, or has stopped."""
    motion = facts.motion
    if motion.quiet and motion.quiet[0] <= facts.start_seconds:
        return None
    if earlier is None or earlier.motion.centre is None or earlier.motion.still or not is_sure(earlier):
        return None
    if earlier.motion.area > WHOLE_STIR:
        return None
    thing = owner(earlier.motion, earlier)
    if thing is not None and thing.label in MOVERS:
        return None
    if where != spot(thing, earlier.motion.centre, earlier):
        return "the movement", f"be now {where}"
    ratio = motion.score / max(earlier.motion.score, 1e-6)
    if 1 / FASTER <= ratio <= FASTER:
        return "the movement", f"continue {where}"
    return f"the movement {where}", "become faster" if ratio > 1 else "become slower"


def is_sure(facts: Facts) -> bool:
    """Whether the motion is surely not the camera's: it was measured so, or it is in a part of the picture only."""
    motion = facts.motion
    if motion.still is False:
        return True
    if facts.camera.moves:
        return motion.score >= LEAST_STIR
    return motion.score >= SLOW_STIR and motion.area <= LOCAL_STIR


def owner(motion: PictureMotion, facts: Facts) -> TrackedObject | None:
    """The smallest object that the motion's centre lies in, at either end."""
    inside = [
        (area(box), thing.track_id, thing)
        for thing in facts.objects
        for box in (thing.start_box, thing.end_box)
        if box and motion.centre and box.left - NEAR <= motion.centre[0] <= box.right + NEAR
        and box.top - NEAR <= motion.centre[1] <= box.bottom + NEAR
    ]  # fmt: skip
    return min(inside, key=lambda item: item[:2])[2] if inside else None


def stirring(mover: TrackedObject, motion: PictureMotion) -> str:
    """What a body does in its place: how large and how quick its movements are, and with which part of it."""
    box = mover.end_box or mover.start_box or Box(0, 0, 1, 1)
    share = motion.area / max(area(box), 1e-3)
    size = "large" if share > LARGE_STIR else "small" if share < SMALL_STIR else ""
    pace = "quick" if motion.score > FAST_STIR else "slow" if motion.score < SLOW_STIR else ""
    if mover.label not in ALIVE:
        return {"quick": "move quickly", "slow": "move slowly"}.get(pace, "be moving")
    part = body_part(mover, motion, box)
    if size and pace:
        return f"make {size}, {pace} movements{f' with the {part}' if part else ''}"
    moves = f"move the {part}" if part else "move"
    how = {"large": "a lot", "small": "a little", "quick": "quickly", "slow": "slowly"}.get(size or pace, "")
    if how:
        return f"{moves} {how}"
    return moves if part else f"move about {side(box)}"


def going_on(action: str) -> str:
    """The same action where it was told of the interval before: "go on moving the upper body"."""
    if action == "be moving":
        return "go on moving"
    first, _, rest = action.partition(" ")
    return f"go on {first.removesuffix('e')}ing {rest}"


def body_part(mover: TrackedObject, motion: PictureMotion, box: Box) -> str:
    """The part of an upright body that the middle of the motion lies in; "" where the body was not seen well."""
    pose = mover.end_pose or mover.start_pose
    if (
        motion.centre is None
        or pose is None
        or not trusted(pose)
        or pose.torso != "upright"
        or box.height < POSED_HEIGHT
    ):
        return ""
    height = (motion.centre[1] - box.top) / box.height
    legs = pose.legs_raised is not None
    if height < (0.4 if legs else 0.5):
        return "upper body"
    return "legs" if legs and height > 0.65 else ""


def compared(action: str, mover: TrackedObject, motion: PictureMotion, earlier: Facts | None) -> str:
    """The action with how it differs from that in the interval before, where the same one stirred."""
    if earlier is None or earlier.motion.centre is None or earlier.motion.score < LEAST_STIR:
        return action
    before = owner(earlier.motion, earlier)
    if before is None or identity(before) != identity(mover):
        return action
    ratio = motion.score / earlier.motion.score
    if 1 / FASTER <= ratio <= FASTER:
        return going_on(action) if stirring(before, earlier.motion) == action else action
    same, other, change = ("quick", "slow", "faster") if ratio > 1 else ("slow", "quick", "more slowly")
    if action.endswith(f" {same}ly"):
        return f"{action.removesuffix(f' {same}ly')} {change} than before"
    if other in action:
        return f"{action}, though {change} than before"
    return action if same in action else f"{action}, now {change}"
