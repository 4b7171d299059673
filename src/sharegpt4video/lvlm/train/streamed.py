"""Merging from file to file: each weight of the base is read, changed and written before the next one is read.

The numbers are those of ``merging.fold`` on the whole model, bit for bit: its types and its arithmetic are used here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ...errors import SettingsError, StorageError
from ...hub import fetched, need_within_reach
from ...learning.checkpoints import WEIGHTS, Checkpoint
from ...learning.weights import check_names
from ...tensors import Reader, Stored, stored_in, weight_files
from ..convert.files import Planned, write_shards
from ..convert.names import HEAD, is_dropped, usual
from ..model.build import build, check_ends, configuration, is_tied, processor, shape_of
from ..model.parts import plain_name, prepare
from ..settings import ModelSettings, TrainSettings
from .resume_check import fingerprint

if TYPE_CHECKING:
    from transformers import PreTrainedModel

SHARD_BYTES = 4 * 10**9
_FLOATS = ("float64", "float32", "float16", "bfloat16")
_SHOWN = 5
_FIRST = 16  # of the values, which a fingerprint looks at


def base_files(settings: ModelSettings) -> list[Path]:
    """The base's files if it can be merged from file to file; none if the whole model must be made in memory.

    That is so for random weights, which are in no file; for embedding and head that should be one tensor but are both
    in the files; for files other than safetensors; for quantised bases and those with code of their own, whose weights
    transformers makes as it reads them.
    """
    if settings.random_weights or settings.trust_remote_code:
        return []
    config = configuration(settings)
    if getattr(config, "quantization_config", None):
        return []
    files = _files(_folder(settings))
    if is_tied(config) and any(usual(name) == HEAD for name in stored_in(files)):
        return []
    return files


def write_streamed(
    files: Iterable[Path],
    checkpoint: Checkpoint,
    settings: TrainSettings,
    folder: Path,
    shard_bytes: int = SHARD_BYTES,
) -> None:
    """Write the merged weights and the configurations of the model that ``checkpoint`` made of a base in ``files``.

    Holds a weight at a time, and maps a file of the base. Raises SettingsError for a base other than the one that was
    trained, or whose weights are not those of its configuration, listing them; TrainingError for a checkpoint of
    other weights than ``settings`` train; StorageError for damaged files.
    """
    merging = _Merging.of(list(files), checkpoint, settings)
    if merging.fingerprint() != checkpoint.facts["frozen"]:
        raise other_base(checkpoint, settings)
    _write_configurations(merging.model, merging.kind, settings.model, folder)
    try:
        write_shards(merging.planned(), folder, shard_bytes)
    finally:
        merging.close()


def other_base(checkpoint: Checkpoint, settings: TrainSettings) -> SettingsError:
    """What is raised when the frozen weights are not those that were trained on."""
    return SettingsError(
        f"{checkpoint.folder}: was trained on other base weights than {settings.model.base or 'are made here'}; "
        "say where they are with --base"
    )


def base_dtype(settings: TrainSettings) -> torch.dtype:
    """The type that the base is read in."""
    return torch.bfloat16 if settings.run.precision == "bf16" else torch.float32


def merged_dtype(prepared: nn.Module) -> torch.dtype:
    """The type that all weights come out in: that of the frozen ones."""
    return next((p.dtype for p in prepared.parameters() if not p.requires_grad), torch.float32)


def lora_layers(prepared: nn.Module) -> Iterator[tuple[str, Any]]:
    """The layers with adapters, by name."""
    for name, layer in prepared.named_modules():
        if hasattr(layer, "lora_A") and hasattr(layer, "base_layer"):
            yield name, layer


def folded(weight: Tensor, adapters: Iterable[tuple[Tensor, Tensor, float]]) -> Tensor:
    """``W + B A * scale`` for each ``(A, B, scale)``, calculated in 32 bits and rounded once to the type of W."""
    total = weight.float()
    for a, b, scale in adapters:
        # In place where it can be: the largest weights in 32 bits are what merging takes most memory for.
        total = (b.float() @ a.float()).mul_(scale).add_(total)
    return total.to(weight.dtype)


@dataclass(frozen=True)
class _Merging:
    """What becomes of each weight; ``model`` and ``prepared`` (that with adapters) are empty and on ``meta``.

    sources   the base's weights by the model's own names
    trained   those of the checkpoint by parameter name
    places    parameter names by the model's own
    adapters  names of A and B, and the scale, by the model's own name of the weight they are added to
    """

    model: PreTrainedModel
    prepared: nn.Module
    dtype: torch.dtype
    kind: torch.dtype
    sources: Mapping[str, Stored]
    trained: Mapping[str, Stored]
    places: Mapping[str, str]
    adapters: Mapping[str, list[tuple[str, str, float]]]
    base: Reader
    beside: Reader

    @classmethod
    def of(cls, files: list[Path], checkpoint: Checkpoint, settings: TrainSettings) -> _Merging:
        dtype = base_dtype(settings)
        model = build(settings.model, device="meta", dtype=dtype)
        sources = _sources(stored_in(files), model, settings.model.base)
        prepared = prepare(model, settings.tune, settings.run)
        trained = stored_in([checkpoint.folder / WEIGHTS])
        parameters = dict(prepared.named_parameters())
        shapes = {name: torch.empty(stored.shape, device="meta") for name, stored in trained.items()}
        check_names(shapes, {name: p for name, p in parameters.items() if p.requires_grad})
        return cls(
            model=model,
            prepared=prepared,
            dtype=dtype,
            kind=merged_dtype(prepared),
            sources=sources,
            trained=trained,
            places={_own_name(name): name for name in parameters},
            adapters={_own_name(f"{name}.weight"): _adapters(name, layer) for name, layer in lora_layers(prepared)},
            base=Reader(),
            beside=Reader(),
        )

    def planned(self) -> list[Planned]:
        """What will be written, in the order and under the names of the base. Nothing is read yet."""
        kind = str(self.kind).removeprefix("torch.")
        return [
            Planned(one.name, one.shape, kind if one.dtype in _FLOATS else one.dtype, partial(self.weight, name))
            for name, one in self.sources.items()
        ]

    def weight(self, name: str) -> Tensor:
        """A weight of the merged model by the model's own name."""
        place = self.places.get(name, name)
        if place in self.trained:
            return self._learned(place).to(torch.float32).to(self.kind)
        weight: Tensor = self.base.tensor(self.sources[name])
        if not weight.is_floating_point():
            return weight
        weight = weight.to(self.dtype)
        if name in self.adapters:
            pairs = [(self._learned(a), self._learned(b), scale) for a, b, scale in self.adapters[name]]
            weight = folded(weight, pairs)
        return weight.to(self.kind)

    def _learned(self, place: str) -> Tensor:
        tensor: Tensor = self.beside.tensor(self.trained[place])
        self.beside.close()  # the file may be as large as the model: what was read of it need not stay
        return tensor

    def fingerprint(self) -> str:
        """That of the frozen weights, as a checkpoint has it; the beginnings of the weights alone are read."""
        return fingerprint(_Frozen(self))

    def close(self) -> None:
        self.base.close()
        self.beside.close()


