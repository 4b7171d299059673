"""Read the facts of a clip back from its pixels, and hold them against a scene.

Nothing is known to the reader but what holds for every scene: the colours, shapes, sizes, speeds and camera moves there
are. It reads files or arrays, coded and mildly noisy ones too, and any clip, whoever made it: what does not look like
this world is read as few or no things, and with little confidence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import VideoError
from ..video.source import AV_ERRORS
from ..video.streams import opened
from . import words as w
from .backdrop import Wall, beside_the_wall, camera_of, tones_of, wall_of
from .deeds import BETWEEN_SPEEDS, Deed, deeds_of
from .render import Floats, Pixels
from .scenes import DIRECTIONS, SIZES, SPEEDS, Camera, Direction, Event, Kind, Scene, Shape, Size, Speed, Tone, state
from .visibility import AREAS, Clip, Mask, Track, clip_of, reduced, shape_of, shares, tracks

INSTANT = ("recolours", "appears", "disappears")
MOST = 384  # pictures of one clip; more take memory and tell nothing that these do not


@dataclass(frozen=True)
class Sight:
    """One thing as read: its looks when first seen, what it does in order, and its centre in each picture.

    ``confidence`` (0..1) is how clearly its shape was told from the next likely one. ``path`` holds fractions of the
    picture; None where it was not seen.
    """

    shape: Shape
    colour: str
    size: Size
    deeds: tuple[Deed, ...]
    path: tuple[tuple[float, float] | None, ...]
    confidence: float


@dataclass(frozen=True)
class Reading:
    """All that was read from a clip. ``camera_confidence``: 0 is a guess, over 0.2 is clear."""

    things: tuple[Sight, ...]
    camera: Camera
    camera_confidence: float
    tones: tuple[Tone, ...]
    wall: Wall


def check(clip: str | Path | Sequence[Pixels]) -> Reading:
    """Read a clip: a file, or pictures (height, width, 3) uint8 RGB of one size.

    Raises VideoError if the file cannot be decoded or there is no picture, ValueError for arrays of another kind.
    """
    frames = read_pictures(clip) if isinstance(clip, (str, Path)) else thinned(clip)
    if not frames:
        raise VideoError("there is not one picture to check")
    if any(frame.shape != frames[0].shape or frame.ndim != 3 or frame.dtype != np.uint8 for frame in frames):
        raise ValueError("pictures to check are (height, width, 3) uint8, all of one size")
    ready = clip_of(frames)
    nearest, share = shares(ready)
    light: Floats = ready.pictures.mean(axis=-1)
    wall = wall_of(light)
    plain = _away_from(share > 0) & beside_the_wall(wall, *light.shape[1:])
    camera, sure = camera_of(light, plain)
    sights = [_sight(track, ready, share, nearest) for track in tracks(ready, nearest, share)]
    return Reading(tuple(_passing(sights, wall)), camera, sure, tones_of(light, plain), wall)


def read_pictures(path: str | Path) -> list[Pixels]:
    """Decode a video of any length and size into pictures that are no more and no larger than the check needs.

    Raises VideoError if that fails.
    """
    try:
        with opened(path) as (container, stream):
            return thinned(reduced(frame.to_ndarray(format="rgb24")) for frame in container.decode(stream))
    except VideoError as error:
        raise VideoError(f"{path}: {str(error).removeprefix(f'{Path(path).name}: ')}") from error
    except AV_ERRORS as error:
        raise VideoError(f"{path}: cannot be decoded: {error}; is it a video?") from error


def thinned(pictures: Iterable[Pixels]) -> list[Pixels]:
    """All pictures, or every 2nd, 4th, ... of many, so that at most ``MOST`` are held at any time."""
    kept: list[Pixels] = []
    every = 1
    for number, picture in enumerate(pictures):
        if number % every:
            continue
        kept.append(picture)
        if len(kept) > MOST:
            kept, every = kept[::2], every * 2
    return kept


def _away_from(marked: Mask) -> Mask:
    """Where nothing is marked within two pixels."""
    wide = marked.copy()
    for axis in (1, 2):
        for shift in (1, 2):
            low, high = [slice(None)] * 3, [slice(None)] * 3
            low[axis], high[axis] = slice(shift, None), slice(None, -shift)
            wide[tuple(low)] |= marked[tuple(high)]
            wide[tuple(high)] |= marked[tuple(low)]
        marked = wide.copy()
    free: Mask = ~wide
    return free


def _sight(track: Track, clip: Clip, share: Floats, nearest: NDArray[np.int64]) -> Sight:
    shape, sure = shape_of(track, share, nearest)
    height, width = clip.pictures.shape[1:3]
    sides = np.sqrt(track.area / AREAS[shape]) / clip.shorter
    down = track.y - (sides * clip.shorter / 6 if shape == "triangle" else 0)
    places = np.stack([track.x / width, down / height, sides], axis=1)
    first = int(np.argmax(track.seen))
    seen = np.flatnonzero(track.seen)
    path = tuple((float(x), float(y)) if ok else None for (x, y, _), ok in zip(places, track.seen, strict=True))
    deviation = max(0.0022, (0.16 + clip.noise) / clip.shorter)
    hidden = _hidden(track)
    deeds = [_pass(places, hidden, len(clip))] if hidden is not None else deeds_of(places, deviation)
    deeds += list(_instants(track))
    size: Size = "large" if float(np.median(sides[seen[:2]])) > sum(SIZES.values()) / 2 else "small"
    whole = sorted((deed for deed in deeds if deed is not None), key=lambda deed: deed.middle)
    if hidden is not None and float(np.nanmax(sides)) < sum(SIZES.values()) / 2:
        size = "small"
    return Sight(shape, track.colours[0], size, tuple(whole), (*path[:first], *path[first:]), sure)


def _hidden(track: Track) -> Mask | None:
    """Where a thing is partly or wholly hidden, if it is hidden nearly wholly somewhere between; else None."""
    area = np.where(track.seen, track.area, 0)
    seen = np.flatnonzero(track.seen)
    inner = area[seen[0] : seen[-1] + 1]
    if float(inner.min()) > 0.2 * float(inner.max()):
        return None
    return area < 0.93 * float(np.median(np.sort(area)[-max(2, len(area) // 4) :]))


def _pass(places: Floats, hidden: Mask, count: int) -> Deed | None:
    """A thing that goes behind something and comes out again: only pictures that show all of it are measured."""
    whole = np.flatnonzero(~hidden)
    if len(whole) < 2:
        return None
    first, last = int(whole[0]), int(whole[-1])
    moved = (places[last] - places[first])[:2] * count / max(1, last - first)
    direction = max(DIRECTIONS, key=lambda name: float(np.dot(DIRECTIONS[name], moved)))
    rate = float(np.abs(moved).max())
    speed: Speed = "fast" if rate > BETWEEN_SPEEDS else "slow"
    return Deed("passes", 0.0, 1.0, direction, speed) if rate > SPEEDS["slow"] / 2 else None


def _instants(track: Track) -> Iterator[Deed]:
    count, seen = len(track.colour), np.flatnonzero(track.seen)
    names = iter(track.colours[1:])
    if seen[0] > 0:
        yield _instant("appears", int(seen[0]) / count)
    for before, after in pairwise(seen):
        if track.colour[before] != track.colour[after]:
            yield _instant("recolours", int(after) / count, next(names))
    if seen[-1] < count - 1:
        yield _instant("disappears", int(seen[-1] + 1) / count)


def _instant(kind: Kind, at: float, colour: str = "") -> Deed:
    return Deed(kind, at, at, colour=colour)


def _passing(sights: Sequence[Sight], wall: Wall) -> Iterator[Sight]:
    """Say what a passer passes behind: the wall, or the thing that is where it should be half-way."""
    for sight in sights:
        deeds = list(sight.deeds)
        for at, deed in enumerate(deeds):
            if deed.kind == "passes" and not wall:
                deeds[at] = replace(deed, behind=_nearest(sight, [other for other in sights if other is not sight]))
            elif deed.kind == "passes":
                deeds[at] = replace(deed, behind="wall")
        yield replace(sight, deeds=tuple(deeds))


def _nearest(sight: Sight, others: Sequence[Sight]) -> str:
    ends = [place for place in sight.path if place is not None]
    x, y = (ends[0][0] + ends[-1][0]) / 2, (ends[0][1] + ends[-1][1]) / 2
    there = [(other, next(place for place in other.path if place is not None)) for other in others]
    found = sorted(there, key=lambda each: abs(each[1][0] - x) + abs(each[1][1] - y))
    return found[0][0].shape if found else ""


@dataclass(frozen=True)
class Comparison:
    """``hits`` holds for each kind of fact an answer for each such fact of the scene; ``misses`` says what is wrong."""

    hits: Mapping[str, tuple[bool, ...]]
    misses: tuple[str, ...]

    @property
    def all_right(self) -> bool:
        return not self.misses


FACTS = ("count", "shape", "colour", "size", "place", "kind", "order", "direction", "speed", "new colour", "time",
         "occlusion", "camera", "background")  # fmt: skip


def compare(reading: Reading, scene: Scene, *, time_tolerance: float = 0.1) -> Comparison:
    """Which facts of a scene a reading has right.

    A thing is looked up by its first colour, else by its shape; all facts of one that is not there are missed. ``time``
    allows starts and ends to be off by ``time_tolerance`` of the video.
    """
    found: list[tuple[str, bool, str]] = [
        ("count", len(reading.things) == len(scene.things), f"{len(reading.things)} things, not {len(scene.things)}"),
        ("camera", reading.camera == scene.camera, f"camera: {reading.camera}, not {scene.camera}"),
        ("background", reading.tones == scene.tones, f"background: {reading.tones}, not {scene.tones}"),
    ]
    if scene.wall:
        found.append(("occlusion", reading.wall == scene.wall, f"wall: {reading.wall!r}, not {scene.wall!r}"))
    for number in range(len(scene.things)):
        found += _thing_hits(scene, number, _match(reading, scene, number), time_tolerance)
    hits = {fact: tuple(ok for name, ok, _ in found if name == fact) for fact in FACTS}
    return Comparison({fact: each for fact, each in hits.items() if each}, tuple(why for _, ok, why in found if not ok))


def _match(reading: Reading, scene: Scene, number: int) -> Sight | None:
    thing = scene.things[number]
    for sight in reading.things:
        if sight.colour == thing.colour:
            return sight
    return next((sight for sight in reading.things if sight.shape == thing.shape), None)


def _thing_hits(scene: Scene, number: int, sight: Sight | None, slack: float) -> Iterator[tuple[str, bool, str]]:
    thing = scene.things[number]
    events = [event for event in scene.events_of(number) if event.kind != "stays"]
    deeds = sight.deeds if sight else ()
    first = _first_place(sight)
    start = state(scene, number, 0.0)
    facts: list[tuple[str, object, object]] = [
        ("shape", sight and sight.shape, thing.shape),
        ("colour", sight and sight.colour, thing.colour),
        ("size", sight and sight.size, thing.size),
        ("kind", sorted(deed.kind for deed in deeds) if sight else None, sorted(event.kind for event in events)),
        ("place", first, w.place_words(start.x, start.y)),
    ]
    if len(events) > 1:
        facts.append(("order", [_name(deed) for deed in deeds], [_name(event) for event in events]))
    for at, event in enumerate(events):
        deed = deeds[at] if len(deeds) == len(events) else None
        facts += _event_facts(event, deed, slack)
    for fact, read, true in facts:
        yield fact, read == true, f"the {thing.shape}: {fact}: {read}, not {true}"


def _event_facts(event: Event, deed: Deed | None, slack: float) -> Iterator[tuple[str, object, object]]:
    if event.direction is not None:
        yield "direction", deed and deed.direction, event.direction
        yield "speed", deed and deed.speed, event.speed
    if event.kind == "recolours":
        yield "new colour", deed and deed.colour, event.colour
    if event.kind == "passes":
        yield "occlusion", deed and deed.behind, event.behind
    yield "time", bool(deed and _same_time(event, deed, slack)), True


def _same_time(event: Event, deed: Deed, slack: float) -> bool:
    if event.kind in INSTANT:
        return abs(deed.start - event.middle) <= slack
    return abs(deed.start - event.start) <= slack and abs(deed.end - event.end) <= slack


def _name(event: Event | Deed) -> tuple[str, Direction | None, str]:
    return event.kind, event.direction, event.colour


def _first_place(sight: Sight | None) -> str | None:
    place = next((place for place in sight.path if place is not None), None) if sight else None
    return w.place_words(*place) if place else None
