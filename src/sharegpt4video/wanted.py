"""The part of a video that is to be captioned: its frames, how far they have been read, where it starts and ends."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from .config import CaptionSettings
from .listening import hears, listener
from .records import Audio, Keyframe, Segment, Sound
from .video.compose import encode_jpeg
from .video.excerpts import MOST_SECONDS, Excerpts
from .video.picture import DecodedFrame, Pixels
from .video.reader import VideoReader

PROGRESS_EVERY_SECONDS = 0.5  # of video
SHOWN_QUALITY = 85
NOT_HEARD = "the sound was not listened to: the source can be read only once"
TOO_LONG = f"the sound was not sent to the model: a request carries {MOST_SECONDS / 60:g} minutes of it at most"


class WantedPart:
    """A part of a video, read up to ``read_seconds``."""

    def __init__(
        self,
        reader: VideoReader,
        settings: CaptionSettings,
        wants_images: bool,
        stopped: Callable[[], bool],
        on_progress: Callable[[float | Keyframe], None],
        picture_side_pixels: int | None = None,
        wants_sound: bool = False,
    ) -> None:
        self.reader, self.settings, self.wants_images = reader, settings, wants_images
        self.stopped, self._on_progress = stopped, on_progress
        self.picture_side_pixels = picture_side_pixels
        self.listener = None if self.jumps else listener(reader, settings.facts)
        self._wants_sound, self._too_long = wants_sound, False
        track = reader.sound_track() if wants_sound else None
        self._excerpts = None if track is None else Excerpts(track)
        self.start_seconds = self.read_seconds = max(settings.start_seconds or 0.0, reader.info.first_seconds)

    def decoded(self, frames: Iterable[DecodedFrame] | None = None) -> Iterator[DecodedFrame]:
        """The frames of the video, while somebody wants them; each time it is read, progress is told.

        ``frames`` are all of them, where somebody else decodes.
        """
        reported = self.start_seconds
        for frame in self.reader.decoded() if frames is None else frames:
            if self.stopped():
                return
            self.read_seconds = frame.end_seconds
            if frame.seconds >= reported + PROGRESS_EVERY_SECONDS:
                reported = frame.seconds
                self._on_progress(frame.seconds)
            yield frame

    def show(self, keyframe: Keyframe, picture: Callable[[int], Pixels]) -> None:
        """Tell of a keyframe that was chosen; ``picture`` gives its pixels for a longest side. See `reading.read`."""
        side = self.picture_side_pixels
        if side is not None:
            image = encode_jpeg(picture(side), SHOWN_QUALITY) if side else None
            self._on_progress(replace(keyframe, image=image))

    def announced_seconds(self) -> float | None:
        """Where it ends, as far as the header and the settings tell."""
        known, wanted = self.reader.info.duration_seconds, self.settings.end_seconds
        return wanted if known is None else known if wanted is None else min(known, wanted)

    def bounds(self) -> tuple[float | None, float | None]:
        """Where it starts and ends, once it has been read; None where the video itself does."""
        start, end, info = self.settings.start_seconds, self.settings.end_seconds, self.reader.info
        if start is not None and start <= info.first_seconds:
            start = None
        if end is not None and (end >= (info.duration_seconds or math.inf) if self.jumps else self.reader.at_end):
            end = None
        return start, end

    def sound(self) -> Sound | None:
        """What was heard in all that has been read; None when nobody listened."""
        return None if self.listener is None else self.listener.between(self.start_seconds, self.read_seconds)

    def with_sound(self, segment: Segment) -> Segment:
        """A segment with what is heard while its keyframes are on, if the model hears. Segments come in order."""
        if self._excerpts is None:
            return segment
        steps = range(1 if segment.continues else 0, len(segment.keyframes))
        sound = (self.excerpt(*segment.span(number)) if number in steps else None for number in range(steps.stop))
        return replace(segment, sound=tuple(sound))

    def excerpt(self, start_seconds: float, end_seconds: float) -> Audio | None:
        """What is heard in a stretch, for a model that hears; None for none, or too much."""
        if self._excerpts is None:
            return None
        if end_seconds - start_seconds > MOST_SECONDS:
            self._too_long = True
            return None
        return self._excerpts.between(start_seconds, end_seconds)

    def warnings(self) -> tuple[str, ...]:
        """What could not be seen or heard."""
        troubles = [each.warning for each in (self.listener, self._excerpts) if each is not None]
        measured = hears(self.settings.facts) and not self.jumps
        deaf = (measured and self.listener is None) or (self._wants_sound and self._excerpts is None)
        told = [*troubles, NOT_HEARD if deaf else "", TOO_LONG if self._too_long else ""]
        return (*self.reader.warnings, *dict.fromkeys(filter(None, told)))

    @property
    def jumps(self) -> bool:
        """Whether frames are looked up one by one: fast mode, for a model that needs nothing but pictures."""
        return self.settings.mode == "fast" and self.wants_images and not self.settings.hints


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

    @classmethod
    def of(cls, part: WantedPart) -> Opened:
        info = part.reader.info
        return cls(info.name, info.width, info.height, part.start_seconds, part.announced_seconds())


@dataclass(frozen=True)
class Ended:
    """The wanted part has been read up to its end, ``seconds``; the warnings say what could not be read.

    ``sound`` is what was heard in all of it. ``part`` is where it was to start and to end, None where nothing of the
    video was left out on that side.
    """

    seconds: float
    warnings: tuple[str, ...]
    part: tuple[float | None, float | None] = (None, None)
    sound: Sound | None = None

    @classmethod
    def of(cls, part: WantedPart) -> Ended:
        return cls(part.read_seconds, part.warnings(), part.bounds(), part.sound())
