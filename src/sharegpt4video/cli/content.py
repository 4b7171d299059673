"""What a video is, whatever it is called and wherever it lies: a hash of its bytes."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..dataset.sources.ids import place_id
from ..errors import VideoError
from ..files import file_content_id
from ..foreign import without_secrets
from ..video.source import source_of

Known = Callable[[str, int, str], "str | None"]
"""Answers (location, size_bytes, modified) with the content's id if that is known, so that a file is read once."""


@dataclass(frozen=True)
class Content:
    """The id of a video's content (as in a data set: 32 hex digits), and the state of the file that has it."""

    id: str
    location: str
    size_bytes: int = 0
    modified: str = ""


def content_of(video: str, known: Known = lambda *_: None) -> Content:
    """Hash a file's bytes. Of a web address the server's word counts (length and ETag), or else the address alone.

    Raises VideoError when the file cannot be read, or changes meanwhile.
    """
    if "://" in video:
        return _of_web(video)
    source_of(video)  # says what is wrong with a path
    try:
        before = _state(video)
        location = str(Path(video).absolute())
        found = known(location, *before) or file_content_id(video)
        if _state(video) != before:
            raise VideoError(f"{video}: the file changes while it is being read; try again when it is complete")
    except OSError as error:
        raise VideoError(f"{video}: {error.strerror or error}; check the path") from error
    return Content(found, location, *before)


def is_unchanged(content: Content) -> bool:
    """Whether the file is still the one that was hashed; a web address is not asked again."""
    if not content.modified or "://" in content.location:
        return True
    try:
        return _state(content.location) == (content.size_bytes, content.modified)
    except OSError:
        return False


def _of_web(address: str) -> Content:
    from ..dataset.sources.contents import reading_errors
    from ..dataset.sources.places import is_web, web_stat

    source_of(address)
    if not is_web(address):
        raise VideoError(f"{address}: cannot open addresses of this kind")
    try:
        found = web_stat(address)
    except FileNotFoundError as error:
        raise VideoError(str(error)) from error
    except reading_errors():
        return Content(place_id("web", address), without_secrets(address))
    id = place_id("web", address, str(found.size_bytes), found.modified)
    return Content(id, without_secrets(address), found.size_bytes, found.modified)


def _state(path: str) -> tuple[int, str]:
    """Size, and the times of the last change of bytes and of anything: a copy can fake the first, not the second."""
    found = os.stat(path)  # noqa: PTH116 - a Path would drop what is odd in a name
    return found.st_size, f"{found.st_mtime_ns} {found.st_ctime_ns}"
