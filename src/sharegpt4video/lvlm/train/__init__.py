"""Training a video-language model: one loop for a CPU, a GPU and many machines; checkpoints, merging, sending.

Importing this package is light; ``train``, ``merge`` and ``push`` load PyTorch when they are first used.
"""

from __future__ import annotations

from typing import Any

from ...learning.words import Words

_NEEDS = ("torch", "transformers", "peft", "accelerate", "safetensors")
_WORDS = Words(
    __name__,
    {
        "train": "run",
        "TrainResult": "report",
        "StepReport": "report",
        "merge": "merging",
        "push": "sending",
        "end_processes": "..learning.processes",
    },
    "training",
    "train",
    _NEEDS,
)
__all__ = ["StepReport", "TrainResult", "end_processes", "merge", "push", "train"]


def __getattr__(name: str) -> Any:
    return _WORDS.load(name)
