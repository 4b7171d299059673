"""Short prompts from long captions: some of the sentences, in order."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])")


def sentences(text: str) -> list[str]:
    """The sentences of a text, each with the mark that ends it."""
    return [part for part in _END.split(" ".join(text.split())) if part]


def shortened(text: str, lengths: Sequence[int], rng: random.Random) -> str:
    """A caption cut down to as many sentences as one of ``lengths``: the first, which says what there is, and others.

    A caption that has no more than that keeps one sentence less; one of a single sentence loses its end at a comma, or
    after half of its words, or of its letters where blanks do not part them. "": nothing shorter is left.
    """
    parts = sentences(text)
    count = min(rng.choice(lengths), len(parts) - 1)
    if count < 1:
        return _half(parts[0]) if parts else ""
    others = sorted(rng.sample(range(1, len(parts)), count - 1))
    return " ".join(parts[at] for at in (0, *others))


def _half(sentence: str) -> str:
    before, comma, _ = sentence.partition(", ")
    words = sentence.split()
    if not comma and len(words) == 1:
        letters = sentence.rstrip(".!?。！？")
        return letters[: len(letters) // 2]
    short = before if comma else " ".join(words[: (len(words) + 1) // 2])
    return short.rstrip(",.;:!?") + "."
