"""The three worlds, the whole one, the tiny one and that of chains, behind the same few functions."""

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
from .chain import captions as chain_captions
from .chain import check as chain_check
from .chain import render as chain_render
from .chain import scenes as chain_scenes
from .chain.check import ChainReading
from .chain.scenes import ChainScene
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

AnyScene = Scene | TinyScene | ChainScene
AnyReading = Reading | TinyReading | ChainReading
TINY, CHAIN = "tiny", "chain"
_HELD_OUT: dict[str, Any] = {TINY: tiny_scenes.HELD_OUT, CHAIN: chain_scenes.HELD_OUT}
_SIZES = {TINY: (24, 24), CHAIN: (chain_render.SIDE_PIXELS, chain_render.SIDE_PIXELS)}


def difficulties() -> tuple[str, ...]:
    return (TINY, CHAIN, *DIFFICULTIES)


def pairings(difficulty: str) -> tuple[str, ...]:
    """The kinds of held-out pairs that scenes of a difficulty can have."""
    return tuple(_HELD_OUT.get(difficulty, HELD_OUT))


def usual_size(difficulty: str) -> tuple[int, int]:
    """Width and height of a picture that scenes of a difficulty are made for."""
    return _SIZES.get(difficulty, (128, 128))


def length_of(scene: AnyScene, seconds: float) -> float:
    """The length of a video in seconds; of a chain, that of its events."""
    return scene.seconds if isinstance(scene, ChainScene) else seconds


def draw_scene(
    rng: random.Random, *, difficulty: str, split: Split, pairing: Any, events: tuple[int, int] = (1, 8)
) -> AnyScene:
    """Draw a scene; ``events`` are the fewest and the most of a chain."""
    if difficulty == CHAIN:
        return chain_scenes.sample_scene(rng, events=events, split=split, pairing=pairing)
    if difficulty == TINY:
        return tiny_scenes.sample_scene(rng, split=split, pairing=pairing)
    return sample_scene(rng, difficulty=difficulty, split=split, pairing=pairing)


def scene_from(plain: dict[str, Any]) -> AnyScene:
    """The scene of a line of ``scenes.jsonl``. Raises ValueError for anything else."""
    kind: Any = Scene if "things" in plain else ChainScene if "deeds" in plain else TinyScene
    found: AnyScene = kind.from_json(json.dumps(plain))
    return found


def pictures_of(scene: AnyScene, width: int, height: int, fps: float, seconds: float) -> Iterator[Pixels]:
    if isinstance(scene, ChainScene):
        return chain_render.render(scene, width, height, fps)
    if isinstance(scene, TinyScene):
        return tiny_render.render(scene, width, height, fps, seconds)
    return whole_render.render(scene, width, height, fps, seconds)


def caption(scene: AnyScene, kind: CaptionKind, *, seconds: float, variant: int, fps: float = 0.0) -> Caption:
    """Caption a scene of any world; ``fps`` is the video's where it matters, 0 the usual one."""
    if isinstance(scene, ChainScene):
        return chain_captions.caption(scene, kind, variant=variant, fps=fps or chain_render.FPS)
    if isinstance(scene, TinyScene):
        return tiny_captions.caption(scene, kind, seconds=seconds, variant=variant)
    return whole_captions.caption(scene, kind, seconds=seconds, variant=variant)


def check(clip: str | Path | Sequence[Pixels], scene: AnyScene | None = None) -> AnyReading:
    """Read a clip as one of the world that ``scene`` is of; without one, of the whole world."""
    if isinstance(scene, ChainScene):
        pictures = whole_check.read_pictures(clip) if isinstance(clip, (str, Path)) else clip
        return chain_check.check(pictures, len(pictures) / scene.seconds)
    if isinstance(scene, TinyScene):
        return tiny_check.check(whole_check.read_pictures(clip) if isinstance(clip, (str, Path)) else clip)
    return whole_check.check(clip)


def compare(reading: AnyReading, scene: AnyScene) -> Comparison:
    if isinstance(reading, ChainReading) and isinstance(scene, ChainScene):
        return chain_check.compare(reading, scene)
    if isinstance(reading, TinyReading) and isinstance(scene, TinyScene):
        return tiny_check.compare(reading, scene)
    if isinstance(reading, Reading) and isinstance(scene, Scene):
        return whole_check.compare(reading, scene)
    raise ValueError("the reading is of one world and the scene of another; read the clip with its scene")
