"""Names of files that are being written, by which what a killed process left can be told from what one is writing."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import socket
import time
from pathlib import Path

OLD_SECONDS = 86_400.0
"""A file of another machine, whose processes cannot be looked up, is given up after this long without a change."""
_NAME = re.compile(r"\.(?P<host>[0-9a-f]{8})-(?P<pid>\d+)-[0-9a-f]{8}\.\w+")


def unfinished_name(name: str, ending: str) -> str:
    """A name for the file that becomes ``name`` once it is written: it tells the machine and the process."""
    return f"{name}.{_host()}-{os.getpid()}-{secrets.token_hex(4)}{ending}"


def is_abandoned(path: Path) -> bool:
    """Whether the process that was writing this file is gone; earlier versions did not say which that was."""
    match = _NAME.search(path.name)
    if match is None:
        return True
    if match["host"] != _host() or os.name != "posix":
        try:
            return time.time() - path.stat().st_mtime > OLD_SECONDS
        except FileNotFoundError:
            return False
    try:
        os.kill(int(match["pid"]), 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        pass
    return False


def _host() -> str:
    return hashlib.blake2b(socket.gethostname().encode(), digest_size=4).hexdigest()
