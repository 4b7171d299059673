"""Read a text of this world and hold it against the truth, fact by fact; nobody can talk this judge round.

A step has up to six facts: size, colour, shape and place before its event, what happens, and whether the thing keeps
its name. A whole has the first four, and its events in order.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..scenes import COLOURS
from .captions import NAMES
from .scenes import DEEDS, PLACES, SIZES, State

LOOK_FACTS = ("size", "colour", "shape", "place")
_SHAPE_OF = {name: shape for shape, names in NAMES.items() for name in names}
_PLACES = sorted(
    {State("square", "red", "small", column, row).place for column in range(PLACES) for row in range(PLACES)},
    key=len, reverse=True,
)  # fmt: skip


def _any(words: Sequence[str]) -> str:
    return "|".join(re.escape(word) for word in words)


_LOOKS = (
    rf"(?P<size>{_any(list(SIZES))}) (?P<colour>{_any(list(COLOURS))}) (?P<name>{_any(list(_SHAPE_OF))})"
    rf" (?P<place>{_any(_PLACES)})"
)
_OPENING = re.compile(rf"(?:1 )?a {_LOOKS}\.")
_CHANGE = re.compile(rf"the {_LOOKS} (?P<deed>{_any(DEEDS)})\.")
_EVENT = re.compile(rf"(?<!\d)(?P<number>\d{{1,9}}) (?P<deed>{_any(DEEDS)})\.")


@dataclass(frozen=True)
class Told:
    """What a text says. "" is a fact that it does not tell; ``stray`` is what of it is no sentence of this world.

    ``numbers`` are those before the events of a whole.
    """

    size: str = ""
    colour: str = ""
    name: str = ""
    place: str = ""
    deeds: tuple[str, ...] = ()
    numbers: tuple[int, ...] = ()
    stray: str = ""

    @property
    def shape(self) -> str:
        return _SHAPE_OF.get(self.name, "")


def read_step(text: str) -> Told:
    """A text about one picture, or about what happens between two."""
    found = _CHANGE.fullmatch(text.strip()) or _OPENING.fullmatch(text.strip())
    if found is None:
        return Told(stray=text.strip())
    deed = found.groupdict().get("deed")
    return replace(_looks(found), deeds=(deed,) if deed else ())


def read_whole(text: str) -> Told:
    """A text about a whole video, or a part of one."""
    rest = text.strip()
    opening = _OPENING.match(rest)
    told, rest = (_looks(opening), rest[opening.end() :]) if opening else (Told(), rest)
    events = list(_EVENT.finditer(rest))
    stray = " ".join(_EVENT.sub(" ", rest).split())
    numbers = tuple(int(one["number"]) for one in events)
    return replace(told, deeds=tuple(one["deed"] for one in events), numbers=numbers, stray=stray)


def _looks(found: re.Match[str]) -> Told:
    return Told(found["size"], found["colour"], found["name"], found["place"])


def look_hits(told: Told, state: State) -> dict[str, bool]:
    """Which facts about the looks of the thing are told as they are."""
    return {fact: getattr(told, fact) == getattr(state, fact) for fact in LOOK_FACTS}


def step_hits(told: Told, state: State, deed: str = "", name: str = "") -> dict[str, bool]:
    """Which facts of a step are told as they are; ``deed`` "" for an opening, ``name`` "" where none is to be kept."""
    hits = look_hits(told, state)
    if deed:
        hits["deed"] = told.deeds == (deed,)
    if name:
        hits["name"] = told.name == name
    return hits


@dataclass(frozen=True)
class Events:
    """Events told against those that happened. ``both`` are in either, whatever the order, ``in_order`` in order."""

    true: int
    told: int
    both: int
    in_order: int

    @property
    def completeness(self) -> float:
        """The share of what happened that is told at all."""
        return self.both / self.true if self.true else 1.0

    @property
    def order(self) -> float:
        """The share of that which is told in its order."""
        return self.in_order / self.both if self.both else 0.0

    @property
    def false(self) -> float:
        """The share of what is told that did not happen there."""
        return 1 - self.in_order / self.told if self.told else 0.0

    @property
    def f1(self) -> float:
        """Of events told in their order: 1 if all are, and nothing else."""
        return 2 * self.in_order / (self.true + self.told) if self.true + self.told else 1.0


def events(told: Sequence[str], true: Sequence[str]) -> Events:
    """Count the events of a text: the longest run of them, with gaps, that happened in this order."""
    both = sum((Counter(told) & Counter(true)).values())
    return Events(len(true), len(told), both, _longest_common(told, true))


def _longest_common(first: Sequence[str], second: Sequence[str]) -> int:
    row = [0] * (len(second) + 1)
    for one in first:
        before = 0
        for at, other in enumerate(second, start=1):
            before, row[at] = row[at], before + 1 if one == other else max(row[at], row[at - 1])
    return row[-1]


def whole_hits(told: Told, state: State, deeds: Sequence[str]) -> tuple[int, int]:
    """How many facts of a whole are right, of how many: the looks at its beginning, and the events in order.

    What is told and did not happen there is one more fact, which is wrong.
    """
    found = events(told.deeds, deeds)
    looks = look_hits(told, state)
    return sum(looks.values()) + found.in_order, len(looks) + len(deeds) + found.told - found.in_order


def step_faults(told: Told, state: State, deed: str = "") -> int:
    """How many facts of a step are told wrongly; what is no sentence of this world is one more."""
    told_facts = {fact: getattr(told, fact) for fact in LOOK_FACTS}
    wrong = sum(1 for fact, value in told_facts.items() if value and value != getattr(state, fact))
    return wrong + sum(one != deed for one in told.deeds) + bool(told.stray)
