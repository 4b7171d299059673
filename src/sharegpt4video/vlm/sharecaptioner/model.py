"""The network: transformers' Llama and CLIP, with a low-rank update in each linear layer for picture tokens only.

InternLM2 is a Llama in other names, whose queries, keys and values are the rows of one matrix. Attention, masks, cache
and the search are transformers'.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from transformers import CLIPVisionConfig, CLIPVisionModel, LlamaConfig, LlamaForCausalLM, LlamaModel

from .shape import LINEARS, SCALES, TOWER, Shape
from .sizes import TILES_AT_ONCE

# Where a linear layer of the release is in a layer of transformers' Llama.
_PLACES = {
    "attention.wqkv": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "attention.wo": ("self_attn.o_proj",),
    "feed_forward.w1": ("mlp.gate_proj",),
    "feed_forward.w3": ("mlp.up_proj",),
    "feed_forward.w2": ("mlp.down_proj",),
}
_NAMES = {
    "model.tok_embeddings.weight": "model.embed_tokens.weight",
    "output.weight": "lm_head.weight",
    "plora_glb_GN": "between_views",
    "plora_sub_GN": "row_end",
}
_PARTS = {
    ".Plora_A.weight": ".down.weight",
    ".Plora_B.weight": ".up.weight",
    ".weight": ".base.weight",
    ".bias": ".base.bias",
}


class Where:
    """Which rows of the flattened batch that goes through the model are a picture's; None: no row is."""

    rows: Tensor | None = None

    @contextmanager
    def set(self, mask: Tensor | None) -> Iterator[None]:
        """Those where a (batch, tokens) mask is true, until the end."""
        found = None if mask is None else mask.flatten().nonzero().flatten()
        self.rows = found if found is not None and len(found) else None
        try:
            yield
        finally:
            self.rows = None


class PartialLoRA(nn.Module):  # type: ignore[misc]
    """A linear layer with a low-rank addition for the rows of pictures.

    The sum depends on the token, so the two cannot be merged into one matrix.
    """

    def __init__(self, base: nn.Linear, rank: int, where: Where) -> None:
        super().__init__()
        self.base = base
        self.down = nn.Linear(base.in_features, rank, bias=False)
        self.up = nn.Linear(rank, base.out_features, bias=False)
        self.scale = SCALES[rank]
        self._where = where

    def forward(self, states: Tensor) -> Tensor:
        """(..., in) to (..., out)."""
        out: Tensor = self.base(states)
        rows = self._where.rows
        if rows is None:
            return out
        seen = states.reshape(-1, states.shape[-1]).index_select(0, rows)
        added = self.up(self.down(seen)) * self.scale
        flat = out.reshape(-1, out.shape[-1])
        return flat.index_add_(0, rows, added.to(flat.dtype)).view_as(out)


class _Layers(LlamaModel):  # type: ignore[misc]
    """A Llama without its head that is told where pictures are."""

    def __init__(self, config: LlamaConfig, where: Where) -> None:
        super().__init__(config)
        self._where = where

    def forward(
        self,
        input_ids: Tensor | None = None,
        *given: Any,
        inputs_embeds: Tensor | None = None,
        picture_mask: Tensor | None = None,
        **kwargs: Any,
    ) -> Any:
        """As Llama's. Raises ValueError for a mask of other tokens than these: the prompt came in pieces."""
        tokens = inputs_embeds if input_ids is None else input_ids
        if picture_mask is not None and tokens is not None and picture_mask.shape != tokens.shape[:2]:
            raise ValueError("a prompt with a picture goes through the model whole: leave out prefill_chunk_size")
        with self._where.set(picture_mask):
            return super().forward(input_ids, *given, inputs_embeds=inputs_embeds, **kwargs)


