"""Captions of a tiny scene: dense and ordered, some of its facts, all of them without order, and wrong in some.

Every kind is made of the same sentences, so that they differ in what they tell and not in how.
"""

from __future__ import annotations

import random
from collections.abc import Collection
from dataclasses import replace

from ...errors import SettingsError
from ...records import Step
from ..captions import CAPTION_KINDS, Caption, CaptionKind
from ..replacements import Replaced
from ..scenes import COLOURS, DIRECTIONS
from ..words import CAMERA_MOVES, place_words
from .scenes import CAMERAS, FACTS, SHAPES, Fact, TinyScene

OPENING = "at the beginning there is {what}."
CAMERA = "all along the camera {move}."
PLACES = tuple(place_words(x, y) for y in (0.1, 0.5, 0.9) for x in (0.1, 0.5, 0.9))
KEEPS = "keeps its colour"
_NAMES = {"first": "direction", "second": "direction", "turn": "new colour"}  # as ``Replaced`` calls them


def caption(
    scene: TinyScene, kind: CaptionKind = "dense", *, seconds: float = 2.0, variant: int = 0, wrong_share: float = 0.2
) -> Caption:
    """Caption a scene.

    ``dense``     all seven facts in the order in which they come
    ``short``     one to three of them, as alternative texts of the web do
    ``shuffled``  all seven, a sentence each, in any order; both moves are told alike, so their order is nowhere
    ``wrong``     ``dense`` with each fact replaced by another with the probability ``wrong_share``

    The same scene and variant give the same text. Raises SettingsError for an unknown kind.
    """
    rng = random.Random(f"{scene.seed} {variant} {kind}")
    if kind == "dense":
        return Caption("dense", tell(scene), _steps(scene, seconds), _camera(scene))
    if kind == "short":
        return Caption("short", tell(scene, rng.sample(FACTS, rng.randint(1, 3))))
    if kind == "shuffled":
        return Caption("shuffled", _shuffled(scene, rng))
    if kind == "wrong":
        other, changed = _replaced(scene, rng, wrong_share)
        return Caption("wrong", other, replaced=changed)
    raise SettingsError(f"unknown kind of caption {kind!r}; there are {', '.join(CAPTION_KINDS)}")


def tell(scene: TinyScene, facts: Collection[Fact] = FACTS, place: str = "") -> str:
    """The facts asked for as sentences in the order of the video; what is not asked for stays open."""
    sentences = [OPENING.format(what=_thing(scene, facts, place or scene.place))]
    if "first" in facts:
        sentences.append(f"first it moves {scene.first}.")
    later = [_turn(scene)] if "turn" in facts else []
    later += [f"moves {scene.second}"] if "second" in facts else []
    if later:
        sentences.append(f"then it {' and '.join(later)}.")
    if "camera" in facts:
        sentences.append(_camera(scene))
    return " ".join(sentences)


def _thing(scene: TinyScene, facts: Collection[Fact], place: str) -> str:
    colour = f"{scene.colour} " if "colour" in facts else ""
    where = f" {place}" if "place" in facts else ""
    return f"a {colour}{scene.shape if 'shape' in facts else 'thing'}{where}"


def _turn(scene: TinyScene) -> str:
    return f"turns {scene.turn}" if scene.turn else KEEPS


def _camera(scene: TinyScene) -> str:
    return CAMERA.format(move=CAMERA_MOVES[scene.camera])


def _steps(scene: TinyScene, seconds: float) -> tuple[Step, ...]:
    texts = [(0.0, 0.0, OPENING.format(what=_thing(scene, FACTS, scene.place))),
             (0.0, 0.5, f"first it moves {scene.first}."),
             (0.5, 1.0, f"then it {_turn(scene)} and moves {scene.second}.")]  # fmt: skip
    return tuple(
        Step("change" if number else "opening", start * seconds, end * seconds, text, 0,
             (start * seconds,) if start == end else (start * seconds, end * seconds))
        for number, (start, end, text) in enumerate(texts)
    )  # fmt: skip


def _shuffled(scene: TinyScene, rng: random.Random) -> str:
    sentences = [f"there is {_thing(scene, FACTS, scene.place)}.", f"it moves {scene.first}.", f"it {_turn(scene)}.",
                 f"it moves {scene.second}.", f"the camera {CAMERA_MOVES[scene.camera]}."]  # fmt: skip
    rng.shuffle(sentences)
    return " ".join(sentences)


def _replaced(scene: TinyScene, rng: random.Random, share: float) -> tuple[str, tuple[Replaced, ...]]:
    """The dense text with wrong facts. The story may become impossible, as those of a careless captioner do."""
    place, changed, told = scene.place, [], scene
    for fact in FACTS:
        if rng.random() >= share:
            continue
        right = scene.fact(fact)
        wrong = rng.choice([value for value in values(told, fact) if value != right])
        if fact == "place":
            place = wrong
        else:
            told = replace(told, **{fact: wrong})  # type: ignore[arg-type]
        event = {"first": 0, "second": 1, "turn": 1}.get(fact, -1)
        changed.append(Replaced(_NAMES.get(fact, fact), right, wrong, 0, event))  # type: ignore[arg-type]
    return tell(told, place=place), tuple(changed)


def values(scene: TinyScene, fact: Fact) -> tuple[str, ...]:
    """What a fact could be, the other facts of the scene being as they are."""
    known: dict[Fact, tuple[str, ...]] = {
        "shape": SHAPES, "colour": tuple(COLOURS), "place": PLACES, "first": tuple(DIRECTIONS),
        "second": tuple(DIRECTIONS), "camera": CAMERAS,
        "turn": ("", *(name for name in COLOURS if name != scene.colour)),
    }  # fmt: skip
    return known[fact]
