"""Captions of a chain: an opening, a sentence per event, and a summary; and their vocabulary.

A thing has two names, of which a video uses one throughout. Each step says how the thing is before its event, so that
any run of steps tells all there is to know of its part. The sentences of a whole are numbered like the steps.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from ...errors import SettingsError
from ...records import Step
from ..captions import CAPTION_KINDS, Caption, CaptionKind
from ..replacements import Replaced
from ..scenes import COLOURS
from ..words import words_of
from .render import FPS
from .scenes import DEEDS, PERIOD_SECONDS, PLACES, SHAPES, SIZES, ChainScene, Shape, State

NAMES: Mapping[Shape, tuple[str, str]] = {
    "square": ("square", "box"),
    "triangle": ("triangle", "wedge"),
    "cross": ("cross", "plus"),
    "ring": ("ring", "hoop"),
}
LOOKS = "{size} {colour} {name} {place}"
OPENING = f"a {LOOKS}."
CHANGE = f"the {LOOKS} {{deed}}."
FIRST = f"1 a {LOOKS}."
LATER = "{number} {deed}."


def name_of(scene: ChainScene, variant: int = 0) -> str:
    """What the thing is called in one video."""
    return random.Random(f"{scene.seed} {variant} name").choice(NAMES[scene.start.shape])


def looks(state: State, name: str) -> dict[str, str]:
    return {"size": state.size, "colour": state.colour, "name": name, "place": state.place}


def opening(state: State, name: str) -> str:
    """The thing at rest."""
    return OPENING.format(**looks(state, name))


def change(state: State, name: str, deed: str) -> str:
    """What the thing does, and how it was before."""
    return CHANGE.format(**looks(state, name), deed=deed)


def whole(state: State, name: str, deeds: Sequence[str]) -> str:
    """A video, or a part of one that begins with ``state``."""
    later = [LATER.format(number=number, deed=deed) for number, deed in enumerate(deeds, start=2)]
    return " ".join([FIRST.format(**looks(state, name)), *later])


def caption(scene: ChainScene, kind: CaptionKind = "dense", *, variant: int = 0, fps: float = FPS) -> Caption:
    """Caption a chain.

    ``dense``     the thing, and each event in order, numbered; ``steps`` are an opening and a change for each event
    ``short``     the thing and one event, as alternative texts of the web do
    ``shuffled``  ``dense`` with the events in any order and without numbers
    ``wrong``     ``dense`` with one fact replaced

    The same scene and variant give the same text. ``fps`` is the video's. Raises SettingsError for an unknown kind.
    """
    rng, name = random.Random(f"{scene.seed} {variant} {kind}"), name_of(scene, variant)
    if kind == "dense":
        return Caption("dense", whole(scene.start, name, scene.deeds), steps(scene, name, fps))
    if kind == "short":
        return Caption("short", f"a {scene.start.colour} {name} {rng.choice(scene.deeds)}.")
    if kind == "shuffled":
        told = [f"it {deed}." for deed in scene.deeds]
        rng.shuffle(told)
        return Caption("shuffled", " ".join([opening(scene.start, name), *told]))
    if kind == "wrong":
        deeds, at = list(scene.deeds), rng.randrange(len(scene.deeds))
        deeds[at] = rng.choice([deed for deed in DEEDS if deed != deeds[at]])
        told_wrong = Replaced("order", scene.deeds[at], deeds[at], 0, at)
        return Caption("wrong", whole(scene.start, name, deeds), replaced=(told_wrong,))
    raise SettingsError(f"unknown kind of caption {kind!r}; there are {', '.join(CAPTION_KINDS)}")


def steps(scene: ChainScene, name: str, fps: float = FPS) -> tuple[Step, ...]:
    """The steps with a keyframe every two seconds; the last keyframe is the video's last frame."""
    states, last = scene.states, scene.seconds - 1 / fps
    found = [Step("opening", 0.0, 0.0, opening(states[0], name), 0, (0.0,))]
    for number, deed in enumerate(scene.deeds):
        start, final = number * PERIOD_SECONDS, number + 1 == len(scene.deeds)
        end = start + PERIOD_SECONDS
        shown = (start, last if final else end)
        text = change(states[number], name, deed)
        found.append(Step("change", start, scene.seconds if final else end, text, 0, shown))
    return tuple(found)


def parts(scene: ChainScene, name: str, count: int, seed: int = 0) -> list[tuple[int, int, str]]:
    """Up to ``count`` random parts of a video, each once: first and last step (openings counted), and what it tells.

    Parts begin at a keyframe and are shorter than the whole.
    """
    rng, states, most = random.Random(f"{scene.seed} {seed} parts"), scene.states, len(scene.deeds)
    spans = [(first, last) for first in range(most) for last in range(first, most) if last - first + 1 < most]
    chosen = sorted(rng.sample(spans, min(count, len(spans))))
    return [(first + 1, last + 1, whole(states[first], name, scene.deeds[first : last + 1])) for first, last in chosen]


def caption_words() -> set[str]:
    """Every word that a caption can have, numbers left out."""
    places = (State("square", "red", "small", column, row).place for column in range(PLACES) for row in range(PLACES))
    names = (name for both in NAMES.values() for name in both)
    return words_of((OPENING, CHANGE, *DEEDS, *SHAPES, *COLOURS, *SIZES, *places, *names, "it"))
