"""What one row of the user's own table says: which column plays which role, times, spans, captions and tags."""

from __future__ import annotations

import ast
import datetime
import json
import math
import re
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Any

from ...foreign import is_text

MAX_NESTING = 100
"""How deep the values of a row may be nested. Python itself gives up somewhere below 1,000, depending on the caller."""
MAX_LITERAL_CHARACTERS = 1 << 20
"""A longer cell is not read as a list of spans written as text."""
MOST_SECONDS = 1e9
"""No time in a video is later; beyond it, times no longer fit the decoders' clocks."""
VALUE_ERRORS = (ValueError, TypeError, ArithmeticError, LookupError, RecursionError)
"""What taking a value out of a foreign row can raise, whatever is in it: the row is at fault, not the listing."""

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
CLOCK = re.compile(r"(?:(?:(\d+):)?(\d{1,2}):)?((?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?)", re.ASCII | re.I)


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
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        raise RowProblem(f"{shown(value)} is not a time")
    if not 0 <= value <= MOST_SECONDS:
        raise RowProblem(f"{shown(value)} is not a time in a video")
    return float(value)


_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 80


def shown(value: object) -> str:
    """A value as it is quoted in a message: on one line, and short."""
    return _SHORT.repr(value)


def _clock(text: str) -> float | None:
    if not text.strip():
        return None
    match = CLOCK.fullmatch(text.strip())
    if match:
        hours, minutes, seconds = float(match[1] or 0), int(match[2] or 0), float(match[3])
        whole = hours * 3600 + minutes * 60 + seconds
        if (match[2] is None or seconds < 60) and (match[1] is None or minutes < 60) and whole <= MOST_SECONDS:
            return whole
    raise RowProblem(f"{shown(text)} is not a time; write seconds (90, 12.5) or a clock time (1:30, 0:01:30.5)")


def checked_span(start: object, end: object) -> tuple[float | None, float | None]:
    """Both ends of a span. Raises RowProblem where they are no times or the end is not after the start."""
    first, last = parse_seconds(start), parse_seconds(end)
    if last is not None and last <= (first or 0.0):
        raise RowProblem(f"the span ends at {last:g} s, which is not after its start at {first or 0.0:g} s")
    return first, last


def json_object(text: str | bytes) -> dict[str, Any]:
    """A JSON object. Raises RowProblem for anything else, and for values nested deeper than ``MAX_NESTING``."""
    try:
        if isinstance(text, bytes):
            text = text.decode(json.detect_encoding(text), "surrogatepass")
        _check_nesting(text)
        value = json.loads(text.removeprefix("\ufeff"))
    except RowProblem:
        raise
    except (ValueError, RecursionError) as error:
        raise RowProblem(f"not JSON: {error}") from error
    if not isinstance(value, dict):
        raise RowProblem("not a JSON object")
    return value


def _check_nesting(text: str) -> None:
    if text.count("[") + text.count("{") <= MAX_NESTING:
        return
    depth = 0
    for match in _BRACKET.finditer(text):
        if (sign := match[0]) in "[{":
            depth += 1
            if depth > MAX_NESTING:
                raise RowProblem(f"its values are nested more than {MAX_NESTING} deep")
        elif sign in "]}":
            depth -= 1


_BRACKET = re.compile(r'[\[\]{}]|"(?:[^"\\]|\\.)*"', re.S)


@lru_cache(maxsize=256)
def roles_of(names: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Which column plays which role. WebVid's captions are in ``name``, which means a file's name elsewhere."""
    lower = {name.strip().lower(): name for name in reversed(names)}
    columns = []
    for role, words in ROLES.items():
        words = (*words, "name") if role == "caption" and "contenturl" in lower else words
        column = next((lower[word] for word in words if word in lower), None)
        if column is not None:
            columns.append((column, role))
    return tuple(columns)


def listed_of(row: Mapping[str, Any], *, path: str = "") -> list[Listed]:
    """The videos of one row: usually one, several where a cell holds a list of spans (as Panda-70M's tables do).

    ``path`` is for rows that need not say one. Raises RowProblem, whatever the row holds.
    """
    try:
        return _listed_of(row, path)
    except RowProblem:
        raise
    except VALUE_ERRORS as error:
        raise RowProblem(f"a value in it cannot be used: {error}") from error


def _listed_of(row: Mapping[str, Any], path: str) -> list[Listed]:
    roles = dict(roles_of(tuple(row)))
    cells = {role: row[column] for column, role in roles.items()}
    tags = {str(name): text for name, value in row.items() if name not in roles and (text := _tag(value))}
    base = Listed(path or _path_text(cells.get("path")), _text(cells.get("user_id")), tags=tags)
    if not base.path:
        raise RowProblem("the row has no path of a video")
    _require_text(base.path, base.user_id, *tags, *tags.values(), _text(cells.get("caption")))
    if _text(cells.get("spans")) and "start" not in cells and "end" not in cells:
        return _spans_listed(base, cells["spans"], cells.get("caption"))
    start, end = checked_span(cells.get("start"), cells.get("end"))
    return [Listed(base.path, base.user_id, start, end, _text(cells.get("caption")), tags)]


def _require_text(*texts: str) -> None:
    if not all(is_text(text) for text in texts):
        raise RowProblem("the row is not UTF-8; save the list in that encoding")


def _spans_listed(base: Listed, cell: object, captions: object) -> list[Listed]:
    spans = _nested(cell)
    if spans is None:
        raise RowProblem(f"{shown(cell)} is not a list of spans such as [['0:00:02', '0:00:07.5']]")
    if not spans:
        raise RowProblem("its list of spans is empty; leave the cell empty for the whole video, or delete the row")
    if len(spans) == 2 and not any(isinstance(value, (list, tuple)) for value in spans):
        start, end = checked_span(*spans)
        return [Listed(base.path, base.user_id, start, end, _text(captions), base.tags)]
    if not all(isinstance(span, (list, tuple)) and len(span) == 2 for span in spans):
        raise RowProblem("a span is a start and an end")
    columns = {name: _parallel(value, len(spans)) for name, value in base.tags.items()}
    texts = _parallel(captions, len(spans))
    _require_text(*texts, *(text for column in columns.values() for text in column))
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
    if not isinstance(value, str) or not value.lstrip().startswith(("[", "(")) or len(value) > MAX_LITERAL_CHARACTERS:
        return None
    # JSON first: what Python makes of its escapes is something else ("\\ud83d\\ude00" is no character there).
    for reader in (json.loads, ast.literal_eval):
        try:
            read = reader(value.strip())
        except (*VALUE_ERRORS, SyntaxError, MemoryError):
            continue
        return list(read) if isinstance(read, (list, tuple)) else None
    return None


def _tag(value: object) -> str:
    """Bytes that are not text, such as a picture, are no reason to refuse the row."""
    text = _text(value)
    return text if not isinstance(value, bytes) or is_text(text) else str(value)


def _path_text(value: object) -> str:
    if isinstance(value, (list, tuple, dict, bool)):
        raise RowProblem(f"where the video should be stands {shown(value)}, which is not a path")
    return _text(value).strip()


def _text(value: object) -> str:
    """A cell as text: "" for an empty one, JSON for lists and objects, bytes as the UTF-8 that they are."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bytes):
        return value.decode(errors="surrogateescape")
    if isinstance(value, (list, tuple, dict)):
        return json.dumps(value, ensure_ascii=False, default=str)
    return value if isinstance(value, str) else str(value)
