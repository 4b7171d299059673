"""LoRA adapters of the original training: weights learned beside a base, added to it tensor by tensor."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...errors import SettingsError
from ...tensors import Reader, Stored, read_json, stored_in, weight_files
from .files import not_floats

NON_LORA = ("non_lora_trainables.bin", "non_lora_trainables.safetensors")
"""What the original training calls the file of weights that it trained outside LoRA, and what hubs turn it into."""
TOWER = "vision_tower"
"""The folder in which the original training saves a tower that it trained, beside the weights of the rest."""
_PROJECTOR = tuple(f"model.mm_projector.{layer}.{kind}" for layer in (0, 2) for kind in ("weight", "bias"))
_CHANGE_BASE = ("pissa", "olora", "corda", "loftq")
"""Ways to begin LoRA that take something away from the base's weights; PEFT does so again when it loads them."""
_NOT_MERGED = (
    *("use_dora", "fan_in_fan_out", "modules_to_save", "layer_replication", "lora_bias", "use_qalora"),
    *("target_parameters", "trainable_token_indices", "alora_invocation_tokens"),
)
"""Settings of PEFT under which an adapter is more, or other, than a product added to whole weights."""
_FACTOR = re.compile(r"base_model\.model\.(.+)\.lora_([AB])(?:\.default)?\.weight")


@dataclass(frozen=True)
class Adapter:
    """What was learned beside the base, by the original names of its weights.

    ``low_rank`` holds a pair (A, B) and its scale for each weight that it is added to; ``whole`` the weights that it
    replaces or brings.
    """

    low_rank: Mapping[str, tuple[Stored, Stored, float]] = field(default_factory=dict)
    whole: Mapping[str, Stored] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def merged(self, name: str, weight: Any, reader: Reader) -> Any:
        """``W + B A * scale`` in 32 bits (the rule of PEFT's merge), to be rounded once when it is written."""
        import torch

        first, second, scale = self.low_rank[name]
        a, b = reader.tensor(first).to(torch.float32), reader.tensor(second).to(torch.float32)
        return torch.addmm(weight.to(torch.float32), b, a, alpha=scale)

    def misfits(self, weights: Mapping[str, Stored]) -> list[str]:
        """Factors whose shapes or types cannot be merged into the weights that they are for, each with why."""
        found = not_floats(stored for first, second, _ in self.low_rank.values() for stored in (first, second))
        for name, (first, second, _) in self.low_rank.items():
            a, b, whole = first.shape, second.shape, weights[name].shape
            if len(a) != 2 or len(b) != 2 or a[0] != b[1] or (b[0], a[1]) != whole:
                found.append(f"{name} of {whole} has A of {a} and B of {b}")
        return found


def is_adapter(folder: Path) -> bool:
    """Whether a folder holds LoRA weights instead of a whole model."""
    return (folder / "adapter_config.json").is_file()


def read_adapter(folder: Path) -> Adapter:
    """The adapter in a folder. Raises SettingsError for a kind that is not merged here, StorageError for bad files."""
    config = read_json(folder / "adapter_config.json")
    _check(config, folder)
    files = weight_files(folder, "adapter_model")
    if not files:
        raise SettingsError(f"{folder}: there is an adapter_config.json, but no adapter_model file; copy it, too")
    factors: dict[str, dict[str, Stored]] = {}
    unknown = []
    for name, stored in stored_in(files).items():
        found = _FACTOR.fullmatch(name)
        if found is None:
            unknown.append(name)
        else:
            factors.setdefault(found[1], {})[found[2]] = stored
    unknown += [f"{module}.lora_{next(iter(pair))}, without the other" for module, pair in factors.items()
                if len(pair) != 2]  # fmt: skip
    if not factors and not unknown:
        raise SettingsError(f"{folder}: the file of adapter_model holds no weights; copy it again")
    if unknown:
        raise SettingsError(f"{folder}: adapter weights that cannot be merged: {', '.join(sorted(unknown))}")
    low_rank = {
        f"{module}.weight": (pair["A"], pair["B"], _scale(config, module, pair["A"].shape[0]))
        for module, pair in factors.items()
    }
    # A tower that LoRA leaked into is saved with the factors that are in the adapter's own file, too.
    tower = {name: stored for name, stored in read_tower(folder).items() if name.partition(".lora_")[0] not in factors}
    whole = _whole(folder)
    missing = [name for name in _PROJECTOR if name not in whole]
    return Adapter(low_rank, {**tower, **whole}, (_no_projector(folder, missing),) if missing else ())


