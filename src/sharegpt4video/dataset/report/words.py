"""The words of captions: which are frequent, which stand out, what is said again and again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from .columns import Ints, codes
from .english import COMMON_PER_MILLION, FUNCTION_WORDS, RARE_PER_MILLION, verb_of
from .tokens import words

MOST_TOKENS = 1_500_000
MOST_WORDS = 300_000
MOST_WORD_LETTERS = 60
REFERENCE_WORDS = 1e6
PRIOR_WORDS = 1000.0
REPEATED_WORDS = 4
Pairs = list[tuple[str, float]]


@dataclass(frozen=True)
class Words:
    """What the words of ``captions`` captions (out of ``of``) show.

    ``content`` and ``verbs`` give the share of captions with the word, ``repeated`` how many captions have four words
    in a row, ``stand_out`` the log-odds z-score against common English and ``suspect`` that of the captions with
    findings or problems against the others. ``distinct[n - 1]`` is the share of different runs of n words among all,
    ``growth`` the words known after so many captions.
    """

    captions: int
    of: int
    tokens: int
    vocabulary: int
    content: Pairs
    verbs: Pairs
    stand_out: Pairs
    suspect: Pairs
    repeated: Pairs
    distinct: tuple[float, ...]
    growth: list[tuple[int, int]]


class Lexicon:
    """The words of captions as numbers, at most a million and a half of them; what comes later is not read."""

    def __init__(self, most_tokens: int = MOST_TOKENS) -> None:
        self._most = most_tokens
        self._numbers: dict[str, int] = {}
        self._codes: list[NDArray[np.int32]] = []
        self._lengths: list[Ints] = []
        self._suspect: list[NDArray[np.bool_]] = []
        self._tokens = 0

    @property
    def full(self) -> bool:
        return self._tokens >= self._most

    def add(self, texts: Any, suspect: NDArray[np.bool_]) -> None:
        """Read captions; ``suspect`` tells which of them the checks complain about."""
        if self.full or not len(texts):
            return
        split = words(texts)
        names, coded = codes(split.flatten())
        # A word beyond the limit, or longer than any word is, keeps its place but has no name.
        known = np.array([self._number(name) for name in names], np.int32)
        of_text = np.asarray(pc.list_value_length(split), np.int64)
        rows = np.repeat(np.arange(len(texts)), of_text)
        real = np.array([bool(name) for name in names], bool)[coded]
        self._codes.append(known[coded][real])
        self._lengths.append(np.bincount(rows[real], minlength=len(texts)))
        self._suspect.append(suspect)
        self._tokens += int(real.sum())

    def _number(self, word: str) -> int:
        if word not in self._numbers and (len(self._numbers) >= MOST_WORDS or len(word) > MOST_WORD_LETTERS):
            return -1
        return self._numbers.setdefault(word, len(self._numbers))

    def words(self, of: int) -> Words:
        """What is in them; ``of`` is how many captions there are in all."""
        names = np.array(list(self._numbers), object)
        coded = np.concatenate(self._codes) if self._codes else np.empty(0, np.int32)
        lengths = np.concatenate(self._lengths) if self._lengths else np.empty(0, np.int64)
        suspect = np.concatenate(self._suspect) if self._suspect else np.empty(0, bool)
        texts = np.repeat(np.arange(len(lengths)), lengths)
        texts, tokens = texts[coded >= 0], coded[coded >= 0].astype(np.int64)
        grams = _grams(tokens, texts)
        often = np.bincount(tokens, minlength=len(names)).astype(np.float64)
        in_suspect = np.bincount(tokens, suspect[texts], minlength=len(names)).astype(np.float64)
        verbs, content = _verbs(names), np.array([_says_something(name) for name in names], bool)
        return Words(
            captions=len(lengths),
            of=of,
            tokens=len(tokens),
            vocabulary=len(np.unique(tokens)),
            content=_shares(names, tokens, texts, content & (verbs == ""), len(lengths)),
            verbs=_shares(*_renamed(verbs, tokens), texts, None, len(lengths)),
            stand_out=_top(names, _against_english(names, often), content & (often >= 3)),
            suspect=_contrast(names, in_suspect, often - in_suspect, content),
            repeated=_repeated(names, tokens, texts, grams[REPEATED_WORDS - 1]),
            distinct=tuple(len(np.unique(keys)) / len(keys) if len(keys) else 0.0 for _, keys in grams),
            growth=_growth(tokens, texts, len(lengths)),
        )


def log_odds(often: NDArray[np.float64], other: NDArray[np.float64], prior: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much more a word belongs to one set of texts than to another, as z-scores.

    Log-odds ratio with an informative Dirichlet prior (Monroe, Colaresi and Quinn, "Fightin' Words", 2008): rare words
    do not win by chance, frequent ones not by their mass. ``prior`` is what each word counts in
    both sets before they are seen.
    """
    total, other_total, prior_total = often.sum(), other.sum(), prior.sum()
    ours, theirs = often + prior, other + prior
    odds = np.log(ours / (total + prior_total - ours)) - np.log(theirs / (other_total + prior_total - theirs))
    return np.asarray(odds / np.sqrt(1 / ours + 1 / theirs), np.float64)


