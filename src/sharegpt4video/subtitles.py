"""A caption as subtitles: SubRip and WebVTT. Each step is a cue; cues are in order and never overlap."""

from __future__ import annotations

import textwrap
from bisect import bisect_right
from dataclasses import dataclass, replace

from . import foreign
from .records import VideoCaption

CUE_COLUMNS = 64
LEAST_READ_MS = 1000
"""A subtitle that is gone sooner cannot be read."""
SPEECH = "[speech]"


@dataclass(frozen=True)
class Cue:
    """A subtitle: what is shown in ``[start_ms, end_ms)``."""

    start_ms: int
    end_ms: int
    text: str


def one_line(text: str) -> str:
    return " ".join(text.split())


def marked(text: str, problem: str) -> str:
    """The text on one line, with its problem in front of it where there is one."""
    return one_line(f"[{problem}] {text}" if problem else text)


def cues(caption: VideoCaption) -> list[Cue]:
    """The steps as subtitles, in order, each at least a millisecond long, none overlapping another.

    The opening of a shot is true of an instant. It has a part of the time of the change that follows it, by how long
    both are to read; where that is too short for two, they are shown together. What is said comes with the step in
    which it begins, marked as speech, unless the step quotes it.
    """
    found: list[Cue] = []
    waiting = ""
    shown_ms = 0
    for step in caption.steps:
        text = marked(step.text, step.problem)
        end_ms = round(step.end_seconds * 1000)
        start_ms = max(round(step.start_seconds * 1000), shown_ms)
        if end_ms > start_ms:
            found += _shared(start_ms, end_ms, waiting, text)
            waiting, shown_ms = "", end_ms
        else:
            waiting = _joined(waiting, text)
    return _with_speech(_place_rest(found, waiting, shown_ms, caption), caption)


def _shared(start_ms: int, end_ms: int, before: str, text: str) -> list[Cue]:
    """The cues of a step, and of what was true when it began."""
    if end_ms - start_ms < 2 * LEAST_READ_MS or not before:
        return [Cue(start_ms, end_ms, _joined(before, text))]
    middle = start_ms + (end_ms - start_ms) * len(before) // (len(before) + len(text) or 1)
    middle = min(max(middle, start_ms + LEAST_READ_MS), end_ms - LEAST_READ_MS)
    return [Cue(start_ms, middle, before), Cue(middle, end_ms, text)]


def _joined(before: str, text: str) -> str:
    return f"{before}\n{text}".strip("\n")


def _with_speech(found: list[Cue], caption: VideoCaption) -> list[Cue]:
    said = (caption.sound and caption.sound.speech) or ()
    for one in said if found else ():
        start_ms = round(one.start_seconds * 1000)
        place = max(bisect_right(found, start_ms, key=lambda cue: cue.start_ms) - 1, 0)
        words = one_line(one.text)
        if words.rstrip(".").replace('"', "'") not in found[place].text:
            found[place] = replace(found[place], text=f"{found[place].text}\n{SPEECH} {words}")
    return found


def _place_rest(found: list[Cue], waiting: str, shown_ms: int, caption: VideoCaption) -> list[Cue]:
    """Text left without a time of its own goes to the end of the video, or onto the last cue when that is full."""
    end_ms = round(caption.end_seconds * 1000)
    if not waiting:
        return found
    if end_ms > shown_ms:
        start_ms = max(round(caption.steps[-1].start_seconds * 1000), shown_ms, 0)
        return [*found, Cue(min(start_ms, end_ms - 1), end_ms, waiting)]
    return [*found[:-1], replace(found[-1], text=f"{found[-1].text}\n{waiting}")] if found else []


def srt(caption: VideoCaption) -> str:
    """SubRip subtitles. The format has no escapes; `foreign.srt` says what becomes of marks that players would obey."""
    blocks = (
        f"{number}\n{_span(cue, ',')}\n{_wrap(foreign.srt(cue.text))}\n"
        for number, cue in enumerate(cues(caption), start=1)
    )
    return "\n".join(blocks)


def vtt(caption: VideoCaption) -> str:
    """WebVTT subtitles, with a note that says what made them, and of which video."""
    made = caption.provenance
    said = [f"Made by sharegpt4video {made.version} with {made.model}"]
    if caption.content_id:
        said.append(f"Content of the video: {caption.content_id}")
    note = "\n".join(["NOTE", *(foreign.vtt(one_line(line)) for line in said), ""])
    blocks = (f"{_span(cue, '.')}\n{foreign.vtt(_wrap(foreign.plain(cue.text)))}\n" for cue in cues(caption))
    return "\n".join(["WEBVTT\n", note, *blocks])


def _span(cue: Cue, point: str) -> str:
    return f"{_clock(cue.start_ms, point)} --> {_clock(cue.end_ms, point)}"


def _clock(milliseconds: int, point: str) -> str:
    seconds, thousandths = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{point}{thousandths:03}"


def _wrap(text: str) -> str:
    """Lines of at most `CUE_COLUMNS` characters, none of them empty: an empty line would end the subtitle."""
    lines = (
        textwrap.wrap(line, CUE_COLUMNS, break_long_words=False, break_on_hyphens=False) for line in text.split("\n")
    )
    return "\n".join(line for wrapped in lines for line in wrapped) or "…"
