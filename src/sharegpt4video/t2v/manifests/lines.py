"""Two text files side by side: line n of one is the caption of the video in line n of the other."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path

from ...errors import SettingsError
from .base import Row
from .writing import caption_of, new_files, opened, path_of

CAPTIONS, VIDEOS = "prompts.txt", "videos.txt"


def write_pair_of_lists(rows: Iterable[Row], folder: Path, *, overwrite: bool) -> list[Path]:
    """Write ``prompts.txt`` and ``videos.txt``; both appear, or none."""
    with new_files(folder, (CAPTIONS, VIDEOS), overwrite=overwrite) as (captions, videos):
        for row in rows:
            text, video = caption_of(row.text, row.video), path_of(row.video)
            captions.write(f"{text}\n")
            videos.write(f"{video}\n")
    return [folder / CAPTIONS, folder / VIDEOS]


def read_pair_of_lists(folder: Path) -> Iterator[Row]:
    """The rows of both files. Raises SettingsError where one has more lines: the captions belong to other videos then.

    Empty lines count as lines, as in most readers.
    """
    with opened(folder / CAPTIONS) as captions, opened(folder / VIDEOS) as videos:
        for number, (text, video) in enumerate(itertools.zip_longest(captions, videos), start=1):
            if text is None or video is None:
                short = CAPTIONS if text is None else VIDEOS
                raise SettingsError(f"{folder / short}: ends before line {number} of the other; count both")
            yield Row(video.rstrip("\n"), {"caption": text.rstrip("\n")}, 0, 0.0, 0, 0)
