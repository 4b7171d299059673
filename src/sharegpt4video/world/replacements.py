"""Scenes that differ from a scene in one stated fact: what wrong captions and wrong answers are made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from .rules import story_problems
from .scenes import CAMERAS, COLOURS, DIRECTIONS, SHAPES, SPEEDS, Event, Scene, Tone

Fact = Literal["shape", "colour", "size", "new colour", "direction", "speed", "order", "camera", "background"]


@dataclass(frozen=True)
class Replaced:
    """One fact that was replaced: ``right`` became ``wrong``. ``thing`` and ``event`` are indices, -1 where none is."""

    fact: Fact
    right: str
    wrong: str
    thing: int = -1
    event: int = -1


def replacements(scene: Scene) -> list[tuple[Replaced, Scene]]:
    """Every way to replace one fact such that the story stays possible.

    The things keep their places, so the scenes are for telling, not for drawing: one may run out of the picture.
    """
    found = [*_looks(scene), *_events(scene), *_order(scene), *_stage(scene)]
    return [(what, other) for what, other in found if not story_problems(other)]


def _looks(scene: Scene) -> Iterator[tuple[Replaced, Scene]]:
    for number, thing in enumerate(scene.things):
        if all(event.behind != thing.shape for event in scene.events):
            for shape in SHAPES:
                if shape != thing.shape:
                    yield Replaced("shape", thing.shape, shape, number), _with_thing(scene, number, shape=shape)
        for colour in COLOURS:
            if colour != thing.colour:
                yield Replaced("colour", thing.colour, colour, number), _with_thing(scene, number, colour=colour)
        size = "large" if thing.size == "small" else "small"
        yield Replaced("size", thing.size, size, number), _with_thing(scene, number, size=size)


def _with_thing(scene: Scene, number: int, **changes: str) -> Scene:
    things = list(scene.things)
    things[number] = replace(things[number], **changes)  # type: ignore[arg-type]
    return replace(scene, things=tuple(things))


def _events(scene: Scene) -> Iterator[tuple[Replaced, Scene]]:
    for number, event in enumerate(scene.events):
        if event.direction is not None:
            for direction in DIRECTIONS:
                # A wall that is passed sideways cannot be passed upwards.
                fits = not scene.wall or (direction in ("left", "right")) == (scene.wall == "upright")
                if direction != event.direction and fits:
                    what = Replaced("direction", event.direction, direction, event.thing, number)
                    yield what, _with_event(scene, number, replace(event, direction=direction))
        if event.kind == "moves":
            for speed in SPEEDS:
                if event.speed is not None and speed != event.speed:
                    what = Replaced("speed", event.speed, speed, event.thing, number)
                    yield what, _with_event(scene, number, replace(event, speed=speed))
        if event.kind == "recolours":
            for colour in COLOURS:
                if colour != event.colour:
                    what = Replaced("new colour", event.colour, colour, event.thing, number)
                    yield what, _with_event(scene, number, replace(event, colour=colour))


def _with_event(scene: Scene, number: int, event: Event) -> Scene:
    events = list(scene.events)
    events[number] = event
    return replace(scene, events=tuple(events))


def _order(scene: Scene) -> Iterator[tuple[Replaced, Scene]]:
    """Two events of one thing that follow each other change places; their times stay with the place."""
    for number, (before, after) in enumerate(zip(scene.events, scene.events[1:], strict=False)):
        if before.thing == after.thing and before.kind not in ("appears",) and after.kind not in ("disappears",):
            events = list(scene.events)
            events[number] = replace(after, start=before.start, end=before.end)
            events[number + 1] = replace(before, start=after.start, end=after.end)
            names = [f"{event.kind} {event.direction or event.colour}".strip() for event in (before, after)]
            what = Replaced("order", ", then ".join(names), ", then ".join(names[::-1]), before.thing, number)
            yield what, replace(scene, events=tuple(events))


def _stage(scene: Scene) -> Iterator[tuple[Replaced, Scene]]:
    for camera in CAMERAS:
        if camera != scene.camera:
            yield Replaced("camera", scene.camera, camera), replace(scene, camera=camera)
    other: tuple[Tone, ...]
    other = scene.tones[::-1] if len(scene.tones) == 2 else ("light",) if scene.tones == ("dark",) else ("dark",)
    yield Replaced("background", scene.tones[0], other[0]), replace(scene, tones=other)
