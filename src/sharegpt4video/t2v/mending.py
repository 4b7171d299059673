"""A sentence without some of its characters, made whole again: commas, blanks, "a" and "an", the capital."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..vlm.embedded.words import article
from .clauses import Sentence

_CUT, _RESUMED = "\ue002", "\ue003"
_INTERRUPTION = re.compile(rf"[,—–]?\s*{_CUT}[\s,—–{_CUT}]*{_RESUMED}")
_AT_START = re.compile(rf"^[\s,;—–{_CUT}{_RESUMED}]*{_CUT}[\s,;—–{_RESUMED}]*")
_AT_END = re.compile(rf"(?:[\s,;:—–]*\b(?:and|or|but|then))?[\s,;:—–]*{_CUT}[\s,;:—–{_CUT}]*(?=[.!?…]|$)")
_JOIN = re.compile(rf"\b(and|or|but),?\s*{_CUT}[\s{_CUT}]*,")
_ARTICLE = re.compile(rf"\b([Aa]n?)\s+{_CUT}[\s{_CUT}]*(?=(\w[\w'’-]*))")
_COMMAS = re.compile(rf"\s*([,;—–])(?:\s*{_CUT}[\s{_CUT}]*[,;—–])+")
_MARKS = re.compile(f"[{_CUT}{_RESUMED}]")
_BLANKS = re.compile(r"[ \t]+(?=[,.;:!?])|(?<=[ \t])[ \t]+")
_LETTER = re.compile(r"\w")


def mended(text: str, sentence: Sentence, cuts: Sequence[tuple[int, int]]) -> str:
    """The sentence of a text without the characters ``[start, end)`` of each cut; "" where nothing is left of it."""
    resumed = {sentence.tokens[piece.first].start for piece in sentence.pieces if piece.resumes}
    pieces, at = [], sentence.start
    for start, end in _merged(cuts):
        pieces += [_between(text, at, start, resumed), _CUT]
        at = end
    pieces.append(_between(text, at, sentence.end, resumed))
    plain = "".join(pieces)
    plain = _INTERRUPTION.sub(" ", plain)
    plain = _ARTICLE.sub(lambda match: f"{_cased(article(match[2]), match[1])} {_CUT}", plain)
    plain = _JOIN.sub(r"\1", plain)
    plain = _COMMAS.sub(r"\1", _AT_END.sub("", _AT_START.sub("", plain)))
    plain = _BLANKS.sub("", _MARKS.sub("", plain)).strip()
    if _LETTER.search(plain) is None:
        return ""
    first = text[sentence.start]
    return plain[0].upper() + plain[1:] if first.isupper() else plain


def _between(text: str, start: int, end: int, resumed: set[int]) -> str:
    marks = sorted(at for at in resumed if start <= at < end)
    if not marks:
        return text[start:end]
    parts, at = [], start
    for mark in marks:
        parts += [text[at:mark], _RESUMED]
        at = mark
    return "".join([*parts, text[at:end]])


def _merged(cuts: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for start, end in sorted(cuts):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return found


def _cased(word: str, like: str) -> str:
    return word.capitalize() if like[0].isupper() else word
