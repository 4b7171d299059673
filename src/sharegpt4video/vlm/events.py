"""Server-sent events, as the HTML standard defines them and as servers send them: bytes become events."""

from __future__ import annotations

import codecs
import json
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

from .wire import too_large

_BLANKS = b" \t\r\n\xef\xbb\xbf"  # and a byte order mark
_ENDS = ("[done]", "done")


@dataclass(frozen=True)
class Event:
    """One event: its name, "" for most, and its data."""

    name: str
    data: str

    @property
    def is_last(self) -> bool:
        """Whether it says that nothing follows."""
        return self.data.strip(" \"'").casefold() in _ENDS


async def lines(received: AsyncIterator[bytes], max_bytes: int) -> AsyncGenerator[str, None]:
    """The lines of an answer, as they come; CR, LF or both end one, no other separator. Raises Fault for a long one."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    held, after_cr = "", False
    async for piece in received:
        new = decoder.decode(piece)
        if after_cr and new:
            new, after_cr = new.removeprefix("\n"), False
        if "\n" in new or "\r" in new:
            after_cr = new.endswith("\r")
            *whole, held = (held + new).replace("\r\n", "\n").replace("\r", "\n").split("\n")
            for line in whole:
                yield line
        else:
            held += new
        if len(held) > max_bytes:
            raise too_large(max_bytes)
    if held := held + decoder.decode(b"", final=True):
        yield held


async def events(received: AsyncIterator[bytes], max_bytes: int) -> AsyncGenerator[Event, None]:
    """The events of an answer. Data may be spread over lines; servers that leave out the empty line between events
    are understood as long as each line is JSON of its own, with or without its name."""
    name, data, size, first = "", list[str](), 0, True
    async for line in lines(received, max_bytes):
        line, first = line.removeprefix("\ufeff") if first else line, False
        field, _, value = line.partition(":")
        if line.startswith("{"):  # lines of JSON without a field's name
            field, value = "data", line
        value = value.removeprefix(" ")
        if field == "data":
            if data and _begins(value) and _is_whole("\n".join(data)):
                yield Event(name, "\n".join(data))
                name, data, size = "", [], 0
            data.append(value)
            size += len(value)
            if size > max_bytes:
                raise too_large(max_bytes)
        elif field == "event":
            name = value.strip()
        elif not line and data:
            yield Event(name, "\n".join(data))
            name, data, size = "", [], 0
    if data:
        yield Event(name, "\n".join(data))


async def opened(received: AsyncIterator[bytes], max_bytes: int) -> tuple[bytes, AsyncGenerator[bytes, None]]:
    """What an answer begins with, blanks left out, and all of it: headers do not always tell what comes."""
    held = b""
    async for piece in received:
        held += piece
        if held.lstrip(_BLANKS):
            break
        if len(held) > max_bytes:
            raise too_large(max_bytes)

    async def everything() -> AsyncGenerator[bytes, None]:
        yield held
        async for piece in received:
            yield piece

    return held.lstrip(_BLANKS)[:1], everything()


def _begins(value: str) -> bool:
    return value.startswith("{") or value.strip().casefold() in _ENDS


def _is_whole(data: str) -> bool:
    if not data.rstrip().endswith("}"):
        return not data.lstrip().startswith("{")
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return False
    return True
