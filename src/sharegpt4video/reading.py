"""The half of captioning that opens the video: decode, measure, choose keyframes. Asks no model, knows no event loop.

You come from ``run``, which describes what `read` yields; ``video.reader`` has the decoding, ``facts.segments`` the
measuring. Next: ``captioner.sliding``, what is asked about a segment.

It runs in a thread beside the other half, in a worker process or on another machine: all it takes and gives can be
pickled.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from .config import CaptionSettings
from .facts.segments import segments
from .facts.selector import open_selector
from .records import Segment, Sound
from .sampling import Sampled, sampled
from .video.reader import VideoReader
from .wanted import WantedPart


@dataclass(frozen=True)
class Opened:
    """The video is open. ``end_seconds`` is where the wanted part ends as the header says (None: it does not).

    ``start_seconds`` is where its pictures begin, which may be later than asked for: sound often begins earlier.
    """

    name: str
    width: int
    height: int
    start_seconds: float
    end_seconds: float | None

    @classmethod
    def of(cls, part: WantedPart) -> Opened:
        info = part.reader.info
        return cls(info.name, info.width, info.height, part.start_seconds, part.announced_seconds())


@dataclass(frozen=True)
class Ended:
    """The wanted part has been read up to its end, ``seconds``; the warnings say what could not be read.

    ``sound`` is what was heard in all of it. ``part`` is where it was to start and to end, None where nothing of the
    video was left out on that side.
    """

    seconds: float
    warnings: tuple[str, ...]
    part: tuple[float | None, float | None] = (None, None)
    sound: Sound | None = None

    @classmethod
    def of(cls, part: WantedPart) -> Ended:
        return cls(part.read_seconds, part.warnings(), part.bounds(), part.sound())


Event = Opened | Segment | Sampled | Ended


def read(
    video: str | os.PathLike[str] | BinaryIO,
    settings: CaptionSettings,
    *,
    wants_images: bool,
    stopped: Callable[[], bool] = lambda: False,
    on_progress: Callable[[float], None] = lambda _: None,
) -> Iterator[Event]:
    """Read a video for captioning: `Opened`, then segments (sliding) or one `Sampled` (fast), last `Ended`.

    ``wants_images``: the model takes pictures. Reading ends early, without `Ended`, once ``stopped()`` is true.
    ``on_progress`` is called, in between, with the time up to which the video has been read.
    Raises VideoError when the video cannot be read.
    """
    with VideoReader(video, start_seconds=settings.start_seconds, end_seconds=settings.end_seconds) as reader:
        part = WantedPart(reader, settings, wants_images, stopped, on_progress)
        yield Opened.of(part)
        if settings.mode == "fast":
            yield sampled(part)
        else:
            selector = open_selector(settings.keyframes)
            yield from segments(part.decoded(), selector, settings, with_images=wants_images, listener=part.listener)
        if not stopped():
            yield Ended.of(part)
