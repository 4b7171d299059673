"""The caption of exactly some frames of a clip, from its steps: what happens outside of them is not told.

A trainer that crops a clip keeps the caption of the whole. For a caption that tells events in order, this is wrong: it
tells what the model never sees. Here the steps inside the window are told, in their order; a step that the border cuts
is told only where the measured facts show that it holds for the part, and a window that begins in mid-shot gets an
opening of its own. What cannot be told truly is refused, with the reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..records import CameraMotion, Facts, Shot, Step, VideoCaption
from ..records.shifting import caption_earlier
from ..vlm.embedded.geometry import overlap
from ..vlm.embedded.scene import opening
from .phrases import by_itself, clocks_earlier, without_lead
from .record import Record

EDGE_SECONDS = 0.3
"""A step that reaches this far over the border counts as inside: keyframes lie on a coarser grid, and a trainer that
takes 8n + 1 frames at 24 per second cuts off up to seven."""
SAME_PLACE = 0.7
"""Overlap of the boxes of one object at both ends of an interval in which it does not move."""
MOST_UNTOLD = 0.1
_TINY = 1e-6


@dataclass(frozen=True)
class WindowText:
    """What is true of a window: ``text`` is all of it in one paragraph.

    caption         the same as a caption of its own; its times begin at 0
    untold_seconds  how much time at the borders belongs to steps that could not be told of their part
    """

    text: str
    caption: VideoCaption
    untold_seconds: float = 0.0


@dataclass(frozen=True)
class Refused:
    """Why a window has no caption."""

    reason: str


def window_of(
    record: Record, start_seconds: float, end_seconds: float, *, most_untold: float = MOST_UNTOLD
) -> WindowText | Refused:
    """The caption of ``[start_seconds, end_seconds)``, at times of the record's video.

    ``most_untold`` is the share of the window, at its borders, that may belong to steps which cannot be told of their
    part; what is told is true either way. The same record and times give the same text, whatever model wrote the steps.
    """
    caption = record.caption
    reason = _outside(caption, start_seconds, end_seconds)
    if reason:
        return Refused(reason)
    if _is_whole(caption, start_seconds, end_seconds) and caption.summary.strip() and not caption.summary_problem:
        whole = caption_earlier(caption, start_seconds)
        return WindowText(_joined([clocks_earlier(caption.summary, start_seconds, caption)]), whole)
    told, untold = list[Step](), 0.0
    for step in caption.steps:
        inside = min(step.end_seconds, end_seconds) - max(step.start_seconds, start_seconds)
        if not _touches(step, start_seconds, end_seconds):
            continue
        kept = _told(step, start_seconds, end_seconds)
        if kept is None:
            untold += max(inside, 0.0)
        else:
            told.append(kept)
    length = end_seconds - start_seconds
    if untold > most_untold * length + _TINY:
        return Refused(_why_untold(caption.steps, start_seconds, end_seconds))
    begins = _opening(caption, told, start_seconds, end_seconds)
    if isinstance(begins, Refused):
        return begins
    steps = _worded([*begins, *told], start_seconds)
    if not steps:
        return Refused("no step in it has a text that can be trusted")
    return _window(record, steps, start_seconds, end_seconds, untold)


def _outside(caption: VideoCaption, start_seconds: float, end_seconds: float) -> str:
    if not start_seconds < end_seconds:
        return f"it ends at {end_seconds:.2f} s, before it begins"
    if start_seconds < caption.start_seconds - EDGE_SECONDS or end_seconds > caption.end_seconds + EDGE_SECONDS:
        known = f"{caption.start_seconds:.2f}-{caption.end_seconds:.2f} s"
        return f"{start_seconds:.2f}-{end_seconds:.2f} s is not all captioned: the caption covers {known}"
    return ""


def _is_whole(caption: VideoCaption, start_seconds: float, end_seconds: float) -> bool:
    begins = abs(start_seconds - caption.start_seconds) <= EDGE_SECONDS
    return begins and abs(end_seconds - caption.end_seconds) <= EDGE_SECONDS


def _touches(step: Step, start_seconds: float, end_seconds: float) -> bool:
    """An instant at the end of a window opens the next shot, and belongs to what follows."""
    if step.start_seconds == step.end_seconds:
        return start_seconds - EDGE_SECONDS <= step.start_seconds < end_seconds - EDGE_SECONDS
    return min(step.end_seconds, end_seconds) - max(step.start_seconds, start_seconds) > EDGE_SECONDS or (
        start_seconds <= step.start_seconds and step.end_seconds <= end_seconds
    )


def _told(step: Step, start_seconds: float, end_seconds: float) -> Step | None:
    """The part of the step that is true of the window; None if that is unknown.

    The opening of a shot describes its first frame, so it holds for any window that includes that frame.
    """
    if step.problem or not step.text.strip():
        return None
    cut_before = start_seconds - step.start_seconds > EDGE_SECONDS
    cut_after = step.end_seconds - end_seconds > EDGE_SECONDS
    if not (cut_before or cut_after) or (step.kind == "opening" and not cut_before):
        return step
    part = max(step.start_seconds, start_seconds), min(step.end_seconds, end_seconds)
    if step.kind != "whole" and step.facts and all(is_steady(facts, *part) for facts in step.facts):
        # Nothing happens in the part, so that nothing is told of it.
        return replace(step, text="", start_seconds=part[0], end_seconds=part[1])
    return None


def is_steady(facts: Facts, start_seconds: float, end_seconds: float) -> bool:
    """Whether it is measured that nothing happens in a part of an interval: no move, nobody comes or goes."""
    quiet = facts.motion.quiet
    if quiet is not None and quiet[0] <= start_seconds + _TINY and end_seconds <= quiet[1] + _TINY:
        return not _texts_change(facts, start_seconds, end_seconds)
    still = facts.motion.still is True and facts.camera.moves in (("static",), ())
    return still and all(map(_stays, facts.objects)) and not _texts_change(facts, start_seconds, end_seconds)


def _stays(thing: object) -> bool:
    start, end = getattr(thing, "start_box", None), getattr(thing, "end_box", None)
    if start is None and end is None:
        return True
    raised = getattr(thing, "arm_raises", ()) or getattr(thing, "leg_raises", ())
    return start is not None and end is not None and not raised and overlap(start, end) >= SAME_PLACE


def _texts_change(facts: Facts, start_seconds: float, end_seconds: float) -> bool:
    times = [at for line in facts.texts or () for at in (line.from_seconds, line.to_seconds) if at is not None]
    return any(start_seconds < at < end_seconds for at in times)


def _why_untold(steps: Sequence[Step], start_seconds: float, end_seconds: float) -> str:
    for step in steps:
        if not _touches(step, start_seconds, end_seconds) or _told(step, start_seconds, end_seconds) is not None:
            continue
        where = f"the step from {step.start_seconds:.2f} to {step.end_seconds:.2f} s"
        if step.problem or not step.text.strip():
            return f"{where} has no text that can be trusted"
        if not step.facts:
            return f"{where} is cut by the border, and no facts say what of it is inside"
        return f"{where} is cut by the border, and what it tells may happen outside"
    return "too much of it cannot be told"


def _opening(
    caption: VideoCaption, told: Sequence[Step], start_seconds: float, end_seconds: float
) -> list[Step] | Refused:
    """What is there when the window begins, where no step inside says so."""
    first = next((step for step in told if step.text), None)
    if first is not None and first.kind in ("opening", "whole") and first.start_seconds <= start_seconds + EDGE_SECONDS:
        return []
    state = _state_at(caption.steps, start_seconds, end_seconds)
    if state is None:
        return Refused("it begins in mid-shot, and no facts say what is there; begin with a shot")
    shot = told[0].shot_index if told else 0
    return [Step("opening", start_seconds, start_seconds, opening(state), shot, (start_seconds,), (state,))]


def _state_at(steps: Sequence[Step], start_seconds: float, end_seconds: float) -> Facts | None:
    """What was measured at a time, as the facts of one frame: at the end of a step, or in one without change."""
    shot = next((step.shot_index for step in steps if step.end_seconds > start_seconds + EDGE_SECONDS), None)
    for step in (step for step in steps if step.shot_index == shot):
        for facts in step.facts:
            if abs(facts.end_seconds - start_seconds) <= EDGE_SECONDS:
                return _instant(facts, start_seconds)
            if facts.start_seconds < start_seconds < facts.end_seconds:
                part_end = min(facts.end_seconds, end_seconds)
                return _instant(facts, start_seconds) if is_steady(facts, start_seconds, part_end) else None
    return None


def _instant(facts: Facts, at: float) -> Facts:
    """The state at the end of an interval, without what happened in it."""
    things = tuple(
        replace(
            thing,
            start_box=thing.end_box,
            start_pose=thing.end_pose,
            arm_raises=(),
            leg_raises=(),
            enters="",
            leaves="",
        )
        for thing in facts.objects
        if thing.end_box
    )
    # All lines in view are new to who has seen nothing before.
    lines = tuple(
        replace(line, from_seconds=at, to_seconds=None)
        for line in facts.texts or ()
        if line.to_seconds is None and (line.from_seconds is None or line.from_seconds <= at + EDGE_SECONDS)
    )
    texts = None if facts.texts is None else lines
    return replace(
        facts, start_seconds=at, end_seconds=at, camera=CameraMotion(), objects=things, texts=texts, sound=None
    )


def _worded(steps: Sequence[Step], start_seconds: float) -> list[Step]:
    """The steps with texts on the clock of the window; the first event does not refer to what came before."""
    found: list[Step] = []
    events = 0
    for step in steps:
        if not step.text.strip():
            continue
        text = clocks_earlier(step.text, start_seconds, step)
        if not found:
            text = without_lead(text)
        if step.kind == "change":
            text = by_itself(text) if not events else text
            events += 1
        found.append(replace(step, text=" ".join(text.split())))
    return found


def _window(
    record: Record, steps: Sequence[Step], start_seconds: float, end_seconds: float, untold_seconds: float
) -> WindowText:
    caption = record.caption

    def inside(seconds: float) -> float:
        return min(max(seconds, start_seconds), end_seconds)

    shots = tuple(
        Shot(inside(shot.start_seconds), inside(shot.end_seconds), shot.opens_with)
        for shot in caption.shots
        if shot.start_seconds < end_seconds - EDGE_SECONDS and shot.end_seconds > start_seconds + EDGE_SECONDS
    )
    clipped = tuple(
        replace(step, start_seconds=inside(step.start_seconds), end_seconds=inside(step.end_seconds)) for step in steps
    )
    text = _joined([step.text for step in steps])
    part = replace(
        caption,
        start_seconds=start_seconds,
        end_seconds=end_seconds,
        shots=shots,
        steps=clipped,
        summary=text,
        summary_problem="",
        content_id="",
        sound=None,
        edits=(),
    )
    return WindowText(text, caption_earlier(part, start_seconds), untold_seconds)


def _joined(texts: Sequence[str]) -> str:
    """One paragraph; each text ends like a sentence."""
    closed = (" ".join(text.split()) for text in texts)
    return " ".join(text if text[-1:] in '.!?…"”。！？' else f"{text}." for text in closed if text)
