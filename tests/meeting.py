"""A fake model that shows how many requests are with it at the same time, however slowly they come."""

from __future__ import annotations

import asyncio
from typing import Any

from sharegpt4video.vlm.base import Reply, Request
from sharegpt4video.vlm.fake import FakeVLM

PATIENCE_SECONDS = 120.0


class Meeting(FakeVLM):
    """Answers nobody until ``count`` requests are waiting for an answer; ``most`` is how many ever were.

    If they never are, it answers after two minutes.
    """

    def __init__(self, *arguments: Any, count: int, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.most = 0
        self._count, self._here, self._met = count, 0, asyncio.Event()

    async def generate(self, request: Request) -> Reply:
        self._here += 1
        self.most = max(self.most, self._here)
        if self.most >= self._count:
            self._met.set()
        try:
            if not self._met.is_set():
                waiting = asyncio.ensure_future(self._met.wait())
                await asyncio.wait([waiting], timeout=PATIENCE_SECONDS)
                waiting.cancel()
            return await super().generate(request)
        finally:
            self._here -= 1
