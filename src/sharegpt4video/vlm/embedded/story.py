"""Summaries: many steps told as one story, from their facts. Also the parts of one (fold) and fast captions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from ...records import Facts, Step
from .chapters import Beat, Chapter, chapters
from .clauses import Cast, Clause, merged, sentences
from .overall import camera_sentence, cast_sentence, look_sentence, seen, texts_sentence
from .scene import grouped, picture_words, placed, plain_screen, present
from .words import clock, number, ordinal, paragraph, sentence, span

MOST_SENTENCES = 12
MOST_FOLD_SENTENCES = 5
MOST_CHAPTERS = 4
MOST_CHAPTERS_OF_MANY = 3
LEAST_BEATS = 4
MOST_PLACED = 5
LEAST_SALIENCE = 0.2


def summary(steps: Sequence[Step], start_seconds: float, end_seconds: float) -> str:
    """The story of ``[start_seconds, end_seconds)`` in at most about a dozen sentences; "" if no step can be used."""
    found = chapters(steps, start_seconds, end_seconds)
    if not found:
        return ""
    if end_seconds <= start_seconds:
        start_seconds, end_seconds = found[0].start_seconds, found[-1].end_seconds
    return _told(found, intro(found, start_seconds, end_seconds), MOST_SENTENCES)


def fold(steps: Sequence[Step], start_seconds: float, end_seconds: float) -> str:
    """The same, shorter, for some of many steps; it begins with the time it is about."""
    found = chapters(steps, start_seconds, end_seconds)
    if not found:
        return ""
    when = f"from {clock(start_seconds)} to {clock(end_seconds)}"
    first = found[0]
    shots = f" in {number(len(found))} shots" if len(found) > 1 else ""
    start = f"{when}{shots}, the video {shows(first)}" if first.facts else ""
    return _told(found, [start] if start else [], MOST_FOLD_SENTENCES)


def fast(facts: Sequence[Facts], start_seconds: float, end_seconds: float) -> str:
    """One paragraph about a whole video from the facts at and between some of its frames."""
    step = Step("whole", start_seconds, end_seconds, "", 0, (), tuple(facts))
    return summary([step], start_seconds, end_seconds)


def _told(found: Sequence[Chapter], start: list[str], most: int) -> str:
    """The story: the start, the shots and events that weigh most, in order, then what is true of the whole."""
    ends = [camera_sentence(found), texts_sentence(found), look_sentence(found)]
    first = found[0].facts[:1]
    if len(found) == 1 and first and not plain_screen(first[0].look) and not any(f.objects for f in found[0].facts):
        ends.pop()  # the start has told the look of a picture in which nothing else could be told
    ends = [text for text in ends if text]
    if most <= MOST_FOLD_SENTENCES:
        ends = ends[:1] if not texts_sentence(found) else [texts_sentence(found)]
    many = len(found) > MOST_CHAPTERS
    chapters_told = 1 if most <= MOST_FOLD_SENTENCES else MOST_CHAPTERS_OF_MANY if many else MOST_CHAPTERS
    main = set(_main_chapters(found, chapters_told))
    count = most - len(start) - len(ends) - len(main)
    beats = _main_beats(found, max(count, 2 if most <= MOST_FOLD_SENTENCES else LEAST_BEATS))
    lines, told = _body(found, main, beats)
    missing = cast_sentence(found, told | seen(_opening(found[0])), everything=many)
    return paragraph([*start, *lines, missing, *ends])


def intro(found: Sequence[Chapter], start_seconds: float, end_seconds: float) -> list[str]:
    """How long the video is and how many shots it has, and what the first of them shows."""
    length = span(end_seconds - start_seconds)
    what = "the video" if start_seconds < 0.5 else f"the part from {clock(start_seconds)} to {clock(end_seconds)}"
    first = found[0]
    if len(found) == 1:
        one = f"a single shot of {length}"
        return [f"{what}, {one}, {shows(first)}" if first.facts else f"{what} is {one}"]
    whole = f"{what} lasts {length} and has {number(len(found))} shots"
    return [whole, f"the first shot {shows(first)}"] if first.facts else [whole]


def shows(chapter: Chapter) -> str:
    """What the first known frame of a shot shows, as a verb phrase: "shows a person in the centre"."""
    facts = _opening(chapter)
    things = present(facts) if facts else ()
    if facts is None or not things:
        return _shows_nothing(chapter, facts)
    acted = {
        track
        for beat in chapter.beats
        for clause in beat.clauses
        if clause.kind == "posture"
        for track in clause.tracks
    }
    later = "at first " if any(thing.track_id in acted for thing in things) else ""
    groups = grouped(things)
    one_person = sum(group.label == "person" for group in groups) == 1
    if groups[0].posture and one_person:
        groups[0] = replace(groups[0], place=f"{groups[0].place}, {later}{groups[0].posture}".strip())
    far = [replace(group, place="") for group in groups[MOST_PLACED:]]
    return f"shows {placed([*groups[:MOST_PLACED], *far])}"


def _shows_nothing(chapter: Chapter, facts: Facts | None) -> str:
    if facts is None:
        return "goes on"
    if plain := plain_screen(facts.look):
        always = all(plain_screen(one.look) == plain for one in chapter.facts)
        return f"{'shows' if always else 'begins with'} a {plain} screen"
    if any(clause.kind == "enter" for beat in chapter.beats for clause in beat.clauses):
        return "begins with no known object in the picture"
    words = picture_words(facts.look)
    return "shows no object that is recognised" + (
        f"; its picture is {words}" if words and not words.startswith("with") else ""
    )


def _opening(chapter: Chapter) -> Facts | None:
    """The facts of the first frame; when only changes are known, the state that the first of them began with."""
    if chapter.opening or not chapter.facts:
        return chapter.opening
    first = chapter.facts[0]
    there = [
        replace(thing, end_box=thing.start_box, end_pose=thing.start_pose) for thing in first.objects if thing.start_box
    ]
    return replace(first, objects=tuple(there))


def _main_chapters(found: Sequence[Chapter], most: int) -> list[int]:
    """The shots that get a sentence of their own: the first, then those with people, the long ones and the unlike."""
    if len(found) <= most:
        return list(range(len(found)))
    labels = [frozenset(seen(_opening(chapter))) for chapter in found]
    longest = max(chapter.end_seconds - chapter.start_seconds for chapter in found) or 1.0
    weight = [
        0.5 * (chapter.end_seconds - chapter.start_seconds) / longest + 0.3 * ("person" in here) + 0.2 * bool(here)
        for chapter, here in zip(found, labels, strict=True)
    ]
    times = [chapter.start_seconds for chapter in found]
    return sorted(_spread_choice(weight, labels, times, most, first=0))


def _main_beats(found: Sequence[Chapter], most: int) -> set[int]:
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


def _body(found: Sequence[Chapter], main: set[int], chosen: set[int]) -> tuple[list[str], set[str]]:
    """The sentences of the shots and their events, in order; and the labels they name."""
    lines: list[str] = []
    told: set[str] = set()
    shown = ""
    for place, chapter in enumerate(found):
        what = shows(chapter) if chapter.facts else ""
        if place and place in main and what:
            again = "again " if what == shown else ""
            lines.append(f"{_which(place, len(found), chapter)} {again}{what}")
            told |= seen(_opening(chapter))
        shown = what
        facts = _opening(chapter) if place in main else None
        introduced = frozenset(thing.track_id for thing in present(facts)) if facts else frozenset()
        beats = [beat for beat in chapter.beats if id(beat) in chosen]
        for position, beat in enumerate(beats):
            last = place == len(found) - 1 and beat is beats[-1] and position > 1
            events = main_events(beat)
            lines.append(beat_sentence(events, replace(beat.cast, introduced=introduced), position, last))
            told |= {clause.label for clause in events}
            introduced |= {track for clause in events for track in clause.tracks}
    return lines, told


def _which(place: int, count: int, chapter: Chapter) -> str:
    name = "last" if place == count - 1 and count > 2 else ordinal(place + 1)
    return f"the {name} shot, from {clock(chapter.start_seconds)},"


def main_events(beat: Beat) -> list[Clause]:
    """What weighs most in an interval, of two subjects at most."""
    events = merged(sorted(beat.clauses, key=lambda clause: -clause.salience))
    subjects = list(dict.fromkeys((clause.tracks, clause.subject) for clause in events))[:2]
    least = min(LEAST_SALIENCE, events[0].salience)
    return [c for c in events if (c.tracks, c.subject) in subjects and c.salience >= least]


def beat_sentence(events: Sequence[Clause], cast: Cast, position: int, last: bool) -> str:
    """The events of an interval as one sentence that begins with its time."""
    if events[0].kind == "told":
        return _first_sentences(events[0].subject)
    moment = when(events[0].start_seconds, events[0].end_seconds)
    first = "finally, " if last else "then, " if position % 2 else ""
    return f"{first}{moment}, {', and '.join(sentences(events, cast))}"


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
