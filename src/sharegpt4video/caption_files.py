"""Captions in files: read back, and joined with the video that they were made from and with no other."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path, PurePath

from .checking import first_problem
from .errors import InputMissing, SG4VError, VideoError
from .files import file_content_id
from .given import read_bytes
from .records import VideoCaption


def read_caption(path: Path) -> VideoCaption:
    """The caption in a ``.json`` file. Raises InputMissing if it cannot be read, SG4VError if it is something else."""
    try:
        return VideoCaption.from_json(read_bytes(path))
    except OSError as gone:
        raise InputMissing(f"{path}: cannot be read: {gone.strerror}") from gone
    except ValueError as wrong:
        advice = "give the .json file that sg4v caption VIDEO --out FOLDER writes"
        raise SG4VError(f"{path}: not a caption in JSON ({first_problem(wrong)}); {advice}") from wrong


def video_of(captioned: VideoCaption, file: Path, media: Path | None = None) -> str:
    """The absolute path, or the address, of the video of a caption that was read from a file; it may be missing.

    The caption says where it lies, seen from its own folder, or, where it was printed, from the folder in which the
    command ran. ``media`` is the folder of the videos, if the user names one. Captions of earlier versions have the
    name alone, which is looked for in the folders around.
    """
    path, folder = captioned.video_path, file.absolute().parent
    if media is not None:
        parts = [part for part in PurePath(path).parts if part not in ("..", PurePath(path).anchor)]
        places = [media.joinpath(*parts[at:]) for at in range(len(parts))] if "://" not in path else []
        places.append(media / captioned.video)
    elif "://" in (path or captioned.video):
        return path or captioned.video
    else:
        places = [each / path for each in (folder, Path()) if path]
        places += [each / captioned.video for each in (Path(), folder, folder.parent)]
    found = next((place for place in places if place.exists()), places[0] if media is None else places[-1])
    return str(found.parent.resolve() / found.name)  # ".." behind a link leads to what is above its target


def check_made_from(
    video: str | os.PathLike[str], content_id: str, content_of: Callable[[str], str] = file_content_id
) -> None:
    """Hold a file against the content that a caption was made from: names say nothing of what a file holds today.

    A caption without ``content_id`` was made by an earlier version, or describes a part of its file that was cut out
    since; an address is not downloaded. Neither is compared. ``content_of`` may remember what was read before. Raises
    AnotherVideo for another file, VideoError for one that cannot be read.
    """
    name = os.fspath(video)
    if not content_id or "://" in name:
        return
    try:
        found = content_of(name)
    except OSError as error:
        raise VideoError(f"{name}: cannot be read: {error.strerror or error}") from error
    if found != content_id:
        raise AnotherVideo(f"{name}: not the video that the caption was made from; caption it again")


class AnotherVideo(VideoError):
    """A file has the name of the video that a caption was made from, and is another one."""
