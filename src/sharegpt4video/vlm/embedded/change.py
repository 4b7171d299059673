"""What happened between two keyframes: who comes and goes, what bodies do, what moves, what the camera does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from ...records import Box, Facts, Look, TrackedObject
from .acting import acting, object_clause
from .camera import camera_clauses
from .cast import counted_by, identities, identity
from .clauses import Clause
from .geometry import carried, holds_still, overlap, place, side
from .look import palette_words, plain_screen
from .scene import folded, readable
from .stirring import stir_clauses
from .words import DRIVEN, MOVERS, PEOPLE, REACHING, THROWN, counted, listed, number, quoted

NOW = "be now"
MOST_TEXTS, MOST_GONE = 4, 2
SAME_PLACE_OVERLAP = 0.3  # a track that ends and one that begins here are one object that was lost for a while


def clauses(facts: Facts, earlier: Facts | None = None, before: str = "") -> list[Clause]:
    """Everything worth saying about one interval, most important first.

    ``earlier`` are the facts up to the interval's start (for what has been told, and for changes of light, colour and
    pace), ``before`` is the text of the step before: what was read there is not read out again.
    """
    facts = replace(facts, objects=rejoined(facts))
    found = together([clause for thing in facts.objects for clause in object_clauses(thing, facts, earlier)])
    found += carried_things(facts, earlier)
    found += stir_clauses(facts, earlier, found)
    found += appearing(facts, earlier, found)
    found += count_clauses(facts, earlier, found)
    found += camera_clauses(facts, earlier)
    found += text_clauses(facts, earlier, before)
    found += look_clauses(facts, earlier, before)
    return sorted(found, key=lambda clause: -clause.salience)


def introduced(earlier: Facts | None) -> frozenset[int] | None:
    """Who has been spoken of when an interval begins: all that were there at the end of the one before."""
    return None if earlier is None else identities(thing for thing in earlier.objects if thing.end_box)


def rejoined(facts: Facts) -> tuple[TrackedObject, ...]:
    """The objects, with a track that ends and one that begins joined where they are one: by who they are, or in place.

    What was seen to leave or to enter is left apart.
    """
    ended = [thing for thing in facts.objects if thing.start_box and not thing.end_box and not thing.leaves]
    joined: dict[int, TrackedObject] = {}
    gone: set[int] = set()
    for thing in facts.objects:
        if thing.start_box or not thing.end_box or thing.enters:
            continue
        for old in ended:
            if old.track_id not in gone and _is_one(old, thing, facts):
                gone.add(old.track_id)
                joined[thing.track_id] = replace(thing, start_box=old.start_box, start_pose=old.start_pose)
                break
    return tuple(joined.get(t.track_id, t) for t in facts.objects if t.track_id not in gone)


def _is_one(old: TrackedObject, new: TrackedObject, facts: Facts) -> bool:
    if old.subject_id is not None and new.subject_id is not None:
        return old.subject_id == new.subject_id
    if old.label != new.label or old.start_box is None or new.end_box is None:
        return False
    return overlap(carried(old.start_box, facts.camera), new.end_box) >= SAME_PLACE_OVERLAP


def object_clauses(thing: TrackedObject, facts: Facts, earlier: Facts | None) -> Iterator[Clause]:
    """What one object does; coming and going only where a crossing or an absence was measured."""
    start, end = thing.start_box, thing.end_box
    if start and end:
        if thing.enters and thing.leaves:
            yield object_clause(thing, facts, "leave", leaving(thing, facts), 0.85)
            yield object_clause(thing, facts, "move", "come back", 0.8)
        still = earlier is not None and holds_still(earlier.camera)
        there = earlier.objects if earlier and still else ()
        yield from acting(thing, start, end, facts, next((t for t in there if identity(t) == identity(thing)), None))
        return
    if thing.enters and not start:
        yield object_clause(thing, facts, "enter", entering(thing, facts), 0.9)
        if end and _elsewhere(thing.enters, end):
            yield object_clause(thing, facts, "move", f"move to the {side(end).rpartition(' ')[2]}", 0.7)
    if thing.leaves and not end and (start or thing.enters):
        yield object_clause(thing, facts, "leave", leaving(thing, facts), 0.85)


def carried_things(facts: Facts, earlier: Facts | None) -> Iterator[Clause]:
    """Who takes something away or puts it down: a thing that comes or goes before a still camera does not do so by
    itself, and the box of a person reaches over it.

    One body may be several boxes (two hands): then it is somebody.
    """
    if not holds_still(facts.camera):
        return
    people = [thing for thing in facts.objects if thing.label in PEOPLE]
    before = {thing.track_id: thing.start_box for thing in earlier.objects} if earlier else {}
    carried_: dict[tuple[str, str], tuple[list[TrackedObject], set[int]]] = {}
    for thing in facts.objects:
        goes = thing.leaves and thing.start_box and not thing.end_box  # what was not there is not taken away
        comes = thing.enters and not thing.start_box
        if thing.label in MOVERS or thing.label in THROWN or bool(goes) == bool(comes):
            continue
        places = [box for box in (before.get(thing.track_id), thing.start_box, thing.end_box) if box]
        near = [one for one in people if any(_reaches(one, place_) for place_ in places)]
        with_it = [one for one in near if (one.leaves if goes else one.enters)] or near
        if near:
            things, who = carried_.setdefault(("take" if goes else "put", thing.label), ([], set()))
            things.append(thing)
            who.update(one.track_id for one in with_it)
    for (what, label), (things, who) in carried_.items():
        action = f"{what} {counted(label, len(things))} {'away' if what == 'take' else 'down'}"
        clause = object_clause(next(one for one in people if one.track_id in who), facts, "carry", action, 0.95)
        clause = replace(clause, things=tuple(thing.track_id for thing in things))
        yield clause if len(who) == 1 else replace(clause, label="", tracks=(), subject="somebody")


def _reaches(person: TrackedObject, place_: Box) -> bool:
    return any(box and overlap(box, place_) > 0 for box in (person.start_box, person.end_box))


def together(found: list[Clause]) -> list[Clause]:
    """The clauses without the ways of those who come in at the same place as others: they are told as one event."""
    comes = Counter((clause.label, clause.action) for clause in found if clause.kind == "enter")
    several = {
        track
        for clause in found
        if clause.kind == "enter" and comes[clause.label, clause.action] > 1
        for track in clause.tracks
    }
    return [clause for clause in found if clause.kind != "move" or several.isdisjoint(clause.tracks)]


def entering(thing: TrackedObject, facts: Facts) -> str:
    if thing.enters == "inside":
        return f"appear {side(thing.end_box)}" if thing.end_box else "appear for a moment"
    if thing.label in MOVERS and holds_still(facts.camera):
        reach = "reach into the picture" if thing.label in REACHING else "enter"
        verb = "drive in" if thing.label in DRIVEN else reach
        return f"{verb} from the {thing.enters}"
    return f"come into view {_AT[thing.enters]}"


def leaving(thing: TrackedObject, facts: Facts) -> str:
    if thing.leaves == "inside":
        return "go out of view"
    if thing.label in MOVERS and holds_still(facts.camera):
        verb = "drive out of" if thing.label in DRIVEN else "leave"
        return f"{verb} the picture {_AT[thing.leaves]}"
    return f"go out of view {_AT[thing.leaves]}"


_AT = {"left": "on the left", "right": "on the right", "top": "at the top", "bottom": "at the bottom"}


def _elsewhere(edge: str, box: Box) -> bool:
    return edge in ("left", "right") and side(box) != _AT[edge]


def appearing(facts: Facts, earlier: Facts | None, found: list[Clause]) -> Iterator[Clause]:
    """What is in the picture at the end and was not spoken of: it is named, for when it came is not known."""
    known = introduced(earlier)
    acted = {track for clause in found for track in clause.tracks}
    for thing in facts.objects:
        told = thing.start_box is not None if known is None else identity(thing) in known
        if thing.end_box and not told and thing.track_id not in acted:
            where = place(thing.end_box)
            action = where.replace("filling", "fill") if where.startswith("filling") else f"be {where}"
            yield object_clause(thing, facts, "appear", action, 0.75)


def count_clauses(facts: Facts, earlier: Facts | None, found: list[Clause]) -> Iterator[Clause]:
    """How many there are now, where that has changed and no coming or going tells it."""
    if earlier is None or earlier.counts is None:
        return
    before = {one.label: (one.count, one.crowd) for one in earlier.counts}
    told = {clause.label for clause in found if clause.kind in ("enter", "leave", "appear")}
    for one in facts.counts or ():
        if one.label in before and before[one.label] != (one.count, one.crowd) and one.label not in told:
            times = (facts.start_seconds, facts.end_seconds)
            many = one.count != 1 and not one.crowd
            fewer = one.count is not None and one.count < (before[one.label][0] or one.count)
            action = f"be now {'only ' if fewer else ''}{counted_by(one).replace('a person', 'one person')}"
            yield Clause("count", action, 0.5, *times, subject="there", many=many)


def text_clauses(facts: Facts, earlier: Facts | None, before: str) -> Iterator[Clause]:
    """Lines that come, told neither in the earlier facts nor in the text before, and lines that go."""
    times = (facts.start_seconds, facts.end_seconds)
    known = folded(before)
    known += "".join(folded(line.text) for line in (earlier.texts if earlier and earlier.texts else ()))
    new = [quoted(line.text) for line in readable(facts.new_texts) if folded(line.text) not in known]
    if new:
        subject = texts_named(new)
        yield Clause("text", "appear on the screen", 0.55, *times, subject=subject, many=len(new) > 1)
    stays = [line for line in facts.texts or () if line not in facts.new_texts]
    gone = [quoted(line.text) for line in readable(line for line in stays if line.to_seconds is not None)]
    if 0 < len(gone) <= MOST_GONE:
        yield Clause("text", "disappear", 0.3, *times, subject=texts_named(gone), many=len(gone) > 1)


def texts_named(quotes: Sequence[str]) -> str:
    """Up to four texts as a subject: 'the texts "a" and "b"'."""
    rest = len(quotes) - MOST_TEXTS
    shown = [*quotes[:MOST_TEXTS], f"{number(rest)} more line{'s' if rest > 1 else ''}"]
    return f"the text{'s' if len(quotes) > 1 else ''} {listed(shown if rest > 0 else list(quotes))}"


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
        yield Clause("look", f"{NOW} {colours}", 0.3, *times, subject="the picture")


def new_palette(start: Look, end: Look) -> str:
    """The palette in words when the colour that covers most has changed clearly, else ""."""
    if not start.palette or not end.palette or start.palette[0][0] == end.palette[0][0]:
        return ""
    name, share = end.palette[0]
    had = dict(start.palette).get(name, 0.0)
    return palette_words(end) if share - had >= 0.25 and palette_words(end).startswith("mostly") else ""
