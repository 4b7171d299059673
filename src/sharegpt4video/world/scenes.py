"""The facts of a scene: which things there are, what each does and when, how the camera moves.

Everything is relative. Times are fractions of the video. Places are fractions of the picture's width and height, sizes
fractions of its shorter side, speeds fractions of the picture for each length of the video. So one scene can be drawn
at any size and length. Directions, places and sizes are those seen in the picture ("from the camera's point of view"):
things keep to the picture, and the camera shows in the background alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, get_args

Shape = Literal["square", "disc", "triangle", "cross", "ring", "diamond"]
Size = Literal["small", "large"]
Direction = Literal["left", "right", "up", "down"]
Speed = Literal["slow", "fast"]
Tone = Literal["dark", "light"]
Camera = Literal["still", "pan left", "pan right", "tilt up", "tilt down", "zoom in", "zoom out"]
Kind = Literal["moves", "turns", "passes", "stays", "recolours", "grows", "shrinks", "appears", "disappears"]

SHAPES: tuple[Shape, ...] = get_args(Shape)
CAMERAS: tuple[Camera, ...] = get_args(Camera)
KINDS: tuple[Kind, ...] = get_args(Kind)
TONES: Mapping[Tone, float] = {"dark": 0.2, "light": 0.6}
SIZES: Mapping[Size, float] = {"small": 0.22, "large": 0.35}
SPEEDS: Mapping[Speed, float] = {"slow": 0.22, "fast": 0.60}
DIRECTIONS: Mapping[Direction, tuple[int, int]] = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
COLOURS: Mapping[str, tuple[float, float, float]] = {
    "red": (0.90, 0.10, 0.10),
    "green": (0.10, 0.75, 0.15),
    "blue": (0.12, 0.20, 0.95),
    "yellow": (0.95, 0.88, 0.08),
    "magenta": (0.92, 0.12, 0.88),
    "cyan": (0.08, 0.85, 0.90),
}
_PAIRS = (("left", "right"), ("up", "down"), ("pan left", "pan right"), ("tilt up", "tilt down"),
          ("zoom in", "zoom out"), ("still", "still"), ("grows", "shrinks"), ("appears", "disappears"))  # fmt: skip
OPPOSITE: Mapping[str, str] = dict(_PAIRS) | {second: first for first, second in _PAIRS}
"""What becomes of a fact when the video runs backwards; facts that are not named stay as they are."""

WALL_WIDTH = 0.24  # a little more than a small thing, so that it is gone for a moment
TRAVEL: frozenset[Kind] = frozenset({"moves", "turns", "passes"})


@dataclass(frozen=True)
class Thing:
    """One thing as it is at the start of the video: ``x`` and ``y`` are its centre, as fractions of the picture."""

    shape: Shape
    colour: str
    size: Size
    x: float = 0.5
    y: float = 0.5


@dataclass(frozen=True)
class Event:
    """What one thing does in ``[start, end)``, fractions of the video.

    ``thing`` is its index. ``direction`` and ``speed`` go with ``moves``, ``turns`` (first that way, at half-time back
    again) and ``passes``; ``behind`` with ``passes``: "wall", or the shape of the thing it passes behind; ``colour``
    with ``recolours``. A change of colour, an appearance and a disappearance happen in one instant, ``middle``.
    """

    kind: Kind
    thing: int
    start: float
    end: float
    direction: Direction | None = None
    speed: Speed | None = None
    colour: str = ""
    behind: str = ""

    @property
    def middle(self) -> float:
        return (self.start + self.end) / 2

    @property
    def distance(self) -> float:
        """How far it gets from where it was, as a fraction of the picture."""
        if self.kind not in TRAVEL or self.speed is None:
            return 0.0
        way = SPEEDS[self.speed] * (self.end - self.start)
        return way / 2 if self.kind == "turns" else way


@dataclass(frozen=True)
class State:
    """One thing at one time: centre (fractions of the picture), side (fraction of the shorter side), colour, seen."""

    x: float
    y: float
    side: float
    colour: str
    visible: bool


@dataclass(frozen=True)
class Scene:
    """All facts of one video.

    ``events`` are ordered by thing and time; those of one thing follow each other without a gap from its first to its
    last. ``tones`` holds one background tone, or two with the change halfway. ``wall`` says whether a wall stands
    upright or level in the middle, in front of the things. ``seed`` decides the texture of the background.
    """

    things: tuple[Thing, ...]
    events: tuple[Event, ...]
    camera: Camera = "still"
    tones: tuple[Tone, ...] = ("dark",)
    wall: Literal["", "upright", "level"] = ""
    seed: int = 0

    def events_of(self, thing: int) -> tuple[Event, ...]:
        return tuple(event for event in self.events if event.thing == thing)

    def colours_of(self, thing: int) -> tuple[str, ...]:
        """The colours that a thing has, in order."""
        later = [event.colour for event in self.events_of(thing) if event.kind == "recolours"]
        return (self.things[thing].colour, *later)

    def tone(self, at: float) -> Tone:
        return self.tones[0] if at < 0.5 else self.tones[-1]

    def to_json(self) -> str:
        """One line of JSON; ``Scene.from_json`` reads it back to an equal value."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @staticmethod
    def from_json(text: str | bytes) -> Scene:
        """Read what ``to_json`` wrote. Raises ValueError for anything else."""
        try:
            plain: dict[str, Any] = json.loads(text)
            things = tuple(Thing(**each) for each in plain.pop("things"))
            events = tuple(Event(**each) for each in plain.pop("events"))
            return Scene(things, events, **{**plain, "tones": tuple(plain["tones"])})
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"not a scene in JSON: {error}") from error


