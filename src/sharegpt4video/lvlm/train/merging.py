"""From a checkpoint to a model on its own: adapters folded into the weights, in the folder format of transformers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from torch import nn

from ...checking import validated
from ...errors import SettingsError, StorageError
from ...files import whole_folder
from ...given import read_text
from ...learning import checkpoints
from ...learning.randomness import seed_everything
from ...learning.weights import check_names
from ...vlm.taught import TAUGHT, taught_text
from ..mixture.prepare import APART
from ..model.build import build, processor
from ..model.parts import prepare
from ..settings import TrainSettings
from .card import card
from .resume_check import fingerprint
from .streamed import SHARD_BYTES, base_dtype, base_files, folded, lora_layers, merged_dtype, other_base, write_streamed

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def merge(checkpoint: str | Path, out: str | Path, *, base: str = "", trust_remote_code: bool = False) -> Path:
    """Write the trained model to ``out`` as a whole: weights in shards, processor, generation settings, card.

    ``checkpoint`` is a run's folder (its newest sound checkpoint is taken) or a checkpoint's. ``base`` says where the
    base lies now if it was moved. ``trust_remote_code`` lets a base run code of its own, as it may have in training;
    that the checkpoint says so is not enough. A base in safetensors is merged weight by weight, from its files into new
    ones: that takes the memory of a few weights and of the mapped file they are read from. Random weights and other
    bases that cannot be read so (``streamed.base_files``) need memory for the whole model in the type of its weights.
    ``out`` must be new or empty. Raises StorageError for a damaged checkpoint or a full disk, SettingsError for an
    ``out`` with something in it, a base other than the one that was trained, or one with weights missing or too many.
    """
    found, out = find(Path(checkpoint)), Path(out)
    _check_new(out)
    settings = settings_of(found, base, trust_remote_code=trust_remote_code)
    files = base_files(settings.model)
    with _written_whole(out) as folder:
        if files:
            write_streamed(files, found, settings, folder)
        else:
            fold(load(found, settings)).save_pretrained(folder, max_shard_size=SHARD_BYTES)
        processor(settings.model).save_pretrained(folder)
        (folder / "README.md").write_text(card(found, settings), encoding="utf-8")
        if known := _taught(found, settings):
            (folder / TAUGHT).write_text(known, encoding="utf-8")
    return out


def _taught(checkpoint: checkpoints.Checkpoint, settings: TrainSettings) -> str:
    """The file of what a captioner knows; after preference training that of its base. "": it is no captioner."""
    if prompts := checkpoint.facts.get("prompts"):
        fast = checkpoint.facts.get("mixture", {}).get("fast", {})
        return taught_text(prompts, frames_apart=bool(fast) and fast.get(APART) == fast["samples"])
    before = Path(settings.model.base) / TAUGHT
    return read_text(before) if settings.is_captioner and settings.model.base and before.is_file() else ""


def find(path: Path) -> checkpoints.Checkpoint:
    """The checkpoint in a folder, or the newest sound one of a run. Raises StorageError when there is none."""
    if (path / checkpoints.STATE).exists():
        return checkpoints.read(path)
    found, _ = checkpoints.newest(path)
    if found is None:
        raise StorageError(f"{path}: holds no checkpoint; give the --out folder of a training, or one of its step-…")
    return found


def settings_of(
    checkpoint: checkpoints.Checkpoint, base: str = "", *, trust_remote_code: bool = False
) -> TrainSettings:
    """The settings that a checkpoint was trained with. Raises SettingsError where they want to run code unasked."""
    plain = {**checkpoint.settings, "model": dict(checkpoint.settings["model"])}
    if plain["model"].get("trust_remote_code") not in (None, False) and not trust_remote_code:
        raise SettingsError(
            f"{checkpoint.folder}: its base {plain['model'].get('base')} runs code of its own; if you know that code, "
            "say so: --trust-remote-code (in Python, trust_remote_code=True)"
        )
    if base:
        plain["model"]["base"] = base
    return validated(TrainSettings, plain, f"{checkpoint.folder}: its settings cannot be read by this version")


def load(checkpoint: checkpoints.Checkpoint, settings: TrainSettings) -> nn.Module:
    """The model as it was trained, adapters beside the weights, on the CPU and in evaluation mode."""
    seed = settings.optimiser.seed
    seed_everything(seed)
    model = build(settings.model, dtype=base_dtype(settings), seed=seed)
    prepared: nn.Module = prepare(model, settings.tune, settings.run)
    if fingerprint(prepared) != checkpoint.facts["frozen"]:
        raise other_base(checkpoint, settings)
    weights = checkpoint.weights()
    trained = {name: p for name, p in prepared.named_parameters() if p.requires_grad}
    check_names(weights, trained)
    with torch.no_grad():
        for name, parameter in trained.items():
            parameter.data = weights[name].to(torch.float32)
    return prepared.eval()


def fold(model: nn.Module) -> PreTrainedModel:
    """Add each adapter to the weights it belongs to, in 32 bits, and take it off.

    All weights come out in the type that the frozen ones have.
    """
    kind = merged_dtype(model)
    with torch.no_grad():
        for _, layer in lora_layers(model):
            pairs = [(layer.lora_A[name].weight, layer.lora_B[name].weight, layer.scaling[name])
                     for name in layer.active_adapters]  # fmt: skip
            layer.base_layer.weight.data = folded(layer.base_layer.weight, pairs)
    whole: Any = model.unload() if hasattr(model, "unload") else model
    folded_model: PreTrainedModel = whole.to(kind)
    folded_model.config.dtype = kind
    return folded_model


def _check_new(out: Path) -> None:
    """Raises SettingsError unless ``out`` is new or an empty folder, and has a name: its place is taken by another."""
    if not out.name:
        raise SettingsError(f"{out}: give the name of a new folder")
    if out.exists() and not out.is_dir():
        raise SettingsError(f"{out}: is a file; give a new folder")
    if out.exists() and any(out.iterdir()):
        raise SettingsError(f"{out}: is not empty; give a new folder")


@contextlib.contextmanager
def _written_whole(out: Path) -> Iterator[Path]:
    """A folder beside ``out`` that takes its place when all is written, and disappears when something fails.

    Raises StorageError when it cannot be written.
    """
    try:
        with whole_folder(out) as folder:
            yield folder
            for path in folder.rglob("*"):
                checkpoints.sync(path)
    except (OSError, SafetensorError) as error:
        raise StorageError(
            f"{out}: was not written: {error}; if the disk is full, make room, and merge again"
        ) from error
    checkpoints.sync(out.parent)
