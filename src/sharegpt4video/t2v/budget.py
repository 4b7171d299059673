"""Fit captions to a text encoder: what matters least is dropped first, events last.

What is left stands in the order of the caption and in its words; a caption that fits is returned as it is.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter as Tally
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

from ..wording import counted
from .clauses import Sentence, sentences_of
from .encoders import Counter, TextEncoder
from .mending import mended
from .parts import EVENTS, LADDER, Kind, Part, Step, parts_in


@dataclass(frozen=True)
class Fitted:
    """A caption that an encoder reads to its end.

    tokens         of ``text``, counted as the report counts; never more than ``limit``
    estimated      whether they were estimated from words, without the encoder's tokenizer
    shed           what is no longer told, in the caption's order
    tokens_before  of the caption as it was
    """

    text: str
    tokens: int
    limit: int
    estimated: bool
    shed: tuple[Part, ...]
    tokens_before: int = 0

    @property
    def lost_events(self) -> tuple[Part, ...]:
        """The events that did not fit even in their shortest form."""
        return tuple(part for part in self.shed if part.step in EVENTS)


def fit(
    text: str,
    encoder: TextEncoder,
    parts: Sequence[Part] | None = None,
    *,
    counter: Counter | None = None,
    before: str = "",
    after: str = "",
    events: Sequence[str] = (),
) -> Fitted:
    """Fit a caption to an encoder.

    ``parts`` are what can be shed; without them it is taken apart here, by ``parts_of(text, events)``. ``counter``
    counts for many captions of one encoder. ``before`` and ``after`` are what a trainer puts
    around the caption, such as scores: they are counted and not returned.
    """
    counter = counter or Counter(encoder)
    whole = counter.count(f"{before}{text}{after}")
    limit = encoder.limit_tokens
    if whole <= limit:
        return Fitted(text, whole, limit, counter.estimated, (), whole)
    sentences = sentences_of(text)
    draft = _Draft(text, sentences, counter, before, after)
    shed = []
    for part in sorted(parts_in(text, sentences, events) if parts is None else parts, key=_turn):
        if draft.sheds(part):
            shed.append(part)
        if draft.fits(limit):
            break
    left = draft.text()
    lost: tuple[Part, ...] = ()
    if not draft.fits(limit):
        left, lost = _cut_words(draft, limit)
    tokens = counter.count(f"{before}{left}{after}")
    shed += lost
    return Fitted(left, tokens, limit, counter.estimated, tuple(sorted(shed, key=lambda part: part.start)), whole)


def _turn(part: Part) -> tuple[int, int, int]:
    """When a part is shed: by the ladder; of equals the last one first, but of events the longest, to keep many."""
    longest = part.end - part.start if part.step in EVENTS else 0
    return part.rank, -longest, -part.start


class _Draft:
    """A caption from which parts are taken out, each sentence made whole and counted when it changes."""

    def __init__(self, text: str, sentences: Sequence[Sentence], counter: Counter, before: str, after: str) -> None:
        self._whole, self._sentences, self._counter = text, sentences, counter
        self.before, self.after = before, after
        self._starts = [sentence.start for sentence in sentences]
        self._cuts: list[list[tuple[int, int]]] = [[] for _ in sentences]
        self._texts = [text[sentence.start : sentence.end] for sentence in sentences]
        self._own = [counter.own(f" {each}") for each in self._texts]
        self._around = counter.own(before) + counter.own(after)
        self._total = sum(self._own)

    def sheds(self, part: Part) -> bool:
        """Take a part out; False where it is gone already."""
        at = max(bisect_right(self._starts, part.start) - 1, 0)
        gone = False
        while at < len(self._sentences) and self._sentences[at].start < part.end:
            gone = self._cut(at, part) or gone
            at += 1
        return gone

    def _cut(self, at: int, part: Part) -> bool:
        sentence, cuts = self._sentences[at], self._cuts[at]
        start, end = max(part.start, sentence.start), min(part.end, sentence.end)
        if not self._texts[at] or any(first <= start and end <= last for first, last in cuts):
            return False
        cuts.append((start, end))
        self._texts[at] = "" if (start, end) == (sentence.start, sentence.end) else mended(self._whole, sentence, cuts)
        own = self._counter.own(f" {self._texts[at]}") if self._texts[at] else 0
        self._total += own - self._own[at]
        self._own[at] = own
        return True

    def fits(self, limit: int) -> bool:
        """Whether what is left is read to its end: by the sum of its sentences, and, to be sure, as a whole."""
        if self._around + self._total + self._counter.encoder.marks > limit + 1e-6:
            return False
        return self._counter.count(f"{self.before}{self.text()}{self.after}") <= limit

    def text(self) -> str:
        """What is left, with the line breaks that were between its sentences."""
        found, last = "", -1
        for at, each in enumerate(self._texts):
            if not each:
                continue
            if found:
                gap = self._whole[self._sentences[last].end : self._sentences[at].start]
                found += (gap if at == last + 1 else "\n" * min(gap.count("\n"), 2) if "\n" in gap else " ") + each
            else:
                found, last = each, at
                continue
            last = at
        return found

    def end(self) -> int:
        return self._sentences[-1].end if self._sentences else len(self._whole)


def _cut_words(draft: _Draft, limit: int) -> tuple[str, tuple[Part, ...]]:
    """The words of what is left up to the limit: the last resort, where one sentence alone is too long."""
    left = draft.text()
    words = left.split(" ")
    low, high = 0, len(words)
    while low < high:
        middle = (low + high + 1) // 2
        text = " ".join(words[:middle])
        fits = draft._counter.count(f"{draft.before}{text}{draft.after}") <= limit
        low, high = (middle, high) if fits else (low, middle - 1)
    kept = " ".join(words[:low])
    lost = left[len(kept) :].strip()
    return kept, (Part(lost, "event", 1 << 20, draft.end(), draft.end(), "words"),) if lost else ()


@dataclass
class BudgetReport:
    """What an encoder would have cut off many captions, and what was shed instead.

    captions     how many were looked at
    over         how many had more tokens than it reads, and ``excess`` by how many, as a tally
    shed         pieces by kind, ``steps`` by their place on the ladder
    lost_events  captions in which something that happens is no longer told, and ``events`` how many such pieces
    """

    encoder: TextEncoder
    estimated: bool = False
    captions: int = 0
    over: int = 0
    tokens: Tally[int] = field(default_factory=Tally)
    excess: Tally[int] = field(default_factory=Tally)
    shed: Tally[Kind] = field(default_factory=Tally)
    steps: Tally[Step] = field(default_factory=Tally)
    lost_events: int = 0
    events: int = 0

    def add(self, fitted: Fitted) -> None:
        """Count one caption."""
        self.captions += 1
        self.estimated = self.estimated or fitted.estimated
        self.tokens[fitted.tokens_before] += 1
        if fitted.tokens_before > fitted.limit:
            self.over += 1
            self.excess[fitted.tokens_before - fitted.limit] += 1
        self.shed.update(part.kind for part in fitted.shed)
        self.steps.update(part.step or "event" for part in fitted.shed)
        self.lost_events += bool(fitted.lost_events)
        self.events += len(fitted.lost_events)

    def to_dict(self) -> dict[str, Any]:
        """The report as plain values, for JSON."""
        return {
            "encoder": self.encoder.name,
            "limit_tokens": self.encoder.limit_tokens,
            "estimated": self.estimated,
            "captions": self.captions,
            "over": self.over,
            "tokens": _spread(self.tokens),
            "excess": _spread(self.excess),
            "shed": {kind: self.shed[kind] for kind in get_args(Kind)[::-1] if self.shed[kind]},
            "steps": {step: self.steps[step] for step in LADDER if self.steps[step]},
            "captions_that_lost_events": self.lost_events,
            "events_lost": self.events,
        }  # fmt: skip

    def text(self) -> str:
        """The report in a few lines."""
        encoder, spread = self.encoder, _spread(self.tokens)
        lines = [f"{encoder.name} reads {encoder.limit_tokens} tokens ({encoder.used_by})."]
        if not self.captions:
            return f"{lines[0]}\nNo captions were found."
        share = self.over / self.captions
        lines.append(
            f"{self.over:,} of {self.captions:,} captions ({share:.1%}) are longer;"
            f" median {spread['median']} tokens, longest {spread['most']}."
        )
        if self.over:
            excess = _spread(self.excess)
            lines.append(f"They are over by {excess['median']} tokens in the median, by {excess['most']} at most.")
            told = ", ".join(f"{count:,} {kind}" for kind, count in self.to_dict()["shed"].items())
            lines.append(f"To fit them, this is shed (pieces): {told}.")
        if self.lost_events:
            lines.append(
                f"WARNING: {counted(self.lost_events, 'caption')} without {counted(self.events, 'event')}: even in the"
                " shortest form they do not fit. Take an encoder that reads more, or shorter clips."
            )
        if self.estimated:
            lines.append(
                f"Tokens are estimated, {encoder.tokens_per_word} for each word, and may be 10 % off:"
                " the tokenizer is not on this machine. --tokenizer names one."
            )
        return "\n".join(lines)


def _spread(tally: Tally[int]) -> dict[str, int]:
    """The least, median, 95th percentile and most of tallied numbers."""
    if not tally:
        return {}
    at: dict[str, int] = {}
    total, seen = sum(tally.values()), 0
    for number in sorted(tally):
        seen += tally[number]
        for name, share in (("median", 0.5), ("p95", 0.95)):
            if seen >= share * total:
                at.setdefault(name, number)
    return {"least": min(tally), **at, "most": max(tally)}
