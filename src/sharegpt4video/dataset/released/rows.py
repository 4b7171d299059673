"""The layout of the released ShareGPT4Video files: one row read in all its known variants, and times as it writes them.

What is known of the layout: docs/exports.md. Rows out of the wild have an idx that is a string or a number, lack the
summary ("-1") or have it in the middle, spell mixkit as mixit, and tell times in several ways.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, TypeGuard

RELEASED_KEY = "released"
"""Where a converted row keeps its own fields, in ``provenance.settings``: pairs of name and value, in their order."""

KNOWN_KEYS = ("video_id", "video_path", "timestamp", "keyframe", "captions", "zip_folder")
OUR_KEYS = ("keyframe_seconds", "step_seconds")
"""What our export adds with ``exact_times``."""
SUMMARY_IDX = "-1"
SOURCES = ("panda", "ego4d", "bdd100k", "mixkit", "pexels", "pixabay")
"""Where the released videos come from: the first part of ``video_path``."""

_CLOCK = re.compile(r"(?:(\d+):)?(\d+):(\d+(?:[.,]\d+)?)")


@dataclass(frozen=True)
class Window:
    """One caption of a row as it stands there: ``idx`` as text, ``content`` None where there is no text."""

    idx: str
    content: str | None


@dataclass(frozen=True)
class ReleasedRow:
    """A row, read as far as it can be. Times are seconds; None where the row does not say, or not in a known way."""

    video_id: str
    video_path: str
    zip_folder: str
    windows: tuple[Window, ...]
    start_seconds: float | None
    end_seconds: float | None
    keyframes: tuple[float, ...] | None
    step_seconds: tuple[tuple[float, float], ...] | None

    @property
    def steps(self) -> tuple[Window, ...]:
        """The captions of the windows, in the order of the row, without those that hold no text."""
        return tuple(one for one in self.windows if one.idx != SUMMARY_IDX and one.content)

    @property
    def summary(self) -> str:
        return next((one.content for one in self.windows if one.idx == SUMMARY_IDX and one.content), "")

    @property
    def source(self) -> str:
        """The first part of the path with the misspelt mixkit mended; "" for a path without a folder."""
        first, rest, _ = self.video_path.partition("/")
        return mended(first) if rest else ""


def read_row(plain: Mapping[str, Any]) -> ReleasedRow:
    """Read a row. A row with a ``summary`` in place of ``captions`` counts as one with the summary alone."""
    captions = plain.get("captions")
    if captions is None and isinstance(plain.get("summary"), str):
        captions = [{"idx": SUMMARY_IDX, "content": plain["summary"]}]
    span = plain.get("timestamp")
    ends = [seconds(one) for one in span] if _is_list(span) and len(span) == 2 else [None, None]
    exact = plain.get("keyframe_seconds")
    return ReleasedRow(
        video_id=_text(plain.get("video_id")),
        video_path=_text(plain.get("video_path")).replace("\\", "/").removeprefix("./"),
        zip_folder=_text(plain.get("zip_folder")),
        windows=tuple(_window(one) for one in captions) if _is_list(captions) else (),
        start_seconds=ends[0],
        end_seconds=ends[1],
        keyframes=_all_seconds(plain.get("keyframe") if exact is None else exact),
        step_seconds=_spans(plain.get("step_seconds")),
    )


def seconds(value: Any) -> float | None:
    """Seconds from a number or a text: ``12``, ``12.5``, ``"12.5"``, ``"0:01:02.500"``, ``"01:02"``; else None."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, (int, float)):
        return float(value) if abs(value) < 1e9 else None  # also false for NaN
    if not isinstance(value, str):
        return None
    text = value.strip()
    if re.fullmatch(r"\d+(\.\d+)?", text):
        found = float(text)
    elif match := _CLOCK.fullmatch(text):
        found = float(match[1] or 0) * 3600 + float(match[2]) * 60 + float(match[3].replace(",", "."))
    else:
        return None
    return found if found < 1e9 else None


def clock_text(value: float) -> str:
    """Seconds as ``h:mm:ss.mmm``, as our export writes ``timestamp``."""
    thousandths = round(max(value, 0.0) * 1000)
    whole, thousandths = divmod(thousandths, 1000)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}.{thousandths:03}"


def mended(text: str) -> str:
    """A path or its part with mixkit spelt right."""
    return re.sub(r"\bmixit\b", "mixkit", text)


def idx_text(value: Any) -> str:
    """An idx as text: "3" for 3, "3" and "03"; other texts as they are."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    text = _text(value).strip()
    return str(int(text)) if re.fullmatch(r"-?\d{1,9}", text) else text


def member_names(row: ReleasedRow) -> tuple[str, ...]:
    """The names under which the video may lie in a zip or folder, from the longest to the file name alone."""
    parts = PurePosixPath(mended(row.video_path)).parts
    return tuple("/".join(parts[at:]) for at in range(len(parts)))


def _window(one: Any) -> Window:
    if not isinstance(one, Mapping):
        return Window("", one if isinstance(one, str) and one.strip() else None)
    content = one.get("content")
    return Window(idx_text(one.get("idx")), clean(content) if isinstance(content, str) and content.strip() else None)


def clean(text: str) -> str:
    """A text that can be stored: halves of characters, which JSON lets through, are replaced."""
    return text.encode("utf-8", "replace").decode()


def _text(value: Any) -> str:
    return clean(value) if isinstance(value, str) else "" if value is None else clean(str(value))


def _is_list(value: Any) -> TypeGuard[Sequence[Any]]:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _all_seconds(value: Any) -> tuple[float, ...] | None:
    if not _is_list(value):
        return None
    found = [seconds(one) for one in value]
    return tuple(one for one in found if one is not None) if None not in found else None


def _spans(value: Any) -> tuple[tuple[float, float], ...] | None:
    if not _is_list(value):
        return None
    found = [_all_seconds(one) for one in value]
    if any(one is None or len(one) != 2 for one in found):
        return None
    return tuple((one[0], one[1]) for one in found if one is not None)
