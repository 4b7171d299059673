"""Which steps fit a query: by its words, the rare ones weighing more, and by what the sentences mean."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..dataset.similar.novelty import TextEncoder
from .corpus import StepTexts
from .query import Term

CANDIDATES = 500
"""The best steps by words, of which the meaning is compared."""
ALL_COMPARED = 2000
"""Of a corpus with no more steps than this, the meaning of all is compared: other words may tell the same."""
BEFORE_SHARE = 0.5
"""What a word is worth that is only in the step before, of the same shot: "It jumps" follows "A dog ..."."""
WORDS_SHARE = 0.5
"""The part of the words in a score; the rest is that of the meaning."""


@dataclass(frozen=True)
class Hits:
    """Steps that may fit, the best first: the row and the number of each, and how well its words fit (0..1).

    ``steps_searched`` counts all steps of the corpus.
    """

    rows: NDArray[np.int64]
    steps: NDArray[np.int64]
    words: NDArray[np.float64]
    steps_searched: int

    def first(self, most: int) -> Hits:
        """The best of them."""
        return Hits(self.rows[:most], self.steps[:most], self.words[:most], self.steps_searched)


def by_words(batches: Iterable[StepTexts], terms: Sequence[Term], *, all_compared: bool) -> Hits:
    """The steps in which words of a query are; of a small corpus all steps, when their meaning is to be compared.

    A word weighs as much as it is rare (inverse document frequency); 1 means that all words are there. Memory: some 20
    bytes for each step of the corpus and word of the query.
    """
    own, rows, steps, same = [], [], [], []
    for batch in batches:
        own.append(np.array([_has(batch, term) for term in terms]))
        rows.append(batch.rows)
        steps.append(_numbers(batch.rows))
        new = (np.diff(batch.rows, prepend=-1) != 0) | (np.diff(batch.shots, prepend=-1) != 0)
        same.append(~new)
    if not rows or not sum(map(len, rows)):
        return Hits(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0), 0)
    there, follows = np.concatenate(own, axis=1), np.concatenate(same)
    before = np.zeros_like(there)
    before[:, 1:] = there[:, :-1] & follows[1:]
    count = there.shape[1]
    weights = np.log(1 + (count - there.sum(axis=1) + 0.5) / (there.sum(axis=1) + 0.5))
    told = np.where(there, 1.0, np.where(before, BEFORE_SHARE, 0.0))
    scores = weights @ told / weights.sum()
    # What only the step before says is a reason to prefer a step, not to find it.
    wanted = np.flatnonzero(there.any(axis=0) | (all_compared and count <= ALL_COMPARED))
    most = ALL_COMPARED if count <= ALL_COMPARED else CANDIDATES
    best = wanted[np.argsort(-scores[wanted], kind="stable")][:most]
    return Hits(np.concatenate(rows)[best], np.concatenate(steps)[best], scores[best], count)


def by_meaning(encoder: TextEncoder, query: str, texts: Sequence[str]) -> NDArray[np.float64]:
    """How near each text is to the query: the cosine of their sentence vectors, 0 where it is negative."""
    vectors = encoder.encode([query, *texts]).astype(np.float64)
    return np.asarray(np.maximum(vectors[1:] @ vectors[0], 0.0))


def combined(words: NDArray[np.float64], meaning: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """Both scores in one (0..1)."""
    return words if meaning is None else WORDS_SHARE * words + (1 - WORDS_SHARE) * meaning


def _has(batch: StepTexts, term: Term) -> NDArray[np.bool_]:
    found = pc.match_substring_regex(batch.texts, term.pattern).fill_null(False)
    return np.asarray(found.to_numpy(zero_copy_only=False), bool)


def _numbers(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """The number of each step within its caption. ``rows`` is sorted."""
    return np.arange(len(rows)) - np.searchsorted(rows, rows)
