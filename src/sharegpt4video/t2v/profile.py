"""The profile of a caption set: how long its captions are, how they begin, and how they tell of camera, order and time.

It drives the rewriting of prompts (``rewrite``), so that a generator reads prompts like the captions it was trained on.
A profile keeps some of the captions, to find those nearest to a prompt.
"""

from __future__ import annotations

import hashlib
import heapq
import json
import re
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputMissing, SettingsError
from ..files import write_whole
from ..given import from_json, read_text
from ..verify.prose import Passage
from ..vlm.embedded.prompt import is_english
from ..vlm.embedded.vocabulary import FINITE_VERBS
from ..vlm.embedded.words import word_set
from ..wording import counted
from . import cinematography
from .encoders import ENCODERS, count_tokens
from .nearest import Nearest
from .shared import words_of

VERSION = 1
MOST_EXAMPLES = 1000
OPENING_WORDS = 3
LEAST_OPENING = 0.02
"""Openings and words in a smaller share of the captions are left out."""
_ORDER = re.compile(
    r"\b(?:at\s+(?:first|the\s+(?:beginning|start|end))|in\s+the\s+(?:beginning|end)|a\s+moment\s+later|after\s+that"
    r"|initially|first|then|next|afterwards?|later|subsequently|meanwhile|before|finally|eventually|as|while)\b",
    re.IGNORECASE,
)
_PAST = word_set(
    "was were had did stood sat ran went came began took gave held wore flew fell rose made saw left spoke"
)
_PRESENT = (FINITE_VERBS | word_set("has does")) - word_set("was were have")
_TOKENIZERS = ("T5-226", "CLIP-77", "UMT5-512", "Llama-256", "Qwen-512")


@dataclass(frozen=True)
class Spread:
    """How a number is spread over captions."""

    mean: float
    p25: float
    p50: float
    p75: float
    p95: float

    @staticmethod
    def of(numbers: Sequence[int] | array[int]) -> Spread:
        values = np.asarray(numbers or [0], float)
        p25, p50, p75, p95 = (float(np.percentile(values, share)) for share in (25, 50, 75, 95))
        return Spread(round(float(values.mean()), 2), p25, p50, p75, p95)


@dataclass(frozen=True)
class Profile:
    """How a set of captions is written. All shares are of captions, 0 to 1.

    tokens    by encoder, on the captions that are kept; ``estimated`` names those that were counted from words
    openings  the first words of captions, with their share, the most frequent first
    camera    what is said of camera and tempo (``cinematography.TERMS``)
    order     words of order and time
    tense     "present" or "past": which of the two more verbs are in; "mixed" where neither is
    examples  captions that were kept: of larger sets a part chosen by hash, the same whatever the order
    """

    source: str
    captions: int
    words: Spread
    sentences: Spread
    tokens: dict[str, Spread]
    estimated: tuple[str, ...]
    openings: tuple[tuple[str, float], ...]
    camera: tuple[tuple[str, float], ...]
    order: tuple[tuple[str, float], ...]
    tense: tuple[tuple[str, float], ...]
    english: float
    examples: tuple[str, ...]

    @cached_property
    def nearest(self) -> Nearest:
        """Finds captions that are near to a prompt, among those that were kept."""
        return Nearest(self.examples)

    @property
    def main_tense(self) -> str:
        return max(self.tense, key=lambda one: one[1])[0] if self.tense else "present"

    def to_json(self) -> str:
        return json.dumps({"version": VERSION, **asdict(self)}, ensure_ascii=False, indent=1) + "\n"

    @staticmethod
    def from_json(text: str) -> Profile:
        """Read what ``to_json`` wrote. Raises ValueError where it does not fit."""
        plain = from_json(text)
        if not isinstance(plain, dict) or plain.pop("version", None) != VERSION:
            raise ValueError(f"it is no profile of version {VERSION}")
        plain["words"], plain["sentences"] = Spread(**plain["words"]), Spread(**plain["sentences"])
        plain["tokens"] = {name: Spread(**spread) for name, spread in plain["tokens"].items()}
        for name in ("openings", "camera", "order", "tense"):
            plain[name] = tuple((str(words), float(share)) for words, share in plain[name])
        return Profile(**{**plain, "estimated": tuple(plain["estimated"]), "examples": tuple(plain["examples"])})

    def text(self) -> str:
        """The profile as a few lines for a reader."""
        words, sentences = self.words, self.sentences
        lines = [
            f"{counted(self.captions, 'caption')} of {self.source}",
            f"words      {words.p25:.0f} to {words.p75:.0f} for half of them, 95 % up to {words.p95:.0f}",
            f"sentences  {sentences.p25:.0f} to {sentences.p75:.0f}, 95 % up to {sentences.p95:.0f}",
        ]
        for name, spread in self.tokens.items():
            about = " (estimated from words)" if name in self.estimated else ""
            lines.append(f"tokens     {name}: half up to {spread.p50:.0f}, 95 % up to {spread.p95:.0f}{about}")
        for name in ("openings", "camera", "order", "tense"):
            shares = ", ".join(f"{words} {share:.0%}" for words, share in getattr(self, name)[:6])
            lines.append(f"{name:<10} {shares or 'none that many captions share'}")
        return "\n".join(lines)


