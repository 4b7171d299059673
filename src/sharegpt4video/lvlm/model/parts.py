"""Which parts of a model learn and how: LoRA, full or frozen; precision, checkpointing, loss; groups of parameters."""

from __future__ import annotations

import re
import warnings
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from ...errors import MissingExtra, SettingsError
from ..settings import RunSettings, TuneSettings
from .loss import with_summed_loss
from .shapes import PARTS, Part, Parts

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# What wrappers put before a parameter's name or into it.
_WRAPPINGS = re.compile(
    r"base_model\.model\.|_orig_mod\.|_fsdp_wrapped_module\.|_checkpoint_wrapped_module\.|^module\."
)


def prepare(model: PreTrainedModel, tune: TuneSettings, run: RunSettings) -> nn.Module:
    """Make a model ready to train: what learns, in which precision, what is calculated again, how the loss is taken.

    With LoRA the result is a PEFT model around ``model``. What learns is kept in 32 bits; the rest stays as it is.
    Draws new adapters from the global random state, so set a seed before.

    Raises SettingsError when a module learns that must not; MissingExtra for LoRA without PEFT.
    """
    parts = parts_of(model)
    model.requires_grad_(False)
    with_summed_loss(model, fused=run.fused_loss, autocast=torch.bfloat16 if run.precision == "bf16" else None)
    trained: nn.Module = _with_lora(model, parts, tune) if tune.language == "lora" else model
    never = never_learning(model)
    for name, parameter in trained.named_parameters():
        plain = plain_name(name)
        full = "lora_" not in plain and getattr(tune, parts.of(plain)) == "full"
        if full and not plain.startswith(never):
            parameter.requires_grad_(True)
        if full or parameter.requires_grad:  # a part that learns is of one type throughout
            parameter.data = parameter.data.float()
    _check(trained, parts, tune, never)
    if run.precision == "bf16":
        _spare_casts(trained)
    checkpoint(model, run.checkpointing)
    return trained.train()


def parts_of(model: nn.Module) -> Parts:
    """The parts of a model by its type. Raises SettingsError for a type that is not known."""
    kind = base_model(model).config.model_type
    if kind not in PARTS:
        raise SettingsError(
            f"which parts a {kind} has is not known; known are {', '.join(PARTS)} (lvlm/model/shapes.py)"
        )
    return PARTS[kind]


def base_model(model: nn.Module) -> Any:
    """The model of transformers inside wrappers (DDP, DeepSpeed, PEFT, compiled)."""
    from transformers import PreTrainedModel

    inner: Any = model
    while not isinstance(inner, PreTrainedModel):
        step = next((name for name in ("_orig_mod", "module", "base_model", "model") if hasattr(inner, name)), None)
        if step is None:
            raise SettingsError(f"there is no model of transformers inside {type(model).__name__}")
        inner = getattr(inner, step)
    return inner


def plain_name(name: str) -> str:
    """A parameter's name as the model itself calls it, whatever is wrapped around the model."""
    return _WRAPPINGS.sub("", name)


def never_learning(model: PreTrainedModel) -> tuple[str, ...]:
    """Beginnings of the names of parameters that no gradient ever reaches.

    LLaVA takes its features from a layer before the last of the CLIP tower: what comes after is calculated and
    thrown away. DDP would wait for those gradients, and an optimiser would keep state for them.
    """
    config = model.config
    if config.model_type not in ("llava_next", "llava") or config.vision_config.model_type != "clip_vision_model":
        return ()
    layers = config.vision_config.num_hidden_layers
    wanted = config.vision_feature_layer
    taken = [wanted] if isinstance(wanted, int) else list(wanted)
    last = max(layers + 1 + one if one < 0 else one for one in taken)  # layers that contribute; 0 is the embedding
    unused = [f"model.vision_tower.encoder.layers.{index}." for index in range(last, layers)]
    return (*unused, "model.vision_tower.post_layernorm.")


def parameter_groups(model: nn.Module, tune: TuneSettings, weight_decay: float) -> list[dict[str, Any]]:
    """What learns, for an optimiser: one group for each part with its learning rate (``name``, ``lr``, ``params``).

    Biases, norms and other vectors are not decayed; where there is decay, they are groups of their own
    (``language, not decayed``). Raises SettingsError when nothing learns or a parameter is in no group.
    """
    parts = parts_of(model)
    groups: dict[str, dict[str, Any]] = {}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        part: Part = parts.of(plain_name(name))
        decayed = weight_decay > 0 and parameter.ndim > 1
        label = part if decayed or weight_decay == 0 else f"{part}, not decayed"
        fresh = {"name": label, "params": [], "lr": getattr(tune, f"{part}_rate"),
                 "weight_decay": weight_decay if decayed else 0.0}  # fmt: skip
        groups.setdefault(label, fresh)["params"].append(parameter)
    order = ("language", "projector", "vision")
    found = sorted(groups.values(), key=lambda group: (order.index(group["name"].split(",")[0]), group["name"]))
    _check_groups(model, found)
    return found


