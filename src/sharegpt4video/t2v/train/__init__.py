"""Training a video generator: rectified flow on diffusers' own networks, from manifests to a model that samples.

Importing this package is light; ``train`` loads PyTorch when it is first used.
"""

from __future__ import annotations

from typing import Any

WORDS = {"train": "run", "TrainResult": "report", "StepReport": "report", "end_processes": "..learning.processes"}
_PACKAGES = ("torch", "diffusers", "transformers", "peft", "accelerate", "safetensors")
__all__ = ["StepReport", "TrainResult", "end_processes", "train"]


def __getattr__(name: str) -> Any:
    """Load a word when it is asked for. Raises MissingExtra when a package of the extra ``t2v`` is not installed."""
    from importlib import import_module

    from ...errors import MissingExtra

    if name not in WORDS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(f".{WORDS[name]}", __name__), name)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in _PACKAGES:
            raise
        raise MissingExtra(f"training a video generator ({error.name} is not installed)", "t2v") from error
