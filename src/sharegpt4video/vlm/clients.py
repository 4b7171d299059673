"""The connections to a server: one client per event loop, and an address that hides its secrets."""

from __future__ import annotations

import asyncio
import ipaddress
from base64 import b64encode
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit
from weakref import WeakKeyDictionary

import openai

from ..errors import SettingsError
from .wire import ACCEPTED, bounded

_CONNECT_SECONDS = 10.0
_MOST_REDIRECTS = 4  # a server that redirects in a circle costs no hundreds of requests
_PIECES_TO_TEXT = 16  # each token of an answer in pieces comes with a quarter of a kilobyte around it


class Address:
    """A parsed base URL, whose secrets are never shown or logged."""

    def __init__(self, base_url: str) -> None:
        parts = urlsplit(base_url)
        host = parts.netloc.rpartition("@")[2]
        self.url = urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))
        self.query = dict(parse_qsl(parts.query))
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        self.secrets = (password, *self.query.values())
        credentials = b64encode(f"{user}:{password}".encode()).decode()
        self.authorization = {"Authorization": f"Basic {credentials}"} if user else None


class Clients:
    """Clients of one server. Connections cannot be used from another event loop, so each loop has its own.

    No client reads more than ``max_bytes`` of an answer, of one in pieces ``_PIECES_TO_TEXT`` times as much. Raises
    SettingsError for less than one.
    """

    def __init__(self, address: Address, api_key: str, timeout_seconds: float, max_bytes: int) -> None:
        if max_bytes < 1:
            raise SettingsError(f"server: max_answer_bytes must be at least 1, not {max_bytes}")
        self._address, self._api_key, self._timeout_seconds = address, api_key, timeout_seconds
        self._max_bytes = max_bytes
        self._made: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[bool, openai.AsyncOpenAI]] = WeakKeyDictionary()

    def client(self, *, streams: bool = False) -> openai.AsyncOpenAI:
        """The client of the running event loop; answers that come in pieces have one of their own."""
        made = self._made.setdefault(asyncio.get_running_loop(), {})
        if streams not in made:
            # aiohttp takes half the processor time for a request, but does not tell when a stream breaks off.
            made[streams] = self._open(_library() if streams else _quick_library() or _library(), streams=streams)
        return made[streams]

    def separate(self) -> openai.AsyncOpenAI:
        """A client of its own, which whoever asked for it closes (``async with``)."""
        return self._open(_quick_library() or _library(), streams=False)

    async def close(self) -> None:
        """Close the connections of this event loop; the next request opens new ones."""
        for client in self._made.pop(asyncio.get_running_loop(), {}).values():
            await client.close()

    def _open(self, http_client: Any, *, streams: bool) -> openai.AsyncOpenAI:
        hook = bounded(self._max_bytes * (_PIECES_TO_TEXT if streams else 1))
        http_client.event_hooks = {"response": [hook]}
        http_client.max_redirects = _MOST_REDIRECTS
        return openai.AsyncOpenAI(
            api_key=self._api_key or "EMPTY",
            base_url=self._address.url,
            default_query=self._address.query,
            default_headers={"Accept-Encoding": ACCEPTED, **(self._address.authorization or {})},
            timeout=openai.Timeout(self._timeout_seconds, connect=min(_CONNECT_SECONDS, self._timeout_seconds)),
            max_retries=0,
            http_client=http_client,
        )


def check_options(
    model: str,
    base_url: str,
    at_least_one: Mapping[str, int | None],
    over_zero: Mapping[str, float],
    not_negative: Mapping[str, float],
) -> None:
    """Raises SettingsError naming every invalid option of a server."""
    found = [] if model else ["the model's name is missing"]
    try:
        parts = urlsplit(base_url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        if "[" in parts.netloc:
            ipaddress.IPv6Address(parts.hostname or "")  # from Python 3.11.4 on, urlsplit looks at it itself
    except ValueError:  # half an IPv6 address, a port over 65535
        usable = False
    if not usable:
        shown = base_url.rpartition("@")[2].partition("?")[0]
        found.append(f"the address must look like http://localhost:8000/v1, not {shown!r}")
    found += [f"{name} must be at least 1, not {n}" for name, n in at_least_one.items() if n is not None and n < 1]
    found += [f"{name} must be over 0, not {n}" for name, n in over_zero.items() if n <= 0]
    found += [f"{name} cannot be negative, as {n} is" for name, n in not_negative.items() if n < 0]
    if found:
        raise SettingsError("server: " + "; ".join(found))


def _library() -> Any:
    return openai.DefaultAsyncHttpxClient()


def _quick_library() -> Any:
    """A client on aiohttp; None from an older client or where there is no aiohttp."""
    try:
        return openai.DefaultAioHttpClient()
    except (AttributeError, RuntimeError):
        return None
