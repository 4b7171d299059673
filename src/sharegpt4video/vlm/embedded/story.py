"""Summaries: many steps told as one story, from their facts. Also the parts of one (fold) and fast captions."""

from __future__ import annotations

from collections.abc import Sequence

from ...records import Facts, Step
from .chapters import Chapter, chapters
from .heard import heard_throughout
from .look import plain_screen
from .overall import camera_sentence, cast_sentence, look_sentence, texts_sentence
from .shown import intro, labels_shown, shows
from .telling import body, main_beats, main_chapters
from .words import clock, number, paragraph

MOST_SENTENCES = 12
MOST_FOLD_SENTENCES = 5
MOST_CHAPTERS = 4
MOST_CHAPTERS_OF_MANY = 3
LEAST_BEATS = 4


def summary(steps: Sequence[Step], start_seconds: float, end_seconds: float) -> str:
    """The story of ``[start_seconds, end_seconds)`` in at most about a dozen sentences; "" if no step can be used."""
    found = chapters(steps, start_seconds, end_seconds)
    if not found:
        return ""
    if end_seconds <= start_seconds:
        start_seconds, end_seconds = found[0].start_seconds, found[-1].end_seconds
    return _told(found, intro(found, start_seconds, end_seconds), MOST_SENTENCES)


def fold(steps: Sequence[Step], start_seconds: float, end_seconds: float) -> str:
    """The same, shorter, for some of many steps; it begins with the time it is about."""
    found = chapters(steps, start_seconds, end_seconds)
    if not found:
        return ""
    when = f"from {clock(start_seconds)} to {clock(end_seconds)}"
    first = found[0]
    shots = f", in {number(len(found))} shots" if len(found) > 1 else ""
    start = f"{when}{shots}, the video {shows(first)}" if first.facts else ""
    return _told(found, [start] if start else [], MOST_FOLD_SENTENCES)


def fast(facts: Sequence[Facts], start_seconds: float, end_seconds: float) -> str:
    """One paragraph about a whole video from the facts at and between some of its frames."""
    step = Step("whole", start_seconds, end_seconds, "", 0, (), tuple(facts))
    return summary([step], start_seconds, end_seconds)


def _told(found: Sequence[Chapter], start: list[str], most: int) -> str:
    """The story: the start, the shots and events that weigh most, in order, then what is true of the whole."""
    ends = [camera_sentence(found), texts_sentence(found), heard_throughout(found), look_sentence(found)]
    first = found[0].facts[:1]
    if len(found) == 1 and first and not plain_screen(first[0].look) and not any(f.objects for f in found[0].facts):
        ends.pop()  # the start has told the look of a picture in which nothing else could be told
    ends = [text for text in ends if text]
    if most <= MOST_FOLD_SENTENCES:
        ends = ends[:1] if not texts_sentence(found) else [texts_sentence(found)]
    many = len(found) > MOST_CHAPTERS
    chapters_told = 1 if most <= MOST_FOLD_SENTENCES else MOST_CHAPTERS_OF_MANY if many else MOST_CHAPTERS
    main = set(main_chapters(found, chapters_told))
    count = most - len(start) - len(ends) - len(main)
    beats = main_beats(found, max(count, 2 if most <= MOST_FOLD_SENTENCES else LEAST_BEATS))
    lines, told = body(found, main, beats)
    missing = cast_sentence(found, told | labels_shown(found[0]), everything=many)
    return paragraph([*start, *lines, missing, *ends])
