"""Mixing captions of one clip: how often a trainer takes the dense one, and how often a short one."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping

MOST_REPEATED = 10
"""Captions of one clip at most, where a trainer can be told of weights only by repeating captions."""


def wrong_weights(weights: Mapping[str, float]) -> Iterator[str]:
    """What is wrong with weights, in words."""
    for name, weight in weights.items():
        if not (math.isfinite(weight) and weight >= 0):
            yield f"the weight of {name} must be a number of at least 0, not {weight}"
    if weights and not any(weight > 0 for weight in weights.values()):
        yield "at least one weight must be over 0"


def normalised(weights: Mapping[str, float], names: Mapping[str, object]) -> dict[str, float]:
    """The shares of these captions, which add up to 1; without weights, all the same.

    A caption that has no weight is not taken, unless none of them has one.
    """
    given = {name: weights.get(name, 0.0) for name in names}
    if not sum(given.values()):
        given = dict.fromkeys(names, 1.0)
    total = sum(given.values())
    return {name: weight / total for name, weight in given.items()}


def repeated(texts: Mapping[str, str], weights: Mapping[str, float]) -> list[str]:
    """Captions repeated as their weights say, for trainers that take one of a list by chance; ten at most.

    The list is the shortest whose shares are nearest to the weights. A caption with any weight is there at least once.
    """
    if not weights:
        return list(texts.values())
    shares = {name: share for name, share in normalised(weights, texts).items() if share > 0}
    best: dict[str, int] = {}
    least = math.inf
    for total in range(len(shares), MOST_REPEATED + 1):
        counts = {name: max(round(share * total), 1) for name, share in shares.items()}
        error = sum(abs(count / sum(counts.values()) - shares[name]) for name, count in counts.items())
        if sum(counts.values()) <= MOST_REPEATED and error < least - 1e-9:
            best, least = counts, error
    return [texts[name] for name, count in best.items() for _ in range(count)]


def chosen(id: str, weights: Mapping[str, float], names: Mapping[str, object]) -> str:
    """One caption of a clip for trainers that take one only: by chance, as the weights say, but always the same."""
    at = int.from_bytes(hashlib.blake2b(id.encode(), digest_size=8).digest(), "big") / 2**64
    shares = normalised(weights, names)
    for name, share in shares.items():
        at -= share
        if at < 0:
            return name
    return next(name for name, share in reversed(shares.items()) if share > 0)
