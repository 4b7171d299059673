"""From settings to a model and its processor: random weights of a shape, or a folder or a name on the Hub."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ...errors import MissingExtra, SettingsError
from ...hub import need_within_reach
from ..settings import AttentionKind, ModelSettings
from .attention import Attention, Heads, choose
from .kernels import registered, tell_sequences
from .shapes import PARTS, SHAPES, Shape, shape
from .tiny import SPECIAL_TOKENS, processor_for

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel, ProcessorMixin

_SHOWN = 5  # of the weights that do not fit, in a message


def build(
    settings: ModelSettings,
    *,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.bfloat16,
    seed: int = 0,
    attention: AttentionKind | None = None,
) -> PreTrainedModel:
    """The model that settings describe, all of it in ``dtype``, nothing frozen yet (``parts.prepare`` does that).

    On the device ``meta`` nothing is allocated and no weights are read: for plans and counts. ``seed`` decides random
    weights and leaves the global random state as it was. ``attention`` is the kernel that was chosen for the device
    the model will train on (`attention_of`); None: what the settings name, and for ``auto`` SDPA, which works on any.
    Only safetensors files are read.

    Raises SettingsError for a base of another architecture than ``shape``, of the original LLaVA format, without
    safetensors, with weights missing or damaged, or that does not stop at its end-of-turn token; MissingExtra without
    transformers.
    """
    _needs_transformers()
    from transformers import AutoModelForImageTextToText

    config = configuration(settings)
    place = torch.device(device)
    named = "sdpa" if settings.attention == "auto" else settings.attention
    implementation = _by_part(config.model_type, attention or named)
    if settings.random_weights or place.type == "meta":
        with _seeded(seed, place), place:
            model = AutoModelForImageTextToText.from_config(config, dtype=dtype, attn_implementation=implementation)
            _spread_places(model, settings)
        _set_ends(model, settings)
    else:
        model = _read(settings, config, place, dtype, implementation)
    tell_sequences(model)
    return model


def processor(settings: ModelSettings) -> ProcessorMixin:
    """Tokenizer and image processor: the base's own, or the built-in ones for random weights.

    Raises SettingsError for random weights of a shape that the built-in processor does not fit.
    """
    _needs_transformers()
    if settings.random_weights:
        wanted = shape(settings.shape)
        if wanted.model_type != "llava_next":
            raise SettingsError(
                f"model.random_weights: there is no built-in processor for {wanted.name}; use its weights (model.base)"
            )
        return processor_for(wanted)
    from transformers import AutoProcessor

    # The PIL backend, since its pixels equal those of the original code; torchvision's are close, not equal.
    try:
        need_within_reach(settings.base)
        return AutoProcessor.from_pretrained(
            settings.base,
            revision=settings.revision or None,
            trust_remote_code=settings.trust_remote_code,
            backend="pil",
        )
    except (OSError, ValueError) as error:
        raise SettingsError(f"model.base: {settings.base} has no processor that can be read: {error}") from error


def configuration(settings: ModelSettings) -> PreTrainedConfig:
    """The configuration of the base, checked against ``shape`` where both are given, or that of the shape alone."""
    _needs_transformers()
    wanted = shape(settings.shape) if settings.shape else None
    if not settings.base:
        assert wanted is not None  # settings.problems() asks for one of the two
        return _for_random(wanted) if settings.random_weights else wanted.config()
    config = _base_config(settings)
    if wanted is not None:
        found = wanted.differences(config)
        if found:
            raise SettingsError(f"model.base: {settings.base} is not a {wanted.name}: {'; '.join(found)}")
    if config.model_type not in PARTS:
        raise SettingsError(
            f"model.base: {settings.base} is a {config.model_type}; known are {', '.join(PARTS)}."
            " To train another kind, say in PARTS (lvlm/model/shapes.py) what its parts are called"
        )
    return config


def shape_of(settings: ModelSettings) -> Shape | None:
    """The shape that settings name, or the one whose numbers the base has; None for a base of another architecture."""
    if settings.shape:
        return shape(settings.shape)
    config = configuration(settings)
    return next((one for one in SHAPES.values() if not one.differences(config)), None)


def is_tied(config: PreTrainedConfig) -> bool:
    """Whether embedding and head are one tensor."""
    return bool(getattr(config, "tie_word_embeddings", False) or config.get_text_config().tie_word_embeddings)


def attention_of(settings: ModelSettings, device: torch.device, dtype: torch.dtype, *, packing: bool) -> Attention:
    """The attention kernel that settings mean on a device, for arithmetic in ``dtype``. Raises SettingsError."""
    return choose(settings.attention, device, Heads.of(configuration(settings).get_text_config(), dtype),
                  packing=packing)  # fmt: skip


def _by_part(model_type: str, kind: str) -> dict[str, str]:
    """What transformers calls the kernels of the language model and of the vision tower.

    CLIP sees tiles of one size, which suit SDPA; another tower may see pictures of any size in one row.
    """
    if kind == "eager":
        return {"text_config": kind, "vision_config": kind}
    own = model_type != "llava_next" and kind in ("flash_attention_2", "flash_attention_3")
    return {"text_config": registered(kind), "vision_config": kind if own else "sdpa"}


def check_ends(model: PreTrainedModel, processor: ProcessorMixin, wanted: Shape) -> None:
    """Raises SettingsError unless generation stops at the end-of-turn token of the recipe.

    A model that is trained to end its turns with a token it does not stop at writes on and on.
    """
    token = processor.tokenizer.convert_tokens_to_ids(wanted.end_of_turn)
    if token is None or token == processor.tokenizer.unk_token_id:
        raise SettingsError(f"{wanted.name}: the tokenizer has no token {wanted.end_of_turn!r}, which ends a turn")
    ends = model.generation_config.eos_token_id
    if token not in (ends if isinstance(ends, list) else [ends]):
        raise SettingsError(
            f"{wanted.name}: generation stops at {ends}, not at {wanted.end_of_turn!r} ({token}), which ends a turn;"
            f' add {token} to "eos_token_id" in generation_config.json'
        )


def _read(
    settings: ModelSettings,
    config: PreTrainedConfig,
    place: torch.device,
    dtype: torch.dtype,
    attention: dict[str, str],
) -> PreTrainedModel:
    from safetensors import SafetensorError
    from transformers import AutoModelForImageTextToText

    try:
        model, loaded = AutoModelForImageTextToText.from_pretrained(
            settings.base,
            revision=settings.revision or None,
            config=config,
            dtype=dtype,
            attn_implementation=attention,
            use_safetensors=True,
            trust_remote_code=settings.trust_remote_code,
            device_map={"": place} if place.type != "cpu" else None,
            # Told, not raised: transformers names what does not fit in a table on the terminal alone.
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
    except (OSError, SafetensorError) as error:
        raise SettingsError(f"model.base: {settings.base} cannot be read (safetensors only): {error}") from error
    _check_loaded(loaded, settings.base)
    known = shape_of(settings)
    if known is not None:
        check_ends(model, processor(settings), known)
    return model


def _check_loaded(loaded: dict[str, Any], base: str) -> None:
    """Raises SettingsError if weights are missing or of another shape: transformers would make random ones instead."""
    wrong = [f"{name} is missing" for name in sorted(loaded["missing_keys"])]
    wrong += [f"{name} is {tuple(found)}, not {tuple(wanted)}"
              for name, found, wanted in sorted(loaded["mismatched_keys"])]  # fmt: skip
    if wrong:
        more = f" and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        raise SettingsError(
            f"model.base: {base}: its weights are not those of its config.json: {'; '.join(wrong[:_SHOWN])}{more}; "
            "copy or download it again"
        )


def _base_config(settings: ModelSettings) -> PreTrainedConfig:
    from transformers import AutoConfig, PreTrainedConfig

    revision = settings.revision or None
    if (Path(settings.base) / "adapter_config.json").is_file():  # transformers would load what it names, and wrap that
        raise SettingsError(
            f"model.base: {settings.base} holds an adapter (adapter_config.json), not a model of its own; merge it into"
            " its base first (sg4v train merge for a run of ours, merge_and_unload in peft), and name that folder"
        )
    try:
        need_within_reach(settings.base)
        plain, _ = PreTrainedConfig.get_config_dict(settings.base, revision=revision)
    except OSError as error:
        raise SettingsError(f"model.base: {settings.base} cannot be read: {error}") from error
    if not plain:
        if (Path(settings.base) / "checkpoints").is_dir():
            raise SettingsError(
                f"model.base: {settings.base} is a run of sg4v train, not yet a model; merge it: sg4v train merge"
                f" {settings.base} --out FOLDER, then name FOLDER"
            )
        raise SettingsError(f"model.base: {settings.base} has no config.json; is it a folder of a model?")
    if "mm_vision_tower" in plain or str(plain.get("model_type", "")).startswith("llava_llama"):
        raise SettingsError(
            f"model.base: {settings.base} is in the original LLaVA format; convert it once with"
            f" `sg4v convert {settings.base} --out FOLDER` and give that folder"
        )
    try:
        return AutoConfig.from_pretrained(
            settings.base, revision=revision, trust_remote_code=settings.trust_remote_code
        )
    except ValueError as error:
        raise SettingsError(f"model.base: {settings.base} is of no kind that transformers knows: {error}") from error


def _for_random(wanted: Shape) -> PreTrainedConfig:
    """With random weights there is no tokenizer of the base, so the special tokens are those of the built-in one."""
    config = wanted.config()
    if wanted.model_type == "llava_next":
        ids = {name: number for number, name in enumerate(SPECIAL_TOKENS)}
        config.image_token_id = ids[wanted.image_token]
        config.text_config.bos_token_id = ids["<|begin_of_text|>"]
        config.text_config.eos_token_id = ids["<|eot_id|>"]
        config.text_config.pad_token_id = ids["<pad>"]
    return config


def _spread_places(model: Any, settings: ModelSettings) -> None:
    """Set where patches are apart from the first step on, for a shape that is learned from nothing."""
    deviation = shape(settings.shape).places if settings.shape else 0.0
    if deviation and settings.random_weights:
        torch.nn.init.normal_(model.model.vision_tower.embeddings.position_embedding.weight, std=deviation)


def _set_ends(model: PreTrainedModel, settings: ModelSettings) -> None:
    text = model.config.get_text_config()
    for name in ("bos_token_id", "eos_token_id", "pad_token_id"):
        setattr(model.generation_config, name, getattr(text, name, None))
    if not settings.random_weights and settings.base:
        model.config.name_or_path = str(Path(settings.base))


@contextmanager
def _seeded(seed: int, place: torch.device) -> Iterator[None]:
    devices: list[Any] = [place] if place.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield


def _needs_transformers() -> None:
    if find_spec("transformers") is None:
        raise MissingExtra("a model of transformers", "train")
