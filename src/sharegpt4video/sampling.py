"""How fast mode reads a video: frames spread evenly over it, and what is measured between them.

Called by ``reading.read``; what it gives is described by ``captioner.fast``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from .errors import VideoError
from .facts.segments import segments
from .records import Audio, Facts, Frame, Image, Keyframe, Segment, Shot
from .video.compose import decode_jpeg, encode_jpeg, reduced
from .video.keyframes import UniformSelector
from .video.picture import DecodedFrame, Pixels
from .wanted import WantedPart

LEAST_SPACING_SECONDS = 0.1  # between the facts


@dataclass(frozen=True)
class Sampled:
    """What fast mode needs: frames spread evenly; the facts between them and the shots, where these were measured.

    ``sound`` is all that is heard, for a model that hears.
    """

    keyframes: tuple[Keyframe, ...]
    facts: tuple[Facts, ...]
    shots: tuple[Shot, ...]
    sound: Audio | None = field(default=None, repr=False)


def sampled(part: WantedPart) -> Sampled:
    """Read the wanted part of a video. Raises VideoError."""
    known, wanted = part.reader.info.duration_seconds, part.settings.end_seconds
    end = _decoded_end(part) if known is None else known
    if wanted is not None:
        end = min(end, wanted)
    measured: list[Segment] = []
    if part.jumps:
        shown = keyframes = _looked_up(part, end)
    else:
        measured, keyframes, shown = _watched(part, end)
        if _is_other_end(part, end):
            with suppress(VideoError):  # a stream cannot be read again: what was taken stands
                measured, keyframes, shown = _watched(part, part.read_seconds)
    for keyframe in shown:
        part.show(keyframe, partial(_pixels, keyframe.image))
    facts = [each for segment in measured for each in (segment.facts[1:] if segment.continues else segment.facts)]
    shots = {segment.shot_index: segment.shot for segment in measured}
    sound = part.excerpt(part.start_seconds, part.read_seconds)
    return Sampled(tuple(keyframes), tuple(facts), tuple(shots.values()), sound)


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


def _watched(part: WantedPart, end_seconds: float) -> tuple[list[Segment], list[Keyframe], list[Keyframe]]:
    """What is measured in one decode, and frames spread evenly over a video that ends at ``end_seconds``.

    Both those for the model and those to be shown, which have pictures even if the model takes none.
    """
    every, settings = _spacing_seconds(part, end_seconds), part.settings
    side = settings.image_side_pixels if part.wants_images else part.picture_side_pixels
    pictures = _Pictures(_even_times(part, end_seconds) if side else [], side or 0, settings.jpeg_quality)
    measured = _measured(part, pictures.watch(part.decoded()), every)
    if part.wants_images:
        return measured, pictures.taken, pictures.taken
    told = [Keyframe(seconds, 0, "change") for seconds in _even_times(part, part.read_seconds)]
    return measured, told, pictures.taken or told


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


def _pixels(image: Image | None, side_pixels: int) -> Pixels:
    assert image is not None, "whoever is shown pictures has them taken"
    return reduced(decode_jpeg(image), side_pixels)


class _Pictures:
    """Takes the frames on display at some times out of a stream that flows on to others."""

    def __init__(self, times: list[float], side_pixels: int, jpeg_quality: int) -> None:
        self._times, self._side_pixels, self._quality = times, side_pixels, jpeg_quality
        self.taken: list[Keyframe] = []

    def watch(self, decoded: Iterable[DecodedFrame]) -> Iterator[DecodedFrame]:
        waiting = iter(self._times)
        wanted = next(waiting, None)
        for frame in decoded:
            if wanted is not None and frame.end_seconds > wanted:
                image = encode_jpeg(frame.frame(self._side_pixels).pixels, self._quality)
                self.taken.append(Keyframe(frame.seconds, 0, "change", None, image))
                while wanted is not None and wanted < frame.end_seconds:
                    wanted = next(waiting, None)  # a frame that stays on screen for long is taken once
            yield frame
