"""Unpacking what cannot be read in place: one member at a time, into a private folder that is removed afterwards."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Protocol

from ...errors import VideoError

PREFIX = "sg4v-unpacked-"
CHUNK_BYTES = 1 << 20
RESERVED_BYTES = 256 << 20
"""So much of the disk is left free."""
STALE_SECONDS = 60.0
LOCK = ".sg4v-lock"


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


@contextmanager
def unpacked(stream: Readable, name: str, size_bytes: int) -> Iterator[str]:
    """Unpack a stream of ``size_bytes`` into a folder that only this user can enter; yields the file's path.

    Raises VideoError when the disk has no room for it. Whatever reading the stream raises goes through.
    """
    remove_stale()
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    lock = _locked(folder)
    try:
        _require_room(folder, name, size_bytes)
        path = folder / _short(name)
        with path.open("xb") as file:
            while chunk := stream.read(CHUNK_BYTES):
                file.write(chunk)
        yield str(path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _short(name: str) -> str:
    """The last part of a member's name, cut in front to what a file system takes."""
    last = os.path.basename(name)  # noqa: PTH119
    return last.encode()[-200:].decode(errors="ignore").lstrip(".") or "video"


def _require_room(folder: Path, name: str, size_bytes: int) -> None:
    free = shutil.disk_usage(folder).free
    if size_bytes + RESERVED_BYTES > free:
        raise VideoError(
            f"{name}: unpacking needs {size_bytes:,} bytes, but {folder.parent} has only {free:,} free; "
            "make room or set TMPDIR to a larger disk"
        )


@cache
def remove_stale() -> None:
    """Once in a process, remove what killed processes left behind: folders of ours whose lock nobody holds any more."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            if folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            if time.time() - folder.stat().st_mtime > STALE_SECONDS:
                _remove_unlocked(folder)


def _remove_unlocked(folder: Path) -> None:
    lock = _locked(folder)
    try:
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(lock)


def _locked(folder: Path) -> int:
    """Hold a folder of ours, until this process ends at the latest. Raises OSError when another one holds it."""
    import fcntl

    lock = os.open(folder / LOCK, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise
    return lock
