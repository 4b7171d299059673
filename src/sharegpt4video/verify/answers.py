"""A model's answer held against the measured facts and the text before, as soon as it is there.

Only rules that contradict what was surely measured are asked (``RULES``): a false alarm costs a request, and marks a
good text. ``benchmarks/verify.py`` measures both kinds of mistake.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..records import Edit, Facts, Finding, Mode, Shot, Step, StepKind
from ..vlm.base import Request
from . import camera, facts, support
from .prose import SUMMARY, Draft

DESCRIBES = ("opening", "change", "fast", "summary", "fold")
"""Tasks whose answers describe a video."""
Rule = Callable[[Draft], Iterator[Finding]]

RULES: tuple[Rule, ...] = (
    camera.camera,
    facts.names,
    facts.counts,
    facts.directions,
    facts.look,
    support.coming_and_going,
    support.unsupported,
    support.colours_of_things,
    support.order_of_events,
)
"""The rules that may contradict a model. Quoted text is not among them: what OCR missed may well be there."""


@dataclass(frozen=True)
class _Part:
    """What a request and its answer tell of a video, in the form that checks read."""

    start_seconds: float
    end_seconds: float
    steps: tuple[Step, ...]
    summary: str = ""
    mode: Mode = "sliding"
    shots: tuple[Shot, ...] = ()
    summary_problem: str = ""
    edits: tuple[Edit, ...] = ()


def contradictions(request: Request, answer: str) -> tuple[str, ...]:
    """What the answer says against the facts, the step before, or the steps it sums up; each in words for the model.

    Empty for tasks that describe no video.
    """
    if request.task not in DESCRIBES:
        return ()
    draft, number = draft_of(request, answer)
    found = (finding for rule in RULES for finding in rule(draft) if finding.step == number)
    return tuple(dict.fromkeys(finding.reason for finding in found))


def draft_of(request: Request, answer: str, language: str = "en") -> tuple[Draft, int]:
    """A request of the tasks in ``DESCRIBES`` and its answer as checks read a caption, and the number of the answer."""
    start, end = request.start_seconds, request.end_seconds
    if request.task in ("summary", "fold"):
        return Draft(_Part(start, end, request.steps, answer), language), SUMMARY
    part = _Part(start, end, _steps(request, answer))
    return Draft(part, language), len(part.steps) - 1


def _steps(request: Request, answer: str) -> tuple[Step, ...]:
    """The step that the answer becomes, after the step before it if there is one."""
    now = _step("change" if request.task == "change" else "opening", request.facts[-1:], request, answer)
    if request.task != "change" or not request.before:
        return (now,)
    return (_step("opening", request.facts[:-1], request, request.before), now)


def _step(kind: StepKind, measured: tuple[Facts, ...], request: Request, text: str) -> Step:
    start = measured[0].start_seconds if measured else request.start_seconds
    end = measured[-1].end_seconds if measured else request.end_seconds
    return Step(kind, start, end, text, 0, request.seconds[-1:], measured)
