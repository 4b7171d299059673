"""Which parts of a captioned video make a clip: runs of its steps, or windows of as many frames as a trainer takes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from ...checking import Count, Interval, Limits, Rate, Seconds, raise_for, wrong_values
from ...config import STRICT
from ...records import Step

Way = Literal["shots", "steps", "runs", "length", "window"]

_CLOSE_SECONDS = 1e-6


@dataclass(frozen=True)
class ClipSettings:
    """How videos are divided into clips. Clips of runs and windows may overlap, the others never do."""

    __pydantic_config__ = STRICT

    way: Way = "runs"
    """``shots``: each shot; ``steps``: each step by itself; ``runs``: every contiguous run of steps; ``length``: runs
    of about ``seconds``; ``window``: windows of ``frames`` frames."""
    min_seconds: Seconds = 2.0
    """No shorter clips (not for windows)."""
    max_seconds: Seconds | None = 60.0
    """No longer clips (not for windows); None: any length."""
    max_steps: Count | None = 10
    """The most steps of one run; None: any number (``runs`` only; instants do not count)."""
    seconds: Interval = 10.0
    """The length that ``length`` aims at."""
    cross_shots: bool = False
    """Let clips go on over a cut (``runs``, ``length`` and ``window``)."""
    frames: Count = 49
    """How many frames a window has."""
    fps: Rate = 8.0
    """How many frames per second the trainer takes."""
    stride_seconds: Interval | None = None
    """From the start of one window to that of the next; None: they touch."""
    min_share: Annotated[float, Limits(0, 1, over=True)] = 0.5
    """A step tells of a window when this share of the step lies inside, or it fills this share of the window."""
    problems: Literal["mark", "drop"] = "mark"
    """Clips whose text is not to be trusted: kept and marked, or left out (and counted)."""

    def __post_init__(self) -> None:
        wrong = wrong_values(self)
        found = [*wrong.values()]
        low, high = self.min_seconds, self.max_seconds
        if not wrong.keys() & {"min_seconds", "max_seconds"} and high is not None and high < low:
            found.append(f"min_seconds ({low}) must not be over max_seconds ({high})")
        raise_for(f"clips: {problem}" for problem in found)

    @property
    def window_seconds(self) -> float:
        return self.frames / self.fps


@dataclass(frozen=True)
class Span:
    """A part of a video, and the first and last of the steps that tell of it."""

    first_step: int
    last_step: int
    start_seconds: float
    end_seconds: float

    @property
    def seconds(self) -> float:
        return self.end_seconds - self.start_seconds


def spans(steps: Sequence[Step], settings: ClipSettings) -> Iterator[Span]:
    """The clips of one video, in the order of their starts. An instant belongs to the step that follows it."""
    units = _units(steps)
    found = WAYS[settings.way](steps, units, settings)
    if settings.way == "window":
        yield from found
        return
    most = settings.max_seconds
    for span in found:
        if span.seconds < settings.min_seconds - _CLOSE_SECONDS:
            continue
        if most is None or span.seconds <= most + _CLOSE_SECONDS:
            yield span


def told_by(steps: Sequence[Step], span: Span) -> tuple[Step, ...]:
    """The steps of a span; if it begins inside a shot, the opening of that shot comes first, for who and what."""
    chosen = tuple(steps[span.first_step : span.last_step + 1])
    if chosen[0].kind != "change":
        return chosen
    before = (step for step in steps[: span.first_step] if step.shot_index == chosen[0].shot_index)
    opening = [step for step in before if step.kind == "opening" and not step.problem]
    return (*opening[:1], *chosen)


def _units(steps: Sequence[Step]) -> list[Span]:
    """Each step that lasts, with the instants before it in the same shot."""
    found = []
    first = 0
    for number, step in enumerate(steps):
        if steps[first].shot_index != step.shot_index:
            first = number
        if step.end_seconds > step.start_seconds:
            found.append(Span(first, number, steps[first].start_seconds, step.end_seconds))
            first = number + 1
    return found


def _by_step(steps: Sequence[Step], units: Sequence[Span], _: ClipSettings) -> Iterator[Span]:
    for unit in units:
        step = steps[unit.last_step]
        yield Span(unit.last_step, unit.last_step, step.start_seconds, step.end_seconds)


def _by_shot(steps: Sequence[Step], units: Sequence[Span], _: ClipSettings) -> Iterator[Span]:
    return (_joined(run) for run in _stretches(steps, units, cross_shots=False))


def _runs(steps: Sequence[Step], units: Sequence[Span], settings: ClipSettings) -> Iterator[Span]:
    most = settings.max_seconds
    for stretch in _stretches(steps, units, cross_shots=settings.cross_shots):
        for first in range(len(stretch)):
            for run in itertools.accumulate(stretch[first : first + (settings.max_steps or len(stretch))], _pair):
                if most is not None and run.seconds > most + _CLOSE_SECONDS:
                    break
                yield run


def _of_length(steps: Sequence[Step], units: Sequence[Span], settings: ClipSettings) -> Iterator[Span]:
    wanted = settings.seconds
    for stretch in _stretches(steps, units, cross_shots=settings.cross_shots):
        runs: list[Span] = []
        for unit in stretch:
            longer = _pair(runs[-1], unit) if runs else unit
            if runs and abs(longer.seconds - wanted) <= abs(runs[-1].seconds - wanted):
                runs[-1] = longer
            else:
                runs.append(unit)
        if len(runs) > 1 and runs[-1].seconds < wanted / 2:  # a rest too short for a clip of its own
            runs[-2:] = [_pair(runs[-2], runs[-1])]
        yield from runs


def _windows(steps: Sequence[Step], units: Sequence[Span], settings: ClipSettings) -> Iterator[Span]:
    length, stride = settings.window_seconds, settings.stride_seconds or settings.window_seconds
    for stretch in _stretches(steps, units, cross_shots=settings.cross_shots):
        start, end = stretch[0].start_seconds, stretch[-1].end_seconds
        for number in range(int((end - start - length + _CLOSE_SECONDS) / stride) + 1 if end - start >= length else 0):
            at = start + number * stride
            telling = [unit for unit in stretch if _tells(unit, at, at + length, settings.min_share)]
            if telling:
                yield Span(telling[0].first_step, telling[-1].last_step, at, at + length)


def _tells(unit: Span, start: float, end: float, min_share: float) -> bool:
    shared = min(unit.end_seconds, end) - max(unit.start_seconds, start)
    return shared >= min_share * min(unit.seconds, end - start) - _CLOSE_SECONDS


def _stretches(steps: Sequence[Step], units: Sequence[Span], *, cross_shots: bool) -> Iterator[list[Span]]:
    """The units of each shot, or all of them where clips may cross cuts."""
    if cross_shots:
        if units:
            yield list(units)
        return
    for _, run in itertools.groupby(units, key=lambda unit: steps[unit.last_step].shot_index):
        yield list(run)


def _joined(run: Sequence[Span]) -> Span:
    return _pair(run[0], run[-1])


def _pair(first: Span, last: Span) -> Span:
    return Span(first.first_step, last.last_step, first.start_seconds, last.end_seconds)


WAYS: dict[str, Callable[[Sequence[Step], Sequence[Span], ClipSettings], Iterator[Span]]] = {
    "shots": _by_shot,
    "steps": _by_step,
    "runs": _runs,
    "length": _of_length,
    "window": _windows,
}
