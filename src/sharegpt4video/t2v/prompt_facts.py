"""A short prompt taken apart into numbered facts: what of it a rewriting must keep.

Phrases are sorted as the embedded model sorts them (``vlm.embedded.prompt``); what is asked of the camera is in
``cinematography``, relations in ``relations``. Every word but those of grammar (``is_grammar``) belongs to exactly one
fact, so that nothing can be lost unseen. Only English is taken apart; any other prompt is one fact, the whole text.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from ..errors import SettingsError
from ..verify.prose import Passage, stem
from ..verify.rewriting import NUMBERS, carries_meaning
from ..vlm.embedded.prompt import is_english, kind_of
from ..vlm.embedded.vocabulary import DETERMINERS, FINITE_VERBS, NOT_PARTICIPLES, PREPOSITIONS, PRONOUNS
from ..vlm.embedded.words import word_set
from . import cinematography, relations
from .likeness import actions, colours

FactKind = Literal[
    "subject", "count", "colour", "attribute", "action", "relation", "setting", "camera", "style", "text", "whole"
]
MOST_CHARACTERS = 20_000
"""Of a prompt that is rewritten or audited: each of its facts is looked for in all of the text."""
KINDS: tuple[FactKind, ...] = (
    "subject", "count", "colour", "attribute", "action", "relation", "setting", "camera", "style", "text", "whole",
)  # fmt: skip


@dataclass(frozen=True)
class Fact:
    """One thing that a prompt asks for, in its own words.

    number      from 1, in the order of the prompt
    name        what it is called where words differ: a term of the camera, a relation; else ""
    start, end  characters ``[start, end)`` of the prompt
    of          number of the subject that a count, colour or attribute belongs to; of a relation, its first side
    to          a relation: number of its second side
    later       an action: the prompt says that it comes after the action before it
    """

    number: int
    kind: FactKind
    text: str
    start: int
    end: int
    name: str = ""
    of: int = 0
    to: int = 0
    later: bool = False


@dataclass(frozen=True)
class PromptFacts:
    """The facts of a prompt. ``language`` is "en", or "other" for a text that is not taken apart."""

    prompt: str
    facts: tuple[Fact, ...]
    language: Literal["en", "other"]

    def of_kind(self, *kinds: FactKind) -> tuple[Fact, ...]:
        return tuple(fact for fact in self.facts if fact.kind in kinds)

    def fact(self, number: int) -> Fact | None:
        """The fact of that number; None for 0."""
        return self.facts[number - 1] if 0 < number <= len(self.facts) else None

    def lines(self) -> list[str]:
        """The facts as a numbered list, a line each."""
        return [f"{fact.number}. {fact.kind}{self._belongs(fact)}: {fact.text}" for fact in self.facts]

    def _belongs(self, fact: Fact) -> str:
        one, other = self.fact(fact.of), self.fact(fact.to)
        if one and other:
            return f" ({one.text} … {other.text})"
        return f" (of {one.text})" if one and fact.kind in ("count", "colour", "attribute") else ""


_PHRASE_END = re.compile(r"[.,;:|!?\n]+")
_STYLE = re.compile(
    r"\bin\s+the\s+style\s+of\s+.+|\bin\s+(?:an?\s+)?(?:[\w'-]+\s+){0,3}style\b.*|\bblack\s+and\s+white\b"
    r"|\b(?:[\w-]+\s+)?(?:oil|watercolou?r|ink|acrylic|digital|animated)\s+painting\b|\bpixel\s+art\b"
    r"|\b(?:[\w'-]+\s+){1,3}style\b|\bby\s+(?=[A-Z])[\w\s'-]+$",
    re.IGNORECASE,
)
_LATER = re.compile(r"\b(?:then|next|afterwards?|after\s+that|later|finally|followed\s+by|before|suddenly)\b", re.I)
_FILMED = re.compile(r"\s+(?:shot|view|angle|camera|lens|effect|perspective|movement)\b", re.IGNORECASE)
_TIMES = word_set("sunset sunrise night dusk dawn noon day evening morning spring summer autumn winter twilight")
_ALONE = word_set(
    "is are was were be been being has have had do does did will would can could may might must should not and or but "
    "then than who which that while as if so too also where when it its itself he she they them him her his their "
    "there this these those very really just still again suddenly finally next first later afterwards before after "
    "start starts starting started begin begins beginning began both each all some any no other another own same"
)
_LINKS = word_set("is are was were be being been start starts begin begins started began to they it he she then and")
_PLACES = PREPOSITIONS - word_set("with without as while")
_OTHER_PREPOSITIONS = word_set("of for off up down out onto")
_GRAMMAR = DETERMINERS | PREPOSITIONS | PRONOUNS | _ALONE | _OTHER_PREPOSITIONS
_STATES = word_set("stuck caught full made worn frozen lit built seen set hung open closed empty ready alone")
_VAGUE_COUNTS = word_set("several many few pair dozen multiple numerous")


def check_length(prompt: str, where: str) -> None:
    """Raises SettingsError for a text that is too long to be held against a rewriting of it."""
    if len(prompt) > MOST_CHARACTERS:
        raise SettingsError(
            f"{where}: has {len(prompt):,} characters, of at most {MOST_CHARACTERS:,}, which is more than any text "
            "encoder reads; is there a prompt on each line?"
        )


def facts_of(prompt: str) -> PromptFacts:
    """The facts of a prompt. The same prompt always gives the same ones; an empty prompt has none."""
    if not prompt.strip():
        return PromptFacts(prompt, (), "en")
    if not is_english(Passage(0, prompt).plain) and not is_english(prompt):
        start = len(prompt) - len(prompt.lstrip())
        whole = Fact(1, "whole", prompt.strip(), start, start + len(prompt.strip()))
        return PromptFacts(prompt, (whole,), "other")
    found = sorted(_Reading(prompt).facts(), key=lambda fact: (fact.start, fact.end))
    return PromptFacts(prompt, _belonging(_numbered(found)), "en")


def _numbered(found: list[Fact]) -> list[Fact]:
    return [replace(fact, number=number) for number, fact in enumerate(found, start=1)]


def _belonging(facts: list[Fact]) -> tuple[Fact, ...]:
    """Each count, colour and attribute with the next thing in its phrase, each relation with its two sides."""
    things = [fact for fact in facts if fact.kind in ("subject", "setting")]
    starts, ends = [thing.start for thing in things], [thing.end for thing in things]  # both rise: none overlap
    owned = []
    for fact in facts:
        ended, to_come = bisect_right(ends, fact.start), bisect_left(starts, fact.end)
        before = things[ended - 1].number if ended else 0
        after = things[to_come].number if to_come < len(things) else 0
        if fact.kind == "relation":
            fact = replace(fact, of=before, to=after)
        elif fact.kind in ("count", "colour", "attribute") and fact.of == 0:
            fact = replace(fact, of=after)
        owned.append(replace(fact, of=max(fact.of, 0)))
    return tuple(owned)


class _Reading:
    """One prompt being read: which of its characters are spoken for, and the facts so far."""

    def __init__(self, prompt: str) -> None:
        self._prompt = prompt
        self._passage = Passage(0, prompt)
        self._taken = bytearray(len(prompt))
        self._found: list[Fact] = []
        self._starts = [start for _, start, _ in self._passage.placed_words]
        self._befores = [""]
        for word, _, _ in self._passage.placed_words:
            self._befores.append(self._befores[-1] if word.endswith("ly") else word)
        self._action_end = -1

    def facts(self) -> list[Fact]:
        for quote, start, end in self._passage.placed_quotes:
            self._add("text", start, end, name=quote)
        for name, start, end in cinematography.places(self._passage.plain):
            goes_on = _FILMED.match(self._passage.plain, end)
            self._add("camera", start, goes_on.end() if goes_on else end, name=name)
        for start, end in self._phrases():
            self._add_phrase(start, end)
        for name, start, end in relations.places(self._passage.plain):
            if not any(self._taken[start:end]):
                self._add("relation", start, end, name=name)
        for start, end in self._phrases():
            self._add_words(start, end)
        return self._found

    def _add(self, kind: FactKind, start: int, end: int, *, name: str = "", of: int = 0, later: bool = False) -> None:
        self._taken[start:end] = b"\x01" * (end - start)
        self._found.append(Fact(0, kind, self._prompt[start:end], start, end, name, of, later=later))

    def _phrases(self) -> Iterator[tuple[int, int]]:
        plain, at = self._passage.plain, 0
        for stop in [*_PHRASE_END.finditer(plain), None]:
            end = stop.start() if stop else len(plain)
            if plain[at:end].strip():
                yield at, end
            at = stop.end() if stop else end

    def _add_phrase(self, start: int, end: int) -> None:
        """A phrase that is all style, or all about how it is filmed; and a style at the end of another."""
        phrase = self._passage.plain[start:end]
        first = start + len(phrase) - len(phrase.lstrip())
        last = start + len(phrase.rstrip())
        kind = kind_of(phrase.strip())
        if kind in ("camera", "filming") and not any(self._taken[first:last]) and (start > 0 or kind == "camera"):
            self._add("camera", first, last)
        elif kind == "style" and not any(self._taken[first:last]):
            self._add("style", first, last)
        elif (match := _STYLE.search(phrase)) and not any(self._taken[start + match.start() : start + match.end()]):
            self._add("style", start + match.start(), start + match.start() + len(match[0].rstrip()))

    def _add_words(self, start: int, end: int) -> None:
        first_word, behind = (bisect_left(self._starts, place) for place in (start, end))
        words = [one for one in self._passage.placed_words[first_word:behind] if not any(self._taken[one[1] : one[2]])]
        chunk: list[tuple[str, int, int]] = []
        is_place = start > 0 and len(words) == 1 and words[0][0] in _TIMES
        for at, (word, first, last) in enumerate(words):
            role = _role(words, at, bool(chunk), self._before(first))
            if role == "content":
                if chunk and self._is_apart(chunk[-1][2], first):
                    self._add_chunk(chunk, is_place)
                    chunk = []
                chunk.append((word, first, last))
                continue
            self._add_chunk(chunk, is_place)
            chunk = []
            if role == "action":
                self._add("action", first, last, later=self._is_later(first))
                self._action_end = last
            is_place = word in _PLACES if role == "link" and word not in DETERMINERS else is_place and role != "action"
        self._add_chunk(chunk, is_place)

    def _before(self, start: int) -> str:
        """The word before a place, adverbs passed over, whatever it belongs to."""
        return self._befores[bisect_left(self._starts, start)]

    def _is_apart(self, end: int, start: int) -> bool:
        return any(self._taken[end:start])

    def _is_later(self, start: int) -> bool:
        """Whether words of order stand between the action before this one and it."""
        return self._action_end >= 0 and _LATER.search(self._passage.plain, self._action_end, start) is not None

    def _add_chunk(self, chunk: list[tuple[str, int, int]], is_place: bool) -> None:
        """Words before a noun and the noun: numbers, colours, other attributes, then the thing itself."""
        for at, (word, start, end) in enumerate(chunk):
            if not carries_meaning(word) and word not in _VAGUE_COUNTS:
                continue
            is_last = at == len(chunk) - 1
            if word in NUMBERS or word.isdigit() or word in _VAGUE_COUNTS:
                self._add("count", start, end)
            elif colours(word) and not is_last:
                self._add("colour", start, end)
            elif not is_last or word.endswith("ly") or (len(chunk) == 1 and _is_state(word)):
                self._add("attribute", start, end)
            else:
                self._add("setting" if is_place else "subject", start, end)


def is_grammar(word: str) -> bool:
    """Whether a word, in lower case, names nothing by itself: articles, prepositions, pronouns, auxiliary verbs."""
    if word in NUMBERS or word in _VAGUE_COUNTS:
        return False
    return word in _GRAMMAR or not carries_meaning(word)


Role = Literal["content", "action", "link"]


def _role(words: list[tuple[str, int, int]], at: int, in_chunk: bool, before: str) -> Role:
    """What a word is where it stands: a verb, a word of grammar, or part of what names a thing."""
    word = words[at][0]
    following = words[at + 1][0] if at + 1 < len(words) else ""
    if word in NUMBERS or word in _VAGUE_COUNTS:
        return "content"
    if word in ("get", "gets", "getting") and following == "up":
        return "action"
    if is_grammar(word):
        return "link"
    names = bool(following) and not is_grammar(following)
    if word.endswith("ing") and len(word) > 4 and word not in NOT_PARTICIPLES:
        is_adjective = names and not in_chunk and (before in DETERMINERS | PREPOSITIONS or not before)
        return "content" if is_adjective and not _takes_object(following) else "action"
    if before in _LINKS and before not in ("is", "are", "was", "were", "and", "to", "be") and not word.endswith("ly"):
        return "action"
    is_third = word.endswith("s") and (word in FINITE_VERBS or bool(actions(word)))
    if in_chunk and (is_third or word in FINITE_VERBS) and not following.endswith("ing"):
        return "action"
    if before in ("to", "and") and (actions(word) or f"{word}s" in FINITE_VERBS) and not in_chunk:
        return "action"
    return "content"


def _is_state(word: str) -> bool:
    """Whether a word alone says the state of something: "adorned", "stuck"."""
    return (word.endswith("ed") and len(word) > 4) or word in _STATES


def _takes_object(word: str) -> bool:
    """Whether a word after a participle is a mass noun or plural, so that it is the object: "washing dishes"."""
    return word.endswith("s") and len(word) > 3 and stem(word) != word
