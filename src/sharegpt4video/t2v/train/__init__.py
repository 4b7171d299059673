"""Training a video generator: rectified flow on diffusers' own networks, from manifests to a model that samples.

Importing this package is light; ``train`` loads PyTorch when it is first used.
"""

from __future__ import annotations

from typing import Any

from ...learning.words import Words

_NEEDS = ("torch", "diffusers", "transformers", "peft", "accelerate", "safetensors")
_WORDS = Words(
    __name__,
    {"train": "run", "TrainResult": "report", "StepReport": "report", "end_processes": "..learning.processes"},
    "training a video generator",
    "t2v",
    _NEEDS,
)
__all__ = ["StepReport", "TrainResult", "end_processes", "train"]


def __getattr__(name: str) -> Any:
    return _WORDS.load(name)
