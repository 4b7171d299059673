"""Phrases that many rewritten prompts share although no prompt has them: examples and stock phrases of the rewriter.

Nothing has to be known of them beforehand. A phrase that only rewritings of one kind of prompt share (all those about
a beach) is no such phrase: it must be spread over prompts about different things.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from ..verify.rewriting import carries_meaning

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
SHORTEST, LONGEST = 4, 16
"""Words of a shared phrase."""
LEAST_CONTENT = 3
"""So many words of it carry meaning; "in the background of the" is English, not a phrase of somebody's."""
LEAST_SHARE, LEAST_TEXTS = 0.01, 3
SAME_SHARE = 0.75
"""A longer phrase stands for a shorter one in it when it occurs in so large a share of the shorter one's texts."""

Words = tuple[str, ...]


@dataclass(frozen=True)
class SharedPhrase:
    """A phrase, the texts that have it (their numbers from 0, in order), and how many of them open with it."""

    text: str
    texts: tuple[int, ...]
    opens: int


def words_of(text: str) -> Words:
    """The words of a text in lower case, hyphens apart, as phrases are compared by."""
    return tuple(match[0].casefold() for match in _WORD.finditer(text))


def shared_phrases(
    texts: Sequence[str], prompts: Sequence[str], about: Sequence[str] | None = None
) -> tuple[SharedPhrase, ...]:
    """The phrases that texts share, the most frequent first.

    ``about`` names what each prompt is about; a phrase must be shared by texts about several things. None: every text
    counts as one of its own.
    """
    told = [words_of(text) for text in texts]
    kinds = list(about) if about is not None else [str(number) for number in range(len(texts))]
    least = max(LEAST_TEXTS, round(LEAST_SHARE * len(texts)))
    least_kinds = min(least, max(LEAST_TEXTS, round(LEAST_SHARE * len(set(kinds)))))
    asked = [f" {' '.join(words_of(prompt))} " for prompt in prompts]
    frequent = _frequent(told, kinds, least, least_kinds)
    # "digital art, a" says no more than "digital art": what a phrase begins and ends with carries meaning.
    found = {words: at for words, at in frequent.items() if carries_meaning(words[0]) and carries_meaning(words[-1])}
    longest = _without_parts(found)
    phrases = [
        SharedPhrase(
            " ".join(words), tuple(sorted(found[words])), sum(told[at][: len(words)] == words for at in found[words])
        )
        for words in longest
        if sum(map(carries_meaning, words)) >= LEAST_CONTENT and not _is_asked(words, asked)
    ]
    return tuple(sorted(phrases, key=lambda one: (-len(one.texts), one.text)))


def _is_asked(words: Words, asked: Sequence[str]) -> bool:
    phrase = f" {' '.join(words)} "
    return any(phrase in prompt for prompt in asked)


def _frequent(told: Sequence[Words], kinds: Sequence[str], least: int, least_kinds: int) -> dict[Words, set[int]]:
    """The phrases of every length in enough texts, each with these texts; longer ones only where both ends are."""
    frequent: dict[Words, set[int]] = {}
    known: dict[Words, set[int]] = {}
    for length in range(SHORTEST, LONGEST + 1):
        texts_of: dict[Words, set[int]] = defaultdict(set)
        for number, words in enumerate(told):
            for at in range(len(words) - length + 1):
                phrase = words[at : at + length]
                if length == SHORTEST or (phrase[1:] in known and phrase[:-1] in known):
                    texts_of[phrase].add(number)
        known = {
            phrase: numbers
            for phrase, numbers in texts_of.items()
            if len(numbers) >= least and len({kinds[number] for number in numbers}) >= least_kinds
        }
        if not known:
            break
        frequent |= known
    return frequent


def _without_parts(found: dict[Words, set[int]]) -> list[Words]:
    """The phrases without those that are parts of a longer one in nearly the same texts."""
    parts = set()
    for phrase, numbers in found.items():
        for length in range(SHORTEST, len(phrase)):
            for at in range(len(phrase) - length + 1):
                part = phrase[at : at + length]
                if part in found and len(numbers) >= SAME_SHARE * len(found[part]):
                    parts.add(part)
    return [phrase for phrase in found if phrase not in parts]


def openings(texts: Sequence[str], prompts: Sequence[str], words: int = 2) -> dict[str, int]:
    """How many texts open with which words, the most frequent first, where no prompt opens so."""
    asked = {words_of(prompt)[:words] for prompt in prompts}
    counts: dict[str, int] = defaultdict(int)
    for text in texts:
        opening = words_of(text)[:words]
        if opening and opening not in asked:
            counts[" ".join(opening)] += 1
    return dict(sorted(counts.items(), key=lambda one: (-one[1], one[0])))


def copied(text: str, shown: Sequence[str], asked: str, least: int = 6) -> tuple[str, ...]:
    """Runs of at least so many words that a text has in common with texts it was shown, and that nobody asked for."""
    told, known = words_of(text), [f" {' '.join(words_of(one))} " for one in shown]
    prompt = f" {' '.join(words_of(asked))} "
    found, at = [], 0
    while at + least <= len(told):
        end = at + least
        phrase = f" {' '.join(told[at:end])} "
        if phrase in prompt or not any(phrase in one for one in known):
            at += 1
            continue
        while end < len(told) and any(f" {' '.join(told[at : end + 1])} " in one for one in known):
            end += 1
        if sum(map(carries_meaning, told[at:end])) >= LEAST_CONTENT:
            found.append(" ".join(told[at:end]))
        at = end
    return tuple(found)
