"""The parts of a run, made from its settings: model, parameter groups, encoder, engine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn

from ...errors import SettingsError
from ...learning.processes import Processes
from ...video.samplers import SAMPLERS
from ..data.encode import Encoder
from ..data.loader import StepLoader
from ..data.samples import Samples, read_samples
from ..mixture.prepare import first_sources
from ..model.attention import Attention
from ..model.build import attention_of, build, configuration, is_tied, processor, shape_of
from ..model.parts import parameter_groups, prepare
from ..model.sequences import BLOCK
from ..settings import DataSource, TrainSettings
from .deepspeed import DeepSpeedEngine
from .engines import PlainEngine, ScoredModel
from .sharded import ShardedEngine

Loader = TypeVar("Loader", bound=StepLoader)

LARGE = 2048
"""Wider language models than this are not for a CPU."""


def check_machine(settings: TrainSettings, processes: Processes) -> None:
    """Raises SettingsError, with all problems, for settings that this machine or these processes do not fit."""
    found = [f"data.sources: there is no file {source.path}; sg4v dataset export writes one, or name another"
             for source in settings.data.sources
             if not Path(source.path).expanduser().is_file()]  # fmt: skip
    if not settings.data.sources:
        found.append("data.sources is empty; name files of conversations (--set 'data.sources=[{path: FILE}]')")
    if settings.run.sharding != "none" and processes.count == 1 and settings.run.sharding != "fsdp2":
        found.append("run.sharding: deepspeed needs several processes; start with torchrun, or set it to none")
    if settings.optimiser.global_batch < processes.count:
        found.append(f"optimiser.global_batch ({settings.optimiser.global_batch}) is under the number of processes")
    if settings.data.sampler not in SAMPLERS:
        found.append(
            f"data.sampler: no frame sampler is called {settings.data.sampler!r}; known: {', '.join(SAMPLERS)}"
        )
    if processes.device.type == "cpu" and not found:
        width = configuration(settings.model).get_text_config().hidden_size
        if width > LARGE:
            found.append(
                f"no GPU was found, and a model of width {width} would take years on a CPU; is the CUDA build of torch "
                "installed, and does nvidia-smi list a GPU? sg4v train lvlm CONFIG --plan needs none"
            )
    if found:
        raise SettingsError("; ".join(found))


def arithmetic(settings: TrainSettings) -> torch.dtype:
    """The type that the model calculates in, and that what does not learn is kept in."""
    return torch.bfloat16 if settings.run.precision == "bf16" else torch.float32


def attention(settings: TrainSettings, processes: Processes) -> Attention:
    """The attention kernel of the run. Raises SettingsError for one that does not work here."""
    return attention_of(settings.model, processes.device, arithmetic(settings), packing=settings.data.packing)


def make_model(settings: TrainSettings, processes: Processes) -> tuple[nn.Module, list[dict[str, Any]]]:
    """The model, ready to train, and its parameter groups.

    With FSDP2 only the first process reads the weights; the others make an empty model and are sent their pieces.
    """
    dtype = arithmetic(settings)
    sharded = settings.run.sharding == "fsdp2" and processes.count > 1
    place: str | torch.device = "cpu" if sharded else processes.device
    # Embedding and head that are one tensor would be taken apart in an empty model.
    if sharded and not processes.first and not is_tied(configuration(settings.model)):
        place = "meta"
    kind = attention(settings, processes).kind
    model = build(settings.model, device=place, dtype=dtype, seed=settings.optimiser.seed, attention=kind)
    prepared = prepare(model, settings.tune, settings.run)
    if settings.run.compile:
        _compile_layers(prepared)
    return prepared, parameter_groups(prepared, settings.tune, settings.optimiser.weight_decay)


def make_engine(
    settings: TrainSettings,
    model: nn.Module,
    groups: list[dict[str, Any]],
    processes: Processes,
    score: Callable[[nn.Module], ScoredModel] = ScoredModel,
) -> PlainEngine:
    """What shares weights and gradients between the processes. Raises MissingExtra for DeepSpeed without it."""
    scored = score(model)
    if settings.run.sharding == "deepspeed":
        return DeepSpeedEngine(scored, groups, settings.optimiser, processes)
    kind = ShardedEngine if settings.run.sharding == "fsdp2" and processes.count > 1 else PlainEngine
    return kind(scored, groups, settings.optimiser, processes)


def make_loader(
    settings: TrainSettings,
    encoder: Encoder,
    processes: Processes,
    start_step: int = 0,
    *,
    kind: type[Loader] = StepLoader,  # type: ignore[assignment]
    read: Callable[[DataSource], Samples] = read_samples,
) -> Loader:
    """The steps of the run, those of this process, by a loader of this ``kind``; ``read`` opens a source."""
    attends = attention(settings, processes).kind
    return kind(
        settings.data.sources,
        encoder,
        settings.data,
        settings.optimiser,
        rank=processes.rank,
        world=processes.count,
        start_step=start_step,
        # In one row there is no padding between rows; a mask of all by all would grow with the square of it.
        one_row=attends != "eager",
        multiple=BLOCK if attends == "flex_attention" else 1,
        # Processes that share weights gather each layer together, so none may leave the vision tower out.
        blank_images=settings.run.sharding == "fsdp2" and processes.count > 1,
        read=read,
        first=first_sources(settings),
    )


def make_encoder(settings: TrainSettings, kind: type[Encoder] = Encoder) -> Encoder:
    """What turns samples into tokens and pictures for this model, in the form of its recipe.

    A captioner is asked with the template that comes with it (``hf:FOLDER``), so it learns in the form of that.
    """
    known = shape_of(settings.model)
    own = settings.is_captioner or known is None or known.recipe == "own"
    recipe = None if known is None or own else known.recipe
    return kind(processor(settings.model), settings.data, recipe=recipe)


def _compile_layers(model: nn.Module) -> None:
    """Compile each layer of the language model; lengths differ from step to step, so shapes are not fixed."""
    inner: Any = model
    inner = inner.get_base_model() if hasattr(inner, "get_base_model") else inner
    for layer in inner.model.language_model.layers:
        layer.compile(dynamic=True)
