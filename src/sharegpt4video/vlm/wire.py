"""What a server sends is bounded before anything reads it: bytes on the wire, bytes unpacked, and where they come from.

A compressed answer may be a thousand times its size, so it is unpacked here piece by piece, and not by the HTTP
library, which does it in one go.
"""

from __future__ import annotations

import functools
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any
from urllib.parse import urljoin, urlsplit

from .faults import Fault, http_library

ACCEPTED = "gzip"
"""What may be sent compressed, as ``Accept-Encoding`` says it."""

_ZIPPED = frozenset({"gzip", "x-gzip", "deflate"})
_PLAIN = frozenset({"", "identity"})
_EITHER_HEADER = 32 + zlib.MAX_WBITS  # zlib finds out by itself whether it is gzip or zlib
_PIECE_BYTES = 1 << 16

Hook = Callable[[Any], Awaitable[None]]


def bounded(max_bytes: int) -> Hook:
    """A hook of an HTTP client for responses: no more than ``max_bytes`` are read of one, before and after unpacking.

    It raises Fault, also for a redirect to another server: pictures of a video do not go where nobody sent them.
    """

    async def hook(response: Any) -> None:
        _check_redirect(response)
        _check_announced(response, max_bytes)
        encoding = response.headers.get("content-encoding", "").strip().lower()
        if encoding not in _ZIPPED | _PLAIN:
            raise Fault(f"the answer is packed in a way that was not asked for: {encoding[:40]!r}")
        if encoding:
            del response.headers["content-encoding"]
        response.stream = _stream_class()(response.stream, encoding in _ZIPPED, max_bytes)
        response.encoding = "utf-8"  # JSON is nothing else, whatever a header says

    return hook


async def whole(pieces: AsyncIterator[bytes], max_bytes: int) -> bytes:
    """An answer that comes in one, where one in pieces, of which more may be read, was asked for."""
    held = bytearray()
    async for piece in pieces:
        held += piece
        if len(held) > max_bytes:
            raise too_large(max_bytes)
    return bytes(held)


def too_large(max_bytes: int) -> Fault:
    return Fault(f"the answer is larger than {max_bytes:,} bytes (max_answer_bytes)")


def _check_announced(response: Any, max_bytes: int) -> None:
    announced = response.headers.get("content-length", "")
    if announced.isdecimal() and (len(announced) > 18 or int(announced) > max_bytes):
        raise too_large(max_bytes)


def _check_redirect(response: Any) -> None:
    if not response.has_redirect_location:
        return
    asked, location = str(response.request.url), response.headers["location"]
    try:
        old, new = urlsplit(asked), urlsplit(urljoin(asked, location))
        same_server = new.hostname == old.hostname and (
            (new.scheme, new.port) == (old.scheme, old.port) or (old.scheme, new.scheme) == ("http", "https")
        )
        elsewhere = f"{new.scheme}://{new.netloc.rpartition('@')[2]}"
    except ValueError as error:
        raise Fault(f"HTTP {response.status_code}: redirects to an invalid address: {location[:80]!r}") from error
    if not same_server:
        raise Fault(
            f"HTTP {response.status_code}: redirects to {elsewhere[:80]}, which is not followed;"
            " give that address as the model's if it is the right one",
            "denied",
        )


@functools.cache
def _stream_class() -> type[Any]:
    """The class is made for the HTTP library that the client uses."""

    class Bounded(http_library().AsyncByteStream):  # type: ignore[misc]
        """A stream of which no more than so many bytes are read, and given on."""

        def __init__(self, stream: Any, zipped: bool, max_bytes: int) -> None:
            self._stream, self._max_bytes = stream, max_bytes
            self._unzip = _Unzip(max_bytes) if zipped else None

        async def __aiter__(self) -> AsyncIterator[bytes]:
            received = 0
            async for piece in self._stream:
                received += len(piece)
                if received > self._max_bytes:
                    raise too_large(self._max_bytes)
                if self._unzip is None:
                    yield piece
                    continue
                for unpacked in self._unzip.pieces(piece):
                    yield unpacked
            if self._unzip is not None:
                self._unzip.end()

        async def aclose(self) -> None:
            await self._stream.aclose()

    return Bounded


class _Unzip:
    """Unpacks gzip or deflate in small pieces, up to ``max_bytes`` in all."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = self._left = max_bytes
        self._packed = zlib.decompressobj(_EITHER_HEADER)
        self._begun = False

    def pieces(self, data: bytes) -> Iterator[bytes]:
        more = False  # all of the data may be taken in, and some of what it unpacks to not be given out yet
        while data or more:
            if self._packed.eof:
                if not data:
                    return
                self._packed = zlib.decompressobj(_EITHER_HEADER)  # gzip files may be joined
            try:
                piece = self._packed.decompress(data, _PIECE_BYTES)
            except zlib.error as error:
                if self._begun:
                    raise Fault(f"the answer cannot be unpacked: {error}") from error
                self._packed, self._begun = zlib.decompressobj(-zlib.MAX_WBITS), True
                continue  # some servers leave out the header that "deflate" has (RFC 9110, 8.4.1.2)
            self._begun = True
            self._left -= len(piece)
            more = len(piece) == _PIECE_BYTES
            if self._left < 0:
                raise too_large(self._max_bytes)
            if piece:
                yield piece
            data = self._packed.unused_data if self._packed.eof else self._packed.unconsumed_tail

    def end(self) -> None:
        if self._begun and not self._packed.eof:
            raise Fault("the answer is packed and breaks off")
