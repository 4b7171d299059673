"""True captions by construction: random scenes as measured facts, told by the embedded model. For ``checks.py``."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from sharegpt4video.dataset.rows import CaptionRow
from sharegpt4video.records import (
    Box,
    CameraMotion,
    Facts,
    Look,
    PictureMotion,
    Provenance,
    ScreenText,
    Shot,
    Side,
    Step,
    TrackedObject,
)
from sharegpt4video.vlm.base import Request
from sharegpt4video.vlm.embedded import answer
from sharegpt4video.vlm.embedded.geometry import border_side

PROVENANCE = Provenance("embedded", "default", "", "", {})
LABELS = ("person", "person", "person", "dog", "cat", "car", "bicycle", "horse", "bird", "bus", "chair", "boat")
COLOURS = ("red", "blue", "green", "white", "black", "grey", "yellow", "brown")
LINES = ("SALE TODAY", "Chapter One", "LIVE NEWS", "Exit 24", "clideo.com", "Welcome home")
MOVES = {
    "static": CameraMotion(moves=("static",), confidence=0.95),
    "pan left": CameraMotion(pan_widths=-0.35, moves=("pan left",), confidence=0.9),
    "pan right": CameraMotion(pan_widths=0.35, moves=("pan right",), confidence=0.9),
    "tilt up": CameraMotion(tilt_heights=0.3, moves=("tilt up",), confidence=0.9),
    "tilt down": CameraMotion(tilt_heights=-0.3, moves=("tilt down",), confidence=0.9),
    "zoom in": CameraMotion(zoom_ratio=1.4, moves=("zoom in",), confidence=0.9),
    "zoom out": CameraMotion(zoom_ratio=0.7, moves=("zoom out",), confidence=0.9),
}


def true_captions(count: int, seed: int = 0) -> list[CaptionRow]:
    """Captions of random scenes, told by the embedded model from their facts."""
    return [told(scene(random.Random(f"{seed} {number}")), number) for number in range(count)]


def scene(chance: random.Random) -> list[list[Facts]]:
    """For each shot the facts at its opening and in the intervals after it."""
    shots, now = [], 0.0
    for _ in range(chance.choice((1, 1, 2, 3))):
        shots.append(list(_shot(chance, now)))
        now = shots[-1][-1].end_seconds
    return shots


def _shot(chance: random.Random, start: float) -> Iterator[Facts]:
    look = _look(chance)
    cast = {number: _thing(chance, number) for number in range(chance.randrange(4))}
    fresh = itertools.count(len(cast))
    reads = chance.random() < 0.5
    lines = (chance.choice(LINES),) if reads and chance.random() < 0.5 else ()
    yield _facts(start, start, cast.values(), CameraMotion(), look, lines if reads else None)
    move = chance.choice(list(MOVES))
    for _ in range(chance.randrange(2, 6)):
        end = start + chance.choice((2.0, 3.0, 4.0))
        move = move if chance.random() < 0.6 else chance.choice(list(MOVES))
        things = [_moved(chance, thing) for thing in cast.values()]
        if chance.random() < 0.3:
            new = _thing(chance, next(fresh))
            things.append(replace(new, start_box=None, enters=_edge(new)))
        cast = {
            t.track_id: replace(t, start_box=t.end_box, seen_frames=t.seen_frames + 9, enters="")
            for t in things
            if t.end_box
        }
        yield _facts(start, end, things, MOVES[move], look, () if reads else None)
        start = end


def _facts(
    start: float,
    end: float,
    things: Iterable[TrackedObject],
    camera: CameraMotion,
    look: Look,
    lines: tuple[str, ...] | None,
) -> Facts:
    texts = None if lines is None else tuple(ScreenText(line, 0.95, end, Box(0.1, 0.9, 0.4, 0.95)) for line in lines)
    return Facts(start, end, camera, PictureMotion(0.0, 0.0, None), look, tuple(things), texts)


def _look(chance: random.Random) -> Look:
    first, second = chance.sample(COLOURS, 2)
    share = chance.uniform(0.4, 0.6)
    return Look(chance.uniform(0.3, 0.8), 0.3, 500.0, ((first, share), (second, 0.9 - share)))


def _thing(chance: random.Random, number: int) -> TrackedObject:
    box = _box(chance.uniform(0.15, 0.85), chance.uniform(0.15, 0.3))
    return TrackedObject(number, chance.choice(LABELS), 0.75, 8, box, box, (chance.choice(COLOURS),))


def _box(middle: float, width: float) -> Box:
    return Box(max(middle - width / 2, 0.0), 0.25, min(middle + width / 2, 1.0), 0.85)


def _moved(chance: random.Random, thing: TrackedObject) -> TrackedObject:
    if chance.random() < 0.15:
        return replace(thing, end_box=None, leaves=_edge(thing))
    if chance.random() < 0.4 and thing.start_box:
        left, width = thing.start_box.left, thing.start_box.width
        shift = chance.choice((-0.3, -0.2, 0.2, 0.3))
        if 0.05 < left + shift < 0.95 - width:
            box = Box(left + shift, 0.25, left + shift + width, 0.85)
            return replace(thing, end_box=box)
    return thing


def _edge(thing: TrackedObject) -> Side:
    """Where it crosses the edge of the picture; within the picture where its box touches neither side."""
    side = border_side(thing.end_box) if thing.end_box else ""
    return "left" if side == "left" else "right" if side == "right" else "inside"


def told(shots: Sequence[Sequence[Facts]], number: int) -> CaptionRow:
    """The caption of a scene, as the sliding role and the embedded model make it."""
    steps: list[Step] = []
    for index, shot in enumerate(shots):
        before = ""
        for place, facts in enumerate(shot):
            kind = "change" if place else "opening"
            seconds = (shot[place - 1].end_seconds, facts.end_seconds) if place else (facts.end_seconds,)
            request = Request(kind, seconds=seconds, facts=tuple(shot[max(place - 1, 0) : place + 1]), before=before)
            before = answer(request)
            steps.append(Step(kind, facts.start_seconds, facts.end_seconds, before, index, seconds, (facts,)))
    end = shots[-1][-1].end_seconds
    summary = answer(Request("summary", steps=tuple(steps), end_seconds=end))
    parts = tuple(Shot(shot[0].start_seconds, shot[-1].end_seconds) for shot in shots)
    return row_of(steps, parts, summary, number)


def row_of(steps: Sequence[Step], shots: tuple[Shot, ...], summary: str, number: int) -> CaptionRow:
    end = shots[-1].end_seconds
    id_, name = f"{number:032x}", f"{number}.mp4"
    return CaptionRow(
        id_, name, "", 0, name, 640, 360, 0.0, end, "sliding", shots, tuple(steps), summary, "", (), PROVENANCE
    )
