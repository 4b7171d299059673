"""Which captions are nearest to a prompt, by the words they share: rare words count more (TF-IDF, cosine)."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..verify.rewriting import carries_meaning
from .likeness import root
from .shared import words_of


class Nearest:
    """An index of captions, held in memory; made for thousands of them."""

    def __init__(self, captions: Sequence[str]) -> None:
        self._captions = tuple(captions)
        counts = [Counter(_roots(text)) for text in self._captions]
        seen = Counter(word for one in counts for word in one)
        self._rarity = {word: math.log((1 + len(counts)) / (1 + times)) + 1 for word, times in seen.items()}
        places: dict[str, list[int]] = defaultdict(list)
        weights: dict[str, list[float]] = defaultdict(list)
        for number, one in enumerate(counts):
            weighed = {word: (1 + math.log(times)) * self._rarity[word] for word, times in one.items()}
            length = math.sqrt(sum(weight * weight for weight in weighed.values())) or 1.0
            for word, weight in weighed.items():
                places[word].append(number)
                weights[word].append(weight / length)
        self._places: dict[str, NDArray[np.int64]] = {word: np.array(at) for word, at in places.items()}
        self._weights: dict[str, NDArray[np.float64]] = {word: np.array(each) for word, each in weights.items()}

    def find(self, prompt: str, count: int = 3) -> tuple[str, ...]:
        """The nearest captions, the nearest first, the earlier of equals first; as many as share a word with it."""
        scores = np.zeros(len(self._captions))
        for word, times in Counter(_roots(prompt)).items():
            if word in self._places:
                scores[self._places[word]] += times * self._rarity[word] * self._weights[word]
        order = np.argsort(-scores, kind="stable")[:count]
        return tuple(self._captions[at] for at in order if scores[at] > 0)


def _roots(text: str) -> list[str]:
    return [root(word) for word in words_of(text) if carries_meaning(word)]
