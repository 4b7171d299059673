"""Settings of a training run: what is trained, on what, how, and where it is written."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any, Literal, get_args

from ..checking import Count, Limits, Seed, Share, wrong_values
from ..config import STRICT
from ..errors import SettingsError
from ..learning.settings import AnyRun, LearningRate, Part
from .preferences.settings import DpoSettings, GrpoSettings

Trained = Literal["lora", "full", "frozen"]
VideoLayout = Literal["grid", "frames", "video"]
VisualTokens = Literal["anyres", "overview"]
Weight = Annotated[float, Limits(0, 1e6)]
Wrong = Literal["another", "spliced", "dropped", "swapped", "own"]
Role = Literal["sliding", "fast", "summary", "recaption"]
ROLES: tuple[Role, ...] = get_args(Role)
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
    language_rate: LearningRate = 2e-4
    lora_rank: Annotated[int, Limits(1, 65536)] = 128
    lora_alpha: Annotated[float, Limits(0, 1e6, over=True)] = 256.0
    lora_dropout: Part = 0.05
    projector: Trained = "full"
    """The projector between vision tower and language model."""
    projector_rate: LearningRate = 2e-5
    vision: Trained = "frozen"
    """The vision tower. What never gets a gradient (the last CLIP layer) stays frozen in any case."""
    vision_rate: LearningRate = 2e-6

    def problems(self) -> list[str]:
        found = [*wrong_values(self, "tune.").values()]
        found += [f"tune.{part} is 'full' or 'frozen', not 'lora'" for part in ("projector", "vision")
                  if getattr(self, part) == "lora"]  # fmt: skip
        if "frozen" == self.language == self.projector == self.vision:
            found.append("tune: language, projector and vision are all frozen; nothing would learn")
        return found


def only_adapters(tune: TuneSettings) -> bool:
    """Whether adapters are all that learns: without them the model is what it was."""
    return tune.language == "lora" and tune.projector == tune.vision == "frozen"


@dataclass(frozen=True)
class DataSource:
    """One file of conversations in the LLaVA layout (JSON list or JSON lines), as ``sg4v dataset export`` writes it."""

    __pydantic_config__ = STRICT

    path: str
    """``id``, ``conversations`` (``from`` human/gpt, ``value``), ``image`` (one or a list), ``video`` or neither."""
    media: str = ""
    """Folder that the paths of images and videos are relative to. "": that of the file."""
    weight: Annotated[float, Limits(0, 1e6, over=True)] = 1.0
    """How often each sample is seen in an epoch; 0.5 takes half of them, another half in the next epoch."""


@dataclass(frozen=True)
class DataSettings:
    """What the model is shown."""

    __pydantic_config__ = STRICT

    sources: tuple[DataSource, ...] = ()
    """Files of conversations; mixed by their weights."""
    layout: VideoLayout = "grid"
    """A video becomes one image grid, separate frames, or goes in as a video (models that take one)."""
    frames: Count = 16
    """Frames taken from each video."""
    sampler: str = "sharegpt4video"
    """Which frames (``video/samplers.py``): ``sharegpt4video``, ``tempcompass`` or ``uniform``."""
    max_tokens: Annotated[int, Limits(16, 10**9)] = 6144
    """Longer samples are left out, counted and named; a text is never cut."""
    packing: bool = True
    """Several samples in one row, each seeing itself alone."""
    pack_tokens: Count = 9216
    """Longest packed row; at least ``max_tokens``."""
    pack_images: Count = 8
    """Most images in a packed row, which bounds the memory of the vision tower."""
    system: str | None = None
    """The system text. None: that of the model's recipe."""
    workers: Annotated[int, Limits(0, 4096)] = 4
    """Processes that decode and encode samples ahead; 0: none."""
    ready_steps: Annotated[int, Limits(1, 10**6)] = 2
    """How many optimiser steps' samples are kept ready."""
    max_skipped_share: Share = 0.01
    """Largest share of the samples that may be left out (missing, damaged, too long). With more, training runs to its
    end, but says so in its last line and exits with 3."""

    def problems(self) -> list[str]:
        wrong = wrong_values(self, "data.")
        found = [*wrong.values()]
        if not wrong.keys() & {"pack_tokens", "max_tokens"} and self.packing and self.pack_tokens < self.max_tokens:
            found.append(f"data.pack_tokens ({self.pack_tokens}) must be at least data.max_tokens ({self.max_tokens})")
        if "sources" not in wrong:
            found += [problem for source in self.sources
                      for problem in wrong_values(source, f"data.sources: {source.path}: ").values()]  # fmt: skip
        return found


