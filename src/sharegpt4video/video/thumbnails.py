"""Small pictures of a video at given times, for the report and for notebooks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..display import Captioned
from ..errors import SG4VError
from ..files import file_state
from ..records import Image
from .compose import encode_jpeg
from .reader import VideoReader

SIDE_PIXELS = 192
JPEG_QUALITY = 68
NEAR_SECONDS = 12.0
MOST_IN_NOTEBOOK = 24


def wanted_times(captioned: Captioned, most: int) -> list[float]:
    """The frames that the captions were made from: the last one of each step, evenly thinned to at most ``most``."""
    start, end = captioned.start_seconds, captioned.end_seconds
    times = sorted({step.frame_seconds[-1] for step in captioned.steps if step.frame_seconds})
    if not times and end > start:
        times = [start + share * (end - start) for share in (0.05, 0.35, 0.65, 0.95)]  # nothing is known of frames
    if len(times) <= most:
        return times
    return [times[round(place)] for place in np.linspace(0, len(times) - 1, most)]


def thumbnails(opened: Any, times: Sequence[float]) -> Iterator[tuple[float, Image]]:
    """Pictures of an opened file or a path at these times, in order. Raises VideoError where one cannot be read."""
    for run in _runs(times):
        if hasattr(opened, "seek"):
            opened.seek(0)
        with VideoReader(opened) as reader:
            for seconds, frame in zip(run, reader.frames(at_seconds=run, side_pixels=SIDE_PIXELS), strict=True):
                yield seconds, encode_jpeg(frame.pixels, JPEG_QUALITY)


def pictures_of(captioned: Captioned, path: Path, state: tuple[int, int] | None) -> dict[float, Image]:
    """The keyframes of a caption as small pictures by time; none where the file is gone, replaced or damaged."""
    if state is None or file_state(path) != state:
        return {}
    try:
        return dict(thumbnails(path, wanted_times(captioned, MOST_IN_NOTEBOOK)))
    except (SG4VError, OSError):
        return {}


def _runs(times: Sequence[float]) -> Iterator[list[float]]:
    """Times near each other; what lies between runs is crossed by seeking instead of decoding."""
    run: list[float] = []
    for seconds in times:
        if run and seconds - run[-1] > NEAR_SECONDS:
            yield run
            run = []
        run.append(seconds)
    if run:
        yield run
