"""What to say, as typed clauses with a time and a weight, and how they become sentences.

Scene, change and story all use this. Nothing is ever parsed back from a text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from .words import listed, verb

ClauseKind = Literal[
    "enter", "leave", "appear", "carry", "posture", "move", "size", "stir", "count", "look", "text", "camera", "told"
]


@dataclass(frozen=True)
class Clause:
    """One thing that happens in ``[start_seconds, end_seconds)``.

    ``action`` begins with a verb in its base form ("raise an arm", "go out of view"). Who does it is either a
    tracked object (``label`` and ``tracks``) or named by ``subject`` ("the camera"). ``salience`` is 0..1.
    ``gist`` is the action without what holds for this interval only ("move to the right"), if there
    is such a part. ``way`` are the sides of the picture that a move before a still camera begins and ends on.
    ``things`` are the tracks of what somebody carries, in a clause of kind "carry". A clause of kind "told" is a
    sentence of somebody else's, in ``subject``, with no action.
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
    way: tuple[str, str] = ("", "")
    things: tuple[int, ...] = ()


class Names(Protocol):
    """Who is called what; see ``cast``."""

    def subject(self, clause: Clause) -> str: ...


JOINED = ("come into view", "appear", "be")
"""Actions whose places are told together: "a cup and a bowl come into view on the left and on the right"."""


def merged(clauses: Sequence[Clause]) -> list[Clause]:
    """Clauses that say the same of several objects of one label, told once; the order of first mention stays.

    Objects that come into view in different places are told together too: "come into view on the left and on
    the right".
    """
    together: dict[tuple[str, str, str], Clause] = {}
    busy = {clause.tracks for clause in clauses if sum(other.tracks == clause.tracks for other in clauses) > 1}
    for position, clause in enumerate(clauses):
        action = _joined_verb(clause) or clause.action
        alone = clause.tracks in busy and clause.kind in ("enter", "appear")
        key = (clause.kind, action, clause.label if clause.label and not alone else f"{clause.subject}{position}")
        if (first := together.get(key)) and clause.tracks:
            together[key] = replace(
                first,
                action=_both_places(first.action, clause.action, action),
                tracks=first.tracks + clause.tracks,
                many=True,
                salience=max(first.salience, clause.salience),
            )
        else:
            together[key] = clause
    return list(together.values())


def _joined_verb(clause: Clause) -> str:
    if clause.kind not in ("enter", "appear"):
        return ""
    return next((start for start in JOINED if clause.action.startswith(f"{start} ")), "")


def _both_places(first: str, second: str, start: str) -> str:
    """Join "come into view on the left" and "... on the right" into one action."""
    if first == second or not second.startswith(start):
        return first
    places = first.removeprefix(start).replace(" and ", ", ").split(", ")
    places = list(dict.fromkeys(part.strip() for part in (*places, second.removeprefix(start))))
    return f"{start} {listed(places)}"


@dataclass
class Line:
    """A sentence in the making: who (one or several), and the verbs."""

    names: list[str]
    verbs: list[tuple[str, bool]]
    kinds: set[str]
    tracks: tuple[int, ...] = ()
    label: str = ""
    cause: str = ""

    @property
    def subject(self) -> str:
        return listed(self.names)

    @property
    def predicate(self) -> str:
        many = len(self.names) > 1
        return listed(shortened([verb(base, many or more) for base, more in self.verbs]))

    def text(self) -> str:
        """The sentence, with its cause after a colon."""
        return f"{self._bare()}: {self.cause}" if self.cause else self._bare()

    def _bare(self) -> str:
        """The sentence; a place by which the subject is named is not said again at the end."""
        subject, predicate = self.subject, self.predicate
        if named := re.search(r" (?:on|in) the (left|right|centre)$", subject):
            predicate = predicate.replace(f" from the {named[1]} to ", " to ")
        for where in _PLACES:
            again = where in subject or (self.kinds == {"stir"} and _PLACED.search(subject))
            if again and predicate.endswith(f" {where}") and len(self.verbs) == 1:
                return f"{subject} {predicate.removesuffix(where).strip()}"
        return f"{subject} {predicate}".strip()

    def takes(self, name: str, clause: Clause) -> bool:
        """Whether somebody else does just the same coming or going, so that one sentence tells both."""
        same = [base for base, _ in self.verbs] == [clause.action]
        return same and self.kinds == {clause.kind} and clause.kind in _SHARED and name not in self.names


_PLACES = ("on the left", "on the right", "in the centre", "at the top", "at the bottom")
_PLACED = re.compile(r" (?:on|in|at) the (?:left|right|centre|top|bottom)(?: (?:left|right))?$")
_SHARED = ("enter", "leave", "appear")


def lines(clauses: Sequence[Clause], cast: Names) -> list[Line]:
    """One line per subject, in the order of the clauses: "the person" and "raises an arm and moves to the left"."""
    found: dict[tuple[object, ...], Line] = {}
    used: set[str] = set()
    whole = merged(clauses)
    busy = {clause.tracks: sum(other.tracks == clause.tracks for other in whole) for clause in whole}
    for position, clause in enumerate(whole):
        name = cast.subject(clause)
        key = (clause.label, clause.tracks) if clause.tracks else (clause.subject, clause.kind)
        if clause.kind == "told":
            found[position,] = Line([name], [], {"told"})
        elif key in found:
            found[key].verbs.append((clause.action, clause.many))
            found[key].kinds.add(clause.kind)
        elif busy[clause.tracks] == 1 and (same := _same_coming(found, name, clause)):
            same.names.append(name)
        else:
            shown = _again(name) if name in used else name
            used.add(name)
            found[key] = Line([shown], [(clause.action, clause.many)], {clause.kind}, clause.tracks, clause.label)
    return list(found.values())


def sentences(clauses: Sequence[Clause], cast: Names) -> list[str]:
    """One sentence per subject: "the person raises an arm and moves to the left"."""
    return [line.text() for line in lines(clauses, cast)]


def _again(name: str) -> str:
    """The name of a second one that is called the same: "another dog", "another of the people"."""
    first, _, rest = name.partition(" ")
    return f"another {rest}" if first in ("a", "an", "one") else name


def _same_coming(found: dict[tuple[object, ...], Line], name: str, clause: Clause) -> Line | None:
    return next((line for line in found.values() if line.takes(name, clause)), None)


_SHORTENED = ("raise", "lower", "pan", "tilt", "zoom", "roll")


def shortened(actions: Sequence[str]) -> list[str]:
    """Say "raises an arm and a leg" for "raises an arm", "raises a leg"; other actions stay as they are.

    What is kept doing is kept doing once: "keeps panning left and right".
    """
    short: list[str] = []
    for action in actions:
        first, _, rest = action.partition(" ")
        before = short[-1].split() if short else [""]
        if before[0] == first and first.startswith("keep"):
            doing, _, way = rest.partition(" ")
            short[-1] += f" and {_without_pace(way, before[2:]) if before[1] == doing else rest}"
        elif before[0] == first and rest and first.rstrip("s") in _SHORTENED:
            rest = rest.removeprefix("the raised ") if " the raised " in short[-1] else rest
            short[-1] += f" and {_without_pace(rest, before[1:])}"
        else:
            short.append(action)
    return short


def _without_pace(way: str, before: Sequence[str]) -> str:
    """The way without "slowly" where it follows another slow one."""
    return way.removeprefix("slowly ") if before[:1] == ["slowly"] else way
