"""A server of the pages that really runs, in a thread of this process, on a port of its own."""

from __future__ import annotations

import http.client
import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
import uvicorn

from sharegpt4video.web.app import make_app
from sharegpt4video.web.client import WebClient
from sharegpt4video.web.run import free_port, options
from sharegpt4video.web.server import Server
from sharegpt4video.web.settings import Limits, WebSettings

PARK = Path(__file__).parent.parent / "examples" / "park.mp4"
TOKEN = "a-token-of-the-tests"
HEAD = f"Host: localhost\r\nAuthorization: Bearer {TOKEN}\r\n"
FAST = Limits(jobs=2, linger_seconds=0.5, unwatched_seconds=20.0, requests_per_minute=100_000)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Running:
    """``client`` has the token; ``raw`` sends what it is told, without one."""

    port: int
    server: Server
    client: WebClient
    others: frozenset[int]
    """Processes that were there before: of other servers, of a browser."""

    def workers(self) -> list[psutil.Process]:
        """The processes that the server has at work, or waiting."""
        return [process for process in workers() if process.pid not in self.others]

    def raw(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.putrequest(method, path, skip_host="Host" in (headers or {}), skip_accept_encoding=True)
            for name, value in (headers or {}).items():
                connection.putheader(name, value)
            if body is not None and not {"Content-Length", "Transfer-Encoding"} & set(headers or {}):
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            response = connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def as_owner(self, method: str, path: str, content: Any = None, **headers: str) -> Answer:
        """With the token, and JSON where there is content."""
        told = {
            "Authorization": f"Bearer {TOKEN}",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        body = content if content is None or isinstance(content, bytes) else json.dumps(content).encode()
        if body is not None:
            told.setdefault("Content-Type", "application/json")
        return self.raw(method, path, body, told)


@contextmanager
def running(limits: Limits = FAST, **given: Any) -> Iterator[Running]:
    """The server for these settings; it has ended, with all of its processes, when the block is left."""
    settings = WebSettings(**{"port": free_port("127.0.0.1"), "token": TOKEN, "models": ("fake", "embedded"), **given})
    others = frozenset(process.pid for process in workers())
    app = make_app(replace(settings, limits=limits))
    served = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=settings.port, **options()))
    thread = threading.Thread(target=served.run, daemon=True)
    thread.start()
    while not served.started:
        assert thread.is_alive(), "the server did not start"
        thread.join(0.01)
    try:
        address = f"http://127.0.0.1:{settings.port}/"
        yield Running(settings.port, app.state.server, WebClient(address, settings.token, timeout_seconds=60), others)
    finally:
        served.should_exit = True
        thread.join(20)
        assert not thread.is_alive(), "the server did not end"


def workers() -> list[psutil.Process]:
    """The processes that lead a group: those of servers of this process, and a browser."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if process.status() != psutil.STATUS_ZOMBIE and process.pid == _group(process):
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


def _group(process: psutil.Process) -> int:
    try:
        return os.getpgid(process.pid)
    except ProcessLookupError:
        return -1
