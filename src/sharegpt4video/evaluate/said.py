"""A model's answer without its reasoning, control tokens and markdown."""

from __future__ import annotations

import re
import unicodedata

from ..vlm.marks import marks
from ..vlm.spoken import spoken
from ..vlm.turns import decoded

MARKED = "\ue000"
"""Inserted before what a model marked as its answer by a tag or a box; ``MARK_END`` follows it."""
MARK_END = "\ue001"
MOST_CHARS = 12_000
"""How much of a reply is read: its end, where answers are."""

_ANSWER_RANK, _REASONING_CHANNEL, _FINAL_CHANNEL = 3, 1, 2  # as ``vlm.marks`` ranks sections and headers
_ROLE = re.compile(r"(?:\A|\n|\))[ \t#]*(?:assistant|model|gpt)\s*(?::|\n)", re.IGNORECASE)
_NEXT_TURN = re.compile(r"\n[ \t#]*(?:human|user)\s*:|<\|(?:user|im_start)\|>", re.IGNORECASE)
_BRACKETED = re.compile(r"\[(answer|final_answer)\](.{0,2000}?)\[/\1\]", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"</?\w{1,20}>")  # whatever is left that looks like one
_STYLE = re.compile(r"\\(?:text\w{0,4}|math\w{1,4}|mbox)\s*\{([^{}]*)\}")
_BOXED = re.compile(r"\\f?boxed\s*\{((?:[^{}]|\{[^{}]*\})*)(?:\}|\Z)")
_FORMULA = re.compile(r"\$([^$\n]{1,200})\$")
_MARKDOWN = re.compile(r"[*`]|\$(?!\d)|\\[()\[\]]|(?<![^\W_])_+|_+(?![^\W_])")
_LINE_START = re.compile(r"^[ \t]*(?:>+[ \t]+|[#•→⇒∴]+[ \t]*|[=-]+>[ \t]*|[-+][ \t]+)+", re.MULTILINE)
_STRUCK = re.compile(r"~~[^~\n]{1,200}~~")
_UNSEEN = re.compile("[\u200b-\u200f\u2060-\u2064\ufe0f\ufeff\u00ad]")
_SPACES = re.compile(r"[^\S\n]+")
_LINES = re.compile(r"\s*\n\s*\n\s*")
_SQUARED = {start + at: chr(ord("A") + at) for start in (0x1F150, 0x1F170) for at in range(26)}  # 🅐 and 🅰
_QUOTES = str.maketrans("“”„‟«»「」『』‘’【】〔〕", '""""""""""\'\'[][]')


def plain_words(text: str) -> str:
    """Normalise full-width characters and quotes, and remove markdown."""
    text = unicodedata.normalize("NFKC", _STRUCK.sub("", _UNSEEN.sub("", text))).translate(_QUOTES)
    text = text.translate(_SQUARED)
    text = _BOXED.sub(rf"\n{MARKED}\1{MARK_END}\n", _STYLE.sub(r"\1", text))
    text = _FORMULA.sub(r"\1", text)
    text = _SPACES.sub(" ", _LINE_START.sub("", _MARKDOWN.sub("", text)))
    return _LINES.sub("\n\n", text).strip()


def said(reply: str) -> str:
    """The answer in a reply, without reasoning (even if a tag is missing), control tokens, roles and markdown.

    What the model marked as its answer stays, between ``MARKED`` and ``MARK_END``.
    """
    text = decoded(reply.replace(MARKED, "").replace(MARK_END, ""))
    told = spoken(text)
    text = _without_marks(told[0] if told is not None else text)
    text = _BRACKETED.sub(rf"\n{MARKED}\2{MARK_END}\n", text)
    roles = list(_ROLE.finditer(text))
    text = text[roles[-1].end() :] if roles else text
    turn = _NEXT_TURN.search(text)
    if turn and text[: turn.start()].strip():
        text = text[: turn.start()]
    return plain_words(_TAG.sub("", text)).strip("\"'").strip()


def _without_marks(text: str) -> str:
    """The text without reasoning, other speakers and control tokens; answers in tags or boxes marked.

    Text after the end of the turn is kept as a line of its own: if it has a different answer, the reply is ambiguous.
    """
    parts: list[str] = []
    at, silent, answering = 0, False, False
    for mark in marks(text):
        if mark.start < at:
            continue
        if not silent:
            parts.append(text[at : mark.start])
        at = mark.end
        begins = mark.kind == "box" or (mark.kind == "open" and mark.rank >= _ANSWER_RANK)
        ends = mark.kind == "unbox" or (mark.kind == "close" and mark.rank >= _ANSWER_RANK)
        if mark.kind == "header" and mark.rank < 0 and any(part.strip() for part in parts):
            break  # another speaker's turn after the answer, made up by the model
        if mark.kind == "header":
            parts = [] if mark.rank == _FINAL_CHANNEL else [*parts, "\n"]
            silent = mark.rank < 0 or mark.rank == _REASONING_CHANNEL
        elif mark.kind == "think":
            silent = True
        elif mark.kind == "unthink":
            parts = parts if silent else []  # the template wrote the opening tag: everything before was reasoning
            silent = False
        elif begins:
            parts.append(f"\n{MARKED}")
            silent, answering = False, True
        elif silent:
            continue
        elif mark.kind == "end":
            parts.append("\n")
        elif ends:
            # The template may have written the beginning of the answer.
            parts = [*parts, f"{MARK_END}\n"] if answering else [f"\n{MARKED}", *parts, f"{MARK_END}\n"]
            answering = False
    else:
        parts += [] if silent else [text[at:]]
    return "".join([*parts, MARK_END] if answering else parts)
