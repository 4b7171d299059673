"""LTX-Video-Trainer and the trainer of LTX-2: a table of captions and files.

Read in ``scripts/process_videos.py`` and ``process_captions.py`` of github.com/Lightricks/LTX-Video-Trainer, 31b1273,
and of ``packages/ltx-trainer`` in github.com/Lightricks/LTX-2, 400fd31. Both keep what they compute as the video's path
with the ending ``.pt``, and look for files from the folder of the table.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ...errors import SettingsError
from .base import Manifest, Row, Window
from .beside import Distinct
from .tables import Kind, cell, read_table, table_in, write_table
from .writing import Options, caption_of, path_of

STEM = "dataset"
_SHARED = "the trainer keeps both under that name, so that one would get the caption of the other"


@dataclass(frozen=True)
class LtxOptions(Options):
    """Options of the layout of LTX-Video-Trainer."""

    layout: Kind = "jsonl"
    """``dataset.jsonl``, ``dataset.json`` or ``dataset.csv``."""


@dataclass(frozen=True)
class Ltx2Options(LtxOptions):
    """Options of the layout of LTX-2's trainer."""

    audio: str = ""
    """A folder with a sound file for each clip (``NAME.wav``). "": the sound of the clips themselves."""
    reference: str = ""
    """A folder with a reference video for each clip, under the same name (depth maps for an IC-LoRA)."""
    reference_audio: str = ""
    """A folder with a reference sound for each clip (``NAME.wav``)."""
    video_mask: str = ""
    """A folder with a mask for each clip: a video of the same name, or ``NAME.png``. White is given, black is learned
    (inpainting)."""
    audio_mask: str = ""
    """A folder with a mask of the sound for each clip: ``NAME.wav`` or ``NAME.pt``."""


def write_ltx(rows: Iterable[Row], folder: Path, options: LtxOptions) -> list[Path]:
    """Write the table with ``caption`` and ``media_path``. Raises SettingsError for files outside of its folder."""
    items = ({"caption": text, "media_path": video} for video, text in _pairs(rows, inside=True))
    columns = ("caption", "media_path")
    return [write_table(items, folder, STEM, options.layout, columns, overwrite=options.overwrite)]


def write_ltx_2(rows: Iterable[Row], folder: Path, options: Ltx2Options) -> list[Path]:
    """Write the table with ``caption``, ``video`` and the columns that have a folder.

    Raises SettingsError where a clip has no file in one of these: the trainer would stop.
    """
    named = {
        "audio": (options.audio, (".wav",)),
        "reference_video": (options.reference, ("",)),
        "reference_audio": (options.reference_audio, (".wav",)),
        "video_mask": (options.video_mask, ("", ".png")),
        "audio_mask": (options.audio_mask, (".wav", ".pt")),
    }
    beside = {column: (where, endings) for column, (where, endings) in named.items() if where}
    items = (
        {"caption": text, "video": video}
        | {column: _partner(folder, where, video, endings) for column, (where, endings) in beside.items()}
        for video, text in _pairs(rows, inside=False)
    )
    columns = ("caption", "video", *beside)
    return [write_table(items, folder, STEM, options.layout, columns, overwrite=options.overwrite)]


def _pairs(rows: Iterable[Row], *, inside: bool) -> Iterator[tuple[str, str]]:
    names = Distinct(_SHARED)
    for row in rows:
        video = path_of(row.video)
        if inside and (video.startswith("/") or ".." in PurePosixPath(video).parts):
            raise SettingsError(f"{video}: this trainer reads only files below its table; copy or cut the clips there")
        names.take(posixpath.splitext(video)[0], video)
        yield video, caption_of(row.text, row.video)


def _partner(folder: Path, where: str, video: str, endings: Sequence[str]) -> str:
    """The file for a clip in another folder, with the first of the endings that is there; "": the clip's own."""
    path = PurePosixPath(where) / PurePosixPath(video).name
    paths = [path.with_suffix(ending) if ending else path for ending in endings]
    there = next((each for each in paths if (folder / each).is_file()), None)
    if there is None:
        names = " or ".join(str(folder / each) for each in paths)
        raise SettingsError(f"{names}: is not there, for {video}; the trainer needs one for every clip")
    return path_of(str(there))


def read_ltx(folder: Path) -> Iterator[Row]:
    """The rows of either trainer's table."""
    path = table_in(folder, STEM)
    for item in read_table(path):
        column = "video" if "video" in item else "media_path"
        yield Row(cell(item, column, path), {"caption": cell(item, "caption", path)}, 0, 0.0, 0, 0)


LTX = Manifest(
    name="ltx-video-trainer",
    summary="LTX-Video-Trainer: a table with caption and media_path",
    # The first frames, as many as the bucket has. A file with fewer than the smallest bucket is skipped after its
    # caption was counted, and every later caption moves to the next video (its issue 59): the lint looks for these.
    window=Window("head", step=8, add=1, source="scripts/process_videos.py of Lightricks/LTX-Video-Trainer, 31b1273"),
    write=write_ltx,
    read=read_ltx,
    options=LtxOptions,
    encoders=("T5-256",),
)
LTX_2 = Manifest(
    name="ltx-2",
    summary="LTX-2's trainer: a table with caption, video, sound, references and masks",
    window=Window(
        "head", step=8, add=1, source="packages/ltx-trainer/scripts/process_videos.py of Lightricks/LTX-2, 400fd31"
    ),
    write=write_ltx_2,
    read=read_ltx,
    options=Ltx2Options,
    encoders=("Gemma-1024",),
)
