"""Memory and compute from the shape alone: bytes of weights, KV cache and prompt, and FLOPs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from .pictures import tiles_of, tokens_of
from .shape import LINEARS, RELEASED, Shape, expected

Part = Literal["words", "layers", "pictures"]
Quantized = Literal["none", "int8", "int4"]

TILES_AT_ONCE = 32
"""How many tiles go through the tower together: more need more memory, and are no faster."""

# Bytes of a quantized weight with its scales: a 32-bit scale for each row of int8; nf4 in blocks of 64 with 8-bit
# scales, which are quantized themselves in blocks of 256 (QLoRA, arXiv 2305.14314).
_QUANTIZED_BYTES = {"int8": 1.0, "int4": 0.5 + 1 / 64 + 4 / (64 * 256)}


@dataclass(frozen=True)
class Load:
    """One batch: ``rows`` questions of ``words`` tokens, each with a picture in ``tiles`` of ``picture`` tokens."""

    words: int
    picture: int = 0
    tiles: int = 0
    answer: int = 256
    rows: int = 1
    beams: int = 1

    @property
    def prompt(self) -> int:
        """Tokens of a question, the beginning of the text included."""
        return 1 + self.picture + self.words


def load_of(words: int, size: tuple[int, int] | None = None, hd_num: int = 9, **more: int) -> Load:
    """The load of a question with a picture of (width, height), or without one."""
    if size is None:
        return Load(words, **more)
    columns, rows = tiles_of(*size, hd_num)
    return Load(words, tokens_of(*size, hd_num), columns * rows + 1, **more)


def parameters(shape: Shape = RELEASED) -> dict[Part, int]:
    """Weights by part: embeddings, head and last norm; layers of the language model; tower, projector and additions.

    Additions are the low-rank ones, of which ``layers`` has none.
    """
    found: dict[Part, int] = {"words": 0, "layers": 0, "pictures": 0}
    for name, sides in expected(shape).items():
        part: Part = "words" if name.startswith(("model.tok", "model.norm", "output")) else "pictures"
        if name.startswith("model.layers") and "Plora" not in name:
            part = "layers"
        found[part] += math.prod(sides)
    return found


def weight_bytes(quantized: Quantized = "none", shape: Shape = RELEASED, number_bytes: int = 2) -> float:
    """Bytes of the weights; quantized, those of the layers take less and all others ``number_bytes`` each.

    The low-rank addition of queries, keys and values is held three times, once for each.
    """
    count = parameters(shape)
    again = 2 * shape.layers * shape.ranks["attention.wqkv"] * shape.hidden
    rest = number_bytes * (count["words"] + count["pictures"] + again)
    return rest + count["layers"] * _QUANTIZED_BYTES.get(quantized, float(number_bytes))


def cache_bytes_per_token(shape: Shape = RELEASED, number_bytes: int = 2) -> int:
    """Bytes of keys and values of one token in one beam."""
    return 2 * number_bytes * shape.layers * shape.kv_heads * shape.head_width


def cache_bytes(load: Load, shape: Shape = RELEASED, number_bytes: int = 2) -> int:
    """Bytes of the cache when all rows are written to their end."""
    tokens = load.rows * load.beams * (load.prompt + load.answer)
    return tokens * cache_bytes_per_token(shape, number_bytes)


def prompt_bytes(load: Load, shape: Shape = RELEASED, number_bytes: int = 2) -> float:
    """Most bytes besides weights and cache: the inside of one layer, for the prompt or for the tiles at once.

    All beams read the prompt. With rows of several lengths there is a mask of tokens by tokens, too.
    """
    tokens = load.rows * load.beams * load.prompt
    layer = number_bytes * (3 * shape.intermediate + 4 * shape.hidden)
    mask = tokens * load.prompt if load.rows > 1 else 0
    tower = shape.tower
    tiles = min(load.rows * load.tiles, TILES_AT_ONCE)
    patches = tiles * ((tower.tile // tower.patch) ** 2 + 1)
    seen = number_bytes * patches * (4 * tower.hidden + 2 * tower.intermediate)
    return max(tokens * layer + mask, float(seen))


def prompt_flops(load: Load, shape: Shape = RELEASED) -> float:
    """Operations (a multiplication and an addition are two) from the pictures to the first token of the answer."""
    per_token, per_picture_token = _layer_flops(shape)
    attention = 2.0 * shape.heads * shape.head_width * shape.layers * load.prompt**2  # half of it, as it is causal
    one = load.prompt * per_token + load.picture * per_picture_token + attention + _head_flops(shape)
    return load.rows * (load.beams * one + _sight_flops(load, shape))


def answer_flops(load: Load, shape: Shape = RELEASED) -> float:
    """Operations of one more token in every row and beam, half-way through the answer."""
    per_token, _ = _layer_flops(shape)
    attention = 4.0 * shape.heads * shape.head_width * shape.layers * (load.prompt + load.answer / 2)
    return load.rows * load.beams * (per_token + attention + _head_flops(shape))


def _layer_flops(shape: Shape) -> tuple[float, float]:
    """Operations of all linear layers for any token, and of their additions for a token of a picture."""
    plain = sum(math.prod(shape.sides(linear)) for linear in LINEARS)
    added = sum(shape.ranks[linear] * sum(shape.sides(linear)) for linear in LINEARS)
    again = 2 * shape.ranks["attention.wqkv"] * shape.hidden  # into queries, keys and values one by one
    return 2.0 * shape.layers * plain, 2.0 * shape.layers * (added + again)


def _head_flops(shape: Shape) -> float:
    return 2.0 * shape.hidden * shape.vocabulary


def _sight_flops(load: Load, shape: Shape) -> float:
    """Operations of tower and projector for the picture of one row."""
    tower = shape.tower
    patches = (tower.tile // tower.patch) ** 2
    rows = load.tiles * (patches + 1)
    layer = 2.0 * (4 * tower.hidden**2 + 2 * tower.hidden * tower.intermediate)
    attention = 4.0 * tower.hidden * (patches + 1)
    embedding = 2.0 * load.tiles * patches * 3 * tower.patch**2 * tower.hidden
    projector = 2.0 * load.picture * (tower.merged * shape.hidden + shape.hidden**2)
    return embedding + rows * tower.layers * (layer + attention) + projector


def total_bytes(load: Load, quantized: Quantized = "none", shape: Shape = RELEASED) -> float:
    """Bytes of a batch on a GPU, without what CUDA itself takes (about 0.5 GB)."""
    return weight_bytes(quantized, shape) + cache_bytes(load, shape) + prompt_bytes(load, shape)


def typical(frames: int = 16, steps: int = 20, size: tuple[int, int] = (1280, 720)) -> Sequence[tuple[str, Load]]:
    """One request of each role for a video of that size, with answers of usual lengths.

    ``fast`` shows ``frames`` in a strip, ``summary`` reads ``steps`` of 120 tokens.
    """
    width, height = size
    strip = (width + width // 4 + 20, frames * (height + 20) + 20)
    return (
        ("opening", load_of(31, size, 9, answer=250)),
        ("change", load_of(220, (width, 2 * height + 50), 9, answer=150)),
        ("fast", load_of(35, strip, 16, answer=400)),
        ("summary", load_of(20 + steps * 140, answer=400)),
        ("recaption", load_of(50, answer=250)),
    )
