"""Where each sample of a file of conversations begins and ends, found in one pass; the texts stay on disk."""

from __future__ import annotations

import mmap
import re
from array import array
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...errors import SettingsError
from ...given import open_file

Spans = NDArray[np.int64]

_ADVICE = 'a JSON list of samples, or a JSON object on each line, is wanted, as "sg4v dataset export" writes them'
# A whole string, so that brackets inside it are passed over, or one bracket.
_TOKENS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]', re.DOTALL)
_OPENING, _CLOSING = (b"{", b"["), (b"}", b"]")
_SPACE = b" \t\r\n"
_BOM = b"\xef\xbb\xbf"


def spans(path: Path) -> Spans:
    """The half-open byte ranges of the samples in a file, of shape (samples, 2).

    Reads the file once in bounded memory; 16 bytes are kept for each sample. Raises SettingsError for a file that is
    missing, empty, or neither a JSON list of objects nor JSON lines.
    """
    if path.is_dir():
        raise SettingsError(f"{path}: is a folder; name the file of conversations in it, such as train.json")
    try:
        with open_file(path) as file:
            if not path.stat().st_size:
                raise SettingsError(f"{path}: the file is empty; {_ADVICE}")
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                found = _spans(path, data)
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror or error}") from error
    if not len(found):
        raise SettingsError(f"{path}: holds no sample; {_ADVICE}")
    return found


def _spans(path: Path, data: mmap.mmap) -> Spans:
    start = len(_BOM) if data[:3] == _BOM else 0
    first = re.compile(rb"[^ \t\r\n]").search(data, start)
    if first is None:
        raise SettingsError(f"{path}: the file is empty; {_ADVICE}")
    if first.group() == b"[":
        return _in_list(path, data, first.start())
    if first.group() == b"{":
        return _in_lines(data, start)
    raise SettingsError(
        f"{path}: begins with {data[first.start() : first.start() + 20]!r}, which is not JSON; {_ADVICE}"
    )


def _in_lines(data: mmap.mmap, start: int) -> Spans:
    found = array("q")
    data.seek(start)
    for line in iter(data.readline, b""):
        end = start + len(line)
        if not line.isspace():
            found.extend((start, end))
        start = end
    return _pairs(found)


def _in_list(path: Path, data: mmap.mmap, start: int) -> Spans:
    found = array("q")
    before = start + 1  # where the sample before ended, or the list began
    for begin, end in _objects(path, data, start):
        between = data[before:begin].translate(None, _SPACE)
        if between != (b"," if found else b""):
            raise SettingsError(f"{path}: at byte {before}: {between[:40]!r} stands where a sample should; {_ADVICE}")
        found.extend((begin, end))
        before = end
    return _pairs(found)


def _objects(path: Path, data: mmap.mmap, start: int) -> Iterator[tuple[int, int]]:
    """The ranges of the objects of a list; ends where the list does."""
    depth, begin = 0, start
    for token in _TOKENS.finditer(data, start):
        kind = token.group()
        if kind in _OPENING:
            depth += 1
            if depth == 2:
                begin = token.start()
        elif kind in _CLOSING:
            depth -= 1
            if depth == 1:
                yield begin, token.end()
            elif not depth:
                return
    raise SettingsError(f"{path}: the list has no end; was the file cut off? Write or copy it again")


def _pairs(found: array[int]) -> Spans:
    return np.frombuffer(found, np.int64).reshape(-1, 2) if found else np.zeros((0, 2), np.int64)
