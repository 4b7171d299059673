"""The user's own lists of videos: text files, CSV, TSV, JSON lines and Parquet, row by row in constant memory."""

from __future__ import annotations

import ast
import csv
import datetime
import io
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from typing import Any, BinaryIO

from ...errors import SettingsError
from .folders import VIDEO_ENDINGS, is_text
from .places import open_bytes, storage_errors

MAX_LINE_CHARACTERS = 1 << 24
PARQUET_ROWS = 1024

# column of the user's table, in lower case -> what it is here; of several, the first in this order counts
ROLES: dict[str, tuple[str, ...]] = {
    "path": (
        *("path", "video", "video_path", "file", "file_path", "filepath", "file_name", "filename", "location"),
        *("url", "video_url", "contenturl"),
    ),
    "user_id": ("id", "video_id", "videoid", "user_id", "clip_id", "__key__"),
    "start": ("start", "start_seconds", "start_time"),
    "end": ("end", "end_seconds", "end_time"),
    "spans": ("timestamp", "timestamps", "span", "spans"),
    "caption": ("caption", "text"),
}
_CLOCK = re.compile(r"(?:(?:(\d+):)?(\d{1,2}):)?((?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?)", re.ASCII | re.I)
_VIDEO_NAME = re.compile(rf"(?:{'|'.join(re.escape(ending) for ending in sorted(VIDEO_ENDINGS))}),", re.IGNORECASE)


class RowProblem(ValueError):
    """A row of a list that cannot be used, and why."""


@dataclass(frozen=True)
class Listed:
    """What a list says of one video or span. ``path`` is as written there."""

    path: str
    user_id: str = ""
    start_seconds: float | None = None
    end_seconds: float | None = None
    caption: str = ""
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """One row of a list: where it stands, and the videos in it, or why it cannot be used."""

    number: int
    listed: tuple[Listed, ...] = ()
    problem: str = ""


