"""How much of the machine this process may use: how many cores, shared out among workers, and at which priority."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_LIMIT_NAME = "SG4V_CORES"  # in the environment, so that it also holds for what a worker starts
_QUOTA = Path("/sys/fs/cgroup/cpu.max")  # of a container (cgroup v2): "QUOTA PERIOD" in microseconds, or "max PERIOD"


def cores() -> int:
    """The cores that this process may run on, or the share of them that it was given. At least one.

    Counted are the cores of its affinity (a Slurm job's, a pinned container's), up to the quota of its container.
    """
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    given = os.environ.get(_LIMIT_NAME, "")
    limits = [there, _quota()] + ([int(given)] if given.isdecimal() else [])
    return max(min(limit for limit in limits if limit is not None), 1)


def limit_cores(count: int) -> None:
    """Make this process use at most ``count`` cores, from its next decoder or network session on."""
    os.environ[_LIMIT_NAME] = str(max(count, 1))


@contextmanager
def ordinary_priority() -> Iterator[None]:
    """Give this process's threads back the scheduling that they had before, whatever is done inside.

    SVT-AV1, run by root, makes whoever opens it and its own threads real-time (SCHED_FIFO 99), and that is passed on to
    every process that is started later: all others starve.
    """
    if not hasattr(os, "sched_getscheduler"):
        yield
        return
    policy, parameter = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        for thread in os.listdir("/proc/self/task") if os.path.isdir("/proc/self/task") else ():  # noqa: PTH112, PTH208
            with suppress(OSError):  # it may have ended, or not be ours to change
                if os.sched_getscheduler(int(thread)) != policy:
                    os.sched_setscheduler(int(thread), policy, parameter)


def _quota() -> int | None:
    """The container's processor time as whole cores, None if it has as much as it wants."""
    try:
        quota, period = _QUOTA.read_text(encoding="ascii").split()
        return max(math.ceil(int(quota) / int(period)), 1)
    except (OSError, ValueError):
        return None
