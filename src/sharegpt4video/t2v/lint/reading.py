"""Reads what trainers read, as they read it, from folders that anybody made: what is broken is noted, not raised."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...errors import SettingsError
from ...given import from_json, open_text, read_text
from ..manifests.beside import ENDINGS
from ..manifests.tables import csv_of, csv_rows, parquet_rows
from ..manifests.writing import NO_TEXT, read_list
from .notes import Notes, Sample

_ENDS = (".", "!", "?", '"', "”", "。")
"""How a line ends that is a caption of its own, and not the first part of one."""


def samples_of_lists(notes: Notes, captions: Path, videos: Path, *, drops_blank: bool) -> Iterator[Sample]:
    """Two files, line by line: as ``str.splitlines``, or as readers that leave empty lines out (``drops_blank``).

    A video and a caption that meet and do not stand in the same line of both files are those of two clips.
    """
    texts, names = (_lines(notes, path, drops_blank=drops_blank) for path in (captions, videos))
    if len(texts) != len(names):
        detail = f"{len(texts):,} captions and {len(names):,} videos are read"
        notes.found("lines-unequal", detail, file=notes.name(captions))
    for (line, text), (other, name) in zip(texts, names, strict=False):
        if line != other:
            detail = f"the caption in line {line} meets the video in line {other}"
            notes.found("caption-of-another", detail, file=notes.name(captions), line=line, video=name)
        yield Sample(name, notes.folder / name, (text,), notes.name(captions), line)


def _lines(notes: Notes, path: Path, *, drops_blank: bool) -> list[tuple[int, str]]:
    """The lines that the trainer gets, each with the number of the line of the file that it comes from."""
    text = text_of(notes, path)
    lines: list[tuple[int, str]] = []
    for number, line in enumerate(text.removesuffix("\n").split("\n") if text else (), start=1):
        parts = [line] if drops_blank else line.splitlines() or [""]
        if len(parts) > 1:
            notes.found("line-break-inside", f"is read as {len(parts)} lines", file=notes.name(path), line=number)
        if not line.strip():
            notes.found("blank-line", "is empty", file=notes.name(path), line=number)
            if drops_blank:
                continue
        lines += [(number, part.strip() if drops_blank else part) for part in parts]
    return lines


def is_there(path: Path) -> bool:
    """Whether there is such a file or folder; names that no disk can have are not there."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def text_of(notes: Notes, path: Path) -> str:
    """The text of a file; "" where it cannot be read, which is noted."""
    try:
        return read_text(path)
    except (OSError, ValueError) as error:
        notes.found("unreadable-manifest", f"cannot be read ({error})", file=notes.name(path))
        return ""


def samples_beside(
    notes: Notes, folder: Path, *, endings: Sequence[str] = ENDINGS, deep: bool = False, lines: bool = False
) -> Iterator[Sample]:
    """Videos with a text file beside them. ``deep``: in all folders below, too; ``lines``: each line is a caption."""
    pattern = "**/*" if deep else "*"
    texts = {path for path in folder.glob(f"{pattern}.txt") if path.is_file()}
    met: dict[Path, Path] = {}
    for video in sorted(path for path in folder.glob(pattern) if path.suffix.lower() in endings):
        text = video.with_suffix(".txt")
        name = notes.name(video)
        if text in met:
            notes.found("same-name", f"has the same caption as {met[text].name}", file=name, video=name)
        met[text] = video
        if text not in texts:
            notes.found("no-caption", f"there is no {text.name}", file=name, video=name)
            continue
        told = text_of(notes, text)
        several = tuple(line for line in told.split("\n") if line) if lines else (told.strip(),)
        if lines and any(not line.rstrip().endswith(_ENDS) for line in several[:-1]):
            notes.found("split-caption", f"its {len(several)} lines are captions", file=notes.name(text), video=name)
        yield Sample(name, video, several or ("",), notes.name(text))
    for text in sorted(texts - met.keys()):
        notes.found("no-video", "no video has this name", file=notes.name(text))