def trainable_parameters(model: nn.Module) -> dict[Part, int]:
    """How many parameters learn in each part; parts without any are left out."""
    parts = parts_of(model)
    counts: dict[Part, int] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            part = parts.of(plain_name(name))
            counts[part] = counts.get(part, 0) + parameter.numel()
    return counts


def checkpoint(model: Any, kind: str) -> None:
    """Set what the backward pass calculates again instead of keeping it: nothing, every layer, or all but attention.

    ``selective`` keeps the results of attention kernels (SDPA, FlashAttention, FlexAttention). With the attention
    ``eager`` there is no such kernel, and it is the same as ``full``. Gradients are the same in every case.
    """
    if kind == "none":
        return
    options: dict[str, Any] = {"use_reentrant": False}
    if kind == "selective":
        from torch.utils.checkpoint import create_selective_checkpoint_contexts

        options["context_fn"] = partial(create_selective_checkpoint_contexts, attention_kernels())
    with warnings.catch_warnings():
        # It has another name from transformers 5.20 on, and the old one warns.
        warnings.simplefilter("ignore", FutureWarning)
        enable = getattr(model, "activation_checkpointing_enable", None) or model.gradient_checkpointing_enable
        enable(options)


def attention_kernels() -> list[Any]:
    """The operations whose results ``selective`` keeps: those of this version of torch and what is installed."""
    names = ("_scaled_dot_product_flash_attention", "_scaled_dot_product_efficient_attention",
             "_scaled_dot_product_cudnn_attention", "_scaled_dot_product_flash_attention_for_cpu",
             "_scaled_dot_product_attention_math_for_mps", "_flash_attention_forward")  # fmt: skip
    found = [getattr(torch.ops.aten, name).default for name in names if hasattr(torch.ops.aten, name)]
    found.append(torch.ops.higher_order.flex_attention)
    if find_spec("flash_attn") is not None:
        import_module("flash_attn.flash_attn_interface")  # registers its operations
        flash = torch.ops.flash_attn
        found += [getattr(flash, name).default for name in ("_flash_attn_forward", "_flash_attn_varlen_forward")
                  if hasattr(flash, name)]  # fmt: skip
    return found


def _with_lora(model: PreTrainedModel, parts: Parts, tune: TuneSettings) -> nn.Module:
    if find_spec("peft") is None:
        raise MissingExtra("LoRA", "train")
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(
        r=tune.lora_rank,
        lora_alpha=tune.lora_alpha,
        lora_dropout=tune.lora_dropout,
        target_modules=parts.lora_targets,
        bias="none",
    )
    with warnings.catch_warnings():
        # PEFT asks transformers for a property that has another name from transformers 5.20 on.
        warnings.filterwarnings("ignore", ".*is_gradient_checkpointing", FutureWarning)
        # Without weights (a plan, or a process that is sent its own later), adapters need none either.
        return get_peft_model(model, config, low_cpu_mem_usage=next(model.parameters()).is_meta)


def _spare_casts(model: nn.Module) -> None:
    """Adapters in 32 bits make PEFT copy their input into 32 bits; autocast calculates in 16 anyhow."""
    for module in model.modules():
        if hasattr(module, "cast_input_dtype_enabled"):
            module.cast_input_dtype_enabled = False


def _check(model: nn.Module, parts: Parts, tune: TuneSettings, never: tuple[str, ...]) -> None:
    """Look at every name once more: what must not learn does not, and adapters are in the language model alone."""
    wrong = []
    fits = re.compile(parts.lora_targets + r"\.lora_[AB]\.\w+\.weight")
    adapters = 0
    for name, parameter in model.named_parameters():
        plain = plain_name(name)
        if "lora_" in plain:
            adapters += 1
            if not fits.fullmatch(plain) or not parameter.requires_grad:
                wrong.append(plain)
        elif parameter.requires_grad and (getattr(tune, parts.of(plain)) != "full" or plain.startswith(never)):
            wrong.append(plain)
        elif parameter.requires_grad and parameter.dtype != torch.float32:
            wrong.append(f"{plain} ({parameter.dtype})")
    if wrong:
        raise SettingsError(f"{len(wrong)} parameters are not as they should be, such as {', '.join(wrong[:3])}")
    if (tune.language == "lora") != (adapters > 0):
        raise SettingsError(f"{adapters} adapters, though tune.language is {tune.language!r}")


def _check_groups(model: nn.Module, groups: list[dict[str, Any]]) -> None:
    grouped = [id(parameter) for group in groups for parameter in group["params"]]
    learning = {id(parameter) for parameter in model.parameters() if parameter.requires_grad}
    if not learning:
        raise SettingsError("nothing learns; look at tune.language, tune.projector and tune.vision")
    if len(grouped) != len(set(grouped)) or set(grouped) != learning:
        raise SettingsError("a parameter that learns is in no group, or in two")
