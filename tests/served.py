"""What worker processes do in the tests of `sharegpt4video.processes`: as told, and what they should not."""

from __future__ import annotations

import os
import signal
import time
from multiprocessing.connection import Connection


def tell(pipe: Connection) -> None:
    """Sends its environment variables, one a line."""
    pipe.send_bytes(b"ready")
    pipe.send_bytes("\n".join(f"{name}={value}" for name, value in os.environ.items()).encode())
    pipe.recv_bytes()


def echo(pipe: Connection) -> None:
    pipe.send_bytes(b"ready")
    while True:
        pipe.send_bytes(pipe.recv_bytes())


def die(pipe: Connection, how: int) -> None:
    """By a signal, or with an exit code where ``how`` is negative."""
    pipe.send_bytes(b"ready")
    if how > 0:
        os.kill(os.getpid(), how)
    os._exit(-how)


def die_in_the_middle(pipe: Connection) -> None:
    """Of a message: its length and the first bytes of it are sent."""
    pipe.send_bytes(b"ready")
    os.write(pipe.fileno(), (1_000_000).to_bytes(4, "big") + b"only this")
    os.kill(os.getpid(), signal.SIGKILL)


def hang(pipe: Connection) -> None:
    pipe.send_bytes(b"ready")
    time.sleep(600)


def break_down(_pipe: Connection) -> None:
    raise OSError("a library that is missing")
