"""Matched captions of one clip, from dense to short, that differ in length only."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence

from ..records import Facts, Step, VideoCaption
from ..verify.prose import Passage
from ..vlm.embedded.change import clauses
from .phrases import by_itself, without_lead
from .record import Record

VARIANTS = ("dense", "medium", "short")
CAMERA_SHARE = 0.5
"""A camera move is the clip's when it goes on for this share of the time, and there is no other."""
_RESTS = ("static", "hand-held")
_OPENERS = re.compile(
    r"^(?:in\s+)?(?:this|the)\s+(?:[\w-]+\s+){0,3}?(?:video|clip|footage|scene|shot)\s*"
    r"(?:(?:shows?|depicts?|features?|captures?|presents?|displays?)\s+|,\s*)",
    re.IGNORECASE,
)


def texts_of(record: Record, wanted: Sequence[str] | None = None) -> dict[str, str]:
    """The captions of a clip: ``dense`` tells all, ``medium`` a sentence for each step, ``short`` the main event.

    All come from the same steps, in their order. A short caption that the record brings is taken as it is, and its
    other texts come along under their names. ``wanted`` are those to make, in that order; None: all. Those that the
    record does not have are left out. Empty for a record without any text that can be trusted.
    """
    caption = record.caption
    steps = [step for step in caption.steps if step.text.strip() and not step.problem]
    whole = "" if caption.summary_problem else caption.summary.strip()
    dense = whole or paragraph([step.text for step in steps])
    if not dense:
        return {}
    told = [step for step in steps if step.kind != "whole"]
    own = {name: text for name, text in record.texts.items() if text.strip()}
    make: dict[str, Callable[[], str]] = {
        "dense": lambda: dense,
        "medium": lambda: _medium(told) if told else _first_sentences(dense, 3),
        "short": lambda: _short(told) if told else _first_sentences(dense, 1),
    }
    names = [*make, *(name for name in own if name not in make)] if wanted is None else wanted
    texts = {name: own[name] if name in own else make[name]() for name in names if name in own or name in make}
    return {name: " ".join(text.split()) for name, text in texts.items()}


def paragraph(texts: Sequence[str]) -> str:
    """Texts as one paragraph; each ends like a sentence."""
    lines = (" ".join(text.split()) for text in texts)
    return " ".join(line if line[-1:] in '.!?…"”。！？' else f"{line}." for line in lines if line)


def _medium(steps: Sequence[Step]) -> str:
    """The first two sentences of an opening, and the first of every other step."""
    return paragraph([_first_sentences(step.text, 2 if step.kind == "opening" else 1) for step in steps])


def _short(steps: Sequence[Step]) -> str:
    subject = next((step for step in steps if step.kind == "opening"), None)
    events = [step for step in steps if step.kind == "change"]
    event = max(events, key=_weight, default=None)
    texts = [_first_sentences(step.text, 1) for step in (subject, event) if step is not None]
    if event is not None:
        texts[-1] = by_itself(without_lead(texts[-1]))
    return paragraph([without_opener(texts[0]), *texts[1:]])


def _weight(step: Step) -> float:
    """How much happens in a step, by its facts; without facts, how long it lasts."""
    events = [
        clause.salience for facts in step.facts for clause in clauses(facts) if clause.kind not in ("look", "text")
    ]
    return max(events) if events else min(step.end_seconds - step.start_seconds, 1e3) * 1e-3


def without_opener(text: str) -> str:
    """A caption without "The video shows": trainers cut such openings off, and captions should not need it."""
    bare = _OPENERS.sub("", text, count=1)
    return bare[:1].upper() + bare[1:] if bare else text


def _first_sentences(text: str, count: int) -> str:
    sentences = [passage.text for passage in Passage(0, " ".join(text.split())).sentences]
    return " ".join(sentences[:count]) or text


def camera_of(caption: VideoCaption) -> str:
    """The camera move of a clip in the words of trainers, such as ``pan left`` or ``static``; "" where it is not one.

    It is told of the whole clip, so there must be no other, and it must go on for half of the time.
    """
    held: defaultdict[str, float] = defaultdict(float)
    total = 0.0
    for facts in _intervals(caption):
        total += facts.end_seconds - facts.start_seconds
        for move in facts.camera.moves[:1]:
            held[move] += facts.end_seconds - facts.start_seconds
    moves = [move for move in held if move not in _RESTS]
    if not moves and total and held["static"] >= total * 0.99:
        return "static"
    return moves[0] if len(moves) == 1 and held[moves[0]] >= CAMERA_SHARE * total else ""


def _intervals(caption: VideoCaption) -> list[Facts]:
    found = (facts for step in caption.steps for facts in step.facts)
    return [facts for facts in found if facts.end_seconds > facts.start_seconds]
