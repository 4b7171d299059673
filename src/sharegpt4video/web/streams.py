"""Server-sent events: a stream that notices at once when its reader has gone, and shows that it is alive."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

HEARTBEAT_SECONDS = 10.0


@dataclass(frozen=True)
class Event:
    """One event; ``number`` counts those of a stream that can be resumed."""

    kind: str
    data: dict[str, Any]
    number: int | None = None

    def encoded(self) -> bytes:
        head = "" if self.number is None else f"id: {self.number}\n"
        # ASCII alone: a line separator of Unicode inside a text would be one to some readers of lines.
        return f"{head}event: {self.kind}\ndata: {json.dumps(self.data)}\n\n".encode()


class EventStream(Response):
    """Sends events as they come. The generator is closed when the reader has gone, or the server ends."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncGenerator[Event, None]) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        gone = asyncio.ensure_future(_disconnected(receive))
        ending = asyncio.ensure_future(scope["app"].state.server.ending.wait())
        ahead: asyncio.Future[Event] | None = None
        try:
            while True:
                ahead = ahead or asyncio.ensure_future(anext(self._events))
                waits: set[asyncio.Future[Any]] = {ahead, gone, ending}
                await asyncio.wait(waits, timeout=HEARTBEAT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                if gone.done():
                    return
                if ending.done():
                    break
                if not ahead.done():
                    await send({"type": "http.response.body", "body": b": still here\n\n", "more_body": True})
                    continue
                done, ahead = ahead, None
                try:
                    event = done.result()
                except StopAsyncIteration:
                    break
                await send({"type": "http.response.body", "body": event.encoded(), "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            gone.cancel()
            ending.cancel()
            if ahead is not None:
                ahead.cancel()
                await asyncio.gather(ahead, return_exceptions=True)
            await self._events.aclose()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
