"""The text of a change step: the clauses of one interval as one to four readable sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ...records import Facts
from .change import clauses, rejoined
from .clauses import Cast, Clause, sentences, side
from .scene import posture_words
from .words import choose, listed, paragraph, span

MOST_SENTENCES = 4
MOST_CLAUSES = 8
_ORDER = ("enter", "leave", "posture", "move", "size", "stir", "text", "look", "camera")


def difference(facts: Facts, earlier: Facts | None = None, before: str = "") -> str:
    """Say what changes in the interval of ``facts``; see ``change.clauses`` for the other two. Always says something.

    Source of the idea: the paper's differential sliding-window captions (section 3.2).
    """
    found = clauses(facts, earlier, before)
    still = any(clause.action == "stay still" for clause in found)
    events = [clause for clause in found if clause.action != "stay still"][:MOST_CLAUSES]
    cast = Cast.of(replace(facts, objects=rejoined(facts)))
    if not any(clause.kind != "camera" for clause in events):
        return paragraph(quiet(facts, cast, events, still))
    told = sentences(told_in_order(events), cast)[:MOST_SENTENCES]
    return paragraph(with_still_camera(told, still, facts))


def told_in_order(events: Sequence[Clause]) -> list[Clause]:
    """Objects first, by their weightiest clause; then the picture; the camera last."""
    weight: dict[tuple[int, ...], float] = {}
    for clause in events:
        weight[clause.tracks] = max(weight.get(clause.tracks, 0.0), clause.salience)

    def order(clause: Clause) -> tuple[object, ...]:
        kind = _ORDER.index(clause.kind)
        return (not clause.tracks, -weight[clause.tracks] if clause.tracks else 0.0, clause.tracks, kind)

    return sorted(events, key=order)


def with_still_camera(told: list[str], still: bool, facts: Facts) -> list[str]:
    """The sentences with the remark that the camera is still, at the end of the last one or after it."""
    if not still:
        return told
    joined = [*told[:-1], f"{told[-1]}, while the camera stays still"]
    simple = len(told[-1]) < 90 and "," not in told[-1]
    apart = choose(["the camera is static", "the camera does not move", "the camera stays still"], *_key(facts, "s"))
    return choose([joined, [*told, apart]], *_key(facts, "still")) if simple else [*told, apart]


def quiet(facts: Facts, cast: Cast, camera: Sequence[Clause], still: bool) -> list[str]:
    """An interval in which at most the camera does something."""
    time = span(facts.end_seconds - facts.start_seconds)
    stays = staying(cast)
    if camera:
        moves = sentences(camera, cast)[0]
        after = f"; otherwise {stays or 'little changes'}"
        return [choose([f"for {time}, {moves}{after}", f"{moves}{after}"], *_key(facts, "camera"))]
    reasons = [*([stays] if stays else []), *(["the camera is still"] if still else [])]
    key = _key(facts, "quiet")
    little = choose([f"for the next {time} almost nothing changes", f"almost nothing changes for {time}"], *key)
    if facts.end_seconds - facts.start_seconds < 0.75:
        little = "almost nothing changes in this moment"
    return [f"{little}: {listed(reasons)}"] if stays else [f"{little}, and {reasons[0]}" if reasons else little]


def staying(cast: Cast) -> str:
    """Say "the person stays in the centre" when there is just one person, who does not change place; else ""."""
    people = [thing for thing in cast.objects if thing.label == "person"]
    if len(people) != 1 or people[0].start_box is None or people[0].end_box is None:
        return ""
    start, end = side(people[0].start_box), side(people[0].end_box)
    posture = posture_words(people[0].end_pose)
    return ", ".join(filter(None, [f"the person stays {end}", posture])) if start == end else ""


def _key(facts: Facts, about: str) -> tuple[object, ...]:
    return about, facts.start_seconds, facts.end_seconds
