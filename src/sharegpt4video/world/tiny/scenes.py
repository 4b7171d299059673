"""The seven facts of a tiny scene, and how they are drawn.

Times are fractions of the video, places and ways fractions of the picture. Picture k of n shows the time k / n.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Literal, get_args

from ...errors import SettingsError
from ..scenes import COLOURS, DIRECTIONS, Camera, Direction
from ..words import place_words

Shape = Literal["square", "triangle", "cross", "ring"]
Fact = Literal["shape", "colour", "place", "first", "turn", "second", "camera"]
Pairing = Literal["colour-shape", "first-second"]

FACTS: tuple[Fact, ...] = get_args(Fact)
SHAPES: tuple[Shape, ...] = get_args(Shape)
CAMERAS: tuple[Camera, ...] = ("still", "pan left", "pan right")
_LEVEL: tuple[Direction, ...] = ("left", "right")
_UPRIGHT: tuple[Direction, ...] = ("up", "down")
CORNERS: tuple[tuple[Direction, Direction], ...] = (
    *((first, second) for first in _LEVEL for second in _UPRIGHT),
    *((first, second) for first in _UPRIGHT for second in _LEVEL),
)
"""The two moves of a scene: round a corner, so either order is possible from any start, and no move hides another."""

GRID = 24  # places are in 24ths of the picture: whole pixels at the size the world is made for
SIDE = 9 / GRID
WAY = 8 / GRID  # of each move
CLEAR = 1 / GRID  # from a start to the line where one place word ends

HELD_OUT: Mapping[Pairing, frozenset[tuple[str, str]]] = {
    "colour-shape": frozenset((colour, SHAPES[at % len(SHAPES)]) for at, colour in enumerate(COLOURS)),
    "first-second": frozenset({("right", "down"), ("down", "right")}),
}
"""Pairs that no scene of the split ``train`` has; both orders of two moves, so that neither gives the other away."""


@dataclass(frozen=True)
class TinyScene:
    """All facts of one video. ``turn`` is the colour from half-time on, "" where it stays; ``x`` and ``y`` the start.

    ``stripes`` (0..1) is where the pattern of the background begins: no fact, and never told.
    """

    shape: Shape
    colour: str
    first: Direction
    turn: str
    second: Direction
    camera: Camera
    x: float
    y: float
    stripes: float = 0.0
    seed: int = 0

    @property
    def place(self) -> str:
        return place_words(self.x, self.y)

    @property
    def later_colour(self) -> str:
        return self.turn or self.colour

    def fact(self, name: Fact) -> str:
        """One of the seven as a word."""
        return str(getattr(self, name))

    def at(self, time: float) -> tuple[float, float]:
        """The centre at a time (0..1)."""
        x, y = self.x, self.y
        for direction, begun in ((self.first, 0.0), (self.second, 0.5)):
            done = min(max((time - begun) / 0.5, 0.0), 1.0) * WAY
            x, y = x + DIRECTIONS[direction][0] * done, y + DIRECTIONS[direction][1] * done
        return x, y

    def to_json(self) -> str:
        """One line of JSON; ``TinyScene.from_json`` reads it back to an equal value."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @staticmethod
    def from_json(text: str | bytes) -> TinyScene:
        """Read what ``to_json`` wrote. Raises ValueError for anything else."""
        try:
            return TinyScene(**json.loads(text))
        except TypeError as error:
            raise ValueError(f"not a tiny scene in JSON: {error}") from error


def sample_scene(rng: random.Random, *, split: str = "any", pairing: Pairing | None = None) -> TinyScene:
    """Draw a scene: the facts first, then a start among those from which the moves stay in the picture.

    ``train`` has no pair of ``HELD_OUT``; a scene of ``composition`` has at least one (of ``pairing`` if given).
    Raises SettingsError for a pairing that there is not.
    """
    if pairing is not None and pairing not in HELD_OUT:
        raise SettingsError(f"no pairing {pairing!r}; there are {', '.join(HELD_OUT)}")
    wanted = pairing if pairing or split != "composition" else rng.choice(list(HELD_OUT))
    while True:
        scene = _draw(rng)
        found = {name for name, _ in held_out_pairs(scene)}
        if split == "any" or (not found if split == "train" else wanted in found):
            return scene


def _draw(rng: random.Random) -> TinyScene:
    colour = rng.choice(list(COLOURS))
    turn = rng.choice([name for name in COLOURS if name != colour]) if rng.random() < 0.5 else ""
    first, second = rng.choice(CORNERS)
    across, down = (DIRECTIONS[first][axis] + DIRECTIONS[second][axis] for axis in (0, 1))
    return TinyScene(
        rng.choice(SHAPES), colour, first, turn, second, rng.choice(CAMERAS), rng.choice(_starts(across)),
        rng.choice(_starts(down)), rng.random(), rng.getrandbits(31),
    )  # fmt: skip


def _starts(way: int) -> list[float]:
    """Starts along one axis: whole pixels, the thing inside before and after, clear of the lines between two places."""
    half = SIDE / 2 - 1e-9
    spots = [(at + 0.5) / GRID for at in range(GRID)]
    return [
        spot
        for spot in spots
        if all(half <= end <= 1 - half for end in (spot, spot + way * WAY))
        and all(abs(spot - line) >= CLEAR for line in (1 / 3, 2 / 3))
    ]


def held_out_pairs(scene: TinyScene) -> Iterator[tuple[Pairing, tuple[str, str]]]:
    """The pairs of ``HELD_OUT`` that occur in a scene."""
    pairs: list[tuple[Pairing, tuple[str, str]]] = [("colour-shape", (scene.colour, scene.shape))]
    pairs += [("colour-shape", (scene.turn, scene.shape)), ("first-second", (scene.first, scene.second))]
    for pairing, pair in pairs:
        if pair in HELD_OUT[pairing]:
            yield pairing, pair
