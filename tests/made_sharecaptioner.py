"""The tiny ShareCaptioner-Video of the fixtures: its weights and pictures, made from nothing but names and numbers.

``tests/vlm/sharecaptioner/fixtures/README.md`` says how the expected values were found. Weights are made here, not
stored: each value comes from raw 64-bit words of a PCG64 seeded by the tensor's name, so that they are the same with
every release of numpy, and is rounded to float16, so that it is the same in every precision at or above that.
"""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

FIXTURES = Path(__file__).parent / "vlm" / "sharecaptioner" / "fixtures"


def config() -> dict[str, Any]:
    """The configuration of the tiny model, in the names of the released one."""
    settings: dict[str, Any] = json.loads((FIXTURES / "config.json").read_text())
    return settings


def expected(name: str) -> Any:
    """What the original gave, from ``fixtures/<name>.json``."""
    return json.loads((FIXTURES / f"{name}.json").read_text())


def uniform(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers between -1 and 1, of 24 random bits each, that belong to ``name``."""
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
    words = np.random.PCG64(seed).random_raw(math.prod(shape)) >> np.uint64(40)
    return ((words.astype(np.float64) - 2**23 + 0.5) / 2**23).reshape(shape)


def weight(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """The weight called ``name``, float16: matrices keep the size of what passes through, norms are near 1."""
    values = uniform(name, shape)
    if name.endswith("norm.weight") or "layer_norm" in name or "layrnorm" in name or "layernorm" in name:
        values = values * 0.2 + (1.0 if name.endswith(".weight") else 0.0)
    elif name.endswith(".bias") or name.startswith("plora_"):
        values = values * 0.5
    elif name == "model.tok_embeddings.weight" or ".embeddings.class" in name or "position_embedding" in name:
        values = values * (3.0 if name.startswith("model.") else 1.5)
    else:
        # Enough that answers are varied, not so much that rounding in one precision decides them.
        gain = {"model": 1.2, "output": 4.0}.get(name.partition(".")[0], 1.5)
        values = values * math.sqrt(3 / math.prod(shape[1:])) * gain
    if name == "output.weight":
        values[[2, 414]] *= 1.6  # The end of the answer and the mark of its end: drawn often enough to be seen.
    return values.astype(np.float16)


def picture(width: int, height: int, seed: int = 0) -> Image.Image:
    """An RGB picture with edges, ramps and noise-like detail, from whole numbers only."""
    x, y = np.meshgrid(np.arange(width, dtype=np.int64), np.arange(height, dtype=np.int64))
    red = (x * 5 + y * 3 + seed * 17) % 256
    green = (x * y // 7 + seed * 31) % 256
    blue = ((x // 16 + y // 16) % 2) * 180 + (x + 2 * y + seed) % 76
    return Image.fromarray(np.stack([red, green, blue], axis=-1).astype(np.uint8), "RGB")
