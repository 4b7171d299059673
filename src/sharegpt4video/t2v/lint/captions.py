"""Rules about the texts: what an encoder cuts off, what several lines become, what stands before every caption."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from ..encoders import Counter
from .notes import Notes, Sample

MOST_NAME_BYTES, _NEAR_BYTES = 255, 8
_STOCK = re.compile(
    r"(?:in )?(?:the|this) (?:video|image|clip|footage|scene|picture)(?: clip)?"
    r"(?:,| (?:shows|depicts|features|captures|highlights|introduces|presents|begins|opens|starts)\b)|caption:",
    re.IGNORECASE,
)
"""Openings of captions that models write: they tell nothing, and trainers strip some of them and not others."""
_WORD = re.compile(r"\S+")
_LOST_CHARACTERS = 60


def check_captions(notes: Notes, sample: Sample, *, several: bool) -> None:
    """Look at the captions of a sample."""
    if not several and len(sample.texts) > 1:
        notes.at("several-captions", f"has {len(sample.texts)}", sample)
    for text in sample.texts:
        if not text.strip():
            notes.at("empty-caption", "its caption is empty", sample)
            continue
        for counter in notes.encoders:
            _check_length(notes, sample, f"{notes.prefix} {text}" if notes.prefix else text, counter)
        if opening := _STOCK.match(text.strip()):
            notes.at("stock-opening", f"begins with {opening[0]!r}", sample)


def _check_length(notes: Notes, sample: Sample, text: str, counter: Counter) -> None:
    tokens, encoder = counter.count(text), counter.encoder
    if tokens <= encoder.limit_tokens:
        return
    words = list(_WORD.finditer(text))
    fit = int(len(words) * (encoder.limit_tokens - encoder.marks) / tokens)
    lost = " ".join(text[words[min(fit, len(words) - 1)].start() :].split())
    shown = lost if len(lost) <= _LOST_CHARACTERS else f"{lost[:_LOST_CHARACTERS]}…"
    about = "about " if counter.estimated else ""
    detail = f"has {about}{tokens} tokens of {encoder.limit_tokens} ({encoder.name}); lost from: {shown!r}"
    notes.at("cut-off", detail, sample)


def check_name(notes: Notes, sample: Sample) -> None:
    """A caption that is the name of its file: one as long as a name can be was probably cut."""
    size = len(PurePosixPath(sample.video).name.encode("utf-8", "replace"))
    if size > MOST_NAME_BYTES - _NEAR_BYTES:
        notes.at("name-too-long", f"has {size} bytes of the {MOST_NAME_BYTES} that a name can have", sample)
