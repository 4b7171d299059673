"""The JSONL layout of the released ShareGPT4Video data set (``sharegpt4video_40k.jsonl``)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from ...config import STRICT
from ..released.rows import RELEASED_KEY, clock_text
from .entries import Entry
from .job import ExportJob
from .target import SplitFiles, json_line


@dataclass(frozen=True)
class ShareGPT4VideoOptions:
    """Options of the format ``sharegpt4video``."""

    __pydantic_config__ = STRICT

    exact_times: bool = False
    """Add ``keyframe_seconds``, the exact times of ``keyframe``, and ``step_seconds``, the span of each description."""


def write_sharegpt4video(job: ExportJob) -> None:
    """``sharegpt4video_SPLIT.jsonl``, a line for each video (and clip), in the order of the data set."""
    with SplitFiles(job.target, "sharegpt4video_{split}.jsonl") as files:
        for entry in job.entries():
            row = released_row(entry, job.location(entry), exact_times=job.options.exact_times)
            files.file(entry.split).write(json_line(row))
            job.wrote(entry, len(row["captions"]))
        if not files.opened:
            files.file("train")


def released_row(entry: Entry, location: str, *, exact_times: bool = False) -> dict[str, Any]:
    """One line of the layout. A row from the released files keeps every field but its captions."""
    # In fast mode the only step is the summary itself and would be there twice.
    steps = entry.steps if entry.row.mode == "sliding" else ()
    captions = [{"idx": str(number), "content": step.text} for number, step in enumerate(steps)]
    captions.append({"idx": "-1", "content": entry.text})
    released = entry.row.provenance.settings.get(RELEASED_KEY)
    if isinstance(released, list) and entry.clip is None:
        return _as_released(released, captions)
    archive, _, member = location.rpartition("::")
    times = [step.frame_seconds[-1] if step.frame_seconds else step.end_seconds for step in steps]
    row: dict[str, Any] = {
        "video_id": (entry.row.user_id or entry.id) if entry.clip is None else entry.id,
        "video_path": member or location,
        "timestamp": [clock_text(entry.start_seconds), clock_text(entry.end_seconds)],
        "keyframe": [round(seconds) for seconds in times],
        "captions": captions,
        "zip_folder": PurePosixPath(archive).name,
    }
    if exact_times:
        row["keyframe_seconds"] = [round(seconds, 6) for seconds in times]
        row["step_seconds"] = [[round(step.start_seconds, 6), round(step.end_seconds, 6)] for step in steps]
    return row


def _as_released(released: list[list[Any]], captions: list[dict[str, str]]) -> dict[str, Any]:
    """The original fields of a converted row, in their order, with the captions in their place."""
    row = {name: value for name, value in released if name != "summary"}
    row["captions"] = captions
    return row
