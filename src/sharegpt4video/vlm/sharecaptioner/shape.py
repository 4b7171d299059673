"""The architecture in numbers: from ``config.json`` and the weights, and every weight's released name and shape.

InternLM-XComposer2-4KHD (arXiv 2404.06512) reads pictures in tiles with CLIP-L/14, and writes with InternLM2-7B
(arXiv 2403.17297), whose linear layers have a low-rank addition for pictures only (Partial LoRA, arXiv 2401.16420).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...errors import VLMError

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


@dataclass(frozen=True)
class Tower:
    """CLIP's vision tower: sizes, the side of a tile and of a patch in pixels."""

    hidden: int = 1024
    intermediate: int = 4096
    layers: int = 24
    heads: int = 16
    tile: int = 336
    patch: int = 14

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


def shape_of(config: Mapping[str, Any], weights: Mapping[str, tuple[int, ...]], where: str) -> Shape:
    """The shape that a ``config.json`` and the shapes of weights tell.

    The configuration of the release does not mention the tower, which is CLIP-L/14 at 336; one with ``vision_config``
    may have another. Ranks are in no configuration, so they are read from the weights. Raises VLMError where something
    is missing or of no known kind.
    """
    needed = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "vocab_size")
    if missing := [name for name in needed if not isinstance(config.get(name), int) or config[name] < 1]:
        raise VLMError(f"{where}: config.json has no usable {', '.join(missing)}; copy it again from the release")
    heads, hidden = config["num_attention_heads"], config["hidden_size"]
    kv_heads = config.get("num_key_value_heads") or heads
    if hidden % heads or heads % kv_heads:
        raise VLMError(
            f"{where}: config.json has hidden_size {hidden}, num_attention_heads {heads} and num_key_value_heads"
            f" {kv_heads}, which are no multiples of each other; copy it again from the release"
        )
    return Shape(
        hidden=hidden,
        intermediate=config["intermediate_size"],
        layers=config["num_hidden_layers"],
        heads=heads,
        kv_heads=kv_heads,
        vocabulary=config["vocab_size"],
        positions=int(config.get("max_position_embeddings", RELEASED.positions)),
        norm_epsilon=float(config.get("rms_norm_eps", RELEASED.norm_epsilon)),
        rope_theta=float(config.get("rope_theta", RELEASED.rope_theta)),
        rope_linear=_rope_linear(config.get("rope_scaling"), where),
        bias=bool(config.get("bias", RELEASED.bias)),
        dtype=str(config.get("torch_dtype") or config.get("dtype") or RELEASED.dtype),
        tower=_tower(config.get("vision_config") or {}),
        ranks=_ranks(weights, where),
    )


def _rope_linear(scaling: Any, where: str) -> float:
    """The factor that positions are divided by. "dynamic" changes nothing up to ``max_position_embeddings``."""
    kind = scaling.get("type", scaling.get("rope_type")) if isinstance(scaling, dict) else None
    if scaling is None or kind in ("dynamic", "default"):
        return 1.0
    if kind == "linear":
        return float(scaling["factor"])
    raise VLMError(f"{where}: config.json has rope_scaling {scaling}; known are linear and dynamic")


def _tower(config: Mapping[str, Any]) -> Tower:
    names = {"hidden": "hidden_size", "intermediate": "intermediate_size", "layers": "num_hidden_layers",
             "heads": "num_attention_heads", "tile": "image_size", "patch": "patch_size"}  # fmt: skip
    return Tower(**{ours: int(config[theirs]) for ours, theirs in names.items() if theirs in config})


def _ranks(weights: Mapping[str, tuple[int, ...]], where: str) -> Mapping[str, int]:
    ranks = {}
    for linear in LINEARS:
        name = f"model.layers.0.{linear}.Plora_A.weight"
        if name not in weights:
            raise VLMError(
                f"{where}: has no {name}, so it is no InternLM-XComposer2 (ShareCaptioner-Video is one); for other"
                f" models take hf:{where}"
            )
        ranks[linear] = weights[name][0]
        if ranks[linear] not in SCALES:
            raise VLMError(
                f"{where}: {name} has rank {ranks[linear]}; the original knows the ranks"
                f" {' and '.join(map(str, SCALES))}, and how much another one counts is written nowhere"
            )
    return ranks


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
