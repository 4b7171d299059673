"""Who is in an interval, and what to call each so that a reader knows who is meant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ...records import Facts, LabelCount, TrackedObject
from .clauses import Clause
from .geometry import place, short_place
from .words import ALIVE, counted, listed, noun, number, plural


def identity(thing: TrackedObject) -> int:
    """The same number for the same subject: across cuts where that was measured, else for one track."""
    return thing.subject_id if thing.subject_id is not None else -1 - thing.track_id


def identities(things: Iterable[TrackedObject]) -> frozenset[int]:
    return frozenset(map(identity, things))


@dataclass(frozen=True)
class Cast:
    """The tracked objects of one interval, and those a reader has heard of.

    ``introduced`` are the identities that have been spoken of; None: all that were there at the start. ``others`` are
    objects of the intervals around, from which a name must tell these apart.
    """

    objects: tuple[TrackedObject, ...]
    introduced: frozenset[int] | None = None
    others: tuple[TrackedObject, ...] = ()

    @staticmethod
    def of(facts: Facts, introduced: frozenset[int] | None = None, others: Iterable[TrackedObject] = ()) -> Cast:
        there = tuple(thing for thing in facts.objects if thing.start_box or thing.end_box or thing.enters)
        here = identities(there)
        return Cast(there, introduced, tuple(thing for thing in others if identity(thing) not in here))

    def is_known(self, thing: TrackedObject) -> bool:
        if self.introduced is None:
            return thing.start_box is not None
        return identity(thing) in self.introduced

    def fellows(self, label: str) -> list[TrackedObject]:
        return [thing for thing in self.objects if thing.label == label]

    def name(self, label: str, tracks: Sequence[int]) -> str:
        """A definite name for known objects: "the dog", "the person in red", "two of the people"."""
        mine = [thing for thing in self.fellows(label) if thing.track_id in tracks]
        beside = [thing for thing in self.fellows(label) if thing.track_id not in tracks]
        others = [thing for thing in self.others if thing.label == label]
        if (beside or others) and (shade := _own_colour(mine, [*beside, *others]) or _own_colour(mine, beside)):
            return _coloured(label, shade, len(tracks))
        if not beside:
            return f"the {noun(label)}" if len(tracks) == 1 else f"the {number(len(tracks))} {plural(label)}"
        for describe in (short_place, place):
            places = {thing.track_id: describe(box) for thing in [*mine, *beside] if (box := thing.start_box)}
            wheres = [places[track] for track in tracks if track in places]
            named = len(wheres) == len(tracks) and not any(where.startswith("filling") for where in wheres)
            if named and all(list(places.values()).count(where) == 1 for where in wheres):
                return f"the {noun(label) if len(tracks) == 1 else plural(label)} {listed(wheres)}"
        return f"{number(len(tracks))} of the {plural(label)}"

    def newcomer(self, label: str, tracks: Sequence[int]) -> str:
        """An indefinite name for objects not spoken of before: "a dog", "another person", "two more people"."""
        count = len(tracks)
        mine = [thing for thing in self.fellows(label) if thing.track_id in tracks]
        shade = next(iter(mine[0].colours), "") if count == 1 and mine else ""
        known = any(self.is_known(thing) for thing in self.fellows(label) if thing.track_id not in tracks)
        known = known or any(thing.label == label for thing in self.others)
        if label == "person":
            phrase = "another person" if known else "a person"
            phrase = f"{phrase} in {shade}" if shade else phrase
            return phrase if count == 1 else counted(label, count) if not known else f"{number(count)} more people"
        if not known:
            return counted(label, count, shade)
        return (
            f"another {f'{shade} ' if shade else ''}{noun(label)}"
            if count == 1
            else f"{number(count)} more {plural(label)}"
        )

    def subject(self, clause: Clause) -> str:
        """What the subject of a clause is called."""
        if clause.subject:
            return clause.subject
        mine = [thing for thing in self.fellows(clause.label) if thing.track_id in clause.tracks]
        known = bool(mine) and all(map(self.is_known, mine))
        return (self.name if known else self.newcomer)(clause.label, clause.tracks)


def counted_by(count: LabelCount, adjective: str = "") -> str:
    """A measured count in words: "three people", "several people" (an uncertain number), "a crowd of people"."""
    if count.crowd:
        return (
            f"a crowd of {plural(count.label)}"
            if count.label in ALIVE
            else f"many {adjective} {plural(count.label)}".replace("  ", " ")
        )
    if count.count is None:
        return f"several {adjective} {plural(count.label)}".replace("  ", " ")
    return counted(count.label, count.count, adjective)


def _own_colour(mine: Sequence[TrackedObject], rest: Sequence[TrackedObject]) -> str:
    """The colour that these have and none of the others may have; "" when one of them has none that is known."""
    shades = {thing.colours[:1] for thing in mine}
    others = {thing.colours[:1] for thing in rest}
    if len(shades) != 1 or shades == {()} or () in others or shades & others:
        return ""
    return next(iter(shades))[0]


def _coloured(label: str, shade: str, count: int) -> str:
    words = noun(label) if count == 1 else plural(label)
    many = "" if count == 1 else f"{number(count)} "
    return f"the {many}{words} in {shade}" if label == "person" else f"the {many}{shade} {words}"
