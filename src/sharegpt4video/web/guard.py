"""Who may ask what: the token, the Host and the Origin of each request, its size and pace, and what pages may do.

It stands around the whole app, so that no route can forget it.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import html
import ipaddress
import json
import logging
import re
import secrets
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .refusals import Refused, body
from .settings import WebSettings

access = logging.getLogger("sharegpt4video.web.access")

MOST_BODY_BYTES = 1 << 20
"""Of everything but an upload."""
UPLOAD_PATH = "/v1/media"
OPEN_PATHS = frozenset({"/healthz"})
"""What may be asked without a token."""
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:;"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors "
)
_HTML = "text/html; charset=utf-8"
_HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?")
_TOKEN_NEEDED = (
    "a token is needed: open the address that sg4v web has printed, or send it as 'Authorization: Bearer TOKEN'"
)
_PAGE = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>sg4v</title><h1>Token needed</h1>'
    "<p>Open the address that <code>sg4v web</code> printed when it was started. It carries the token.</p></html>"
)


class Guard:
    """The ASGI app around ours."""

    def __init__(self, app: ASGIApp, settings: WebSettings) -> None:
        self._app, self._settings = app, settings
        self._names = settings.host_names()
        self._cookie = f"sg4v-{settings.port}"  # browsers share cookies among the ports of a host
        self._headers = {
            "Content-Security-Policy": _POLICY + (" ".join(settings.embedded_in) or "'none'"),
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "websocket":  # there are none
                await receive()
                await send({"type": "websocket.close", "code": 1008})
            else:
                await self._app(scope, receive, send)
            return
        began, status = time.monotonic(), 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._add_headers(scope, message)
            await send(message)

        try:
            await self._guarded(scope, receive, sending)
        finally:
            if self._settings.access_log:
                who, path = (scope.get("client") or ("-",))[0], json.dumps(scope["path"])[1:-1]
                access.info("%s %s %s %d %.3f s", who, scope["method"], path, status, time.monotonic() - began)

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        if refused := self._wrong_source(scope, headers):
            await _answer(send, 403, json.dumps(body(403, refused)))
            return
        scope.setdefault("state", {})["client"] = self._client(scope, headers)
        if self._settings.token and scope["path"] not in OPEN_PATHS:
            if await self._lets_in(scope, headers, send):
                return
            if not self._is_known(scope, headers):
                await self._turn_away(scope, headers, send)
                return
        bounded = _Body(receive, None if scope["path"] == UPLOAD_PATH else MOST_BODY_BYTES, self._settings)
        await self._app(scope, bounded.receive, send)

    def _wrong_source(self, scope: Scope, headers: Headers) -> str:
        """Why this request is not one of our own pages or clients; "" if it may be."""
        hosts = headers.getlist("host")
        match = _HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
        if match is None or not self._is_ours(match[1].lower()):
            return "this server is not known by that name; use the address that sg4v web has printed, or --allow-host"
        origin = headers.get("origin")
        if origin is not None and origin.lower() not in (f"http://{hosts[0].lower()}", f"https://{hosts[0].lower()}"):
            return "requests from pages of other servers are not answered"
        site = headers.get("sec-fetch-site", "none")
        visit = headers.get("sec-fetch-mode") == "navigate" and scope["method"] in _SAFE
        if site not in ("none", "same-origin") and not (visit and not scope["path"].startswith("/v1/")):
            return "requests from pages of other servers are not answered"
        return ""

    def _is_ours(self, name: str) -> bool:
        """Addresses cannot be re-bound by somebody's name server; of names, only our own are taken."""
        if name in self._names:
            return True
        try:
            address = ipaddress.ip_address(name.strip("[]"))
        except ValueError:
            return False
        return address.is_loopback or not self._settings.is_loopback

    def _is_known(self, scope: Scope, headers: Headers) -> bool:
        kind, _, given = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and _same(given.strip(), self._settings.token):
            scope["state"]["bearer"] = True
            return True
        return bool(self._visitor(headers))

    def _visitor(self, headers: Headers) -> str:
        """Which browser it is, by its cookie; "" if it has none that we gave."""
        for each in ";".join(headers.getlist("cookie")).split(
            ";"
        ):  # others on this host may set any, even of this name
            key, _, value = each.strip().partition("=")
            name, _, proof = value.partition(".")
            if key == self._cookie and name and _same(proof, self._proof(name)):
                return name
        return ""

    def _proof(self, name: str) -> str:
        return hmac.new(self._settings.token.encode(), f"browser {name}".encode(), hashlib.sha256).hexdigest()

    def _client(self, scope: Scope, headers: Headers) -> str:
        """Whom limits are counted for: a browser, else an address."""
        visitor = self._visitor(headers) if self._settings.token else ""
        return visitor or (scope.get("client") or ("unknown",))[0]

    async def _lets_in(self, scope: Scope, headers: Headers, send: Send) -> bool:
        """Exchange the token of an address for a cookie, and go on to the address without it."""
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = next((value for name, value in query if name == "token"), "")
        if not (given and _is_page(scope) and _same(given, self._settings.token)):
            return False
        name = secrets.token_urlsafe(12)
        rest = urlencode([(key, value) for key, value in query if key != "token"])
        target = quote("/" + scope["path"].lstrip("/\\")) + (f"?{rest}" if rest else "")  # "//host" leads elsewhere
        secure = "; Secure" if scope.get("scheme") == "https" else ""
        cookie = f"{self._cookie}={name}.{self._proof(name)}; Path=/; HttpOnly; SameSite=Strict{secure}"
        if headers.get("sec-fetch-site", "none") in ("none", "same-origin"):
            await _answer(send, 303, "", {"location": target, "set-cookie": cookie})
        else:  # a link on another page: browsers would not send a strict cookie along a redirect from there
            page = (
                f'<!doctype html><meta http-equiv="refresh" content="0;url={html.escape(target)}"><title>sg4v</title>'
            )
            await _answer(send, 200, page, {"content-type": _HTML, "set-cookie": cookie})
        return True

    async def _turn_away(self, scope: Scope, headers: Headers, send: Send) -> None:
        if _is_page(scope) and "text/html" in headers.get("accept", ""):
            await _answer(send, 401, _PAGE, {"content-type": _HTML})
        else:
            await _answer(send, 401, json.dumps(body(401, _TOKEN_NEEDED)), {"www-authenticate": "Bearer"})

    def _add_headers(self, scope: Scope, message: Message) -> None:
        headers = MutableHeaders(scope=message)
        for name, value in self._headers.items():
            headers[name] = value
        if "cache-control" not in headers:
            headers["Cache-Control"] = "no-store" if scope["path"].startswith("/v1/") else "no-cache"


class _Body:
    """The body of a request: not too large, and not too slow."""

    def __init__(self, receive: Receive, most_bytes: int | None, settings: WebSettings) -> None:
        self._receive, self._left, self._silence = receive, most_bytes, settings.limits.silence_seconds
        self._complete = False

    async def receive(self) -> Message:
        if self._complete:
            return await self._receive()  # waits until the client has gone
        try:
            message = await asyncio.wait_for(self._receive(), self._silence)
        except asyncio.TimeoutError:
            raise Refused(408, f"no data arrived for {self._silence:.0f} s in the middle of the request") from None
        self._complete = not message.get("more_body", False)
        if self._left is not None:
            self._left -= len(message.get("body", b""))
            if self._left < 0:
                raise Refused(413, f"the request is longer than {MOST_BODY_BYTES:,} bytes")
        return message


async def _answer(send: Send, status: int, text: str, more: Mapping[str, Any] | None = None) -> None:
    headers = {"content-type": "application/json", "content-length": str(len(text.encode())), **(more or {})}
    raw = [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": text.encode()})


def _is_page(scope: Scope) -> bool:
    return scope["method"] == "GET" and not scope["path"].startswith("/v1/")


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode())
