"""What can be asked about a scene: the sixteen tasks of MVBench that this world has."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from . import words as w
from .alternatives import drawn_instead, ways_of
from .asking import (
    SPEED_WORDS,
    STILL,
    Draft,
    both_speeds,
    camera_options,
    other_ways,
    similar_deeds,
    size_change,
)
from .sampling import OCCLUDERS, Split
from .scenes import OPPOSITE, SHAPES, TRAVEL, Event, Scene, Speed, state

PARTS = ("at the beginning", "in the middle", "at the end", "throughout the whole video")
RESTING, UNCUT = 0.25, 0.15  # shares of things at rest, and of scenes without a cut, that are asked about
NO_CHANGES, ONE_MOVES = 0.25, 0.35  # likewise of things that keep their colour, and of scenes where one thing moves
ALL_AT_ONCE = 0.15  # likewise of scenes where all that do something begin together
NOT_SURE = "not sure"
NEVER_MOVES = "it does not move"
AT_ONCE = "all of them at once"
INSTANT = ("recolours", "appears", "disappears")  # at half-time of their part
SIDES = {"left": "on the left side", "right": "on the right side", "up": "above it", "down": "below it"}
MVBENCH_PHRASES = (
    *PARTS, NOT_SURE, NEVER_MOVES, *SIDES.values(), "the wall",
    "what does the do right after it?", "is there a thing that?", "yes no not sure", "what does the pass behind?",
    "where is the in relation to the before it is hidden?", "during which part of the video?",
    "how does the background change?",
    "changes from to stays", "how many times does the change its colour?", "how many things move?", "0 1 2 3",
    "what shape is the thing that moves?", "which thing is the first to do something?",
    "where would the be at the end if it did not move?", "the number of things that move is", "the answer is",
    "and all of them at once", "this way: left right up down is it true that",
    "what colour times", "to do something is",
)  # fmt: skip


def mvbench_drafts(scene: Scene, rng: random.Random, split: Split) -> Iterator[Draft]:
    """Multiple-choice questions, at most a few for each task."""
    for thing in range(len(scene.things)):
        yield from _sequence(scene, thing, rng, split)
        yield from _localization(scene, thing)
        yield from _moving_direction(scene, thing, rng)
        yield from _count(scene, thing, rng)
        yield from size_change(scene, thing, rng, "state_change")
        yield from _counterfactual(scene, thing, rng)
    for event in scene.events:
        yield from _antonym(scene, event)
        yield from _fine_grained(scene, event, split)
        yield from _passing(scene, event, rng)
    yield from _existence(scene, rng)
    yield from _moving_count(scene, rng)
    yield from _moving_attribute(scene)
    yield from _character_order(scene, rng)
    if len(scene.tones) == 2 or rng.random() < UNCUT:
        yield from _transition(scene)
    right, wrong = camera_options(scene, rng, STILL)
    yield Draft("egocentric_navigation", "camera", "how does the camera move?", right, wrong, "the camera {}")


def _sequence(scene: Scene, thing: int, rng: random.Random, split: Split) -> Iterator[Draft]:
    """What comes right after a deed; other deeds of the thing are no options, since they may come later."""
    own = scene.events_of(thing)
    deeds = [w.deed(scene, event) for event in own]
    for at in range(len(own) - 1):
        if deeds.count(deeds[at]) > 1 or deeds.count(deeds[at + 1]) > 1:
            continue
        drawn = (drawn_instead(scene, own[at + 1], own[at], rng, split, ends=True) for _ in range(12))
        wrong = tuple(dict.fromkeys(w.deed(scene, event) for event in drawn if event is not None))[:3]
        who = w.the(scene.things[thing])
        stem, says = f"what does {who} do right after it {deeds[at]}?", f"right after it {deeds[at]}, {who} {{}}"
        yield Draft("action_sequence", "next deed", stem, deeds[at + 1], wrong, says)


def _localization(scene: Scene, thing: int) -> Iterator[Draft]:
    """When something happens; not asked of what can only be at one time: appearing, disappearing and passing."""
    own = scene.events_of(thing)
    deeds = [w.deed(scene, event) for event in own]
    for event, deed in zip(own, deeds, strict=True):
        if deeds.count(deed) > 1 or (event.kind == "stays" and len(own) == 1):
            continue
        if event.kind in ("appears", "disappears", "passes"):
            continue
        right = _part(event)
        wrong = tuple(part for part in PARTS if part != right)
        who = w.the(scene.things[thing])
        stem = f"during which part of the video is it true that {who} {deed}?"
        yield Draft("action_localization", event.kind, stem, right, _mirrored(right, wrong), f"{who} {deed} {{}}")


def _part(event: Event) -> str:
    instant = event.kind in ("recolours", "appears", "disappears")
    if not instant and event.end - event.start > 0.9:
        return PARTS[3]
    return PARTS[0] if event.middle < 0.4 else PARTS[2] if event.middle > 0.6 else PARTS[1]


def _mirrored(right: str, wrong: tuple[str, ...]) -> tuple[str, ...]:
    """The part where it would be if the video ran backwards comes first."""
    mirror = {PARTS[0]: PARTS[2], PARTS[2]: PARTS[0]}.get(right)
    return tuple(sorted(wrong, key=lambda part: part != mirror))


def _moving_direction(scene: Scene, thing: int, rng: random.Random) -> Iterator[Draft]:
    own = [event for event in scene.events_of(thing) if event.direction is not None]
    who = w.the(scene.things[thing])
    stem, says = f"which way does {who} move?", f"{who} moves this way: {{}}"
    if len(own) == 1 and own[0].kind != "turns":
        right = str(own[0].direction)
        wrong = other_ways(right, rng)
        yield Draft("moving_direction", "direction", stem, right, (wrong[0], NEVER_MOVES, *wrong[1:]), says)
    elif not own and rng.random() < RESTING:
        ways = rng.sample(list(SIDES), 3)
        yield Draft("moving_direction", "rests", stem, NEVER_MOVES, tuple(ways), says)


def _count(scene: Scene, thing: int, rng: random.Random) -> Iterator[Draft]:
    changes = len(scene.colours_of(thing)) - 1
    if not changes and rng.random() > NO_CHANGES:
        return
    who = w.the(scene.things[thing])
    stem = f"how many times does {who} change its colour?"
    yield _number(
        "action_count", "colour changes", stem, changes, f"the number of times {who} changes its colour is {{}}", rng
    )


def _number(kind: str, topic: str, stem: str, right: int, says: str, rng: random.Random) -> Draft:
    wrong = [str(number) for number in range(4) if number != right]
    rng.shuffle(wrong)
    return Draft(kind, topic, stem, str(right), tuple(wrong), says)


def _counterfactual(scene: Scene, thing: int, rng: random.Random) -> Iterator[Draft]:
    """Where it would be without its move: where it was at the start. Asked when that is not where it ends.

    With the start and the end go two places that lie to each other as those do, so that no pair stands out.
    """
    own = scene.events_of(thing)
    first, last = state(scene, thing, 0.0), state(scene, thing, 1.0)
    start, end = w.place_words(first.x, first.y), w.place_words(last.x, last.y)
    if start == end or {event.kind for event in own} & {"appears", "disappears"}:
        return
    lines = (1 / 6, 1 / 2, 5 / 6)  # the middles of the places
    (column, column_end), (row, row_end) = ((_third(a), _third(b)) for a, b in ((first.x, last.x), (first.y, last.y)))
    if column == column_end:
        column = column_end = rng.choice([other for other in range(3) if other != column])
    elif row == row_end:
        row = row_end = rng.choice([other for other in range(3) if other != row])
    else:  # round a corner: the other two corners
        row, row_end = row_end, row
    others = (w.place_words(lines[x], lines[y]) for x, y in ((column, row), (column_end, row_end)))
    who = w.the(scene.things[thing])
    stem, says = (
        f"where would {who} be at the end if it did not move?",
        f"{who} would be {{}} at the end if it did not move",
    )
    yield Draft("counterfactual_inference", "place", stem, start, (end, *others), says)


def _third(at: float) -> int:
    """Which of the three parts of the picture that the words for places tell apart."""
    return 0 if at < 1 / 3 else 2 if at > 2 / 3 else 1


def _antonym(scene: Scene, event: Event) -> Iterator[Draft]:
    """A deed, its opposite, and "not sure"; not asked when the thing does both."""
    deeds = {w.deed(scene, other) for other in scene.events_of(event.thing)}
    if event.kind == "turns" or (event.direction is None and event.kind not in OPPOSITE):
        return
    right, opposite = w.deed(scene, event), similar_deeds(scene, event)[0]
    if opposite not in deeds and not _goes_back(event, scene.events_of(event.thing)):
        who = w.the(scene.things[event.thing])
        yield Draft("action_antonym", event.kind, f"what does {who} do?", right, (opposite, NOT_SURE), f"{who} {{}}")


def _goes_back(event: Event, events: Sequence[Event]) -> bool:
    """Whether any of the events goes the opposite way, be it as a part of a turn."""
    return event.kind == "moves" and OPPOSITE[str(event.direction)] in ways_of(events)


def _fine_grained(scene: Scene, event: Event, split: Split) -> Iterator[Draft]:
    """Direction and speed together."""
    own = [other for other in scene.events_of(event.thing) if other.direction is not None]
    if len(own) != 1 or not both_speeds(event, split) or event.direction is None or event.speed is None:
        return
    ways: list[tuple[str, Speed]] = [(event.direction, event.speed), (OPPOSITE[event.direction], event.speed)]
    other: Speed = "slow" if event.speed == "fast" else "fast"
    ways += [(event.direction, other), (OPPOSITE[event.direction], other)]
    options = [f"moves {way} {SPEED_WORDS[speed]}" for way, speed in ways]
    who = w.the(scene.things[event.thing])
    yield Draft("fine_grained_action", "move", f"what does {who} do?", options[0], tuple(options[1:]), f"{who} {{}}")


def _passing(scene: Scene, event: Event, rng: random.Random) -> Iterator[Draft]:
    if event.kind != "passes" or event.direction is None:
        return
    who, what = w.the(scene.things[event.thing]), f"the {event.behind}"
    others = [f"the {shape}" for shape in (*SHAPES, "wall") if f"the {shape}" not in (who, what)]
    rng.shuffle(others)
    # Things of the scene first, then what things do pass behind: a ring among the options would be out of question.
    others.sort(key=lambda name: name not in ("the wall", *(f"the {shape}" for shape in OCCLUDERS)))
    others.sort(key=lambda name: name not in [w.the(thing) for thing in scene.things])
    stem = f"what does {who} pass behind?"
    many = len(scene.things) > 2  # with two things, or one and a wall, there is only one thing to pass behind
    yield Draft(
        "object_interaction", "occluder", stem, what, tuple(others[:3]), f"{who} passes behind {{}}", temporal=many
    )
    sides = SIDES[OPPOSITE[event.direction]], SIDES[event.direction]
    stem, says = f"where is {who} in relation to {what} before it is hidden?", f"{who} is {{}} before it is hidden"
    yield Draft("object_shuffle", "side", stem, sides[0], (sides[1],), says)


def _existence(scene: Scene, rng: random.Random) -> Iterator[Draft]:
    """Something that happens, or its opposite that does not: yes and no are equally likely."""
    deeds = {w.deed(scene, event) for event in scene.events}
    choices = [event for event in scene.events if event.kind not in ("stays", "turns", "recolours")]
    choices = [event for event in choices if similar_deeds(scene, event)[0] not in deeds]
    choices = [event for event in choices if not _goes_back(event, scene.events)]
    if not choices:
        return
    event = rng.choice(choices)
    yes = rng.random() < 0.5
    deed = w.deed(scene, event) if yes else similar_deeds(scene, event)[0]
    right, wrong = ("yes", "no") if yes else ("no", "yes")
    stem = f"is there a thing that {deed}?"
    yield Draft("object_existence", event.kind, stem, right, (wrong, NOT_SURE), "the answer is {}")


def _moving_count(scene: Scene, rng: random.Random) -> Iterator[Draft]:
    moving = len({event.thing for event in scene.events if event.kind in TRAVEL})
    if moving == 1 and rng.random() > ONE_MOVES:
        return
    yield _number(
        "moving_count", "things", "how many things move?", moving, "the number of things that move is {}", rng
    )


def _moving_attribute(scene: Scene) -> Iterator[Draft]:
    """Which of several things is the one that moves; the others are the wrong options."""
    moving = {event.thing for event in scene.events if event.kind in TRAVEL}
    if len(moving) != 1 or len(scene.things) < 2:
        return
    (mover,) = moving
    names: list[str] = [thing.shape for thing in scene.things]
    right = names.pop(mover)
    stem, says = "what shape is the thing that moves?", "the thing that moves is the {}"
    if not any(event.behind for event in scene.events):  # what stands in front is never a ring, so a ring would move
        yield Draft("moving_attribute", "shape", stem, right, tuple(names), says)
    colours = [scene.colours_of(at) for at in range(len(scene.things))]
    if all(len(each) == 1 for each in colours):
        plain = [each[0] for each in colours]
        right = plain.pop(mover)
        yield Draft("moving_attribute", "colour", "what colour is the thing that moves?", right, tuple(plain), says)


def _character_order(scene: Scene, rng: random.Random) -> Iterator[Draft]:
    """Which thing is the first to do something; asked when one alone is, sometimes when all begin together."""
    begins: dict[int, float] = {}
    for event in scene.events:
        if event.kind != "stays":
            begins.setdefault(event.thing, event.middle if event.kind in INSTANT else event.start)
    first = [thing for thing, start in begins.items() if start == min(begins.values())]
    together = len(first) == len(begins)
    if len(begins) < 2 or len(first) not in (1, len(begins)) or (together and rng.random() > ALL_AT_ONCE):
        return
    names = {thing: w.the(scene.things[thing]) for thing in begins}
    right = AT_ONCE if together else names[first[0]]
    wrong = tuple(name for name in (*names.values(), AT_ONCE) if name != right)
    stem, says = "which thing is the first to do something?", "the first to do something is {}"
    yield Draft("character_order", "things", stem, right, wrong, says)


def _transition(scene: Scene) -> Iterator[Draft]:
    first, last = scene.tones[0], scene.tones[-1]
    changes = ["changes from dark to light", "changes from light to dark"]
    changes = changes if first == "dark" else changes[::-1]
    rests = [f"stays {first}", f"stays {'light' if first == 'dark' else 'dark'}"]
    options = [*changes, *rests] if first != last else [rests[0], *changes, rests[1]]
    stem, says = "how does the background change?", "the background {}"
    yield Draft("scene_transition", "background", stem, options[0], tuple(options[1:]), says)