class ShareCaptioner(LlamaForCausalLM):  # type: ignore[misc]
    """The whole model. ``generate`` and ``forward`` take ``inputs_embeds`` of words and pictures, and ``picture_mask``.

    ``input_ids`` (batch, tokens) have any token where a picture is; the mask is true there. ``config`` is that of the
    language model alone, see `configuration`.
    """

    def __init__(self, config: LlamaConfig, shape: Shape) -> None:
        super().__init__(config)
        self.shape, self.where = shape, Where()
        self.model = _Layers(config, self.where)
        for layer in self.model.layers:
            for linear in LINEARS:
                for place in _PLACES[linear]:
                    parent, name = layer.get_submodule(place.rpartition(".")[0]), place.rpartition(".")[2]
                    setattr(parent, name, PartialLoRA(getattr(parent, name), shape.ranks[linear], self.where))
        vision = CLIPVisionModel(_tower_config(shape, config._attn_implementation))
        # Some versions of transformers have the tower itself in a frame.
        self.tower = getattr(vision, "vision_model", vision)
        self.tower.post_layernorm = nn.Identity()  # of the class token alone, which nobody asks for
        merged = shape.tower.merged
        self.projector = nn.Sequential(
            nn.Linear(merged, shape.hidden), nn.GELU(), nn.Linear(shape.hidden, shape.hidden)
        )
        self.between_views = nn.Parameter(torch.zeros(1, 1, merged))
        self.row_end = nn.Parameter(torch.zeros(1, 1, 1, merged))
        self.post_init()

    def _validate_model_kwargs(self, model_kwargs: dict[str, Any]) -> None:
        """transformers finds the mask in no signature, because Llama's hands it on unseen."""
        super()._validate_model_kwargs({name: model_kwargs[name] for name in model_kwargs if name != "picture_mask"})

    def _update_model_kwargs_for_generation(
        self, outputs: Any, model_kwargs: dict[str, Any], *given: Any, **kwargs: Any
    ) -> dict[str, Any]:
        """After the prompt went through, the mask is gone: what the model writes is no picture."""
        model_kwargs.pop("picture_mask", None)
        updated: dict[str, Any] = super()._update_model_kwargs_for_generation(outputs, model_kwargs, *given, **kwargs)
        return updated

    def see(self, pictures: Sequence[Tensor]) -> list[Tensor]:
        """Features of pictures, each (3, height, width) and normalised, sides multiples of a tile: (tokens, hidden).

        The picture squashed into one tile, row by row with an end to each; what stands between; the tiles put together
        again, row by row in the same way.
        """
        tile = self.shape.tower.tile
        device, dtype = self.row_end.device, self.row_end.dtype
        views = []
        for picture in pictures:
            whole = picture.to(device, torch.float32)[None]
            squashed = nn.functional.interpolate(whole, size=(tile, tile), mode="bicubic")
            cut = whole[0].unfold(1, tile, tile).unfold(2, tile, tile)  # (3, rows, columns, tile, tile)
            views += [squashed.to(dtype), cut.permute(1, 2, 0, 3, 4).flatten(0, 1).to(dtype)]
        seen = iter(self._merged(torch.cat(views)).split([len(view) for view in views]))
        told = []
        for picture in pictures:
            rows, columns = picture.shape[1] // tile, picture.shape[2] // tile
            overview, tiles = self._rows(next(seen), 1, 1), self._rows(next(seen), rows, columns)
            told.append(torch.cat([overview, self.between_views[0], tiles]))
        features: Tensor = self.projector(torch.cat(told))
        return list(features.split([len(one) for one in told]))

    def _merged(self, tiles: Tensor) -> Tensor:
        """(tiles, 3, side, side) to (tiles, rows, columns, width): four neighbouring patches side by side."""
        parts = [self.tower(pixel_values=part).last_hidden_state[:, 1:] for part in tiles.split(TILES_AT_ONCE)]
        patches = torch.cat(parts)
        side, width = self.shape.tower.side, patches.shape[-1]
        blocks = patches.view(-1, side, 2, side, 2, width).transpose(2, 3)
        return blocks.reshape(-1, side, side, 4 * width)

    def _rows(self, tiles: Tensor, rows: int, columns: int) -> Tensor:
        """Tiles put together as they lie in the picture, an end after each row: (tokens, width)."""
        side, width = tiles.shape[1], tiles.shape[-1]
        whole = tiles.view(rows, columns, side, side, width).transpose(1, 2)
        whole = whole.reshape(1, rows * side, columns * side, width)
        return torch.cat([whole, self.row_end.expand(1, rows * side, 1, width)], dim=2).flatten(0, 2)


