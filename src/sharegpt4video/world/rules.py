"""What makes a scene possible and clear; a scene that breaks a rule is never sampled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from .scenes import OPPOSITE, SIZES, TRAVEL, WALL_WIDTH, Event, Scene, State, state

MARGIN = 0.015  # of the picture, between a thing and the edge
GAP = 0.04  # of the picture, between two things
CLEAR = 0.02  # of the picture, between a centre and the line where one place word ends and the next begins
_MOMENTS = tuple(step / 36 for step in range(37))  # every event boundary is among them


def problems(scene: Scene) -> list[str]:
    """Everything that makes the scene impossible or ambiguous; empty for a good one."""
    return [*story_problems(scene), *place_problems(scene)]


def story_problems(scene: Scene) -> list[str]:
    """What is wrong with the facts as such, wherever the things stand."""
    found = []
    shapes = [thing.shape for thing in scene.things]
    if len(set(shapes)) < len(shapes):
        found.append("two things have the same shape")
    colours = [colour for number in range(len(shapes)) for colour in scene.colours_of(number)]
    if len(set(colours)) < len(colours):
        found.append("a colour comes twice")
    for number in range(len(shapes)):
        found += [f"the {shapes[number]} {problem}" for problem in _order_problems(scene, number)]
    return found


def _order_problems(scene: Scene, thing: int) -> Iterator[str]:
    own = scene.events_of(thing)
    for before, after in pairwise(own):
        yield from _pair_problems(before, after)
    kinds = [event.kind for event in own]
    if "appears" in kinds[1:] or "disappears" in kinds[:-1]:
        yield "appears or disappears in between"
    if kinds and kinds[0] != "appears" and own[0].start > 0:
        yield "begins late"
    if kinds and kinds[-1] != "disappears" and own[-1].end < 1:
        yield "ends early"
    size = scene.things[thing].size
    for kind in kinds:
        if (kind, size) in (("grows", "large"), ("shrinks", "small")):
            yield f"{kind} but is {size}"
        size = {"grows": "large", "shrinks": "small"}.get(kind, size)  # type: ignore[assignment]


def _pair_problems(before: Event, after: Event) -> Iterator[str]:
    if before.end != after.start:
        yield "has a gap between its events"
    if before.kind in TRAVEL and after.kind in TRAVEL:
        # The same way twice is one move, there and back is a turn: only moves round a corner are two moves.
        if before.kind != "moves" or after.kind != "moves" or before.direction is None or after.direction is None:
            yield "turns next to a move"
        elif after.direction in (before.direction, OPPOSITE[before.direction]):
            yield "does not change its axis between two moves"
    elif before.kind == after.kind:
        yield f"{before.kind} twice"


def place_problems(scene: Scene) -> list[str]:
    """Things that leave the picture, come too close to each other, or begin or end between two place words."""
    paths = [[state(scene, number, at) for at in _MOMENTS] for number in range(len(scene.things))]
    found = []
    for number, path in enumerate(paths):
        shape = scene.things[number].shape
        if not all(_inside(each) for each in path):
            found.append(f"the {shape} leaves the picture")
        if not (_clear(path[0]) and _clear(path[-1])):
            found.append(f"the {shape} begins or ends between two places")
    for first in range(len(paths)):
        for second in range(first + 1, len(paths)):
            if not _may_cross(scene, first, second) and _touch(paths[first], paths[second]):
                found.append(f"the {scene.things[first].shape} and the {scene.things[second].shape} touch")
    if scene.wall and any(_at_the_wall(scene, path) for path in paths):
        found.append("a thing begins or ends behind the wall")
    return found


def _inside(each: State) -> bool:
    room = each.side / 2 + MARGIN
    return room - 1e-9 <= each.x <= 1 - room + 1e-9 and room - 1e-9 <= each.y <= 1 - room + 1e-9


def _clear(each: State) -> bool:
    return all(abs(at - line) >= CLEAR for at in (each.x, each.y) for line in (1 / 3, 2 / 3))


def _may_cross(scene: Scene, first: int, second: int) -> bool:
    shapes = scene.things[first].shape, scene.things[second].shape
    return any(
        event.behind and event.thing in (first, second) and event.behind in shapes
        for event in scene.events
    )  # fmt: skip


def _touch(first: Sequence[State], second: Sequence[State]) -> bool:
    """On a square picture; on any other one things are further apart."""
    for one, two in zip(first, second, strict=True):
        room = (one.side + two.side) / 2 + GAP
        if abs(one.x - two.x) < room and abs(one.y - two.y) < room:
            return True
    return False


def _at_the_wall(scene: Scene, path: Sequence[State]) -> bool:
    room = WALL_WIDTH / 2 + SIZES["small"] / 2 + 0.01
    ends = (path[0], path[-1])
    return any(abs((each.x if scene.wall == "upright" else each.y) - 0.5) < room for each in ends)
