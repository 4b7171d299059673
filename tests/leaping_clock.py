"""A clock that a test moves on, so that limits of a minute or more run out at once and never by themselves.

A limit of a quarter of a second would be as quick, but a machine that is busy for so long would look like a server
that hangs.
"""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace
from weakref import WeakSet

import pytest

from sharegpt4video.vlm import pace

_sleep = asyncio.sleep


class LeapingClock:
    """What event loops and the pacing of requests take for the time, in seconds. It can be moved from any thread."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._ahead = 0.0
        self._loops: WeakSet[asyncio.AbstractEventLoop] = WeakSet()
        self._patch = patch
        self.waits: list[float] = []
        """With ``leap_over_waits``, how long it was waited before asking again, each time."""
        patch.setattr(asyncio.BaseEventLoop, "time", lambda loop: self._time_of(loop))
        patch.setattr(pace, "time", SimpleNamespace(monotonic=self.monotonic))

    def monotonic(self) -> float:
        return time.monotonic() + self._ahead

    def leap(self, seconds: float) -> None:
        self._ahead += seconds
        for loop in list(self._loops):
            if not loop.is_closed():
                loop.call_soon_threadsafe(lambda: None)  # it looks at the time again

    def leap_over_waits(self) -> None:
        """Waiting before a server is asked again takes no time from now on; the clock moves on instead."""

        async def leap(seconds: float) -> None:
            self.waits.append(seconds)
            self.leap(seconds)
            await _sleep(0)

        self._patch.setattr(pace.asyncio, "sleep", leap)

    def _time_of(self, loop: asyncio.AbstractEventLoop) -> float:
        self._loops.add(loop)
        return self.monotonic()
