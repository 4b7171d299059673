"""The half of captioning that opens the video: decode, measure, choose keyframes. Asks no model, knows no event loop.

It runs in a thread beside the other half (``run``), in a worker process or on another machine: all it takes and gives
can be pickled.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO

from .config import CaptionSettings, KeyframeSettings
from .errors import SettingsError, VideoError
from .facts.encoder import BackboneEncoder
from .facts.segments import segments
from .records import Facts, Frame, Keyframe, Segment, Shot
from .video.compose import encode_jpeg
from .video.encoders import ClipEncoder, FrameEncoder
from .video.keyframes import SELECTORS, KeyframeSelector, UniformSelector
from .video.picture import DecodedFrame
from .video.reader import VideoReader

PROGRESS_EVERY_SECONDS = 0.5  # of video
LEAST_FAST_SECONDS = 0.1  # between the facts of fast mode


@dataclass(frozen=True)
class Opened:
    """The video is open. ``end_seconds`` is where the wanted part ends as the header says (None: it does not).

    ``start_seconds`` is where its pictures begin, which may be later than asked for: sound often begins earlier.
    """

    name: str
    width: int
    height: int
    start_seconds: float
    end_seconds: float | None


@dataclass(frozen=True)
class Sampled:
    """What fast mode needs: frames spread evenly; the facts between them and the shots, where these were measured."""

    keyframes: tuple[Keyframe, ...]
    facts: tuple[Facts, ...]
    shots: tuple[Shot, ...]


@dataclass(frozen=True)
class Ended:
    """The wanted part has been read up to its end, ``seconds``; the warnings say what could not be read.

    ``part`` is where it was to start and to end, None where nothing of the video was left out on that side.
    """

    seconds: float
    warnings: tuple[str, ...]
    part: tuple[float | None, float | None] = (None, None)


Event = Opened | Segment | Sampled | Ended


def read(
    video: str | os.PathLike[str] | BinaryIO,
    settings: CaptionSettings,
    *,
    looks: bool,
    stopped: Callable[[], bool] = lambda: False,
    on_progress: Callable[[float], None] = lambda _: None,
) -> Iterator[Event]:
    """Read a video for captioning: `Opened`, then segments (sliding) or one `Sampled` (fast), last `Ended`.

    ``looks`` tells that the model wants pictures. Reading ends early, without `Ended`, once ``stopped()`` is true.
    ``on_progress`` is called, in between, with the time up to which the video has been read.
    Raises VideoError when the video cannot be read.
    """
    with VideoReader(video, start_seconds=settings.start_seconds, end_seconds=settings.end_seconds) as reader:
        reading = _Reading(reader, settings, looks, stopped, on_progress)
        info = reader.info
        yield Opened(info.name, info.width, info.height, reading.start_seconds, reading.announced_seconds())
        yield from reading.fast() if settings.mode == "fast" else reading.sliding()
        if not stopped():
            yield Ended(reading.read_seconds, tuple(reader.warnings), reading.part())


class _Reading:
    """A video that is being read, and how far."""

    def __init__(
        self,
        reader: VideoReader,
        settings: CaptionSettings,
        looks: bool,
        stopped: Callable[[], bool],
        on_progress: Callable[[float], None],
    ) -> None:
        self._reader, self._settings, self._looks = reader, settings, looks
        self._stopped, self._on_progress = stopped, on_progress
        self.start_seconds = max(settings.start_seconds or 0.0, reader.info.first_seconds)
        self.read_seconds = self.start_seconds
        self._reported = self.start_seconds

    def announced_seconds(self) -> float | None:
        known, wanted = self._reader.info.duration_seconds, self._settings.end_seconds
        return wanted if known is None else known if wanted is None else min(known, wanted)

    def part(self) -> tuple[float | None, float | None]:
        """The wanted part, once it has been read, with None where the video itself starts or ends."""
        start, end, known = self._settings.start_seconds, self._settings.end_seconds, self._reader.info.duration_seconds
        if start is not None and start <= self._reader.info.first_seconds:
            start = None
        jumped = self._settings.mode == "fast" and self._looks and not self._settings.hints
        if end is not None and (end >= (known or math.inf) if jumped else self._reader.at_end):
            end = None
        return start, end

    def sliding(self) -> Iterator[Segment]:
        selector = open_selector(self._settings.keyframes)
        return segments(self._decoded(), selector, self._settings, with_images=self._looks)

    def fast(self) -> Iterator[Sampled]:
        known = self._reader.info.duration_seconds
        end = self._decoded_end() if known is None else known
        if self._settings.end_seconds is not None:
            end = min(end, self._settings.end_seconds)
        found: list[Segment] = []
        if self._looks and not self._settings.hints:
            keyframes = self._sampled(end)
        else:
            found, keyframes = self._watched(end)
            if self._is_other_end(end):
                with suppress(VideoError):  # a stream cannot be read again: what was taken stands
                    found, keyframes = self._watched(self.read_seconds)
        facts = [part for segment in found for part in (segment.facts[1:] if segment.continues else segment.facts)]
        yield Sampled(tuple(keyframes), tuple(facts), shots_of(found))

    def _watched(self, end_seconds: float) -> tuple[list[Segment], list[Keyframe]]:
        """What is measured in one decode, and frames spread evenly over a video that ends at ``end_seconds``."""
        every = self._part_seconds(end_seconds)
        if not self._looks:
            found = self._measured(self._decoded(), every)
            return found, [Keyframe(seconds, 0, "change") for seconds in self._even_times(self.read_seconds)]
        pictures = _Pictures(self._even_times(end_seconds), self._settings)
        return self._measured(pictures.watch(self._decoded()), every), pictures.taken

    def _is_other_end(self, end_seconds: float) -> bool:
        """Whether the video, now read, ends so far from there that a picture is missing or a part is not seen."""
        part, late = self._part_seconds(end_seconds), self.read_seconds - end_seconds
        return not self._stopped() and (late <= -part / 2 or late >= part)

    def _part_seconds(self, end_seconds: float) -> float:
        return max((end_seconds - self.start_seconds) / self._settings.fast_frames, LEAST_FAST_SECONDS)

    def _measured(self, decoded: Iterable[DecodedFrame], every_seconds: float) -> list[Segment]:
        return list(segments(decoded, UniformSelector(every_seconds), self._settings, with_images=False))

    def _sampled(self, end_seconds: float) -> list[Keyframe]:
        """Frames spread evenly; when the header announced more than there is, over what there is."""
        try:
            found = self._frames_at(self._even_times(end_seconds))
        except VideoError:
            end_seconds = self._decoded_end()
            found = self._frames_at(self._even_times(end_seconds))
        self.read_seconds = end_seconds
        quality = self._settings.jpeg_quality
        return [Keyframe(frame.seconds, 0, "change", None, encode_jpeg(frame.pixels, quality)) for frame in found]

    def _frames_at(self, times: list[float]) -> list[Frame]:
        """The frames on display at these times, each once."""
        frames = self._reader.frames(at_seconds=times, side_pixels=self._settings.image_side_pixels)
        return list({frame.seconds: frame for frame in frames}.values())

    def _even_times(self, end_seconds: float) -> list[float]:
        """The middles of ``fast_frames`` equal parts."""
        start, count = self.start_seconds, self._settings.fast_frames
        return [start + (end_seconds - start) * (number + 0.5) / count for number in range(count)]

    def _decoded(self) -> Iterator[DecodedFrame]:
        """The frames of the video, while somebody wants them; each time it is read, progress is told."""
        self._reported = self.start_seconds
        for frame in self._reader.decoded():
            if self._stopped():
                return
            self.read_seconds = frame.end_seconds
            if frame.seconds >= self._reported + PROGRESS_EVERY_SECONDS:
                self._reported = frame.seconds
                self._on_progress(frame.seconds)
            yield frame

    def _decoded_end(self) -> float:
        return max((frame.end_seconds for frame in self._decoded()), default=self.start_seconds)


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


def shots_of(segments: Iterable[Segment]) -> tuple[Shot, ...]:
    """The shots that segments belong to; one that is still open reaches to its last keyframe."""
    found: dict[int, Shot] = {}
    for segment in segments:
        end = segment.shot_end_seconds or segment.keyframes[-1].seconds
        found[segment.shot_index] = Shot(segment.shot_start_seconds, end, segment.opens_with)
    return tuple(found[index] for index in sorted(found))


def open_selector(settings: KeyframeSettings) -> KeyframeSelector:
    """Raises SettingsError naming the known selectors when the one asked for is none of them."""

    def encoder() -> FrameEncoder:
        return ClipEncoder() if settings.encoder == "clip" else BackboneEncoder()

    if settings.selector not in SELECTORS:
        raise SettingsError(f"no keyframe selector is called {settings.selector!r}; known are: {', '.join(SELECTORS)}")
    return SELECTORS[settings.selector](settings, encoder)
