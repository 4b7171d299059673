"""A judge without a model: rules for answers that name a choice, and a small classifier for captions.

The classifier predicts which option of a multiple-choice question a caption supports, if any, from the words that
distinguish the options, their order, and (given sentence vectors) the similarity of the sentences. Its weights were
fitted to stored judgements of TempCompass. ``benchmarks/local_judge.py`` fits them again and prints the agreement with
that judge on unseen videos; read that table before you use its scores.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from . import choice
from .base import Encode, Question, Verdict

FEATURES = ("phrase", "own words", "all words", "order", "near", "nearest sentence", "nearest statement")
NONE_FEATURES = ("constant", "best own words", "second own words", "best near", "short caption")

WEIGHTS = (0.16, 2.078, -0.332, 0.679, 0.23, 1.819, 0.153)
NONE_WEIGHTS = (1.939, -0.941, 2.384, -1.109, -0.532)
LEXICAL_WEIGHTS = (-0.12, 1.929, 0.682, 0.725)
LEXICAL_NONE_WEIGHTS = (1.211, -1.324, 2.159, 0.0, -0.446)

AGREEMENT = "agrees with a language model's stored judgements on 93.7 % of all answers, 76 % of captions (kappa .47)"
"""On videos it was not fitted to, in words for a report: ``benchmarks/local_judge.py`` measures it."""

_STOP = frozenset(
    (
        *("a", "an", "the", "is", "are", "was", "were", "be", "to", "of", "in", "on", "at", "and", "or", "it", "its"),
        *("his", "her", "their", "he", "she", "they", "with", "for", "from", "by", "that", "this", "as", "into"),
        *("then", "video", "image", "scene", "shown", "shows", "seen", "who", "which", "what", "while", "some"),
    )
)


@dataclass(frozen=True)
class Choice:
    """The option that a caption supports (an index, or None), and the probability of each, "none" last."""

    index: int | None
    shares: tuple[float, ...]


@dataclass(frozen=True)
class Asked:
    """A parsed multiple-choice question: the question itself, and the options without their letters."""

    stem: str
    options: tuple[str, ...]


def read_asked(question: str) -> Asked:
    """From lines such as ``What happens?`` and ``A. It falls``."""
    stem, *lines = question.strip().split("\n")
    return Asked(stem, tuple(re.sub(r"^[A-Z]\.\s*", "", line).strip() for line in lines if line.strip()))


class LocalJudge:
    """Judges TempCompass answers without a model.

    ``encode`` adds sentence vectors (such as all-MiniLM-L6-v2's); without it, words alone decide. ``name`` says which,
    for provenance; ``agreement`` says how far to trust it.
    """

    agreement = AGREEMENT

    def __init__(self, encode: Encode | None = None, encoder: str = "given vectors") -> None:
        self._encode = encode
        self.name = f"local judge ({encoder})" if encode else "local judge (words alone)"
        self._weights = (WEIGHTS, NONE_WEIGHTS) if encode else (LEXICAL_WEIGHTS, LEXICAL_NONE_WEIGHTS)

    def verdicts(self, answers: Sequence[tuple[Question, str]]) -> list[Verdict]:
        """As ``verdict`` for each, but much faster: every text is encoded once, in one batch."""
        if self._encode is None:
            return [self.verdict(question, text) for question, text in answers]
        captions = [(q, t) for q, t in answers if q.groups["format"] == "captioning" and choice.plain(t)]
        texts = {
            text for q, t in captions for text in texts_of(read_asked(q.reference["choice"]), choice.plain(t))
        }  # fmt: skip
        known = dict(zip(sorted(texts), self._encode(sorted(texts)), strict=True)) if texts else {}
        quick = LocalJudge(lambda wanted: _stacked([known[text] for text in wanted]), "known vectors")
        return [quick.verdict(question, text) for question, text in answers]

    def verdict(self, question: Question, text: str) -> Verdict:
        """Right or wrong, for a question of TempCompass in any of its four formats.

        An answer that says nothing is wrong, marked ``empty`` or ``unparsed``.
        """
        said = choice.plain(text)
        if not said:
            return Verdict(0.0, by="judge", unscored="empty")
        form, asked = question.groups["format"], question.reference["question"]
        if form == "captioning":
            right = question.reference["choice_answer"]
            found = self.choose(question.reference["choice"], said).index
            return Verdict(float(found is not None and choice.LETTERS[found] == right[:1]), by="judge")
        if form == "yes_no":
            yes = choice.yes_or_no(said)
            return _verdict(None if yes is None else ("yes" if yes else "no") == question.answer)
        lines = asked.split("\n")[1:]
        index = choice.matched_caption(said, asked) if form != "multi-choice" else choice.chosen(said, question.options)
        return _verdict(None if index is None else lines[index] == question.answer)

    def choose(self, question: str, caption: str) -> Choice:
        """The option of a multiple-choice question (lines ``A. ...``) that a caption supports, or none."""
        asked = read_asked(question)
        options, none = features(asked, caption, self._encode)
        weights, none_weights = self._weights
        scores = [sum(w * x for w, x in zip(weights, row, strict=False)) for row in options]
        scores.append(sum(w * x for w, x in zip(none_weights, none, strict=True)))
        top = max(scores)
        parts = [math.exp(score - top) for score in scores]
        shares = tuple(part / sum(parts) for part in parts)
        best = shares.index(max(shares))
        return Choice(best if best < len(asked.options) else None, shares)


def _stacked(vectors: Sequence[Any]) -> Any:
    import numpy as np

    return np.stack(vectors)


def _verdict(right: bool | None) -> Verdict:
    if right is None:
        return Verdict(0.0, by="none", unscored="unparsed")
    return Verdict(float(right), by="judge")


def features(asked: Asked, caption: str, encode: Encode | None) -> tuple[list[list[float]], list[float]]:
    """Per option the ``FEATURES`` (the first four without vectors), and the ``NONE_FEATURES``."""
    said = _stems(caption)
    words = [_content(option) for option in asked.options]
    rows = []
    for number, option in enumerate(asked.options):
        others = set().union(*(words[:number] + words[number + 1 :])) if len(words) > 1 else set()
        rows.append(_lexical(option, words[number], words[number] - others, said))
    best = [*sorted((row[1] for row in rows), reverse=True), 0.0, 0.0]
    near = 0.0
    if encode is not None:
        vectors = _nearness(asked, caption, encode)
        rows = [row + more for row, more in zip(rows, vectors, strict=True)]
        near = max((more[1] for more in vectors), default=0.0)
    return rows, [1.0, best[0], best[1], near, 1.0 if len(said) < 12 else 0.0]


def _lexical(option: str, words: set[str], own: set[str], said: Sequence[str]) -> list[float]:
    """Whether the phrase occurs, the shares of the option's distinctive words and of all its words, and their order."""
    there = set(said)
    phrase = " ".join(_stems(option))
    told = own or words
    return [
        1.0 if phrase and f" {phrase} " in f" {' '.join(said)} " else 0.0,
        len(told & there) / len(told) if told else 0.0,
        len(words & there) / len(words) if words else 0.0,
        _in_order(option, said),
    ]


def _in_order(option: str, said: Sequence[str]) -> float:
    """How far the words of an option have the same order in the caption: -1 (reversed) to 1."""
    wanted = [word for word in _stems(option) if word not in _STOP]
    after = _stem("after")
    if wanted.count(after) == 1:  # "b after a": a came first
        at = wanted.index(after)
        wanted = wanted[at + 1 :] + wanted[:at]
    first = {word: place for place, word in reversed(list(enumerate(said)))}
    places = [first[word] for word in dict.fromkeys(wanted) if word in first]
    pairs = [(a, b) for number, a in enumerate(places) for b in places[number + 1 :]]
    return sum(1 if a < b else -1 for a, b in pairs) / len(pairs) if pairs else 0.0


def texts_of(asked: Asked, caption: str) -> list[str]:
    """The texts to encode: the caption, its sentences, the options, and question plus option."""
    sentences = [part for part in re.split(r"(?<=[.!?])\s+", caption) if part.strip()] or [caption or "-"]
    return [caption or "-", *sentences, *asked.options, *(f"{asked.stem} {option}" for option in asked.options)]


def _nearness(asked: Asked, caption: str, encode: Encode) -> list[list[float]]:
    """Cosines of each option with the caption and its nearest sentence, and of question plus option with the latter."""
    vectors, count = encode(texts_of(asked, caption)), len(asked.options)
    parts, own = vectors[: -2 * count], vectors[-2 * count :]
    rows = []
    for number in range(count):
        alone, told = parts @ own[number], parts @ own[count + number]
        rows.append([float(alone[0]), float(max(alone[1:])), float(max(told[1:]))])
    return rows


def _content(text: str) -> set[str]:
    return {word for word in _stems(text) if word not in _STOP}


def _stems(text: str) -> list[str]:
    """Lower-case words without common endings: enough to match "turning" with "turns"."""
    return [_stem(word) for word in re.findall(r"[a-z0-9]+", text.lower())]


def _stem(word: str) -> str:
    for ending in ("ing", "ies", "ed", "es", "s", "er", "ly"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            kept = word[: -len(ending)]
            kept = kept + "y" if ending == "ies" else kept
            return kept[:-1] if len(kept) > 3 and kept[-1] == kept[-2] else kept.rstrip("e")
    return word.rstrip("e") if len(word) > 3 else word