@dataclass(frozen=True)
class MixtureSettings:
    """The four roles of a captioner as one mixture, made of exports with ``--format captioner``."""

    __pydantic_config__ = STRICT

    exports: tuple[str, ...] = ()
    """Folders that ``sg4v dataset export --format captioner`` wrote, or their files."""
    sliding: Weight = 6.0
    """How often steps are learned (first frames, and changes given the step before), relative to the other roles."""
    opening_share: Share | None = None
    """Share of the steps that are first frames; None: as in the exports. More of them teach a new model to see."""
    first_openings: Annotated[int, Limits(0, 10**9)] = 0
    """So many first frames are learned before anything else: a model from random weights has to see before it can
    compare. Needs ``opening_share``."""
    fast: Weight = 1.5
    """How often whole videos from pictures in one request."""
    summary: Weight = 1.5
    """How often captions of videos and clips from their steps alone."""
    recaption: Weight = 1.0
    """How often captions from short prompts."""
    wrong_context: Share = 0.2
    """Share of the changes whose step before is told wrongly, while the answer stays right: the model learns to look,
    and not to hand mistakes on."""
    missing_context: Share = 0.1
    """Share of the changes that are asked about without the step before."""
    wrong_kinds: tuple[Wrong, ...] = ("another", "spliced", "dropped", "swapped")
    """How it is wrong: a step of ``another`` video; the beginning of one and the end of the other (``spliced``); a
    sentence ``dropped``, two ``swapped``; the model's ``own`` mistakes from ``own_mistakes``."""
    own_mistakes: str = ""
    """JSON lines with ``id`` (of a sample of the export) and ``before``: what the model itself said of the step
    before."""
    short_prompts: Share = 0.8
    """Share of the prompts to re-caption that are made by shortening the caption; the others are as exported."""
    short_sentences: tuple[Count, ...] = (1, 2, 4)
    """How many sentences of the caption are kept, each equally often."""
    copies: Annotated[int, Limits(1, 100)] = 1
    """How many times changes and prompts to re-caption are drawn, each time with another context or length."""

    def problems(self) -> list[str]:
        wrong = wrong_values(self, "mixture.")
        found = [*wrong.values()]
        if wrong:
            return found
        if not self.exports:
            found.append("mixture.exports is empty; name folders of sg4v dataset export --format captioner")
        if not any(getattr(self, role) for role in ROLES):
            found.append(f"mixture: the weights of {', '.join(ROLES)} are all 0; nothing would be learned")
        if self.first_openings and not self.opening_share:
            found.append("mixture.first_openings needs mixture.opening_share, the share of first frames afterwards")
        if self.wrong_context + self.missing_context > 1:
            found.append("mixture.wrong_context and mixture.missing_context are more than 1 together")
        if self.wrong_context and not self.wrong_kinds:
            found.append("mixture.wrong_kinds is empty; name some, or set mixture.wrong_context to 0")
        if ("own" in self.wrong_kinds) != bool(self.own_mistakes):
            found.append("mixture.own_mistakes and the kind 'own' of mixture.wrong_kinds go together")
        if self.short_prompts and not self.short_sentences:
            found.append("mixture.short_sentences is empty; name some, or set mixture.short_prompts to 0")
        return found


@dataclass(frozen=True)
class OptimiserSettings:
    """How it learns. A step is over ``global_batch`` samples whatever the machines and the packing."""

    __pydantic_config__ = STRICT

    global_batch: Count = 128
    """Samples of one step, over all processes."""
    micro_batch: Count = 2
    """Rows (samples, or packed rows) that go through the model at the same time on one device."""
    epochs: Annotated[float, Limits(0, 1e6, over=True)] = 1.0
    max_steps: Annotated[int, Limits(1, 10**12)] | None = None
    """Stop after so many steps; the schedule then ends there, too."""
    warmup_share: Part = 0.03
    """Share of the steps in which the learning rates rise; then they fall along half a cosine to zero."""
    weight_decay: Annotated[float, Limits(0, 1e3)] = 0.0
    betas: tuple[Part, Part] = (0.9, 0.999)
    epsilon: Annotated[float, Limits(0, 1, over=True)] = 1e-8
    max_grad_norm: Annotated[float, Limits(0, 1e12)] = 1.0
    """Longer gradients are shortened to this; 0: never."""
    seed: Seed = 0
    """Decides the order of the samples, the dropout and new weights."""

    def problems(self) -> list[str]:
        # A norm under 0 would turn the gradients round, a decay under 0 let the weights grow; torch says nothing.
        return [*wrong_values(self, "optimiser.").values()]


