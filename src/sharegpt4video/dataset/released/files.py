"""Which files hold rows, of a release or of an export of ours, and the folder with their media."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...errors import InputMissing, SettingsError
from ...given import from_json, open_file, read_bytes
from ..export.target import MANIFEST
from .jsonstream import JsonRow, json_rows

AUDITED = ("sharegpt4video", "llava", "captioner")
"""The formats of our exports whose rows can be read back here."""
_MANIFEST_BYTES = 1 << 20
_AUDITED_WORDS = f"of exports, {', '.join(AUDITED[:-1])} and {AUDITED[-1]} can be audited"


def released_files(path: Path, media: str | os.PathLike[str] | None) -> tuple[list[Path], Path | None]:
    """The files to read, and the folder with the media: of a folder, it is that folder unless another is given.

    The ``export.json`` of an export tells of the files beside it and has no rows. Raises SettingsError if there is
    nothing to read, and for files of exports in formats that are not ``AUDITED``.
    """
    folder = None if media is None else Path(media)
    if path.is_file() and _manifest(path) is None:
        _check_formats([path])
        return [path], folder
    if not path.is_dir():
        raise InputMissing(
            f"{path}: no such file or folder with rows; give a .jsonl, a .json, or the folder that holds them"
        )
    named = sorted(one for one in path.rglob("*") if one.suffix.lower() in (".jsonl", ".json") and one.is_file())
    files = [one for one in named if _manifest(one) is None]
    if all(map(_other_format, files)):
        raise SettingsError(f"{path}: holds no .jsonl and no .json file with rows; {_AUDITED_WORDS}")
    _check_formats(files)
    return files, folder or path


def released_rows(file: Path) -> Iterator[JsonRow]:
    """The rows of one file, videos of an export of ours named absolutely. Raises SettingsError if it cannot be read."""
    folder = file.absolute().parent if is_exported(file) else None
    try:
        with open_file(file) as opened:
            for row in json_rows(opened):
                yield row if folder is None else replace(row, value=_located(row.value, folder))
    except OSError as error:
        raise SettingsError(f"{file}: cannot be read: {error}") from error


def _located(plain: Any, folder: Path) -> Any:
    """A row whose ``video_path`` is absolute if it is seen from the folder of the export, as exports have it."""
    path = plain.get("video_path") if isinstance(plain, dict) else None
    if not isinstance(path, str) or not path or path.startswith("/") or plain.get("zip_folder"):
        return plain
    if not path.startswith("../") and not os.path.isfile(folder / path):  # noqa: PTH113 - a name may be too long
        return plain  # named relative to a media root, or as in the release
    return {**plain, "video_path": f"{os.path.realpath(folder / os.path.dirname(path))}/{os.path.basename(path)}"}  # noqa: PTH119, PTH120


def is_exported(file: Path) -> bool:
    """Whether an export of ours wrote this file, as the ``export.json`` beside it says."""
    manifest = _manifest(file.parent / MANIFEST)
    return manifest is not None and file.name in manifest["files"]


def _check_formats(files: Sequence[Path]) -> None:
    for file in files:
        if other := _other_format(file):
            raise SettingsError(f"{file}: belongs to an export in the format {other}; {_AUDITED_WORDS}")


def _other_format(file: Path) -> str:
    """The format of the export of ours that a file lies in, if its rows are not read here; else ""."""
    manifest = _manifest(file.parent / MANIFEST)
    if manifest is None or file.name not in manifest["files"] or manifest["format"] in AUDITED:
        return ""
    return str(manifest["format"])


def _manifest(path: Path) -> dict[str, Any] | None:
    """What an ``export.json`` says; None for any other file, whatever its name."""
    try:
        if path.name != MANIFEST or path.stat().st_size > _MANIFEST_BYTES:
            return None
        said = from_json(read_bytes(path))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(said, dict) or not {"format", "finished", "files"} <= said.keys():
        return None
    return said if isinstance(said["files"], list) else None
