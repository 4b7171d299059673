"""What a training run needs, estimated before it starts: parameters, memory on each GPU, steps, operations, hours."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...errors import SettingsError
from ..settings import DataSettings, TrainSettings
from .build import configuration, shape_of
from .flops import Flops, training_flops
from .gpus import Gpu, gpu
from .memory import Load, Memory, memory
from .shapes import Part, Shape, shape
from .sizes import Sizes, sizes

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

SHARDINGS = ("none", "fsdp2", "deepspeed")

# Of the memory, what a run may fill before fragments and peaks make it fail: an assumption.
USABLE = 0.92

TEXT_TOKENS = 200
"""Assumed of a sample: question, answer and the words around them."""
ANSWER_TOKENS = 100
"""Assumed of a sample: tokens that are learned."""
VIDEO_PIXELS = (640, 352)
"""Assumed of a video that goes in as a video: width and height that its frames are brought to."""

# shape -> (videos, hours, GPUs) of the paper's statement, Chen et al. 2024, appendix on training.
PAPER = {"llava-next-llama3-8b": (181_000, 1.0, 32), "llava-next-yi-34b": (181_000, 5.0, 32)}


@dataclass(frozen=True)
class Sample:
    """An average sample: tokens (those of the picture included), tiles for the tower with their patches, learned."""

    tokens: float
    tiles: int
    patches: int
    learned: int = ANSWER_TOKENS


@dataclass(frozen=True)
class Plan:
    """The reckoning. ``flops`` are those of the whole run; ``memories`` are by kind of sharding."""

    settings: TrainSettings
    shape_name: str
    size: Sizes
    gpus: int
    gpu: Gpu
    mfu: float
    samples: int
    sample: Sample
    trainable: dict[Part, int]
    memories: dict[str, Memory]
    steps: int
    samples_seen: int
    flops: Flops

    @property
    def hours(self) -> float:
        """Hours of calculation at the MFU that was assumed; loading, checkpoints and waiting for data apart."""
        return self.flops.model / (self.gpus * self.gpu.peak_flops * self.mfu) / 3600

    @property
    def tokens_per_second(self) -> float:
        """Tokens per second on each GPU at that MFU."""
        return self.sample.tokens * self.samples_seen / (self.hours * 3600 * self.gpus)

    def fits(self, sharding: str) -> bool:
        """Whether a step fits a GPU with that kind of sharding, as far as an estimate can tell."""
        return self.memories[sharding].total <= USABLE * self.gpu.memory_bytes

    def text(self) -> str:
        """The plan in words and tables, for a terminal."""
        from .plan_text import text

        return text(self)


def plan(
    settings: TrainSettings,
    *,
    gpus: int = 8,
    gpu_kind: str = "H100",
    mfu: float = 0.40,
    samples: int = 153_000,
    tokens_per_sample: float | None = None,
) -> Plan:
    """Reckon a run from its settings alone; nothing is allocated, and a base is only read if no shape is given.

    gpus, gpu_kind     how many of which (``gpus.GPUS``)
    mfu                assumed share of the peak that becomes training; measure it and give it again
    samples            of one epoch
    tokens_per_sample  of an average sample, picture included; None: a video of 16:9 and 200 tokens of text

    Raises SettingsError for an unknown GPU, or a base whose sizes are not known.
    """
    if gpus < 1 or not 0 < mfu <= 1 or samples < 1:
        raise SettingsError(f"a plan needs at least 1 GPU and 1 sample, and an MFU in (0, 1]: {gpus}, {samples}, {mfu}")
    known, config = _known(settings)
    size, kind = sizes(config), gpu(gpu_kind)
    sample = typical_sample(config, settings.data, tokens_per_sample)
    steps, seen = _steps(settings, samples)
    one = sample_flops(settings, size_of=config, sample=sample)
    load = row_load(settings, size, sample)
    memories = {
        sharding: memory(size, settings.tune, settings.run, load, sharding=sharding, gpus=gpus)
        for sharding in SHARDINGS
    }
    return Plan(settings, known.name if known else config.model_type, size, gpus, kind, mfu, samples, sample,
                size.trainable(settings.tune), memories, steps, seen, one * seen)  # fmt: skip


def _known(settings: TrainSettings) -> tuple[Shape | None, PreTrainedConfig]:
    if settings.model.shape:
        wanted = shape(settings.model.shape)
        return wanted, wanted.config()
    return shape_of(settings.model), configuration(settings.model)


def _steps(settings: TrainSettings, samples: int) -> tuple[int, int]:
    """Optimiser steps and samples of the run; the last step may be over fewer."""
    wanted, batch = max(1, round(samples * settings.optimiser.epochs)), settings.optimiser.global_batch
    steps = min(math.ceil(wanted / batch), settings.optimiser.max_steps or wanted)
    return steps, min(wanted, steps * batch)


def typical_sample(config: PreTrainedConfig, data: DataSettings, tokens: float | None = None) -> Sample:
    """The sample that a plan is made for: a video of 16:9 in the layout of the settings."""
    from ..grid import visual_tokens

    vision = config.vision_config
    if config.model_type == "qwen3_vl":
        side = vision.patch_size * vision.spatial_merge_size
        width, height = (max(1, pixels // side) for pixels in VIDEO_PIXELS)
        pieces = math.ceil(data.frames / vision.temporal_patch_size)
        patches = width * height * vision.spatial_merge_size**2
        return Sample(tokens or pieces * width * height + TEXT_TOKENS, pieces, patches)
    tile, patch = vision.image_size, vision.patch_size
    pinpoints = [(wide, high) for high, wide in config.image_grid_pinpoints]
    pictures = 1 if data.layout == "grid" else data.frames
    size = (1920, 1103) if data.layout == "grid" else (1280, 720)  # a grid of 4 x 4 frames of 720p, and one frame
    seen = pictures * visual_tokens(*size, mode="anyres", pinpoints=pinpoints, tile=tile, patch=patch)
    # 16:9 comes to 2 x 2 tiles and the overview.
    return Sample(tokens or seen + TEXT_TOKENS, 5 * pictures, (tile // patch) ** 2)


def sample_flops(settings: TrainSettings, *, size_of: PreTrainedConfig, sample: Sample) -> Flops:
    """Operations of one average sample, forward and backward."""
    return training_flops(
        size_of,
        settings.tune,
        tokens=round(sample.tokens),
        visual_tiles=sample.tiles,
        patches=sample.patches,
        loss_tokens=sample.learned if settings.run.fused_loss else None,
        checkpointing=settings.run.checkpointing,
    )


def row_load(settings: TrainSettings, size: Sizes, sample: Sample) -> Load:
    """What one GPU holds at a time: ``micro_batch`` rows, each as full as packing makes it."""
    data = settings.data
    each = min(data.pack_images, max(1, int(data.pack_tokens / sample.tokens))) if data.packing else 1
    inside = each * settings.optimiser.micro_batch
    tiles = inside * sample.tiles
    return Load(
        tokens=round(data.pack_tokens if data.packing else sample.tokens) * settings.optimiser.micro_batch,
        vision_tokens=tiles * (sample.patches + size.class_tokens),
        patches=tiles * sample.patches,
        learned=inside * sample.learned,
    )


def implied_mfu(shape_name: str, settings: TrainSettings, sample: Sample) -> float | None:
    """The MFU that the paper's statement would mean for such samples on A100s; None for a shape it does not name.

    The recipe of 181 thousand samples trains the vision tower, too; it is counted as the settings have it.
    """
    if shape_name not in PAPER:
        return None
    count, hours, gpus = PAPER[shape_name]
    one = sample_flops(settings, size_of=_known(settings)[1], sample=sample)
    return one.model * count / (hours * 3600 * gpus * gpu("A100-80").peak_flops)
