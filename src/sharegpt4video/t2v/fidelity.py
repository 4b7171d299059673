"""Compare the facts of a prompt with a text: which are kept, nearly kept, lost or contradicted, and in what order."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Literal

from ..verify.prose import Passage, folded
from ..verify.rewriting import NUMBERS, carries_meaning
from ..vlm.embedded.prompt import is_english
from . import cinematography, relations
from .likeness import actions, colours, is_part, near, root, same
from .prompt_facts import Fact, PromptFacts

Standing = Literal["kept", "near", "lost", "contradicted"]
STANDINGS: tuple[Standing, ...] = ("kept", "near", "lost", "contradicted")
_WORD = re.compile(r"[^\W_]+(?:['’\-][^\W_]+)*")
_ABSOLUTE = re.compile(
    r"\b(?:left|right|top|bottom|side)(?:\s+of\s+(?:the|this)\s+(?:frame|image|picture|scene|screen|shot))?"
    r"(?=\s*[,.;]|\s+(?:is|are|there|stands?|sits?|lies|rests?|a|an)\b)",
    re.IGNORECASE,
)
"""Words for a place that no other thing follows: "on the left", where "on the left of" goes on with one."""
_LONGEST_ABSOLUTE = 100
"""Characters that such words and what is behind them can have; to search all of a text for each place takes long."""
_COUNT_WORDS = 3
"""A number counts a noun that follows within so many words."""
_LIGHT = frozenset(map(root, ("take", "do", "make", "give", "get", "use", "have", "play", "put", "go")))
"""Verbs that say little: what is done lies in the noun that follows."""
_PAIRS = {"pair": "2", "couple": "2", "duo": "2", "trio": "3", "both": "2"}


@dataclass(frozen=True)
class Judged:
    """A fact and how it stands in a text. ``reason`` says what the text says instead, where it says something."""

    fact: Fact
    standing: Standing
    reason: str = ""


@dataclass(frozen=True)
class Fidelity:
    """How a text keeps to a prompt.

    swapped   pairs of actions that the prompt puts in an order and the text tells the other way round
    ordered   how many pairs could be compared
    """

    judged: tuple[Judged, ...]
    swapped: tuple[tuple[Fact, Fact], ...] = ()
    ordered: int = 0

    def of(self, standing: Standing) -> tuple[Judged, ...]:
        return tuple(one for one in self.judged if one.standing == standing)

    @property
    def is_true(self) -> bool:
        """Whether nothing is lost, contradicted or told in another order."""
        return not self.of("lost") and not self.of("contradicted") and not self.swapped


def judge(asked: PromptFacts, text: str) -> Fidelity:
    """Hold a text against the facts of a prompt."""
    told = _Told(text)
    judged = tuple(_judged(fact, asked, told) for fact in asked.facts)
    pairs = [(one, other) for one, other in _ordered(asked.of_kind("action")) if not same(one.text) & same(other.text)]
    compared = [(one, other, told.first(one), told.last(other)) for one, other in pairs]
    known = [(one, other, at, by) for one, other, at, by in compared if at is not None and by is not None]
    swapped = tuple((one, other) for one, other, at, by in known if by < at)
    return Fidelity(judged, swapped, len(known))


def _ordered(told: tuple[Fact, ...]) -> Iterable[tuple[Fact, Fact]]:
    """Each action that comes later by the prompt's own words, with the one before it."""
    return [(one, other) for one, other in pairwise(told) if other.later]


@dataclass(frozen=True)
class _Word:
    text: str
    root: str
    start: int
    end: int