def save(profile: Profile, file: Path) -> None:
    """Write a profile as JSON, whole or not at all. Raises OSError."""
    write_whole(file, profile.to_json())


def load(file: str | Path) -> Profile:
    """Read a profile. Raises InputMissing if the file is not there, SettingsError if it is none."""
    path = Path(file)
    try:
        return Profile.from_json(read_text(path))
    except OSError as gone:
        raise InputMissing(f"{path}: cannot be read: {gone.strerror}") from gone
    except (ValueError, TypeError, KeyError, AttributeError) as wrong:
        advice = "sg4v t2v profile CAPTIONS --out FILE writes one"
        raise SettingsError(f"{path}: not a profile of captions ({wrong}); {advice}") from None


def profile_of(captions: Iterable[str], source: str, *, examples: int = MOST_EXAMPLES) -> Profile:
    """The profile of some captions, read once, one at a time. Empty ones do not count.

    Raises SettingsError if there are none.
    """
    words, sentences = array("I"), array("I")
    openings, camera, order, tense = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    english = 0
    kept: list[tuple[int, str]] = []
    for text in captions:
        text = " ".join(text.split())
        if not text:
            continue
        words.append(len(text.split()))
        sentences.append(len(Passage(0, text).sentences))
        openings.update(_openings(text))
        camera.update(cinematography.said(text))
        order.update({" ".join(match[0].casefold().split()) for match in _ORDER.finditer(text)})
        tense[_tense(text)] += 1
        english += is_english(text)
        # The examples with the smallest hashes: the largest of those so far leaves.
        entry = (-int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big"), text)
        if len(kept) < examples:
            heapq.heappush(kept, entry)
        elif entry > kept[0] and entry not in kept:
            heapq.heapreplace(kept, entry)
    count = len(words)
    if not count:
        raise SettingsError(f"{source}: holds no captions to make a profile of")
    shown = tuple(dict.fromkeys(text for _, text in sorted(kept, reverse=True)))
    tokens, estimated = _tokens(shown)
    return Profile(
        source, count, Spread.of(words), Spread.of(sentences), tokens, estimated,
        _longest_openings(openings, count), _shares(camera, count), _shares(order, count),
        _shares(tense, count), round(english / count, 4), shown,
    )  # fmt: skip


def _openings(text: str) -> list[str]:
    words = words_of(text[:200])
    return [" ".join(words[:length]) for length in range(1, OPENING_WORDS + 1) if len(words) >= length]


def _longest_openings(openings: Counter[str], count: int) -> tuple[tuple[str, float], ...]:
    """The openings that enough captions share, without those that nearly always go on in the same way."""
    common = {opening: times for opening, times in openings.items() if times >= max(LEAST_OPENING * count, 2)}
    shorter = {
        opening.rpartition(" ")[0]
        for opening, times in common.items()
        if times >= 0.5 * common.get(opening.rpartition(" ")[0], times + 1)
    }
    return _shares(Counter({one: times for one, times in common.items() if one not in shorter}), count)


def _shares(counts: Counter[str], count: int) -> tuple[tuple[str, float], ...]:
    ranked = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    return tuple((words, round(times / count, 4)) for words, times in ranked if times >= LEAST_OPENING * count)


def _tense(text: str) -> str:
    words = Passage(0, text).words
    present, past = sum(word in _PRESENT for word in words), sum(word in _PAST for word in words)
    return "mixed" if present == past else "present" if present > past else "past"


def _tokens(texts: Sequence[str]) -> tuple[dict[str, Spread], tuple[str, ...]]:
    spreads, estimated = {}, []
    for name in _TOKENIZERS:
        if name in ENCODERS:
            counted: list[Any] = [count_tokens(text, ENCODERS[name]) for text in texts]
            spreads[name] = Spread.of([one.tokens for one in counted])
            estimated += [name] if any(one.estimated for one in counted) else []
    return spreads, tuple(estimated)
