"""CPU time of all processes that come from this one, those included that a fork server started and waits for."""

from __future__ import annotations

import ctypes
import os
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36


def descendants_seconds() -> float:
    """CPU seconds of children that have ended, and of descendants that still run, with what those have waited for.

    The latter are read from /proc, so elsewhere than on Linux they are missing.
    """
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds, found, generation = usage.ru_utime + usage.ru_stime, _processes(), {os.getpid()}
    while generation := {pid for pid, (parent, _) in found.items() if parent in generation}:
        seconds += sum(found[pid][1] for pid in generation)
    return seconds


def adopt_orphans() -> None:
    """Make this process the parent of what its children leave behind, so that their CPU time is counted (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


@contextmanager
def orphans_awaited() -> Iterator[None]:
    """Wait at the end for children that were not there at the beginning, adopted ones included."""
    before = _children()
    yield
    while new := _children() - before:
        for pid in new:
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)


def _children() -> set[int]:
    return {pid for pid, (parent, _) in _processes().items() if parent == os.getpid()}


def _processes() -> dict[int, tuple[int, float]]:
    """The parent of each process, and the CPU seconds of it and of what it has waited for."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # ended meanwhile
            fields = path.read_text().rpartition(")")[2].split()
            found[int(path.parent.name)] = int(fields[1]), sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    return found