@dataclass(frozen=True)
class _Told:
    """A text being held against facts."""

    text: str

    @cached_property
    def passage(self) -> Passage:
        return Passage(0, self.text)

    @cached_property
    def sentences(self) -> tuple[_Told, ...]:
        return tuple(_Told(sentence.text) for sentence in self.passage.sentences)

    @cached_property
    def words(self) -> tuple[_Word, ...]:
        # Hyphens part words: "snow-covered" speaks of snow.
        found = []
        for match in _WORD.finditer(self.text):
            at = match.start()
            for piece in match[0].split("-"):
                if piece:
                    found.append(_Word(piece.casefold(), root(piece), at, at + len(piece)))
                at += len(piece) + 1
        return tuple(found)

    @cached_property
    def roots(self) -> frozenset[str]:
        whole = {root(match[0]) for match in _WORD.finditer(self.text)}
        return frozenset({word.root for word in self.words} | whole)

    @cached_property
    def folded(self) -> str:
        return folded(self.text)

    @cached_property
    def plain(self) -> str:
        return cinematography.plain_of(self.text)

    def places(self, wanted: frozenset[str]) -> list[int]:
        """The numbers of the words that have one of these roots."""
        return [at for at, word in enumerate(self.words) if word.root in wanted]

    def first(self, fact: Fact) -> int | None:
        return next(iter(self._acts(fact)), None)

    def last(self, fact: Fact) -> int | None:
        return next(iter(reversed(self._acts(fact))), None)

    def _acts(self, fact: Fact) -> list[int]:
        return self.places(same(fact.text)) or self.places(near(fact.text))

    def coloured(self, noun: frozenset[str]) -> list[frozenset[str]]:
        """The colours that stand right before a noun, or are said of it ("the car is red"), by mention."""
        found = []
        for at in self.places(noun):
            before = [colours(word.text) for word in self.words[max(0, at - 4) : at]]
            after = self._said_of(at)
            named = frozenset().union(*before[-2:], *after)
            if named:
                found.append(named)
        return found

    def _said_of(self, at: int) -> list[frozenset[str]]:
        following = self.words[at + 1 : at + 4]
        if following and following[0].text in ("is", "are", "in"):
            return [colours(word.text) for word in following[1:]]
        return []

    def counted(self, noun: frozenset[str]) -> set[str]:
        """The numbers, in digits, that count a noun."""
        found = set()
        for at, word in enumerate(self.words):
            number = NUMBERS.get(word.text) or _PAIRS.get(word.text) or (word.text if word.text.isdigit() else "")
            if not number:
                continue
            for other in self.words[at + 1 : at + 2 + _COUNT_WORDS]:
                if other.root in noun:
                    found.add(number)
                    break
                if other.text in ("and", "with", "or", "while"):
                    break
        return found


def _judged(fact: Fact, asked: PromptFacts, told: _Told) -> Judged:
    if fact.kind == "whole":
        same_script = not is_english(told.text)
        kept = folded(fact.text) in told.folded
        return Judged(fact, "kept" if kept else "near" if same_script else "lost", "" if kept else "other words")
    if fact.kind == "text":
        return Judged(fact, "kept" if folded(fact.name) in told.folded else "lost")
    if fact.kind == "camera":
        return _camera(fact, told)
    if fact.kind == "relation":
        return _relation(fact, asked, told)
    if fact.kind == "colour":
        return _colour(fact, asked.fact(fact.of), told)
    if fact.kind == "count":
        return _count(fact, asked.fact(fact.of), told)
    words = [word for word in _words(fact) if carries_meaning(word) and word != "style"]
    judged = _by_words(fact, words, told)
    if judged.standing == "lost" and fact.kind == "action" and root(fact.text) in _LIGHT:
        thing = asked.fact(fact.number + 1)
        if thing is not None and same(thing.text) & told.roots:
            return Judged(fact, "near", f"speaks of {thing.text} with another verb")
    return judged


def _words(fact: Fact) -> list[str]:
    return [match[0].casefold() for match in _WORD.finditer(fact.text)]


def _by_words(fact: Fact, words: list[str], told: _Told) -> Judged:
    """Kept with all its words or others for the same, near with some of them or words near to them."""
    exact = [word for word in words if same(word) & told.roots or _in_parts(word, told)]
    if len(exact) == len(words):
        return Judged(fact, "kept")
    like = [word for word in words if word not in exact and _likeness(word, told)]
    if like or exact:
        others = ", ".join(filter(None, (_likeness(word, told) for word in like)))
        return Judged(fact, "near", f"says {others}" if others else f"says {' '.join(exact)} alone")
    return Judged(fact, "lost")


def _in_parts(word: str, told: _Told) -> bool:
    parts = word.split("-")
    return len(parts) > 1 and all(same(part) & told.roots for part in parts if carries_meaning(part))


def _likeness(word: str, told: _Told) -> str:
    """The first word of the text that is near to a word; "" if there is none."""
    wanted, one, kinds = near(word), root(word), actions(word)
    for other in told.words:
        if other.root in wanted or is_part(one, other.root) or (kinds and kinds & actions(other.text)):
            return other.text
    return ""


def _camera(fact: Fact, told: _Told) -> Judged:
    term = cinematography.BY_NAME.get(fact.name)
    if term is None:
        words = [word for word in _words(fact) if carries_meaning(word)] or _words(fact)
        return _by_words(fact, words, told)
    if term.is_said(told.plain):
        return Judged(fact, "kept")
    contrary = cinematography.BY_NAME.get(term.against)
    if contrary is not None and contrary.is_said(told.plain):
        return Judged(fact, "contradicted", f"says {contrary.name}")
    return Judged(fact, "near" if term.is_hinted(told.plain) else "lost")


