"""Audit any prompt rewriter: what its texts keep, lose or contradict of the prompts, and which phrases they all share.

Rules only, no model: the same two lists always give the same report.
"""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..errors import SettingsError
from ..verify.prose import folded, shortened
from ..vlm.embedded.prompt import is_english
from .encoders import ENCODERS, Counted, TextEncoder, count_tokens
from .fidelity import STANDINGS, Fidelity, Standing, judge
from .prompt_facts import KINDS, FactKind, PromptFacts, check_length, facts_of
from .requirements import Required, required
from .shared import SharedPhrase, shared_phrases
from .suites import Prompt

LEAK_SHARE = 0.02
"""A shared phrase in at least this share of the texts is a finding for each of them."""
LEAST_FOREIGN = 2
"""Letters of another script that make a text a mixed one; a single one may stand in a name."""


@dataclass(frozen=True)
class Found:
    """Something wrong with one text: ``kind`` such as "lost", "contradicted", "order", "language", "phrase"."""

    kind: str
    detail: str


@dataclass(frozen=True)
class Audited:
    """One prompt, its text, and all that was found. ``number`` counts from 1, as lines do."""

    number: int
    prompt: str
    text: str
    fidelity: Fidelity
    required: tuple[Required, ...]
    found: tuple[Found, ...]


@dataclass(frozen=True)
class Lengths:
    """Words of a list of texts."""

    mean: float
    median: float
    p95: float
    most: int

    @staticmethod
    def of(texts: Sequence[str]) -> Lengths:
        words = np.array([len(text.split()) for text in texts] or [0])
        return Lengths(float(words.mean()), float(np.median(words)), float(np.percentile(words, 95)), int(words.max()))


@dataclass(frozen=True)
class Over:
    """How many texts an encoder cuts off; ``estimated`` where its tokenizer is not on this machine."""

    encoder: str
    limit: int
    texts: int
    estimated: bool


@dataclass(frozen=True)
class Audit:
    """The report on a rewriter. ``text`` puts it into a table, ``plain`` into JSON."""

    prompts: tuple[Audited, ...]
    prompt_lengths: Lengths
    text_lengths: Lengths
    over: tuple[Over, ...]
    phrases: tuple[SharedPhrase, ...]
    repeated: tuple[tuple[int, ...], ...]
    """Numbers of prompts that got the same text although they differ."""

    @cached_property
    def kinds(self) -> Mapping[FactKind, Mapping[Standing, int]]:
        """How many facts of each kind are kept, near, lost, contradicted; kinds that nobody asked for are left out."""
        counts = Counter((one.fact.kind, one.standing) for each in self.prompts for one in each.fidelity.judged)
        asked = [kind for kind in KINDS if any(counts[kind, standing] for standing in STANDINGS)]
        return {kind: {standing: counts[kind, standing] for standing in STANDINGS} for kind in asked}

    @cached_property
    def requirements(self) -> Mapping[str, Mapping[Standing, int]]:
        """The same for what the benchmark's own file requires, by its dimension."""
        counts = Counter((one.name, one.standing) for each in self.prompts for one in each.required)
        names = dict.fromkeys(one.name for each in self.prompts for one in each.required)
        return {name: {standing: counts[name, standing] for standing in STANDINGS} for name in names}

    @property
    def ordered(self) -> tuple[int, int]:
        """Pairs of actions in order, and how many of them could be compared."""
        pairs = sum(each.fidelity.ordered for each in self.prompts)
        return pairs - sum(len(each.fidelity.swapped) for each in self.prompts), pairs

    def count(self, kind: str) -> int:
        """How many texts have a finding of that kind."""
        return sum(any(found.kind == kind for found in each.found) for each in self.prompts)

    @property
    def is_clean(self) -> bool:
        return not any(each.found for each in self.prompts)

    def plain(self) -> dict[str, Any]:
        """The report as plain values; spans of facts count characters of the prompt, ``[start, end)``."""
        return {
            "prompts": len(self.prompts),
            "words": {"prompts": asdict(self.prompt_lengths), "texts": asdict(self.text_lengths)},
            "facts": {kind: dict(counts) for kind, counts in self.kinds.items()},
            "required": {name: dict(counts) for name, counts in self.requirements.items()},
            "order": dict(zip(("kept", "compared"), self.ordered, strict=True)),
            "findings": dict(sorted(Counter(f.kind for each in self.prompts for f in each.found).items())),
            "over": [asdict(one) for one in self.over],
            "shared_phrases": [{"text": one.text, "texts": len(one.texts), "opens": one.opens} for one in self.phrases],
            "repeated": [list(group) for group in self.repeated],
            "each": [_plain(each) for each in self.prompts if each.found],
        }

    def text(self) -> str:
        from .audit_text import table

        return table(self)


