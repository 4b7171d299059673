"""What can be asked about a scene: the five aspects of TempCompass, and static questions as their control."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from . import words as w
from .alternatives import drawn_instead
from .sampling import HELD_OUT, Split
from .scenes import COLOURS, DIRECTIONS, OPPOSITE, SHAPES, SPEEDS, TONES, TRAVEL, Event, Scene, state

ACTS: Mapping[str, str] = {
    "moves": "moves one way", "turns": "turns around", "passes": "passes behind something",
    "recolours": "changes its colour", "grows": "grows", "shrinks": "shrinks",
    "appears": "appears", "disappears": "disappears", "stays": "does nothing",
}  # fmt: skip
SPEED_WORDS: Mapping[str, str] = {"slow": "slowly", "fast": "fast"}
COMMON_ACTS, ASKED_COMMON = ("moves", "passes", "stays"), 0.4  # of those that do nothing else this share is asked about
UNCHANGED = "does not change"
UNCHANGED_COLOURS, UNCHANGED_SIZES = 0.12, 0.2
"""The shares of things without such a change that are asked about, so that "does not change" is no safe guess."""
CLAIMED_COLOURS, CLAIMED_SIZES = 0.45, 0.75
"""How often a change is held against "does not change": about as often as that is right, so that it may be false."""
STILL = 1 / 3  # of the camera's moves are asked with "stays still" among three options: then each is as likely
PHRASES = (
    *ACTS.values(), *SPEED_WORDS.values(), UNCHANGED,
    "what does the do?", "which way does the move?", "first at last", "which way does the move before it comes back?",
    "how does the camera move?", "how fast does the move?", "which thing moves faster?", "what does the do, in order?",
    "what happens first?", "how does the colour of the change?", "how does the size of the change?", "from to",
    "what colour is the?", "what shape is the thing?", "how many things are there?", "1 2 3",
    "changes the number of is that in",
    "where is the?", "what is the background like?", "the background is", "the camera", "there is", "thing things",
)  # fmt: skip
"""What is written here besides the words of captions, for the vocabulary."""


@dataclass(frozen=True)
class Draft:
    """One question before it takes a form.

    ``wrong`` begins with the option that is hardest to tell from the right one: of a temporal question, mostly what
    would be right if time ran otherwise. No option differs from the others in how it relates to them: else the right
    one could be found without the video. ``says`` makes a claim of an option.
    """

    kind: str
    topic: str
    stem: str
    right: str
    wrong: tuple[str, ...]
    says: str
    temporal: bool = True

    def sentence(self, option: str) -> str:
        return self.says.format(option)


def tempcompass_drafts(scene: Scene, rng: random.Random, split: Split) -> Iterator[Draft]:
    """Questions of the aspects action, direction, speed, order and attribute change."""
    for thing in range(len(scene.things)):
        yield from _action(scene, thing, rng)
        yield from _direction(scene, thing, rng)
        yield from _speed(scene, thing, split)
        yield from _order(scene, thing, rng, split)
        yield from colour_change(scene, thing, rng)
        yield from size_change(scene, thing, rng)
    yield from _camera_direction(scene, rng)
    yield from _faster(scene, split)
    yield from _first_of_all(scene)


def _action(scene: Scene, thing: int, rng: random.Random) -> Iterator[Draft]:
    """What a thing does; what it also does, and what it may be said to do as well, is no option."""
    kinds = {event.kind for event in scene.events_of(thing)}
    busy = sorted(kinds - {"stays"})
    # What is common is asked about less often than it happens: else "moves one way" would be a safe guess.
    rarer = [kind for kind in busy if kind != "moves"]
    chosen = rng.choice(rarer or busy or ["stays"])
    if chosen in COMMON_ACTS and rng.random() > ASKED_COMMON:
        return
    taken = {*kinds, chosen} | (TRAVEL if kinds & TRAVEL else set())
    wrong = tuple(ACTS[kind] for kind in _other_acts(chosen, taken, rng))
    who = w.the(scene.things[thing])
    yield Draft("action", "what it does", f"what does {who} do?", ACTS[chosen], wrong, f"{who} {{}}")


def _other_acts(chosen: str, taken: set[str], rng: random.Random) -> list[str]:
    """Two that have an opposite and two that have none make four options, whichever is right; first one of its sort."""
    pairs = [["grows", "shrinks"], ["appears", "disappears"]]
    pair = rng.choice([each for each in pairs if chosen in each] or [e for e in pairs if taken.isdisjoint(e)] or pairs)
    # One way to move: of several none could be right. It comes first, since most things move and then it is no option.
    plain = [rng.choice(sorted(TRAVEL)), *rng.sample(["recolours", "stays"], 2)]
    plain, pair = ([kind for kind in each if kind not in taken] for each in (plain, pair))
    rng.shuffle(pair)
    return [*pair, *plain[:2]] if chosen in OPPOSITE else [*plain[:1], *pair, *plain[1:]]


def _direction(scene: Scene, thing: int, rng: random.Random) -> Iterator[Draft]:
    own = [event for event in scene.events_of(thing) if event.direction is not None]
    who = w.the(scene.things[thing])
    if len(own) == 1 and own[0].kind == "turns":
        stem, says = f"which way does {who} move before it comes back?", f"{who} moves {{}} before it comes back"
        yield _way("turning direction", stem, says, str(own[0].direction), rng)
    elif len(own) == 1:
        yield _way("direction", f"which way does {who} move?", f"{who} moves {{}}", str(own[0].direction), rng)
    elif own and all(event.kind == "moves" for event in own) and own[-1].direction != OPPOSITE[str(own[0].direction)]:
        # Left, up, right is left, down, right when run backwards: the first and the last way would be the same.
        for word, event in (("first", own[0]), ("at last", own[-1])):
            stem, says = f"which way does {who} move {word}?", f"{word} {who} moves {{}}"
            yield _way(f"{word} direction", stem, says, str(event.direction), rng)


def _way(topic: str, stem: str, says: str, right: str, rng: random.Random) -> Draft:
    return Draft("direction", topic, stem, right, other_ways(right, rng), says)


def other_ways(right: str, rng: random.Random) -> tuple[str, ...]:
    """The other three directions, the opposite one first."""
    rest = [way for way in DIRECTIONS if way not in (right, OPPOSITE[right])]
    rng.shuffle(rest)
    return (OPPOSITE[right], *rest)


def _camera_direction(scene: Scene, rng: random.Random) -> Iterator[Draft]:
    if scene.camera != "still":
        right, wrong = camera_options(scene, rng)
        yield Draft("direction", "camera", "how does the camera move?", right, wrong, "the camera {}")


def camera_options(scene: Scene, rng: random.Random, still: float = 0.0) -> tuple[str, tuple[str, ...]]:
    """The camera's move, and others: its opposite, and two that are opposites as well.

    ``still`` is the share of moves that are asked with "stays still" in place of those two, so that three options with
    it tell no more than four without.
    """
    pairs = [(move, OPPOSITE[move]) for move in w.CAMERA_MOVES if move != OPPOSITE[move]]
    own = [OPPOSITE[scene.camera]] if scene.camera != "still" else []
    rest = rng.choice([pair for pair in pairs if scene.camera not in pair])
    if own and rng.random() < still:
        rest = ("still",)  # type: ignore[assignment]
    return w.CAMERA_MOVES[scene.camera], tuple(w.CAMERA_MOVES[move] for move in (*own, *rest))


def _speed(scene: Scene, thing: int, split: Split) -> Iterator[Draft]:
    own = [event for event in scene.events_of(thing) if event.direction is not None]
    speeds = {event.speed for event in own}
    if len(speeds) != 1 or not all(both_speeds(event, split) for event in own):
        return
    right = str(own[0].speed)
    wrong = "slow" if right == "fast" else "fast"
    who = w.the(scene.things[thing])
    yield Draft(
        "speed", "speed", f"how fast does {who} move?", SPEED_WORDS[right], (SPEED_WORDS[wrong],), f"{who} moves {{}}"
    )


def both_speeds(event: Event, split: Split) -> bool:
    """Whether such a move comes slow and fast in a split, so that its direction does not give its speed away."""
    held = any((event.direction, speed) in HELD_OUT["direction-speed"] for speed in SPEEDS)
    return event.kind == "moves" and (split == "any" or not held)


def _faster(scene: Scene, split: Split) -> Iterator[Draft]:
    """Which of two things is the faster one; not asked when one of them goes another way at another speed as well."""
    movers = [event for event in scene.events if event.kind in TRAVEL]
    if len({event.thing for event in movers}) != 2 or len(movers) != 2 or movers[0].speed == movers[1].speed:
        return
    if not all(both_speeds(event, split) for event in movers):
        return
    names = {event.speed: w.the(scene.things[event.thing]) for event in movers}
    stem, says = "which thing moves faster?", "the thing that moves faster is {}"
    yield Draft("speed", "faster", stem, names["fast"], (names["slow"],), says)


def _order(scene: Scene, thing: int, rng: random.Random, split: Split) -> Iterator[Draft]:
    """Two events of one thing in their order; the same two the other way round is the first wrong option.

    The other two are made alike of one of them and of something that it does not do. So an option has as much in common
    with the others as any, and nothing but the video tells which is right.
    """
    own = scene.events_of(thing)
    if len(own) != 2 or own[0].kind == "appears" or own[1].kind == "disappears":
        return  # what is not there yet, or no longer, cannot do anything else: the order would be given away
    if own[1].kind == OPPOSITE.get(own[0].kind):
        return  # growing and shrinking again is the same backwards
    at = rng.randrange(2)
    other = drawn_instead(scene, own[at], own[1 - at], rng, split)
    pairs = [own, own[::-1]]
    if other is not None:
        pairs += [(own[1 - at], other), (other, own[1 - at])]
    right, *wrong = (", then ".join(w.deed(scene, event) for event in pair) for pair in pairs)
    who = w.the(scene.things[thing])
    yield Draft("order", "two events", f"what does {who} do, in order?", right, tuple(wrong), f"{who} {{}}")


def similar_deeds(scene: Scene, event: Event) -> list[str]:
    """What a thing might have done in place of an event, the opposite first."""
    ways = [f"moves {way}" for way in DIRECTIONS]
    if event.kind == "turns":  # on its way back it does move the other way
        ways.remove(f"moves {OPPOSITE[str(event.direction)]}")
    if event.direction is not None:
        opposite = w.deed(scene, event).replace(f" {event.direction}", f" {OPPOSITE[event.direction]}")
        return [opposite, *(way for way in ways if way not in (opposite, f"moves {event.direction}"))]
    if event.kind == "recolours":
        return [f"turns {colour}" for colour in COLOURS if colour not in scene.colours_of(event.thing)]
    if event.kind in OPPOSITE:
        return [w.PLAIN_DEEDS[OPPOSITE[event.kind]], *ways]
    return ways


def _first_of_all(scene: Scene) -> Iterator[Draft]:
    """Which of two things begins; asked when exactly two do something, once each, one after the other."""
    busy = [event for event in scene.events if event.kind != "stays"]
    if len(busy) != 2 or busy[0].thing == busy[1].thing or {e.kind for e in busy} & {"appears", "disappears"}:
        return
    first, second = sorted(busy, key=lambda event: event.start)
    if first.end <= second.start:
        claims = [f"{w.the(scene.things[event.thing])} {w.deed(scene, event)}" for event in (first, second)]
        yield Draft("order", "two things", "what happens first?", claims[0], (claims[1],), "first {}")


def colour_change(scene: Scene, thing: int, rng: random.Random, kind: str = "attribute_change") -> Iterator[Draft]:
    """From which colour to which; asked when there is at most one change."""
    colours = scene.colours_of(thing)
    if len(colours) > 2:
        return
    other = rng.choice([colour for colour in COLOURS if colour not in colours])
    if len(colours) == 1 and rng.random() > UNCHANGED_COLOURS:
        return
    if len(colours) == 2:
        old, new = colours
        right = f"changes from {old} to {new}"
        # A third colour would tell the first or the second: the one that comes twice.
        wrong = _maybe_unchanged(f"changes from {new} to {old}", rng.random() < CLAIMED_COLOURS)
    else:
        old = colours[0]
        pair = [f"changes from {old} to {other}", f"changes from {other} to {old}"]
        rng.shuffle(pair)
        right, wrong = UNCHANGED, (pair[0], pair[1])
    who = f"the colour of {w.the(scene.things[thing])}"
    yield Draft(kind, "colour", f"how does {who} change?", right, wrong, f"{who} {{}}")


def _maybe_unchanged(opposite: str, first: bool) -> tuple[str, str]:
    return (UNCHANGED, opposite) if first else (opposite, UNCHANGED)


def size_change(scene: Scene, thing: int, rng: random.Random, kind: str = "attribute_change") -> Iterator[Draft]:
    """Grows, shrinks or neither; asked when there is at most one change."""
    found: list[str] = [event.kind for event in scene.events_of(thing) if event.kind in ("grows", "shrinks")]
    if len(found) > 1 or (not found and rng.random() > UNCHANGED_SIZES):
        return
    if found:
        right, wrong = found[0], _maybe_unchanged(OPPOSITE[found[0]], rng.random() < CLAIMED_SIZES)
    else:
        could = "grows" if scene.things[thing].size == "small" else "shrinks"
        right, wrong = UNCHANGED, (could, OPPOSITE[could])
    who = w.the(scene.things[thing])
    yield Draft(kind, "size", f"how does the size of {who} change?", right, wrong, f"the size of {who} {{}}")


def static_drafts(scene: Scene, rng: random.Random) -> Iterator[Draft]:
    """What one picture tells: colours, shapes, the number of things, places, the background, if they never change."""
    for number, thing in enumerate(scene.things):
        kinds = {event.kind for event in scene.events_of(number)}
        colours = scene.colours_of(number)
        who = w.the(thing)
        if len(colours) == 1:
            yield _static("colour", f"what colour is {who}?", colours[0], COLOURS, f"{who} is {{}}", rng)
            stem, says = f"what shape is the {colours[0]} thing?", f"the {colours[0]} thing is a {{}}"
            yield _static("shape", stem, thing.shape, SHAPES, says, rng)
        if not kinds & TRAVEL:
            now = state(scene, number, 0.0)
            yield _static("place", f"where is {who}?", w.place_words(now.x, now.y), PLACES, f"{who} is {{}}", rng)
    if not {event.kind for event in scene.events} & {"appears", "disappears", "passes"}:
        count, says = str(len(scene.things)), "the number of things is {}"
        yield _static("count", "how many things are there?", count, ("1", "2", "3"), says, rng)
    if len(scene.tones) == 1:
        tone = scene.tones[0]
        yield _static("background", "what is the background like?", tone, tuple(TONES), "the background is {}", rng)


PLACES = tuple(w.place_words(x, y) for y in (0.1, 0.5, 0.9) for x in (0.1, 0.5, 0.9))


def _static(
    kind: str, stem: str, right: str, choices: Sequence[str] | Mapping[str, object], says: str, rng: random.Random
) -> Draft:
    wrong = [choice for choice in choices if choice != right]
    rng.shuffle(wrong)
    return Draft(kind, kind, stem, right, tuple(wrong[:3]), says, temporal=False)
