"""What a failed call to a chat server means: whether and when to retry, and what the user can do."""

from __future__ import annotations

import contextlib
import email.utils
import functools
import importlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from types import ModuleType
from typing import Any, Literal

import openai

from ..foreign import well_formed
from .complaints import (
    SIZE_ADVICE,
    advice_on,
    has_no_room,
    names_no_model,
    refuses_content,
    trouble_with_account,
    wait_in_words,
)

Kind = Literal["passing", "busy", "final", "denied", "refused", "mixed up"]
About = Literal["", "key", "model"]

_HEALING = frozenset({408, 409, 421, 425, 429, 499})  # and everything from 500, and what is no error status
_BUSY = frozenset({429, 503, 529})
_DOUBTFUL = frozenset({400, 403, 408, 420, 423, 424, 498})  # said of a lack of room, too
_OF_A_NAME = frozenset({400, 404, 422})  # statuses of a request for a model that there is not
_OF_A_REQUEST = frozenset({400, 403, 422, 451})  # a filter says no with any of these
_DENIED = frozenset({401, 402, 403, 404, 407})  # of the key, the account or the model, not of one request
_PASSING = _HEALING | _BUSY | {502, 504, 520, 521, 522, 523, 524}  # whatever they say
_OUT_OF_MONEY = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})
_ALL_IS_WELL = frozenset({"", "0", "200", "ok", "success", "succeeded", "none", "null", "false", "no error", "成功"})
# What errors without a status are called.
_NAMES_OF_STATUS = {
    401: frozenset({"invalid_api_key", "authentication_error", "AuthenticationError", "UNAUTHENTICATED"}),
    403: frozenset({"permission_error", "PERMISSION_DENIED", "PermissionDeniedError"}),
    404: frozenset({"model_not_found", "not_found_error", "NotFoundError"}),
    429: _OUT_OF_MONEY | {"rate_limit_exceeded", "rate_limit_error", "RateLimitError", "RESOURCE_EXHAUSTED"},
}
_FILTERED = frozenset({"content_filter", "content_policy_violation", "ResponsibleAIPolicyViolation"})
# Of the HTTP libraries, by their names: the first changed that of its package once.
_NEVER_CONNECTED = frozenset({"ConnectError", "ConnectTimeout", "ConnectionTimeoutError"})
_MESSAGE_LIMIT_CHARS = 600

_ADVICE = {
    400: "the server does not take this request: see its message",
    401: "set OPENAI_API_KEY (or api_key) to a key that this server knows",
    402: "the account has nothing left to pay with",
    403: "this key may not use this model",
    404: "is the model's name right, and does the address end in /v1? GET /v1/models lists what is served",
    413: SIZE_ADVICE,
    422: "the server does not understand this request: see its message",
    429: "the account's quota is used up",
}

_ABOUT: dict[int, About] = {401: "key", 404: "model"}


class Fault(Exception):
    """One call that got no answer.

    ``kind`` is "passing" when asking again may help, "busy" when the server has no room now, "final" when this request
    cannot succeed, "denied" when none can (the key, the account, the model), "refused" when the server's filter turned
    this request down, "mixed up" when the answer belongs to another request. ``connected`` tells whether anything was
    there to talk to, ``timed_out`` whether it took too long to say so, ``wait_seconds`` how long the server asked us to
    stay away. ``said`` is the message without the advice, and ``about`` what is wrong where that is the key or the
    model's name: who knows the server has better advice on these.
    """

    def __init__(
        self, message: str, kind: Kind = "passing", *, connected: bool = True, timed_out: bool = False,
        wait_seconds: float | None = None, advice: str = "", about: About = "",
    ) -> None:  # fmt: skip
        self.said = well_formed(message)
        super().__init__(f"{self.said} - {advice}" if advice else self.said)
        self.kind: Kind = kind
        self.about: About = about
        self.connected, self.timed_out = connected, timed_out
        self.wait_seconds = wait_seconds


@dataclass(frozen=True)
class ErrorReply:
    """An error as a server tells it: strings, whatever was in its place. ``status`` is that of HTTP."""

    status: int
    message: str
    code: str = ""
    type: str = ""
    param: str = ""
    wait_seconds: float | None = None


