"""An event loop whose time passes only when nothing is left to do: hours of waiting in a moment, the same each time."""

from __future__ import annotations

import asyncio
import selectors
from typing import Any


class Jump(selectors.SelectSelector):
    """Waits by moving the clock on instead of waiting."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        self.now += timeout or 0.0
        return []


class JumpingLoop(asyncio.SelectorEventLoop):
    """An event loop whose time passes only when nothing is left to do."""

    def __init__(self) -> None:
        self._jump = Jump()
        super().__init__(self._jump)

    def time(self) -> float:
        return self._jump.now
