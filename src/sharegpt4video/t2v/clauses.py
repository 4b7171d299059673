"""Split a sentence of a caption at its commas: which piece is the main clause, and which can be dropped.

Rules over word lists, no parser: captions are written in a narrow English. Where a rule is unsure, a piece counts as
part of the main clause, which is never taken apart.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

from . import lexicon as lex
from .forms import has_verb, is_adjective, is_gerund, verb_at

Role = Literal["main", "comment", "description", "aside", "event", "intro", "order", "place"]
"""What a piece is: the main clause, what it suggests, what something looks like, a remark in brackets or dashes, a
further event, words that only move on to the next scene, words of order, or where something is."""

MOST_CHARACTERS = 2000
"""Of a sentence that is taken apart. Longer ones are no prose, and time would grow with the square of their length."""
_TOKEN = re.compile(
    r'"[^"\n]{1,300}"|“[^”\n]{1,300}”|«[^»\n]{1,300}»|\d+(?:[.,:]\d+)+|[^\W_]+(?:[\'’\-][^\W_]+)*|[^\w\s]|_'
)
_END = re.compile(r'[.!?…]+["”’)\]]*(?=\s|$)|\n+|[。！？]')
_QUOTE = re.compile(r'"[^"\n]{1,300}"|“[^”\n]{1,300}”')
_SHORT = re.compile(
    r"(?:\b(?:mr|mrs|ms|dr|st|vs|no|approx|e\.g|i\.e|etc|jr|sr|fig|a\.m|p\.m)|\b[a-z])\.$", re.IGNORECASE
)
_MOVING_ON = re.compile(
    r"(?:(?:as|while|when) the (?:\w+ )?(?:progresses|continues|unfolds|advances|proceeds|plays|develops|goes on)"
    r"|(?:as|while) (?:this|it|the \w+) (?:progresses|continues|unfolds|happens|occurs)"
    r"|(?:throughout|during|over|across) (?:the |this |these |all |its )?(?:\w+ ){0,2}(?:video|clip|scene|sequence"
    r"|footage|frames?|course of the \w+|transitions?|changes?|segment|recording|duration|process|entire \w+)"
    r"|in (?:this|the|a) (?:\w+ )?(?:scene|moment|segment|sequence|part|shot|clip|frame|instance|video|shift)"
    r"|overall|additionally|moreover|furthermore|notably|interestingly|in addition|throughout|of note)"
    r"(?: \w+){0,2}$",
    re.IGNORECASE,
)

_JOINING = frozenset({"while", "whereas", "before", "after", "until", "when", "as"})
_TIMES = _JOINING - {"as"} | {"followed", "once", "because", "since"}
_STEPS = frozenset({"and", "then", "further", "also"})
_STILL = lex.DESCRIBING | lex.COMMENTARY | lex.STANCES
_HOLDS = lex.LINKING | lex.SAYING | {"has", "have", "wears", "wear"}


@dataclass(frozen=True)
class Token:
    """A word, a mark or a whole quotation; ``low`` in lower case, "" for a quotation; characters ``[start, end)``."""

    low: str
    start: int
    end: int


@dataclass(frozen=True)
class Piece:
    """Tokens ``[first, last)`` of a sentence between commas, with what they are.

    resumes  the main clause goes on after a piece that interrupts it, and no comma belongs before it then
    """

    first: int
    last: int
    role: Role
    resumes: bool = False


@dataclass(frozen=True)
class Sentence:
    """Characters ``[start, end)`` of a text, its end mark included, and its pieces."""

    start: int
    end: int
    tokens: tuple[Token, ...]
    pieces: tuple[Piece, ...]

    def low(self, piece: Piece) -> list[str]:
        return [token.low for token in self.tokens[piece.first : piece.last]]

    @property
    def main(self) -> list[str]:
        """The words of the main clause, up to the end of the piece that has its verb."""
        found: list[str] = []
        for piece in self.pieces:
            if piece.role == "main":
                found += self.low(piece)
                if has_verb(found):
                    break
        return found


def sentences_of(text: str) -> tuple[Sentence, ...]:
    """The sentences of a text with their pieces. A line break ends one, too."""
    found, start = [], 0
    for end in [*_ends(text), len(text)]:
        begin = start + len(text[start:end]) - len(text[start:end].lstrip())
        stop = begin + len(text[begin:end].rstrip())
        if stop > begin:
            found.append(_sentence(text, begin, stop))
        start = end
    return tuple(found)


def _ends(text: str) -> list[int]:
    quotes = [match.span() for match in _QUOTE.finditer(text)] if '"' in text or "“" in text else []
    return [
        match.end()
        for match in _END.finditer(text)
        if not (match[0] == "." and _SHORT.search(text, max(0, match.start() - 8), match.end()))
        and not any(start < match.start() and match.end() < end for start, end in quotes)
    ]


def _sentence(text: str, start: int, end: int) -> Sentence:
    tokens = tuple(
        Token(
            "" if match[0][0] in '"“«' and len(match[0]) > 1 else match[0].lower().replace("’", "'"),
            match.start(),
            match.end(),
        )
        for match in _TOKEN.finditer(text, start, end)
    )
    whole = (Piece(0, len(tokens), "main"),) if tokens else ()
    return Sentence(start, end, tokens, whole if end - start > MOST_CHARACTERS else _pieces(text, tokens))


def _pieces(text: str, tokens: tuple[Token, ...]) -> tuple[Piece, ...]:
    spans, asides = _spans(tokens)
    found: list[Piece] = []
    main: list[str] = []  # the words of the main clause so far
    for at, (first, last) in enumerate(spans):
        low = [token.low for token in tokens[first:last]]
        role = asides.get(first) or _role(low, at == 0, text[tokens[first].start : tokens[last - 1].end])
        interrupts = bool(main) and found[-1].role not in ("main", "intro", "order", "place", "aside")
        if role == "main" and interrupts and (has_verb(main) or not verb_at(low, 0, 2)):
            found[-1] = replace(found[-1], last=last)  # a list goes on in that piece
            continue
        if role == "event" and main and not has_verb(main) and low[0] in ("and", "but", "or"):
            role = "main"
        if role == "main":
            resumes = bool(main) and found[-1].role not in ("main", "intro", "order", "place")
            found.append(Piece(first, last, role, resumes))
            main += low
        else:
            found.append(Piece(first, last, role))
    # Where no main clause was understood, only remarks at the end are sure.
    return tuple(found if has_verb(main) else _unsure(tokens, found))


def _unsure(tokens: tuple[Token, ...], pieces: list[Piece]) -> list[Piece]:
    found: list[Piece] = []
    for piece in reversed(pieces):
        head = tokens[piece.first].low
        sure = piece.role in ("comment", "aside") or (piece.role == "description" and head in ("which", "with"))
        trailing = sure and piece.first > 0 and all(each.role != "main" for each in found)
        found.append(piece if trailing else Piece(piece.first, piece.last, "main"))
    return found[::-1]


def _spans(tokens: tuple[Token, ...]) -> tuple[list[tuple[int, int]], dict[int, Role]]:
    """The stretches between commas, semicolons and dashes; what stands in brackets or dashes is an aside."""
    spans: list[tuple[int, int]] = []
    asides: dict[int, Role] = {}
    first, closing = 0, ""
    last_at = {token.low: at for at, token in enumerate(tokens)}
    for at, token in enumerate(tokens):
        low = token.low
        if closing:
            if low == closing:
                spans.append((first, at + 1 if closing in ")]" else at))
                asides[first] = "aside"
                first, closing = at + 1, ""
            continue
        closes = {"(": ")", "[": "]", "—": "—", "–": "–"}.get(low)
        if closes and last_at.get(closes, -1) > at:
            spans += [(first, at)] if at > first else []
            first, closing = (at, closes) if closes in ")]" else (at + 1, closes)
        elif low == "," and _lists_adjectives(tokens, at):
            continue
        elif (low and low in ",;—–") or (low and low in ".!?…" and at >= len(tokens) - 2):
            spans += [(first, at)] if at > first else []
            first = at + 1
        elif low in _JOINING and at > first + 1 and _joins([each.low for each in tokens[at : at + 12]]):
            spans.append((first, at))
            first = at
    if first < len(tokens) and any(token.low[:1].isalnum() or not token.low for token in tokens[first:]):
        spans.append((first, len(tokens)))
    return spans, asides


def _joins(low: list[str]) -> bool:
    """Whether "while", "as" and their like begin a clause here."""
    stop = next((at for at, word in enumerate(low) if word in (",", ";", ".")), len(low))
    if low[0] == "as":
        names_who = low[1:2] != [] and low[1] in lex.ARTICLES | lex.PLURALS | {"he", "she", "it"}
        return names_who and has_verb(low[1:stop])
    return has_verb(low[1:stop]) or any(map(is_gerund, low[1:3]))


def _lists_adjectives(tokens: tuple[Token, ...], at: int) -> bool:
    """Whether a comma stands between two adjectives of one noun: "a textured, grayish wall"."""
    after = [token.low for token in tokens[at + 1 : at + 4]]
    if not at or len(after) < 2 or not is_adjective(tokens[at - 1].low) or not is_adjective(after[0]):
        return False
    return after[1][:1].isalpha() and (after[1] not in lex.FUNCTION or (after[1] == "and" and is_adjective(after[2])))


def _role(low: list[str], is_first: bool, text: str) -> Role:
    """What a stretch is, by the words that it begins with."""
    if is_first:
        return _opening(low, text)
    head = low[0]
    after = next((word for word in low[:3] if not word.endswith("ly") and word not in _STEPS), head)
    if len(low) <= 2 and head in lex.ORDER:
        return "order"
    if after in lex.COMMENTARY:
        return "comment"
    if after == "with":
        return "event" if any(is_gerund(word) and word not in _STILL for word in low[2:]) else "description"
    if head in ("which", "where", "who", "whose"):
        is_like = any(word in _HOLDS for word in low[1:4]) or not has_verb(low[1:])
        return "description" if is_like else "event"
    if is_gerund(after) and after not in _STILL:
        return "event"
    if head in lex.DESCRIBING or after in lex.DESCRIBING or head in ("that", "like", "alongside", "without"):
        return "description"
    if head in ("both", "each", "one", "some"):
        return "main" if has_verb(low) else "description"
    if head == "as":
        return "event" if has_verb(low[1:]) and low[1] not in ("if", "though") else "description"
    if is_gerund(after) or head in _TIMES:
        return "event"
    if head in ("and", "but", "yet", "so", "then"):
        names_who = low[1:2] != [] and low[1] in lex.ARTICLES | {"he", "she", "it", "they", "then"}
        return "event" if verb_at(low, 1, 2) or (names_who and has_verb(low[1:])) else "main"
    return "main"


def _opening(low: list[str], text: str) -> Role:
    """What the first stretch of a sentence is; whether a main clause follows is seen later."""
    if _MOVING_ON.match(text) or low[0] in ("additionally", "overall", "moreover", "furthermore", "notably", "however"):
        return "intro"
    if low[0] in lex.ORDER and len(low) <= 2:
        return "order"
    if low[0] in ("while", "when", "after", "before", "once", "upon", "following", "as") and len(low) > 1:
        return "event" if has_verb(low[1:]) or any(map(is_gerund, low[1:3])) else "intro"
    if low[0] in ("with", "despite", "alongside", "besides", "accompanying"):
        return "description"
    if is_gerund(low[0]):
        return "event"
    if low[0] in lex.PREPOSITIONS and not has_verb(low):
        return "place"
    return "main"