@contextlib.contextmanager
def client_faults() -> Iterator[None]:
    """Whatever the HTTP client raises about a connection or an answer as a Fault; an error status as it is."""
    try:
        yield
    except (Fault, openai.APIStatusError):
        raise
    except openai.APIConnectionError as error:
        raise fault_of_connection(error) from error
    except Exception as error:  # its libraries let odd answers through as errors of any kind
        said = _in_words(error)
        raise Fault(f"{type(error).__name__}: {said}" if said else type(error).__name__) from error


def read_error(error: openai.APIStatusError) -> ErrorReply:
    """What is in an error status. Endpoints put it in an ``error`` object, a ``detail``, a plain string or a page."""
    told = _told(error.body)
    wait_seconds = retry_after_seconds(error.response.headers)
    if wait_seconds is None:
        wait_seconds = told.wait_seconds
    return ErrorReply(error.status_code, told.message or "no reason given", told.code, told.type, told.param,
                      wait_seconds)  # fmt: skip


def error_of(*holders: Mapping[str, Any]) -> object:
    """The ``error`` in a part of an answer; None where there is none, or one that says all is well."""
    return next((error for holder in holders if (error := holder.get("error")) and not _says_all_is_well(error)), None)


def _says_all_is_well(error: object) -> bool:
    """Gateways give each answer an error of code 0, "success"."""
    if not isinstance(error, Mapping):
        return str(error).casefold() in _ALL_IS_WELL if isinstance(error, str | int) else False
    told = {name: _in_words(error.get(name)).casefold() for name in ("code", "status", "type", "message", "msg")}
    return any(told.values()) and all(word in _ALL_IS_WELL for word in told.values())


def error_in_answer(body: object) -> Fault:
    """What an ``error`` means that comes with the status of a success, as gateways send it."""
    told = _told(body)
    if told.code.isdecimal() and len(told.code) == 3 and int(told.code) >= 400:
        return fault_of_status(replace(told, status=int(told.code), code=""))
    codes = {told.code, told.type}
    if codes & _FILTERED:
        return Fault(f"the server's filter: {told.message}", "refused")
    if status := next((status for status, names in _NAMES_OF_STATUS.items() if codes & names), None):
        return fault_of_status(replace(told, status=status))
    return Fault(f"the server answered with an error: {told.message}")


def fault_of_status(error: ErrorReply) -> Fault:
    """What an HTTP error status means."""
    status, message = error.status, f"HTTP {error.status}: {error.message}"
    codes = {error.code, error.type}
    if codes & _FILTERED or (status in _OF_A_REQUEST and refuses_content(error.message, error.code, error.type)):
        return Fault(message, "refused")
    if status not in _PASSING and status not in _ADVICE and (advice := advice_on(error.message)):
        return Fault(message, "final", advice=advice)
    if 400 <= status < 500 and (account := trouble_with_account(error.message, error.code, error.type)):
        return Fault(message, "denied", advice=_ADVICE[account], about=_ABOUT.get(account, ""))
    if status in _OF_A_NAME and names_no_model(error.message, error.code):
        return Fault(message, "denied", advice=_ADVICE[404], about="model")
    is_busy = status in _BUSY or (status in _DOUBTFUL and has_no_room(error.message, error.code, error.type))
    if is_busy and not codes & _OUT_OF_MONEY:
        return Fault(message, "busy", wait_seconds=error.wait_seconds)
    if status >= 500 or status < 400 or (status in _HEALING and not codes & _OUT_OF_MONEY):
        return Fault(message, wait_seconds=error.wait_seconds)
    denied = status in _DENIED or codes & _OUT_OF_MONEY
    advice = _advice(status, error.message)
    about = _ABOUT.get(status, "") if advice == _ADVICE.get(status) else ""
    return Fault(message, "denied" if denied else "final", advice=advice, about=about)


