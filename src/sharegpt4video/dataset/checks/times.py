"""Times: the steps against the video, and the times that a text tells against the part it is about."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from ...records import Finding, Shot, Step
from ...verify.prose import SUMMARY, Draft, Passage
from ...vlm.embedded.words import NUMBERS

SAME_TIME_SECONDS = 0.002
LATE_START_SECONDS = 2.0
"""A file may begin with sound alone: so much of it may pass before the first picture."""
STEP_SLACK_SECONDS = 1.6
"""Texts round to the second: a time may lie so far outside the step it is told in."""

_NUMBERS = {word: number for number, word in enumerate(NUMBERS)} | {
    "fifteen": 15, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60,
}  # fmt: skip
_NUMBER = rf"(\d+(?:\.\d+)?|{'|'.join(_NUMBERS)})"
_DIGIT = re.compile(r"\d")
_CLOCK = re.compile(
    r"(?:\b(?:at|from|to|until|till|by|around|about|between|and|after|before|since|near)\s+|[(\[–-]\s?|^)"
    r"(\d{1,2}):([0-5]\d)(?::([0-5]\d))?(?![\d:])(?!\s*(?:[ap]\.?m\b|o['’]clock|score|lead|win))",
    re.IGNORECASE,
)
_AT = re.compile(
    rf"\b(?:at|around|until|from|by|at about|near)\s+(?:the\s+)?{_NUMBER}(?:\s?s\b|[\s-]seconds?\b|[\s-]sec\b)"
    rf"(?!\s+(?:later|intervals?|long|apart|ago|before|after|per|each))",
    re.IGNORECASE,
)
_SPAN = re.compile(
    rf"\b(?:from|between)\s+(?:the\s+)?{_NUMBER}(?:\s?s|\s+seconds?)?\s+(?:to|and|until)\s+{_NUMBER}\s?(?:s|seconds?)\b",
    re.IGNORECASE,
)
_LENGTH = re.compile(rf"\b(?:after|for|lasts?|within)\s+(?:about\s+)?{_NUMBER}\s+(?:more\s+)?seconds?\b", re.I)


def order(draft: Draft) -> Iterator[Finding]:
    """Steps that are outside the video, end before they begin, or come before the one before them."""
    row, before = draft.row, -math.inf
    for number, step in enumerate(row.steps):
        times = (step.start_seconds, step.end_seconds)
        if not all(map(math.isfinite, times)) or times[1] < times[0]:
            yield Finding("order of steps", number, f"ends before it begins: {_span(*times)}")
            continue
        outside = times[0] < row.start_seconds - SAME_TIME_SECONDS or times[1] > row.end_seconds + SAME_TIME_SECONDS
        if outside:
            whole = _span(row.start_seconds, row.end_seconds)
            yield Finding("order of steps", number, f"{_span(*times)} is outside the video, {whole}")
        if step.start_seconds < before - SAME_TIME_SECONDS:
            yield Finding("order of steps", number, f"begins at {times[0]:.2f} s, before the step before it")
        before = max(before, step.start_seconds)


def tiling(draft: Draft) -> Iterator[Finding]:
    """Shots that leave a gap or overlap, and steps that do not tile their shot."""
    row = draft.row
    yield from _shots_tile(row.shots, row.start_seconds, row.end_seconds)
    if row.mode == "fast":
        return
    for index, shot in enumerate(row.shots):
        numbers = [number for number, step in enumerate(row.steps) if step.shot_index == index]
        if numbers:
            yield from _steps_tile([(number, row.steps[number]) for number in numbers], shot, index)
        else:
            where = _span(shot.start_seconds, shot.end_seconds)
            yield Finding("tiling", SUMMARY, f"shot {index}, {where}, has no step")
    for number, step in enumerate(row.steps):
        if not 0 <= step.shot_index < len(row.shots):
            yield Finding("tiling", number, f"belongs to shot {step.shot_index}, which does not exist")


def _shots_tile(shots: Sequence[Shot], start: float, end: float) -> Iterator[Finding]:
    if not shots:
        return
    if not -SAME_TIME_SECONDS <= shots[0].start_seconds - start <= LATE_START_SECONDS:
        yield Finding("tiling", SUMMARY, f"the first shot begins at {shots[0].start_seconds:.2f} s, not {start:.2f} s")
    for number, (one, following) in enumerate(pairwise(shots)):
        if abs(one.end_seconds - following.start_seconds) > SAME_TIME_SECONDS:
            yield Finding("tiling", SUMMARY, _joint(f"shots {number} and {number + 1}", one, following))
    if abs(shots[-1].end_seconds - end) > SAME_TIME_SECONDS:
        yield Finding("tiling", SUMMARY, f"the last shot ends at {shots[-1].end_seconds:.2f} s, not {end:.2f} s")


def _steps_tile(steps: list[tuple[int, Step]], shot: Shot, index: int) -> Iterator[Finding]:
    number, first = steps[0]
    if abs(first.start_seconds - shot.start_seconds) > SAME_TIME_SECONDS:
        where = f"{first.start_seconds:.2f} s, shot {index} at {shot.start_seconds:.2f} s"
        yield Finding("tiling", number, f"the first step begins at {where}")
    for (_, one), (number, following) in pairwise(steps):
        if abs(one.end_seconds - following.start_seconds) > SAME_TIME_SECONDS:
            yield Finding("tiling", number, _joint("this step and the one before", one, following))
    number, last = steps[-1]
    if abs(last.end_seconds - shot.end_seconds) > SAME_TIME_SECONDS:
        where = f"{last.end_seconds:.2f} s, shot {index} at {shot.end_seconds:.2f} s"
        yield Finding("tiling", number, f"the last step ends at {where}")


def _joint(what: str, one: Shot | Step, following: Shot | Step) -> str:
    gap = following.start_seconds - one.end_seconds
    kind = "leave a gap of" if gap > 0 else "overlap by"
    return f"{what} {kind} {abs(gap):.2f} s at {min(one.end_seconds, following.start_seconds):.2f} s"


def frame_times(draft: Draft) -> Iterator[Finding]:
    """Frames that a step was described from, but that lie outside of it or are out of order."""
    for number, step in enumerate(draft.row.steps):
        low, high = step.start_seconds - SAME_TIME_SECONDS, step.end_seconds + SAME_TIME_SECONDS
        wrong = [seconds for seconds in step.frame_seconds if not low <= seconds <= high]
        if wrong:
            where = _span(step.start_seconds, step.end_seconds)
            yield Finding("frame times", number, f"a frame at {wrong[0]:.2f} s is outside the step, {where}")
        elif list(step.frame_seconds) != sorted(step.frame_seconds):
            yield Finding("frame times", number, "the frames are not in the order of time")


def told_times(draft: Draft) -> Iterator[Finding]:
    """Times in the words of a text that are outside the video, or far from the step that tells them."""
    for passage in draft.texts:
        if not _DIGIT.search(passage.plain) and "second" not in passage.plain:
            continue
        if reason := _wrong_time(draft, passage):
            yield passage.finding("told times", reason)


def _wrong_time(draft: Draft, passage: Passage) -> str:
    row = draft.row
    start, end = draft.seconds_of(passage)
    slack = STEP_SLACK_SECONDS if passage.number != SUMMARY else 1.0
    for seconds, words in mentioned(passage.plain):
        # A part of a longer video may be told by that video's clock or by its own.
        if not any(low - slack <= seconds <= high + slack for low, high in _clocks(start, end, row.start_seconds)):
            what = "the video" if passage.number == SUMMARY else "the step"
            return f"tells of {words!r}, but {what} is {_span(start, end)}"
    for match in _LENGTH.finditer(passage.plain):
        if _value(match[1]) > (row.end_seconds - row.start_seconds) * 1.1 + 1.0:
            return f"tells of {match[0]!r}, but the video is {row.end_seconds - row.start_seconds:.2f} s long"
    return ""


def mentioned(text: str) -> Iterator[tuple[float, str]]:
    """The moments that a text names, in seconds, with the words that name them."""
    for match in _CLOCK.finditer(text):
        first, second, third = int(match[1]), int(match[2]), match[3]
        yield (first * 3600 + second * 60 + int(third) if third else first * 60 + second), match[0].strip()
    for match in _AT.finditer(text):
        yield _value(match[1]), match[0]
    for match in _SPAN.finditer(text):
        yield _value(match[1]), match[0]
        yield _value(match[2]), match[0]


def _clocks(start: float, end: float, zero: float) -> list[tuple[float, float]]:
    return [(start, end)] if zero <= 0 else [(start, end), (start - zero, end - zero)]


def _value(text: str) -> float:
    return float(_NUMBERS[text.lower()]) if text.lower() in _NUMBERS else float(text)


def _span(start: float, end: float) -> str:
    return f"{start:.2f}-{end:.2f} s"
