"""FastVideo: ``videos2caption.json`` beside a folder ``videos``.

Read in ``fastvideo/workflow/preprocess/components.py`` and ``pipelines/preprocess/preprocess_stages.py`` of
github.com/hao-ai-lab/FastVideo, 2f3d407. It is started with ``--preprocess.dataset_type merged
--preprocess.dataset_path FOLDER``.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import SettingsError
from .base import Manifest, Row, Window
from .writing import NOT_A_ROW, Options, caption_of, new_files, path_of, read_list, write_list

NAME, VIDEOS = "videos2caption.json", "videos"


@dataclass(frozen=True)
class FastVideoOptions(Options):
    """Options of the layout of FastVideo."""


def write_fastvideo(rows: Iterable[Row], folder: Path, options: FastVideoOptions) -> list[Path]:
    """Write ``videos2caption.json``. Its paths begin in ``videos``, which is made, as FastVideo looks there."""
    with new_files(folder, [NAME], overwrite=options.overwrite) as (file,):
        (folder / VIDEOS).mkdir(exist_ok=True)
        write_list(file, (_item(row) for row in rows))
    return [folder / NAME]


def _item(row: Row) -> dict[str, Any]:
    """Frame rate, frames and size have to be there: a row without them stops the filter (``KeyError: 'fps'``)."""
    video = path_of(row.video)
    lacks = [name for name in ("frames", "fps", "width", "height") if not getattr(row, name)]
    if lacks:
        raise SettingsError(f"{video}: its {' and '.join(lacks)} are not known, and FastVideo drops such clips")
    return {
        "path": video if video.startswith("/") else posixpath.relpath(video, VIDEOS),
        "cap": caption_of(row.text, video),  # one text: of a list, its filter and encoder do not take one
        "resolution": {"width": row.width, "height": row.height},
        "fps": row.fps,
        "duration": round(row.frames / row.fps, 6),
        "num_frames": row.frames,
    }


def read_fastvideo(folder: Path) -> Iterator[Row]:
    """The rows of ``videos2caption.json``, also of those that hold lists of captions: the first is read."""
    for item in read_list(folder / NAME):
        try:
            yield _row(item)
        except NOT_A_ROW as wrong:
            raise SettingsError(f"{folder / NAME}: {item.get('path', 'an item')}: {wrong!r}") from None


def _row(item: Mapping[str, Any]) -> Row:
    caption = item["cap"][0] if isinstance(item["cap"], list) else item["cap"]
    size = item.get("resolution") or {}
    return Row(
        posixpath.normpath(posixpath.join(VIDEOS, item["path"])),
        {"caption": str(caption)},
        int(item.get("num_frames", 0)),
        float(item.get("fps", 0.0)),
        int(size.get("width", 0)),
        int(size.get("height", 0)),
    )


FASTVIDEO = Manifest(
    name="fastvideo",
    summary="FastVideo: videos2caption.json",
    # Resampled to --preprocess.train_fps first; the first --preprocess.num_frames, or a random run where that is asked
    # for. Longer than five times that: dropped.
    window=Window(
        "random",
        step=4,
        add=1,
        fps=16.0,
        source="fastvideo/workflow/preprocess/components.py of hao-ai-lab/FastVideo, 2f3d407",
    ),
    write=write_fastvideo,
    read=read_fastvideo,
    options=FastVideoOptions,
    encoders=("UMT5-512",),
)
