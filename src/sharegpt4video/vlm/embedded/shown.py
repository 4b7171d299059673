"""What a shot shows, for a summary: the first scene in it of which anything is known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from ...records import Facts
from .cast import identity
from .chapters import Chapter
from .geometry import holds_still
from .look import picture_words, plain_screen
from .scene import Group, grouped, placed
from .words import a, clock, long, number

MOST_PLACED = 5


def intro(found: Sequence[Chapter], start_seconds: float, end_seconds: float) -> list[str]:
    """How long the video is and how many shots it has, and what the first of them shows."""
    length, shots = long(end_seconds - start_seconds), number(len(found))
    part = f"from {clock(start_seconds)} to {clock(end_seconds)}" if start_seconds >= 0.5 else ""
    first = found[0]
    if len(found) == 1:
        here = f"in this {length} part of the video, {part}" if part else f"in this {length} shot"
        return [f"{here}, {there(first)}"] if first.facts else [f"this is {a(f'{length} shot')}"]
    whole = (
        f"this {length} part of the video, {part}, has {shots} shots"
        if part
        else f"this {length} video has {shots} shots"
    )
    return [whole, f"the first {shows(first)}"] if first.facts else [whole]


def there(chapter: Chapter) -> str:
    """What a shot shows, as a clause: "a person is in the centre", "there are two people and a dog on the left"."""
    groups = _groups(chapter)
    if not groups:
        return _bare(chapter, "the screen is", "the picture is")
    first = groups[0]
    if len(groups) == 1 and first.place.startswith("filling"):
        return f"{first.phrase} {'fill' if first.many else 'fills'}{first.place.removeprefix('filling')}"
    if len(groups) == 1 and first.place and not first.place.startswith((",", "across")):
        return f"{first.phrase} {first.verb} {first.place}"
    return f"there {'are' if first.many else 'is'} {placed(groups)}"


def shows(chapter: Chapter, known: frozenset[int] = frozenset()) -> str:
    """The same as a verb phrase: "shows a person in the centre"."""
    groups = _groups(chapter, known)
    return f"shows {placed(groups)}" if groups else _bare(chapter, "shows", "is")


def _groups(chapter: Chapter, known: frozenset[int] = frozenset()) -> list[Group]:
    """The groups of the first scene; the posture of a single person, which may only hold at first."""
    facts = scene_of(chapter)
    if facts is None:
        return []
    groups = grouped(facts, known)
    acted = {
        track
        for beat in chapter.beats
        for clause in beat.clauses
        if clause.kind == "posture"
        for track in clause.tracks
    }
    later = "at first " if any(thing.track_id in acted for thing in facts.objects) else ""
    if groups and groups[0].posture and sum(group.label == "person" for group in groups) == 1:
        groups[0] = replace(groups[0], place=f"{groups[0].place}, {later}{groups[0].posture}".strip())
    groups += _found_later(chapter, {group.label for group in groups})
    return [*groups[:MOST_PLACED], *(replace(group, place="") for group in groups[MOST_PLACED:])]


def _found_later(chapter: Chapter, labels: set[str]) -> list[Group]:
    """Things of other labels that are found in the course of a shot without having come, and stay to be seen again.

    Their places are told as long as the camera has not moved.
    """
    sights = Counter(label for facts in chapter.facts for label in seen(facts))
    came = {identity(thing) for facts in chapter.facts for thing in facts.objects if thing.enters}
    groups, steady = [], True
    for facts in chapter.facts:
        steady = steady and (facts.start_seconds == facts.end_seconds or holds_still(facts.camera))
        new = tuple(
            thing
            for thing in facts.objects
            if thing.label not in labels and identity(thing) not in came and sights[thing.label] > 1
        )
        counts = None if facts.counts is None else tuple(c for c in facts.counts if c.label in {t.label for t in new})
        found = grouped(replace(facts, objects=new, counts=counts))
        groups += [group if steady else replace(group, place="") for group in found]
        labels |= {group.label for group in found}
    return groups


def _bare(chapter: Chapter, screen: str, picture: str) -> str:
    """A shot in which no object is known, by its first frame."""
    facts = _opening(chapter)
    if facts is None:
        return "goes on"
    if plain := plain_screen(facts.look):
        always = all(plain_screen(one.look) == plain for one in chapter.facts)
        if screen == "shows":
            return f"{'shows' if always else 'begins with'} a {plain} screen"
        return f"{screen} {plain}{'' if always else ' at first'}"
    return f"{picture} {picture_words(facts.look) or 'of many colours'}"


def labels_shown(chapter: Chapter) -> set[str]:
    """The labels that ``shows`` and ``there`` name."""
    return {group.label for group in _groups(chapter)}


def seen(facts: Facts | None) -> set[str]:
    """The labels in the picture at the end of the interval."""
    return {thing.label for thing in facts.objects if thing.end_box} if facts else set()


def scene_of(chapter: Chapter) -> Facts | None:
    """The first facts of a shot in which an object is known to be there, and not to have come; else its opening.

    A thing may be found late. It was there all the same unless its arrival was measured.
    """
    first = _opening(chapter)
    if first is None or first.objects or first.counts:
        return first
    for facts in chapter.facts:
        if any(thing.enters for thing in facts.objects):
            break
        if any(thing.end_box for thing in facts.objects):
            return facts
    return first


def _opening(chapter: Chapter) -> Facts | None:
    """The facts of the first frame; when only changes are known, the state that the first of them began with."""
    if chapter.opening or not chapter.facts:
        return chapter.opening
    first = chapter.facts[0]
    there = [
        replace(thing, end_box=thing.start_box, end_pose=thing.start_pose) for thing in first.objects if thing.start_box
    ]
    return replace(first, objects=tuple(there), counts=None)
