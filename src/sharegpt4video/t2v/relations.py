"""Where one thing is said to be to another: words for it, and what they say the other way round."""

from __future__ import annotations

import re
from collections.abc import Iterator

_SIDE = r"(?:\s+(?:hand\s+)?side)?(?:\s+of)?"
_PATTERNS = {
    "left": rf"\b(?:on|to|at)\s+(?:the|its|their)\s+(?:\w+\s+)?left{_SIDE}\b|\bleft\s+of\b",
    "right": rf"\b(?:on|to|at)\s+(?:the|its|their)\s+(?:\w+\s+)?right{_SIDE}\b|\bright\s+of\b",
    "above": r"\b(?:on|at|to)\s+(?:the\s+)?(?:very\s+)?top(?:\s+half)?(?:\s+of)?\b|\babove\b|\batop\b|\bupon\b",
    "below": r"\b(?:on|at|to)\s+(?:the\s+)?(?:very\s+)?bottom(?:\s+half)?(?:\s+of)?\b|\bbelow\b"
    r"|\bunder(?:neath)?\b|\bbeneath\b|\b(?:at|on)\s+the\s+(?:base|underside|foot)\s+of\b|\bto\s+the\s+underside\s+of\b",
    "in front": r"\bin\s+front\s+of\b",
    "behind": r"\bbehind\b",
    "beside": r"\bbeside\b|\bnext\s+to\b|\balongside\b",
    "between": r"\bbetween\b",
    "inside": r"\binside\b",
}
# How a text may say it where a prompt has one of the above.
_MORE = {
    "left": r"|\bleft\b",
    "right": r"|\bright\b(?!\s+(?:away|now|before|after))",
    "above": r"|\btop\b|\bover\b|\bon\b|\bonto\b",
    "below": r"|\bbottom\b|\blower\b",
    "in front": r"|\bforeground\b|\bbefore\b",
    "behind": r"|\bbackground\b|\bback\s+of\b",
    "beside": r"|\bnear(?:by)?\b|\badjacent\b|\bside\s+by\s+side\b|\bclose\s+to\b|\bby\b",
    "between": r"|\bamong\b|\bmiddle\b",
    "inside": r"|\bin\b|\bwithin\b",
}
INVERSE = {
    "left": "right", "right": "left", "above": "below", "below": "above", "in front": "behind", "behind": "in front",
    "beside": "beside",
}  # fmt: skip
_ASKED = {name: re.compile(pattern, re.IGNORECASE) for name, pattern in _PATTERNS.items()}
_TOLD = {name: re.compile(pattern + _MORE[name], re.IGNORECASE) for name, pattern in _PATTERNS.items()}


def places(text: str) -> Iterator[tuple[str, int, int]]:
    """The relations that a prompt names, each with its place."""
    for name, pattern in _ASKED.items():
        for match in pattern.finditer(text):
            yield name, match.start(), match.end()


def told(name: str, text: str) -> Iterator[tuple[int, int, bool]]:
    """The places where a text may say a relation, and whether the words are as clear as in a prompt."""
    clear = {match.span() for match in _ASKED[name].finditer(text)}
    for match in _TOLD[name].finditer(text):
        yield match.start(), match.end(), match.span() in clear
