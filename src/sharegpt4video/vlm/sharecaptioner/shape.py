"""The architecture's sizes, and the released name and shape of every weight.

InternLM-XComposer2-4KHD (arXiv 2404.06512) reads pictures in tiles with CLIP-L/14, and writes with InternLM2-7B
(arXiv 2403.17297), whose linear layers have a low-rank addition for pictures only (Partial LoRA, arXiv 2401.16420).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

LINEARS = ("attention.wqkv", "attention.wo", "feed_forward.w1", "feed_forward.w3", "feed_forward.w2")
"""The linear layers of a layer of the language model, by their released names."""

SCALES = {8: 2.0, 256: 1.0}
"""What a low-rank addition is multiplied by, by its rank: alpha is 16 for rank 8 and 256 for rank 256.

No file of a checkpoint says it; these are the two pairs of the original code.
"""

TOWER = "vit.vision_tower.vision_model."
UNUSED = re.compile(
    r"model\.layers\.\d+\.attention\.rotary_emb\.\w+"  # calculated, not learned
    rf"|{re.escape(TOWER)}embeddings\.position_ids"
    # Features are taken before this norm. Fine-tuning drops it: it would get no gradient.
    rf"|{re.escape(TOWER)}post_layernorm\.(weight|bias)"
)
"""Weights that a checkpoint may have and no picture or word goes through."""

LAYER = re.compile(r"model\.layers\.(\d+)\.")


@dataclass(frozen=True)
class Tower:
    """CLIP's vision tower: sizes, the side of a tile and of a patch in pixels."""

    hidden: int = 1024
    intermediate: int = 4096
    layers: int = 24
    heads: int = 16
    tile: int = 336
    patch: int = 14
    norm_epsilon: float = 1e-5

    @property
    def side(self) -> int:
        """Merged patches along a side of a tile: two by two patches become one token."""
        return self.tile // self.patch // 2

    @property
    def merged(self) -> int:
        """Width of four patches side by side."""
        return 4 * self.hidden


@dataclass(frozen=True)
class Shape:
    """One model of this architecture. ``ranks`` are those of the low-rank additions, by the names in `LINEARS`."""

    hidden: int = 4096
    intermediate: int = 14336
    layers: int = 32
    heads: int = 32
    kv_heads: int = 8
    vocabulary: int = 92544
    positions: int = 32768
    norm_epsilon: float = 1e-5
    rope_theta: float = 1e6
    rope_linear: float = 1.0
    bias: bool = False
    ends: tuple[int, ...] = (2,)
    dtype: str = "float16"
    tower: Tower = field(default_factory=Tower)
    ranks: Mapping[str, int] = field(
        default_factory=lambda: {name: 8 if name.endswith("wqkv") else 256 for name in LINEARS}
    )

    @property
    def head_width(self) -> int:
        return self.hidden // self.heads

    def sides(self, linear: str) -> tuple[int, int]:
        """(in, out) of a linear layer of the language model."""
        return {
            "attention.wqkv": (self.hidden, (self.heads + 2 * self.kv_heads) * self.head_width),
            "attention.wo": (self.heads * self.head_width, self.hidden),
            "feed_forward.w1": (self.hidden, self.intermediate),
            "feed_forward.w3": (self.hidden, self.intermediate),
            "feed_forward.w2": (self.intermediate, self.hidden),
        }[linear]


RELEASED = Shape()
"""ShareCaptioner-Video, as InternLM-XComposer2-4KHD-7B."""


def expected(shape: Shape) -> dict[str, tuple[int, ...]]:
    """Every weight that is needed, by its released name, with its shape."""
    found = {"model.tok_embeddings.weight": (shape.vocabulary, shape.hidden), "model.norm.weight": (shape.hidden,),
             "output.weight": (shape.vocabulary, shape.hidden)}  # fmt: skip
    for number in range(shape.layers):
        found |= {f"model.layers.{number}.{name}": sides for name, sides in _language_layer(shape)}
    merged = shape.tower.merged
    found |= {"plora_glb_GN": (1, 1, merged), "plora_sub_GN": (1, 1, 1, merged)}
    found |= {"vision_proj.0.weight": (shape.hidden, merged), "vision_proj.2.weight": (shape.hidden, shape.hidden)}
    found |= {f"vision_proj.{layer}.bias": (shape.hidden,) for layer in (0, 2)}
    return found | {TOWER + name: sides for name, sides in _tower_weights(shape.tower)}


def _language_layer(shape: Shape) -> Iterator[tuple[str, tuple[int, ...]]]:
    for linear in LINEARS:
        inner, outer = shape.sides(linear)
        yield f"{linear}.weight", (outer, inner)
        yield f"{linear}.Plora_A.weight", (shape.ranks[linear], inner)
        yield f"{linear}.Plora_B.weight", (outer, shape.ranks[linear])
        if shape.bias and linear.startswith("attention"):
            yield f"{linear}.bias", (outer,)
    yield "attention_norm.weight", (shape.hidden,)
    yield "ffn_norm.weight", (shape.hidden,)


def _tower_weights(tower: Tower) -> Iterator[tuple[str, tuple[int, ...]]]:
    width, inner = tower.hidden, tower.intermediate
    yield "embeddings.class_embedding", (width,)
    yield "embeddings.patch_embedding.weight", (width, 3, tower.patch, tower.patch)
    yield "embeddings.position_embedding.weight", ((tower.tile // tower.patch) ** 2 + 1, width)
    linears = {f"self_attn.{name}_proj": (width, width) for name in ("k", "v", "q", "out")}
    linears |= {"mlp.fc1": (inner, width), "mlp.fc2": (width, inner)}
    norms = ["pre_layrnorm"]  # spelt so in CLIP
    for number in range(tower.layers):
        for name, sides in linears.items():
            yield f"encoder.layers.{number}.{name}.weight", sides
            yield f"encoder.layers.{number}.{name}.bias", sides[:1]
        norms += [f"encoder.layers.{number}.layer_norm{which}" for which in (1, 2)]
    for name in norms:
        yield f"{name}.weight", (width,)
        yield f"{name}.bias", (width,)