def _against_english(names: NDArray[Any], often: NDArray[np.float64]) -> NDArray[np.float64]:
    usual = np.array([COMMON_PER_MILLION.get(name, RARE_PER_MILLION) for name in names], np.float64)
    if not len(names):
        return usual
    return log_odds(np.append(often, 0.0), _filled(usual), _filled(usual) * PRIOR_WORDS / REFERENCE_WORDS)[:-1]


def _filled(usual: NDArray[np.float64]) -> NDArray[np.float64]:
    """The frequencies, and at the end those of all words that are not there."""
    return np.append(usual, max(REFERENCE_WORDS - usual.sum(), 1.0))


def _contrast(
    names: NDArray[Any], often: NDArray[np.float64], other: NDArray[np.float64], wanted: NDArray[np.bool_]
) -> Pairs:
    """Words that stand out in one group of captions against the rest; nothing if either group has no word."""
    if not often.sum() or not other.sum():
        return []
    both = often + other
    scores = log_odds(often, other, both * min(1.0, PRIOR_WORDS / both.sum()) + 1e-6)
    return [(word, score) for word, score in _top(names, scores, wanted & (often >= 3)) if score > 1.96]


def _top(names: NDArray[Any], scores: NDArray[np.float64], wanted: NDArray[np.bool_], count: int = 30) -> Pairs:
    places = np.flatnonzero(wanted)
    best = places[np.argsort(-scores[places], kind="stable")][:count]
    return [(str(names[place]), float(scores[place])) for place in best]


def _says_something(word: str) -> bool:
    return word not in FUNCTION_WORDS and (len(word) > 1 or not word.isascii()) and not word.isdigit()


def _verbs(names: NDArray[Any]) -> NDArray[Any]:
    return np.array([verb_of(name) or "" if name not in FUNCTION_WORDS else "" for name in names], object)


def _renamed(verbs: NDArray[Any], tokens: Ints) -> tuple[NDArray[Any], Ints]:
    """The verbs that occur, and which one each token is a form of (-1: none)."""
    bases = sorted({base for base in verbs if base})
    number = {base: place for place, base in enumerate(bases)} | {"": -1}
    table = np.array([number[base] for base in verbs], np.int64)
    return np.array(bases, object), table[tokens] if len(table) else np.empty(0, np.int64)


def _shares(
    names: NDArray[Any], tokens: Ints, texts: Ints, wanted: NDArray[np.bool_] | None, captions: int, count: int = 30
) -> Pairs:
    """The share of captions that have a word, for the words in most captions."""
    fine = tokens >= 0
    if wanted is not None:
        fine &= wanted[tokens] if len(wanted) else False
    if not fine.any():
        return []
    pairs = np.unique(texts[fine] * len(names) + tokens[fine])
    found = np.bincount(pairs % len(names), minlength=len(names)) / captions
    return _top(names, found, found > 0, count)


def _grams(tokens: Ints, texts: Ints) -> list[tuple[Ints, Ints]]:
    """For runs of 1 to 4 words inside a caption: where each begins, and a number that equal runs share."""
    places = np.arange(len(tokens))
    found = [(places, tokens)]
    keys = tokens
    for size in range(2, REPEATED_WORDS + 1):
        if len(keys) < 2 or len(tokens) < size:
            found.append((np.empty(0, np.int64), np.empty(0, np.int64)))
            continue
        # The number of the run before, counted through, beside the next word: exact, no hash.
        _, short = np.unique(keys, return_inverse=True)
        keys = short[: len(tokens) - size + 1] * (int(tokens.max()) + 1) + tokens[size - 1 :]
        inside = texts[: len(keys)] == texts[size - 1 :]
        found.append((places[: len(keys)][inside], keys[inside]))
    return found


def _repeated(names: NDArray[Any], tokens: Ints, texts: Ints, grams: tuple[Ints, Ints], count: int = 20) -> Pairs:
    """The runs of four words that most captions share; of runs that overlap only the most frequent one."""
    places, keys = grams
    if not len(keys):
        return []
    _, first, number = np.unique(keys, return_index=True, return_inverse=True)
    pairs = np.unique(number * (int(texts.max()) + 1) + texts[places])
    often = np.bincount(pairs // (int(texts.max()) + 1))
    chosen: dict[tuple[str, ...], float] = {}
    for best in np.argsort(-often, kind="stable")[: 20 * count]:
        start = places[first[best]]
        run = tuple(names[tokens[start : start + REPEATED_WORDS]])
        if often[best] < 2 or len(chosen) == count:
            break
        if not any(run[1:] == other[:-1] or run[:-1] == other[1:] for other in chosen):
            chosen[run] = float(often[best])
    return [(" ".join(run), often) for run, often in chosen.items()]


def _growth(tokens: Ints, texts: Ints, captions: int, points: int = 60) -> list[tuple[int, int]]:
    if not captions or not len(tokens):
        return []
    _, first = np.unique(tokens, return_index=True)
    new = np.bincount(texts[first], minlength=captions).cumsum()
    at = np.unique(np.linspace(1, captions, min(points, captions)).astype(int))
    return [(int(n), int(new[n - 1])) for n in at]
