"""Which files hold rows, of a release or of an export of ours, and the folder with their media."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

from ...errors import SettingsError
from ..export.target import MANIFEST
from .jsonstream import JsonRow, json_rows

_MANIFEST_BYTES = 1 << 20


def released_files(path: Path, media: str | os.PathLike[str] | None) -> tuple[list[Path], Path | None]:
    """The files to read, and the folder with the media: of a folder, it is that folder unless another is given.

    The ``export.json`` of an export tells of the files beside it and has no rows. Raises SettingsError if there is
    nothing to read.
    """
    folder = None if media is None else Path(media)
    if path.is_file() and _manifest(path) is None:
        return [path], folder
    if not path.is_dir():
        raise SettingsError(
            f"{path}: no such file or folder with rows; give a .jsonl, a .json, or the folder that holds them"
        )
    named = sorted(one for one in path.rglob("*") if one.suffix.lower() in (".jsonl", ".json") and one.is_file())
    files = [one for one in named if _manifest(one) is None]
    if not files:
        raise SettingsError(
            f"{path}: holds no .jsonl and no .json file with rows; of exports, sharegpt4video, llava and captioner can "
            "be audited"
        )
    return files, folder or path


def released_rows(file: Path) -> Iterator[JsonRow]:
    """The rows of one file. Raises SettingsError if it cannot be read."""
    try:
        with file.open("rb") as opened:
            yield from json_rows(opened)
    except OSError as error:
        raise SettingsError(f"{file}: cannot be read: {error}") from error


def is_exported(file: Path) -> bool:
    """Whether an export of ours wrote this file, as the ``export.json`` beside it says."""
    manifest = _manifest(file.parent / MANIFEST)
    return manifest is not None and file.name in manifest["files"]


def _manifest(path: Path) -> dict[str, list[str]] | None:
    """What an ``export.json`` says; None for any other file, whatever its name."""
    try:
        if path.name != MANIFEST or path.stat().st_size > _MANIFEST_BYTES:
            return None
        said = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(said, dict) or not {"format", "finished", "files"} <= said.keys():
        return None
    return said if isinstance(said["files"], list) else None
