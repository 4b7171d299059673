"""A real HTTP server on 127.0.0.1 that speaks the OpenAI chat API and misbehaves on demand.

    with ChatServer(status(500), answer("a cat")) as server:
        ...  # ask server.base_url
    assert [got.path for got in server.received] == ["/v1/chat/completions"] * 2

Behaviours are used up in order, one a request; then ``default`` serves the rest. A behaviour is any callable that
takes an ``Exchange``.
"""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Received:
    """One request as it came in. ``number`` counts from 1; header names are lower case."""

    number: int
    path: str
    headers: dict[str, str]
    body: Json
    size_bytes: int

    @property
    def content(self) -> list[Json]:
        """The parts of the last message: its pictures and texts."""
        content = self.body["messages"][-1]["content"]
        return [{"type": "text", "text": content}] if isinstance(content, str) else content

    @property
    def text(self) -> str:
        return "\n".join(part["text"] for part in self.content if part["type"] == "text")

    @property
    def image_urls(self) -> list[str]:
        return [part["image_url"]["url"] for part in self.content if part["type"] == "image_url"]


@dataclass
class Exchange:
    """A request in progress: what came in, and the ways to end it."""

    received: Received
    handler: BaseHTTPRequestHandler
    closing: threading.Event

    def send(self, body: bytes | Json, code: int = 200, headers: dict[str, str] | None = None) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.handler.send_response(code)
        self.handler.send_header("Content-Type", "application/json")
        self.handler.send_header("Content-Length", str(len(data)))
        for name, value in (headers or {}).items():
            self.handler.send_header(name, value)
        self.handler.end_headers()
        self.handler.wfile.write(data)

    def hang_up(self) -> None:
        """Reset the connection: the client sees it break, not end."""
        connection = self.handler.connection
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.handler.close_connection = True
        connection.close()

    def wait(self, seconds: float) -> None:
        self.closing.wait(seconds)


Behaviour = Callable[[Exchange], None]


def completion(received: Received, text: str | None, finish_reason: str = "stop") -> Json:
    """The body of a well-formed answer; its id carries the request's id the way vLLM does it."""
    return {
        "id": f"chatcmpl-{received.headers.get('x-request-id', received.number)}",
        "object": "chat.completion",
        "created": 0,
        "model": received.body.get("model", ""),
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish_reason},
        ],
        "usage": {"prompt_tokens": 100, "completion_tokens": 7, "total_tokens": 107},
    }


def answer(
    text: str | Callable[[Received], str] | None = "a cat sits on a mat",
    *,
    finish_reason: str = "stop",
    delay_seconds: float = 0.0,
    usage: bool = True,
    refusal: str | None = None,
) -> Behaviour:
    """A well-formed answer; ``finish_reason="length"`` makes it half a text, ``refusal`` a typed refusal."""

    def behave(exchange: Exchange) -> None:
        exchange.wait(delay_seconds)
        said = text(exchange.received) if callable(text) else text
        body = completion(exchange.received, said, finish_reason)
        if refusal is not None:
            body["choices"][0]["message"]["refusal"] = refusal
        if not usage:
            del body["usage"]
        exchange.send(body)

    return behave


def in_pieces(
    *texts: str,
    finish_reason: str = "stop",
    seconds_per_piece: float = 0.0,
    then: Behaviour | None = None,
    other: str = "",
) -> Behaviour:
    """An answer as server-sent events; after its texts, ``then`` happens instead of a proper end."""

    def behave(exchange: Exchange) -> None:
        received = exchange.received
        exchange.handler.send_response(200)
        exchange.handler.send_header("Content-Type", "text/event-stream")
        exchange.handler.send_header("Connection", "close")
        exchange.handler.end_headers()
        mark = other or received.headers.get("x-request-id", received.number)
        deltas: list[tuple[Json, str | None]] = [({"role": "assistant"}, None)]
        deltas += [({"content": text}, None) for text in texts]
        for delta, reason in deltas if then else [*deltas, ({}, finish_reason)]:
            choice = {"index": 0, "delta": delta, "finish_reason": reason}
            _event(exchange, {"id": f"chatcmpl-{mark}", "choices": [choice]})
            exchange.wait(seconds_per_piece)
        if then:
            return then(exchange)
        if received.body.get("stream_options", {}).get("include_usage"):
            usage = {"prompt_tokens": 100, "completion_tokens": 7, "total_tokens": 107}
            _event(exchange, {"id": f"chatcmpl-{mark}", "choices": [], "usage": usage})
        exchange.handler.wfile.write(b"data: [DONE]\n\n")
        exchange.handler.close_connection = True
        return None

    return behave


def error_event(message: str) -> Behaviour:
    """For ``in_pieces(then=...)``: tell of an error in the middle of an answer, as vLLM does."""
    return lambda exchange: _event(exchange, {"error": {"message": message, "code": 500}})


def _event(exchange: Exchange, body: Json) -> None:
    exchange.handler.wfile.write(f": ping\n\ndata: {json.dumps(body)}\n\n".encode())
    exchange.handler.wfile.flush()