def _no_projector(folder: Path, missing: Sequence[str]) -> str:
    there = [name for name in NON_LORA if (folder / name).is_file()]
    lacks = "no projector" if len(missing) == len(_PROJECTOR) else f"a projector without {', '.join(missing)}"
    what = f"{there[0]} holds {lacks}" if there else f"there is no {NON_LORA[0]}"
    whose = (
        "the projector is the base's, as it was" if lacks == "no projector" else "these are the base's, as they were"
    )
    return (
        f"{what} in {folder}: {whose} before training. The recipes train it beside LoRA"
        " and save it there; unless yours left it frozen, copy the file that was saved with adapter_model and convert"
        " again"
    )


def read_tower(folder: Path) -> dict[str, Stored]:
    """The vision tower that was trained and saved beside a checkpoint, by original names; empty if there is none."""
    found = {}
    for name, stored in stored_in(weight_files(folder / TOWER)).items():
        full = name if name.startswith("model.vision_tower.") else f"model.vision_tower.vision_tower.{name}"
        found[_without_wrappers(full)] = stored
    return found


def _whole(folder: Path) -> dict[str, Stored]:
    """Weights that were trained outside LoRA; empty if the folder holds none."""
    files = [folder / name for name in NON_LORA if (folder / name).is_file()]
    return {_without_wrappers(name): stored for name, stored in stored_in(files[:1]).items()}


def _without_wrappers(name: str) -> str:
    """PEFT and the trainer each put their own name in front; PEFT also into the name of a layer with factors."""
    name = name.removeprefix("base_model.").replace(".base_layer.", ".")
    return name.removeprefix("model.") if name.startswith(("model.model.", "model.lm_head.")) else name


def _scale(config: Mapping[str, Any], module: str, rank: int) -> float:
    alpha = config["lora_alpha"]
    patterns = config.get("alpha_pattern") or {}
    try:
        own = [value for pattern, value in patterns.items() if re.fullmatch(rf"(?:.*\.)?(?:{pattern})", module)]
    except (AttributeError, re.error) as error:
        raise SettingsError(f"alpha_pattern is {patterns!r}, not patterns with a number each ({error})") from error
    alpha = own[0] if own else alpha
    if isinstance(alpha, bool) or not isinstance(alpha, (int, float)) or not math.isfinite(alpha) or rank < 1:
        raise SettingsError(
            f"{module}: lora_alpha is {alpha!r} and the rank {rank}; a number and at least 1 are wanted"
        )
    return float(alpha / rank**0.5 if config.get("use_rslora") else alpha / rank)


def _check(config: Mapping[str, Any], folder: Path) -> None:
    kind = config.get("peft_type", "LORA")
    found = [] if kind == "LORA" else [f"peft_type {kind}"]
    found += [name for name in _NOT_MERGED if config.get(name)]
    if config.get("bias", "none") != "none":
        found.append(f"bias {config['bias']}")
    begun = str(config.get("init_lora_weights", ""))
    if begun.startswith(_CHANGE_BASE):  # the factors belong to another base than the files hold
        found.append(f"init_lora_weights {begun}")
    if "lora_alpha" not in config:
        found.append("no lora_alpha")
    if found:
        raise SettingsError(
            f"{folder}: this adapter cannot be merged here ({', '.join(found)}); merge it with PEFT first"
        )
