"""Which shots and events of a story are told, and the sentences that tell them in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from ...records import TrackedObject
from .cast import Cast, identities, identity
from .chapters import GOES_ON, Beat, Chapter
from .clauses import Clause, Line, lines, merged
from .scene import present
from .shown import labels_shown, scene_of, seen, shows
from .words import clock, ordinal, sentence

LEAST_SALIENCE = 0.2
THROUGHOUT = 0.9  # of a shot


def main_chapters(found: Sequence[Chapter], most: int) -> list[int]:
    """The shots that get a sentence of their own: the first, then those with people, the long ones and the unlike."""
    if len(found) <= most:
        return list(range(len(found)))
    labels = [frozenset(seen(scene_of(chapter))) for chapter in found]
    longest = max(chapter.end_seconds - chapter.start_seconds for chapter in found) or 1.0
    weight = [
        0.5 * (chapter.end_seconds - chapter.start_seconds) / longest + 0.3 * ("person" in here) + 0.2 * bool(here)
        for chapter, here in zip(found, labels, strict=True)
    ]
    times = [chapter.start_seconds for chapter in found]
    return sorted(_spread_choice(weight, labels, times, most, first=0))


def main_beats(found: Sequence[Chapter], most: int) -> set[int]:
    """The identities of the beats that weigh most."""
    beats = [beat for chapter in found for beat in chapter.beats if beat.salience >= LEAST_SALIENCE]
    tops = [max(beat.clauses, key=lambda clause: clause.salience) for beat in beats]
    alike = [(top.kind, top.action, top.label) for top in tops]
    times = [beat.start_seconds for beat in beats]
    return {id(beats[place]) for place in _spread_choice([beat.salience for beat in beats], alike, times, most)}


def _spread_choice(
    weights: Sequence[float], alike: Sequence[object], times: Sequence[float], most: int, first: int | None = None
) -> list[int]:
    """The places of up to ``most`` items: heavy ones, unlike each other and far from each other in time."""
    chosen = [] if first is None else [first]
    length = max(times, default=0.0) - min(times, default=0.0) or 1.0
    distance = [abs(time - times[first]) if first is not None else 0.0 for time in times]
    told = Counter(alike[place] for place in chosen)
    while len(chosen) < min(most, len(weights)):
        left = set(range(len(weights))) - set(chosen)
        value = {at: weights[at] * 0.7 ** told[alike[at]] + 0.15 * distance[at] / length for at in left}
        best = max(sorted(left), key=value.__getitem__)
        chosen.append(best)
        told[alike[best]] += 1
        near = [abs(time - times[best]) for time in times]
        distance = near if len(chosen) == 1 else [min(pair) for pair in zip(distance, near, strict=True)]
    return chosen


def body(found: Sequence[Chapter], main: set[int], chosen: set[int]) -> tuple[list[str], set[str]]:
    """The sentences of the shots and their events, in order; and the labels they name."""
    told: list[str] = []
    labels: set[str] = set()
    subjects: frozenset[int] = frozenset()  # those known across cuts
    everybody = _everybody(found)
    shown = ""
    for place, chapter in enumerate(found):
        what = shows(chapter, subjects) if chapter.facts else ""
        if place and place in main and what:
            told.append(f"{_which(place, len(found), chapter)} {_again(what) if what == shown else what}")
            labels |= labels_shown(chapter)
        shown = what
        facts = scene_of(chapter) if place in main else None
        known = subjects | (identities(present(facts)) if facts else frozenset())
        beats = [beat for beat in chapter.beats if id(beat) in chosen]
        lines_, known, named = _beats(beats, (chapter.start_seconds, chapter.end_seconds), known, everybody)
        told += _connected(lines_, closes=place == len(found) - 1)
        labels |= named
        subjects |= {number for number in known if number >= 0}
    return told, labels


def _again(what: str) -> str:
    return f"is again {what.removeprefix('is ')}" if what.startswith("is ") else f"again {what}"


def _everybody(found: Sequence[Chapter]) -> list[TrackedObject]:
    """Each subject of the story once."""
    things = [thing for chapter in found for facts in chapter.facts for thing in facts.objects]
    return list({identity(thing): thing for thing in things}.values())


def _which(place: int, count: int, chapter: Chapter) -> str:
    name = "last" if place == count - 1 and count > 2 else ordinal(place + 1)
    return f"the {name} shot, from {clock(chapter.start_seconds)},"


def _beats(
    beats: Sequence[Beat], shot: tuple[float, float], known: frozenset[int], everybody: Sequence[TrackedObject]
) -> tuple[list[str], frozenset[int], set[str]]:
    """The sentences of the beats of one shot, who is known after them, and the labels that they name.

    Two beats in a row of the same subject become one sentence.
    """
    told: list[str] = []
    labels: set[str] = set()
    last: Line | None = None
    for beat in beats:
        events = main_events(beat)
        labels |= {clause.label for clause in events}
        if events[0].kind == "told":
            told.append(_first_sentences(events[0].subject))
            last = None
            continue
        cast = replace(beat.cast, introduced=known, others=_others(beat.cast, everybody, known))
        now = lines(events, cast)
        start, end = events[0].start_seconds, events[0].end_seconds
        moment = when(start, end)
        only = now[0] if len(now) == 1 else None
        whole = 0 < THROUGHOUT * (shot[1] - shot[0]) <= end - start and all(c.kind in GOES_ON for c in events)
        if only and whole and beat is beats[0]:
            told.append(f"{only.text()} throughout")
        elif only and last and only.tracks and (only.label, only.tracks) == (last.label, last.tracks):
            told[-1] = f"{told[-1]}, and {moment} {only.predicate}"
            last = None
        else:
            told.append(f"{moment}, {', and '.join(line.text() for line in now)}")
            last = only
        known |= identities(thing for thing in beat.cast.objects if any(thing.track_id in c.tracks for c in events))
    return told, known, labels


def _others(cast: Cast, everybody: Sequence[TrackedObject], known: frozenset[int]) -> tuple[TrackedObject, ...]:
    here = identities(cast.objects)
    return tuple(thing for thing in everybody if identity(thing) in known and identity(thing) not in here)


def _connected(told: Sequence[str], *, closes: bool) -> list[str]:
    """The sentences with a word that leads on in front of some of them; somebody else's begin with a capital."""
    last = len(told) - 1
    return [
        text
        if text[:1].isupper()
        else f"finally, {text}"
        if closes and place == last and last > 1
        else f"then, {text}"
        if place % 2
        else text
        for place, text in enumerate(told)
    ]


def main_events(beat: Beat) -> list[Clause]:
    """What weighs most in an interval, of two subjects at most."""
    carried = {track for clause in beat.clauses for track in clause.things}  # is not told to come and go as well
    found = [clause for clause in beat.clauses if clause.kind == "carry" or carried.isdisjoint(clause.tracks)]
    events = merged(sorted(found, key=lambda clause: -clause.salience))
    subjects = list(dict.fromkeys((clause.tracks, clause.subject) for clause in events))[:2]
    least = min(LEAST_SALIENCE, events[0].salience)
    return [c for c in events if (c.tracks, c.subject) in subjects and c.salience >= least]


def when(start_seconds: float, end_seconds: float) -> str:
    if clock(start_seconds) == clock(end_seconds):
        return f"at {clock(start_seconds)}"
    if end_seconds - start_seconds <= 3.0:
        return f"around {clock((start_seconds + end_seconds) / 2)}"
    return f"between {clock(start_seconds)} and {clock(end_seconds)}"


def _first_sentences(text: str) -> str:
    """The first sentence or two of a text, enough for a story."""
    parts = [part for part in text.replace("\n", " ").split(". ") if part.strip()]
    return sentence(". ".join(parts[:2]))