def status(
    code: int,
    message: str = "out of order",
    *,
    error_code: str | None = None,
    param: str | None = None,
    retry_after: str | None = None,
) -> Behaviour:
    """An HTTP error in OpenAI's form; ``retry_after`` is sent as that header, seconds or an HTTP date."""

    def behave(exchange: Exchange) -> None:
        error = {"message": message, "type": "error", "param": param, "code": error_code}
        exchange.send({"error": error}, code, {"Retry-After": retry_after} if retry_after else {})

    return behave


def stall(seconds: float = 60.0) -> Behaviour:
    """Say nothing for so long, then hang up."""

    def behave(exchange: Exchange) -> None:
        exchange.wait(seconds)
        exchange.hang_up()

    return behave


def trickle(seconds_per_byte: float = 0.02) -> Behaviour:
    """Send spaces, one at a time, for ever: a client that only limits the wait for the next byte hangs."""

    def behave(exchange: Exchange) -> None:
        exchange.handler.send_response(200)
        exchange.handler.send_header("Content-Length", "1000000")
        exchange.handler.end_headers()
        while not exchange.closing.wait(seconds_per_byte):
            exchange.handler.wfile.write(b" ")
            exchange.handler.wfile.flush()

    return behave


def drop() -> Behaviour:
    """Hang up without a word."""
    return Exchange.hang_up


def drop_midway(text: str = "a cat sits") -> Behaviour:
    """Promise a whole answer, send half of it, hang up."""

    def behave(exchange: Exchange) -> None:
        data = json.dumps(completion(exchange.received, text)).encode()
        exchange.handler.send_response(200)
        exchange.handler.send_header("Content-Length", str(len(data)))
        exchange.handler.end_headers()
        exchange.handler.wfile.write(data[: len(data) // 2])
        exchange.handler.wfile.flush()
        exchange.hang_up()

    return behave


def raw(body: bytes | Json, code: int = 200, headers: dict[str, str] | None = None) -> Behaviour:
    """Exactly this body: junk JSON, a web page, an answer without choices."""
    return lambda exchange: exchange.send(body, code, headers)


def wrong_id(other: str, text: str = "somebody else's cat") -> Behaviour:
    """An answer that says it belongs to the request ``other``."""

    def behave(exchange: Exchange) -> None:
        exchange.send({**completion(exchange.received, text), "id": f"chatcmpl-{other}"})

    return behave


class Swap:
    """Waits until two requests are there and gives each the other's answer. Put it into the script twice."""

    def __init__(self, text: Callable[[Received], str]) -> None:
        self.text = text
        self.both_arrived = threading.Barrier(2)
        self.arrived: list[Received] = []

    def __call__(self, exchange: Exchange) -> None:
        self.arrived.append(exchange.received)
        self.both_arrived.wait(240)
        (other,) = (got for got in self.arrived if got.number != exchange.received.number)
        exchange.send(completion(other, self.text(other)))


class ChatServer:
    """Serves in threads until the ``with`` block ends. ``received`` has every request in order of arrival.

    ``GET /models`` is answered by ``models`` and only counted.
    """

    def __init__(self, *behaviours: Behaviour, default: Behaviour | None = None) -> None:
        self.behaviours = deque(behaviours)
        self.default = default or answer()
        self.models: Behaviour = lambda exchange: exchange.send({"object": "list", "data": []})
        self.asked_models = 0
        self.received: list[Received] = []
        self.in_flight = 0
        self.max_in_flight = 0
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._closing = threading.Event()
        self._http = _Server(("127.0.0.1", 0), self._handler_class())

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}/v1"

    def __enter__(self) -> ChatServer:
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self.stop_listening()
        for connection in list(self._open):
            with contextlib.suppress(OSError):  # the client was faster
                connection.shutdown(socket.SHUT_RDWR)

    def stop_listening(self) -> None:
        """From when this returns on, new connections are refused; exchanges in progress go on."""
        self._http.shutdown()
        self._http.server_close()

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        data = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        with self._lock:
            headers = {name.lower(): value for name, value in handler.headers.items()}
            body = json.loads(data) if data else {}
            received = Received(len(self.received) + 1, handler.path, headers, body, len(data))
            self.received.append(received)
            behave = self.behaviours.popleft() if self.behaviours else self.default
            self.in_flight += 1
            self.max_in_flight = max(self.max_in_flight, self.in_flight)
        try:
            behave(Exchange(received, handler, self._closing))
        except OSError:
            handler.close_connection = True  # the client went away first, which is its right
        finally:
            with self._lock:
                self.in_flight -= 1

    def _handler_class(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self) -> None:
                super().setup()
                server._open.add(self.connection)

            def finish(self) -> None:
                server._open.discard(self.connection)
                super().finish()

            def do_POST(self) -> None:
                server._serve(self)

            def do_GET(self) -> None:
                if self.path.endswith("/models"):
                    server.asked_models += 1
                    server.models(Exchange(Received(0, self.path, {}, {}, 0), self, server._closing))
                else:  # a POST that was redirected
                    server._serve(self)

            def log_message(self, *_: object) -> None:
                pass

        return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def handle_error(self, *_: object) -> None:
        """Broken connections are made on purpose here."""
