"""The text of a change step: the clauses of one interval as one to four readable sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ...records import Box, Facts, TrackedObject
from .camera import STILL
from .cast import Cast
from .change import NOW, clauses, introduced, rejoined
from .clauses import Clause, Line, lines, sentences
from .geometry import area, place
from .look import palette_words, plain_screen
from .scene import posture_words, stands
from .words import choose, paragraph, span, verb

MOST_SENTENCES = 4
MOST_CLAUSES = 8
SHORT_SECONDS = 1.5
LEAST_QUIET_SHARE = 1 / 3  # of an interval in which something moves at other times
MOST_BRIEF_SECONDS = 0.75
"""Motion this brief at an interval's ends is the event for which the keyframe was taken, to within two pictures."""
AT_THE_END_SECONDS = 0.3
NOWHERE = Box(0.0, 0.0, 0.0, 0.0)
_KEPT = ("enter", "leave", "appear", "camera")
_STATES = ("appear", "count", "text", "look")
_ORDER = ("enter", "appear", "leave", "carry", "posture", "move", "size", "stir", "count", "text", "look", "camera")


_HAPPENS = ("enter", "leave", "posture", "move", "size", "stir")
_LEAVES_STILL = ("look", "text")
"""What may happen in a picture in which nothing moves: its light changes, a line of text comes up."""


def difference(facts: Facts, earlier: Facts | None = None, before: str = "") -> str:
    """Say what changes in the interval of ``facts``; see ``change.clauses`` for the other two. Always says something.

    Source of the idea: the paper's differential sliding-window captions (section 3.2).
    """
    found = clauses(facts, earlier, before)
    still = any(clause.action == STILL for clause in found)
    events = worth_telling([clause for clause in found if clause.action != STILL])[:MOST_CLAUSES]
    cast = Cast.of(
        replace(facts, objects=rejoined(facts)), introduced(earlier), [] if earlier is None else earlier.objects
    )
    if not any(clause.kind != "camera" for clause in events):
        return paragraph(quiet(facts, cast, events, still))
    ordered = told_in_order([clause for clause in events if clause.kind != "carry"])
    told = [line.text() for line in shortest(explained(lines(ordered, cast), events, cast))]
    if facts.motion.still and all(clause.kind in _LEAVES_STILL for clause in events):
        told = ["nothing moves in the picture", *told]
    elif any(clause.kind not in _LEAVES_STILL for clause in events):
        told = with_quiet_part(told, ordered[0].kind, facts)
    return paragraph(with_still_camera(told, still, facts, joins=ordered[-1].kind not in _STATES))


def explained(told: list[Line], events: Sequence[Clause], cast: Cast) -> list[Line]:
    """The lines, with who takes away what goes and puts down what comes: "the cup goes out of view: a person ..."."""
    named = {track for line in told if line.label == "person" for track in line.tracks}
    for clause in events:
        for line in told if clause.kind == "carry" else ():
            if line.tracks and set(line.tracks) <= set(clause.things) and not line.kinds.isdisjoint(("enter", "leave")):
                it = "it" if len(line.tracks) == 1 else "them"
                action = f"take {it} away" if clause.action.startswith("take") else f"put {it} there"
                known = clause.tracks and set(clause.tracks) <= named
                who = cast.name(clause.label, clause.tracks) if known else cast.subject(clause)
                line.cause = f"{who} {verb(action, clause.many)}"
    return told


def shortest(told: list[Line]) -> list[Line]:
    """As many sentences as can be read: those go first that neither bring anybody in or out nor tell the camera."""
    rest = [line for line in told if line.kinds.isdisjoint(_KEPT)]
    extra = rest[max(len(rest) - max(len(told) - MOST_SENTENCES, 0), 0) :]
    return [line for line in told if line not in extra][: MOST_SENTENCES + 1]


def worth_telling(events: Sequence[Clause]) -> list[Clause]:
    """The clauses without new colours where anything else happens."""
    others = [clause for clause in events if clause.kind != "look" or not clause.action.startswith(NOW)]
    return others if any(clause.kind != "camera" for clause in others) else list(events)


def told_in_order(events: Sequence[Clause]) -> list[Clause]:
    """Objects first, by their weightiest clause; then the picture; the camera last."""
    weight: dict[tuple[int, ...], float] = {}
    for clause in events:
        weight[clause.tracks] = max(weight.get(clause.tracks, 0.0), clause.salience)

    def order(clause: Clause) -> tuple[object, ...]:
        kind = _ORDER.index(clause.kind)
        return (not clause.tracks, -weight[clause.tracks] if clause.tracks else 0.0, clause.tracks, kind)

    return sorted(events, key=order)


