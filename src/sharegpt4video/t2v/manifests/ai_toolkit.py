"""ai-toolkit: a folder with a text beside each clip, and ``config.yaml``.

Read in ``toolkit/data_loader.py``, ``dataloader_mixins.py`` and ``config_modules.py`` of github.com/ostris/ai-toolkit,
27a03a9. It is started with ``python run.py FOLDER/config.yaml``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import yaml

from ...checking import Count, Limits, Rate
from ...files import write_whole
from .base import Manifest, Row, Window
from .beside import read_beside, write_beside
from .writing import Options, caption_of, require_new

CONFIG = "config.yaml"


@dataclass(frozen=True)
class AiToolkitOptions(Options):
    """Options of the layout of ai-toolkit."""

    name: str = "my_video_lora"
    """The name of the LoRA."""
    model: str = "Wan-AI/Wan2.1-T2V-1.3B-Diffusers"
    """The model, as a name on the Hub or a folder."""
    arch: str = "wan21"
    """What ai-toolkit calls the model's family."""
    frames: Annotated[int, Limits(2, 1 << 20)] = 81
    """Frames to train with. They are picked evenly from the whole clip, so that its caption stays true."""
    fps: Rate = 16.0
    """Frame rate of the model."""
    resolutions: list[int] = field(default_factory=lambda: [632])
    """Sides of squares with as many pixels as the clips are trained with."""
    steps: Count = 2000
    """Steps to train."""


def write_ai_toolkit(rows: Iterable[Row], folder: Path, options: AiToolkitOptions) -> list[Path]:
    """Write ``config.yaml`` and a text beside each clip."""
    if not options.overwrite:
        require_new([folder / CONFIG])
    written: list[Path] = []
    texts = ((row, caption_of(row.text, row.video)) for row in rows)
    write_beside(texts, folder, overwrite=options.overwrite, first=written)
    config = yaml.safe_dump(_config(folder, options), sort_keys=False, allow_unicode=True)
    write_whole(folder / CONFIG, config)
    return [folder / CONFIG, *written]


def _config(folder: Path, options: AiToolkitOptions) -> dict[str, Any]:
    dataset = {
        "folder_path": folder.absolute().as_posix(),
        "caption_ext": "txt",
        "caption_dropout_rate": 0.05,
        "shuffle_tokens": False,  # it would shuffle a caption at its commas
        "num_frames": options.frames,
        "shrink_video_to_frames": True,  # else a random run of frames gets the caption of the whole
        "fps": int(options.fps) if options.fps == int(options.fps) else options.fps,
        "cache_latents_to_disk": True,
        "resolution": options.resolutions,
    }
    train = {
        "batch_size": 1,
        "steps": options.steps,
        "train_unet": True,
        "train_text_encoder": False,
        "gradient_checkpointing": True,
        "noise_scheduler": "flowmatch",
        "timestep_type": "sigmoid",
        "optimizer": "adamw8bit",
        "lr": 1e-4,
        "dtype": "bf16",
        "disable_sampling": True,
    }
    process = {
        "type": "sd_trainer",
        "training_folder": "output",
        "device": "cuda:0",
        "network": {"type": "lora", "linear": 32, "linear_alpha": 32},
        "save": {"dtype": "float16", "save_every": 250, "max_step_saves_to_keep": 4},
        "datasets": [dataset],
        "train": train,
        "model": {"name_or_path": options.model, "arch": options.arch, "quantize_te": True},
    }
    return {"job": "extension", "config": {"name": options.name, "process": [process]}}


def read_ai_toolkit(folder: Path) -> Iterator[Row]:
    """The clips below a folder that have a text beside them."""
    for video, text in read_beside(folder):
        yield Row(video, {"caption": text}, 0, 0.0, 0, 0)


AI_TOOLKIT = Manifest(
    name="ai-toolkit",
    summary="ai-toolkit: texts beside the clips, and config.yaml",
    window=Window("spread", step=4, add=1, source="toolkit/dataloader_mixins.py of ostris/ai-toolkit, 27a03a9"),
    write=write_ai_toolkit,
    read=read_ai_toolkit,
    options=AiToolkitOptions,
    encoders=("UMT5-512",),
)
