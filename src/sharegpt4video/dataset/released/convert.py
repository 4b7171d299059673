"""Released caption files into a data set of ours, to be browsed, clipped, filtered and exported like any other."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice, pairwise
from pathlib import Path
from typing import Any, Literal

from ... import __version__
from ...errors import SettingsError
from ...given import from_json
from ...records import Provenance, Shot, Step, VideoCaption
from ...wording import counted
from ..rows import CaptionRow, SourceVideo
from ..sources.ids import place_id
from ..sources.tables import VALUE_ERRORS
from ..store.store import Store
from .files import released_files, released_rows
from .media import MediaIndex
from .rows import RELEASED_KEY, ReleasedRow, clean, read_row

PAPER_STEP_SECONDS = 2.0
"""The paper's distance between candidate frames (section 3.2)."""
MODEL = "GPT-4V (as released)"
PART_ROWS = 2048
"""Rows of a part: what is in memory at a time."""

KeyframeUnit = Literal["seconds", "candidates"]

UNREADABLE = "rows that cannot be read"


@dataclass
class Converted:
    """What a conversion stored: videos, window captions, and what is missing or was left out, by reason."""

    videos: int = 0
    windows: int = 0
    media: int = 0
    missing: Counter[str] = field(default_factory=Counter)

    def text(self) -> str:
        """The counts as lines for a terminal."""
        videos = counted(self.videos, "video", number=f"{self.videos:,}")
        windows = counted(self.windows, "window caption", number=f"{self.windows:,}")
        lines = [f"{videos} with {windows}, {self.media:,} with their media"]
        return "\n".join([*lines, *(f"  {count:>10,}  {reason}" for reason, count in self.missing.most_common())])


def convert(
    path: str | os.PathLike[str],
    store: Store,
    *,
    media: str | os.PathLike[str] | None = None,
    keyframe_unit: KeyframeUnit = "seconds",
) -> Converted:
    """Store the captions of a released file, or of every .jsonl and .json in a folder, as ``sources`` and ``captions``.

    ``media`` is the folder that holds ``zip_folder/`` or the videos; a video in a zip gets the location
    ``ARCHIVE::MEMBER``, one that is not found keeps its path. ``keyframe_unit`` says what numbers in ``keyframe`` are:
    seconds, or places in a row of candidate frames 2 s apart. Where a row has no usable times, its steps are placed by
    that rule of the paper, and a warning in the caption says so. Nothing is measured: sizes are 0, there are no facts.
    The id of a video is made from its released id, path and span. Raises SettingsError if there is nothing to read.
    """
    if keyframe_unit not in ("seconds", "candidates"):
        raise SettingsError(f"keyframe_unit is 'seconds' or 'candidates', not {keyframe_unit!r}")
    files, folder = released_files(Path(path), media)
    index = MediaIndex(folder) if folder is not None else None
    done = Converted()
    pairs = _pairs(files, index, done, 1.0 if keyframe_unit == "seconds" else PAPER_STEP_SECONDS)
    while part := list(islice(pairs, PART_ROWS)):
        store.append("sources", [source for source, _ in part])
        store.append("captions", [caption for _, caption in part])
    return done


def _pairs(
    files: list[Path], index: MediaIndex | None, done: Converted, unit: float
) -> Iterator[tuple[SourceVideo, CaptionRow]]:
    for file in files:
        for json_row in released_rows(file):
            plain = json_row.value
            if json_row.problem or not isinstance(plain, dict):
                done.missing[UNREADABLE] += 1
            elif "captions" not in plain and "summary" not in plain:
                done.missing["rows without captions (training conversations or other)"] += 1
            else:
                try:
                    pair = _pair(plain, read_row(plain), index, done, unit)
                except VALUE_ERRORS:
                    done.missing[UNREADABLE] += 1
                else:
                    yield pair


