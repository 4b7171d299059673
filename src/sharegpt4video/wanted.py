"""The part of a video that is to be captioned: its frames, how far they have been read, where it starts and ends."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator

from .config import CaptionSettings
from .listening import hears, listener
from .records import Sound
from .video.picture import DecodedFrame
from .video.reader import VideoReader

PROGRESS_EVERY_SECONDS = 0.5  # of video
NOT_HEARD = "the sound was not listened to: the source can be read only once"


class WantedPart:
    """A part of a video, read up to ``read_seconds``."""

    def __init__(
        self,
        reader: VideoReader,
        settings: CaptionSettings,
        wants_images: bool,
        stopped: Callable[[], bool],
        on_progress: Callable[[float], None],
    ) -> None:
        self.reader, self.settings, self.wants_images = reader, settings, wants_images
        self.stopped, self._on_progress = stopped, on_progress
        self.listener = None if self.jumps else listener(reader, settings.facts)
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

    def warnings(self) -> tuple[str, ...]:
        """What could not be seen or heard."""
        heard = self.listener.warning if self.listener is not None else ""
        deaf = self.listener is None and not self.jumps and hears(self.settings.facts)
        return (*self.reader.warnings, *filter(None, [heard, NOT_HEARD if deaf else ""]))

    @property
    def jumps(self) -> bool:
        """Whether frames are looked up one by one: fast mode, for a model that needs nothing but pictures."""
        return self.settings.mode == "fast" and self.wants_images and not self.settings.hints
