"""Manifests: the files that trainers of video generators read. ``MANIFESTS`` names them all."""

from __future__ import annotations

from .base import Manifest, Row, Window
from .cogvideox import COGVIDEOX
from .finetrainers import FINETRAINERS
from .open_sora import OPEN_SORA
from .open_sora_plan import OPEN_SORA_PLAN, OPEN_SORA_PLAN_OLD

__all__ = ["MANIFESTS", "Manifest", "Row", "Window"]

_ALL: tuple[Manifest, ...] = (OPEN_SORA_PLAN, OPEN_SORA_PLAN_OLD, OPEN_SORA, FINETRAINERS, COGVIDEOX)
MANIFESTS: dict[str, Manifest] = {one.name: one for one in _ALL}
"""Every layout by its name. A new one is a file in this folder and a line here."""
