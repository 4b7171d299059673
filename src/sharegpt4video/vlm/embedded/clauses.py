"""What to say, as typed clauses with a time and a weight, and how they become sentences.

Scene, change and story all use this. Nothing is ever parsed back from a text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ...records import Box, Facts, TrackedObject
from .words import counted, listed, noun, number, plural, verb

ClauseKind = Literal["enter", "leave", "posture", "move", "size", "stir", "look", "text", "camera", "told"]
Side = Literal["on the left", "in the centre", "on the right"]


@dataclass(frozen=True)
class Clause:
    """One thing that happens in ``[start_seconds, end_seconds)``.

    ``action`` begins with a verb in its base form ("raise an arm", "go out of view"). Who does it is either a
    tracked object (``label`` and ``tracks``) or named by ``subject`` ("the camera"). ``salience`` is 0..1.
    ``gist`` is the action without what holds for this interval only ("move to the right"), if there
    is such a part.
    A clause of kind "told" is a sentence of somebody else's, in ``subject``, with no action.
    """

    kind: ClauseKind
    action: str
    salience: float
    start_seconds: float
    end_seconds: float
    label: str = ""
    tracks: tuple[int, ...] = ()
    subject: str = ""
    many: bool = False
    gist: str = ""


def side(box: Box) -> Side:
    """Which third of the picture the middle of a box lies in."""
    middle = box.centre[0]
    return "on the left" if middle < 0.36 else "on the right" if middle > 0.64 else "in the centre"


def area(box: Box) -> float:
    return max(box.width, 0.0) * max(box.height, 0.0)


def place(box: Box) -> str:
    """Where a box is, in words: "on the left", "at the bottom right", "in the foreground"."""
    if area(box) > 0.7:
        return "filling most of the picture"
    across = side(box)
    if box.height > 0.5:
        return across
    middle = box.centre[1]
    level = "top" if middle < 0.3 else "bottom" if middle > 0.72 else ""
    if level == "bottom" and area(box) > 0.2:
        return "in the foreground" if across == "in the centre" else f"{across} in the foreground"
    if not level:
        return across
    return f"at the {level}" if across == "in the centre" else f"at the {level} {across.rpartition(' ')[2]}"


def short_place(box: Box) -> str:
    """Left and right are enough to tell most things apart; what is in the centre needs its height, too."""
    return place(box) if side(box) == "in the centre" else side(box)


@dataclass(frozen=True)
class Cast:
    """The tracked objects of one interval, and what to call each so that a reader can tell them apart."""

    objects: tuple[TrackedObject, ...]
    introduced: frozenset[int] | None = None  # tracks that have been spoken of; None: all of them

    @staticmethod
    def of(facts: Facts) -> Cast:
        return Cast(tuple(thing for thing in facts.objects if thing.start_box or thing.end_box))

    def fellows(self, label: str) -> tuple[TrackedObject, ...]:
        """Everything of one label that was there before the interval ended."""
        return tuple(thing for thing in self.objects if thing.label == label)

    def name(self, label: str, tracks: Sequence[int]) -> str:
        """A definite name for known objects: "the dog", "the person on the left", "two of the people"."""
        known = [thing for thing in self.fellows(label) if thing.start_box]
        newcomers = any(thing.start_box is None for thing in self.fellows(label))
        if len(known) <= len(tracks) and not (newcomers and len(tracks) == 1):
            return f"the {noun(label)}" if len(tracks) == 1 else f"the {number(len(tracks))} {plural(label)}"
        for describe in (short_place, place):
            places = {thing.track_id: describe(thing.start_box) for thing in known if thing.start_box}
            mine = [places[track] for track in tracks if track in places]
            if len(mine) == len(tracks) and all(list(places.values()).count(where) == 1 for where in mine):
                return f"the {noun(label) if len(tracks) == 1 else plural(label)} {listed(mine)}"
        return f"{number(len(tracks))} of the {plural(label)}"

    def newcomer(self, label: str, tracks: Sequence[int]) -> str:
        """An indefinite name for objects not spoken of before: "a dog", "another person", "two more people"."""
        count = len(tracks)
        known = {thing.track_id for thing in self.fellows(label) if thing.start_box} - set(tracks)
        if not (known if self.introduced is None else known & self.introduced):
            return counted(label, count)
        return f"another {noun(label)}" if count == 1 else f"{number(count)} more {plural(label)}"

    def subject(self, clause: Clause) -> str:
        """What the subject of a clause is called."""
        if clause.subject:
            return clause.subject
        if clause.kind == "enter" or not (self.introduced is None or self.introduced.issuperset(clause.tracks)):
            return self.newcomer(clause.label, clause.tracks)
        return self.name(clause.label, clause.tracks)


def merged(clauses: Sequence[Clause]) -> list[Clause]:
    """Clauses that say the same of several objects of one label, told once; the order of first mention stays.

    Objects that come into view in different places are told together too: "come into view on the left and on
    the right".
    """
    together: dict[tuple[str, str, str], Clause] = {}
    for position, clause in enumerate(clauses):
        action = _COMES if clause.action.startswith(_COMES) else clause.action
        key = (clause.kind, action, clause.label or f"{clause.subject}{position}")
        if (first := together.get(key)) and clause.tracks:
            together[key] = replace(
                first,
                action=_both_places(first.action, clause.action),
                tracks=first.tracks + clause.tracks,
                many=True,
                salience=max(first.salience, clause.salience),
            )
        else:
            together[key] = clause
    return list(together.values())


_COMES = "come into view"


def _both_places(first: str, second: str) -> str:
    """Join "come into view on the left" and "... on the right" into one action."""
    if first.endswith(second.removeprefix(_COMES)):
        return first
    places = [*first.removeprefix(_COMES).replace(" and ", ", ").split(", "), second.removeprefix(_COMES)]
    return f"{_COMES} {listed([place.strip() for place in places])}"


@dataclass
class _Line:
    """A sentence in the making: who (one or several), and the verbs."""

    names: list[str]
    verbs: list[tuple[str, bool]]
    kinds: set[str]

    def text(self) -> str:
        many = len(self.names) > 1
        return f"{listed(self.names)} {listed(shortened([verb(base, many or more) for base, more in self.verbs]))}"

    def takes(self, name: str, clause: Clause) -> bool:
        """Whether somebody else does just the same coming or going, so that one sentence tells both."""
        same = [base for base, _ in self.verbs] == [clause.action]
        return same and self.kinds == {clause.kind} and clause.kind in ("enter", "leave") and name not in self.names


def sentences(clauses: Sequence[Clause], cast: Cast) -> list[str]:
    """One sentence per subject, in the order of the clauses: "the person raises an arm and moves to the left"."""
    lines: dict[tuple[object, ...], _Line] = {}
    used: set[str] = set()
    whole = merged(clauses)
    busy = {clause.tracks: sum(other.tracks == clause.tracks for other in whole) for clause in whole}
    for position, clause in enumerate(whole):
        name = cast.subject(clause)
        key = (clause.label, clause.tracks) if clause.tracks else (clause.subject, clause.kind)
        if clause.kind == "told":
            lines[position,] = _Line([name], [], {"told"})
        elif key in lines:
            lines[key].verbs.append((clause.action, clause.many))
            lines[key].kinds.add(clause.kind)
        elif busy[clause.tracks] == 1 and (same := _same_coming(lines, name, clause)):
            same.names.append(name)
        else:
            shown = name.replace("one of", "another of", 1) if name in used else name
            used.add(name)
            lines[key] = _Line([shown], [(clause.action, clause.many)], {clause.kind})
    return [line.text().strip() for line in lines.values()]


def _same_coming(lines: dict[tuple[object, ...], _Line], name: str, clause: Clause) -> _Line | None:
    return next((line for line in lines.values() if line.takes(name, clause)), None)


_SHORTENED = ("raise", "lower", "pan", "tilt", "zoom", "roll")


def shortened(actions: Sequence[str]) -> list[str]:
    """Say "raises an arm and a leg" for "raises an arm", "raises a leg"; other actions stay as they are."""
    short: list[str] = []
    for action in actions:
        first, _, rest = action.partition(" ")
        if short and rest and first.rstrip("s") in _SHORTENED and short[-1].split()[0] == first:
            rest = rest.removeprefix("the raised ") if " the raised " in short[-1] else rest
            short[-1] = f"{short[-1]} and {rest}"
        else:
            short.append(action)
    return short
