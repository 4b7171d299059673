"""The released ``config.json``, read strictly: what is not understood, or would change the arithmetic, is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Any, Literal, TypeVar

from ...checking import Limits, wrong_values
from ...errors import VLMError
from .shape import LAYER, LINEARS, RELEASED, SCALES, Shape, Tower

T = TypeVar("T")

Width = Annotated[int, Limits(1, 1 << 20)]
Heads = Annotated[int, Limits(1, 4096)]
Layers = Annotated[int, Limits(1, 4096)]
Epsilon = Annotated[float, Limits(0, 1, over=True)]
_MOST_ROPE_FACTOR = 1e6


@dataclass(frozen=True)
class LanguageConfig:
    """The fields that are read, by their names in the file. Others do not change what this model computes."""

    hidden_size: Width
    intermediate_size: Width
    num_hidden_layers: Layers
    num_attention_heads: Heads
    vocab_size: Annotated[int, Limits(1, 1 << 24)]
    num_key_value_heads: Heads | None = None
    max_position_embeddings: Annotated[int, Limits(1, 1 << 24)] = RELEASED.positions
    rms_norm_eps: Epsilon = RELEASED.norm_epsilon
    rope_theta: Annotated[float, Limits(1, 1e12)] = RELEASED.rope_theta
    bias: bool = RELEASED.bias
    hidden_act: Literal["silu"] = "silu"
    tie_word_embeddings: bool = False
    torch_dtype: Literal["float16", "bfloat16", "float32"] = "float16"


@dataclass(frozen=True)
class TowerConfig:
    """``vision_config``, which the release does not have: its tower is CLIP-L/14 at 336, fixed in the code."""

    hidden_size: Width = RELEASED.tower.hidden
    intermediate_size: Width = RELEASED.tower.intermediate
    num_hidden_layers: Layers = RELEASED.tower.layers
    num_attention_heads: Heads = RELEASED.tower.heads
    image_size: Annotated[int, Limits(2, 4096)] = RELEASED.tower.tile
    patch_size: Annotated[int, Limits(1, 1024)] = RELEASED.tower.patch
    layer_norm_eps: Epsilon = RELEASED.tower.norm_epsilon
    hidden_act: Literal["quick_gelu"] = "quick_gelu"


def shape_of(config: Mapping[str, Any], weights: Mapping[str, tuple[int, ...]], where: str) -> Shape:
    """The shape that a ``config.json`` and the shapes of weights by name tell.

    Ranks are in no configuration, so they are read from the weights. Raises VLMError where a field is missing, has no
    value that makes sense, or asks for what this model does not do.
    """
    text = _read(LanguageConfig, config, f"{where}: config.json: ")
    heads, kv_heads = text.num_attention_heads, text.num_key_value_heads or text.num_attention_heads
    if text.hidden_size % (2 * heads) or heads % kv_heads:
        raise VLMError(
            f"{where}: config.json has hidden_size {text.hidden_size}, num_attention_heads {heads} and"
            f" num_key_value_heads {kv_heads}, which are no multiples of each other; copy it again from the release"
        )
    if text.tie_word_embeddings:
        raise VLMError(f"{where}: config.json has tie_word_embeddings: true; this model has a head of its own")
    _check_layers(text.num_hidden_layers, weights, where)
    return Shape(
        hidden=text.hidden_size,
        intermediate=text.intermediate_size,
        layers=text.num_hidden_layers,
        heads=heads,
        kv_heads=kv_heads,
        vocabulary=text.vocab_size,
        positions=text.max_position_embeddings,
        norm_epsilon=float(text.rms_norm_eps),
        rope_theta=float(text.rope_theta),
        rope_linear=_rope_linear(config.get("rope_scaling"), where),
        bias=text.bias,
        ends=_ends(config.get("eos_token_id"), text.vocab_size, where),
        dtype=text.torch_dtype,
        tower=_tower(config.get("vision_config"), where),
        ranks=_ranks(weights, where),
    )


def _read(kind: type[T], config: Mapping[str, Any], where: str) -> T:
    """The fields of a kind; what is null in the file has its default."""
    names = [one.name for one in fields(kind)]  # type: ignore[arg-type]
    given = {name: config[name] for name in names if config.get(name) is not None}
    try:
        read = kind(**given)
    except TypeError:
        needed = [name for name in names if name not in given and not hasattr(kind, name)]
        raise VLMError(f"{where}has no {', '.join(needed)}; copy it again from the release") from None
    if wrong := wrong_values(read):
        raise VLMError(f"{where}{'; '.join(wrong.values())}; this model does nothing else")
    return read


def _check_layers(said: int, weights: Mapping[str, tuple[int, ...]], where: str) -> None:
    there = {found[1] for name in weights if (found := LAYER.match(name))}
    if there and len(there) != said:
        raise VLMError(
            f"{where}: config.json has num_hidden_layers {said}, and the weights have {len(there)} layers; copy both"
            " from one release"
        )


def _rope_linear(scaling: Any, where: str) -> float:
    """The factor that positions are divided by. "dynamic" changes nothing up to ``max_position_embeddings``."""
    if scaling is None:
        return 1.0
    kind = scaling.get("type", scaling.get("rope_type")) if isinstance(scaling, dict) else None
    factor = scaling.get("factor") if isinstance(scaling, dict) else None
    if kind in ("dynamic", "default"):
        return 1.0
    number = isinstance(factor, int | float) and not isinstance(factor, bool)
    if kind == "linear" and number and 1 <= factor <= _MOST_ROPE_FACTOR:  # type: ignore[operator]
        return float(factor)  # type: ignore[arg-type]
    raise VLMError(f"{where}: config.json has rope_scaling {scaling}; known are dynamic, and linear with a factor")


def _ends(given: Any, vocabulary: int, where: str) -> tuple[int, ...]:
    """Tokens that end a text besides those of the tokenizer."""
    ends = given if isinstance(given, list) else [] if given is None else [given]
    if wrong := [end for end in ends if type(end) is not int or not 0 <= end < vocabulary]:
        raise VLMError(f"{where}: config.json has eos_token_id {wrong[0]!r}; a token is a number below vocab_size")
    return tuple(ends)


def _tower(config: Any, where: str) -> Tower:
    if config is None:
        return Tower()
    if not isinstance(config, dict):
        raise VLMError(f"{where}: config.json has vision_config {config!r}; it is an object, or left out")
    read = _read(TowerConfig, config, f"{where}: config.json: vision_config: ")
    if read.hidden_size % read.num_attention_heads or read.image_size % (2 * read.patch_size):
        raise VLMError(
            f"{where}: config.json: vision_config has hidden_size {read.hidden_size} for"
            f" {read.num_attention_heads} heads and image_size"
            f" {read.image_size} for patches of {read.patch_size}, two by two; both must go up evenly"
        )
    return Tower(
        hidden=read.hidden_size,
        intermediate=read.intermediate_size,
        layers=read.num_hidden_layers,
        heads=read.num_attention_heads,
        tile=read.image_size,
        patch=read.patch_size,
        norm_epsilon=float(read.layer_norm_eps),
    )


def _ranks(weights: Mapping[str, tuple[int, ...]], where: str) -> Mapping[str, int]:
    ranks = {}
    for linear in LINEARS:
        name = f"model.layers.0.{linear}.Plora_A.weight"
        if not weights.get(name):
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
