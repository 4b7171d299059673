"""How many cores this process may use; workers that share a machine are told to use fewer."""

from __future__ import annotations

import os

_LIMIT_NAME = "SG4V_CORES"  # in the environment, so that it also holds for what a worker starts


def cores() -> int:
    """The cores of this machine, or the share of them that this process was given. At least one."""
    there = os.cpu_count() or 1
    given = os.environ.get(_LIMIT_NAME, "")
    return min(int(given), there) if given.isdigit() and int(given) else there


def limit_cores(count: int) -> None:
    """Make this process use at most ``count`` cores, from its next decoder or network session on."""
    os.environ[_LIMIT_NAME] = str(max(count, 1))
