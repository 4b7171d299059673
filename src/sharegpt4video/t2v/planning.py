"""Which frames of a captioned clip become clips of a trainer, each with the caption of exactly these frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal

from ..checking import Count, Interval, Limits, Rate, Share, raise_for, wrong_values
from ..config import STRICT
from ..records import VideoCaption
from .manifests import Window
from .record import Record
from .window import EDGE_SECONDS, MOST_UNTOLD, Refused, WindowText, window_of

DEFAULT_FPS = 24.0
TOO_SHORT = "shorter than the"
ADVICE = {
    "is cut by the border": "more fit with other --frames, captions of shorter steps (--every), or a larger --untold",
    TOO_SHORT: "more fit with fewer frames (--frames N, or --set frames=N where the layout has it) or a higher --fps",
}
"""What may be done about clips that are refused, by a part of the reason."""
_TINY = 1e-6


@dataclass(frozen=True)
class PlanSettings:
    """How clips are cut out of captioned ones."""

    __pydantic_config__ = STRICT

    frames: Count | None = None
    """Frames of each clip. None: as long as the shot, or the run of steps up to ``max_seconds``."""
    fps: Rate | None = None
    """Frames per second of the clips. None: what the trainer takes, else 24."""
    clips: Literal["all", "first"] = "all"
    """All windows that fit into a clip, or the first one only."""
    cross_shots: bool = False
    """Let a clip go on over a cut."""
    max_seconds: Interval = 10.0
    """No longer clips where ``frames`` is not given."""
    most_untold: Share = MOST_UNTOLD
    """The share of a clip, at its ends, of which the caption may tell nothing: the part of a step that is not known to
    be true of it. 0: refuse every such clip."""
    min_seconds: Annotated[float, Limits(0, 1e9)] = 0.5
    """No shorter clips where ``frames`` is not given."""

    def __post_init__(self) -> None:
        raise_for(wrong_values(self).values())

    def rate(self, window: Window) -> float:
        return float(self.fps or window.fps or DEFAULT_FPS)


@dataclass(frozen=True)
class Planned:
    """One clip to cut: ``frames`` pictures from ``start_seconds`` of the record's video, and what is said of them."""

    start_seconds: float
    frames: int
    fps: float
    told: WindowText
    is_whole: bool


@dataclass
class Plan:
    """What becomes of one record: its clips, and why there are not more."""

    clips: list[Planned] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def wrong_frames(settings: PlanSettings, window: Window) -> Iterator[str]:
    """What is wrong with the number of frames for a trainer, and the nearest that it takes."""
    if settings.frames is None:
        return
    fits = usable(settings.frames, window)
    if fits != settings.frames or settings.frames < window.minimum:
        low, high = max(fits, _least(window)), max(fits + window.step, _least(window))
        near = f"{low}" if low == high or fits < window.minimum else f"{low} or {high}"
        yield f"this trainer cannot train on {settings.frames} frames; take {near}"


def usable(frames: int, window: Window) -> int:
    """The most frames, up to a number, that a trainer can use of them: ``step * n + add``; 0 for none."""
    return max((frames - window.add) // window.step * window.step + window.add, 0) if frames >= window.add else 0


def _least(window: Window) -> int:
    fits = usable(window.minimum, window)
    return fits if fits == window.minimum else fits + window.step


def plan(record: Record, settings: PlanSettings, window: Window) -> Plan:
    """The clips of a record. Where nothing can be told truly, the plan says why."""
    found = Plan()
    for start, end in _stretches(record.caption, cross_shots=settings.cross_shots):
        if settings.frames is not None:
            _fixed(found, record, (start, end), settings.frames, settings, window)
        else:
            _free(found, record, (start, end), settings, window)
        if settings.clips == "first" and found.clips:
            del found.clips[1:]
            found.refused.clear()
            break
    return found


def _stretches(caption: VideoCaption, *, cross_shots: bool) -> list[tuple[float, float]]:
    """The shots, limited to what is captioned; or all of it, where clips may cross cuts or no shots are known."""
    start, end = caption.start_seconds, caption.end_seconds
    shots = [(max(shot.start_seconds, start), min(shot.end_seconds, end)) for shot in caption.shots]
    return [(start, end)] if cross_shots or not shots else [shot for shot in shots if shot[1] > shot[0]]


def _fixed(
    found: Plan, record: Record, span: tuple[float, float], frames: int, settings: PlanSettings, window: Window
) -> None:
    """Windows of so many frames, from the first place on where one can be told, and on from its end."""
    fps = settings.rate(window)
    length = frames / fps
    at, last = span[0], span[1] - length + 0.5 / fps
    if last < at:
        found.refused.append("the shot is shorter than the clips are to be")
        return
    refusals: list[str] = []
    for _ in range(len(record.caption.steps) * 2 + int((span[1] - at) / length) + 2):
        if at > last:
            break
        told = window_of(record, at, at + length, most_untold=settings.most_untold)
        if isinstance(told, WindowText):
            found.clips.append(Planned(at, frames, fps, told, _is_whole(record.caption, at, at + length)))
            at += length
            continue
        refusals.append(told.reason)
        following = [place for place in _places(record.caption, length) if at + _TINY < place <= last]
        if not following:
            break
        at = min(following)
    if refusals and not found.clips:
        found.refused.append(refusals[0])
    elif refusals:
        found.refused += refusals[:1]


def _places(caption: VideoCaption, length: float) -> list[float]:
    """Where a window has a step's border at its start, or at its end."""
    ends = (step.end_seconds - length for step in caption.steps)
    return sorted({*(step.start_seconds for step in caption.steps), *ends})


def _free(found: Plan, record: Record, span: tuple[float, float], settings: PlanSettings, window: Window) -> None:
    """Runs of whole steps up to the longest length, each cut to a number of frames that the trainer can use."""
    fps = settings.rate(window)
    at = span[0]
    while span[1] - at > max(settings.min_seconds, EDGE_SECONDS):
        end = _run_end(record.caption, at, span[1], settings.max_seconds)
        frames = usable(int((end - at) * fps + 0.5), window)
        if frames < window.minimum or frames < 1:
            found.refused.append(f"{TOO_SHORT} {window.minimum} frames that the trainer needs")
        else:
            length = frames / fps
            told = window_of(record, at, at + length, most_untold=settings.most_untold)
            if isinstance(told, Refused):
                found.refused.append(told.reason)
            else:
                found.clips.append(Planned(at, frames, fps, told, _is_whole(record.caption, at, at + length)))
        at = end


def _run_end(caption: VideoCaption, at: float, end: float, max_seconds: float) -> float:
    """The last border of steps that a run from ``at`` reaches; a step that is too long by itself is cut."""
    if end - at <= max_seconds + EDGE_SECONDS:
        return end
    borders = [step.end_seconds for step in caption.steps if at + EDGE_SECONDS < step.end_seconds <= at + max_seconds]
    return max(borders, default=at + max_seconds)


def _is_whole(caption: VideoCaption, start: float, end: float) -> bool:
    return abs(start - caption.start_seconds) <= EDGE_SECONDS and abs(end - caption.end_seconds) <= EDGE_SECONDS


def seconds_of(clips: Sequence[Planned]) -> float:
    """How long clips are together."""
    return sum(clip.frames / clip.fps for clip in clips)
