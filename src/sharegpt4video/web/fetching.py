"""Fetching a video from an address that somebody else has named: never from this machine or its network.

The address of the server is checked where it counts, on the connection itself: whatever a name server says later, or a
redirect names, the bytes come from an address that was looked at.
"""

from __future__ import annotations

import asyncio
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

from .. import __version__
from .refusals import Refused
from .uploads import Uploads

_REDIRECTS = 5
_TIMEOUT_SECONDS = 20.0
_CHUNK_BYTES = 1 << 18
_PORTS = {"http": 80, "https": 443}
# Addresses that carry another one, to which a gateway may lead.
_CARRIERS = [ipaddress.ip_network(net) for net in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96")]


def is_public(address: str) -> bool:
    """Whether an address is one of the open network, and leads nowhere else."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            found = found.ipv4_mapped
        elif any(found in net for net in _CARRIERS):
            return False
    return found.is_global and not (found.is_multicast or found.is_reserved or found.is_unspecified)


async def fetch(address: str, uploads: Uploads, seconds: float) -> tuple[Path, str]:
    """Save what is behind an http address as an upload; returns its path and name. Raises Refused."""
    until, stop = time.monotonic() + seconds, threading.Event()
    response = _Fetched(address, until, stop)
    try:
        size = await asyncio.to_thread(response.open)
        async with aclosing(_chunks(response)) as chunks:
            return await uploads.save(chunks, size), response.name
    finally:
        stop.set()
        await asyncio.to_thread(response.close)


async def _chunks(response: _Fetched) -> AsyncGenerator[bytes, None]:
    while chunk := await asyncio.to_thread(response.read):
        yield chunk


class _Fetched:
    """One file of the open network; for threads."""

    def __init__(self, address: str, until: float, stop: threading.Event) -> None:
        self.name = "video"
        self._address, self._until, self._stop = address, until, stop
        self._connection: http.client.HTTPConnection | None = None
        self._response: http.client.HTTPResponse | None = None

    def open(self) -> int | None:
        """Follow redirects to the file; returns its announced size. Raises Refused."""
        address = self._address
        for _ in range(_REDIRECTS + 1):
            response = self._ask(address)
            if response.status not in (301, 302, 303, 307, 308):
                if response.status != 200:
                    raise Refused(502, f"the server there answered {response.status}; check the address", "fetch")
                self._response = response
                self.name = unquote(Path(urlsplit(address).path).name) or "video"
                return response.length
            address = urljoin(address, response.headers.get("Location", ""))
            self.close()
        raise Refused(502, f"the address redirects more than {_REDIRECTS} times", "fetch")

    def read(self) -> bytes:
        if self._stop.is_set() or time.monotonic() > self._until:
            raise Refused(408, "fetching the video took too long; download it and upload the file", "fetch")
        assert self._response is not None
        try:
            return self._response.read(_CHUNK_BYTES)
        except (OSError, http.client.HTTPException) as error:
            raise Refused(502, "the connection was lost; try again, or upload the file", "fetch") from error

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def _ask(self, address: str) -> http.client.HTTPResponse:
        try:
            parts = urlsplit(address)
            host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)
        except ValueError as error:
            raise Refused(422, "this is not an address; give one that begins with https://", "fetch") from error
        if parts.scheme not in _PORTS or not host or port not in _PORTS.values() or parts.username is not None:
            raise Refused(403, "only http and https addresses on their usual ports, without a password, are opened")
        try:
            self._connection = _Public(host, port, secure=parts.scheme == "https")
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            self._connection.request("GET", target, headers={"User-Agent": f"sharegpt4video/{__version__}"})
            return self._connection.getresponse()
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Refused(502, "the address cannot be reached; check it, or upload the file", "fetch") from error


class _Public(http.client.HTTPConnection):
    """A connection to an address that has been checked, whatever its name means by now."""

    def __init__(self, host: str, port: int, *, secure: bool) -> None:
        super().__init__(host, port, timeout=_TIMEOUT_SECONDS)
        self._secure = secure

    def connect(self) -> None:
        found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        if not found or not all(is_public(str(where[0])) for *_, where in found):
            raise Refused(403, "this address is in a private network; only public addresses are opened")
        family, kind, protocol, _, where = found[0]
        self.sock = socket.socket(family, kind, protocol)
        self.sock.settimeout(_TIMEOUT_SECONDS)
        self.sock.connect(where)
        if not is_public(str(self.sock.getpeername()[0])):
            raise Refused(403, "this address is in a private network; only public addresses are opened")
        if self._secure:
            self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self.host)
