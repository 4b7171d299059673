"""SubRip and WebVTT files with the steps as cues, in their own folder or next to the videos."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path

from ...config import STRICT
from ...errors import SettingsError
from ...records import VideoCaption
from ...subtitles import cues, srt, vtt
from .entries import Entry
from .job import ExportJob
from .names import file_name
from .target import whole_file


@dataclass(frozen=True)
class SubtitleOptions:
    """Options of the formats ``srt`` and ``vtt``: none."""

    __pydantic_config__ = STRICT


def no_parts_beside(_options: SubtitleOptions, out: str) -> str:
    return "" if out else "several would need the same name beside it"


def write_srt(job: ExportJob) -> None:
    """``SPLIT/ab/ID.srt`` for each video (and clip), or ``VIDEO.srt`` beside each video.

    Times are the file's: cues of a part that was not cut out begin where the part does.
    """
    _write(job, "srt", srt)


def write_vtt(job: ExportJob) -> None:
    """As ``write_srt``, in WebVTT."""
    _write(job, "vtt", vtt)


def _write(job: ExportJob, ending: str, render: Callable[[VideoCaption], str]) -> None:
    beside: set[bytes] = set()
    for entry in job.entries(usable=False):
        caption = _part(entry)
        count = len(cues(caption))
        if not count:
            job.leave_out("videos without a usable step" if entry.clip is None else "clips without a usable step")
        elif _place(job, entry, ending, render(caption), beside):
            job.wrote(entry, count)


def _part(entry: Entry) -> VideoCaption:
    return replace(
        entry.row.caption,
        start_seconds=entry.start_seconds,
        end_seconds=entry.end_seconds,
        steps=entry.steps,
        shots=entry.shots,
        sound=entry.row.sound and replace(entry.row.sound, speech=entry.speech),
    )


def _place(job: ExportJob, entry: Entry, ending: str, text: str, taken: set[bytes]) -> bool:
    if job.target.out:
        with job.target.writing(f"{entry.split}/{entry.id[:2]}/{entry.id}.{ending}", sync=False) as file:
            file.write(text.encode())
        return True
    location = Path(entry.location)
    if not location.is_file():
        job.leave_out("not a file of this machine, so nothing can lie beside it")
        return False
    beside = location.with_name(file_name(location.stem, f".{ending}"))
    if _hash(beside) in taken:  # a.mp4 and a.mkv in one folder
        beside = location.with_name(file_name(location.name, f".{ending}"))
        job.note(
            "where videos differ only in their ending, the later ones' subtitles have it in their name (a.mkv.srt)"
        )
    taken.add(_hash(beside))
    if beside.exists() and not job.overwrite:
        raise SettingsError(f"{beside}: exists; overwrite it, or give a folder for the subtitles")
    with whole_file(str(beside)) as file:
        file.write(text.encode())
    return True


def _hash(path: Path) -> bytes:
    return blake2b(os.fsencode(path), digest_size=8).digest()
