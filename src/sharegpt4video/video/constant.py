"""Cutting exactly so many pictures at a constant rate, as trainers of video generators read them."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from ..errors import VideoError
from .clips import FORMATS, WRITING_ERRORS, Cut, sound_for, written
from .decoder import Decoder
from .skip import SAME_TIME_SECONDS
from .sound import Sound
from .source import source_of
from .transcode import Coding, Pictures

LARGEST_SIDE = 1 << 14
_MOST_MISSING = 1
"""Pictures that may lack at the end of a file whose last one is shown shorter than its header says."""


@dataclass(frozen=True)
class FramesCut:
    """What was written. ``repeated`` pictures are the same as the one before: the source has fewer per second."""

    cut: Cut
    width: int
    height: int
    repeated: int


def cut_frames(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    start_seconds: float,
    frames: int,
    fps: float,
    *,
    audio: bool = True,
    side_pixels: int | None = None,
    crf: int = 18,
    preset: str = "fast",
) -> FramesCut:
    """Write ``frames`` pictures, ``fps`` a second, from ``start_seconds`` on.

    Picture k is the one on screen in the middle of its time, so variable rates come out constant; one that is shown
    longer comes several times. They are upright, of square pixels, with even sides, H.264 in yuv420p, at most
    ``side_pixels`` on the longer side. The file appears when it is complete. Raises VideoError if the source cannot be
    read or ends before, or the target cannot be written.
    """
    video, path = source_of(source), Path(target)
    rate = Fraction(fps).limit_denominator(1001)
    coding = Coding(crf=crf, preset=preset, side_pixels=side_pixels or LARGEST_SIDE)
    form = FORMATS[".mp4"]
    try:
        with (
            closing(Decoder(video)) as decoder,
            written(path, form) as output,
            sound_for(video, output, form, audio=audio) as sound,
        ):
            pictures, repeated = _write(decoder, output, start_seconds, frames, rate, coding, sound)
            warnings = (*decoder.losses.sentences(), *pictures.warnings, *sound.warnings)
    except WRITING_ERRORS as error:
        raise VideoError(f"{path}: cannot be written from {video.name} ({error})") from error
    end = start_seconds + float(frames / rate)
    done = Cut("re-encoded", start_seconds, end, frames, path.stat().st_size, "a constant rate", warnings)
    return FramesCut(done, pictures.width, pictures.height, repeated)


def _write(
    decoder: Decoder, output: Any, start_seconds: float, frames: int, rate: Fraction, coding: Coding, sound: Sound
) -> tuple[Pictures, int]:
    """The pictures, and how many of them are the same as the one before."""
    pictures: Pictures | None = None
    last: Any = None
    number = shown_count = 0
    for shown in decoder.shown(start_seconds if start_seconds > 0 else None):
        before = number
        while number < frames and _middle(start_seconds, number, rate) < shown.end_seconds - SAME_TIME_SECONDS:
            if pictures is None:
                pictures = Pictures(output, decoder, shown.picture, coding, rate=rate)
                sound.begin(Fraction(start_seconds) + decoder.zero, float(frames / rate))
            pictures.push(shown.picture, float(number / rate))
            sound.until(float(number / rate))
            number += 1
        last = shown.picture
        shown_count += number > before
        if number == frames:
            break
    if pictures is None or frames - number > _MOST_MISSING:
        raise VideoError(f"{decoder.source.name}: ends {frames - number} frames before the clip does")
    for missing in range(number, frames):
        pictures.push(last, float(missing / rate))
    pictures.finish(float(frames / rate))
    sound.until(float(frames / rate))
    return pictures, frames - shown_count


def _middle(start_seconds: float, number: int, rate: Fraction) -> float:
    return start_seconds + float((number + Fraction(1, 2)) / rate)
