"""DiffSynth-Studio: a table with the columns ``video`` and ``prompt``.

Read in ``diffsynth/core/data/unified_dataset.py`` and ``operators.py`` of github.com/modelscope/DiffSynth-Studio,
fed7b18. It is started with ``--dataset_base_path FOLDER --dataset_metadata_path FOLDER/metadata.jsonl``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from .base import Manifest, Row, Window
from .tables import Kind, cell, read_table, table_in, write_table
from .writing import Options, caption_of, path_of

STEM = "metadata"
ENDINGS = (".mp4", ".avi", ".mov", ".wmv", ".mkv", ".flv", ".webm")


@dataclass(frozen=True)
class DiffSynthOptions(Options):
    """Options of the layout of DiffSynth-Studio."""

    layout: Kind = "jsonl"
    """``metadata.jsonl``, ``metadata.json`` or ``metadata.csv``."""


def write_diffsynth(rows: Iterable[Row], folder: Path, options: DiffSynthOptions) -> list[Path]:
    """Write the table; videos are named from its folder."""
    items = ({"video": path_of(row.video, endings=ENDINGS), "prompt": caption_of(row.text, row.video)} for row in rows)
    return [write_table(items, folder, STEM, options.layout, ("video", "prompt"), overwrite=options.overwrite)]


def read_diffsynth(folder: Path) -> Iterator[Row]:
    """The rows of the table."""
    path = table_in(folder, STEM)
    for item in read_table(path):
        yield Row(cell(item, "video", path), {"caption": cell(item, "prompt", path)}, 0, 0.0, 0, 0)


DIFFSYNTH = Manifest(
    name="diffsynth",
    summary="DiffSynth-Studio: metadata with video and prompt",
    # The first --num_frames (81) of the file; of a shorter one, as many as make 4n + 1.
    window=Window(
        "head", step=4, add=1, source="diffsynth/core/data/operators.py of modelscope/DiffSynth-Studio, fed7b18"
    ),
    write=write_diffsynth,
    read=read_diffsynth,
    options=DiffSynthOptions,
    encoders=("UMT5-512",),
)
