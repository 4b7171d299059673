"""Settings of a training run: what is trained, on what, how, and where it is written."""

from __future__ import annotations

import math
import os
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from ..config import STRICT
from ..errors import SettingsError

Trained = Literal["lora", "full", "frozen"]
VideoLayout = Literal["grid", "frames", "video"]
VisualTokens = Literal["anyres", "overview"]
AttentionKind = Literal["flash_attention_3", "flash_attention_2", "varlen", "flex_attention", "sdpa", "eager"]


@dataclass(frozen=True)
class ModelSettings:
    """Which model is trained."""

    __pydantic_config__ = STRICT

    base: str = ""
    """A folder in the transformers format, or a name on the Hub. "": made from ``shape``."""
    revision: str = ""
    """A branch, tag or commit of a name on the Hub. "": the newest."""
    shape: str = ""
    """An architecture by name (``lvlm/model/shapes.py``): what a base must look like, and what is made without one."""
    random_weights: bool = False
    """Start from random weights of ``shape``: to measure speed, or to train a small model from nothing."""
    attention: str = "auto"
    """The attention kernel of the language model. ``auto``: the first of ``flash_attention_3``, ``flash_attention_2``
    (both packages of their own), ``varlen`` (the FlashAttention inside torch), ``flex_attention`` and ``sdpa`` that
    works on this machine. ``eager`` is for comparison."""
    trust_remote_code: bool = False
    """Run code that comes with the weights."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "base", os.path.expanduser(self.base))  # noqa: PTH111  # may be no path at all

    def problems(self) -> list[str]:
        found = []
        if not self.base and not self.shape:
            found.append("model.base or model.shape must be given")
        if self.base and self.random_weights:
            found.append("model.random_weights starts from model.shape alone; leave model.base empty")
        if not self.base and self.shape and not self.random_weights:
            found.append("model.base is empty; name the weights to start from, or set model.random_weights")
        kinds = ("auto", *get_args(AttentionKind))
        if self.attention not in kinds:
            found.append(f"model.attention: there is no kind {self.attention!r}; known: {', '.join(kinds)}")
        return found


@dataclass(frozen=True)
class TuneSettings:
    """Which parts learn, and how fast each does (learning rates are peaks of the schedule)."""

    __pydantic_config__ = STRICT

    language: Trained = "lora"
    """The language model: LoRA on its linear layers (not the head), all of it, or nothing."""
    language_rate: float = 2e-4
    lora_rank: int = 128
    lora_alpha: float = 256.0
    lora_dropout: float = 0.05
    projector: Trained = "full"
    """The projector between vision tower and language model."""
    projector_rate: float = 2e-5
    vision: Trained = "frozen"
    """The vision tower. What never gets a gradient (the last CLIP layer) stays frozen in any case."""
    vision_rate: float = 2e-6

    def problems(self) -> list[str]:
        found = [f"tune.{part} is 'full' or 'frozen', not 'lora'" for part in ("projector", "vision")
                 if getattr(self, part) == "lora"]  # fmt: skip
        if "frozen" == self.language == self.projector == self.vision:
            found.append("tune: language, projector and vision are all frozen; nothing would learn")
        found += [f"tune.{name} must be over 0 and finite, not {getattr(self, name)}"
                  for name in ("language_rate", "projector_rate", "vision_rate", "lora_rank", "lora_alpha")
                  if not 0 < getattr(self, name) < math.inf]  # fmt: skip
        if not 0 <= self.lora_dropout < 1:
            found.append(f"tune.lora_dropout is in [0, 1), not {self.lora_dropout}")
        return found


@dataclass(frozen=True)
class DataSource:
    """One file of conversations in the LLaVA layout (JSON list or JSON lines), as ``sg4v dataset export`` writes it."""

    __pydantic_config__ = STRICT

    path: str
    """``id``, ``conversations`` (``from`` human/gpt, ``value``), ``image`` (one or a list), ``video`` or neither."""
    media: str = ""
    """Folder that the paths of images and videos are relative to. "": that of the file."""
    weight: float = 1.0
    """How often each sample is seen in an epoch; 0.5 takes half of them, another half in the next epoch."""


@dataclass(frozen=True)
class DataSettings:
    """What the model is shown."""

    __pydantic_config__ = STRICT

    sources: tuple[DataSource, ...] = ()
    """Files of conversations; mixed by their weights."""
    layout: VideoLayout = "grid"
    """A video becomes one image grid, separate frames, or goes in as a video (models that take one)."""
    frames: int = 16
    """Frames taken from each video."""
    sampler: str = "sharegpt4video"
    """Which frames (``video/samplers.py``): ``sharegpt4video``, ``tempcompass`` or ``uniform``."""
    max_tokens: int = 6144
    """Longer samples are left out, counted and named; a text is never cut."""
    packing: bool = True
    """Several samples in one row, each seeing itself alone."""
    pack_tokens: int = 9216
    """Longest packed row; at least ``max_tokens``."""
    pack_images: int = 8
    """Most images in a packed row, which bounds the memory of the vision tower."""
    system: str | None = None
    """The system text. None: that of the model's recipe."""
    workers: int = 4
    """Processes that decode and encode samples ahead; 0: none."""
    ready_steps: int = 2
    """How many optimiser steps' samples are kept ready."""
    max_skipped_share: float = 0.01
    """Largest share of the samples that may be left out (missing, damaged, too long). With more, training runs to its
    end, but says so in its last line and exits with 3."""

    def problems(self) -> list[str]:
        found = [f"data.{name} must be at least {least}, not {getattr(self, name)}"
                 for name, least in (("frames", 1), ("max_tokens", 16), ("pack_images", 1), ("workers", 0),
                                     ("ready_steps", 1))
                 if getattr(self, name) < least]  # fmt: skip
        if not 0 <= self.max_skipped_share <= 1:
            found.append(f"data.max_skipped_share is in [0, 1], not {self.max_skipped_share}")
        if self.layout not in ("grid", "frames", "video"):
            found.append(f"data.layout is 'grid', 'frames' or 'video', not {self.layout!r}")
        if self.packing and self.pack_tokens < self.max_tokens:
            found.append(f"data.pack_tokens ({self.pack_tokens}) must be at least data.max_tokens ({self.max_tokens})")
        found += [f"data.sources: the weight of {source.path} must be over 0 and finite, not {source.weight}"
                  for source in self.sources if not 0 < source.weight < math.inf]  # fmt: skip
        return found


