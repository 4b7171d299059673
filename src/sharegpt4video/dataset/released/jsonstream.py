"""Rows of a JSON file, one at a time: JSON Lines, or one array of any size, in memory for one row.

A released training list is a single array of hundreds of megabytes; ``json.load`` would hold all of it.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

from ...given import from_json

CHUNK_BYTES = 1 << 20
MAX_ROW_BYTES = 256 << 20
"""A row longer than this is taken for a file that is not what it should be."""
_BLANK = " \t\r\n\ufeff"


@dataclass(frozen=True)
class JsonRow:
    """A row, the line it begins on (from 1), and what is wrong with it ("" for a row that could be read)."""

    line: int
    value: Any
    problem: str = ""


def json_rows(file: IO[bytes]) -> Iterator[JsonRow]:
    """The rows of a file; whether it is an array or lines, its first character says.

    A line that is no JSON is a row with a ``problem``; an array that breaks off ends with one.
    """
    head = file.peek(CHUNK_BYTES) if hasattr(file, "peek") else b""
    first = head.decode("utf-8", "replace").lstrip(_BLANK)[:1]
    yield from _array(file) if first == "[" else _lines(file)


def _lines(file: IO[bytes]) -> Iterator[JsonRow]:
    for number, line in enumerate(iter(lambda: file.readline(MAX_ROW_BYTES), b""), start=1):
        if not line.strip(b" \t\r\n\xef\xbb\xbf"):
            continue
        try:
            yield JsonRow(number, from_json(line.decode("utf-8-sig")))
        except (ValueError, RecursionError) as error:
            yield JsonRow(number, None, f"is not JSON: {error}")


class _Text:
    """The text of a file as a window that moves on: what was read stays until it is used up."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.held, self.at, self.line = "", 0, 1
        self.ended = False

    def more(self) -> bool:
        """Read on; false at the end of the file. The window grows with itself, so long rows cost linear time."""
        if self.ended:
            return False
        data = self._file.read(max(CHUNK_BYTES, len(self.held) - self.at))
        self.ended = not data
        self.held = self.held[self.at :] + self._decoder.decode(data, self.ended)
        self.at = 0
        return not self.ended

    def skip(self, characters: str) -> str:
        """Go past these; returns the character after them, "" at the end of the file."""
        while True:
            while self.at < len(self.held) and self.held[self.at] in characters:
                self.line += self.held[self.at] == "\n"
                self.at += 1
            if self.at < len(self.held):
                return self.held[self.at]
            if not self.more():
                return ""

    def go(self, end: int) -> None:
        self.line += self.held.count("\n", self.at, end)
        self.at = end


def _array(file: IO[bytes]) -> Iterator[JsonRow]:
    text = _Text(file)
    text.skip(_BLANK)
    text.at += 1  # the bracket
    while (character := text.skip(_BLANK)) not in ("]", ""):
        row = _value(text)
        yield row
        if row.problem:
            return
        character = text.skip(_BLANK)
        if character == ",":
            text.at += 1
        elif character not in ("]", ""):
            yield JsonRow(text.line, None, f"is not a JSON array: {character!r} after a row, where ',' or ']' belongs")
            return
    if character == "":
        yield JsonRow(text.line, None, "the array breaks off: the file ends before its closing bracket")


def _value(text: _Text) -> JsonRow:
    decoder = json.JSONDecoder()
    line = text.line
    while True:
        try:
            value, end = decoder.raw_decode(text.held, text.at)
        except (ValueError, RecursionError) as error:
            problem = f"is not JSON: {error}"
        else:
            if end < len(text.held) or text.ended:  # else a number may go on
                text.go(end)
                return JsonRow(line, value)
            problem = ""
        if len(text.held) - text.at > MAX_ROW_BYTES:
            return JsonRow(line, None, problem or f"is longer than {MAX_ROW_BYTES} bytes")
        if not text.more() and problem:
            return JsonRow(line, None, problem)
