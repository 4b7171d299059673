"""The kernel's locks on files, which a killed process never leaves behind, and who holds them."""

from __future__ import annotations

import errno
import json
import os
import secrets
import socket
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path

STALE_SECONDS, BEAT_SECONDS = 300.0, 30.0
"""Where there are no such locks, an owner shows at the second interval that it is alive; after the first one of silence
somebody else may take over."""
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}


@dataclass(frozen=True)
class Owner:
    """Who holds a lock, as written in the lock's file. ``since`` and ``beat`` are seconds since 1970."""

    token: str
    pid: int
    host: str
    since: float
    beat: float
    released: bool = False

    @staticmethod
    def me() -> Owner:
        now = time.time()
        return Owner(secrets.token_hex(8), os.getpid(), socket.gethostname(), now, now)

    def __str__(self) -> str:
        since = datetime.fromtimestamp(self.since, timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")
        return f"process {self.pid} on {self.host} since {since}"

    @staticmethod
    def read(data: bytes | None) -> Owner | None:
        """None for a file that does not say (its owner was killed while writing it)."""
        try:
            return Owner(**json.loads(data or b""))
        except (ValueError, TypeError):
            return None

    def to_bytes(self) -> bytes:
        return json.dumps(asdict(self)).encode()


held: set[int] = set()
"""Handles of the open files whose locks this process holds."""


def _forget() -> None:
    """In a forked child, which must not keep its parent's locks alive after the parent was killed."""
    for handle in held:
        with suppress(OSError):
            os.close(handle)
    held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def open_file(path: Path, *, create: bool = True) -> int:
    """A handle of a file, opened for locking. Raises OSError, also for a link."""
    flags = os.O_RDWR | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0)
    return os.open(path, flags | (os.O_CREAT if create else 0), 0o666)


def flock(handle: int, *, wait: bool = False) -> bool:
    """Take the lock on an open file, and return whether it is ours now. Raises OSError."""
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True


def can_flock(handle: int) -> bool:
    """Whether the disk of an open file has such locks: takes the lock, waiting for it. Raises OSError."""
    try:
        return flock(handle, wait=True)
    except ImportError:  # not on this system
        return False
    except OSError as error:
        if error.errno in _NO_LOCKS:
            return False
        raise
