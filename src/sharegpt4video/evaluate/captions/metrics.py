"""Captions against references: CIDEr-D, METEOR without synonyms, ROUGE-L.

ROUGE-L is from ``rouge-score``, METEOR from ``nltk`` (extra ``evaluate``). WordNet is not in any package that we would
depend on, so METEOR matches words and stems only, and its name says so. CIDEr-D (arXiv 1411.5726) is our
own: the usual package is from 2020 and needs Java for its tokenizer.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import MissingExtra

LONGEST = 4
SIGMA = 6.0
Gram = tuple[str, ...]


@dataclass(frozen=True)
class TextScores:
    """Means over all captions, and each caption's own score by name: ``cider_d`` (0 to 10), the others 0 to 1."""

    means: Mapping[str, float]
    each: Mapping[str, tuple[float, ...]]


def words(text: str) -> list[str]:
    """Lower case, words with apostrophes, no punctuation: close to the tokens of CIDEr's authors."""
    return re.findall(r"[^\W_]+(?:['’][^\W_]+)*", text.lower())


def score(captions: Sequence[str], references: Sequence[Sequence[str]]) -> TextScores:
    """All three, for captions with one or more references each.

    Raises ValueError when there are no captions, not as many references, or none for one of them; MissingExtra
    without ``nltk`` and ``rouge-score``.
    """
    each = {
        "cider_d": cider_d(captions, references),
        "meteor_exact_stem": meteor_exact_stem(captions, references),
        "rouge_l": rouge_l(captions, references),
    }
    return TextScores(
        {name: sum(values) / len(values) for name, values in each.items()},
        {name: tuple(values) for name, values in each.items()},
    )


def _check(captions: Sequence[str], references: Sequence[Sequence[str]]) -> None:
    if not captions or len(captions) != len(references):
        raise ValueError(f"{len(captions)} captions and references for {len(references)}: give some, and as many")
    without = [number for number, texts in enumerate(references) if not texts]
    if without:
        raise ValueError(f"caption {without[0]} has no reference")


def cider_d(captions: Sequence[str], references: Sequence[Sequence[str]]) -> list[float]:
    """CIDEr-D of each caption, 0 to 10: tf-idf vectors of 1- to 4-grams, clipped, with a penalty for length.

    Document frequencies come from the references of all captions scored together, so scores of different sets
    cannot be compared, and a single caption scores 0. As in the published program, document
    frequencies below 1 count as 1 and lengths are compared by Gaussian with sigma 6. Raises ValueError as ``score``.
    """
    _check(captions, references)
    grams = [[_grams(words(text)) for text in texts] for texts in references]
    seen = Counter(gram for texts in grams for gram in set().union(*texts))
    logs = {gram: math.log(count) for gram, count in seen.items()}
    total = math.log(len(references))
    scores = []
    for caption, texts in zip(captions, grams, strict=True):
        own = _vectors(_grams(words(caption)), logs, total)
        alike = [_alike(own, _vectors(text, logs, total)) for text in texts]
        scores.append(10 * sum(alike) / len(alike))
    return scores


def _grams(tokens: Sequence[str]) -> Counter[Gram]:
    return Counter(
        tuple(tokens[at : at + size]) for size in range(1, LONGEST + 1) for at in range(len(tokens) - size + 1)
    )


@dataclass(frozen=True)
class _Vectors:
    weights: tuple[Mapping[Gram, float], ...]
    norms: tuple[float, ...]
    length: int


def _vectors(grams: Mapping[Gram, int], logs: Mapping[Gram, float], total: float) -> _Vectors:
    weights: tuple[dict[Gram, float], ...] = tuple({} for _ in range(LONGEST))
    for gram, count in grams.items():
        weights[len(gram) - 1][gram] = count * (total - logs.get(gram, 0.0))
    norms = tuple(math.sqrt(sum(weight**2 for weight in part.values())) for part in weights)
    # The published program uses the number of 2-grams as the length; unless a text is empty, differences are the same.
    return _Vectors(weights, norms, sum(count for gram, count in grams.items() if len(gram) == 2))


def _alike(one: _Vectors, other: _Vectors) -> float:
    """The clipped cosine, averaged over n."""
    penalty = math.exp(-((one.length - other.length) ** 2) / (2 * SIGMA**2))
    found = 0.0
    for weights, against, norm, norm_against in zip(one.weights, other.weights, one.norms, other.norms, strict=True):
        product = sum(min(w, against.get(gram, 0.0)) * against.get(gram, 0.0) for gram, w in weights.items())
        found += penalty * product / (norm * norm_against) if norm and norm_against else 0.0
    return found / LONGEST


def rouge_l(captions: Sequence[str], references: Sequence[Sequence[str]]) -> list[float]:
    """ROUGE-L of each caption (F1 of the longest common subsequence, with stems), the best over its references.

    Raises ValueError as ``score``, MissingExtra without ``rouge-score``.
    """
    _check(captions, references)
    try:
        from rouge_score.rouge_scorer import RougeScorer
    except ImportError as error:
        raise MissingExtra("ROUGE-L", "evaluate") from error
    scorer: Any = RougeScorer(["rougeL"], use_stemmer=True)
    return [
        max(float(scorer.score(text, caption)["rougeL"].fmeasure) for text in texts)
        for caption, texts in zip(captions, references, strict=True)
    ]


class _NoSynonyms:
    """A stand-in for WordNet without any words."""

    def synsets(self, _word: str) -> Iterable[Any]:
        return ()


def meteor_exact_stem(captions: Sequence[str], references: Sequence[Sequence[str]]) -> list[float]:
    """METEOR of each caption with exact and stem matches only, the best over its references.

    Without synonyms it is never above published METEOR: compare it only with itself.
    Raises ValueError as ``score``, MissingExtra without ``nltk``.
    """
    _check(captions, references)
    try:
        from nltk.translate.meteor_score import meteor_score
    except ImportError as error:
        raise MissingExtra("METEOR", "evaluate") from error
    known: Any = _NoSynonyms()
    return [
        float(meteor_score([words(text) for text in texts], words(caption), wordnet=known)) if words(caption) else 0.0
        for caption, texts in zip(captions, references, strict=True)
    ]
