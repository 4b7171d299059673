"""Settings of a video generator and of its training: what is trained, on what, how, and where it is written."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any, Literal

from ..checking import Count, Limits, Seed, Share, wrong_values
from ..config import STRICT
from ..errors import SettingsError
from ..learning.settings import AnyRun, LearningRate, Part
from .manifests.base import Frames

Family = Literal["wan", "latte"]
Prediction = Literal["velocity", "data"]
Positive = Annotated[float, Limits(0, 1e6, over=True)]
Side = Annotated[int, Limits(8, 16384)]
TINY = "tiny"
BASE = "base"


@dataclass(frozen=True)
class ModelSettings:
    """Which network makes the videos: one of diffusers' own classes."""

    __pydantic_config__ = STRICT

    family: Family = "wan"
    """``wan`` (WanTransformer3DModel) or ``latte`` (LatteTransformer3DModel)."""
    base: str = ""
    """A folder in the diffusers format, or a name on the Hub, to start from. "": random weights of ``shape``."""
    revision: str = ""
    """A branch, tag or commit of a name on the Hub. "": the newest."""
    shape: Mapping[str, Any] = field(default_factory=dict)
    """The arguments of the class where it starts from random weights."""
    prediction: Prediction = "velocity"
    """What the network gives: the ``velocity`` from video to noise, or the ``data`` themselves, which is easier to
    learn in pixels. The loss is that of the velocity in either case."""
    pooled: bool = False
    """Also add the mean of the text to the embedding of the time; not for weights that were trained without it."""
    places: bool = False
    """Also add a learned embedding of each patch's place, for random weights of ``wan``: its own embedding tells places
    relative to others alone, from which small models are slow to learn where something is."""
    vae: str = ""
    """The autoencoder: a folder or a name on the Hub, or ``base`` for that of the base. "": pixels are learned."""

    def __post_init__(self) -> None:
        for name in ("base", "vae"):
            object.__setattr__(self, name, os.path.expanduser(getattr(self, name)))  # noqa: PTH111  # may be no path

    def problems(self) -> list[str]:
        found = [*wrong_values(self, "model.").values()]
        if bool(self.base) == bool(self.shape):
            found.append("model: name either a base to start from or the shape of a model with random weights")
        if self.places and (self.base or self.family != "wan"):
            found.append("model.places goes with random weights of wan; other networks know places")
        if self.vae == BASE and not self.base:
            found.append("model.vae is that of the base, but model.base is empty")
        return found


@dataclass(frozen=True)
class TextSettings:
    """What reads the captions."""

    __pydantic_config__ = STRICT

    encoder: str = TINY
    """``tiny`` (learned with the model, from the words of the captions), ``base`` (that of the base), or any text
    encoder of transformers by folder or name."""
    revision: str = ""
    max_tokens: Annotated[int, Limits(2, 65536)] = 512
    """Its window. Longer captions are cut, counted, and told of."""
    width: Count = 64
    """Of ``tiny``."""
    layers: Annotated[int, Limits(1, 64)] = 1
    """Of ``tiny``."""
    drop: Share = 0.1
    """How often a caption is left out in training, so that the model also learns what videos look like without one."""

    def problems(self) -> list[str]:
        return [*wrong_values(self, "text.").values()]


@dataclass(frozen=True)
class DataSettings:
    """What of each clip is shown. The clips themselves are named by ``--data``."""

    __pydantic_config__ = STRICT

    frames: Count = 16
    width: Side = 256
    height: Side = 256
    """Frames are scaled to cover this, and cropped in the middle."""
    window: Frames = "spread"
    """Which frames of a longer file: some ``spread`` evenly over all of it, the ``head``, the ``middle``, or a
    ``random`` run in each step, which is true to a caption of the whole only by luck."""
    captions: Mapping[str, float] = field(default_factory=dict)
    """Which captions, and how often each is drawn: ``{dense: 0.9, short: 0.1}``. Empty: the main one alone."""
    splits: tuple[str, ...] = ("train",)

    def problems(self) -> list[str]:
        found = [*wrong_values(self, "data.").values()]
        if self.window == "chunks" or (self.window == "whole" and self.frames > 1):
            found.append("data.window is spread, head, middle or random; cut clips to their captions beforehand")
        if any(not weight > 0 for weight in self.captions.values()):
            found.append("data.captions: every weight is over 0; leave out what is never to be drawn")
        return found