def _plain(each: Audited) -> dict[str, Any]:
    return {
        "number": each.number,
        "prompt": each.prompt,
        "text": each.text,
        "found": [asdict(found) for found in each.found],
        "facts": [asdict(one.fact) | {"standing": one.standing, "reason": one.reason} for one in each.fidelity.judged],
    }


def audit(prompts: Sequence[Prompt], texts: Sequence[str], encoders: Sequence[TextEncoder] | None = None) -> Audit:
    """Audit rewritten prompts, each beside its original. ``encoders``: those whose windows matter; None: all known.

    Raises SettingsError if there are not as many texts as prompts, or none, and for a prompt that is too long for one.
    """
    if len(prompts) != len(texts):
        raise SettingsError(
            f"{len(prompts)} prompts, but {len(texts)} rewritten ones; both files need one for each, in the same order"
            " (an empty line is an empty text)"
        )
    if not prompts:
        raise SettingsError("there are no prompts to audit")
    for number, prompt in enumerate(prompts, start=1):
        check_length(prompt.text, f"prompt {number}")
    asked = [facts_of(prompt.text) for prompt in prompts]
    phrases = shared_phrases(texts, [prompt.text for prompt in prompts], [_about(one) for one in asked])
    by_text: dict[int, list[SharedPhrase]] = defaultdict(list)
    for phrase in phrases:
        if len(phrase.texts) >= max(LEAK_SHARE * len(texts), 2):
            for number in phrase.texts:
                by_text[number].append(phrase)
    audited = tuple(
        _audited(number, prompt, one, text, by_text[number - 1])
        for number, (prompt, one, text) in enumerate(zip(prompts, asked, texts, strict=True), start=1)
    )
    return Audit(
        audited,
        Lengths.of([prompt.text for prompt in prompts]),
        Lengths.of(texts),
        tuple(_over(texts, encoders or list(ENCODERS.values()))),
        phrases,
        tuple(_repeated(prompts, texts)),
    )


def _about(asked: PromptFacts) -> str:
    first = next(iter(asked.of_kind("subject", "setting")), None)
    return first.text.casefold() if first else asked.prompt.casefold()


def _audited(number: int, prompt: Prompt, asked: PromptFacts, text: str, phrases: list[SharedPhrase]) -> Audited:
    kept = judge(asked, text)
    found = [*_findings(asked, kept, text), *(Found("phrase", phrase.text) for phrase in phrases)]
    return Audited(number, prompt.text, text, kept, required(prompt, kept, text), tuple(found))


def _findings(asked: PromptFacts, kept: Fidelity, text: str) -> Iterator[Found]:
    if not text.strip():
        yield Found("empty", "there is no text")
        return
    for standing in ("lost", "contradicted"):
        for one in kept.judged:
            if one.standing == standing:
                reason = f" ({one.reason})" if one.reason else ""
                yield Found(standing, f"{one.fact.kind} {one.fact.text!r}{reason}")
    for first, second in kept.swapped:
        yield Found("order", f"{second.text!r} comes before {first.text!r}")
    if problem := language_problem(asked.prompt, text):
        yield Found("language", problem)
    if folded(asked.prompt) == folded(text):
        yield Found("unchanged", "the text is the prompt")


def language_problem(prompt: str, text: str) -> str:
    """How the language of a text differs from that of its prompt: another one, or words of another script in it."""
    if is_english(prompt) and not is_english(text) and any(map(str.isalpha, text)):
        return f"not in English: {shortened(text, 40)!r}"
    if not is_english(prompt) and prompt.strip() and is_english(text):
        return f"in English, the prompt is not: {shortened(text, 40)!r}"
    foreign = "".join(dict.fromkeys(c for c in text if c not in prompt and _is_foreign(c)))
    if is_english(prompt) and sum(map(_is_foreign, text)) >= LEAST_FOREIGN and foreign:
        return f"letters of another script: {shortened(foreign, 20)!r}"
    return ""


def _is_foreign(character: str) -> bool:
    return not character.isascii() and character.isalpha() and not unicodedata.name(character, "").startswith("LATIN")


def _over(texts: Sequence[str], encoders: Sequence[TextEncoder]) -> Iterator[Over]:
    counted: dict[tuple[object, ...], list[Counted]] = {}
    for encoder in encoders:
        key = (encoder.tokenizers, encoder.tokens_per_word, encoder.marks)
        if key not in counted:
            counted[key] = [count_tokens(text, encoder) for text in texts]
        counts = counted[key]
        over = sum(one.tokens > encoder.limit_tokens for one in counts)
        yield Over(encoder.name, encoder.limit_tokens, over, any(one.estimated for one in counts))


def _repeated(prompts: Sequence[Prompt], texts: Sequence[str]) -> Iterator[tuple[int, ...]]:
    groups: dict[str, list[int]] = defaultdict(list)
    for number, text in enumerate(texts, start=1):
        if text.strip():
            groups[folded(text)].append(number)
    for numbers in groups.values():
        if len({folded(prompts[number - 1].text) for number in numbers}) > 1:
            yield tuple(numbers)
