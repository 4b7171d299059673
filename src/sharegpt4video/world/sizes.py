"""The two sizes of the world, the whole one and the tiny one, behind the same few functions."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from . import captions as whole_captions
from . import check as whole_check
from . import render as whole_render
from .captions import Caption, CaptionKind
from .check import Comparison, Reading
from .render import Pixels
from .sampling import DIFFICULTIES, HELD_OUT, Split, sample_scene
from .scenes import Scene
from .tiny import captions as tiny_captions
from .tiny import check as tiny_check
from .tiny import render as tiny_render
from .tiny import scenes as tiny_scenes
from .tiny.check import TinyReading
from .tiny.scenes import TinyScene

AnyScene = Scene | TinyScene
AnyReading = Reading | TinyReading
TINY = "tiny"


def difficulties() -> tuple[str, ...]:
    return (TINY, *DIFFICULTIES)


def pairings(difficulty: str) -> tuple[str, ...]:
    """The kinds of held-out pairs that scenes of a difficulty can have."""
    return tuple(tiny_scenes.HELD_OUT if difficulty == TINY else HELD_OUT)


def draw_scene(rng: random.Random, *, difficulty: str, split: Split, pairing: Any) -> AnyScene:
    if difficulty == TINY:
        return tiny_scenes.sample_scene(rng, split=split, pairing=pairing)
    return sample_scene(rng, difficulty=difficulty, split=split, pairing=pairing)


def scene_from(plain: dict[str, Any]) -> AnyScene:
    """The scene of a line of ``scenes.jsonl``. Raises ValueError for anything else."""
    kind: type[Scene] | type[TinyScene] = Scene if "things" in plain else TinyScene
    return kind.from_json(json.dumps(plain))


def pictures_of(scene: AnyScene, width: int, height: int, fps: float, seconds: float) -> Iterator[Pixels]:
    if isinstance(scene, TinyScene):
        return tiny_render.render(scene, width, height, fps, seconds)
    return whole_render.render(scene, width, height, fps, seconds)


def caption(scene: AnyScene, kind: CaptionKind, *, seconds: float, variant: int) -> Caption:
    if isinstance(scene, TinyScene):
        return tiny_captions.caption(scene, kind, seconds=seconds, variant=variant)
    return whole_captions.caption(scene, kind, seconds=seconds, variant=variant)


def check(clip: str | Path | Sequence[Pixels], scene: AnyScene | None = None) -> AnyReading:
    """Read a clip as one of the world that ``scene`` is of; without one, of the whole world."""
    if isinstance(scene, TinyScene):
        return tiny_check.check(whole_check.read_pictures(clip) if isinstance(clip, (str, Path)) else clip)
    return whole_check.check(clip)


def compare(reading: AnyReading, scene: AnyScene) -> Comparison:
    if isinstance(reading, TinyReading) and isinstance(scene, TinyScene):
        return tiny_check.compare(reading, scene)
    if isinstance(reading, Reading) and isinstance(scene, Scene):
        return whole_check.compare(reading, scene)
    raise ValueError("the reading is of one world and the scene of another; read the clip with its scene")
