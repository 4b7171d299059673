"""Scenes drawn at random: seeded, possible, clear, and the same backwards as forwards; with pairs of facts held out."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal, TypeVar

from ..errors import SettingsError
from .rules import MARGIN, place_problems, story_problems
from .scenes import (
    CAMERAS,
    COLOURS,
    DIRECTIONS,
    SHAPES,
    SPEEDS,
    Camera,
    Direction,
    Event,
    Kind,
    Scene,
    Shape,
    Size,
    Speed,
    Thing,
    Tone,
    state,
)

T = TypeVar("T")
Split = Literal["any", "train", "composition"]
Pairing = Literal["colour-shape", "direction-speed", "first-second"]
Deed = Literal["moves", "turns", "recolours", "resizes", "shows", "stays"]

HELD_OUT: Mapping[Pairing, frozenset[tuple[str, str]]] = {
    "colour-shape": frozenset(
        (colour, SHAPES[(at + 2) % len(SHAPES)]) for at, colour in enumerate(COLOURS)
    ),
    "direction-speed": frozenset({("up", "fast"), ("down", "fast")}),
    "first-second": frozenset(
        {("recolours", "grows"), ("shrinks", "recolours"), ("grows", "moves"), ("moves", "shrinks")}
    ),
}  # fmt: skip
"""Pairs that no scene of the split ``train`` has. Each set is the same for a video run backwards."""

OCCLUDERS: tuple[Shape, ...] = ("square", "disc")  # a small thing behind any other large one can still be seen


@dataclass(frozen=True)
class Difficulty:
    """What scenes of one difficulty are made of.

    ``slots`` are the ways to divide the video: a slot is where a thing does one thing. ``deeds`` are drawn from,
    ``occlusion`` and ``cut`` are the shares of scenes with something passing behind, and with a change of background.
    """

    things: tuple[int, ...]
    slots: tuple[tuple[tuple[float, float], ...], ...]
    cameras: tuple[Camera, ...]
    deeds: tuple[Deed, ...]
    occlusion: float = 0.0
    cut: float = 0.0


_HALVES = ((0.0, 0.5), (0.5, 1.0))
_THIRDS = ((0.0, 1 / 3), (1 / 3, 2 / 3), (2 / 3, 1.0))
_MIDDLE = ((0.0, 0.25), (0.25, 0.75), (0.75, 1.0))  # something in the middle alone, rest before and after
_WHOLE = ((0.0, 1.0),)
_DEEDS: tuple[Deed, ...] = ("moves", "moves", "turns", "recolours", "resizes", "shows", "stays")

DIFFICULTIES: Mapping[str, Difficulty] = {
    "simple": Difficulty((1,), (_HALVES,), ("still", "pan left", "pan right"), ("moves", "moves", *_DEEDS)),
    "medium": Difficulty((1, 2), (_HALVES, _HALVES, _MIDDLE, _WHOLE), CAMERAS, _DEEDS, occlusion=0.1, cut=0.15),
    "hard": Difficulty((1, 2, 3), (_HALVES, _THIRDS, _THIRDS, _MIDDLE), CAMERAS, _DEEDS, occlusion=0.2, cut=0.25),
}


@dataclass(frozen=True)
class Constraints:
    """What a scene may be made of; an empty tuple allows everything that the difficulty has.

    ``kinds`` names the kinds of events, ``stays`` being always allowed. ``occlusion`` True or False asks for it or
    forbids it; ``cut`` likewise for a change of background.
    """

    things: tuple[int, ...] = ()
    shapes: tuple[Shape, ...] = ()
    colours: tuple[str, ...] = ()
    sizes: tuple[Size, ...] = ()
    kinds: tuple[Kind, ...] = ()
    directions: tuple[Direction, ...] = ()
    speeds: tuple[Speed, ...] = ()
    cameras: tuple[Camera, ...] = ()
    tones: tuple[Tone, ...] = ()
    occlusion: bool | None = None
    cut: bool | None = None


def sample_scene(
    rng: random.Random,
    *,
    difficulty: str = "medium",
    split: Split = "any",
    pairing: Pairing | None = None,
    constraints: Constraints | None = None,
) -> Scene:
    """Draw a scene. The facts are drawn first, places second, so that places say nothing about facts.

    A scene and its ``reverse`` are equally likely. ``train`` has no pair of ``HELD_OUT``; a scene of ``composition``
    has at least one (of ``pairing`` if given). Raises SettingsError for unknown names, or if no scene can be found.
    """
    if difficulty not in DIFFICULTIES:
        raise SettingsError(f"unknown difficulty {difficulty!r}; there are {', '.join(DIFFICULTIES)}")
    if split not in ("any", "train", "composition") or (pairing is not None and pairing not in HELD_OUT):
        raise SettingsError(
            f"no split {split!r} with the pairing {pairing!r}: any, train, composition; {list(HELD_OUT)}"
        )
    draw = _Draw(rng, DIFFICULTIES[difficulty], constraints or Constraints(), split)
    wanted = pairing if pairing or split != "composition" else rng.choice(list(HELD_OUT))
    count = rng.choice(draw.limits.things or draw.level.things)  # before all else: three things fit less often than one
    for _ in range(20_000):
        scene = draw.facts(count)
        if scene is None or not _belongs(scene, split, wanted):
            continue
        placed = _place(rng, scene)
        if placed is not None:
            return placed
    raise SettingsError(f"no scene of difficulty {difficulty!r}, split {split!r} meets the constraints {constraints}")


def held_out_pairs(scene: Scene) -> Iterator[tuple[Pairing, tuple[str, str]]]:
    """The pairs of ``HELD_OUT`` that occur in a scene."""
    for pairing, pair in _pairs(scene):
        if pair in HELD_OUT[pairing]:
            yield pairing, pair


def _pairs(scene: Scene) -> Iterator[tuple[Pairing, tuple[str, str]]]:
    for number, thing in enumerate(scene.things):
        for colour in scene.colours_of(number):
            yield "colour-shape", (colour, thing.shape)
        own = scene.events_of(number)
        for event in own:
            if event.direction is not None and event.speed is not None:
                yield "direction-speed", (event.direction, event.speed)
        for before, after in pairwise(own):
            yield "first-second", (before.kind, after.kind)


def _belongs(scene: Scene, split: Split, wanted: Pairing | None) -> bool:
    if split == "any":
        return True
    found = {pairing for pairing, _ in held_out_pairs(scene)}
    return not found if split == "train" else wanted in found


@dataclass
class _Draw:
    """Draws the facts of a scene; its things stand nowhere yet."""

    rng: random.Random
    level: Difficulty
    limits: Constraints
    split: Split

    def facts(self, count: int) -> Scene | None:
        limits, rng = self.limits, self.rng
        shapes = list(limits.shapes or SHAPES)
        if count > len(shapes):
            return None
        things = tuple(
            Thing(shape, "", self._pick(("small", "large"), limits.sizes)) for shape in rng.sample(shapes, count)
        )
        occlusion = rng.random() < self.level.occlusion if limits.occlusion is None else limits.occlusion
        bare = Scene(
            things, (), self._pick(self.level.cameras, limits.cameras), self._tones(), seed=rng.getrandbits(31)
        )
        scene = self._coloured(self._passing(bare) if occlusion else self._doing(bare))
        return scene if scene is not None and self._allowed(scene) else None

    def _pick(self, choices: Sequence[T], allowed: Sequence[T]) -> T:
        return self.rng.choice(allowed or choices)

    def _tones(self) -> tuple[Tone, ...]:
        first: Tone = self._pick(("dark", "light"), self.limits.tones)
        cut = self.rng.random() < self.level.cut if self.limits.cut is None else self.limits.cut
        return (first, "light" if first == "dark" else "dark") if cut else (first,)

    def _doing(self, scene: Scene) -> Scene:
        """Each thing does something in each slot; all draws are independent, bad stories are thrown away."""
        slots = self.rng.choice(self.level.slots)
        events = [
            event
            for number, thing in enumerate(scene.things)
            for event in _merged(self._events(number, thing, slots))
        ]  # fmt: skip
        return replace(scene, events=tuple(events))

    def _events(self, number: int, thing: Thing, slots: tuple[tuple[float, float], ...]) -> Iterator[Event]:
        size = thing.size
        middle = slots == _MIDDLE
        last = len(slots) - 1
        for at, (start, end) in enumerate(slots):
            deed: Deed = "stays" if middle and at != 1 else self.rng.choice(self.level.deeds)
            event = Event("stays", number, start, end)
            if deed in ("moves", "turns"):
                event = self._travel(replace(event, kind="turns" if deed == "turns" else "moves"))
            elif deed == "recolours":
                event = replace(event, kind="recolours")
            elif deed == "resizes":
                event = replace(event, kind="grows" if size == "small" else "shrinks")
                size = "large" if size == "small" else "small"
            elif deed == "shows" and at in (0, last):
                shows: Sequence[Kind] = (
                    ("appears", "disappears") if last == 0 else ("appears",) if at == 0 else ("disappears",)
                )
                event = replace(event, kind=self.rng.choice(shows))
            yield event

    def _travel(self, event: Event) -> Event:
        """A direction, then one of the speeds that go with it: directions stay evenly drawn in every split."""
        direction = self._pick(tuple(DIRECTIONS), self.limits.directions)
        speeds = [
            speed
            for speed in self.limits.speeds or tuple(SPEEDS)
            if self.split != "train" or (direction, speed) not in HELD_OUT["direction-speed"]
        ]
        if event.kind == "turns":
            return replace(event, direction=direction, speed="fast")  # out and back slowly would not get far enough
        return replace(event, direction=direction, speed=self.rng.choice(speeds) if speeds else None)

    def _passing(self, scene: Scene) -> Scene:
        """One thing passes behind a wall, or behind a large thing that stays."""
        direction = self._pick(tuple(DIRECTIONS), self.limits.directions)
        passer = replace(scene.things[0], size="small")
        event = Event("passes", 0, 0.0, 1.0, direction, "fast", behind="wall")
        if len(scene.things) == 1:
            wall: Literal["upright", "level"] = "upright" if direction in ("left", "right") else "level"
            return replace(scene, things=(passer,), events=(event,), wall=wall)
        taken = {thing.shape for thing in scene.things} - {scene.things[1].shape}
        covers: list[Shape] = [shape for shape in OCCLUDERS if shape not in taken]
        if not covers:
            return scene
        other = replace(scene.things[1], size="large", shape=self.rng.choice(covers))
        events = (
            replace(event, behind=other.shape),
            *(Event("stays", at, 0.0, 1.0) for at in range(1, len(scene.things))),
        )
        return replace(scene, things=(passer, other, *scene.things[2:]), events=events)

    def _coloured(self, scene: Scene) -> Scene | None:
        """Give every thing, and every change of colour, a colour of its own."""
        changes = sum(event.kind == "recolours" for event in scene.events)
        colours = list(self.limits.colours or COLOURS)
        if len(scene.things) + changes > len(colours):
            return None
        drawn = iter(self.rng.sample(colours, len(scene.things) + changes))
        things = tuple(replace(thing, colour=next(drawn)) for thing in scene.things)
        events = tuple(replace(e, colour=next(drawn)) if e.kind == "recolours" else e for e in scene.events)
        return replace(scene, things=things, events=events)

    def _allowed(self, scene: Scene) -> bool:
        kinds, limits = {event.kind for event in scene.events}, self.limits
        if story_problems(scene) or kinds <= {"stays"}:
            return False
        if any(e.direction and e.speed is None for e in scene.events):
            return False
        return not limits.kinds or kinds <= {*limits.kinds, "stays"}


def _merged(events: Iterator[Event]) -> Iterator[Event]:
    """Neighbouring stays are one."""
    held: Event | None = None
    for event in events:
        if held is not None and held.kind == event.kind == "stays":
            held = replace(held, end=event.end)
            continue
        if held is not None:
            yield held
        held = event
    if held is not None:
        yield held


def _place(rng: random.Random, scene: Scene) -> Scene | None:
    """Put every thing somewhere, all places that keep it in the picture being equally likely; None if that fails."""
    rooms = [_room(scene, number) for number in range(len(scene.things))]
    if any(low > high for room in rooms for low, high in room):
        return None
    for _ in range(40):
        spots = [tuple(rng.uniform(low, high) for low, high in room) for room in rooms]
        things = tuple(replace(thing, x=x, y=y) for thing, (x, y) in zip(scene.things, spots, strict=True))
        placed = _lined_up(replace(scene, things=things))
        if not place_problems(placed):
            return placed
    return None


def _room(scene: Scene, number: int) -> list[tuple[float, float]]:
    """Where a thing can start: for both axes the least and the greatest place."""
    path = [state(scene, number, step / 36) for step in range(37)]
    first = path[0]
    ends = []
    for way in ([(each.x - first.x, each.side) for each in path], [(each.y - first.y, each.side) for each in path]):
        low = max(side / 2 + MARGIN - offset for offset, side in way)
        high = min(1 - side / 2 - MARGIN - offset for offset, side in way)
        ends.append((low, high))
    return ends


def _lined_up(scene: Scene) -> Scene:
    """Put a passer so that it is behind the other thing, or the wall, at half-time."""
    event = scene.events[0]
    if event.kind != "passes" or event.direction is None:
        return scene
    passer, (across, down) = scene.things[0], DIRECTIONS[event.direction]
    half = event.distance / 2
    if event.behind == "wall":
        x, y = (0.5 - across * half, passer.y) if across else (passer.x, 0.5 - down * half)
    else:
        x, y = scene.things[1].x - across * half, scene.things[1].y - down * half
    return replace(scene, things=(replace(passer, x=x, y=y), *scene.things[1:]))
