"""Configurations: the original's one flat file to and from transformers' nested one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ...errors import InputMissing, SettingsError
from ...tensors import FLOATS, Stored, count, read_json
from .files import Planned
from .lora import TOWER

KINDS = ("llava_llama", "llava")
"""``model_type`` of checkpoints of the original code with a Llama (Yi is one, too)."""

CLIP_L_336 = {
    "model_type": "clip_vision_model", "hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24,
    "num_attention_heads": 16, "image_size": 336, "patch_size": 14, "projection_dim": 768, "hidden_act": "quick_gelu",
    "layer_norm_eps": 1e-5,
}  # fmt: skip
"""openai/clip-vit-large-patch14-336, the tower of the released checkpoints."""
_CLIP_L_NAME = "clip-vit-large-patch14-336"

_TEXT_KEYS = (
    "attention_bias", "attention_dropout", "bos_token_id", "eos_token_id", "head_dim", "hidden_act", "hidden_size",
    "initializer_range", "intermediate_size", "max_position_embeddings", "mlp_bias", "num_attention_heads",
    "num_hidden_layers", "num_key_value_heads", "pad_token_id", "pretraining_tp", "rms_norm_eps", "rope_scaling",
    "rope_theta", "tie_word_embeddings", "use_cache",
)  # fmt: skip
_REQUIRED = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")
_SUPPORTED = {
    "mm_projector_type": ("mlp2x_gelu",),
    "mm_patch_merge_type": ("spatial_unpad",),
    "image_aspect_ratio": ("anyres",),
    "mm_vision_select_feature": ("patch", "cls_patch"),
    "mm_use_im_start_end": (False, None),  # else two more tokens stand around every picture
}
_VISION_DEFAULTS = {"image_size": 224, "patch_size": 32}  # CLIPVisionConfig's own, which files may leave out
_STRATEGY = {"patch": "default", "cls_patch": "full"}
_FEATURE = {strategy: feature for feature, strategy in _STRATEGY.items()}
_TILE_PIXELS = 336
_TEXT_DEFAULTS = {"rope_theta": 10000.0, "max_position_embeddings": 2048, "rms_norm_eps": 1e-6}  # LlamaConfig's own


def is_original(folder: str | Path) -> bool:
    """Whether a folder holds a checkpoint in LLaVA's original format, whole or as LoRA weights."""
    path = Path(folder) / "config.json"
    if not path.is_file():
        return False
    config = read_json(path)
    return config.get("model_type") in KINDS and "mm_vision_tower" in config


def read_original(folder: Path) -> dict[str, Any]:
    """The configuration of an original checkpoint. Raises SettingsError naming all that is not supported."""
    if not folder.is_dir():
        raise InputMissing(
            f"{folder}: no such folder; nothing is downloaded here, so get the files first, from the Hub with:"
            " hf download NAME --local-dir FOLDER"
        )
    if not (folder / "config.json").is_file():
        raise SettingsError(f"{folder}: there is no config.json; give the folder of a checkpoint")
    config = read_json(folder / "config.json")
    kind = config.get("model_type")
    if kind not in KINDS or "mm_vision_tower" not in config:
        raise SettingsError(
            f"{folder}: not a checkpoint in LLaVA's original format with a Llama: model_type is {kind!r}, not"
            f" {' or '.join(map(repr, KINDS))} with an mm_vision_tower; one of transformers needs no conversion"
        )
    found = [f"{key} is {config.get(key)!r}, not {' or '.join(map(repr, known))}"
             for key, known in _SUPPORTED.items() if config.get(key, known[0]) not in known]  # fmt: skip
    found += [f"{key} is missing" for key in (*_REQUIRED, "image_grid_pinpoints") if not config.get(key)]
    found += _oddities(config)
    if found:
        raise SettingsError(f"{folder / 'config.json'}: {'; '.join(found)}")
    return config


