"""A server on 127.0.0.1 that sends bytes as they are, HTTP or not.

with RawServer([http(b"{}", "500 Odd"), hang_up]) as server:
    ...  # ask server.base_url; what was not used up is followed by good answers
assert server.asked == 2
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections import deque
from collections.abc import Iterable
from typing import Any

GOOD_TEXT = "A leaf turns over in the wind."


def chat(text: Any = GOOD_TEXT, **fields: Any) -> dict[str, Any]:
    """The body of a completion; fields are added or replaced."""
    choices = [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}]
    return {"id": "x", "choices": choices, "usage": {"prompt_tokens": 5, "completion_tokens": 7}, **fields}


def http(body: bytes | str | dict[str, Any], status: str = "200 OK", **headers: str) -> bytes:
    """A response with its length; a header's name is written with _ for -, and given twice it replaces ours."""
    data = json.dumps(body) if isinstance(body, dict) else body
    data = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    named = {name.replace("_", "-").lower(): value for name, value in headers.items()}
    fields = {"content-type": "application/json", "content-length": str(len(data)), "connection": "close", **named}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value)
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode("latin-1") + data


GOOD = http(chat())


class RawServer:
    """Sends the ``answers`` in order, one a request, then good ones. The connection is closed after each.

    ``asked`` counts requests; more answers may be put into ``answers`` at any time.
    """

    def __init__(self, answers: Iterable[bytes] = (), default: bytes = GOOD) -> None:
        self.asked = 0
        self.answers, self._default = deque(answers), default
        self._lock = threading.Lock()
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=64)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}/v1"

    def __enter__(self) -> RawServer:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # ends a waiting accept
        self._socket.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection, connection.makefile("rb") as stream:
            connection.settimeout(300)
            length = 0
            while (line := stream.readline()) not in (b"\r\n", b""):
                if line.lower().startswith(b"content-length:"):
                    length = int(line.partition(b":")[2])
            stream.read(length)
            with self._lock:
                self.asked += 1
                answer = self.answers.popleft() if self.answers else self._default
            connection.sendall(answer)
            connection.shutdown(socket.SHUT_WR)
            connection.recv(1)  # until the client has read it, and closes
