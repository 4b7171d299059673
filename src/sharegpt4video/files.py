"""Files that are there whole or not at all."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import socket
import time
import zlib
from pathlib import Path

UNFINISHED = ".unfinished"
"""How the name of a file ends that is still being written, or was when its writer was killed."""

OLD_SECONDS = 86_400.0
_MARK = re.compile(r"\.[0-9a-f]{8}-(\d+)-[0-9a-f]{8}\.\w+$")
_NAME_BYTES = 120  # of the target's name; the rest of the 255 that file systems take is for the mark of the writer


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that readers see the old content or all of the new, whatever happens meanwhile.

    The file gets the permissions that the umask leaves. The folder is made if need be. After any failure nothing but
    the old file is left; what a kill leaves is called ``.NAME.WRITER.unfinished``, and ``remove_unfinished`` removes
    it. Raises OSError when it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{unfinished_name(path.name)}")
    try:
        with unfinished.open("xb", buffering=0) as file:
            write_all(file.fileno(), content)
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink()


def unfinished_name(name: str, ending: str = UNFINISHED) -> str:
    """What a file is called until it is written: it tells the machine and the process, and is not too long."""
    start = name.encode("utf-8", "surrogateescape")[:_NAME_BYTES].decode("utf-8", "ignore")
    return f"{start}.{_writer(os.getpid())}{secrets.token_hex(4)}{ending}"


def is_abandoned(path: Path) -> bool:
    """Whether whoever was writing this file is gone.

    Earlier versions did not say who that was: then he is. The processes of other machines cannot be looked up: theirs
    are given up after a day without a change.
    """
    match = _MARK.search(path.name)
    if match is None:
        return True
    if match[0].startswith(f".{_writer(None)}"):
        return not _runs(int(match[1]))
    try:
        return time.time() - path.stat().st_mtime > OLD_SECONDS
    except OSError:
        return False


def write_all(descriptor: int, content: bytes) -> None:
    """Write to an open file, however many calls that takes; the system may take a part. Raises OSError."""
    left = memoryview(content)
    while left:
        left = left[os.write(descriptor, left) :]


def remove_unfinished(folder: Path) -> int:
    """Remove what killed writers of this machine left in a folder; says how many files. Others' are left alone."""
    here, removed = _writer(None), 0
    for path in folder.glob(f".*{here}*{UNFINISHED}"):
        process = path.name.rpartition(here)[2].partition("-")[0]
        if process.isdigit() and not _runs(int(process)):
            with contextlib.suppress(OSError):
                path.unlink()
                removed += 1
    return removed


def _writer(process: int | None) -> str:
    """The mark of a process of this machine, or (None) how the marks of all of them begin."""
    machine = f"{zlib.crc32(socket.gethostname().encode()):08x}-"
    return machine if process is None else f"{machine}{process}-"


def _runs(process: int) -> bool:
    """Whether a process is there, as far as can be told."""
    if os.name != "posix":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True
