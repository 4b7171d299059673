"""Jobs for worker processes that do what they are told, and what they should not."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import Any

from sharegpt4video.errors import MissingExtra, VideoError

Send = Callable[[Any], None]


def count(send: Send, numbers: int) -> None:
    for number in range(numbers):
        send(number)


def count_slowly(send: Send, numbers: int, seconds: float) -> None:
    for number in range(numbers):
        time.sleep(seconds)
        send(number)


def note(send: Send, path: str, numbers: int) -> None:
    """A file grows by one byte with each item sent, so that it can be read at any time."""
    for _ in range(numbers):
        send(b"x" * 100_000)
        with open(path, "ab") as file:  # noqa: PTH123
            file.write(b".")


def die(send: Send) -> None:
    send("last words")
    os.kill(os.getpid(), signal.SIGKILL)


def hang(send: Send) -> None:
    send("so far")
    time.sleep(600)


def refuse(_send: Send) -> None:
    raise VideoError("a.mp4: no picture in it")


def miss(_send: Send) -> None:
    raise MissingExtra("reading minds", "mind")


def process(send: Send, label: str, seconds: float = 0.0) -> None:
    time.sleep(seconds)
    send((label, os.getpid(), time.monotonic()))


class SlowToSend:
    """An argument that takes 0.3 s to be sent to a worker."""

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        time.sleep(0.3)
        return str, ("slow",)
