"""Captions in files: read back, and joined with the video that they were made from and with no other."""

from __future__ import annotations

import os
from pathlib import Path

from .checking import first_problem
from .errors import InputMissing, SG4VError, VideoError
from .files import file_content_id
from .records import VideoCaption


def read_caption(path: Path) -> VideoCaption:
    """The caption in a ``.json`` file. Raises InputMissing if it cannot be read, SG4VError if it is something else."""
    try:
        return VideoCaption.from_json(path.read_bytes())
    except OSError as gone:
        raise InputMissing(f"{path}: cannot be read: {gone.strerror}") from gone
    except ValueError as wrong:
        advice = "give the .json file that sg4v caption VIDEO --out FOLDER writes"
        raise SG4VError(f"{path}: not a caption in JSON ({first_problem(wrong)}); {advice}") from wrong


def check_made_from(video: str | os.PathLike[str], content_id: str) -> None:
    """Hold a file against the content that a caption was made from: names say nothing of what a file holds today.

    A caption without ``content_id`` was made by an earlier version, or describes a part of its file that was cut out
    since; an address is not downloaded. Neither is compared. Raises VideoError for another file, and for one that
    cannot be read.
    """
    name = os.fspath(video)
    if not content_id or "://" in name:
        return
    try:
        found = file_content_id(name)
    except OSError as error:
        raise VideoError(f"{name}: cannot be read: {error.strerror or error}") from error
    if found != content_id:
        raise AnotherVideo(f"{name}: not the video that the caption was made from; caption it again")


class AnotherVideo(VideoError):
    """A file has the name of the video that a caption was made from, and is another one."""
