"""How fast mode reads a video: frames spread evenly over it, and what is measured between them.

Called by ``reading.read``; what it gives is described by ``captioner.fast``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from .config import CaptionSettings
from .errors import VideoError
from .facts.segments import segments
from .records import Facts, Frame, Keyframe, Segment, Shot
from .video.compose import encode_jpeg
from .video.keyframes import UniformSelector
from .video.picture import DecodedFrame
from .wanted import WantedPart

LEAST_SPACING_SECONDS = 0.1  # between the facts


@dataclass(frozen=True)
class Sampled:
    """What fast mode needs: frames spread evenly; the facts between them and the shots, where these were measured."""

    keyframes: tuple[Keyframe, ...]
    facts: tuple[Facts, ...]
    shots: tuple[Shot, ...]


def sampled(part: WantedPart) -> Sampled:
    """Read the wanted part of a video. Raises VideoError."""
    known, wanted = part.reader.info.duration_seconds, part.settings.end_seconds
    end = _decoded_end(part) if known is None else known
    if wanted is not None:
        end = min(end, wanted)
    measured: list[Segment] = []
    if part.jumps:
        keyframes = _looked_up(part, end)
    else:
        measured, keyframes = _watched(part, end)
        if _is_other_end(part, end):
            with suppress(VideoError):  # a stream cannot be read again: what was taken stands
                measured, keyframes = _watched(part, part.read_seconds)
    facts = [each for segment in measured for each in (segment.facts[1:] if segment.continues else segment.facts)]
    shots = {segment.shot_index: segment.shot for segment in measured}
    return Sampled(tuple(keyframes), tuple(facts), tuple(shots.values()))


def _looked_up(part: WantedPart, end_seconds: float) -> list[Keyframe]:
    """Frames spread evenly; when the header announced more than there is, over what there is."""
    try:
        frames = _frames_at(part, _even_times(part, end_seconds))
    except VideoError:
        end_seconds = _decoded_end(part)
        frames = _frames_at(part, _even_times(part, end_seconds))
    part.read_seconds = end_seconds
    quality = part.settings.jpeg_quality
    return [Keyframe(frame.seconds, 0, "change", None, encode_jpeg(frame.pixels, quality)) for frame in frames]


def _frames_at(part: WantedPart, times: list[float]) -> list[Frame]:
    """The frames on display at these times, each once."""
    frames = part.reader.frames(at_seconds=times, side_pixels=part.settings.image_side_pixels)
    return list({frame.seconds: frame for frame in frames}.values())


def _watched(part: WantedPart, end_seconds: float) -> tuple[list[Segment], list[Keyframe]]:
    """What is measured in one decode, and frames spread evenly over a video that ends at ``end_seconds``."""
    every, settings = _spacing_seconds(part, end_seconds), part.settings
    if not part.wants_images:
        measured = _measured(part, part.decoded(), every)
        return measured, [Keyframe(seconds, 0, "change") for seconds in _even_times(part, part.read_seconds)]
    pictures = _Pictures(_even_times(part, end_seconds), settings)
    return _measured(part, pictures.watch(part.decoded()), every), pictures.taken


def _measured(part: WantedPart, decoded: Iterable[DecodedFrame], every_seconds: float) -> list[Segment]:
    selector = UniformSelector(every_seconds)
    return list(segments(decoded, selector, part.settings, with_images=False, listener=part.listener))


def _is_other_end(part: WantedPart, end_seconds: float) -> bool:
    """Whether the video, now read, ends so far from there that a picture is missing or a stretch is not seen."""
    spacing, late = _spacing_seconds(part, end_seconds), part.read_seconds - end_seconds
    return not part.stopped() and (late <= -spacing / 2 or late >= spacing)


def _spacing_seconds(part: WantedPart, end_seconds: float) -> float:
    return max((end_seconds - part.start_seconds) / part.settings.fast_frames, LEAST_SPACING_SECONDS)


def _even_times(part: WantedPart, end_seconds: float) -> list[float]:
    """The middles of ``fast_frames`` equal stretches."""
    start, count = part.start_seconds, part.settings.fast_frames
    return [start + (end_seconds - start) * (number + 0.5) / count for number in range(count)]


def _decoded_end(part: WantedPart) -> float:
    return max((frame.end_seconds for frame in part.decoded()), default=part.start_seconds)


class _Pictures:
    """Takes the frames on display at some times out of a stream that flows on to others."""

    def __init__(self, times: list[float], settings: CaptionSettings) -> None:
        self._times = times
        self._settings = settings
        self.taken: list[Keyframe] = []

    def watch(self, decoded: Iterable[DecodedFrame]) -> Iterator[DecodedFrame]:
        waiting = iter(self._times)
        wanted = next(waiting, None)
        for frame in decoded:
            if wanted is not None and frame.end_seconds > wanted:
                picture = frame.frame(self._settings.image_side_pixels).pixels
                image = encode_jpeg(picture, self._settings.jpeg_quality)
                self.taken.append(Keyframe(frame.seconds, 0, "change", None, image))
                while wanted is not None and wanted < frame.end_seconds:
                    wanted = next(waiting, None)  # a frame that stays on screen for long is taken once
            yield frame
