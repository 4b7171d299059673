"""Runs the networks that ship with the package: one ONNX Runtime session for each file, made at its first use."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

WEIGHTS = Path(__file__).parent / "weights"
DETECTOR = "nanodet-g-416.onnx"
POSE = "movenet-lightning-192.onnx"


THREADS = 1
"""Per call. A second thread costs 10 % more processor time; ``observe`` looks at pictures while others are decoded."""


def run(file_name: str, threads: int, outputs: Sequence[str], pixels: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
    """The named outputs for ``pixels`` of shape (pictures, height, width, 3) uint8 RGB.

    Safe to call from several threads. Detector and encoder share one session, so the weights are in memory once.
    """
    found: list[NDArray[np.float32]] = _session(file_name, threads).run(list(outputs), {"pixels": pixels})
    return found


def try_out(file_name: str) -> None:
    """Run a network once. Raises what ONNX Runtime does, ValueError if no finite numbers come out."""
    black = np.zeros((1, 192, 192, 3), np.uint8)
    for output in _session(file_name, 1).run(None, {"pixels": black}):
        if not output.size or not np.isfinite(output).all():
            raise ValueError(f"{file_name} yields no finite numbers")


@functools.cache
def _session(file_name: str, threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Waiting threads must sleep, not spin: the decoder needs the cores between two calls.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(WEIGHTS / file_name), options, providers=["CPUExecutionProvider"])
