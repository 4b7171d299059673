"""Output files: named after the video, complete or not there at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ..errors import SettingsError


def video_name(video: str) -> str:
    """The video's file name without its ending; for a URL, the last part of its path."""
    path = unquote(urlsplit(video).path) if "://" in video else video
    return Path(path).stem or "video"


def check_names(videos: Sequence[str]) -> None:
    """Raises SettingsError if two of the videos would write to the same file."""
    taken: dict[str, str] = {}
    for video in videos:
        name = video_name(video)
        if name in taken:
            raise SettingsError(
                f"{taken[name]} and {video} would both be written as {name!r}; give them different --out folders"
            )
        taken[name] = video


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file so that it is there completely or not at all, whatever happens meanwhile.

    Raises OSError when the folder cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
        os.chmod(temporary, 0o666 & ~_umask())  # noqa: PTH101 - mkstemp makes files that only the owner can read
        os.replace(temporary, path)  # noqa: PTH105
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)  # noqa: PTH108
        raise


def all_there(paths: Iterable[Path]) -> bool:
    return all(path.exists() for path in paths)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
