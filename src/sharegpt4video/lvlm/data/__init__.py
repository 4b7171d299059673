"""From files of conversations to the batches of optimiser steps: samples, media, templates, masks, packing, order."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_WORDS = {
    "Sample": "samples",
    "SampleError": "samples",
    "Samples": "samples",
    "read_samples": "samples",
    "Encoder": "encode",
    "Example": "example",
    "Batch": "packing",
    "collate": "packing",
    "pack": "packing",
    "Step": "example",
    "StepLoader": "loader",
}

__all__ = sorted(_WORDS)


def __getattr__(name: str) -> Any:
    if name in _WORDS:
        return getattr(import_module(f".{_WORDS[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
