"""A detector of some bytes that finds no objects, for tests of captions and data sets that are not about objects.

The real one takes a tenth of a second of a processor for each picture. Beside this module lies what it writes:
``PYTHONPATH=tests python tests/sees_nothing.py``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

import tiny_onnx as tiny

SEES_NOTHING = str(Path(__file__).with_suffix(".onnx"))
"""For ``FactSettings(detector=...)``: everything else is measured as ever."""


def made() -> bytes:
    """One query, of COCO's 80 classes, whose logits are -20 whatever is in the picture."""
    nodes = [tiny.node("Identity", ["nowhere"], "pred_boxes"), tiny.node("Identity", ["unlikely"], "logits")]
    constants = [
        tiny.tensor("nowhere", np.full((1, 1, 4), 0.5)),
        tiny.tensor("unlikely", np.full((1, 1, 80), -20.0)),
    ]
    outputs = [tiny.value("pred_boxes", tiny.FLOAT, (1, 1, 4)), tiny.value("logits", tiny.FLOAT, (1, 1, 80))]
    return tiny.model(nodes, constants, [tiny.value("pictures", tiny.FLOAT, (1, 3, 32, 32))], outputs)


if __name__ == "__main__":
    Path(SEES_NOTHING).write_bytes(made())
