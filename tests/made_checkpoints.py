"""Checkpoints in the original LLaVA format made by construction: random numbers under the original's names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors.torch import save_file

from tiny_models import byte_tokenizer

CLIP = "model.vision_tower.vision_tower.vision_model."
LLAMA3_MARKS = ("<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>")
CHATML_MARKS = ("<|startoftext|>", "<|endoftext|>", "<|im_start|>", "<|im_end|>")

VISION = {
    "model_type": "clip_vision_model", "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 3,
    "num_attention_heads": 2, "image_size": 28, "patch_size": 14, "hidden_act": "quick_gelu",
}  # fmt: skip


def original_config(rows: int = 120, **changes: Any) -> dict[str, Any]:
    """Two layers, 32 wide, with grouped queries; tiles of 28 pixels."""
    return {
        "architectures": ["LlavaLlamaForCausalLM"], "model_type": "llava_llama", "vocab_size": rows,
        "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 2, "max_position_embeddings": 8192, "rms_norm_eps": 1e-5, "rope_theta": 500000.0,
        "hidden_act": "silu", "tie_word_embeddings": False, "bos_token_id": 1, "eos_token_id": 2,
        "image_aspect_ratio": "anyres", "image_grid_pinpoints": [[28, 56], [56, 28], [56, 56], [84, 28], [28, 84]],
        "mm_hidden_size": 16, "mm_patch_merge_type": "spatial_unpad", "mm_projector_type": "mlp2x_gelu",
        "mm_vision_select_feature": "patch", "mm_vision_select_layer": -2, "mm_vision_tower": "tower",
        "torch_dtype": "float32", "unfreeze_mm_vision_tower": True, **changes,
    }  # fmt: skip


def original_shapes(config: dict[str, Any], vision: dict[str, Any] = VISION) -> dict[str, tuple[int, ...]]:
    """Every weight that the original code saves, spelled out here and nowhere taken from transformers."""
    wide, inner, rows = config["hidden_size"], config["intermediate_size"], config["vocab_size"]
    narrow = wide * config["num_key_value_heads"] // config["num_attention_heads"]
    see, see_inner, patch = vision["hidden_size"], vision["intermediate_size"], vision["patch_size"]
    patches = (vision["image_size"] // patch) ** 2
    found: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (rows, wide)}
    for layer in range(config["num_hidden_layers"]):
        at = f"model.layers.{layer}."
        found |= {
            f"{at}self_attn.q_proj.weight": (wide, wide), f"{at}self_attn.k_proj.weight": (narrow, wide),
            f"{at}self_attn.v_proj.weight": (narrow, wide), f"{at}self_attn.o_proj.weight": (wide, wide),
            f"{at}mlp.gate_proj.weight": (inner, wide), f"{at}mlp.up_proj.weight": (inner, wide),
            f"{at}mlp.down_proj.weight": (wide, inner), f"{at}input_layernorm.weight": (wide,),
            f"{at}post_attention_layernorm.weight": (wide,),
        }  # fmt: skip
    found |= {"model.norm.weight": (wide,), "lm_head.weight": (rows, wide), "model.image_newline": (wide,)}
    found |= {
        "model.mm_projector.0.weight": (wide, see), "model.mm_projector.0.bias": (wide,),
        "model.mm_projector.2.weight": (wide, wide), "model.mm_projector.2.bias": (wide,),
        f"{CLIP}embeddings.class_embedding": (see,), f"{CLIP}embeddings.patch_embedding.weight": (see, 3, patch, patch),
        f"{CLIP}embeddings.position_embedding.weight": (patches + 1, see),
    }  # fmt: skip
    for layer in range(vision["num_hidden_layers"]):
        at = f"{CLIP}encoder.layers.{layer}."
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            found |= {f"{at}self_attn.{name}.weight": (see, see), f"{at}self_attn.{name}.bias": (see,)}
        found |= {f"{at}mlp.fc1.weight": (see_inner, see), f"{at}mlp.fc1.bias": (see_inner,)}
        found |= {f"{at}mlp.fc2.weight": (see, see_inner), f"{at}mlp.fc2.bias": (see,)}
        found |= {f"{at}layer_norm{n}.{kind}": (see,) for n in (1, 2) for kind in ("weight", "bias")}
    found |= {
        f"{CLIP}{name}.{kind}": (see,) for name in ("pre_layrnorm", "post_layernorm") for kind in ("weight", "bias")
    }
    return found


def random_weights(
    shapes: dict[str, tuple[int, ...]], seed: int = 0, dtype: torch.dtype = torch.float32
) -> dict[str, Any]:
    """Wide ones, so that what comes out depends on all that goes in; norms stay near one."""
    generator = torch.Generator().manual_seed(seed)
    made = {name: torch.randn(shape, generator=generator) * 0.5 for name, shape in shapes.items()}
    norms = [name for name in made if "norm" in name and name.endswith("weight")]
    return {name: (1 + weight * 0.1 if name in norms else weight).to(dtype) for name, weight in made.items()}


def save_original(
    folder: Path,
    weights: dict[str, Any] | None = None,
    *,
    tokenizer: transformers.PreTrainedTokenizerFast | None = None,
    shards: int = 1,
    pickled: bool = False,
    **changes: Any,
) -> dict[str, Any]:
    """Write a checkpoint (random weights unless given) with its vision tower's configuration; returns the weights."""
    rows = changes.pop("rows", 120)
    config = original_config(rows, **changes)
    weights = random_weights(original_shapes(config)) if weights is None else weights
    (folder / "tower").mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "generation_config.json").write_text(json.dumps({"bos_token_id": 1, "eos_token_id": 2}))
    (folder / "tower" / "config.json").write_text(json.dumps(VISION))
    save_weights(folder, weights, shards=shards, pickled=pickled)
    if tokenizer is not None:
        tokenizer.save_pretrained(folder)
    return weights


