"""WebDataset: tar shards with ``KEY.mp4``, ``KEY.json`` and ``KEY.txt`` for each sample.

The layout is that of github.com/webdataset/webdataset: POSIX tar, members of a sample next to each other; the key is
the name before the first dot.
"""

from __future__ import annotations

import io
import json
import tarfile
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import IO, Annotated, Any

from ...checking import Count, Limits, raise_for, wrong_values
from ...config import STRICT
from ...errors import SettingsError, VideoError
from .entries import STEP_FIELDS, Entry
from .job import ExportJob
from .media import media_bytes
from .speech import speech_of

_BLOCK = 512


@dataclass(frozen=True)
class WebDatasetOptions:
    """Options of the format ``webdataset``."""

    __pydantic_config__ = STRICT

    media: bool = True
    """Copy the videos into the shards, byte for byte. False: captions only."""
    cut: bool = True
    """Cut spans of longer files, and clips without a file of their own, out of their videos. False: leave them out."""
    shard_samples: Count = 10_000
    """Maximum samples per shard."""
    shard_bytes: Annotated[int, Limits(1, 1 << 50)] = 1 << 30
    """Maximum bytes per shard; a larger sample gets its own shard."""

    def __post_init__(self) -> None:
        raise_for(wrong_values(self).values())


def no_parts_in_webdataset(options: WebDatasetOptions, _out: str) -> str:
    return "they would have to be cut" if options.media and not options.cut else ""


def write_webdataset(job: ExportJob) -> None:
    """``SPLIT-000000.tar`` and so on; a video whose file cannot be read is left out and counted."""
    with ExitStack() as stack:
        splits: dict[str, _Shards] = {}
        for entry in job.entries():
            if entry.split not in splits:
                splits[entry.split] = _Shards(job, entry.split)
                stack.push(splits[entry.split].end)
            _add(job, splits[entry.split], entry)
        for shards in splits.values():
            shards.close()


def _add(job: ExportJob, shards: _Shards, entry: Entry) -> None:
    if not job.options.media:
        shards.add(entry.id, _texts(job, entry))
        job.wrote(entry)
        return
    try:
        with media_bytes(entry) as (file, size, ending):
            inside = replace(entry, cut_at_seconds=entry.start_seconds) if entry.is_part else entry
            shards.add(entry.id, _texts(job, inside), (ending[1:], file, size))
    except VideoError as error:
        job.leave_out("media that cannot be read", example=str(error), failed=True)
        return
    job.wrote(entry)


def _texts(job: ExportJob, entry: Entry) -> list[tuple[str, bytes]]:
    return [("json", json.dumps(_plain(job, entry), ensure_ascii=False).encode()), ("txt", entry.text.encode())]


def _plain(job: ExportJob, entry: Entry) -> dict[str, Any]:
    """The content of ``KEY.json``; times are seconds of the media beside it, ``cut_at_seconds`` is one of ``video``."""
    row = entry.row
    steps = [{name: getattr(step, name) for name in STEP_FIELDS} for step in entry.steps]
    return {
        "id": entry.id,
        "kind": "video" if entry.clip is None else "clip",
        "video_id": row.id,
        "user_id": row.user_id,
        "video": job.location(entry),
        "split": entry.split,
        "start_seconds": entry.start_seconds,
        "end_seconds": entry.end_seconds,
        "cut_at_seconds": entry.cut_at_seconds or 0.0,
        "width": row.width,
        "height": row.height,
        "caption": entry.text,
        "problem": entry.problem,
        "steps": steps,
        "model": row.provenance.model,
        "prompt_hash": row.provenance.prompt_hash,
        "speech": speech_of(entry),
        "edited_by": entry.edited_by,
    }


class _Shards:
    """The shards of one split, one after the other."""

    def __init__(self, job: ExportJob, split: str) -> None:
        self._job, self._split = job, split
        self._number = self._samples = self._bytes = 0
        self._open = ExitStack()
        self._tar: tarfile.TarFile | None = None

    def add(self, key: str, texts: list[tuple[str, bytes]], media: tuple[str, IO[bytes], int] | None = None) -> None:
        size = sum(_padded(len(data)) for _, data in texts) + (_padded(media[2]) if media else 0)
        options = self._job.options
        full = self._samples >= options.shard_samples or self._bytes + size > options.shard_bytes
        if self._tar is not None and full:
            self.close()
        tar = self._tar or self._begin()
        if media is not None:
            _member(tar, f"{key}.{media[0]}", media[1], media[2])
        for ending, data in texts:
            _member(tar, f"{key}.{ending}", io.BytesIO(data), len(data))
        self._samples += 1
        self._bytes += size

    def _begin(self) -> tarfile.TarFile:
        file = self._open.enter_context(self._job.target.writing(f"{self._split}-{self._number:06d}.tar"))
        self._tar = self._open.enter_context(tarfile.open(fileobj=file, mode="w|", format=tarfile.GNU_FORMAT))  # noqa: SIM115
        return self._tar

    def close(self) -> None:
        """Close the open shard; the next sample opens another."""
        self._open.close()
        self._tar = None
        self._number += 1
        self._samples = self._bytes = 0

    def end(self, *problem: Any) -> None:
        """Remove a half-written shard after an error."""
        self._open.__exit__(*problem)


def _padded(size: int) -> int:
    """The size of a member in a tar: its header and its bytes in whole blocks."""
    return _BLOCK + -(-size // _BLOCK) * _BLOCK


def _member(tar: tarfile.TarFile, name: str, file: IO[bytes], size: int) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o644
    try:
        tar.addfile(info, file)
    except tarfile.TarError as error:
        raise SettingsError(f"{name}: cannot be packed: {error}") from error