@dataclass(frozen=True)
class OptimiserSettings:
    """How it learns. A step is over ``global_batch`` samples whatever the machines and the packing."""

    __pydantic_config__ = STRICT

    global_batch: int = 128
    """Samples of one step, over all processes."""
    micro_batch: int = 2
    """Rows (samples, or packed rows) that go through the model at the same time on one device."""
    epochs: float = 1.0
    max_steps: int | None = None
    """Stop after so many steps; the schedule then ends there, too."""
    warmup_share: float = 0.03
    """Share of the steps in which the learning rates rise; then they fall along half a cosine to zero."""
    weight_decay: float = 0.0
    betas: tuple[float, float] = (0.9, 0.999)
    epsilon: float = 1e-8
    max_grad_norm: float = 1.0
    """Longer gradients are shortened to this; 0: never."""
    seed: int = 0
    """Decides the order of the samples, the dropout and new weights."""

    def problems(self) -> list[str]:
        found = [f"optimiser.{name} must be at least 1, not {getattr(self, name)}"
                 for name in ("global_batch", "micro_batch") if getattr(self, name) < 1]  # fmt: skip
        found += [f"optimiser.{name} must be over 0 and finite, not {getattr(self, name)}"
                  for name in ("epochs", "epsilon") if not 0 < getattr(self, name) < math.inf]  # fmt: skip
        # A limit under 0 would turn the gradients round, a decay under 0 let the weights grow; torch says nothing.
        found += [f"optimiser.{name} must be at least 0, not {getattr(self, name)}"
                  for name in ("weight_decay", "max_grad_norm") if not getattr(self, name) >= 0]  # fmt: skip
        if not all(0 <= beta < 1 for beta in self.betas):
            found.append(f"optimiser.betas are in [0, 1), not {self.betas}")
        if not -(2**63) <= self.seed < 2**63:
            found.append(f"optimiser.seed must fit into 64 bits, not {self.seed}")
        if self.max_steps is not None and self.max_steps < 1:
            found.append(f"optimiser.max_steps must be at least 1, not {self.max_steps}")
        if not 0 <= self.warmup_share < 1:
            found.append(f"optimiser.warmup_share is in [0, 1), not {self.warmup_share}")
        return found


@dataclass(frozen=True)
class RunSettings:
    """How it runs and what it leaves behind."""

    __pydantic_config__ = STRICT

    precision: Literal["bf16", "fp32"] = "bf16"
    """Of the calculation; what learns is kept in 32 bits in either case."""
    checkpointing: Literal["none", "full", "selective"] = "full"
    """What is calculated again in the backward pass to save memory: nothing, all, or all but the attention."""
    fused_loss: bool = True
    """Never hold the scores of all tokens at once: cross-entropy in pieces, by a library's kernel if there is one."""
    compile: bool = False
    """Compile the language model's layers (``torch.compile``)."""
    sharding: Literal["none", "fsdp2", "deepspeed"] = "none"
    """How several processes share the weights: each holds all, FSDP2, or ZeRO-2 by DeepSpeed."""
    save_every_steps: int = 200
    keep_checkpoints: int = 2
    log_every_steps: int = 1
    trackers: tuple[Literal["tensorboard", "wandb"], ...] = ()
    """Where figures go besides ``log.jsonl`` in the output folder."""
    deterministic: bool = False
    """Ask every kernel for the same result in every run, at some cost of speed."""

    def problems(self) -> list[str]:
        return [f"run.{name} must be at least 1, not {getattr(self, name)}"
                for name in ("save_every_steps", "keep_checkpoints", "log_every_steps")
                if getattr(self, name) < 1]  # fmt: skip


@dataclass(frozen=True)
class TrainSettings:
    """One training run, as a file in ``configs/`` describes it."""

    __pydantic_config__ = STRICT

    name: str = ""
    """What the run is called in logs and cards."""
    model: ModelSettings = field(default_factory=ModelSettings)
    tune: TuneSettings = field(default_factory=TuneSettings)
    data: DataSettings = field(default_factory=DataSettings)
    optimiser: OptimiserSettings = field(default_factory=OptimiserSettings)
    run: RunSettings = field(default_factory=RunSettings)

    def __post_init__(self) -> None:
        parts = (self.model, self.tune, self.data, self.optimiser, self.run)
        found = [problem for part in parts for problem in part.problems()]
        if found:
            raise SettingsError("; ".join(found))

    def to_plain(self) -> dict[str, Any]:
        """The settings as plain data, as saved beside every checkpoint."""
        return asdict(self)
