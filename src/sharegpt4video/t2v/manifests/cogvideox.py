"""The LoRA example of diffusers for CogVideoX, CogVideo's own fine-tuning and cogvideox-factory: two text files.

Read in ``examples/cogvideo/train_cogvideox_lora.py`` of github.com/huggingface/diffusers, 58eb52c. It is started with
``--instance_data_root FOLDER --caption_column prompts.txt --video_column videos.txt``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .base import Manifest, Row, Window
from .lines import read_pair_of_lists, write_pair_of_lists
from .writing import Options


@dataclass(frozen=True)
class CogVideoXOptions(Options):
    """Options of the layout of diffusers' CogVideoX example."""


def write_cogvideox(rows: Iterable[Row], folder: Path, options: CogVideoXOptions) -> list[Path]:
    """Write ``prompts.txt`` and ``videos.txt``. The example drops empty lines of both, so there are none."""
    return write_pair_of_lists(rows, folder, overwrite=options.overwrite)


COGVIDEOX = Manifest(
    name="diffusers-cogvideox",
    summary="diffusers' CogVideoX LoRA example: prompts.txt and videos.txt",
    # Of a longer file every n-th frame, then the first --max_num_frames of them, cut to 4k + 1.
    window=Window(
        "head", step=4, add=1, source="examples/cogvideo/train_cogvideox_lora.py of huggingface/diffusers, 58eb52c"
    ),
    write=write_cogvideox,
    read=read_pair_of_lists,
    options=CogVideoXOptions,
    encoders=("T5-226",),
)
