"""Training a video-language model: one loop for a CPU, a GPU and many machines; checkpoints, merging, sending.

Importing this package is light; ``train``, ``merge`` and ``push`` load PyTorch when they are first used.
"""

from __future__ import annotations

from typing import Any

WORDS = {"train": "run", "TrainResult": "report", "StepReport": "report", "merge": "merging", "push": "sending",
         "end_processes": "..learning.processes"}  # fmt: skip
__all__ = ["StepReport", "TrainResult", "end_processes", "merge", "push", "train"]


def __getattr__(name: str) -> Any:
    """Load a word when it is asked for. Raises MissingExtra when a package of the extra ``train`` is not installed."""
    from importlib import import_module

    from ...errors import MissingExtra

    if name not in WORDS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(f".{WORDS[name]}", __name__), name)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in ("torch", "transformers", "peft", "accelerate", "safetensors"):
            raise
        raise MissingExtra(f"training ({error.name} is not installed)", "train") from error