def save_weights(folder: Path, weights: dict[str, Any], *, shards: int = 1, pickled: bool = False) -> None:
    """Write weights as one file or several with an index, as transformers 4 names them."""
    stem, ending = ("pytorch_model", "bin") if pickled else ("model", "safetensors")
    names, places = list(weights), {}
    for number in range(shards):
        part = {name: weights[name] for name in names[number::shards]}
        file = f"{stem}.{ending}" if shards == 1 else f"{stem}-{number + 1:05d}-of-{shards:05d}.{ending}"
        if pickled:
            torch.save(part, folder / file)
        else:
            save_file(part, folder / file, metadata={"format": "pt"})
        places |= dict.fromkeys(part, file)
    if shards > 1:
        (folder / f"{stem}.{ending}.index.json").write_text(json.dumps({"metadata": {}, "weight_map": places}))


def llama3_tokenizer() -> transformers.PreTrainedTokenizerFast:
    """Bytes and Llama 3's marks (rows 256 to 260); like Llama 3's it puts its first token in front of every text."""
    from tokenizers.processors import TemplateProcessing

    begin = LLAMA3_MARKS[0]
    made = byte_tokenizer(LLAMA3_MARKS, bos_token=begin, eos_token=LLAMA3_MARKS[1], pad_token=None)
    made.backend_tokenizer.post_processor = TemplateProcessing(single=f"{begin} $A", special_tokens=[(begin, 256)])
    return made


def chatml_tokenizer() -> transformers.PreTrainedTokenizerFast:
    """Bytes and Yi's marks (rows 256 to 259); like Yi's it puts nothing in front."""
    return byte_tokenizer(CHATML_MARKS, bos_token=CHATML_MARKS[0], eos_token=CHATML_MARKS[1], pad_token=None)


def direct_llava(folder: Path, weights: dict[str, Any], rows: int) -> transformers.LlavaNextForConditionalGeneration:
    """A LlavaNext filled by hand from original weights, one assignment each; no name is mapped by a rule."""
    config = json.loads((folder / "config.json").read_text())
    text_keys = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads",
                 "max_position_embeddings", "rms_norm_eps", "rope_theta")  # fmt: skip
    text = transformers.LlamaConfig(vocab_size=rows + 1, **{key: config[key] for key in text_keys})
    made = transformers.LlavaNextForConditionalGeneration(
        transformers.LlavaNextConfig(
            vision_config=transformers.CLIPVisionConfig(**{k: v for k, v in VISION.items() if k != "model_type"}),
            text_config=text,
            image_token_index=rows,
            image_grid_pinpoints=[[height, width] for width, height in config["image_grid_pinpoints"]],
        )
    ).eval()
    parts = made.model
    clip = getattr(parts.vision_tower, "vision_model", parts.vision_tower)
    own = {name.removeprefix(CLIP): weight for name, weight in weights.items() if name.startswith(CLIP)}
    clip.load_state_dict(own, strict=True)
    projector = {"linear_1": "0", "linear_2": "2"}
    parts.multi_modal_projector.load_state_dict(
        {
            f"{new}.{kind}": weights[f"model.mm_projector.{old}.{kind}"]
            for new, old in projector.items()
            for kind in ("weight", "bias")
        }
    )
    llama = {
        name.removeprefix("model."): weight for name, weight in weights.items()
        if name.startswith(("model.layers.", "model.norm."))
    }  # fmt: skip
    with torch.no_grad():
        parts.image_newline.copy_(weights["model.image_newline"])
        parts.language_model.embed_tokens.weight[:rows] = weights["model.embed_tokens.weight"]
        made.lm_head.weight[:rows] = weights["lm_head.weight"]
    llama["embed_tokens.weight"] = parts.language_model.embed_tokens.weight.detach().clone()
    parts.language_model.load_state_dict(llama, strict=True)
    return made
