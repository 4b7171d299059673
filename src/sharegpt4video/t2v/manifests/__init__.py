"""Manifests: the files that trainers of video generators read. ``MANIFESTS`` names them all."""

from __future__ import annotations

from .base import Manifest, Row, Window

__all__ = ["MANIFESTS", "Manifest", "Row", "Window"]

_ALL: tuple[Manifest, ...] = ()
MANIFESTS: dict[str, Manifest] = {one.name: one for one in _ALL}
"""Every layout by its name. A new one is a file in this folder and a line here."""