def _oddities(config: Mapping[str, Any]) -> list[str]:
    """Values of another kind than they have to be."""
    found = []
    pinpoints = config.get("image_grid_pinpoints") or []
    if isinstance(pinpoints, str):
        found.append("image_grid_pinpoints is a text; write it as a list of [width, height]")
    elif not all(isinstance(pair, list) and [type(side) for side in pair] == [int, int] for pair in pinpoints):
        found.append(f"image_grid_pinpoints is {pinpoints!r}, not a list of [width, height]")
    elif any(side < 1 for pair in pinpoints for side in pair):
        found.append(f"image_grid_pinpoints is {pinpoints!r}; sides are at least 1 pixel")
    if type(layer := config.get("mm_vision_select_layer", -2)) is not int:
        found.append(f"mm_vision_select_layer is {layer!r}, not a number")
    return found


def vision_config(
    folders: Sequence[Path], config: Mapping[str, Any], given: Path | None
) -> tuple[dict[str, Any], Path | None]:
    """The configuration of the vision tower, and its folder if there is one.

    Looked for in the folder given, else for each of a checkpoint's ``folders`` in ``vision_tower`` and where
    ``mm_vision_tower`` points (from the folder or beside it); CLIP-L/14-336 is known by its name. Raises SettingsError
    if it is not found.
    """
    source, named = folders[0], str(config["mm_vision_tower"])
    places = [place for folder in folders for place in (folder / TOWER, folder / named, folder.parent / named)]
    for folder in [given] if given else places:
        if (folder / "config.json").is_file():
            found = read_json(folder / "config.json")
            vision = found.get("vision_config", found)
            return {"model_type": "clip_vision_model", **_VISION_DEFAULTS, **_known(vision)}, folder
    if given is None and named.rstrip("/").endswith(_CLIP_L_NAME):
        return dict(CLIP_L_336), None
    where = f"{given} has no config.json" if given else f"it is called {named!r}, and is not beside the checkpoint"
    raise SettingsError(f"{source}: the vision tower's configuration is not found: {where}; give its folder"
                        " (--vision-tower)")  # fmt: skip


def to_transformers(
    config: Mapping[str, Any], vision: Mapping[str, Any], *, rows: int, image_token_id: int, dtype: str
) -> dict[str, Any]:
    """The configuration of LlavaNext for an original one; ``rows`` are those of the vocabulary, with ``<image>``."""
    text = {**_TEXT_DEFAULTS, **{key: config[key] for key in _TEXT_KEYS if key in config}}
    text |= {"model_type": "llama", "vocab_size": rows, "architectures": ["LlamaForCausalLM"]}
    side = int(vision["image_size"]) // int(vision["patch_size"])
    return {
        "architectures": ["LlavaNextForConditionalGeneration"],
        "model_type": "llava_next",
        "text_config": {**text, "torch_dtype": dtype},
        "vision_config": {**vision, "torch_dtype": dtype},
        "image_token_index": image_token_id,
        "image_seq_length": side * side,
        # Turned from (width, height) to (height, width), in the same order: of equally good ones the same is taken.
        "image_grid_pinpoints": [[height, width] for width, height in config["image_grid_pinpoints"]],
        "vision_feature_layer": int(config.get("mm_vision_select_layer", -2)),
        "vision_feature_select_strategy": _STRATEGY[config.get("mm_vision_select_feature", "patch")],
        "projector_hidden_act": "gelu",
        "multimodal_projector_bias": True,
        "tie_word_embeddings": bool(config.get("tie_word_embeddings", False)),
        "torch_dtype": dtype,
    }


@contextmanager
def taken_by_transformers(source: Path) -> Iterator[None]:
    """Turn what transformers raises for a configuration that makes no sense into a SettingsError."""
    from huggingface_hub.errors import StrictDataclassError

    try:
        yield
    except (ValueError, TypeError, KeyError, AttributeError, StrictDataclassError) as error:
        said = " ".join(str(error).split())[:300]
        raise SettingsError(
            f"{source / 'config.json'}: transformers does not take this configuration ({type(error).__name__}: {said})"
        ) from error