def state(scene: Scene, thing: int, at: float) -> State:
    """A thing at the time ``at`` (0..1)."""
    first, own = scene.things[thing], scene.events_of(thing)
    x, y, side, colour = first.x, first.y, SIZES[first.size], first.colour
    visible = not (own and own[0].kind == "appears")
    for event in own:
        done = min(max((at - event.start) / (event.end - event.start), 0.0), 1.0)
        if event.direction is not None:
            across, down = DIRECTIONS[event.direction]
            way = event.distance * (1 - abs(2 * done - 1) if event.kind == "turns" else done)
            x, y = x + across * way, y + down * way
        elif event.kind in ("grows", "shrinks"):
            small, large = SIZES["small"], SIZES["large"]
            side += (large - small) * done * (1 if event.kind == "grows" else -1)
        elif at >= event.middle:
            colour = event.colour or colour
            visible = (visible or event.kind == "appears") and event.kind != "disappears"
    return State(x, y, side, colour, visible)


def reverse(scene: Scene) -> Scene:
    """The scene of the same video run backwards: its pictures are those of ``scene`` in the other order."""
    things = []
    for number, thing in enumerate(scene.things):
        last = state(scene, number, 1.0)
        size: Size = "large" if last.side > sum(SIZES.values()) / 2 else "small"
        things.append(Thing(thing.shape, last.colour, size, last.x, last.y))
    events = [_reversed(scene, event) for event in scene.events]
    events.sort(key=lambda event: (event.thing, event.start))
    camera: Camera = OPPOSITE[scene.camera]  # type: ignore[assignment]
    return replace(scene, things=tuple(things), events=tuple(events), camera=camera, tones=scene.tones[::-1])


def _reversed(scene: Scene, event: Event) -> Event:
    direction = event.direction
    if direction is not None and event.kind != "turns":  # out and back again looks the same both ways
        direction = OPPOSITE[direction]  # type: ignore[assignment]
    before = state(scene, event.thing, event.start).colour if event.kind == "recolours" else ""
    kind: Kind = OPPOSITE.get(event.kind, event.kind)  # type: ignore[assignment]
    return replace(event, kind=kind, start=1 - event.end, end=1 - event.start, direction=direction, colour=before)


def frozen(scene: Scene, at: float) -> Scene:
    """A scene in which everything stays for ever as it is at ``at``: each of its pictures is that one of ``scene``.

    The size in its facts is the nearer one, so a thing caught half grown is drawn a little differently.
    """
    things: list[Thing] = []
    events: list[Event] = []
    for number, thing in enumerate(scene.things):
        now = state(scene, number, at)
        if now.visible:
            size: Size = "large" if now.side > sum(SIZES.values()) / 2 else "small"
            events.append(Event("stays", len(things), 0.0, 1.0))
            things.append(Thing(thing.shape, now.colour, size, now.x, now.y))
    return replace(scene, things=tuple(things), events=tuple(events), camera="still", tones=(scene.tone(at),))
