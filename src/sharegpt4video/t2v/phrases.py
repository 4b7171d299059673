"""Words of a text that point out of a window: "then" with nothing before it, "again", and times of another clock."""

from __future__ import annotations

import re
from typing import Protocol

from ..verify.prose import Passage

_LEAD = re.compile(
    r"^(?:and\s+)?(?:then|next|after\s+(?:that|this)|afterwards?|later(?:\s+on)?|finally|lastly|eventually|subsequently"
    r"|meanwhile|in\s+the\s+end|at\s+last|(?:a\s+)?(?:moment|second|while)s?\s+later|shortly\s+(?:after|afterwards)|soon"
    r"|second(?:ly)?|third(?:ly)?|following\s+this|as\s+before)\b(?!\s+to\b)\s*,?\s*",
    re.IGNORECASE,
)
_AGAIN = re.compile(r"\s+(?:once\s+(?:more|again)|again)\b", re.IGNORECASE)
_CARRIED = (
    (re.compile(r"^The movement (?:is now|is still|continues|goes on)\b", re.I), "There is movement"),
    (
        re.compile(r"^The movement (\S.*?) (?:becomes|gets) (?:faster|slower)\b", re.I),
        r"There is movement \1",
    ),
    (re.compile(r",?(?: though)? (?:faster|slower|quicker|(?:more|less) \w+) than (?:before|earlier)\b", re.I), ""),
    (re.compile(r", now (?:faster|slower|quicker|(?:more|less) \w+)(?=[.,;]|$)", re.I), ""),
    (re.compile(r"\b(?:goes on|continues) (?=[a-z]+ing\b)"), "keeps "),
    (re.compile(r"\b(?:go on|continue) (?=[a-z]+ing\b)"), "keep "),
)
"""What goes on from the time before, and how it is said by itself."""
_CLOCK = re.compile(r"(?<![\d:.])(\d{1,2}):([0-5]\d)(?![\d:])")


class Timed(Protocol):
    """What a text tells of, with its times."""

    @property
    def start_seconds(self) -> float: ...
    @property
    def end_seconds(self) -> float: ...


def without_lead(text: str) -> str:
    """A text that begins with "then" or the like, without it: nothing comes before."""
    bare = text.strip()
    while (met := _LEAD.match(bare)) and met.end() < len(bare):
        rest = bare[met.end() :]
        bare = rest[:1].upper() + rest[1:]
    return bare


def by_itself(text: str) -> str:
    """A text whose first sentence compares with nothing before it: without "again", "now" and "than before".

    What it compares with may lie outside. Quoted words stay.
    """
    for pattern, instead in ((_AGAIN, ""), *_CARRIED):
        passage = Passage(0, text)
        end = len(passage.sentences[0].text) if passage.sentences else len(text)
        if met := pattern.search(passage.plain, 0, end):
            text = text[: met.start()] + met.expand(instead) + text[met.end() :]
    return text


def clocks_earlier(text: str, by_seconds: float, of: Timed) -> str:
    """A text whose times, such as 0:12, are on a clock that begins ``by_seconds`` later.

    Only times that lie in what the text tells of are times; others may be a score, or written on a wall.
    """
    if not by_seconds or ":" not in text:
        return text
    plain = Passage(0, text).plain

    def moved(met: re.Match[str]) -> str:
        at = int(met[1]) * 60 + int(met[2])
        if plain[met.start()] == " " or not of.start_seconds - 1 <= at <= of.end_seconds + 1:
            return met[0]
        left = max(round(at - by_seconds), 0)
        return f"{left // 60}:{left % 60:02d}"

    return _CLOCK.sub(moved, text)