def _pair(
    plain: dict[str, Any], row: ReleasedRow, index: MediaIndex | None, done: Converted, unit: float
) -> tuple[SourceVideo, CaptionRow]:
    location = index.find(row) if index is not None else None
    done.media += location is not None
    if location is None:
        done.missing["videos whose media were not found"] += index is not None
        location = f"{row.zip_folder}::{row.video_path}" if row.zip_folder and row.video_path else row.video_path
    location = location or row.video_id
    source = SourceVideo(
        id=place_id(RELEASED_KEY, row.video_id, row.video_path, str(row.start_seconds), str(row.end_seconds)),
        location=location,
        user_id=row.video_id,
        start_seconds=row.start_seconds,
        end_seconds=row.end_seconds,
        tags={"released_source": row.source} if row.source else {},
    )
    caption = _caption(plain, row, unit)
    done.videos += 1
    done.windows += len(caption.steps)
    if not row.summary:
        done.missing["videos without a summary"] += 1
    for warning in caption.warnings:
        done.missing[f"videos of which {warning}"] += 1
    return source, CaptionRow.of(source, caption)


def _caption(plain: dict[str, Any], row: ReleasedRow, unit: float) -> VideoCaption:
    spans, warning = step_spans(row, unit)
    start = row.start_seconds if row.start_seconds is not None else min((one for one, _ in spans), default=0.0)
    end = row.end_seconds if row.end_seconds is not None else max((one for _, one in spans), default=start)
    steps = tuple(
        Step(
            kind="change" if number else "opening",
            start_seconds=first,
            end_seconds=last,
            text=window.content or "",
            shot_index=0,
            frame_seconds=() if warning else (first, last) if number else (first,),
        )
        for number, (window, (first, last)) in enumerate(zip(row.steps, spans, strict=True))
    )
    return VideoCaption(
        video=row.video_path or row.video_id,
        width=0,
        height=0,
        start_seconds=start,
        end_seconds=end,
        mode="sliding",
        shots=(Shot(start, end),) if end > start else (),
        steps=steps,
        summary=row.summary,
        provenance=Provenance(MODEL, "", "", __version__, {RELEASED_KEY: _kept(plain)}),
        summary_problem="" if row.summary else "empty",
        warnings=(warning,) if warning else (),
    )


def _kept(plain: dict[str, Any]) -> list[list[Any]]:
    """The fields of a row as they were, in their order, without the texts (these are steps and summary now)."""
    text = json.dumps([[name, None if name in ("captions", "summary") else value] for name, value in plain.items()])
    kept: list[list[Any]] = from_json(clean(text))
    return kept


def step_spans(row: ReleasedRow, unit: float) -> tuple[list[tuple[float, float]], str]:
    """When each step is true, and a warning where that was not told but follows the rule of one frame every 2 s.

    As many keyframes as windows: the first window describes the first keyframe, each other what happened since the one
    before. One keyframe more: each window describes what happens between two.
    """
    count = len(row.steps)
    if row.step_seconds is not None and len(row.step_seconds) == count:
        return list(row.step_seconds), ""
    times = [one * unit for one in row.keyframes or ()]
    windows = sum(one.idx != "-1" for one in row.windows)
    rising = all(first <= second for first, second in pairwise(times))
    inside = row.end_seconds is None or not times or times[-1] <= row.end_seconds + 1
    if windows == count and rising and inside and len(times) in (count, count + 1):
        return (_between(times) if len(times) == count + 1 else _since(times)), ""
    if not count:
        return [], ""
    start = row.start_seconds or 0.0
    times = [start + PAPER_STEP_SECONDS * number for number in range(count)]
    if row.end_seconds is not None:
        times = [min(one, row.end_seconds) for one in times]
    return _since(times), "the steps have no times; they are set 2 s apart, like the paper's frames"


def _since(times: list[float]) -> list[tuple[float, float]]:
    return [(times[max(number - 1, 0)], one) for number, one in enumerate(times)]


def _between(times: list[float]) -> list[tuple[float, float]]:
    return list(pairwise(times))