def configuration(shape: Shape, *, attention: str | None = None) -> LlamaConfig:
    """The language model's part of a shape, as transformers' configuration."""
    rope: dict[str, Any] = {"rope_type": "default", "rope_theta": shape.rope_theta}
    if shape.rope_linear != 1:
        rope |= {"rope_type": "linear", "factor": shape.rope_linear}
    config = LlamaConfig(
        vocab_size=shape.vocabulary,
        hidden_size=shape.hidden,
        intermediate_size=shape.intermediate,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.kv_heads,
        max_position_embeddings=shape.positions,
        rms_norm_eps=shape.norm_epsilon,
        rope_parameters=rope,
        attention_bias=shape.bias,
        tie_word_embeddings=False,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=2,
        dtype=shape.dtype,
    )
    if attention is not None:
        config._attn_implementation = attention
    return config


def _tower_config(shape: Shape, attention: str | None) -> CLIPVisionConfig:
    tower = shape.tower
    config = CLIPVisionConfig(
        hidden_size=tower.hidden,
        intermediate_size=tower.intermediate,
        num_hidden_layers=tower.layers,
        num_attention_heads=tower.heads,
        image_size=tower.tile,
        patch_size=tower.patch,
        layer_norm_eps=tower.norm_epsilon,
        hidden_act="quick_gelu",
    )
    if attention is not None:
        config._attn_implementation = attention
    return config


def renamed(released: str, shape: Shape) -> dict[str, Callable[[Tensor], Tensor]]:
    """Where a released weight goes: names in `ShareCaptioner`, each with what makes its tensor."""
    if released.startswith(TOWER):
        return {"tower." + released.removeprefix(TOWER): _as_it_is}
    if released.startswith("vision_proj."):
        return {"projector." + released.removeprefix("vision_proj."): _as_it_is}
    if not released.startswith("model.layers."):
        return {_NAMES.get(released, released): _as_it_is}
    layer, rest = ".".join(released.split(".")[:3]), ".".join(released.split(".")[3:])
    if rest.endswith("_norm.weight"):
        ours = {"attention_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm"}
        return {f"{layer}.{ours[rest.removesuffix('.weight')]}.weight": _as_it_is}
    linear = ".".join(rest.split(".")[:2])
    part = rest.removeprefix(linear)
    names = [f"{layer}.{place}{_PARTS[part]}" for place in _PLACES[linear]]
    if linear != "attention.wqkv" or part == ".Plora_A.weight":
        return dict.fromkeys(names, _as_it_is)
    return dict(zip(names, _queries_keys_values(shape), strict=True))


def _as_it_is(tensor: Tensor) -> Tensor:
    return tensor


def _queries_keys_values(shape: Shape) -> list[Callable[[Tensor], Tensor]]:
    """The three parts of ``wqkv``: for each head of keys, the queries that share it, then its keys and its values."""
    groups, width = shape.heads // shape.kv_heads, shape.head_width

    def part(begin: int, end: int) -> Callable[[Tensor], Tensor]:
        def cut(tensor: Tensor) -> Tensor:
            heads = tensor.view(shape.kv_heads, groups + 2, width, *tensor.shape[1:])
            return heads[:, begin:end].reshape(-1, *tensor.shape[1:])

        return cut

    return [part(0, groups), part(groups, groups + 1), part(groups + 1, groups + 2)]


def translated(weights: Mapping[str, Any], read: Callable[[Any], Tensor], shape: Shape) -> dict[str, Tensor]:
    """Released weights under the names of `ShareCaptioner`; ``read`` gives the tensor of one."""
    found: dict[str, Tensor] = {}
    for name, stored in weights.items():
        tensor = read(stored)
        found |= {ours: make(tensor) for ours, make in renamed(name, shape).items()}
    return found