def fault_of_connection(error: openai.APIConnectionError) -> Fault:
    """What a broken, refused or silent connection means, and what a hook of the client said."""
    cause = error.__cause__
    if isinstance(cause, Fault):
        return cause
    inner = cause.__cause__ if cause is not None else None
    if type(inner).__module__.partition(".")[0] == "aiohttp":  # its errors are put into others that say less
        cause = inner
    name, reason = type(cause).__name__, "" if cause is None else str(cause)
    if _never_connected(name):  # said to people, whom the name tells nothing that the reason does not
        return Fault((reason or name)[:_MESSAGE_LIMIT_CHARS], connected=False, timed_out="Timeout" in name)
    return Fault((f"{name}: {reason}" if reason else name)[:_MESSAGE_LIMIT_CHARS])


def _never_connected(name: str) -> bool:
    return name in _NEVER_CONNECTED or name.startswith("ClientConnector")


def raw_response() -> type[Any]:
    """The class of an answer as it came."""
    response: type[Any] = http_library().Response
    return response


@functools.cache
def http_library() -> ModuleType:
    """The HTTP library that the client is made of, which is another one since its version 3."""
    kinds = openai.DefaultAsyncHttpxClient.__mro__
    (name,) = {kind.__module__.partition(".")[0] for kind in kinds if kind.__name__ == "AsyncClient"}
    return importlib.import_module(name)


def _told(body: object) -> ErrorReply:
    """The server's own message, and the fields that say more."""
    if isinstance(body, list) and len(body) == 1:  # Gemini's errors
        (body,) = body
    if not isinstance(body, Mapping):
        return ErrorReply(0, _in_words(body))
    inner = body.get("error")
    fields = inner if isinstance(inner, Mapping) else body
    message = _in_words(fields.get("message") or fields.get("detail") or fields.get("error") or body)
    code, kind, param = (_in_words(fields.get(name)) for name in ("code", "type", "param"))
    metadata = fields.get("metadata")
    if isinstance(metadata, Mapping) and (behind := _in_words(metadata.get("raw"))):
        message = f"{message}: {behind}"[:_MESSAGE_LIMIT_CHARS]  # OpenRouter's "Provider returned error"
    return ErrorReply(0, message, code, kind, param, _wait_asked_for(fields, message))


def _wait_asked_for(fields: Mapping[str, Any], message: str) -> float | None:
    """The wait that an error's body asks for; None if none.

    Google tells it in a ``RetryInfo``, OpenRouter in headers among its metadata, most in words of the message.
    """
    details = fields.get("details")
    for detail in details if isinstance(details, list) else ():
        if isinstance(detail, Mapping) and "retryDelay" in detail:
            return _number(_in_words(detail["retryDelay"]).removesuffix("s"))
    metadata = fields.get("metadata")
    headers = metadata.get("headers") if isinstance(metadata, Mapping) else None
    if isinstance(headers, Mapping):
        within = {str(name).lower(): _in_words(value) for name, value in headers.items()}
        if (wait_seconds := retry_after_seconds(within)) is not None:
            return wait_seconds
        if (reset_ms := _number(within.get("x-ratelimit-reset"))) is not None:
            return max(0.0, reset_ms / 1000 - time.time())
    return wait_in_words(message)


def _in_words(value: object) -> str:
    """A value of a server in one line, of any type and size."""
    if value is None or value == "":
        return ""
    try:
        text = str(value)
    except (RecursionError, ValueError):  # nested too deep, a number of thousands of digits
        text = f"a {type(value).__name__} that cannot be shown"
    return " ".join(text[: 4 * _MESSAGE_LIMIT_CHARS].split())[:_MESSAGE_LIMIT_CHARS]


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """The wait a server asks for, as seconds or as an HTTP date (RFC 9110, 10.2.3); None if it asks for none."""
    if (milliseconds := _number(headers.get("retry-after-ms"))) is not None:
        return max(0.0, milliseconds / 1000)
    value = headers.get("retry-after")
    if value is None or (seconds := _number(value)) is not None:
        return None if value is None else max(0.0, seconds or 0.0)
    try:
        date = email.utils.parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError):  # no date, or one in a year that is none
        return None
    date = date if date.tzinfo else date.replace(tzinfo=timezone.utc)
    return max(0.0, (date - datetime.now(timezone.utc)).total_seconds())


def _advice(status: int, said: str) -> str:
    return advice_on(said) or _ADVICE.get(status, "the server will not take this request")


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text is not None else None
    except ValueError:
        return None
    return number if number is None or 0 <= number < float("inf") else None
