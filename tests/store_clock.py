"""The time of locks, which a test moves on: leases run out when it says so, not when the machine is slow."""

from __future__ import annotations

import time

import pytest

from sharegpt4video.dataset.store import flock, lock


class StoreClock:
    """Seconds since 1970, ``ahead`` of what they are, for all locks of this process."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.ahead = 0.0
        for module in (flock, lock):
            patch.setattr(module, "time", self)

    def time(self) -> float:
        return time.time() + self.ahead
