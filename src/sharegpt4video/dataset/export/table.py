"""CSV: one table with a row for each caption, in the columns that text-to-video trainers read."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import IO, Any, Literal

from ...config import STRICT
from ...foreign import csv_cell, csv_path
from .entries import Entry
from .job import ExportJob
from .target import Paths

COLUMNS = {
    "plain": ("id", "user_id", "path", "split", "start_seconds", "end_seconds", "caption"),
    "opensora": ("path", "text", "width", "height", "split", "id"),
    "videox": ("file_path", "text", "type", "split", "id"),
    "diffsynth": ("video", "prompt", "split", "id"),
    "ltx": ("video", "caption", "split", "id"),
}

_WRITE_EVERY_BYTES = 1 << 20


@dataclass(frozen=True)
class CsvOptions:
    """Options of the format ``csv``."""

    __pydantic_config__ = STRICT

    columns: Literal["plain", "opensora", "videox", "diffsynth", "ltx"] = "plain"
    """``plain``: all columns; the others as a trainer reads them: Open-Sora (``path,text``), VideoX-Fun
    (``file_path,text,type``), DiffSynth-Studio (``video,prompt``) and LTX's trainer (``video,caption``). Trainers open
    whole files, so parts of a file are left out."""


def no_parts_in_csv(options: CsvOptions, _out: str) -> str:
    return "" if options.columns == "plain" else f"readers of {options.columns} open whole files"


def paths_in_csv(options: CsvOptions) -> Paths:
    """Open-Sora opens paths unchanged, from its working directory; the others join them with a folder."""
    return "absolute" if options.columns == "opensora" else "relative"


def write_csv(job: ExportJob) -> None:
    """``captions.csv`` in UTF-8, with a header, quoted if needed, with RFC 4180 line endings."""
    columns = COLUMNS[job.options.columns]
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    with job.target.writing("captions.csv") as file:
        for entry in job.entries():
            values = _values(job, entry)
            writer.writerow([values[name] for name in columns])
            job.wrote(entry)
            if text.tell() > _WRITE_EVERY_BYTES:
                _flush(text, file)
        _flush(text, file)


def _flush(text: io.StringIO, file: IO[bytes]) -> None:
    file.write(text.getvalue().encode())
    text.seek(0)
    text.truncate()


def _values(job: ExportJob, entry: Entry) -> dict[str, Any]:
    path = csv_path(job.location(entry))
    caption = csv_cell(f"[{entry.problem}] {entry.text}" if entry.problem else entry.text)
    return {
        "id": entry.id,
        "user_id": csv_cell(entry.row.user_id),
        "path": path,
        "file_path": path,
        "video": path,
        "split": entry.split,
        "start_seconds": round(entry.start_seconds, 6),
        "end_seconds": round(entry.end_seconds, 6),
        "width": entry.row.width,
        "height": entry.row.height,
        "type": "video",
        "caption": caption,
        "text": caption,
        "prompt": caption,
    }