def rows_of(notes: Notes, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows of a JSON list, JSON Lines, a CSV or Parquet, with their numbers; a CSV as pandas reads it."""
    if path.suffix == ".jsonl":
        yield from _json_lines(notes, path)
        return
    try:
        if path.suffix == ".csv":
            with open_text(path, "utf-8-sig", newline="") as file:  # pandas knows the mark of other editors
                for number, row in enumerate(csv_rows(file), start=1):
                    if None in row:
                        notes.found("bad-row", "has more cells than columns", file=notes.name(path), line=number)
                    cells = {key: value for key, value in row.items() if key is not None and isinstance(value, str)}
                    yield number, {key: None if value in {"", *NO_TEXT} else value for key, value in cells.items()}
        elif path.suffix == ".parquet":
            with parquet_rows(path) as rows:
                yield from enumerate(map(dict, rows), start=1)
        else:
            yield from enumerate(read_list(path), start=1)
    except (OSError, ValueError, SettingsError, csv.Error) as error:
        notes.found("unreadable-manifest", str(error), file=notes.name(path))


def stored_as_decimals(table: Path, column: str) -> bool:
    """Whether all numbers of a column are whole, and pandas would still read them as 16.0 and so on: by their type in
    Parquet, and where a cell is empty or has a point.
    """
    numbers = decimals = 0
    try:
        with parquet_rows(table, [column]) if table.suffix == ".parquet" else csv_of(table) as rows:
            for cell in (row.get(column) for row in rows):
                is_whole = isinstance(cell, int) or (isinstance(cell, str) and cell.isdigit())
                decimals += not is_whole
                if cell is not None and cell not in ("", *NO_TEXT):
                    numbers += 1
                    if not float(cell).is_integer():
                        return False
    except (OSError, ValueError, TypeError, OverflowError, SettingsError):
        return False  # what cannot be read is noted by who reads it
    return bool(numbers and decimals)


def _json_lines(notes: Notes, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(text_of(notes, path).removesuffix("\n").split("\n"), start=1):
        if not line.strip():
            notes.found("blank-line", "is empty", file=notes.name(path), line=number)
            continue
        try:
            row = from_json(line)
        except ValueError as error:
            notes.found("bad-row", f"is not JSON ({error})", file=notes.name(path), line=number)
            continue
        if not isinstance(row, dict):
            notes.found("bad-row", "is not an object", file=notes.name(path), line=number)
            continue
        yield number, row


def samples_of_table(
    notes: Notes,
    path: Path,
    videos: Sequence[str],
    captions: Sequence[str],
    root: Path,
    beside: Sequence[str] = (),
) -> Iterator[Sample]:
    """The rows of a table; of several names of a column, the first that is there counts.

    ``beside`` are columns with further files, which such a reader looks for in the first row only.
    """
    first: set[str] | None = None
    for number, row in rows_of(notes, path):
        video = next((row[name] for name in videos if row.get(name)), None)
        if not isinstance(video, str):
            notes.found("bad-row", f"has no {videos[0]}", file=notes.name(path), line=number)
            continue
        sample = Sample(video, root / video.strip(), texts_in(row, captions), notes.name(path), number, told_of(row))
        others: dict[str, Path] = {}
        named = {name for name in beside if row.get(name)}
        first = named if first is None else first
        for name in sorted(named ^ first):
            notes.at("not-read", f"{'has' if name in named else 'lacks'} {name}, unlike the first row", sample)
        for name in sorted(named):
            others[name] = root / str(row[name]).strip()
            if not is_there(others[name]):
                notes.at("missing-file", f"{name} is {row[name]}, which is not there", sample)
        yield replace(sample, beside=others)


def texts_in(row: Mapping[str, Any], names: Sequence[str]) -> tuple[str, ...]:
    """The captions of a row: one, or a list of them."""
    value = next((row[name] for name in names if row.get(name) is not None), "")
    return tuple(map(str, value)) if isinstance(value, list) else (str(value),)


def told_of(row: Mapping[str, Any]) -> dict[str, float]:
    """Frames, frame rate and size, where a row has them."""
    size = row.get("resolution") if isinstance(row.get("resolution"), dict) else row
    found = {"frames": row.get("num_frames"), "fps": row.get("fps")}
    found |= {"width": (size or {}).get("width"), "height": (size or {}).get("height")}
    told: dict[str, float] = {}
    for name, value in found.items():
        try:
            number = float(value)  # type: ignore[arg-type]
        except (TypeError, ValueError, OverflowError):
            continue
        if math.isfinite(number):
            told[name] = number
    return told
