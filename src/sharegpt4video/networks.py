"""The networks that ship with the package: where their weights lie, and one ONNX Runtime session for each file."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import onnxruntime

WEIGHTS = Path(__file__).parent / "facts" / "weights"

THREADS = 1
"""Per call. A second thread costs 10 % more processor time; ``observe`` looks at pictures while others are decoded."""


@functools.cache
def session(file_name: str, threads: int = THREADS) -> Any:
    """The session of a file under `WEIGHTS`, made at its first use; it may be used from several threads."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Waiting threads must sleep, not spin: the decoder needs the cores between two calls.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(WEIGHTS / file_name), options, providers=["CPUExecutionProvider"])