def with_still_camera(told: list[str], still: bool, facts: Facts, *, joins: bool = True) -> list[str]:
    """The sentences with the remark that the camera is still, at the end of the last one (if it joins) or after it."""
    if not still:
        return told
    rests = "is still" if " stay" in told[-1] else "stays still"
    joined = [*told[:-1], f"{told[-1]}, while the camera {rests}"]
    simple = joins and len(told[-1]) < 90 and not {",", ":"} & set(told[-1])
    apart = choose(["the camera is static", "the camera does not move", "the camera is still"], *_key(facts, "s"))
    return choose([joined, [*told, apart]], *_key(facts, "still")) if simple else [*told, apart]


def quiet_part(facts: Facts) -> tuple[str, str] | None:
    """A long part of the interval in which nothing moved: where it is, and the clause that tells it without its time.

    "Nothing moves" is kept for intervals that are still but for a moment.
    """
    if facts.motion.quiet is None:
        return None
    start, end = facts.motion.quiet
    whole, lasts = facts.end_seconds - facts.start_seconds, end - start
    if lasts < LEAST_QUIET_SHARE * whole:
        return None
    clause = "nothing moves" if whole - lasts <= MOST_BRIEF_SECONDS else "the picture is still"
    if start - facts.start_seconds <= AT_THE_END_SECONDS:
        return f"for the first {span(lasts)}", clause
    return ("after that" if facts.end_seconds - end <= AT_THE_END_SECONDS else f"for {span(lasts)}"), clause


def with_quiet_part(told: list[str], first: str, facts: Facts) -> list[str]:
    """The sentences of what happens, with how long nothing moved before or after it."""
    part = quiet_part(facts)
    if part is None:
        return told
    when, clause = part
    if not when.startswith("for the first"):
        return [*told, f"{when}, {clause}" if when == "after that" else f"in between, {clause} {when}"]
    then = "then " if first in _HAPPENS else ""
    return [f"{when}, {clause}", f"{then}{told[0]}", *told[1:]]


def quiet(facts: Facts, cast: Cast, camera: Sequence[Clause], still: bool) -> list[str]:
    """An interval in which at most the camera does something: what is known of it, in a few words.

    That nothing moves is only said where that was measured.
    """
    stays = staying(cast, facts)
    told = sentences(camera, cast)
    if facts.motion.still:
        seconds = facts.end_seconds - facts.start_seconds
        time = " for a moment" if seconds < SHORT_SECONDS else f" for {span(seconds)}"
        if told:
            return [f"{told[0]}; nothing else moves" + (f", and {stays}" if stays else "")]
        nothing = f"nothing moves{time}"
        return [f"{nothing}: {stays}" if stays else nothing, "the camera is still" if still else ""]
    part = quiet_part(facts)
    if part:
        nothing = f"{part[1]} for {span(facts.motion.quiet[1] - facts.motion.quiet[0])}" if facts.motion.quiet else ""
        stays = f"{nothing}: {stays}" if stays else nothing
    if told:
        return [stays, *told]
    if stays:
        return with_still_camera([stays], still, facts)
    return [_looks(facts), "the camera is still" if still else ""]


def staying(cast: Cast, facts: Facts) -> str:
    """Who is there all the time, of those that matter most: "the person stays in the centre"; "" if unsure."""
    there = [thing for thing in cast.objects if thing.start_box and thing.end_box]
    people = [thing for thing in there if thing.label == "person"]
    if len(people) > 1:
        stay = len(people) == len(cast.fellows("person")) and all(map(_stays, people))
        return "the people stay where they are" if stay else ""
    alone = [thing for thing in people or there if len(cast.fellows(thing.label)) == 1]
    if not alone:
        return ""
    thing = max(alone, key=lambda one: area(one.end_box or one.start_box or NOWHERE))
    where = place(thing.end_box or NOWHERE)
    stays = "stands" if stands(thing) else choose(["stays", "remains"], *_key(facts, "stays"))
    verb = stays if _stays(thing) else "is"
    does = where.replace("filling", "fills") if where.startswith("filling") else f"{verb} {where}"
    posture = posture_words(thing.end_pose) if thing.label == "person" else ""
    return ", ".join(filter(None, [f"{cast.name(thing.label, (thing.track_id,))} {does}", posture]))


def _stays(thing: TrackedObject) -> bool:
    return bool(thing.start_box and thing.end_box and place(thing.start_box) == place(thing.end_box))


def _looks(facts: Facts) -> str:
    """The look of a picture of which nothing else is known."""
    return f"the picture is {plain_screen(facts.look) or palette_words(facts.look) or 'of many colours'}"


def _key(facts: Facts, about: str) -> tuple[object, ...]:
    return about, facts.start_seconds, facts.end_seconds
