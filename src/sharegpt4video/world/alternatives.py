"""What a thing might have done instead: events drawn as those of scenes are, whichever is the true one."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from .sampling import HELD_OUT, Split
from .scenes import COLOURS, DIRECTIONS, OPPOSITE, SPEEDS, TRAVEL, Event, Kind, Scene

_SORTS: tuple[Kind | Literal["resizes"], ...] = (
    "moves", "moves", "moves", "moves", "disappears", "disappears", "stays", "stays", "recolours", "recolours",
    "resizes", "resizes", "turns",
)  # fmt: skip
"""About as often as each is what comes after something else, over all difficulties."""
_TRIES = 60


def ways_of(events: Sequence[Event]) -> set[str]:
    """Every direction in which something goes; a turn goes both ways."""
    back = {OPPOSITE[event.direction] for event in events if event.direction and event.kind == "turns"}
    return back | {event.direction for event in events if event.direction}


def drawn_instead(
    scene: Scene, event: Event, beside: Event, rng: random.Random, split: Split, *, ends: bool = False
) -> Event | None:
    """Something that the thing does not do, and that could stand in place of ``event`` before or after ``beside``.

    It is drawn by how often things do what, not by what is near to ``event``: who sees both cannot tell which is true.
    ``ends`` says that it may disappear. None if nothing of that kind is left.
    """
    own = scene.events_of(event.thing)
    for _ in range(_TRIES):
        other = _drawn(scene, event, rng, split)
        if _false(other, event, own) and _possible(other, beside) and (ends or not _ends(other, beside)):
            return other
    return None


def _drawn(scene: Scene, event: Event, rng: random.Random, split: Split) -> Event:
    sort = rng.choice(_SORTS)
    kind: Kind = rng.choice(("grows", "shrinks")) if sort == "resizes" else sort
    other = Event(kind, event.thing, event.start, event.end)
    if kind in TRAVEL:
        # In ``train`` whatever turns goes to the sides, since up and down are never fast there.
        held = [way for way, speed in HELD_OUT["direction-speed"] if speed == "fast"]
        ways = [way for way in DIRECTIONS if kind == "moves" or split != "train" or way not in held]
        return replace(other, direction=rng.choice(ways), speed=rng.choice(list(SPEEDS)))
    colours = [colour for colour in COLOURS if colour not in scene.colours_of(event.thing)]
    return replace(other, colour=rng.choice(colours)) if kind == "recolours" else other


def _false(other: Event, event: Event, own: Sequence[Event]) -> bool:
    """Whether it is no part of what happens. What only changes its looks does stay where it is."""
    if other.kind in TRAVEL:
        return other.direction not in ways_of(own)
    if other.kind == "recolours":
        return True  # to a colour that the thing never has
    if "stays" in (other.kind, event.kind) and not {other.kind, event.kind} & TRAVEL:
        return False
    return all(other.kind != each.kind for each in own)


def _possible(other: Event, beside: Event) -> bool:
    """Whether a scene can have both, one right after the other."""
    if other.kind in TRAVEL and beside.kind in TRAVEL:
        corner = other.direction not in (beside.direction, OPPOSITE[str(beside.direction)])
        return corner and other.kind == beside.kind == "moves"
    return other.kind != beside.kind


def _ends(other: Event, beside: Event) -> bool:
    """Whether the two would be no order, or one that is the same backwards."""
    return other.kind == "disappears" or other.kind == OPPOSITE.get(beside.kind)
