"""Captions of a scene from its facts: dense and differential, short, shuffled, and wrong in a known way."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from ..errors import SettingsError
from ..records import Step
from . import words as w
from .replacements import Replaced, replacements
from .scenes import Event, Scene, state

CaptionKind = Literal["dense", "short", "shuffled", "wrong"]
CAPTION_KINDS: tuple[CaptionKind, ...] = get_args(CaptionKind)


@dataclass(frozen=True)
class Caption:
    """A caption and how it came about.

    ``text`` is the whole. ``steps`` (of ``dense`` and ``wrong``) are its timed parts: an opening, then one for each
    part of the video in which something begins; ``summary`` closes it. ``replaced`` names the facts that are wrong.
    """

    kind: CaptionKind
    text: str
    steps: tuple[Step, ...] = ()
    summary: str = ""
    replaced: tuple[Replaced, ...] = ()


def caption(
    scene: Scene, kind: CaptionKind = "dense", *, seconds: float = 2.0, variant: int = 0, replace: int = 1
) -> Caption:
    """Caption a scene.

    ``dense``     an opening, what changes in the order in which it does, the camera, a summary
    ``short``     one sentence of the sort a web page has beside a video: one thing and one thing that it does
    ``shuffled``  the facts of ``dense`` as sentences in another order, without words that tell the order
    ``wrong``     ``dense`` with ``replace`` facts replaced (fewer if there are not so many), named in ``replaced``

    ``variant`` chooses among ways of saying it; the same scene and variant give the same text. ``seconds`` is the
    video's length, for the times of the steps. Raises SettingsError for an unknown kind.
    """
    rng = random.Random(f"{scene.seed} {variant} {kind}")
    if kind == "dense":
        return _dense(scene, rng, seconds)
    if kind == "short":
        return Caption("short", _short(scene, rng))
    if kind == "shuffled":
        return Caption("shuffled", _shuffled(scene, rng))
    if kind == "wrong":
        return _wrong(scene, rng, seconds, variant, replace)
    raise SettingsError(f"unknown kind of caption {kind!r}; there are {', '.join(CAPTION_KINDS)}")


def captions(scene: Scene, kind: CaptionKind = "dense", count: int = 1, *, seconds: float = 2.0) -> list[Caption]:
    """``count`` captions of one kind in different words."""
    return [caption(scene, kind, seconds=seconds, variant=variant) for variant in range(count)]


def _dense(scene: Scene, rng: random.Random, seconds: float) -> Caption:
    texts = [(0.0, 0.0, opening(scene, rng))]
    texts += _changes(scene, rng)
    summary = _summary(scene, rng)
    steps = tuple(
        Step(
            kind="change" if number else "opening",
            start_seconds=start * seconds,
            end_seconds=end * seconds,
            text=text,
            shot_index=0,
            frame_seconds=(start * seconds,) if start == end else (start * seconds, end * seconds),
        )
        for number, (start, end, text) in enumerate(texts)
    )
    camera = _camera(scene, rng)
    return Caption("dense", " ".join([*(text for _, _, text in texts), camera, summary]), steps, f"{camera} {summary}")


def opening(scene: Scene, rng: random.Random) -> str:
    """What can be seen at the start."""
    seen = [w.describe(scene, at, 0.0) for at in range(len(scene.things)) if state(scene, at, 0.0).visible]
    seen += [w.WALLS[scene.wall]] if scene.wall else []
    if not seen:
        return rng.choice(w.EMPTY_OPENINGS).format(tone=scene.tones[0])
    return rng.choice(w.OPENINGS).format(things=w.listed(seen), tone=scene.tones[0])


def _changes(scene: Scene, rng: random.Random) -> list[tuple[float, float, str]]:
    """A sentence for each part of the video in which something begins; what goes on is not told again."""
    starts = sorted({event.start for event in scene.events})
    found = []
    for number, start in enumerate(starts):
        begins = [event for event in scene.events if event.start == start]
        end = starts[number + 1] if number + 1 < len(starts) else max(event.end for event in begins)
        order = w.FIRST if number == 0 else w.LAST if number == len(starts) - 1 else w.NEXT
        deeds = " while ".join(_sentence(scene, event, rng) for event in begins)
        text = f"{rng.choice(order)} {deeds}."
        if len(scene.tones) == 2 and start <= 0.5 and (end > 0.5 or number == len(starts) - 1):
            text += " " + rng.choice(w.TONE_LINES).format(tone=scene.tones[1])
        found.append((start, end, text))
    return found


def _sentence(scene: Scene, event: Event, rng: random.Random) -> str:
    """Who does what; what was not to be seen at the beginning is described when it appears."""
    thing = scene.things[event.thing]
    who = w.describe(scene, event.thing, event.middle) if event.kind == "appears" else w.the(thing)
    return f"{who} {w.deed(scene, event, rng)}"


def _camera(scene: Scene, rng: random.Random) -> str:
    return rng.choice(w.CAMERA_LINES).format(move=w.CAMERA_MOVES[scene.camera])


def _summary(scene: Scene, rng: random.Random) -> str:
    told = []
    for number, thing in enumerate(scene.things):
        deeds = [w.deed(scene, event) for event in scene.events_of(number)]
        told.append(f"the {thing.colour} {thing.shape} {', then '.join(deeds)}")
    return rng.choice(w.SUMMARIES).format(deeds=w.listed(told))


def _short(scene: Scene, rng: random.Random) -> str:
    event = rng.choice([event for event in scene.events if event.kind != "stays"])
    shape, colour = scene.things[event.thing].shape, state(scene, event.thing, event.start).colour
    return rng.choice(w.SHORTS).format(colour=colour, shape=shape, deed=w.deed(scene, event))


def _shuffled(scene: Scene, rng: random.Random) -> str:
    """Every sentence stands by itself: no order words, and never in the order of ``dense``."""
    sentences = _unordered(scene, rng)
    order = list(range(len(sentences)))
    while order == sorted(order) and len(order) > 1:
        rng.shuffle(order)
    return " ".join(sentences[at] for at in order)


def _unordered(scene: Scene, rng: random.Random) -> list[str]:
    things = [f"{w.describe(scene, at, _first_seen(scene, at))}." for at in range(len(scene.things))]
    things += [f"{w.WALLS[scene.wall]}."] if scene.wall else []
    deeds = [f"{w.the(scene.things[event.thing])} {w.deed(scene, event, rng)}." for event in scene.events]
    tones = [f"the background is {scene.tones[0]}."]
    if len(scene.tones) == 2:
        first, second = sorted(scene.tones)
        tones = [rng.choice(w.TONE_LINES_UNORDERED).format(first=first, second=second)]
    return [*things, *deeds, *tones, f"the camera {w.CAMERA_MOVES[scene.camera]}."]


def _first_seen(scene: Scene, thing: int) -> float:
    own = scene.events_of(thing)
    return own[0].middle if own and own[0].kind == "appears" else 0.0


def _wrong(scene: Scene, rng: random.Random, seconds: float, variant: int, count: int) -> Caption:
    """The dense caption, in the same words, of a scene that differs in some facts."""
    changed: list[Replaced] = []
    for _ in range(count):
        # A fact is replaced once, and by kind first: else a scene's many colours would crowd out its one camera.
        choices = [each for each in replacements(scene) if all(_apart(each[0], done) for done in changed)]
        if not choices:
            break
        fact = rng.choice(_facts([each for each, _ in choices]))
        replaced, scene = rng.choice([each for each in choices if each[0].fact == fact])
        changed.append(replaced)
    true = random.Random(f"{scene.seed} {variant} dense")
    told = _dense(scene, true, seconds)
    return Caption("wrong", told.text, told.steps, told.summary, tuple(changed))


def _apart(one: Replaced, done: Replaced) -> bool:
    """Whether both can be named: in a wrong order an event is not where it was, and a wrong event is in no order."""
    both = {one.fact, done.fact}
    return len(both) == 2 and not ("order" in both and one.event >= 0 and done.event >= 0)


def _facts(found: Sequence[Replaced]) -> list[str]:
    return sorted({each.fact for each in found})
