"""Quotation marks, fences and emphasis around the whole of a text."""

from __future__ import annotations

import re

_FENCE = re.compile(r"(`{3,8}|~{3,8})(?:[\w-]*[ \t]*\n|[ \t]+|(?=[^\w`~]|[A-Z]))(.*?)\n?[ \t]*\1", re.DOTALL)
_QUOTES = (
    ('"""', '"""'), ("'''", "'''"), ('""', '""'), ("''", "''"), ("``", "``"), ('"', '"'), ("“", "”"), ("「", "」"),
    ("『", "』"), ("„", "“"), ("”", "”"), ("`", "`"), ("“", '"'), ('"', "”"), ("‹", "›"), ("《", "》"), ("‚", "‘"),
    ("«", "»"),
)  # fmt: skip
_SINGLE = (("'", "'"), ("‘", "’"))  # they are apostrophes, too
OPENING = frozenset(opening[0] for opening, _ in (*_QUOTES, *_SINGLE))
"""What a quotation begins with."""

_EMPHASIS = ("***", "**", "__", "*", "_", "~~", "==", "===", "---")
_BOXED = re.compile(r"\$?(?:\\\[\s{0,4})?\\(?:boxed|text)\{(?:\\text\{)?(.*?)\}?\}(?:\s{0,4}\\\])?\$?", re.DOTALL)
_RULE = re.compile(r"(?:\A\s{0,4}(?:-{3,}|\*{3,}|_{3,})[ \t]*\n|\n[ \t]*(?:-{3,}|\*{3,}|_{3,})\s*\Z)")
_LINE_MARK = re.compile(r"[-*•] (?=[^a-z\s])")
_ENDS = (".", "!", "?", "。", "！", "？", '"', "”", "…")


def unquote(text: str) -> str:
    """The text without a fence or quotation marks around the whole, and without outer blanks."""
    text = text.strip()
    if (fenced := _FENCE.fullmatch(text)) and "```" not in fenced[2]:
        text = fenced[2].strip()
    for opening, closing in _QUOTES:
        inner = text[len(opening) : -len(closing)]
        whole = len(text) > len(opening + closing) and text.startswith(opening) and text.endswith(closing)
        if whole and not {opening[0], closing[-1]} & set(inner):
            text = inner.strip()
    for opening, closing in _SINGLE:
        inner = text[1:-1]
        if (
            text[:1] == opening
            and text[-1:] == closing
            and len(inner) > 1
            and not re.search(r"(?<!\w)['‘]|['’](?!\w)", inner)
        ):
            text = inner.strip()
    return text


def unframed(text: str) -> str:
    """Without rules, emphasis, the mark of a list or a quotation, and a LaTeX box around the whole."""
    text = _RULE.sub("", text).strip()
    if text[:8].lower().startswith("json") and (rest := text[4:].lstrip())[:1] in ("{", "["):
        text = rest
    if boxed := _BOXED.fullmatch(text):
        text = boxed[1].strip()
    for mark in _EMPHASIS:
        inner = text[len(mark) : -len(mark)]
        around = len(inner) > 1 and text.startswith(mark) and text.endswith(mark)
        if around and mark[0] not in inner and "\n" not in inner:
            return inner.strip()
    if text.startswith(">") and not re.match(r">\s{0,4}[a-z\d]", text):
        lines = text.splitlines()
        if all(line.startswith(">") for line in lines):
            return "\n".join(line[1:].strip() for line in lines).strip()
    if "\n" not in text and text.endswith(_ENDS) and (mark_of_line := _LINE_MARK.match(text)):
        return text[mark_of_line.end() :].strip()
    for opening, closing in ("()", "[]"):
        inner = text[1:-1]
        if text[:1] == opening and text[-1:] == closing and not {opening, closing} & set(inner):
            return inner.strip() if inner.endswith(_ENDS) and inner.count(" ") >= 3 else text
    return text


def is_in_quotes(text: str, at: int) -> bool:
    """Whether quotation marks are open at a place: somebody in the picture says what follows."""
    return text.count('"', 0, at) % 2 == 1 or any(
        text.count(opening, 0, at) > text.count(closing, 0, at)
        for opening, closing in (("“", "”"), ("「", "」"), ("«", "»"), ("『", "』"), ("„", "“"))
    )
