"""The worker process: it holds itself to limits, then does one task after another and sends what comes of it.

Messages are a line of JSON and, after it, the bytes of a picture if there is one. Nothing is unpickled on the other
side, so a decoder that a file has taken over can send wrong words, but not run anything there.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from ...errors import CaptionInterrupted, SG4VError
from ...records import VideoCaption
from .doing import DOING
from .limits import ProcessLimits, limit_processor
from .tasks import TASKS, OfVideo, Task

Send = Callable[..., None]

END, ERROR = "end", "error"


def serve(pipe: Connection, limits: ProcessLimits) -> None:
    """Do the tasks that come through a pipe, until it is closed."""
    limits.apply()
    loop = asyncio.new_event_loop()
    pipe.send_bytes(b"ready")

    def send(kind: str, data: Any = None, picture: bytes = b"") -> None:
        pipe.send_bytes(json.dumps([kind, data]).encode() + b"\n" + picture)

    while True:
        try:
            told = json.loads(pipe.recv_bytes())
        except EOFError:  # the server is gone, however it went
            return
        limit_processor(told.pop("processor_seconds"))
        task = TASKS[told.pop("kind")](**told)
        try:
            loop.run_until_complete(DOING[task.kind](task, send))
            send(END)
        except CaptionInterrupted as error:
            send(ERROR, _told(error, task) | {"caption": _renamed(error.caption, task).to_json(indent=None)})
        except (SG4VError, MemoryError, OSError) as error:
            send(ERROR, _told(error, task))


def _renamed(caption: VideoCaption, task: Task) -> VideoCaption:
    return replace(caption, video=task.name) if isinstance(task, OfVideo) else caption


def _told(error: BaseException, task: Task) -> dict[str, str]:
    """What is said of an error: files have the names that their owners gave them, not ours."""
    number = getattr(error, "errno", None)
    if isinstance(error, MemoryError) or number in (errno.ENOMEM, errno.EAGAIN):  # EAGAIN: no room for a thread
        return {"of": "VideoError", "message": "it takes more memory than one video may have here; make it smaller"}
    if isinstance(error, SG4VError):
        message = str(error)
        if isinstance(task, OfVideo):
            message = message.replace(task.path, task.name).replace(Path(task.path).name, task.name)
        return {"of": type(error).__name__, "message": message}
    return {"of": "SG4VError", "message": os.strerror(number) if number else ""}
