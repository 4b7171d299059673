"""The pictures and videos of a sample, opened and decoded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...errors import VideoError
from ...records import Frame
from ...video.samplers import frames_of
from ..grid import video_grid
from ..settings import DataSettings
from .samples import Sample, SampleError

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Clip:
    """A video for models that take one: ``pixels`` (frames, height, width, 3) uint8, and the true time of each."""

    pixels: Pixels
    seconds: tuple[float, ...]
    duration_seconds: float


Medium = Pixels | Clip
"""A picture (height, width, 3) uint8, or a video."""


def kinds_of(sample: Sample, settings: DataSettings) -> list[tuple[str, ...]]:
    """What each turn shows, known before anything is decoded: ``image`` for each picture, ``video`` for a video."""
    place: tuple[str, ...] = ("image",)
    if sample.video and settings.layout != "grid":
        place = ("image",) * settings.frames if settings.layout == "frames" else ("video",)
    return [place * turn.places for turn in sample.turns]


def media_of(sample: Sample, settings: DataSettings) -> list[Medium]:
    """What a sample shows, in order: its pictures; or, for a video, a grid, separate frames, or the video itself.

    Raises SampleError if something is missing, or cannot be opened or decoded.
    """
    for path in (*sample.images, *((sample.video,) if sample.video else ())):
        if "://" not in path and not Path(path).exists():
            raise SampleError(
                sample.id, f"{path}: there is no such file; is data.sources' media the right folder?", "missing"
            )
    if sample.images:
        return [_picture(sample.id, path) for path in sample.images]
    return _of_video(sample, settings) if sample.video else []


def _picture(id: str, path: str) -> Pixels:
    from PIL import Image as Pillow

    try:
        with Pillow.open(Path(path)) as opened:
            return np.asarray(opened.convert("RGB"))
    # All of them Pillow's words for damage; RuntimeError is that of its reader of AVIF.
    except (OSError, ValueError, SyntaxError, RuntimeError, Pillow.DecompressionBombError) as error:
        raise SampleError(id, f"{path}: cannot be read as a picture: {error}", "undecodable") from error


def _of_video(sample: Sample, settings: DataSettings) -> list[Medium]:
    try:
        frames = frames_of(
            sample.video,
            settings.frames,
            sampler=settings.sampler,
            start_seconds=sample.start_seconds,
            end_seconds=sample.end_seconds,
        )
    except VideoError as error:
        raise SampleError(sample.id, str(error), "undecodable") from error
    if settings.layout == "frames":
        return [frame.pixels for frame in frames]
    frames = _one_size(frames)
    if settings.layout == "grid":
        return [video_grid(frames)]
    span = frames[-1].end_seconds - frames[0].seconds
    return [Clip(np.stack([frame.pixels for frame in frames]), tuple(frame.seconds for frame in frames), span)]


def _one_size(frames: Sequence[Frame]) -> list[Frame]:
    """A video that changes its size on the way: all frames as large as the first."""
    from PIL import Image as Pillow

    width, height = frames[0].width, frames[0].height
    return [
        frame
        if (frame.width, frame.height) == (width, height)
        else Frame(np.asarray(Pillow.fromarray(frame.pixels).resize((width, height))), frame.seconds,
                   frame.duration_seconds)
        for frame in frames
    ]  # fmt: skip
