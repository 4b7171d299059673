"""Architectures by name: the numbers of each, its parts by module name, its special tokens, and where they are from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from ...errors import SettingsError

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

Recipe = Literal["llama3", "yi-chatml", "own"]
Part = Literal["language", "projector", "vision"]

# (height, width), as transformers writes them. The original has the same list as (width, height); turned round like
# this, the same one wins when a small picture fits two of them equally well.
PINPOINTS = ((672, 336), (336, 672), (672, 672), (336, 1008), (1008, 336))

_LORA_LAYERS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


@dataclass(frozen=True)
class Parts:
    """The three parts of a model as beginnings of parameter names. What fits several belongs to the first named here.

    ``layers`` is where the language model's layers are: the only place where LoRA adapters may be.
    """

    projector: tuple[str, ...]
    vision: tuple[str, ...]
    language: tuple[str, ...]
    layers: str

    def of(self, name: str) -> Part:
        """The part that a parameter belongs to. Raises SettingsError for a name of none."""
        for part in ("projector", "vision", "language"):
            if name.startswith(getattr(self, part)):
                return part
        raise SettingsError(f"the parameter {name} belongs to no known part of the model; add it to PARTS in shapes.py")

    @property
    def lora_targets(self) -> str:
        """A regular expression that fits the language model's linear layers and nothing else.

        A list of layer names would not do: the CLIP tower has layers of the same names, and gets adapters with it.
        """
        return rf"{re.escape(self.layers)}\.\d+\.(self_attn|mlp)\.({'|'.join(_LORA_LAYERS)})"


_LLAVA = Parts(
    projector=("model.multi_modal_projector.",),
    vision=("model.vision_tower.",),
    language=("model.language_model.", "lm_head.", "model.image_newline"),
    layers="model.language_model.layers",
)
_QWEN_VL = Parts(
    projector=("model.visual.merger.", "model.visual.deepstack_merger_list."),
    vision=("model.visual.",),
    language=("model.language_model.", "lm_head."),
    layers="model.language_model.layers",
)

_IDEFICS = Parts(
    projector=("model.connector.",),
    vision=("model.vision_model.",),
    language=("model.text_model.", "lm_head."),
    layers="model.text_model.layers",
)

# transformers' model type -> its parts.
PARTS: Mapping[str, Parts] = MappingProxyType(
    {
        **dict.fromkeys(("llava_next", "llava", "llava_onevision", "internvl", "gemma3", "mistral3"), _LLAVA),
        **dict.fromkeys(("qwen3_vl", "qwen2_5_vl", "qwen2_vl"), _QWEN_VL),
        **dict.fromkeys(("smolvlm", "idefics3"), _IDEFICS),
    }
)


@dataclass(frozen=True)
class Shape:
    """One architecture.

    text, vision, whole  arguments of transformers' configuration: of the language model, of the vision tower, of both
    recipe          the form of a conversation: that of Llama 3, ChatML as Yi has it, or the base's own chat template
    end_of_turn     the token that ends an answer; a base must stop at it
    image_token, video_token  where the visual tokens go; "" if the model has none
    source          where the numbers are from
    """

    name: str
    model_type: str
    text: Mapping[str, Any]
    vision: Mapping[str, Any]
    whole: Mapping[str, Any]
    recipe: Recipe
    end_of_turn: str
    image_token: str
    source: str
    video_token: str = ""
    tokens: Mapping[str, int] = field(default_factory=dict)
    """Ids of special tokens that the configuration names."""
    places: float = 0.0
    """Deviation of the vision tower's embeddings of places in random weights; 0: transformers' own, which is small
    beside the patches, so that a new model learns late where things are."""

    @property
    def parts(self) -> Parts:
        return PARTS[self.model_type]

    def config(self) -> PreTrainedConfig:
        """The configuration for transformers, made anew; needs no network."""
        from transformers import AutoConfig

        return AutoConfig.for_model(
            self.model_type, text_config=dict(self.text), vision_config=dict(self.vision), **self.whole, **self.tokens
        )

    def differences(self, config: PreTrainedConfig) -> list[str]:
        """Where a base's configuration has other numbers, as ``text.hidden_size: 5120, not 4096``.

        The number of vocabulary rows is not compared: bases of one architecture differ in added tokens.
        """
        if config.model_type != self.model_type:
            return [f"model_type: {config.model_type}, not {self.model_type}"]
        mine = self.config()
        found = []
        for label, keys in (("text", self.text), ("vision", self.vision)):
            sub, own = getattr(config, f"{label}_config"), getattr(mine, f"{label}_config")
            found += [f"{label}.{key}: {getattr(sub, key, None)}, not {getattr(own, key)}"
                      for key in keys if key in _COMPARED and getattr(sub, key, None) != getattr(own, key)]  # fmt: skip
        for key in self.whole:
            theirs, wanted = getattr(config, key, None), getattr(mine, key)
            if key in _COMPARED and _plain(theirs) != _plain(wanted):
                found.append(f"{key}: {theirs}, not {wanted}")
        return found


_COMPARED = {
    *("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads"),
    *("head_dim", "image_size", "patch_size", "depth", "num_heads", "out_hidden_size", "spatial_merge_size"),
    *("temporal_patch_size", "deepstack_visual_indexes"),
    *("vision_feature_layer", "vision_feature_select_strategy", "image_grid_pinpoints"),
}


def _plain(value: Any) -> Any:
    """Lists and tuples alike, and the order of pinpoints, which means nothing."""
    return sorted(map(_plain, value), key=str) if isinstance(value, list | tuple) else value


def _llama(hidden: int, intermediate: int, layers: int, heads: int, kv_heads: int, vocabulary: int,
           theta: float, positions: int, **more: Any) -> dict[str, Any]:  # fmt: skip
    return {
        "model_type": "llama",
        "hidden_size": hidden,
        "intermediate_size": intermediate,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "vocab_size": vocabulary,
        "max_position_embeddings": positions,
        "rms_norm_eps": 1e-5,
        "rope_parameters": {"rope_type": "default", "rope_theta": theta},
        "tie_word_embeddings": False,
        **more,
    }


def _clip(hidden: int, intermediate: int, layers: int, heads: int, side: int, patch: int) -> dict[str, Any]:
    return {
        "model_type": "clip_vision_model",
        "hidden_size": hidden,
        "intermediate_size": intermediate,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "image_size": side,
        "patch_size": patch,
    }


def _anyres(side: int, patch: int) -> dict[str, Any]:
    return {
        "vision_feature_layer": -2,
        "vision_feature_select_strategy": "default",
        "image_grid_pinpoints": [[height * side // 336, width * side // 336] for height, width in PINPOINTS],
        "image_seq_length": (side // patch) ** 2,
        "tie_word_embeddings": False,
    }


CLIP_L_336 = _clip(1024, 4096, 24, 16, 336, 14)

_ALL = (
    Shape(
        name="llava-next-llama3-8b",
        model_type="llava_next",
        text=_llama(4096, 14336, 32, 32, 8, 128320, 500_000.0, 8192, bos_token_id=128000, eos_token_id=128009),
        vision=CLIP_L_336,
        whole=_anyres(336, 14),
        recipe="llama3",
        end_of_turn="<|eot_id|>",
        image_token="<image>",
        tokens={"image_token_index": 128256},
        source="config.json of llava-hf/llama3-llava-next-8b-hf: Llama-3-8B, 64 rows added for <image> and padding",
    ),
    Shape(
        name="llava-next-yi-34b",
        model_type="llava_next",
        text=_llama(7168, 20480, 60, 56, 8, 64064, 5_000_000.0, 4096, bos_token_id=1, eos_token_id=7),
        vision=CLIP_L_336,
        whole=_anyres(336, 14),
        recipe="yi-chatml",
        end_of_turn="<|im_end|>",
        image_token="<image>",
        tokens={"image_token_index": 64003},
        source="config.json of llava-hf/llava-v1.6-34b-hf: Nous-Hermes-2-Yi-34B, 64 rows added",
    ),
    Shape(
        name="qwen3-vl-4b",
        model_type="qwen3_vl",
        text={
            "hidden_size": 2560,
            "intermediate_size": 9728,
            "num_hidden_layers": 36,
            "num_attention_heads": 32,
            "num_key_value_heads": 8,
            "head_dim": 128,
            "vocab_size": 151936,
            "max_position_embeddings": 262144,
            "rms_norm_eps": 1e-6,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 5_000_000.0,
                "mrope_section": [24, 20, 20],
                "mrope_interleaved": True,
            },
            "tie_word_embeddings": True,
            "bos_token_id": 151643,
            "eos_token_id": 151645,
        },
        vision={
            "hidden_size": 1024,
            "intermediate_size": 4096,
            "depth": 24,
            "num_heads": 16,
            "patch_size": 16,
            "temporal_patch_size": 2,
            "spatial_merge_size": 2,
            "out_hidden_size": 2560,
            "num_position_embeddings": 2304,
            "deepstack_visual_indexes": [5, 11, 17],
        },
        whole={"tie_word_embeddings": True},
        recipe="own",
        end_of_turn="<|im_end|>",
        image_token="<|image_pad|>",
        video_token="<|video_pad|>",
        tokens={"image_token_id": 151655, "video_token_id": 151656},
        source="config.json of Qwen/Qwen3-VL-4B-Instruct",
    ),
    Shape(
        name="tiny",
        model_type="llava_next",
        text=_llama(192, 512, 4, 6, 2, 1024, 10_000.0, 4096, bos_token_id=1, eos_token_id=5, pad_token_id=0),
        vision=_clip(128, 384, 4, 4, 84, 14),
        whole=_anyres(84, 14),
        recipe="llama3",
        end_of_turn="<|eot_id|>",
        image_token="<image>",
        tokens={"image_token_index": 6},
        source="ours: the parts of the 8B model, small enough to learn a closed world on a processor",
    ),
    Shape(
        name="captioner-tiny",
        model_type="llava_next",
        text=_llama(
            96,
            256,
            3,
            4,
            4,
            400,
            10_000.0,
            4096,
            bos_token_id=1,
            eos_token_id=5,
            pad_token_id=0,
            initializer_range=0.08,
        ),
        vision=_clip(96, 192, 2, 4, 48, 16),
        whole={
            # A tile for each frame of 46 pixels and for each band between two, so that frames are seen alone.
            "image_grid_pinpoints": [[48 * count, 48 * count] for count in (1, 3, 5, 7, 9, 11)] + [[144, 48]],
            "vision_feature_layer": -1,
            "vision_feature_select_strategy": "default",
            "image_seq_length": 9,
            "tie_word_embeddings": False,
        },
        recipe="own",
        end_of_turn="<|eot_id|>",
        image_token="<image>",
        tokens={"image_token_index": 6},
        source="ours: the same parts for captions of the world of chains",
        places=0.3,
    ),
)

SHAPES: Mapping[str, Shape] = MappingProxyType({shape.name: shape for shape in _ALL})


def shape(name: str) -> Shape:
    """The shape of that name. Raises SettingsError naming those there are."""
    if name not in SHAPES:
        raise SettingsError(f"model.shape: there is no shape {name!r}; known: {', '.join(SHAPES)}")
    return SHAPES[name]
