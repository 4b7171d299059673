"""The app behind uvicorn, from its start to its end."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from ..errors import SettingsError
from .app import make_app
from .settings import WebSettings

_HEAD_SECONDS = 15.0
_LONGEST_HEADERS = 32 << 10
_MOST_CONNECTIONS = 1000
_KEEP_ALIVE_SECONDS = 30
_END_SECONDS = 2


def free_port(host: str) -> int:
    """A port that nobody listens on. Raises SettingsError for an address that is not of this machine."""
    with _listening(host, 0) as probe:
        return int(probe.getsockname()[1])


def serve(settings: WebSettings, *, ready: Callable[[], None] = lambda: None) -> None:
    """Serve until Ctrl-C or SIGTERM; ``ready`` is called once requests are answered.

    Raises SettingsError when the port is taken, and what ``make_app`` raises.
    """
    app = make_app(settings)
    if settings.access_log:
        _log_requests()
    with _listening(settings.host, settings.port) as listening:
        server = _Server(uvicorn.Config(app, **options()), ready, app.state.server.end_streams)
        server.run(sockets=[listening])
    if not server.started:
        raise SettingsError("the server could not be started; the lines above say why")


class _Server(uvicorn.Server):
    """Ends once and quietly: streams are told, and a second Ctrl-C does not cut the end short."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None], end_streams: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready, self._end_streams = ready, end_streams
        logging.getLogger("uvicorn.error").addFilter(_is_no_cancelled_request)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and not self.should_exit:
            self._ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop = asyncio.get_running_loop()

        def end(*_: object) -> None:
            self.should_exit = True
            loop.call_soon_threadsafe(self._end_streams)

        before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _is_no_cancelled_request(record: logging.LogRecord) -> bool:
    """What is still being answered at the end is cancelled; that is no error."""
    return not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))


class _Impatient(H11Protocol):
    """Closes connections that do not bring the head of a request in time, the first or a later one."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._last: Any = None
        self.loop.call_later(_HEAD_SECONDS, self._close_if_silent)

    def _close_if_silent(self) -> None:
        if self.transport.is_closing():
            return
        answered = self.cycle is None or self.cycle.response_complete
        if answered and self.cycle is self._last:
            self.transport.close()
        self._last = self.cycle
        self.loop.call_later(_HEAD_SECONDS, self._close_if_silent)


def options() -> dict[str, Any]:
    """How uvicorn serves it: within limits, telling nothing of itself, trusting no header of a proxy."""
    return {
        "http": _Impatient,
        "ws": "none",
        "log_level": "warning",
        "access_log": False,
        "server_header": False,
        "date_header": False,
        "proxy_headers": False,
        "h11_max_incomplete_event_size": _LONGEST_HEADERS,
        "limit_concurrency": _MOST_CONNECTIONS,
        "timeout_keep_alive": _KEEP_ALIVE_SECONDS,
        "timeout_graceful_shutdown": _END_SECONDS,
    }


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
    except OSError as error:
        made.close()
        advice = "choose another --port, or 0 for any that is free"
        raise SettingsError(f"{host}:{port}: {error.strerror or error}; {advice}") from error
    return made


def _log_requests() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    log = logging.getLogger("sharegpt4video.web.access")
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
