"""Files that somebody else may have written: never a device or a pipe, and never read whole without bound.

A folder from elsewhere may hold a link to ``/dev/zero``, a pipe that nobody writes to, or JSON that is nested a hundred
thousand times. Each is an error here that the callers of ``read_text`` and ``json.loads`` expect anyway.
"""

from __future__ import annotations

import errno
import io
import json
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, Literal, TextIO

MOST_BYTES = 1 << 31
"""No file is larger that is read whole."""
_OPENED = ("/dev/fd/", "/dev/stdin", "/proc/self/fd/")
"""What a shell calls a pipe that the user has opened: ``--config <(...)``."""


def open_file(path: Path) -> BinaryIO:
    """A regular file, open for reading; the caller closes it. Raises OSError as opening does, and for anything else."""
    if str(path).startswith(_OPENED):
        return path.open("rb")
    # A pipe that nobody writes to would keep a plain open() waiting.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    file = open(path, "rb", opener=lambda name, _: os.open(name, flags))  # noqa: SIM115
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "it is a device or a pipe, not a file", str(path))
    return file


def open_text(path: Path, encoding: str = "utf-8", errors: str = "strict", newline: str | None = None) -> TextIO:
    """As `open_file`, for text that is read line by line."""
    return io.TextIOWrapper(open_file(path), encoding, errors, newline)


def read_bytes(path: Path, most_bytes: int = MOST_BYTES) -> bytes:
    """All of a regular file. Raises OSError as reading does, for what is no file, and for one that is larger."""
    with open_file(path) as file:
        if os.fstat(file.fileno()).st_size > most_bytes:
            raise OSError(errno.EFBIG, f"it is larger than {most_bytes:,} bytes", str(path))
        return file.read()


def read_text(path: Path, encoding: str = "utf-8", errors: str = "strict") -> str:
    """The text of a regular file, with every end of a line as a newline. Raises OSError, or ValueError for no text."""
    text = read_bytes(path).decode(encoding, errors)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def from_json(text: str | bytes, *, twice: Literal["last", "refused"] = "last") -> Any:
    """The value that JSON holds. Raises ValueError, also where it is nested too deep to be read.

    ``twice`` says what a key counts that an object has more than once.
    """
    try:
        return json.loads(text, object_pairs_hook=_without_repeats if twice == "refused" else None)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def _without_repeats(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"it has {next(name for name in found if names.count(name) > 1)!r} twice")
    return found


def read_yaml(path: Path) -> Any:
    """What a file of YAML holds: plain values, no objects. Raises OSError, and ValueError if it is no YAML."""
    import yaml

    try:
        return yaml.safe_load(read_text(path))
    except (RecursionError, yaml.YAMLError) as error:
        raise ValueError("it is nested too deep" if isinstance(error, RecursionError) else str(error)) from None


def read_json(path: Path) -> Any:
    """What a file of JSON in UTF-8 holds. Raises OSError if it cannot be read, ValueError if it is no JSON."""
    return from_json(read_text(path, "utf-8-sig"))


def read_json_lines(path: Path) -> list[Any]:
    """The values of a file with JSON in every line that is not blank. Raises as `read_json`, naming the line."""
    values = []
    for number, line in enumerate(read_text(path, "utf-8-sig").split("\n"), 1):
        if line.strip():
            try:
                values.append(from_json(line))
            except ValueError as error:
                raise ValueError(f"line {number}: {error}") from None
    return values
