"""The half of captioning that opens the video: decode, measure, choose keyframes. Asks no model, knows no event loop.

You come from ``run``, which describes what `read` yields; ``video.reader`` has the decoding, ``facts.segments`` the
measuring. Next: ``captioner.sliding``, what is asked about a segment.

It runs in a thread beside the other half, in a worker process or on another machine: all it takes and gives can be
pickled.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from .config import CaptionSettings
from .facts.segments import segments
from .facts.selector import open_selector
from .records import Keyframe, Segment
from .sampling import Sampled, sampled
from .video.reader import VideoReader
from .wanted import Ended, Opened, WantedPart

__all__ = ["Ended", "Event", "Opened", "read"]

Event = Opened | Segment | Sampled | Ended


def read(
    video: str | os.PathLike[str] | BinaryIO,
    settings: CaptionSettings,
    *,
    wants_images: bool,
    wants_sound: bool = False,
    stopped: Callable[[], bool] = lambda: False,
    on_progress: Callable[[float | Keyframe], None] = lambda _: None,
    picture_side_pixels: int | None = None,
    new_keyframes: int = 1,
) -> Iterator[Event]:
    """Read a video for captioning: `Opened`, then segments (sliding) or one `Sampled` (fast), last `Ended`.

    ``wants_images``: the model takes pictures; ``wants_sound``: it hears. Reading ends early, without `Ended`, once
    ``stopped()`` is true. ``on_progress`` is called, in between, with the time up to which the video has been read and,
    unless ``picture_side_pixels`` is None, with each keyframe as soon as it is chosen: with a JPEG whose longer side is
    that, whatever the model takes, or without one for 0. A segment has at least ``new_keyframes``, or ends its shot.
    Raises VideoError when the video cannot be read.
    """
    with VideoReader(video, start_seconds=settings.start_seconds, end_seconds=settings.end_seconds) as reader:
        part = WantedPart(reader, settings, wants_images, stopped, on_progress, picture_side_pixels, wants_sound)
        yield Opened.of(part)
        if settings.mode == "fast":
            yield sampled(part)
        else:
            selector = open_selector(settings.keyframes)
            how: dict[str, Any] = {"with_images": wants_images, "listener": part.listener, "on_keyframe": part.show}
            found = segments(part.decoded(), selector, settings, new_keyframes=new_keyframes, **how)
            yield from map(part.with_sound, found)
        if not stopped():
            yield Ended.of(part)
