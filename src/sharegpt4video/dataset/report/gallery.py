"""Samples as the page shows them: each video with its pictures beside the captions of their steps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from ...records import Facts, Finding, Image, Step
from ..rows import Survey
from .markup import cut, number, plural
from .samples import Sample

PAGE_LETTERS = 3_000_000
"""All captions of the page together; each sample gets its share."""
LEAST_LETTERS = 400
_SURVEYED = (
    *("codec", "average_fps", "brightness", "sharpness", "motion", "camera_motion"),
    *("black_share", "frozen_share"),
)


@dataclass(frozen=True)
class ShownStep:
    """One step, counted from 1, with as much of its text as there is room for."""

    number: int
    step: Step
    text: str
    findings: list[Finding]
    image: Image | None


@dataclass(frozen=True)
class Article:
    """One sample of the page, at its ``place`` from 1.

    ``findings`` are those of the whole video, ``words`` those of all its steps. ``loose_pictures`` belong to no step:
    their captions do not say which frames they were made from.
    """

    sample: Sample
    place: int
    seconds: float
    words: int
    summary: str
    findings: list[Finding]
    steps: list[ShownStep]
    loose_pictures: list[tuple[float, Image]]
    surveyed: str
    measured: str


def article(sample: Sample, place: int, of: int) -> Article:
    """One sample, its texts cut to their share of a page with ``of`` samples."""
    row = sample.row
    letters = max(LEAST_LETTERS, PAGE_LETTERS // max(of, 1))
    found = sample.checked.findings if sample.checked else ()
    of_steps = {step.frame_seconds[-1] for step in row.steps if step.frame_seconds}
    return Article(
        sample=sample,
        place=place,
        seconds=row.end_seconds - row.start_seconds,
        words=sum(len(step.text.split()) for step in row.steps),
        summary=cut(row.summary, letters),
        findings=[one for one in found if not 0 <= one.step < len(row.steps)],
        steps=_steps(sample, found, letters),
        loose_pictures=[(at, image) for at, image in sorted(sample.pictures.items()) if at not in of_steps],
        surveyed=_surveyed(sample.survey) if sample.survey else "",
        measured=_measured(row.steps),
    )


def _steps(sample: Sample, found: Iterable[Finding], letters: int) -> list[ShownStep]:
    """The first steps, until there is no room left, and all with findings."""
    by_step: defaultdict[int, list[Finding]] = defaultdict(list)
    for one in found:
        by_step[one.step].append(one)
    shown = []
    for place, step in enumerate(sample.row.steps):
        if letters <= 0 and place not in by_step:
            continue
        body = cut(step.text, max(letters, 200))
        letters -= len(body)
        image = sample.pictures.get(step.frame_seconds[-1]) if step.frame_seconds else None
        shown.append(ShownStep(place + 1, step, body, by_step.get(place, []), image))
    return shown


def _surveyed(survey: Survey) -> str:
    """What was measured before captioning, in one line."""
    values = ((name.replace("_", " "), getattr(survey, name)) for name in _SURVEYED)
    return ", ".join(
        f"{name} {number(value) if isinstance(value, float) else value}"
        for name, value in values
        if value not in (None, "")
    )


def _measured(steps: Iterable[Step]) -> str:
    """The facts of a video in one line."""
    facts: list[Facts] = [fact for step in steps for fact in step.facts]
    if not facts:
        return ""
    moves = dict.fromkeys(move for fact in facts for move in fact.camera.moves)
    tracks = {(thing.label, thing.track_id) for fact in facts for thing in fact.objects}
    labels = sorted({label for label, _ in tracks})
    things = ", ".join(plural(sum(label == other for other, _ in tracks), label) for label in labels)
    lines = dict.fromkeys(line.text for fact in facts for line in fact.texts or ())
    motion = [fact.motion.score for fact in facts if fact.end_seconds > fact.start_seconds]
    told = [
        f"camera: {', '.join(moves)}" if moves else "",
        f"tracked: {things}" if things else "",
        f"text: {' | '.join(lines)}" if lines else "",
        f"motion {number(float(f'{sum(motion) / len(motion):.2g}'))} widths/s" if motion else "",
    ]
    return "; ".join(part for part in told if part)
