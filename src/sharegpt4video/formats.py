"""A caption written as text, JSON, subtitles (SRT, WebVTT) or Markdown."""

from __future__ import annotations

from collections.abc import Callable

from .foreign import markdown, terminal_line
from .records import Step, VideoCaption
from .subtitles import marked, srt, vtt
from .times import show_span, show_time
from .wording import counted


def step_line(step: Step) -> str:
    """One step as a line of text: ``[0:02.0 – 0:04.0] What happens.``"""
    text = terminal_line(marked(step.text, step.problem))
    return f"[{show_span(step.start_seconds, step.end_seconds)}] {text}"


def summary_lines(caption: VideoCaption) -> list[str]:
    """An empty line and the summary; nothing in fast mode, where the only step is the summary."""
    if caption.mode == "fast":
        return []
    return ["", f"Summary: {terminal_line(marked(caption.summary, caption.summary_problem))}"]


def text(caption: VideoCaption) -> str:
    """A line for each step, an empty line, and the summary."""
    lines = [step_line(step) for step in caption.steps]
    return "\n".join([*lines, *summary_lines(caption), ""])


def json(caption: VideoCaption) -> str:
    """The whole record; ``VideoCaption.from_json`` reads it back."""
    return caption.to_json() + "\n"


def md(caption: VideoCaption) -> str:
    """A Markdown page: the summary, then the steps of each shot."""
    made = caption.provenance
    shots = counted(len(caption.shots), "shot")
    span = show_span(caption.start_seconds, caption.end_seconds)
    parts = [
        f"# {markdown(caption.video)}",
        f"{caption.width}×{caption.height}, {span}, {shots}. "
        f"Described by {markdown(made.model)}, sharegpt4video {markdown(made.version)}."
        + (f" Content of the video: {markdown(caption.content_id)}." if caption.content_id else ""),
        *([] if caption.mode == "fast" else [markdown(marked(caption.summary, caption.summary_problem))]),
    ]
    for index in sorted({step.shot_index for step in caption.steps}):
        steps = [step for step in caption.steps if step.shot_index == index]
        lines = (
            f"- **{show_span(step.start_seconds, step.end_seconds)}** {markdown(marked(step.text, step.problem))}"
            for step in steps
        )
        parts += [f"## Shot {index + 1}, from {show_time(steps[0].start_seconds)}", "\n".join(lines)]
    return "\n\n".join(parts) + "\n"


FORMATS: dict[str, Callable[[VideoCaption], str]] = {"text": text, "json": json, "srt": srt, "vtt": vtt, "md": md}
ENDINGS = {"text": "txt", "json": "json", "srt": "srt", "vtt": "vtt", "md": "md"}
