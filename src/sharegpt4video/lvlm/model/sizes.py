"""The sizes of a model's matrices, from its configuration alone: what counts and plans are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...errors import SettingsError
from .shapes import Part, Shape


@dataclass(frozen=True)
class Sizes:
    """Numbers of weights (biases and norms, which cost no matrix multiplication, apart).

    language        (in, out) of the linear layers of one layer of the language model
    attention_width heads times the width of one; kv_width the same of keys and values
    head            of the scores; ``tied``: they are the embedding's
    projector       weights of its first and of its second linear layer(s); ``normalised``: a norm comes before them
    merged          patches that become one token in the projector
    vision_layer    weights of one layer of the tower; ``unused_layers`` of them come after the features are taken
    parameters      all, by part, every bias and norm included
    """

    hidden: int
    intermediate: int
    layers: int
    vocabulary: int
    attention_width: int
    kv_width: int
    heads: int
    language: tuple[tuple[int, int], ...]
    head: int
    tied: bool
    projector: tuple[int, int]
    normalised: bool
    merged: int
    vision_width: int
    vision_intermediate: int
    vision_layer: int
    vision_layers: int
    unused_layers: int
    patch_embedding: int
    class_tokens: int
    patches: int
    parameters: dict[Part, int]
    never_learning: int

    @property
    def language_linear(self) -> int:
        """Weights of all linear layers of the language model, without the head."""
        return self.layers * sum(one * other for one, other in self.language)

    @property
    def first_inputs(self) -> int:
        """Weights of the layers for queries, keys and values of one layer."""
        return sum(one * other for one, other in self.language[:3])

    def lora(self, rank: int) -> int:
        """Parameters of the adapters of a rank on every linear layer."""
        return self.layers * rank * sum(one + other for one, other in self.language)

    def lora_first_inputs(self, rank: int) -> int:
        """Those of the adapters' first matrices for queries, keys and values in one layer."""
        return rank * sum(one for one, _ in self.language[:3])

    def trainable(self, tune: Any) -> dict[Part, int]:
        """Parameters that learn, by part; parts without any are left out."""
        found: dict[Part, int] = {}
        if tune.language != "frozen":
            found["language"] = self.lora(tune.lora_rank) if tune.language == "lora" else self.parameters["language"]
        if tune.projector == "full":
            found["projector"] = self.parameters["projector"]
        if tune.vision == "full":
            found["vision"] = self.parameters["vision"] - self.never_learning
        return found


COUNTED = frozenset({"llava_next", "qwen3_vl"})
"""The kinds of models whose sizes, and so operations and memory, are known."""


def sizes(model: Any) -> Sizes:
    """The sizes of a model, a shape or a configuration. Raises SettingsError for a kind that is not known."""
    if isinstance(model, Shape):
        config = model.config()
    elif hasattr(model, "text_config"):
        config = model
    else:
        from .parts import base_model

        config = base_model(model).config
    known = {"llava_next": _llava_next, "qwen3_vl": _qwen3_vl}
    assert known.keys() == COUNTED
    if config.model_type not in known:
        raise SettingsError(f"the sizes of a {config.model_type} are not known; known are {', '.join(known)}")
    return Sizes(**_language(config), **known[config.model_type](config))


def _language(config: Any) -> dict[str, Any]:
    text = config.text_config
    hidden, inner = text.hidden_size, text.intermediate_size
    width = (getattr(text, "head_dim", None) or hidden // text.num_attention_heads) * text.num_attention_heads
    kv_width = width // text.num_attention_heads * text.num_key_value_heads
    return {
        "hidden": hidden,
        "intermediate": inner,
        "layers": text.num_hidden_layers,
        "vocabulary": text.vocab_size,
        "attention_width": width,
        "kv_width": kv_width,
        "heads": text.num_attention_heads,
        "language": ((hidden, width), (hidden, kv_width), (hidden, kv_width), (width, hidden),
                     (hidden, inner), (hidden, inner), (inner, hidden)),
        "head": hidden * text.vocab_size,
        "tied": bool(config.tie_word_embeddings),
    }  # fmt: skip


def _language_parameters(config: Any, norms_of_heads: bool) -> int:
    part = _language(config)
    hidden = part["hidden"]
    layer = sum(one * other for one, other in part["language"]) + 2 * hidden
    if norms_of_heads:  # Qwen 3 normalises queries and keys, a head at a time
        layer += 2 * config.text_config.head_dim
    ends = part["head"] * (1 if part["tied"] else 2)
    return int(part["layers"] * layer + hidden + ends)


def _llava_next(config: Any) -> dict[str, Any]:
    vision, hidden = config.vision_config, config.text_config.hidden_size
    width, inner, layers = vision.hidden_size, vision.intermediate_size, vision.num_hidden_layers
    patches = (vision.image_size // vision.patch_size) ** 2
    embedding = vision.num_channels * vision.patch_size**2 * width
    weights = 4 * width * width + 2 * width * inner
    layer = weights + 4 * width + inner + width + 4 * width  # biases, and two norms
    taken = config.vision_feature_layer
    last = max(layers + 1 + one if one < 0 else one for one in ([taken] if isinstance(taken, int) else taken))
    features = width * (1 if isinstance(taken, int) else len(taken))
    bias = 2 * hidden if config.multimodal_projector_bias else 0
    return {
        "projector": (features * hidden, hidden * hidden),
        "normalised": False,
        "merged": 1,
        "vision_width": width,
        "vision_intermediate": inner,
        "vision_layer": weights,
        "vision_layers": layers,
        "unused_layers": layers - last,
        "patch_embedding": embedding,
        "class_tokens": 1,
        "patches": patches,
        "parameters": {
            "language": _language_parameters(config, False) + hidden,  # image_newline
            "projector": features * hidden + hidden * hidden + bias,
            # The class embedding, positions, and the norms before and after the layers.
            "vision": embedding + width + (patches + 1) * width + layers * layer + 4 * width,
        },
        "never_learning": (layers - last) * layer + 2 * width,
    }


def _qwen3_vl(config: Any) -> dict[str, Any]:
    vision = config.vision_config
    width, inner, layers, out = vision.hidden_size, vision.intermediate_size, vision.depth, vision.out_hidden_size
    merged = vision.spatial_merge_size**2
    wide = width * merged
    mergers = 1 + len(vision.deepstack_visual_indexes)
    weights = 4 * width * width + 2 * width * inner
    layer = weights + 4 * width + inner + width + 4 * width
    embedding = vision.in_channels * vision.temporal_patch_size * vision.patch_size**2 * width
    # The last merger normalises each patch, those of the layers between (DeepStack) the merged ones.
    norms = 2 * width + (mergers - 1) * 2 * wide
    return {
        "projector": (mergers * wide * wide, mergers * wide * out),
        "normalised": True,
        "merged": merged,
        "vision_width": width,
        "vision_intermediate": inner,
        "vision_layer": weights,
        "vision_layers": layers,
        "unused_layers": 0,
        "patch_embedding": embedding,
        "class_tokens": 0,
        "patches": vision.num_position_embeddings,
        "parameters": {
            "language": _language_parameters(config, True),
            "projector": mergers * (wide * wide + wide + wide * out + out) + norms,
            "vision": embedding + width + vision.num_position_embeddings * width + layers * layer,
        },
        "never_learning": 0,
    }