@dataclass(frozen=True)
class TuneSettings:
    """Which weights learn."""

    __pydantic_config__ = STRICT

    how: Literal["full", "lora"] = "full"
    lora_rank: Annotated[int, Limits(1, 65536)] = 32
    lora_alpha: Positive = 32.0
    lora_dropout: Part = 0.0
    lora_targets: tuple[str, ...] = ("to_q", "to_k", "to_v", "to_out.0")
    """Names of the linear layers that get adapters."""

    def problems(self) -> list[str]:
        return [*wrong_values(self, "tune.").values()]


@dataclass(frozen=True)
class OptimiserSettings:
    """How it learns. A step is over ``batch`` clips whatever the machines."""

    __pydantic_config__ = STRICT

    steps: Count = 10_000
    batch: Count = 32
    micro_batch: Count = 32
    """Clips that go through the model at the same time on one device."""
    rate: LearningRate = 1e-4
    schedule: Literal["cosine", "constant"] = "constant"
    warmup_steps: Annotated[int, Limits(0, 10**9)] = 100
    weight_decay: Annotated[float, Limits(0, 1e3)] = 0.01
    betas: tuple[Part, Part] = (0.9, 0.99)
    epsilon: Annotated[float, Limits(0, 1, over=True)] = 1e-8
    max_grad_norm: Annotated[float, Limits(0, 1e12)] = 1.0
    """Longer gradients are shortened to this; 0: never."""
    ema: Part = 0.999
    """Decay of the moving average of the weights, which is what is saved as the model. 0: the weights themselves."""
    time_mean: Annotated[float, Limits(-100, 100)] = 0.0
    time_spread: Positive = 1.0
    """The noise level t of a sample is the sigmoid of a normal number with this mean and standard deviation."""
    shift: Positive = 1.0
    """Moves noise levels up (over 1), in training and in sampling, as large pictures need it."""
    seed: Seed = 0
    """Decides the weights to begin with, the order of the clips, the captions drawn, the noise."""

    def problems(self) -> list[str]:
        return [*wrong_values(self, "optimiser.").values()]


@dataclass(frozen=True)
class RunSettings(AnyRun):
    """How it runs and what it leaves behind."""

    __pydantic_config__ = STRICT

    checkpointing: bool = False
    """Calculate the layers again in the backward pass, to save memory."""
    save_every_steps: Count = 500


@dataclass(frozen=True)
class T2VSettings:
    """One training run of a video generator, as a configuration file describes it."""

    __pydantic_config__ = STRICT

    name: str = ""
    model: ModelSettings = field(default_factory=ModelSettings)
    text: TextSettings = field(default_factory=TextSettings)
    data: DataSettings = field(default_factory=DataSettings)
    tune: TuneSettings = field(default_factory=TuneSettings)
    optimiser: OptimiserSettings = field(default_factory=OptimiserSettings)
    run: RunSettings = field(default_factory=RunSettings)

    def __post_init__(self) -> None:
        parts = (self.model, self.text, self.data, self.tune, self.optimiser, self.run)
        found = [problem for part in parts for problem in part.problems()]
        if self.tune.how == "lora" and not self.model.base:
            found.append("tune.how is lora, which goes with weights to start from: name a model.base")
        if self.text.encoder == BASE and not self.model.base:
            found.append("text.encoder is that of the base, but model.base is empty")
        if self.data.window == "random" and self.model.vae:
            found.append("data.window random needs pixels: with a vae, cut the clips to their captions beforehand")
        if found:
            raise SettingsError("; ".join(found))

    def to_plain(self) -> dict[str, Any]:
        """The settings as plain data, as saved beside every checkpoint."""
        return asdict(self)
