"""The limits that a process puts on itself before it opens a file of a stranger."""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import dataclass

from ...video.source import limit_pixels

_OPEN_FILES = 256
_NICE = 5


@dataclass(frozen=True)
class ProcessLimits:
    """memory_bytes  address space; 0 for no limit
    file_bytes    largest file that may be written
    max_pixels    largest picture that is decoded, checked before it is
    """

    memory_bytes: int
    file_bytes: int
    max_pixels: int

    def apply(self) -> None:
        """Hold this process, and what it starts, to these limits. Systems without such limits have none."""
        limit_pixels(self.max_pixels)
        with contextlib.suppress(OSError):
            os.nice(_NICE)  # the pages come first
        if sys.platform == "win32":
            return
        import resource

        wanted = {"RLIMIT_FSIZE": self.file_bytes, "RLIMIT_CORE": 0, "RLIMIT_NOFILE": _OPEN_FILES}
        if self.memory_bytes:
            wanted["RLIMIT_AS"] = self.memory_bytes
        for name, most in wanted.items():
            with contextlib.suppress(OSError, ValueError):  # a lower limit of the system stays
                resource.setrlimit(getattr(resource, name), (most, most))


def limit_processor(seconds: float) -> None:
    """Let this process use so many more seconds of processor time, then end it."""
    if sys.platform == "win32":
        return
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    most = int(used.ru_utime + used.ru_stime + seconds) + 1
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CPU, (most, hard))
