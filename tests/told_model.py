"""A model behind a chat server that says what a test tells it, and only when the test lets it."""

from __future__ import annotations

import threading

from chat_server import Exchange, Received, answer, in_pieces


class ToldModel:
    """A behaviour for ``ChatServer(default=...)``.

    ``texts`` are said in turn, over and over, each with its number. While ``hold`` is on, an answer waits for ``let``.
    Requests for a stream are answered word by word. ``asked`` has the texts of all requests.
    """

    def __init__(self) -> None:
        self.texts = ["A dog runs"]
        self.asked: list[str] = []
        self._allowed = threading.Semaphore(0)
        self._held = False
        self._count = 0

    def say(self, *texts: str) -> None:
        """From now on, these in turn."""
        self.texts, self._count = list(texts), 0

    def hold(self) -> None:
        self._allowed = threading.Semaphore(0)
        self._held = True

    def let(self, count: int = 1) -> None:
        for _ in range(count):
            self._allowed.release()

    def let_all(self) -> None:
        self._held = False
        self.let(100)

    def __call__(self, exchange: Exchange) -> None:
        self.asked.append(_whole_text(exchange.received))
        if self._held:
            self._allowed.acquire(timeout=60)
        text = self.texts[self._count % len(self.texts)]
        self._count += 1
        if exchange.received.body.get("stream"):
            words = text.split(" ")
            in_pieces(*(word + " " for word in words[:-1]), words[-1])(exchange)
        else:
            answer(text)(exchange)


def _whole_text(received: Received) -> str:
    """Every text of a request, of all turns."""
    said = []
    for message in received.body["messages"]:
        content = message["content"]
        said += [content] if isinstance(content, str) else [part["text"] for part in content if part["type"] == "text"]
    return "\n".join(said)
