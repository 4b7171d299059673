"""Lines of on-screen text that belong together: a sentence that was wrapped is told as one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from ..records import Box, ScreenText

MOST_APART_SECONDS = 0.5


def paragraphs(lines: Sequence[ScreenText]) -> list[ScreenText]:
    """Lines that were wrapped, joined: same height, close below each other, and all but the last of full width."""
    joined: list[tuple[ScreenText, ScreenText]] = []  # the whole so far, and its last line
    for line in lines:
        place = next((n for n, (whole, last) in enumerate(joined) if _goes_on(whole, last, line)), None)
        if place is None:
            joined.append((line, line))
            continue
        whole = joined[place][0]
        box = Box(
            min(whole.box.left, line.box.left), whole.box.top, max(whole.box.right, line.box.right), line.box.bottom
        )
        gap = "" if re.search(r"[\u2e80-\uffff]$", whole.text) else " "
        text, score = f"{whole.text}{gap}{line.text}", min(whole.score, line.score)
        joined[place] = replace(whole, text=text, score=score, box=box), line
    return [whole for whole, _ in joined]


def _goes_on(whole: ScreenText, last: ScreenText, line: ScreenText) -> bool:
    first, second = last.box, line.box
    height = max(min(first.height, second.height), 1e-6)
    apart = abs((whole.from_seconds or 0.0) - (line.from_seconds or 0.0))
    together = apart <= MOST_APART_SECONDS and whole.to_seconds == line.to_seconds
    alike = max(first.height, second.height) <= 1.5 * height
    close = -0.5 * height <= second.top - first.bottom <= 0.8 * height
    full = first.width >= 0.75 * max(whole.box.width, second.width)
    aligned = abs(first.left - second.left) <= 2 * height or abs(first.centre[0] - second.centre[0]) <= height
    prose = len(last.text.split()) > 2 and len(whole.text) >= 15 and last.text[-1] not in ".!?:"
    return together and alike and close and full and aligned and prose
