"""Times as people write and read them."""

from __future__ import annotations

import re

_CLOCK = re.compile(r"(?:(?:(\d+):)?(\d{1,2}):)?(\d+(?:\.\d*)?|\.\d+)")


def parse_time(text: str) -> float:
    """Read seconds from ``90``, ``12.5``, ``1:30`` or ``0:01:30.5``.

    Raises ValueError for anything else, also for 60 minutes or seconds behind a colon.
    """
    match = _CLOCK.fullmatch(text.strip())
    if match:
        hours, minutes, seconds = int(match[1] or 0), int(match[2] or 0), float(match[3])
        if (match[2] is None or seconds < 60) and (match[1] is None or minutes < 60):
            return hours * 3600 + minutes * 60 + seconds
    raise ValueError(f"{text!r} is not a time; write seconds (90, 12.5) or a clock time (1:30, 0:01:30.5)")


def show_time(seconds: float) -> str:
    """``1:30.5``, or ``1:01:30.5`` from one hour on; rounded to tenths of a second."""
    tenths = round(abs(seconds) * 10)
    minutes, tenths = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    clock = f"{minutes}:{tenths / 10:04.1f}" if not hours else f"{hours}:{minutes:02}:{tenths / 10:04.1f}"
    return f"-{clock}" if seconds < 0 and clock.strip("0:.") else clock


def show_span(start_seconds: float, end_seconds: float) -> str:
    """``0:02.0 – 0:04.0``, or a single time for an instant."""
    if start_seconds == end_seconds:
        return show_time(start_seconds)
    return f"{show_time(start_seconds)} – {show_time(end_seconds)}"
