"""Which content files have, remembered between searches: a film is read once, then its size and dates tell."""

from __future__ import annotations

import contextlib
import json
import os
import threading
from pathlib import Path

from ..files import file_content_id, user_cache

FILE = "contents.jsonl"
_MOST_BYTES = 4 << 20  # some 20,000 files; then the file begins anew
_LEAST_BYTES = 1 << 20  # smaller files are read faster than their line is kept


class KnownContents:
    """Ids of the contents of local files, from ``contents.jsonl`` in the cache folder, or by reading them.

    A line is a path with the size and times of change (bytes; anything) that belong to the id. A cache that cannot be
    read or written costs reading alone. Safe to use from several threads.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.path = (folder or user_cache()) / FILE
        self._lock = threading.Lock()
        self._known: dict[str, tuple[list[int], str]] | None = None

    def of(self, path: str) -> str:
        """The id of a file's content. Raises OSError if it cannot be read."""
        place, state = os.path.abspath(path), _state(path)  # noqa: PTH100 - a Path would drop what is odd in a name
        with self._lock:
            if self._known is None:
                self._known = self._read()
            known = self._known.get(place)
        if known is not None and known[0] == state:
            return known[1]
        found = file_content_id(path)
        if _state(path) == state:
            with self._lock:
                self._known[place] = state, found
                if state[0] >= _LEAST_BYTES:
                    self._keep(place, state, found)
        return found

    def _read(self) -> dict[str, tuple[list[int], str]]:
        found: dict[str, tuple[list[int], str]] = {}
        with contextlib.suppress(OSError), self.path.open("rb") as file:
            for line in file:
                with contextlib.suppress(ValueError, TypeError):
                    place, state, id = json.loads(line)
                    found[str(place)] = state, str(id)
        return found

    def _keep(self, place: str, state: list[int], id: str) -> None:
        line = json.dumps([place, state, id]) + "\n"
        with contextlib.suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            whole = self.path.exists() and self.path.stat().st_size < _MOST_BYTES
            with self.path.open("a" if whole else "w", encoding="ascii") as file:
                file.write(line)


def _state(path: str) -> list[int]:
    """Size, and the times of the last change of bytes and of anything: a copy can fake the first, not the second."""
    found = os.stat(path)  # noqa: PTH116
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns]
