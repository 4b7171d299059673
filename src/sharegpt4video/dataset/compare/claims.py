"""What a caption says, as far as it can be held against another one: things, colours, actions, numbers, quoted texts.

The words are those of ``verify.lexicon``, as the checks read them: a puppy is a dog, and who speaks of an animal has
not kept silent about the dog. What stands in the text of one caption and is said nowhere in the other, summary and
steps together, only one of them says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ...verify.lexicon import (
    ACTIONS,
    COLOURS,
    FILLER,
    KINDS,
    NEAR_COLOURS,
    NUMBERS,
    THINGS,
    UNCOUNTED,
    kinds_of,
)
from ...verify.prose import Passage, folded, stem

ClaimKind = Literal["thing", "colour", "action", "number", "text"]
KINDS_OF_CLAIMS: tuple[ClaimKind, ...] = ("thing", "colour", "action", "number", "text")
_CAMERA = stem("camera")
_LEAST_LETTERS = 3


@dataclass(frozen=True)
class Claim:
    """One claim at its place. ``meanings`` are all that its word can stand for; ``name`` is the one to show."""

    kind: ClaimKind
    meanings: frozenset[str]
    step: int
    start: int
    end: int

    @property
    def name(self) -> str:
        return min(self.meanings)


@dataclass
class Said:
    """Everything that the texts of one caption say, by kind; ``kinds`` are words for many, such as animal."""

    things: set[str] = field(default_factory=set)
    kinds: set[str] = field(default_factory=set)
    colours: set[str] = field(default_factory=set)
    actions: set[str] = field(default_factory=set)
    numbers: set[str] = field(default_factory=set)
    quotes: set[str] = field(default_factory=set)

    def says(self, kind: ClaimKind, meanings: Iterable[str]) -> bool:
        """Whether a claim is made here as well, or a wider one that holds it."""
        if kind == "thing":
            return any(one in self.things or not self.kinds.isdisjoint(kinds_of(one)) for one in meanings)
        if kind == "colour":
            return any({one, *NEAR_COLOURS.get(one, "").split()} & self.colours for one in meanings)
        if kind == "action":
            return not self.actions.isdisjoint(meanings)
        if kind == "number":
            return not self.numbers.isdisjoint(meanings)
        return any(one in quote or quote in one for one in meanings for quote in self.quotes)


def claims(passages: Iterable[Passage]) -> Iterator[Claim]:
    """The claims of some texts, in order."""
    for passage in passages:
        step = passage.number
        words = passage.placed_words
        for place, (word, start, end) in enumerate(words):
            root = stem(word)
            if root in THINGS and root not in KINDS and root != _CAMERA:
                yield Claim("thing", THINGS[root], step, start, end)
            elif COLOURS.get(root):
                yield Claim("colour", COLOURS[root], step, start, end)
            elif ACTIONS.get(root):
                yield Claim("action", ACTIONS[root], step, start, end)
            elif word in NUMBERS and place + 1 < len(words) and _is_counted(words[place + 1][0]):
                noun, _, until = words[place + 1]
                yield Claim("number", frozenset({f"{NUMBERS[word]} {stem(noun)}"}), step, start, until)
        for quote, start, end in passage.placed_quotes:
            if len(folded(quote)) >= _LEAST_LETTERS:
                yield Claim("text", frozenset({folded(quote)}), step, start, end)


def _is_counted(noun: str) -> bool:
    return stem(noun) not in UNCOUNTED and stem(noun) not in FILLER


def said(passages: Sequence[Passage], made: Iterable[Claim]) -> Said:
    """All that some texts say; ``made`` are their claims."""
    told = Said()
    for claim in made:
        table: dict[str, set[str]] = {
            "thing": told.things,
            "colour": told.colours,
            "action": told.actions,
            "number": told.numbers,
            "text": told.quotes,
        }
        table[claim.kind].update(claim.meanings)
    for passage in passages:
        for root in passage.stems:
            told.kinds |= KINDS.get(root, frozenset())
    return told
