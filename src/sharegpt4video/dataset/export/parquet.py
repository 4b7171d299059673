"""Flat Parquet for training: a row for each caption with its steps nested, in shards by split, with a data-set card."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from ...checking import Count, raise_for, wrong_values
from ...config import STRICT
from ...errors import SettingsError
from .card import Made, card
from .entries import Entry
from .job import ExportJob
from .speech import speech_of

_STEP = pa.struct(
    [
        pa.field("kind", pa.string()),
        pa.field("start_seconds", pa.float64()),
        pa.field("end_seconds", pa.float64()),
        pa.field("text", pa.string()),
        pa.field("shot", pa.int64()),
        pa.field("frame_seconds", pa.list_(pa.float64())),
        pa.field("problem", pa.string()),
    ]
)
_SHOT = pa.struct(
    [
        pa.field("start_seconds", pa.float64()),
        pa.field("end_seconds", pa.float64()),
        pa.field("opens_with", pa.string()),
    ]
)
_SPEECH = pa.struct(
    [pa.field("start_seconds", pa.float64()), pa.field("end_seconds", pa.float64()), pa.field("text", pa.string())]
)
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("kind", pa.string()),
        ("video_id", pa.string()),
        ("user_id", pa.string()),
        ("video", pa.string()),
        ("start_seconds", pa.float64()),
        ("end_seconds", pa.float64()),
        ("width", pa.int64()),
        ("height", pa.int64()),
        ("caption", pa.string()),
        ("problem", pa.string()),
        ("shots", pa.list_(_SHOT)),
        ("steps", pa.list_(_STEP)),
        ("model", pa.string()),
        ("prompt_set", pa.string()),
        ("prompt_hash", pa.string()),
        ("version", pa.string()),
        ("speech", pa.list_(_SPEECH)),
        ("edited_by", pa.list_(pa.string())),
    ]
)
"""The columns of the export: ``kind`` is video or clip, ``video`` says where the media lie (see docs/exports.md)."""

_GROUP_ROWS = 1000


@dataclass(frozen=True)
class ParquetOptions:
    """Options of the format ``parquet``."""

    __pydantic_config__ = STRICT

    shard_rows: Count = 100_000
    """Maximum rows per file."""
    license: str = ""
    """The licence for the card, as the Hub names it (``cc-by-nc-4.0``); "": the card says that none is stated."""

    def __post_init__(self) -> None:
        raise_for(wrong_values(self).values())


def write_parquet(job: ExportJob) -> None:
    """``data/SPLIT-00000-of-00003.parquet`` and ``README.md``, which ``datasets.load_dataset(folder)`` understands."""
    counts = job.count_by_split() or {"train": 0}
    made = Made()
    with ExitStack() as stack:
        shards = {split: _Shards(job, split, count) for split, count in counts.items()}
        for one in shards.values():
            stack.push(one.end)
        for entry in job.entries():
            shards[entry.split].add(row_of(job, entry))
            made.add(entry.row.provenance)
            job.wrote(entry, 1 + len(entry.steps))
        for one in shards.values():
            one.finish()
    with job.target.writing("README.md") as file:
        file.write(card(job, counts, made).encode())


def row_of(job: ExportJob, entry: Entry) -> dict[str, Any]:
    """An entry as a row of ``SCHEMA``."""
    row = entry.row
    steps = [
        {
            "kind": step.kind,
            "start_seconds": step.start_seconds,
            "end_seconds": step.end_seconds,
            "text": step.text,
            "shot": step.shot_index,
            "frame_seconds": step.frame_seconds,
            "problem": step.problem,
        }
        for step in entry.steps
    ]
    made = row.provenance
    return {
        "id": entry.id,
        "kind": "video" if entry.clip is None else "clip",
        "video_id": row.id,
        "user_id": row.user_id,
        "video": job.location(entry),
        "start_seconds": entry.start_seconds,
        "end_seconds": entry.end_seconds,
        "width": row.width,
        "height": row.height,
        "caption": entry.text,
        "problem": entry.problem,
        "shots": [vars(shot) for shot in entry.shots],
        "steps": steps,
        "model": made.model,
        "prompt_set": made.prompt_set,
        "prompt_hash": made.prompt_hash,
        "version": made.version,
        "speech": speech_of(entry),
        "edited_by": entry.edited_by,
    }


class _Shards:
    """The files of one split, one after the other; their number is known in advance."""

    def __init__(self, job: ExportJob, split: str, rows: int) -> None:
        self._job, self._split = job, split
        self._shard_rows = job.options.shard_rows
        self._count = max(-(-rows // self._shard_rows), 1)
        self._number = 0
        self._in_shard = 0
        self._waiting: list[dict[str, Any]] = []
        self._open = ExitStack()
        self._writer: pq.ParquetWriter | None = None

    def add(self, row: dict[str, Any]) -> None:
        if self._in_shard == self._shard_rows:
            self._next()
        self._waiting.append(row)
        self._in_shard += 1
        if len(self._waiting) >= _GROUP_ROWS:
            self._write()

    def finish(self) -> None:
        """Write the rest. Raises SettingsError if the data set changed during the export."""
        self._write()
        self._close()
        if self._number + 1 != self._count:
            raise SettingsError("the data set has changed during the export; export it again with overwrite")

    def end(self, *problem: Any) -> None:
        """Remove a half-written file after an error."""
        self._open.__exit__(*problem)

    def _next(self) -> None:
        self._write()
        self._close()
        self._number += 1
        self._in_shard = 0

    def _write(self) -> None:
        if self._writer is None:
            name = f"data/{self._split}-{self._number:05d}-of-{self._count:05d}.parquet"
            file: IO[bytes] = self._open.enter_context(self._job.target.writing(name))
            self._writer = pq.ParquetWriter(file, SCHEMA, compression="zstd")
        if self._waiting:
            self._writer.write_table(pa.Table.from_pylist(self._waiting, schema=SCHEMA))
            self._waiting = []

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        self._open.close()
