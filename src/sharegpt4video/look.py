"""A video looked at without a model: which frames are worth describing, and what is measured between them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import BinaryIO

from .config import CaptionSettings, caption_settings
from .errors import SettingsError
from .facts.segments import segments
from .facts.selector import open_selector
from .listening import listener
from .records import Facts, Keyframe
from .video.compose import encode_jpeg
from .video.keyframes import candidates
from .video.reader import VideoReader
from .video.shots import ShotDetector


def keyframes(video: str | os.PathLike[str] | BinaryIO, settings: CaptionSettings | None = None) -> Iterator[Keyframe]:
    """Yield the frames worth describing, in time order, each with its JPEG and the reason it was kept.

    Decodes as you iterate, in memory that does not grow with the video. Raises VideoError if the video cannot be
    read, SettingsError for invalid settings.
    """
    settings = caption_settings(settings)
    with VideoReader(video, start_seconds=settings.start_seconds, end_seconds=settings.end_seconds) as reader:
        detector = ShotDetector(verify=settings.keyframes.verify_cuts) if settings.keyframes.cuts else None
        flow = candidates(reader.decoded(), detector, settings.keyframes.every_seconds)
        for selected in open_selector(settings.keyframes).select(flow):
            decoded = selected.candidate.decoded
            picture = decoded.frame(settings.image_side_pixels).pixels
            yield Keyframe(
                seconds=decoded.seconds,
                shot_index=selected.candidate.shot_index,
                reason=selected.reason,
                similarity=selected.similarity,
                image=encode_jpeg(picture, settings.jpeg_quality),
            )


def measure(video: str | os.PathLike[str] | BinaryIO, settings: CaptionSettings | None = None) -> Iterator[Facts]:
    """Yield the measured facts at the start of each shot and between its keyframes, in time order.

    Camera, motion, objects, people, colours and on-screen text. No model is asked. Raises
    VideoError if the video cannot be read, SettingsError for invalid settings and for those with ``facts.measure`` off.
    """
    settings = caption_settings(settings)
    if not settings.facts.measure:
        raise SettingsError("facts.measure is off: there are no facts to show; omit the setting")
    with VideoReader(video, start_seconds=settings.start_seconds, end_seconds=settings.end_seconds) as reader:
        selector, heard = open_selector(settings.keyframes), listener(reader, settings.facts)
        for segment in segments(reader.decoded(), selector, settings, with_images=False, listener=heard):
            yield from segment.facts[1:] if segment.continues else segment.facts
