"""The steps of a video as shots with their events: the material of a story, before any of it is put into words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from ...records import Box, Facts, Step
from .change import clauses, rejoined
from .clauses import Cast, Clause

FLICKER_SECONDS = 6.0  # something lost and found again in the same place within this time was there all along


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
    """The events of an interval; the camera and the texts are told for the whole story at once."""
    facts = replace(facts, objects=rejoined(facts))
    events = [clause for clause in clauses(facts, earlier) if clause.kind not in ("camera", "text")]
    return Beat(Cast.of(facts), events, facts.start_seconds, facts.end_seconds)


def steadied(beats: Sequence[Beat]) -> list[Beat]:
    """Beats without flicker (lost and found again), and with a repeated event told once, over its whole time."""
    gone = set(_flicker(beats))
    last: dict[tuple[object, ...], tuple[Beat, int]] = {}
    for beat in beats:
        kept: list[Clause] = []
        for clause in beat.clauses:
            if id(clause) in gone:
                continue
            key = (clause.kind, clause.gist or clause.action, clause.label, clause.tracks, clause.subject)
            before = last.get(key)
            if before and before[0] is not beat and clause.kind in ("move", "size", "stir", "look"):
                owner, place = before
                first = owner.clauses[place]
                if first.end_seconds >= clause.start_seconds - 1e-6:
                    owner.clauses[place] = replace(
                        first, action=first.gist or first.action, end_seconds=clause.end_seconds
                    )
                    continue
            last[key] = (beat, len(kept))
            kept.append(clause)
        beat.clauses = kept
    return list(beats)


def _flicker(beats: Sequence[Beat]) -> Iterator[int]:
    """The identities of clauses about an object that is lost and, in the same place, found again."""
    lost: list[tuple[Clause, Beat]] = []
    for beat in beats:
        for clause in beat.clauses:
            if clause.kind == "leave":
                lost.append((clause, beat))
            elif clause.kind == "enter":
                match = next((pair for pair in lost if _same_place(pair, (clause, beat))), None)
                if match:
                    lost.remove(match)
                    yield id(match[0])
                    yield id(clause)


def _same_place(lost: tuple[Clause, Beat], found: tuple[Clause, Beat]) -> bool:
    gone, back = lost[0], found[0]
    if gone.label != back.label or back.start_seconds - gone.end_seconds > FLICKER_SECONDS:
        return False
    if gone.action != "go out of view" or not back.action.startswith("come into view"):
        return False
    one, other = _box(*lost), _box(*found)
    if one is None or other is None:
        return False
    (x, y), (u, v) = one.centre, other.centre
    return abs(x - u) < 0.2 and abs(y - v) < 0.2


def _box(clause: Clause, beat: Beat) -> Box | None:
    """Where the object that comes or goes was seen."""
    thing = next(thing for thing in beat.cast.objects if thing.track_id in clause.tracks)
    return thing.start_box or thing.end_box