@dataclass(frozen=True)
class RunSettings(AnyRun):
    """How it runs and what it leaves behind."""

    __pydantic_config__ = STRICT

    checkpointing: Literal["none", "full", "selective"] = "full"
    """What is calculated again in the backward pass to save memory: nothing, all, or all but the attention."""
    fused_loss: bool = True
    """Never hold the scores of all tokens at once: cross-entropy in pieces, by a library's kernel if there is one."""
    compile: bool = False
    """Compile the language model's layers (``torch.compile``)."""
    sharding: Literal["none", "fsdp2", "deepspeed"] = "none"
    """How several processes share the weights: each holds all, FSDP2, or ZeRO-2 by DeepSpeed."""
    deterministic: bool = False
    """Ask every kernel for the same result in every run, at some cost of speed."""


@dataclass(frozen=True)
class TrainSettings:
    """One training run, as a configuration file describes it."""

    __pydantic_config__ = STRICT

    name: str = ""
    """What the run is called in logs and cards."""
    model: ModelSettings = field(default_factory=ModelSettings)
    tune: TuneSettings = field(default_factory=TuneSettings)
    data: DataSettings = field(default_factory=DataSettings)
    mixture: MixtureSettings | None = None
    """For a captioner: the four roles, which ``sg4v train captioner`` makes sources of, beside those of ``data``."""
    optimiser: OptimiserSettings = field(default_factory=OptimiserSettings)
    run: RunSettings = field(default_factory=RunSettings)
    dpo: DpoSettings | None = None
    """Learn from pairs of answers; the sources are files of pairs (``sg4v dataset export --format preferences``)."""
    grpo: GrpoSettings | None = None
    """Learn from answers that the model draws itself and a judge compares; the sources are conversations."""

    def __post_init__(self) -> None:
        parts: tuple[Any, ...] = (self.model, self.tune, self.data, self.mixture, self.optimiser, self.run, self.dpo,
                                  self.grpo)  # fmt: skip
        found = [problem for part in parts if part is not None for problem in part.problems()]
        found += self._preference_problems() if not found else []
        if found:
            raise SettingsError("; ".join(found))

    @property
    def is_captioner(self) -> bool:
        """Whether it is asked as ``hf:FOLDER``, with the template that comes with it."""
        return self.mixture is not None or self.dpo is not None or self.grpo is not None

    def _preference_problems(self) -> list[str]:
        found = []
        if self.dpo is not None and self.grpo is not None:
            found.append("dpo and grpo are two ways to train; give one of them")
        if self.dpo is not None and self.mixture is not None:
            found.append("mixture makes conversations, and dpo learns from pairs; leave mixture out")
        if self.dpo is not None and self.run.sharding != "none" and not only_adapters(self.tune):
            found.append(
                f"run.sharding: {self.run.sharding} with dpo needs adapters alone (tune.language lora, projector and"
                " vision frozen); set it to none"
            )
        if self.grpo is None:
            return found
        if self.run.sharding != "none":
            found.append(f"run.sharding: {self.run.sharding} cannot draw answers; set it to none with grpo")
        if self.run.compile:
            found.append("run.compile cannot draw answers; set it to false with grpo")
        for name, value in (("run.save_every_steps", self.run.save_every_steps),
                            ("optimiser.max_steps", self.optimiser.max_steps)):  # fmt: skip
            if value is not None and value % self.grpo.updates:
                found.append(f"{name} ({value}) must be a multiple of grpo.updates ({self.grpo.updates})")
        return found

    def to_plain(self) -> dict[str, Any]:
        """The settings as plain data, as saved beside every checkpoint."""
        return asdict(self)
