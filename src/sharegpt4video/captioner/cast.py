"""The cast of a video: the subjects that its captions have named, by the words that named them.

Each step is told the cast of the steps before it, so that a subject keeps its words through the video and across cuts.
The cast is read from the texts alone: it needs no model, is the same each time, and is known of a stored caption, too.
It knows English nouns of people, animals and vehicles, and what tells two of a kind apart: adjectives and clothes.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from ..prompts import CAST, CAST_OF_SUMMARY
from ..records import Step
from .nouns import COLOURS, FILLERS, GARMENTS, KINDS, NO_MODIFIERS


def _any(words: Iterable[str]) -> str:
    """A pattern for any of some words."""
    return "|".join(sorted(words, key=len, reverse=True))


MOST_MEMBERS = 12
"""Told to a step; those seen last stay. A summary is told twice as many."""
_WORD = r"[a-z][a-z'-]*"
_MODIFIER = rf"(?!(?:{_any(NO_MODIFIERS)})\b){_WORD},?\s"
_GARMENT = rf"(?:(?:an?|the|his|her|their|its)\s)?(?:{_MODIFIER}){{0,3}}?(?:{_any(GARMENTS)})(?:e?s)?\b"
_COLOUR = rf"(?:{_any(COLOURS)})\b(?!\s(?:{_WORD}\s){{0,2}}(?:{_any(GARMENTS)})\b)"
_WORN = rf"(?:{_GARMENT}|{_COLOUR})"
_SUBJECT = (
    rf"\b(?P<determiner>a|an|the|another|one|two|three|four|five)\s(?P<before>(?:{_MODIFIER}){{0,4}}?)"
    rf"(?P<head>{_any(KINDS)})\b(?!['’-])"
    rf"(?P<after>,?\s(?:who\sis\s)?(?:(?:in|wearing|dressed\sin)\s{_WORN}|with\s{_GARMENT})"
    rf"(?:,?\sand\s{_WORN}|,\s{_GARMENT}|\swith\s{_GARMENT}){{0,2}})?"
)
_NEXT_WORD = re.compile(rf"\s({_WORD})")
_NO_TRAITS = frozenset(
    {"a", "an", "the", "his", "her", "their", "its", "and", "with", "in", "wearing", "dressed", "who", "is"}
)
_NUMBERS = frozenset({"two", "three", "four", "five"})
_VERBS = re.compile(r"(?:\w+(?:s|ed|ing)|\w{1,3}|[a-z]+ly)\Z")


@functools.cache
def _subject() -> re.Pattern[str]:
    """Takes a tenth of a second, which a process that keeps no cast does not spend."""
    return re.compile(_SUBJECT, re.IGNORECASE)


@dataclass(frozen=True)
class Member:
    """One subject: what it is called (without an article), what tells it apart, and in which text it was seen last."""

    kind: str
    words: str
    traits: frozenset[str]
    seen: int = 0

    def may_be(self, other: Member) -> bool:
        """Whether two mentions can be of one subject: they share a trait or one has none, and no garment differs."""
        if self.kind != other.kind:
            return False
        mine, theirs = _worn(self.traits), _worn(other.traits)
        both = [(mine[garment], theirs[garment]) for garment in mine.keys() & theirs.keys()]
        if any(one and another and one.isdisjoint(another) for one, another in both):
            return False
        return not self.traits or not other.traits or not self.traits.isdisjoint(other.traits)


@dataclass(frozen=True)
class Cast:
    """The subjects named in some texts, in the order in which they came up."""

    members: tuple[Member, ...] = ()
    texts: int = 0
    most: int = MOST_MEMBERS

    def after(self, text: str) -> Cast:
        """The cast when one more text has been read."""
        members = list(self.members)
        for mention, is_new in mentions(text):
            found = _of(mention, members, is_new=is_new)
            now = replace(mention, seen=self.texts + 1)
            if found is None:
                if mention.traits or not is_new:
                    members.append(now)
                continue
            old = members[found]
            fuller = now if not old.traits and mention.traits else old
            members[found] = replace(fuller, seen=self.texts + 1)
        if len(members) > self.most:
            oldest = sorted(range(len(members)), key=lambda place: (members[place].seen, place))
            gone = set(oldest[: len(members) - self.most])
            members = [member for place, member in enumerate(members) if place not in gone]
        return Cast(tuple(members), self.texts + 1, self.most)

    @property
    def words(self) -> tuple[str, ...]:
        """What the members are called."""
        return tuple(member.words for member in self.members)


@dataclass(frozen=True)
class Carried:
    """What one chain of steps hands on to the next: its last usable text, and the cast; None where none is kept."""

    text: str = ""
    cast: Cast | None = None

    def after(self, steps: Iterable[Step]) -> Carried:
        """What is handed on after these steps."""
        carried = self
        for step in steps:
            if not step.problem:
                carried = Carried(step.text, carried.cast and carried.cast.after(step.text))
        return carried


def for_step(cast: Cast | None) -> str:
    """The words about the cast that go with the request for a step; "" where there is none."""
    return CAST.format(members="; ".join(cast.words)) if cast is not None and cast.members else ""


def for_summary(steps: Iterable[Step]) -> str:
    """The words about the cast of these steps that go with the request for their summary."""
    cast = Carried(cast=Cast(most=2 * MOST_MEMBERS)).after(steps).cast
    return CAST_OF_SUMMARY.format(members="; ".join(cast.words)) if cast is not None and cast.members else ""


def mentions(text: str) -> Iterator[tuple[Member, bool]]:
    """The subjects that a text mentions, in order, each with whether its words say that it is a new one."""
    for found in _subject().finditer(text):
        before = [word.strip(",").lower() for word in found["before"].split()]
        if not found["after"] and _is_compound(text, found.end()):
            continue
        determiner = found["determiner"].lower()
        is_new = determiner == "another" or (bool(before) and before[0] in ("second", "third", "new", "different"))
        modifiers = [word for word in before if word not in FILLERS]
        number = [determiner] if determiner in _NUMBERS else []
        after = " ".join((found["after"] or "").lower().lstrip(",").split())
        words = " ".join([*number, *modifiers, found["head"].lower(), *([after] if after else [])])
        traits = {*number, *modifiers, *_traits(after)}
        yield Member(KINDS[found["head"].lower()], words, frozenset(traits)), is_new


def _of(mention: Member, members: list[Member], *, is_new: bool) -> int | None:
    """The place of the member that a mention is of; the one that shares most with it, of equals the one seen last."""
    alike = [place for place, member in enumerate(members) if member.kind == mention.kind]
    same = [place for place in alike if members[place].traits == mention.traits]
    if same and not (is_new and not mention.traits):
        return same[-1]
    able = [] if is_new else [place for place in alike if members[place].may_be(mention)]
    if not mention.traits and len(able) > 1:
        return max(able, key=lambda place: members[place].seen)
    return max(able, key=lambda place: (len(members[place].traits & mention.traits), members[place].seen), default=None)


def _is_compound(text: str, end: int) -> bool:
    """Whether the noun goes on, as in "car door"."""
    following = _NEXT_WORD.match(text, end)
    return following is not None and not _VERBS.match(following[1].lower()) and following[1].lower() not in NO_MODIFIERS


def _traits(after: str) -> Iterator[str]:
    """The traits in what follows a noun: "red jacket" of "in a red jacket"."""
    for part in re.split(r",|\band\b|\bwith\b", after):
        words = [word for word in part.split() if word not in _NO_TRAITS]
        if words:
            yield " ".join(words)


def _worn(traits: Iterable[str]) -> dict[str, frozenset[str]]:
    """What is said of each garment among some traits."""
    split = [trait.split() for trait in traits]
    return {words[-1]: frozenset(words[:-1]) for words in split if len(words) > 1}
