"""A server on this machine that speaks the few words of the Hub that pushing needs."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class HubServer(ThreadingHTTPServer):
    """``asked`` holds (method, path, authorisation, body) of each request; the token ``wrong`` is turned away."""

    def __init__(self, repository: str) -> None:
        super().__init__(("127.0.0.1", 0), Hub)
        self.repository = repository
        self.asked: list[tuple[str, str, str | None, bytes]] = []


class Hub(BaseHTTPRequestHandler):
    server: HubServer

    def answer(self) -> None:
        body = self.body()
        self.server.asked.append((self.command, self.path, self.headers.get("authorization"), body))
        said: dict[str, Any] = {}
        if self.path == "/api/repos/create":
            said = {"url": f"http://{self.headers['host']}/{self.server.repository}"}
        elif "/preupload/" in self.path:
            files = json.loads(body)["files"]
            said = {"files": [{"path": one["path"], "uploadMode": "regular", "shouldIgnore": False} for one in files]}
        elif "/commit/" in self.path:
            said = {
                "commitUrl": f"http://{self.headers['host']}/{self.server.repository}/commit/1",
                "commitOid": "1",
                "success": True,
            }
        data = json.dumps(said).encode()
        denied = self.headers.get("authorization") == "Bearer wrong"
        self.send_response(401 if denied else 200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def body(self) -> bytes:
        if self.headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        data = b""
        while size := int(self.rfile.readline(), 16):
            data += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return data

    do_GET = do_POST = do_PUT = do_HEAD = answer

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def hub_server(repository: str) -> Iterator[HubServer]:
    """``repository`` as it stands in addresses, such as ``datasets/me/captions``."""
    server = HubServer(repository)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()
