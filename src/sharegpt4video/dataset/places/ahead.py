"""What was read of videos while they were surveyed, held until they are decided: then nothing is decoded twice."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from typing import TypeVar

from ...reading import Ended, Event, Opened
from ...records import Segment
from .base import SEGMENTS_WAITING

T = TypeVar("T")

MOST_HELD = SEGMENTS_WAITING // 2
"""Segments. The rest of the room is left to videos that are decided, so these never wait for the undecided ones."""


class ReadAhead:
    """Holds what was read by the id of the video. Each segment takes a place in ``room`` until it is handed over.

    Where there is no room, a video is dropped and has to be read again: surveying never waits.
    """

    def __init__(self, room: asyncio.Semaphore) -> None:
        self._room = room
        self._events: dict[str, list[Event]] = {}
        self.segments = 0

    @property
    def is_full(self) -> bool:
        return self.segments >= MOST_HELD or self._room.locked()

    async def hold(self, id: str, items: AsyncIterator[T | Event]) -> AsyncGenerator[T, None]:
        """Pass on the items of a survey; what was read in between is kept here, if it is complete in the end."""
        events = self._events[id] = []
        async for item in items:
            if not isinstance(item, Opened | Segment | Ended):
                yield item  # type: ignore[misc]  # `Sampled` is of fast mode, which is not read ahead
            elif self._events.get(id) is events:
                if isinstance(item, Segment):
                    if self.is_full:
                        self.forget(id)
                        continue
                    await self._room.acquire()  # at once, since there is room
                    self.segments += 1
                events.append(item)
        if not (events and isinstance(events[-1], Ended)):
            self.forget(id)

    def has(self, id: str) -> bool:
        return id in self._events

    async def take(self, id: str) -> AsyncGenerator[Event, None]:
        """Hand over what is held of a video; from then on nothing is."""
        events = deque(self._events.pop(id))
        try:
            while events:
                event = events.popleft()
                self._give_back([event])
                yield event
        finally:
            self._give_back(events)

    def forget(self, id: str) -> None:
        """Nobody wants it: the video is dropped or failed."""
        self._give_back(self._events.pop(id, []))

    def _give_back(self, events: Iterable[Event]) -> None:
        for event in events:
            if isinstance(event, Segment):
                self.segments -= 1
                self._room.release()
