"""Manifests: the files that trainers of video generators read. ``MANIFESTS`` names them all."""

from __future__ import annotations

import re

from ...checking import did_you_mean
from ...errors import SettingsError
from .ai_toolkit import AI_TOOLKIT
from .base import Manifest, Row, Window
from .cogvideox import COGVIDEOX
from .diffsynth import DIFFSYNTH
from .diffusion_pipe import DIFFUSION_PIPE
from .fastvideo import FASTVIDEO
from .finetrainers import FINETRAINERS
from .ltx import LTX, LTX_2
from .musubi_tuner import MUSUBI_TUNER
from .open_sora import OPEN_SORA
from .open_sora_plan import OPEN_SORA_PLAN, OPEN_SORA_PLAN_OLD
from .simpletuner import SIMPLETUNER
from .webdataset import WEBDATASET

__all__ = ["MANIFESTS", "Manifest", "Row", "Window", "unknown_trainer"]

_ALL: tuple[Manifest, ...] = (
    OPEN_SORA_PLAN,
    OPEN_SORA_PLAN_OLD,
    OPEN_SORA,
    FINETRAINERS,
    COGVIDEOX,
    DIFFUSION_PIPE,
    MUSUBI_TUNER,
    DIFFSYNTH,
    FASTVIDEO,
    LTX,
    LTX_2,
    AI_TOOLKIT,
    SIMPLETUNER,
    WEBDATASET,
)
MANIFESTS: dict[str, Manifest] = {one.name: one for one in _ALL}
"""Every layout by its name. A new one is a file in this folder and a line here."""
_MODEL = re.compile(r"cogvideo|hunyuan|latte|ltx|mochi|stepvideo|wan", re.IGNORECASE)


def unknown_trainer(name: str) -> SettingsError:
    """The error for a name that no trainer has, with the nearest one, or why a model's is none."""
    why = did_you_mean(name, MANIFESTS)
    if not why and _MODEL.match(name):
        why = "; that is a model: name the trainer that you train it with"
    return SettingsError(f"no trainer is called {name!r}; known are: {', '.join(MANIFESTS)}{why}")
