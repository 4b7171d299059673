"""The steps of a video as shots with their events: the material of a story, before any of it is put into words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ...records import Facts, Step
from .cast import Cast
from .change import NOW, clauses, rejoined
from .clauses import Clause

GOES_ON = ("move", "size", "stir", "look")


@dataclass
class Beat:
    """What happens in one interval, with the names of those who are in it."""

    cast: Cast
    clauses: list[Clause]
    start_seconds: float
    end_seconds: float

    @property
    def salience(self) -> float:
        return max((clause.salience for clause in self.clauses), default=0.0)


@dataclass
class Chapter:
    """One shot: its time, its opening frame (None when only changes are known), its events and all its facts."""

    start_seconds: float
    end_seconds: float
    opening: Facts | None = None
    beats: list[Beat] = field(default_factory=list)
    facts: list[Facts] = field(default_factory=list)


def chapters(steps: Sequence[Step], start_seconds: float, end_seconds: float) -> list[Chapter]:
    """Group steps by shot and list what happens in each, with times inside ``[start_seconds, end_seconds]``.

    Facts are preferred to text, whatever the step's text is worth; a step without facts is told in its own words
    unless it has a problem. Facts of a single frame open a new shot.
    """
    found: list[Chapter] = []
    shot_index = None
    for step in steps:
        if not step.facts and (step.problem or not step.text.strip()):
            continue
        new_shot = step.kind == "opening" or (step.shot_index != shot_index and step.kind != "whole")
        if new_shot or not found:
            found.append(Chapter(step.start_seconds, step.end_seconds))
        shot_index = step.shot_index
        _add(found, step)
    for chapter in found:
        chapter.beats = [beat for beat in steadied(chapter.beats) if beat.clauses]
        if end_seconds > start_seconds:
            _clip(chapter, start_seconds, end_seconds)
    return found


def _clip(chapter: Chapter, start_seconds: float, end_seconds: float) -> None:
    """A step at the edge of a part reaches beyond it; the part's story does not."""

    def inside(seconds: float) -> float:
        return min(max(seconds, start_seconds), end_seconds)

    spans: list[Chapter | Beat] = [chapter, *chapter.beats]
    for one in spans:
        one.start_seconds, one.end_seconds = inside(one.start_seconds), inside(one.end_seconds)
    for beat in chapter.beats:
        beat.clauses = [
            replace(clause, start_seconds=inside(clause.start_seconds), end_seconds=inside(clause.end_seconds))
            for clause in beat.clauses
        ]


def _add(found: list[Chapter], step: Step) -> None:
    for facts in step.facts:
        instant = facts.start_seconds == facts.end_seconds
        if instant and found[-1].facts:
            found[-1].end_seconds = max(found[-1].facts[-1].end_seconds, found[-1].start_seconds)
            found.append(Chapter(facts.start_seconds, facts.end_seconds))
        chapter = found[-1]
        if instant:
            chapter.opening = facts
        else:
            chapter.beats.append(_beat(facts, chapter.facts[-1] if chapter.facts else None))
        chapter.facts.append(facts)
    if not step.facts:
        told = Clause("told", "", 0.7, step.start_seconds, step.end_seconds, subject=step.text.strip())
        found[-1].beats.append(Beat(Cast(()), [told], step.start_seconds, step.end_seconds))
    found[-1].end_seconds = max(found[-1].end_seconds, step.end_seconds)


def _beat(facts: Facts, earlier: Facts | None) -> Beat:
    """The events of an interval; what is true of the whole is told at once: camera, texts, counts, what is there."""
    facts = replace(facts, objects=rejoined(facts))
    events = [
        _as_a_whole(clause) if clause.kind == "stir" and clause.gist else clause
        for clause in clauses(facts, earlier)
        if clause.kind not in ("camera", "text", "count", "appear") and not clause.action.startswith(NOW)
    ]
    return Beat(Cast.of(facts), events, facts.start_seconds, facts.end_seconds)


def _as_a_whole(clause: Clause) -> Clause:
    """What moves in its place, without how it differs from the interval before."""
    return replace(clause, action=clause.gist, subject=clause.subject if clause.tracks else "there")


def steadied(beats: Sequence[Beat]) -> list[Beat]:
    """Beats in which an event that goes on is told once, over its whole time."""
    last: dict[tuple[object, ...], tuple[Beat, int]] = {}
    for beat in beats:
        kept: list[Clause] = []
        for clause in beat.clauses:
            what = "" if clause.kind == "stir" else clause.gist or clause.action
            key = (clause.kind, what, clause.label, clause.tracks, clause.subject)
            before = last.get(key)
            if before and before[0] is not beat and clause.kind in GOES_ON:
                owner, place = before
                first = owner.clauses[place]
                if first.end_seconds >= clause.start_seconds - 1e-6:
                    action = _on_the_whole(first, clause)
                    way = (first.way[0], clause.way[1])
                    owner.clauses[place] = replace(first, action=action, way=way, end_seconds=clause.end_seconds)
                    continue
            last[key] = (beat, len(kept))
            kept.append(clause)
        beat.clauses = kept
    return list(beats)


def _on_the_whole(first: Clause, again: Clause) -> str:
    """What two intervals of the same event have in common."""
    if first.kind == "stir" and first.tracks and first.action != again.action:
        return "keep moving"
    if first.action == again.action and not first.way[0]:
        return first.action
    start, end = first.way[0], again.way[1]
    verb = first.action.partition(" ")[0]
    return (
        f"{verb} from the {start} to the {end} of the picture"
        if start and end and start != end
        else first.gist or first.action
    )
