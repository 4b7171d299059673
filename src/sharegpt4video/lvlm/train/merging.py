"""From a checkpoint to a model on its own: adapters folded into the weights, in the folder format of transformers."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ...errors import SettingsError, StorageError
from ..model.build import build, processor
from ..model.parts import prepare
from ..settings import TrainSettings
from . import checkpoints
from .card import card
from .engines import check_names
from .randomness import seed_everything
from .same import fingerprint

if TYPE_CHECKING:
    from transformers import PreTrainedModel

SHARD = "4GB"


def merge(checkpoint: str | Path, out: str | Path, *, base: str = "") -> Path:
    """Write the trained model to ``out`` as a whole: weights in shards, processor, generation settings, card.

    ``checkpoint`` is a run's folder (its newest sound checkpoint is taken) or a checkpoint's. ``base`` says where the
    base lies now if it was moved. Needs memory for the whole model in the type of its weights: about 17 GB for 8B,
    70 GB for 34B. ``out`` must be new or empty. Raises StorageError for a damaged checkpoint, SettingsError for an
    ``out`` with something in it or a base other than the one that was trained.
    """
    found, out = find(Path(checkpoint)), Path(out)
    if out.exists() and any(out.iterdir()):
        raise SettingsError(f"{out}: is not empty; give a new folder")
    settings = settings_of(found, base)
    model = fold(load(found, settings))
    with _written_whole(out) as folder:
        model.save_pretrained(folder, max_shard_size=SHARD)
        processor(settings.model).save_pretrained(folder)
        (folder / "README.md").write_text(card(found, settings), encoding="utf-8")
    return out


def find(path: Path) -> checkpoints.Checkpoint:
    """The checkpoint in a folder, or the newest sound one of a run. Raises StorageError when there is none."""
    if (path / checkpoints.STATE).exists():
        return checkpoints.read(path)
    found, _ = checkpoints.newest(path)
    if found is None:
        raise StorageError(f"{path}: holds no checkpoint; give the --out folder of a training, or one of its step-…")
    return found


def settings_of(checkpoint: checkpoints.Checkpoint, base: str = "") -> TrainSettings:
    """The settings that a checkpoint was trained with."""
    from pydantic import TypeAdapter, ValidationError

    plain = {**checkpoint.settings, "model": dict(checkpoint.settings["model"])}
    if base:
        plain["model"]["base"] = base
    try:
        return TypeAdapter(TrainSettings).validate_python(plain)
    except ValidationError as error:
        raise SettingsError(f"{checkpoint.folder}: its settings cannot be read by this version: {error}") from error


def load(checkpoint: checkpoints.Checkpoint, settings: TrainSettings) -> nn.Module:
    """The model as it was trained, adapters beside the weights, on the CPU and in evaluation mode."""
    half = settings.run.precision == "bf16"
    seed = settings.optimiser.seed
    seed_everything(seed)
    model = build(settings.model, dtype=torch.bfloat16 if half else torch.float32, seed=seed)
    prepared: nn.Module = prepare(model, settings.tune, settings.run)
    if fingerprint(prepared) != checkpoint.facts["frozen"]:
        raise SettingsError(
            f"{checkpoint.folder}: was trained on other base weights than {settings.model.base or 'are made here'}; "
            "say where they are with --base"
        )
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
    frozen = [p.dtype for p in model.parameters() if not p.requires_grad]
    kind = frozen[0] if frozen else torch.float32
    with torch.no_grad():
        for layer in model.modules():
            if hasattr(layer, "lora_A") and hasattr(layer, "base_layer"):
                _fold_layer(layer)
    whole: Any = model.unload() if hasattr(model, "unload") else model
    folded: PreTrainedModel = whole.to(kind)
    folded.config.dtype = kind
    return folded


def _fold_layer(layer: Any) -> None:
    weight: Tensor = layer.base_layer.weight
    total = weight.float()
    for name in layer.active_adapters:
        a, b = layer.lora_A[name].weight.float(), layer.lora_B[name].weight.float()
        total = total + (b @ a) * layer.scaling[name]
    weight.data = total.to(weight.dtype)


@contextlib.contextmanager
def _written_whole(out: Path) -> Iterator[Path]:
    """A folder beside ``out`` that takes its place when all is written."""
    folder = out.with_name(f".{out.name}.unfinished")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    yield folder
    for path in folder.rglob("*"):
        checkpoints.sync(path)
    if out.exists():
        out.rmdir()
    folder.rename(out)
    checkpoints.sync(out.parent)
