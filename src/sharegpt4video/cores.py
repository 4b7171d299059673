"""How many cores this process may use; workers that share a machine are told to use fewer."""

from __future__ import annotations

import math
import os
from pathlib import Path

_LIMIT_NAME = "SG4V_CORES"  # in the environment, so that it also holds for what a worker starts
_QUOTA = Path("/sys/fs/cgroup/cpu.max")  # of a container (cgroup v2): "QUOTA PERIOD" in microseconds, or "max PERIOD"


def cores() -> int:
    """The cores that this process may run on, or the share of them that it was given. At least one.

    Counted are the cores of its affinity (a Slurm job's, a pinned container's), up to the quota of its container.
    """
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    given = os.environ.get(_LIMIT_NAME, "")
    limits = [there, _quota()] + ([int(given)] if given.isdigit() else [])
    return max(min(limit for limit in limits if limit is not None), 1)


def limit_cores(count: int) -> None:
    """Make this process use at most ``count`` cores, from its next decoder or network session on."""
    os.environ[_LIMIT_NAME] = str(max(count, 1))


def _quota() -> int | None:
    """The container's processor time as whole cores, None if it has as much as it wants."""
    try:
        quota, period = _QUOTA.read_text(encoding="ascii").split()
        return max(math.ceil(int(quota) / int(period)), 1)
    except (OSError, ValueError):
        return None
