"""The facts of a chain: what the thing is at the beginning, and what happens to it, event by event.

The picture has three times three places. Event k (from 0 on) happens within ``EVENT`` of the two seconds that begin at
2 k, so a keyframe every two seconds shows the thing at rest.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Literal, get_args

from ...errors import SettingsError
from ..scenes import COLOURS, DIRECTIONS, OPPOSITE, Size
from ..words import place_words

Shape = Literal["square", "triangle", "cross", "ring"]
Pairing = Literal["colour-shape", "first-second"]

SHAPES: tuple[Shape, ...] = get_args(Shape)
SIZES: Mapping[Size, float] = {"small": 9 / 46, "large": 14 / 46}
"""Of the shorter side of the picture."""
PLACES = 3  # along each side
PERIOD_SECONDS = 2.0
"""From one event to the next; the distance of keyframe candidates is the same by default."""
EVENT = (0.5, 1.5)
"""The seconds of its period in which an event happens."""
REST_SECONDS = 0.5
"""What the video goes on for after the last period: the last keyframe is its last frame."""
MOST_EVENTS = 40
STAYS = "stays"

HELD_OUT: Mapping[Pairing, frozenset[tuple[str, str]]] = {
    "colour-shape": frozenset((colour, SHAPES[at % len(SHAPES)]) for at, colour in enumerate(COLOURS)),
    "first-second": frozenset(
        {("moves right", "moves down"), ("moves down", "moves right"), ("turns", "grows"), ("grows", "turns")}
    ),
}
"""Pairs that no chain of the split ``train`` has: of a colour and a shape, and of two events in a row."""


@dataclass(frozen=True)
class State:
    """The thing at rest. ``column`` and ``row`` count from 0, from the left and from the top."""

    shape: Shape
    colour: str
    size: Size
    column: int
    row: int

    @property
    def place(self) -> str:
        """Such as "at the top left"."""
        return place_words((self.column + 0.5) / PLACES, (self.row + 0.5) / PLACES)

    def after(self, deed: str) -> State | None:
        """What becomes of it by a deed; None if it cannot do that."""
        kind, _, what = deed.partition(" ")
        if kind == "moves" and what in DIRECTIONS:
            across, down = DIRECTIONS[what]  # type: ignore[index]
            column, row = self.column + across, self.row + down
            return replace(self, column=column, row=row) if 0 <= column < PLACES and 0 <= row < PLACES else None
        if kind == "turns" and what in COLOURS:
            return None if what == self.colour else replace(self, colour=what)
        if deed in ("grows", "shrinks"):
            size: Size = "large" if deed == "grows" else "small"
            return None if size == self.size else replace(self, size=size)
        return self if deed == STAYS else None


DEEDS = (*(f"moves {way}" for way in DIRECTIONS), *(f"turns {colour}" for colour in COLOURS), "grows", "shrinks", STAYS)
"""All that can happen, in the words in which it is told."""
_WEIGHTS = {"moves": 0.5, "turns": 0.27, "grows": 0.18, "shrinks": 0.18, STAYS: 0.05}


@dataclass(frozen=True)
class ChainScene:
    """All facts of one video. ``seed`` decides its grey background, which is never told."""

    start: State
    deeds: tuple[str, ...]
    seed: int = 0

    @property
    def states(self) -> tuple[State, ...]:
        """The thing before and after each event: one more than there are. Raises ValueError for what cannot be."""
        found = [self.start]
        for number, deed in enumerate(self.deeds):
            after = found[-1].after(deed)
            if after is None:
                raise ValueError(f"event {number}: {found[-1]} cannot be one that {deed}")
            found.append(after)
        return tuple(found)

    @property
    def seconds(self) -> float:
        """The length of the video."""
        return PERIOD_SECONDS * len(self.deeds) + REST_SECONDS

    def to_json(self) -> str:
        """One line of JSON; ``ChainScene.from_json`` reads it back to an equal value."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @staticmethod
    def from_json(text: str | bytes) -> ChainScene:
        """Read what ``to_json`` wrote. Raises ValueError for anything else."""
        try:
            plain = json.loads(text)
            return ChainScene(State(**plain.pop("start")), tuple(plain.pop("deeds")), **plain)
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"not a chain in JSON: {error}") from error


