"""What a file is, whether browsers can play it, and a copy for those that cannot."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from ...video.clips import preview as write_preview
from ...video.decoder import Decoder
from ...video.reader import VideoReader
from ...video.sound import main_sound
from ...video.source import source_of
from .tasks import Look, Preview

# What Chromium plays of each container, tried one by one (HEVC, MPEG-4 part 2, MPEG-TS and AVI it does not).
_ISO, _MATROSKA = "mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm"
_PLAYED = {_ISO: {"h264", "vp9", "av1"}, _MATROSKA: {"h264", "vp8", "vp9", "av1"}}
_PLAYED_PIXELS = {"yuv420p", "yuvj420p", "yuv420p10le"}
_TYPES = {_ISO: "video/mp4", _MATROSKA: "video/webm"}


def look(task: Look) -> dict[str, Any]:
    """Open a file and decode its first picture. Raises VideoError."""
    with VideoReader(task.path) as reader:
        info = reader.info
    with closing(Decoder(source_of(task.path))) as decoder:
        has_sound = main_sound(decoder.container) is not None
        pixels = decoder.stream.codec_context.pix_fmt
    plays = info.codec in _PLAYED.get(info.container, ()) and pixels in _PLAYED_PIXELS
    return {
        "seconds": info.duration_seconds,
        "width": info.width,
        "height": info.height,
        "fps": info.average_fps,
        "has_sound": has_sound,
        "playable": plays,
        "media_type": _TYPES.get(info.container, "application/octet-stream"),
    }


def preview(task: Preview) -> float:
    """Write a small H.264 copy. Returns its length in seconds. Raises VideoError."""
    done = write_preview(task.path, task.target, side_pixels=task.side_pixels, end_seconds=task.max_seconds)
    return done.end_seconds - done.start_seconds
