"""What is heard, in one short sentence: what is said, that somebody speaks, that music plays."""

from __future__ import annotations

from collections.abc import Sequence

from ...records import Facts, Sound, SoundKind, Utterance
from .chapters import Chapter
from .words import clock, listed, quoted

SURE = 0.9  # a detector's mean score: cheers reach .87, speech seldom less than this
LEAST_SPEECH_SECONDS = 1.0
MOST_SAID = 3
THROUGHOUT, OFTEN = 0.85, 0.4  # of the time


def heard_sentence(facts: Facts) -> str:
    """What begins to be heard in an interval; "" for nothing new."""
    if facts.sound is None:
        return ""
    if said := _surely_said(facts.sound):
        return f"a voice says {_words(' '.join(one.text for one in said))}"
    kinds: tuple[SoundKind, ...] = ("speech", "music")
    begins = {kind for kind in kinds if _begins(facts.sound, kind)}
    if "music" in begins:
        return "music plays and somebody speaks" if "speech" in begins else "music plays"
    return "somebody speaks" if begins else ""


def heard_throughout(found: Sequence[Chapter]) -> str:
    """What is heard in the whole: music, and what is said."""
    heard = [f.sound for chapter in found for f in chapter.facts if f.sound is not None]
    seconds = sum(one.end_seconds - one.start_seconds for one in heard)
    if seconds <= 0:
        return ""
    said = [each for one in heard for each in _surely_said(one)]
    parts = [_for_how_long("music plays", _share(heard, "music", seconds))]
    if said:
        parts.append(_told(said))
    else:
        parts.append(_for_how_long("somebody speaks", _share(heard, "speech", seconds)))
    return listed([part for part in parts if part])


def _surely_said(sound: Sound) -> list[Utterance]:
    """The words that were written down where it is sure that somebody speaks: elsewhere they are often made up."""
    spans = [(s.start_seconds, s.end_seconds) for s in sound.spans if s.kind == "speech" and s.score >= SURE]
    return [
        one
        for one in sound.speech or ()
        if any(start < one.end_seconds and one.start_seconds < end for start, end in spans)
    ]


def _words(text: str) -> str:
    """Words between quotes, without the full stop that the sentence around them brings."""
    return quoted(text.strip().removesuffix("."))


def _told(said: Sequence[Utterance]) -> str:
    shown = [f"{_words(one.text)} ({clock(one.start_seconds)})" for one in said[:MOST_SAID]]
    return f"a voice says {listed(shown)}{' and more' if len(said) > MOST_SAID else ''}"


def _for_how_long(what: str, share: float) -> str:
    if share <= 0:
        return ""
    return f"{what} throughout" if share >= THROUGHOUT else what if share >= OFTEN else f"{what} for a while"


def _begins(sound: Sound, kind: SoundKind) -> bool:
    return any(sound.start_seconds <= start < sound.end_seconds for start, _ in _sure(sound, kind))


def _share(heard: Sequence[Sound], kind: SoundKind, seconds: float) -> float:
    """The share of the time in which a kind is heard for sure."""
    return (
        sum(
            max(min(end, sound.end_seconds) - max(start, sound.start_seconds), 0.0)
            for sound in heard
            for start, end in _sure(sound, kind)
        )
        / seconds
    )


def _sure(sound: Sound, kind: SoundKind) -> list[tuple[float, float]]:
    """The spans of a kind that are told."""
    speech = kind == "speech"
    return [
        (span.start_seconds, span.end_seconds)
        for span in sound.spans
        if span.kind == kind
        and (not speech or (span.score >= SURE and span.end_seconds - span.start_seconds >= LEAST_SPEECH_SECONDS))
    ]