def _colour(fact: Fact, thing: Fact | None, told: _Told) -> Judged:
    wanted = colours(fact.text.casefold())
    everywhere = frozenset().union(*(colours(word.text) for word in told.words))
    named = told.coloured(same(thing.text) | near(thing.text)) if thing else []
    if any(wanted & one for one in named) or (wanted & everywhere and not named):
        return Judged(fact, "kept")
    if thing is not None and named:
        other = ", ".join(sorted(frozenset().union(*named)))
        standing: Standing = "near" if wanted & everywhere else "contradicted"
        return Judged(fact, standing, f"the {thing.text} is {other}")
    return Judged(fact, "kept" if wanted & everywhere else "lost")


def _count(fact: Fact, thing: Fact | None, told: _Told) -> Judged:
    word = fact.text.casefold()
    number = NUMBERS.get(word) or _PAIRS.get(word) or (word if word.isdigit() else "")
    nouns = (same(thing.text) | near(thing.text)) if thing else frozenset()
    counted = told.counted(nouns)
    if not number:
        return Judged(fact, "kept" if root(word) in told.roots else "near" if counted else "lost")
    if number in counted:
        return Judged(fact, "kept")
    if number == "1" and not counted:
        return Judged(fact, "kept" if told.places(nouns) else "lost")
    if counted:
        return Judged(fact, "contradicted", f"counts {', '.join(sorted(counted))}")
    numbers = {NUMBERS.get(each.text) or each.text for each in told.words}
    return Judged(fact, "near" if number in numbers else "lost")


def _relation(fact: Fact, asked: PromptFacts, told: _Told) -> Judged:
    one, other = asked.fact(fact.of), asked.fact(fact.to)
    if one is None or other is None:
        said = any(clear for _, _, clear in relations.told(fact.name, told.text))
        return Judged(fact, "kept" if said else "lost")
    first, second = same(one.text) | near(one.text), same(other.text) | near(other.text)
    first, second = first - same(other.text), second - same(one.text)
    is_right, is_wrong = _sides(fact.name, first, second, told)
    inverse = relations.INVERSE.get(fact.name, "")
    if inverse and inverse != fact.name:
        wrong, right = _sides(inverse, first, second, told)
        is_right, is_wrong = is_right or right, is_wrong or wrong
    if is_right:
        return Judged(fact, "kept")
    if is_wrong:
        return Judged(fact, "contradicted", f"the {other.text} is there, not the {one.text}")
    hinted = any(True for name in (fact.name, inverse) if name for _ in relations.told(name, told.text))
    return Judged(fact, "near" if hinted else "lost")


def _sides(name: str, first: frozenset[str], second: frozenset[str], told: _Told) -> tuple[bool, bool]:
    """Whether a text clearly puts the first thing there, and whether it puts the second thing there."""
    is_right = is_wrong = False
    wanted = first | second
    for sentence in told.sentences:
        things = [word for word in sentence.words if word.root in wanted]
        for start, end, clear in relations.told(name, sentence.text):
            before = [word for word in things if word.end <= start]
            after = [word for word in things if word.start >= end]
            if not (clear or (before and after)):
                continue
            placed = _placed([word.root for word in before], [word.root for word in after], first)
            clause_start = _clause_start(sentence.text, start)
            if not any(word.start > clause_start for word in before):
                absolute = _ABSOLUTE.search(sentence.text, start, end + _LONGEST_ABSOLUTE)
                is_absolute = absolute is not None and absolute.start() < end
                placed = _fronted([word.root for word in after], first, is_absolute=is_absolute) or placed
            is_right |= placed == "first"
            is_wrong |= placed == "second"
    return is_right, is_wrong


def _clause_start(text: str, before: int) -> int:
    return max(text.rfind(mark, 0, before) for mark in (",", ";", ":"))


def _fronted(after: list[str], first: frozenset[str], *, is_absolute: bool) -> str:
    """ "On the left of the horse stands a dog": the second thing is placed. "To its left, a dog": the first one."""
    placed = after if is_absolute else [one for one in after if (one in first) != (after[0] in first)]
    return ("first" if placed[0] in first else "second") if placed else ""


def _placed(before: list[str], after: list[str], first: frozenset[str]) -> str:
    """Of the things before the words, the nearest that is not the one that follows them is placed."""
    placed = [one for one in before if not after or (one in first) != (after[0] in first)]
    return ("first" if placed[-1] in first else "second") if placed else ""
