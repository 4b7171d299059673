"""What a trainer sees of a video file before it reads a frame: its header."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...errors import VideoError
from ...video.source import AV_ERRORS
from ...video.streams import opened


@dataclass(frozen=True)
class Header:
    """Frames, frame rate and size (as stored, not as turned) of a file, and whether it has sound."""

    frames: int
    fps: float
    width: int
    height: int
    has_sound: bool


def header_of(path: Path) -> Header | str:
    """The header of a video; why it cannot be used, in words, where it cannot. One picture is decoded."""
    try:
        with opened(path) as (container, stream):
            fps = float(stream.average_rate or stream.base_rate or 0)
            width, height = stream.codec_context.width, stream.codec_context.height
            has_sound, frames = bool(container.streams.audio), stream.frames
            if next(container.decode(stream), None) is None:
                return "holds no picture"
        return Header(frames or _packets(path), fps, width, height, has_sound)
    except VideoError as error:
        return str(error).removeprefix(f"{path.name}: ")
    except AV_ERRORS as error:
        return f"cannot be opened ({str(error).splitlines()[0][:80] if str(error) else type(error).__name__})"


def _packets(path: Path) -> int:
    """How many pictures a file has whose header does not say."""
    with opened(path) as (container, stream):
        return sum(1 for packet in container.demux(stream) if packet.size)
