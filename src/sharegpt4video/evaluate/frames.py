"""What a model sees of a video: frames decoded once for all questions about the same part, and their provenance."""

from __future__ import annotations

import hashlib
import io
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np

from ..checking import JpegQuality, Limits, SidePixels, raise_for, wrong_values
from ..errors import SettingsError, VideoError
from ..records import Frame, Image, Layout
from ..video.compose import Pixels, encode_jpeg, grid
from .base import Benchmark, Question
from .contents import Content, content_of, state_of

_OTHER_ENDINGS = (".mp4", ".webm", ".avi", ".mkv", ".mov", ".gif", ".m4v")


@dataclass(frozen=True)
class FrameOptions:
    """How videos are shown: how many frames, which sampler, separate or in one grid, and the JPEG quality.

    lossless     as PNG, for models that take it: then they see the very pixels that were decoded
    max_images   what the model takes; more frames than that go into one grid, 0 shows nothing (the video is not read)
    """

    frames: Annotated[int, Limits(1, 100_000)]
    sampler: str
    layout: Layout
    max_images: Annotated[int, Limits(0, 10**9)]
    grid_side_pixels: SidePixels | None = 1920
    jpeg_quality: JpegQuality = 95
    lossless: bool = False

    def __post_init__(self) -> None:
        raise_for(wrong_values(self).values())

    @property
    def joined(self) -> bool:
        """Whether the frames come as one picture."""
        return self.layout == "grid" or self.frames > self.max_images


@dataclass(frozen=True)
class FrameSet:
    """The pictures of one part of a video, ready to be sent, or why there are none (``detail``).

    ``content`` says which video they are of.
    """

    images: tuple[Image, ...] = field(default=(), repr=False)
    seconds: tuple[float, ...] = ()
    indices: tuple[int, ...] = ()
    pixels: str = ""
    detail: str = ""
    failed: bool = False
    content: Content | None = None


def frame_set(path: Path | Sequence[Path], question: Question, options: FrameOptions) -> FrameSet:
    """Decode and encode the frames for a question. An unreadable video is returned as failed; nothing is raised."""
    from ..video.samplers import FOLDER_FPS, sample_frames

    if options.max_images == 0:
        return FrameSet()
    before = _state(path)
    try:
        sample = sample_frames(
            path,
            options.frames,
            sampler=options.sampler,
            start_seconds=question.start_seconds,
            end_seconds=question.end_seconds,
            folder_fps=float(question.reference.get("folder_fps", FOLDER_FPS)),
        )
        pictures = _pictures(sample.frames, options)
        images = tuple(_encoded(picture, options) for picture in pictures)
        content = content_of(path)
        if content.state != before:
            raise VideoError(f"{path}: was replaced while it was read; run again")
    except (VideoError, SettingsError, OSError, ValueError) as error:
        return FrameSet(detail=str(error) or type(error).__name__, failed=True)
    seconds = tuple(round(frame.seconds, 6) for frame in sample.frames)
    return FrameSet(images, seconds, sample.indices, pixels_hash(pictures), content=content)


def _state(path: Path | Sequence[Path]) -> str:
    try:
        return state_of(path)
    except OSError:  # whoever opens it says more
        return ""


def video_path(benchmark: Benchmark, folder: Path, question: Question) -> Path | Sequence[Path]:
    """Find the video of a question: by its annotated name, with another ending, or without its folders."""
    if benchmark.videos is not None:
        return benchmark.videos(folder, question)
    path = folder / question.video
    flat = folder / path.name
    places = [place.with_name(name) for place in dict.fromkeys((path, flat)) for name in _names(path)]
    return next((place for place in places if place.exists()), path)


def _names(path: Path) -> list[str]:
    """Also in the other form of Unicode: disks keep an umlaut as one character or as two."""
    names = [path.name, *(path.stem + ending for ending in _OTHER_ENDINGS)]
    return names + [unicodedata.normalize(form, name) for form in ("NFC", "NFD") for name in names]


def pixels_hash(pictures: Sequence[Pixels]) -> str:
    """A hash of RGB pictures as they are before JPEG: sizes and every pixel."""
    total = hashlib.sha256()
    for picture in pictures:
        total.update(repr(picture.shape).encode())
        total.update(np.ascontiguousarray(picture).data)
    return total.hexdigest()[:16]


def _encoded(pixels: Pixels, options: FrameOptions) -> Image:
    if not options.lossless:
        return encode_jpeg(pixels, options.jpeg_quality)
    from PIL import Image as Pillow

    buffer = io.BytesIO()
    Pillow.fromarray(pixels).save(buffer, format="PNG", compress_level=1)
    return Image(buffer.getvalue(), int(pixels.shape[1]), int(pixels.shape[0]))


def _pictures(frames: Sequence[Frame], options: FrameOptions) -> list[Pixels]:
    if not options.joined:
        return [frame.pixels for frame in frames]
    return [grid(_of_one_size(frames), max_side_pixels=options.grid_side_pixels)]


def _of_one_size(frames: Sequence[Frame]) -> list[Pixels]:
    """A video may change size midway; a grid uses the first frame's."""
    from PIL import Image as Pillow

    width, height = frames[0].width, frames[0].height
    return [
        frame.pixels
        if (frame.width, frame.height) == (width, height)
        else np.array(Pillow.fromarray(frame.pixels).resize((width, height), Pillow.Resampling.BILINEAR))
        for frame in frames
    ]
