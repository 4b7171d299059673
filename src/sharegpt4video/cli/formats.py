"""A caption written as text, JSON, subtitles (SRT, WebVTT) or Markdown."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, replace

from ..records import Step, VideoCaption
from .times import show_span, show_time

CUE_COLUMNS = 64


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


def step_line(step: Step) -> str:
    """One step as a line of text: ``[0:02.0 – 0:04.0] What happens.``"""
    return f"[{show_span(step.start_seconds, step.end_seconds)}] {marked(step.text, step.problem)}"


def summary_lines(caption: VideoCaption) -> list[str]:
    """An empty line and the summary; nothing in fast mode, where the only step is the summary."""
    return [] if caption.mode == "fast" else ["", f"Summary: {marked(caption.summary, caption.summary_problem)}"]


def text(caption: VideoCaption) -> str:
    """A line for each step, an empty line, and the summary."""
    lines = [step_line(step) for step in caption.steps]
    return "\n".join([*lines, *summary_lines(caption), ""])


def json(caption: VideoCaption) -> str:
    """The whole record; ``VideoCaption.from_json`` reads it back."""
    return caption.to_json() + "\n"


def cues(caption: VideoCaption) -> list[Cue]:
    """The steps as subtitles, in order, each at least a millisecond long, none overlapping another.

    The opening of a shot is true of an instant, so it is shown together with the change that follows it.
    """
    found: list[Cue] = []
    waiting = ""
    shown_ms = 0
    for step in caption.steps:
        waiting = f"{waiting}\n{marked(step.text, step.problem)}".strip("\n")
        end_ms = round(step.end_seconds * 1000)
        start_ms = max(round(step.start_seconds * 1000), shown_ms)
        if end_ms > start_ms:
            found.append(Cue(start_ms, end_ms, waiting))
            waiting, shown_ms = "", end_ms
    return _place_rest(found, waiting, shown_ms, caption)


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
    """SubRip subtitles. The format has no escapes, so an arrow that would be read as a time is written as ``->``."""
    blocks = (
        f"{number}\n{_span(cue, ',')}\n{re.sub('-+->', '->', _wrap(cue.text))}\n"
        for number, cue in enumerate(cues(caption), start=1)
    )
    return "\n".join(blocks)


def vtt(caption: VideoCaption) -> str:
    """WebVTT subtitles, with a note that says what made them."""
    note = f"NOTE\nMade by sharegpt4video {caption.provenance.version} with {_escape_vtt(caption.provenance.model)}\n"
    blocks = (f"{_span(cue, '.')}\n{_escape_vtt(_wrap(cue.text))}\n" for cue in cues(caption))
    return "\n".join(["WEBVTT\n", note, *blocks])


def md(caption: VideoCaption) -> str:
    """A Markdown page: the summary, then the steps of each shot."""
    made = caption.provenance
    shots = f"{len(caption.shots)} shot{'s' if len(caption.shots) != 1 else ''}"
    span = show_span(caption.start_seconds, caption.end_seconds)
    parts = [
        f"# {_escape_md(caption.video)}",
        f"{caption.width}×{caption.height}, {span}, {shots}. "
        f"Described by {_escape_md(made.model)}, sharegpt4video {made.version}.",
        *([] if caption.mode == "fast" else [_escape_md(marked(caption.summary, caption.summary_problem))]),
    ]
    for index in sorted({step.shot_index for step in caption.steps}):
        steps = [step for step in caption.steps if step.shot_index == index]
        lines = (
            f"- **{show_span(step.start_seconds, step.end_seconds)}** {_escape_md(marked(step.text, step.problem))}"
            for step in steps
        )
        parts += [f"## Shot {index + 1}, from {show_time(steps[0].start_seconds)}", "\n".join(lines)]
    return "\n\n".join(parts) + "\n"


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


def _escape_vtt(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _escape_md(text: str) -> str:
    escaped = re.sub(r"([\\`*_\[\]<>|~])", r"\\\1", text)
    return re.sub(r"^(#|[-+](?=\s)|\d+(?=[.)]\s))", r"\\\1", escaped)


FORMATS: dict[str, Callable[[VideoCaption], str]] = {"text": text, "json": json, "srt": srt, "vtt": vtt, "md": md}
ENDINGS = {"text": "txt", "json": "json", "srt": "srt", "vtt": "vtt", "md": "md"}