def parse_seconds(value: object) -> float | None:
    """A time as people write it: seconds, ``1:30``, ``0:01:30.5``, a duration of Parquet; None for an empty cell.

    Raises RowProblem for anything else, for negative and for endless times.
    """
    if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, datetime.timedelta):
        value = value.total_seconds()
    elif isinstance(value, datetime.time):
        value = str(value)
    if isinstance(value, str):
        return _clock(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise RowProblem(f"{value!r} is not a time")
    if not 0 <= value < math.inf:
        raise RowProblem(f"{value} is not a time in a video")
    return float(value)


def _clock(text: str) -> float | None:
    if not text.strip():
        return None
    match = _CLOCK.fullmatch(text.strip())
    if match:
        hours, minutes, seconds = int(match[1] or 0), int(match[2] or 0), float(match[3])
        if (match[2] is None or seconds < 60) and (match[1] is None or minutes < 60) and seconds < math.inf:
            return hours * 3600 + minutes * 60 + seconds
    raise RowProblem(f"{text!r} is not a time; write seconds (90, 12.5) or a clock time (1:30, 0:01:30.5)")


def checked_span(start: object, end: object) -> tuple[float | None, float | None]:
    """Both ends of a span. Raises RowProblem where they are no times or the end is not after the start."""
    first, last = parse_seconds(start), parse_seconds(end)
    if last is not None and last <= (first or 0.0):
        raise RowProblem(f"the span ends at {last:g} s, which is not after its start at {first or 0.0:g} s")
    return first, last


def read_rows(location: str) -> Iterator[Row]:
    """The rows of a list file or table, in order; empty lines are left out.

    Raises SettingsError when the file as a whole cannot be used: it cannot be opened, is no such table, or has no
    column that names videos.
    """
    ending = location.lower().rpartition(".")[2]
    try:
        if ending == "parquet":
            yield from _parquet_rows(location)
        elif ending in ("csv", "tsv"):
            yield from _csv_rows(location, "\t" if ending == "tsv" else ",")
        elif ending in ("jsonl", "ndjson"):
            yield from _json_rows(location)
        else:
            yield from _text_rows(location)
    except storage_errors() as error:
        raise SettingsError(f"{location}: this list cannot be read: {error}") from error


def check_list(location: str) -> None:
    """Read the head of a list. Raises SettingsError as ``read_rows`` does."""
    for _ in islice(read_rows(location), 1):
        pass


def _lines(file: BinaryIO) -> Iterator[tuple[int, str]]:
    """Numbered lines without their ends; of an endless one only the start, with the rest of it left out."""
    text = io.TextIOWrapper(file, "utf-8-sig", errors="surrogateescape", newline="")
    number = 0
    while line := text.readline(MAX_LINE_CHARACTERS):
        number += 1
        rest = line
        while not rest.endswith("\n") and len(rest) == MAX_LINE_CHARACTERS:
            rest = text.readline(MAX_LINE_CHARACTERS)
        yield number, line.rstrip("\r\n")


def _text_rows(location: str) -> Iterator[Row]:
    with open_bytes(location) as file:
        for number, line in _lines(file):
            if line.strip() and not line.lstrip().startswith("#"):
                yield _row(number, lambda line=line: [_line_listed(line.strip())])


def _line_listed(line: str) -> Listed:
    """``path`` or ``path,start,end``. A path may have commas: the times begin behind the last video name."""
    names = list(_VIDEO_NAME.finditer(line))
    if names:
        path, times = line[: names[-1].end() - 1], line[names[-1].end() :].split(",")
    else:
        path, times = _by_times(line)
    if len(times) > 2:
        raise RowProblem(f"{line!r} has more behind the path than a start and an end")
    start, end = checked_span(*[*times, "", ""][:2])
    return Listed(path.strip(), start_seconds=start, end_seconds=end)


def _by_times(line: str) -> tuple[str, list[str]]:
    """Divide a line whose path has no known ending: up to two last fields, if both are times or empty."""
    path, *times = line.rsplit(",", 2)
    if len(times) == 2 and all(not part.strip() or _CLOCK.fullmatch(part.strip()) for part in times):
        return path, times
    return line, []


def _csv_rows(location: str, delimiter: str) -> Iterator[Row]:
    with open_bytes(location) as file:
        text = io.TextIOWrapper(file, "utf-8-sig", errors="surrogateescape", newline="")
        reader = csv.reader(text, delimiter=delimiter)
        names = next(reader, None) or []
        _require_path(location, names)
        while True:
            number = reader.line_num + 1
            try:
                cells = next(reader, None)
            except csv.Error as error:
                yield Row(number, problem=f"lines {number} to {reader.line_num} are not proper CSV: {error}")
                continue
            if cells is None:
                return
            if len(cells) > len(names):
                yield Row(number, problem=f"{len(cells)} fields, but the table has {len(names)} columns")
            elif any(cells):
                yield _row(number, lambda cells=cells: listed_of(dict(zip(names, cells, strict=False))))


def _json_rows(location: str) -> Iterator[Row]:
    with open_bytes(location) as file:
        for number, line in _lines(file):
            if line.strip():
                yield _row(number, lambda line=line: listed_of(_json_object(line)))


def _json_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RowProblem(f"not JSON: {error}") from error
    if not isinstance(value, dict):
        raise RowProblem("not a JSON object")
    return value


def _parquet_rows(location: str) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with open_bytes(location) as file:
        try:
            parquet = pq.ParquetFile(file)
            _require_path(location, parquet.schema_arrow.names)
            number = 0
            for batch in parquet.iter_batches(batch_size=PARQUET_ROWS):
                for row in batch.to_pylist():
                    number += 1
                    yield _row(number, lambda row=row: listed_of(row))
        except pa.ArrowException as error:
            raise SettingsError(f"{location}: cannot be read as Parquet: {error}") from error


def _row(number: int, make: Any) -> Row:
    try:
        return Row(number, tuple(make()))
    except RowProblem as problem:
        return Row(number, problem=str(problem))


def _require_path(location: str, names: Sequence[str]) -> None:
    if "path" not in dict(_roles(tuple(names))).values():
        raise SettingsError(
            f"{location}: no column says where the videos are; there is {', '.join(names) or 'nothing'}; "
            f"name one of them {', '.join(ROLES['path'])}"
        )


@lru_cache(maxsize=256)
def _roles(names: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Which column plays which role. WebVid's captions are in ``name``, which means a file's name elsewhere."""
    lower = {name.strip().lower(): name for name in reversed(names)}
    found = []
    for role, words in ROLES.items():
        words = (*words, "name") if role == "caption" and "contenturl" in lower else words
        column = next((lower[word] for word in words if word in lower), None)
        if column is not None:
            found.append((column, role))
    return tuple(found)


def listed_of(row: Mapping[str, Any], *, path: str = "") -> list[Listed]:
    """The videos of one row: usually one, several where a cell holds a list of spans (as Panda-70M's tables do).

    ``path`` is for rows that need not say one. Raises RowProblem.
    """
    roles = dict(_roles(tuple(row)))
    told = {role: row[column] for column, role in roles.items()}
    tags = {str(name): text for name, value in row.items() if name not in roles and (text := _text(value))}
    base = Listed(path or _text(told.get("path")).strip(), _text(told.get("user_id")), tags=tags)
    if not base.path:
        raise RowProblem("the row does not say where the video is")
    _require_text(base.path, base.user_id, *tags, *tags.values(), _text(told.get("caption")))
    if told.get("spans") not in (None, "") and "start" not in told and "end" not in told:
        return _spans_listed(base, told["spans"], told.get("caption"))
    start, end = checked_span(told.get("start"), told.get("end"))
    return [Listed(base.path, base.user_id, start, end, _text(told.get("caption")), tags)]


def _require_text(*texts: str) -> None:
    if not all(is_text(text) for text in texts):
        raise RowProblem("the row is not UTF-8; save the list in that encoding")


def _spans_listed(base: Listed, cell: object, captions: object) -> list[Listed]:
    spans = _nested(cell)
    if spans is None:
        raise RowProblem(f"{_text(cell)[:80]!r} is not a list of spans such as [['0:00:02', '0:00:07.5']]")
    if len(spans) == 2 and not any(isinstance(value, (list, tuple)) for value in spans):
        start, end = checked_span(*spans)
        return [Listed(base.path, base.user_id, start, end, _text(captions), base.tags)]
    if not all(isinstance(span, (list, tuple)) and len(span) == 2 for span in spans):
        raise RowProblem("a span is a start and an end")
    columns = {name: _parallel(value, len(spans)) for name, value in base.tags.items()}
    texts = _parallel(captions, len(spans))
    return [
        Listed(
            base.path,
            f"{base.user_id}_{at}" if base.user_id else "",
            *checked_span(*span),
            texts[at],
            {name: values[at] for name, values in columns.items()},
        )
        for at, span in enumerate(spans)
    ]


def _parallel(value: object, count: int) -> list[str]:
    """A cell for each of ``count`` spans: its own element of a list of that length, else the whole cell."""
    values = _nested(value)
    if values is not None and len(values) == count:
        return [_text(inner) for inner in values]
    return [_text(value)] * count


def _nested(value: object) -> list[Any] | None:
    """A list, or a list written as text (JSON or as Python prints it)."""
    if isinstance(value, (list, tuple)):
        return list(value)
    if not isinstance(value, str) or not value.lstrip().startswith(("[", "(")):
        return None
    try:
        read = ast.literal_eval(value.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    return list(read) if isinstance(read, (list, tuple)) else None


def _text(value: object) -> str:
    """A cell as text: "" for an empty one, JSON for lists and objects."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, (list, tuple, dict)):
        return json.dumps(value, ensure_ascii=False, default=str)
    return value if isinstance(value, str) else str(value)
