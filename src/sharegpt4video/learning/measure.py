"""What the machine does: memory, and how fast the device could be at best."""

from __future__ import annotations

import resource
import sys

import torch


def peak_memory_bytes() -> int:
    """The most memory held so far: of the GPU's tensors, or of the process where there is no GPU."""
    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
