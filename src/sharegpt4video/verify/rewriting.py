"""A prompt and what a model made of it: which of its words are still there, which are lost, which were added.

Words are compared by their stems ("runs" keeps "running", "2" keeps "two"); those without content are passed over. A
near word is another one: "puppy" for "dog" says more than was asked. The same two texts always give the same answer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..vlm.embedded.words import word_set
from .prose import stem

Span = tuple[int, int]
"""Characters ``[start, end)``."""

_WORD = re.compile(r"[^\W_]+(?:['’\-][^\W_]+)*")
_PASSED_OVER = frozenset(
    map(
        stem,
        word_set(
            """a an the this that these those of and or but to in on at from by with as is are was were be been being
            it its their his her he she they them him who which what while when where there then than so such also
            into onto up out off has have had do does did can will would may video clip shot scene footage picture
            camera style show depict feature use uses present capture"""
        ),
    )
)
"""Stems that say nothing of what is wanted, and those that sentences about videos are made with."""
_WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
NUMBERS = {word: str(number) for number, word in enumerate(_WORDS, start=1)}
"""Numbers written as words, each with its digits."""
_JOINS = re.compile(r"[\s,]*")


@dataclass(frozen=True)
class Kept:
    """Words of the prompt, and where they are in the text."""

    text: str
    in_prompt: Span
    in_text: Span


@dataclass(frozen=True)
class Lost:
    """Words of the prompt that the text leaves out."""

    text: str
    in_prompt: Span


@dataclass(frozen=True)
class Invented:
    """Words of the text that are not in the prompt."""

    text: str
    in_text: Span


@dataclass(frozen=True)
class Rewriting:
    kept: tuple[Kept, ...]
    lost: tuple[Lost, ...]
    invented: tuple[Invented, ...]


@dataclass(frozen=True)
class _Word:
    span: Span
    root: str


def compared(prompt: str, text: str) -> Rewriting:
    """Hold a rewritten prompt against the prompt. Each word of the text stands for one of the prompt, in its order."""
    asked, told = _words(prompt), _words(text)
    pairs = _paired(asked, told)
    kept, roots = {at for at, _ in pairs}, {word.root for word in asked}
    known = {at for at, word in enumerate(told) if word.root in roots}  # a second mention adds nothing
    return Rewriting(
        tuple(Kept(prompt[slice(*asked[a].span)], asked[a].span, told[b].span) for a, b in pairs),
        tuple(Lost(prompt[slice(*span)], span) for span in _runs(prompt, asked, kept)),
        tuple(Invented(text[slice(*span)], span) for span in _runs(text, told, known)),
    )


def carries_meaning(word: str) -> bool:
    """Whether a word says anything of what is wanted; articles, "and" and the words of grammar do not."""
    root = _root(word.casefold())
    return root not in _PASSED_OVER and (len(root) > 1 or root.isdigit())


def _root(word: str) -> str:
    return NUMBERS.get(word) or stem(word)


def _words(text: str) -> list[_Word]:
    words = ((match[0].casefold(), match.span()) for match in _WORD.finditer(text))
    return [_Word(span, _root(word)) for word, span in words if carries_meaning(word)]


def _paired(asked: list[_Word], told: list[_Word]) -> list[tuple[int, int]]:
    """Each word of the prompt with the first word of the text that is the same and not taken yet."""
    free: dict[str, list[int]] = {}
    for at, word in enumerate(told):
        free.setdefault(word.root, []).append(at)
    return [(at, free[word.root].pop(0)) for at, word in enumerate(asked) if free.get(word.root)]


def _runs(text: str, words: list[_Word], without: set[int]) -> list[Span]:
    """The words that are left, those next to each other as one."""
    runs: list[Span] = []
    last = -2
    for at, word in enumerate(words):
        if at in without:
            continue
        if last == at - 1 and runs and _JOINS.fullmatch(text[runs[-1][1] : word.span[0]]):
            runs[-1] = runs[-1][0], word.span[1]
        else:
            runs.append(word.span)
        last = at
    return runs