def sample_scene(
    rng: random.Random, *, events: tuple[int, int] = (1, 8), split: str = "any", pairing: Pairing | None = None
) -> ChainScene:
    """Draw a chain of at least ``events[0]`` and at most ``events[1]`` events; long ones are as rare as they are long.

    ``train`` has no pair of ``HELD_OUT``; a chain of ``composition`` has at least one (of ``pairing`` if given).
    Raises SettingsError for a pairing that there is not, and for one that so few events cannot have.
    """
    if pairing is not None and pairing not in HELD_OUT:
        raise SettingsError(f"no pairing {pairing!r}; there are {', '.join(HELD_OUT)}")
    if not 1 <= events[0] <= events[1] <= MOST_EVENTS:
        raise SettingsError(f"a chain has 1 to {MOST_EVENTS} events, at least as many as at least, not {events}")
    if split == "composition" and pairing == "first-second" and events[1] < 2:
        raise SettingsError("the pairing first-second needs chains of two events or more")
    wanted = pairing
    if split == "composition" and pairing is None:
        wanted = "colour-shape" if events[1] < 2 else rng.choice(list(HELD_OUT))
    while True:
        scene = _draw(rng, _count(rng, *events), split)
        found = {name for name, _ in held_out_pairs(scene)}
        if split == "any" or (not found if split == "train" else wanted in found):
            return scene


def _count(rng: random.Random, least: int, most: int) -> int:
    """Each doubling is as likely as another."""
    return min(int(least * ((most + 1) / least) ** rng.random()), most)


def _draw(rng: random.Random, count: int, split: str) -> ChainScene:
    while True:
        state = State(rng.choice(SHAPES), rng.choice(list(COLOURS)), rng.choice(list(SIZES)), rng.randrange(PLACES),
                      rng.randrange(PLACES))  # fmt: skip
        start, deeds = state, list[str]()
        for _ in range(count):
            deed = _next(rng, state, deeds[-1] if deeds else "", split)
            after = state.after(deed)
            assert after is not None  # it was among those that can be
            deeds.append(deed)
            state = after
        return ChainScene(start, tuple(deeds), rng.getrandbits(31))


def _next(rng: random.Random, state: State, before: str, split: str) -> str:
    """A deed that is possible, undoes no move, and in ``train`` makes no held-out pair."""
    able = [deed for deed in DEEDS if state.after(deed) is not None and not _undoes(deed, before)]
    if split == "train":
        able = [deed for deed in able if _allowed(state, before, deed)]
    weights = [_WEIGHTS[deed.partition(" ")[0]] / sum(_kind(other) == _kind(deed) for other in able) for deed in able]
    return rng.choices(able, weights)[0]


def _kind(deed: str) -> str:
    return deed.partition(" ")[0]


def _undoes(deed: str, before: str) -> bool:
    kind, _, way = deed.partition(" ")
    return (kind == "moves" and before == f"moves {OPPOSITE[way]}") or (deed == before == STAYS)


def _allowed(state: State, before: str, deed: str) -> bool:
    after = state.after(deed)
    assert after is not None
    return _pair(before, deed) not in HELD_OUT["first-second"] and (
        (after.colour, after.shape) not in HELD_OUT["colour-shape"] or after.colour == state.colour
    )


def _pair(first: str, second: str) -> tuple[str, str]:
    """Two deeds as ``HELD_OUT`` names them: whatever the colour is."""
    return ("turns" if _kind(first) == "turns" else first, "turns" if _kind(second) == "turns" else second)


def held_out_pairs(scene: ChainScene) -> Iterator[tuple[Pairing, tuple[str, str]]]:
    """The pairs of ``HELD_OUT`` that occur in a chain."""
    pairs: list[tuple[Pairing, tuple[str, str]]] = [("colour-shape", (one.colour, one.shape)) for one in scene.states]
    pairs += [("first-second", _pair(first, second)) for first, second in pairwise(scene.deeds)]
    for pairing, pair in pairs:
        if pair in HELD_OUT[pairing]:
            yield pairing, pair