class _Frozen(nn.Module):  # type: ignore[misc]  # torch is not checked
    """The frozen parameters of a merging, each made when its turn comes, with its first values and no others."""

    def __init__(self, merging: _Merging) -> None:
        super().__init__()
        self._merging = merging

    def named_parameters(self, *_: Any, **__: Any) -> Iterator[tuple[str, nn.Parameter]]:
        merging = self._merging
        for name, parameter in merging.prepared.named_parameters():
            if parameter.requires_grad:
                continue
            read = merging.base.tensor(merging.sources[_own_name(name)])
            # Memory that is never written to is never taken.
            made = torch.empty(parameter.shape, dtype=parameter.dtype)
            made.view(-1)[:_FIRST] = read.view(-1)[:_FIRST].to(merging.dtype)
            yield name, nn.Parameter(made, requires_grad=False)


def _own_name(name: str) -> str:
    """A parameter's name as the model calls it without adapters."""
    return plain_name(name).replace(".base_layer.", ".")


def _adapters(name: str, layer: Any) -> list[tuple[str, str, float]]:
    return [(f"{name}.lora_A.{one}.weight", f"{name}.lora_B.{one}.weight", layer.scaling[one])
            for one in layer.active_adapters]  # fmt: skip


def _sources(stored: Mapping[str, Stored], model: PreTrainedModel, base: str) -> dict[str, Stored]:
    """The base's weights by the model's own names. Raises SettingsError listing what does not fit."""
    single = {name for name, _ in model.named_parameters()}
    again = {name for name, _ in model.named_parameters(remove_duplicate=False)} - single
    wanted = {usual(name): (name, tuple(tensor.shape)) for name, tensor in model.state_dict().items()
              if name not in again}  # fmt: skip
    kept = {name: one for name, one in stored.items() if usual(name) in wanted or not is_dropped(name)}
    found: dict[str, Stored] = {}
    wrong = []
    for name, one in kept.items():
        own, shape = wanted.get(usual(name), ("", ()))
        if not own:
            wrong.append(f"{name} belongs to no part of the model")
        elif own in found:
            wrong.append(f"{name} is {found[own].name} once more")
        elif one.shape != shape:
            wrong.append(f"{name} is {one.shape}, not {shape}")
        found.setdefault(own, one)
    wrong += [f"{own} is missing" for own, _ in wanted.values() if own not in found]
    if wrong:
        more = f" and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        raise SettingsError(
            f"model.base: {base}: its weights are not those of its config.json: {'; '.join(wrong[:_SHOWN])}{more}; "
            "copy or download it again"
        )
    return found


def _write_configurations(model: PreTrainedModel, kind: torch.dtype, settings: ModelSettings, folder: Path) -> None:
    """config.json and generation_config.json as transformers' ``save_pretrained`` writes them beside the weights."""
    from transformers import GenerationConfig

    revision = settings.revision or None
    try:
        model.generation_config = GenerationConfig.from_pretrained(settings.base, revision=revision)
    except OSError:  # an older model has those settings among the others, as transformers reads them, too
        model.generation_config = GenerationConfig.from_pretrained(
            settings.base, config_file_name="config.json", revision=revision, _from_model_config=True
        )
    known = shape_of(settings)
    if known is not None:
        check_ends(model, processor(settings), known)
    model.config.dtype = str(kind).removeprefix("torch.")
    model.config.architectures = [type(model).__name__]
    model.config.save_pretrained(folder)
    model.generation_config.save_pretrained(folder)


def _files(folder: Path) -> list[Path]:
    alone = folder / "model.safetensors"  # transformers, too, prefers it to an index
    if alone.is_file():
        return [alone]
    indexed = (folder / "model.safetensors.index.json").is_file()
    return weight_files(folder, "model") if indexed else []


def _folder(settings: ModelSettings) -> Path:
    """Where the base lies; from the Hub it is fetched if it is not there yet."""
    if Path(settings.base).is_dir():
        return Path(settings.base)
    patterns = ["model.safetensors", "model-*-of-*.safetensors", "model.safetensors.index.json"]
    try:
        need_within_reach(settings.base)
        return fetched(settings.base, settings.revision or None, patterns)
    except (OSError, ValueError) as error:
        raise StorageError(f"model.base: {settings.base} cannot be fetched: {error}") from error
