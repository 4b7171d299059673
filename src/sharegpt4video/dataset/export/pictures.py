"""Pictures of the exported videos: frames at chosen times as JPEG, alone or combined."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ...errors import VideoError
from ...records import Image
from ...video.compose import encode_jpeg
from .entries import Entry
from .media import reading_errors

NO_PICTURES = "videos without readable pictures"


def even_times(start_seconds: float, end_seconds: float, count: int) -> tuple[float, ...]:
    """The middles of ``count`` equal parts of a video, as in fast captioning."""
    length = end_seconds - start_seconds
    return tuple(start_seconds + length * (number + 0.5) / count for number in range(count))


def frames(entry: Entry, times: Iterable[float], *, side_pixels: int, quality: int) -> dict[float, tuple[float, Image]]:
    """The frames on screen at these times (seconds of ``entry.location``), each decoded and encoded once.

    By the time asked for: since when the frame is on screen, and its picture.

    Times before the first picture give that one. Raises VideoError if the video cannot be opened or ends before a time.
    """
    from ...video.reader import VideoReader
    from ..sources.sources import open_source

    wanted = sorted(set(times))
    found: dict[float, tuple[float, Image]] = {}
    last: tuple[float, Image] | None = None
    try:
        with open_source(entry.source) as opened, VideoReader(opened) as reader:
            # Sound often begins before the pictures; players show the first one until then.
            at = [max(seconds, reader.info.first_seconds) for seconds in wanted]
            shown = reader.frames(at_seconds=at, side_pixels=side_pixels)
            for seconds, frame in zip(wanted, shown, strict=True):
                if last is None or last[0] != frame.seconds:
                    last = frame.seconds, encode_jpeg(frame.pixels, quality)
                found[seconds] = last
    except reading_errors() as error:
        raise VideoError(f"{entry.location}: no pictures could be taken: {error}") from error
    return found


def in_order(found: dict[float, tuple[float, Image]], times: Sequence[float]) -> tuple[Image, ...]:
    return tuple(found[seconds][1] for seconds in times)
