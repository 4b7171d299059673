"""Captions in text files beside the videos: ``a.txt`` for ``a.mp4``, as most trainers with folders read them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from ...errors import SettingsError
from .base import Row
from .writing import new_files, opened, path_of

ENDINGS = (".mp4", ".mov", ".webm", ".mkv", ".avi", ".m4v")


class Distinct:
    """Names that must differ, because a trainer keeps what it computes under them. Holds a number for each."""

    def __init__(self, why: str) -> None:
        self._why = why
        self._seen: set[int] = set()

    def take(self, name: str, video: str) -> None:
        """Note a name. Raises SettingsError where it was there already."""
        before = len(self._seen)
        self._seen.add(hash(name))
        if len(self._seen) == before:
            raise SettingsError(f"{video}: another video is called {name!r}, too, and {self._why}; rename one")


def below(video: str) -> PurePosixPath:
    """A path below the folder of the manifest. Raises SettingsError for any other."""
    path = PurePosixPath(path_of(video, endings=ENDINGS))
    if path.is_absolute() or ".." in path.parts:
        raise SettingsError(f"{video}: this trainer reads all of one folder; copy or cut the clips into it")
    return path


def write_beside(
    rows: Iterable[tuple[Row, str]], folder: Path, *, overwrite: bool, first: list[Path] | None = None
) -> dict[str, int]:
    """Write a text beside each video; returns how many videos each folder has. ``first`` gets the first file.

    Raises SettingsError where one text would be that of two videos, or a video is not below ``folder``.
    """
    folders: dict[str, int] = {}
    for row, text in rows:
        path = below(row.video)
        file = folder / path.with_suffix(".txt")
        double = [
            ending for ending in ENDINGS if ending != path.suffix and (folder / path).with_suffix(ending).exists()
        ]
        if double:
            raise SettingsError(
                f"{file}: would be the caption of two videos, {path.suffix} and {double[0]}; rename one"
            )
        with new_files(file.parent, [file.name], overwrite=overwrite) as (out,):
            out.write(text)  # some trainers keep a line end as part of the caption
        if first is not None and not first:
            first.append(file)
        parent = str(path.parent)
        folders[parent] = folders.get(parent, 0) + 1
    return folders


def read_beside(folder: Path, endings: Sequence[str] = ENDINGS) -> Iterator[tuple[str, str]]:
    """Each video below a folder that has a text beside it, by its path from there, and that text, stripped."""
    for where, folders, names in os.walk(folder):
        folders.sort()
        there = set(names)
        for name in sorted(name for name in names if name.endswith(".txt")):
            stem = name.removesuffix(".txt")
            ending = next((ending for ending in endings if stem + ending in there), "")
            if ending:
                with opened(Path(where, name)) as text:
                    yield Path(where, stem + ending).relative_to(folder).as_posix(), text.read().strip()
