"""A server that speaks the protocol of ``/audio/transcriptions``: multipart in, JSON out."""

from __future__ import annotations

import email
import email.policy
import io
import json
import threading
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, dict[str, Any]]


@dataclass
class Asked:
    """One request: its fields, its sound in seconds, and its key."""

    fields: dict[str, str]
    seconds: float
    rate: int
    channels: int
    key: str


@dataclass
class SpeechServer:
    """Answers with what ``answer`` makes of each request; ``asked`` has them all."""

    answer: Callable[[Asked], Answer]
    url: str = ""
    asked: list[Asked] = field(default_factory=list)


@contextmanager
def speech_server(answer: Callable[[Asked], Answer]) -> Iterator[SpeechServer]:
    """Serve on a free port of this machine until the block ends."""
    told = SpeechServer(answer)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path != "/v1/audio/transcriptions":
                return self._send(404, {"error": {"message": f"no such path: {self.path}"}})
            asked = _parsed(self.headers["Content-Type"], body, self.headers.get("Authorization", ""))
            told.asked.append(asked)
            return self._send(*told.answer(asked))

        def _send(self, status: int, body: dict[str, Any]) -> None:
            payload = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _parsed(content_type: str, body: bytes, key: str) -> Asked:
    """The parts of a multipart form, as the standard library's mail parser reads them."""
    whole = email.message_from_bytes(
        b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body, policy=email.policy.HTTP
    )
    fields, seconds, rate, channels = {}, 0.0, 0, 0
    for part in whole.iter_parts():  # type: ignore[attr-defined]
        name, content = part.get_param("name", header="content-disposition"), part.get_payload(decode=True)
        if name != "file":
            fields[name] = content.decode()
            continue
        with wave.open(io.BytesIO(content)) as sound:
            seconds, rate, channels = (
                sound.getnframes() / sound.getframerate(),
                sound.getframerate(),
                sound.getnchannels(),
            )
    return Asked(fields, seconds, rate, channels, key.removeprefix("Bearer "))
