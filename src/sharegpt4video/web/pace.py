"""How much each client may ask in a minute: a bucket that fills evenly and may be emptied at once."""

from __future__ import annotations

import time
from collections import OrderedDict

from .refusals import Refused

_MOST_CLIENTS = 10_000


class Pace:
    """``per_minute`` requests of each client; the ones heard of longest ago are forgotten, to bound memory."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str) -> None:
        """Count a request. Raises Refused when there have been too many."""
        now = time.monotonic()
        left, when = self._left.pop(client, (float(self._per_minute), now))
        left = min(left + (now - when) * self._per_minute / 60, self._per_minute)
        self._left[client] = (max(left - 1, 0.0), now) if left >= 1 else (left, now)
        while len(self._left) > _MOST_CLIENTS:
            self._left.popitem(last=False)
        if left < 1:
            wait = (1 - left) * 60 / self._per_minute
            raise Refused(429, f"more than {self._per_minute} requests in a minute; slow down", retry_seconds=wait)