def complete(source: Path, config: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration of LlavaNext with the values that a file may leave out. Raises SettingsError if it is wrong."""
    import transformers

    with taken_by_transformers(source):
        found: dict[str, Any] = transformers.LlavaNextConfig.from_dict(dict(config)).to_dict()
    return found


def to_original(config: Mapping[str, Any], *, rows: int, dtype: str) -> dict[str, Any]:
    """The original's configuration for one of LlavaNext, where the original itself is not known."""
    text = dict(config["text_config"])
    rope = text.get("rope_parameters") or {}
    flat = {key: text[key] for key in _TEXT_KEYS if text.get(key) is not None}
    flat["tie_word_embeddings"] = bool(config.get("tie_word_embeddings"))  # that of the whole counts, not the text's
    flat.setdefault("rope_theta", rope.get("rope_theta", _TEXT_DEFAULTS["rope_theta"]))
    if rope.get("rope_type", "default") != "default" and "rope_scaling" not in flat:
        flat["rope_scaling"] = {key: value for key, value in rope.items() if key != "rope_theta"}
    return {
        **flat,
        "architectures": ["LlavaLlamaForCausalLM"],
        "model_type": "llava_llama",
        "vocab_size": rows,
        "image_aspect_ratio": "anyres",
        "image_grid_pinpoints": [[width, height] for height, width in config["image_grid_pinpoints"]],
        "mm_hidden_size": config["vision_config"]["hidden_size"],
        "mm_patch_merge_type": "spatial_unpad",
        "mm_projector_type": "mlp2x_gelu",
        "mm_vision_select_feature": _FEATURE[config.get("vision_feature_select_strategy", "default")],
        "mm_vision_select_layer": config.get("vision_feature_layer", -2),
        "mm_vision_tower": f"openai/{_CLIP_L_NAME}",
        "tokenizer_model_max_length": 6144,
        "torch_dtype": dtype,
        "unfreeze_mm_vision_tower": True,  # else the original code takes the tower from the hub, not from here
        "use_mm_proj": True,
    }


def own_tower(config: Mapping[str, Any]) -> dict[str, Any]:
    """The vision tower's configuration of a LlavaNext; empty for CLIP-L/14-336, which is known by its name."""
    vision = _known(config["vision_config"])
    usual = all(vision.get(key) == value for key, value in CLIP_L_336.items() if key != "projection_dim")
    return {} if usual else vision


def preprocessor(vision: Mapping[str, Any], pinpoints: list[list[int]]) -> dict[str, Any]:
    """Options of transformers' picture processor that make the original's pixels; its own default side is 224."""
    side = int(vision.get("image_size", _TILE_PIXELS))
    return {
        "size": {"shortest_edge": side},
        "crop_size": {"height": side, "width": side},
        "image_grid_pinpoints": pinpoints,
    }


def main_dtype(tensors: Mapping[str, Stored]) -> str:
    """The type that most numbers are stored in: not most tensors, of which norms and biases are the larger part."""
    return next(iter(_numbers_by_dtype(tensors.values())))


def several_dtypes(tensors: Sequence[Stored | Planned]) -> Iterator[str]:
    """A warning when weights are of several types: each keeps its own, but programs load them all in one."""
    found = {name: numbers for name, numbers in _numbers_by_dtype(tensors).items() if name in FLOATS}
    if len(found) > 1:
        told = ", ".join(f"{name} for {numbers / 1e6:,.1f} M" for name, numbers in found.items())
        yield (
            f"weights are of several types ({told}); each was kept as it is, but programs load all of them as"
            f" config.json says, {next(iter(found))}; --dtype makes them one"
        )


def _numbers_by_dtype(tensors: Iterable[Stored | Planned]) -> dict[str, int]:
    """How many numbers are of each type, the most first."""
    found: Counter[str] = Counter()
    for tensor in tensors:
        found[tensor.dtype] += count(tensor.shape)
    return dict(sorted(found.items(), key=lambda one: (-one[1], one[0])))


def _known(vision: Mapping[str, Any]) -> dict[str, Any]:
    ignored = ("architectures", "torch_dtype", "dtype", "transformers_version", "_name_or_path")
    return {key: value for key, value in vision.items() if key not in ignored}
