"""What a failed call to a chat server means: whether asking again can help, when, and what the user can do."""

from __future__ import annotations

import email.utils
import functools
import importlib
import random
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from types import ModuleType
from typing import Any, Literal

import openai

from .complaints import advice_on

_HEALING = frozenset({408, 409, 425, 429})  # and everything from 500
_PASSING = _HEALING | {502, 503, 504, 520, 521, 522, 523, 524, 529}  # whatever they say
_OUT_OF_MONEY = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})
_FILTERED = frozenset({"content_filter", "content_policy_violation", "ResponsibleAIPolicyViolation"})
# Of the HTTP libraries, by their names: the first changed that of its package once.
_NEVER_CONNECTED = frozenset({"ConnectError", "ConnectTimeout", "ConnectionTimeoutError"})
_MESSAGE_LIMIT_CHARS = 600
_JITTER = 0.25

_ADVICE = {
    400: "the server does not take this request: see its message",
    401: "set OPENAI_API_KEY (or api_key) to a key that this server knows",
    402: "the account has nothing left to pay with",
    403: "this key may not use this model",
    404: "is the model's name right, and does the address end in /v1? GET /v1/models lists what is served",
    413: "make the pictures smaller: image_side_pixels or max_image_bytes",
    422: "the server does not understand this request: see its message",
    429: "the account's quota is used up",
}

Kind = Literal["passing", "final", "refused", "mixed up"]


class Fault(Exception):
    """One call that brought no answer.

    ``kind`` is "passing" when asking again may help, "final" when no request can succeed, "refused" when the server's
    filter turned this request down, "mixed up" when the answer belongs to another request. ``connected`` tells
    whether anything was there to talk to, ``wait_seconds`` how long the server asked us to stay away.
    """

    def __init__(
        self, message: str, kind: Kind = "passing", *, connected: bool = True, wait_seconds: float | None = None
    ) -> None:
        super().__init__(message)
        self.kind: Kind = kind
        self.connected = connected
        self.wait_seconds = wait_seconds


def fault_of_status(error: openai.APIStatusError) -> Fault:
    """What an HTTP error status means."""
    status, said = error.status_code, server_message(error)
    codes = {error.code, error.type}
    if codes & _FILTERED:
        return Fault(f"HTTP {status}: {said}", "refused")
    if status not in _PASSING and status not in _ADVICE and (advice := advice_on(said)):
        return Fault(f"HTTP {status}: {said} - {advice}", "final")
    if status >= 500 or (status in _HEALING and not codes & _OUT_OF_MONEY):
        return Fault(f"HTTP {status}: {said}", wait_seconds=retry_after_seconds(error.response.headers))
    return Fault(f"HTTP {status}: {said} - {_advice(status, said)}", "final")


def fault_of_connection(error: openai.APIConnectionError) -> Fault:
    """What a broken, refused or silent connection means."""
    cause = error.__cause__
    inner = cause.__cause__ if cause is not None else None
    if type(inner).__module__.partition(".")[0] == "aiohttp":  # its errors are put into others that say less
        cause = inner
    name = type(cause).__name__
    said = f"{name}: {cause}" if cause is not None and str(cause) else name
    return Fault(said[:_MESSAGE_LIMIT_CHARS], connected=not _never_connected(name))


def _never_connected(name: str) -> bool:
    return name in _NEVER_CONNECTED or name.startswith("ClientConnector")


def broken_connection() -> type[Exception]:
    """What is raised when a connection breaks while an answer is read: the client lets its library's error through."""
    error: type[Exception] = _http_library().HTTPError
    return error


def raw_response() -> type[Any]:
    """The class of an answer as it came."""
    response: type[Any] = _http_library().Response
    return response


@functools.cache
def _http_library() -> ModuleType:
    """The HTTP library that the client is made of, which is another one since its version 3."""
    kinds = openai.DefaultAsyncHttpxClient.__mro__
    (name,) = {kind.__module__.partition(".")[0] for kind in kinds if kind.__name__ == "AsyncClient"}
    return importlib.import_module(name)


def server_message(error: openai.APIStatusError) -> str:
    """The server's own words. Endpoints put them in an ``error`` object, a ``detail``, a plain string or a page."""
    body = error.body
    if isinstance(body, Mapping):
        body = body.get("message") or body.get("detail") or body.get("error") or body
    text = str(body) if body else error.message
    return " ".join(text.split())[:_MESSAGE_LIMIT_CHARS]


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """The wait a server asks for, as seconds or as an HTTP date (RFC 9110, 10.2.3); None if it asks for none."""
    if (milliseconds := _number(headers.get("retry-after-ms"))) is not None:
        return max(0.0, milliseconds / 1000)
    value = headers.get("retry-after")
    if value is None or (seconds := _number(value)) is not None:
        return None if value is None else max(0.0, seconds or 0.0)
    try:
        date = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    date = date if date.tzinfo else date.replace(tzinfo=timezone.utc)
    return max(0.0, (date - datetime.now(timezone.utc)).total_seconds())


class Pace:
    """When to ask again: bounded in number and in time, later each time, not all clients at once.

    Waits ``backoff_seconds``, then twice that, and so on; longer if the server asks for it, but never over
    ``max_wait_seconds``; then up to a quarter more at random.
    """

    def __init__(self, retries: int, deadline_seconds: float, backoff_seconds: float, max_wait_seconds: float) -> None:
        self.retries_left = retries
        self.deadline = time.monotonic() + deadline_seconds
        self.backoff_seconds = backoff_seconds
        self.max_wait_seconds = max_wait_seconds

    @property
    def seconds_left(self) -> float:
        return self.deadline - time.monotonic()

    def wait_seconds(self, fault: Fault) -> float | None:
        """How long to wait before the next try; None when there is none left."""
        wait = min(max(self.backoff_seconds, fault.wait_seconds or 0.0), self.max_wait_seconds)
        wait *= 1 + random.uniform(0, _JITTER)
        self.backoff_seconds *= 2
        self.retries_left -= 1
        return wait if self.retries_left >= 0 and wait < self.seconds_left else None


def _advice(status: int, said: str) -> str:
    return advice_on(said) or _ADVICE.get(status, "the server will not take this request")


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text is not None else None
    except ValueError:
        return None
    return number if number is None or 0 <= number < float("inf") else None
