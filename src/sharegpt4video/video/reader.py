"""Frames of a video with their true times, in constant memory, whatever state the file is in."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from types import TracebackType
from typing import BinaryIO

import av

from ..checking import Interval, out_of_range, raise_for
from ..errors import SettingsError, VideoError
from ..foreign import spelled_out
from ..records import Frame
from .clock import goes_on
from .decoder import Decoder
from .hearing import SoundTrack
from .picture import Converter, DecodedFrame, Orientation, displayed_size, orientation_of
from .restart import canonical_name
from .skip import SAME_TIME_SECONDS
from .source import source_of
from .timing import Losses, Shown
from .tone import HDR_TRANSFERS
from .walk import SEEK_GAP_SECONDS, Run, Walk

CUT_SHORT_SECONDS = 1.0
"""How much earlier than announced a video may end before that is reported."""


@dataclass(frozen=True)
class VideoInfo:
    """What is known of a video once its first frame is decoded.

    ``width`` and ``height`` are as displayed, rotation and pixel aspect ratio applied. ``duration_seconds`` (when the
    last frame ends) and ``average_fps`` come from the header and may be wrong; None where it does not say.
    ``codec`` is FFmpeg's name of the codec, whichever decoder reads it (``av1``).
    ``rotation_degrees`` is the clockwise turn that was applied, ``hdr`` tells that brightness was tone-mapped.
    """

    name: str
    width: int
    height: int
    duration_seconds: float | None
    average_fps: float | None
    codec: str
    rotation_degrees: int
    first_seconds: float
    container: str
    hdr: bool


class VideoReader:
    """Reads the frames of a video (a path, an http address, an open binary file) or of a part of it.

        with VideoReader("film.mp4", start_seconds=60, end_seconds=90) as reader:
            for frame in reader.frames(every_seconds=2.0):
                print(frame.seconds, frame.pixels.shape)

    info      facts from the header and the first frame, see ``VideoInfo``
    warnings  sentences about what was lost, added when an iteration ends
    at_end    whether the last iteration reached the end of the video

    Times are the decoder's presentation times in seconds; 0 is what a player shows as 0, the start of the container,
    sound included. A frame lasts until the next one starts. A part ``[start_seconds, end_seconds)`` has every frame
    that is on screen in it; the first and last are trimmed to fit, so adjacent parts add up to the whole video.

    Each iteration decodes once, from the start, and keeps nothing, so memory does not grow with length.

    Raises VideoError, at construction or while reading, if there is nothing to read: no file, no video stream, no
    decodable frame, no frame in the part, a server that stalls for 30 s. Raises SettingsError for an invalid part.
    """

    def __init__(
        self,
        source: str | os.PathLike[str] | BinaryIO,
        *,
        start_seconds: float | None = None,
        end_seconds: float | None = None,
    ) -> None:
        _check_part(start_seconds, end_seconds)
        self._source = source_of(source)
        self._start, self._end = start_seconds, end_seconds
        self.warnings: list[str] = []
        self.at_end = False
        self._losses = Losses()
        self._zero: Fraction | None = None
        self._decoders: list[Decoder] = []
        self._tracks: list[SoundTrack] = []
        decoder = self._new_decoder()
        try:
            run = decoder.shown()
            first = next(run, None)
            if first is None:
                raise VideoError(f"{self._source.name}: {_why_nothing(decoder)}")
            self._zero = decoder.zero
            orientation = orientation_of(first.picture)
            self.info = _info(decoder, first, orientation)
        except VideoError:
            self.close()
            raise
        # The first iteration goes on from here: a stream that cannot seek is read once, and completely.
        self._begun: Run | None = Run(decoder, itertools.chain((first,), run))
        self._converter = Converter(orientation)

    def decoded(self) -> Iterator[DecodedFrame]:
        """Yield every frame in strictly increasing time order; pixels are converted only when you ask for them."""
        with self._walk(self._start) as walk:
            yield from walk
            if not walk.met_any:
                raise self._no_frame(self._part_words(), walk)

    def frames(
        self,
        *,
        every_seconds: float | None = None,
        at_seconds: Sequence[float] | None = None,
        side_pixels: int | None = None,
    ) -> Iterator[Frame]:
        """Yield frames as RGB: all of them, or those on screen at certain times.

        every_seconds  one frame per interval, counted from the start of the part, or from the first frame if that is
                       later; a frame on screen at several of these times comes once
        at_seconds     one frame for each of these times, in time order
        side_pixels    longest side of the pictures; None: full size

        Raises SettingsError if both times are given or a number is invalid, VideoError for a time outside the video.
        """
        if every_seconds is not None and at_seconds is not None:
            raise SettingsError("give every_seconds or at_seconds, not both")
        if side_pixels is not None and side_pixels < 1:
            raise SettingsError(f"side_pixels must be at least 1, not {side_pixels}")
        if at_seconds is not None:
            found = self._at(sorted(_numbers("at_seconds", at_seconds)))
        elif every_seconds is not None:
            raise_for(out_of_range("every_seconds", every_seconds, Interval))
            found = self._every(every_seconds)
        else:
            found = self.decoded()
        return (decoded.frame(side_pixels) for decoded in found)

    def sound_track(self) -> SoundTrack | None:
        """The sound from the start of the part on, in a pass of its own; None for a source that is read only once.

        It is closed with the reader.
        """
        if not self._source.reopens:
            return None
        try:
            track = SoundTrack(self._source, self._zero or Fraction(0), self._first_seconds())
        except VideoError:  # an address that gives a file once
            return None
        self._tracks.append(track)
        return track

    def close(self) -> None:
        """Release files and memory; running iterations end."""
        while self._decoders:
            self._decoders.pop().close()
        self._begun = None
        while self._tracks:
            self._tracks.pop().close()

    def __repr__(self) -> str:
        length = "" if self.info.duration_seconds is None else f", {self.info.duration_seconds:.2f} s"
        return f"VideoReader({self.info.name!r}, {self.info.width}x{self.info.height}{length})"

    def __enter__(self) -> VideoReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[DecodedFrame]:
        return self.decoded()

    def _at(self, times: Sequence[float]) -> Iterator[DecodedFrame]:
        if not times:
            return
        low = self._first_seconds() - SAME_TIME_SECONDS
        with self._walk(times[0]) as walk:
            for seconds in times:
                late = self._end is not None and seconds >= self._end
                frame = None if late or seconds < low else walk.to(seconds)
                if frame is None:
                    raise self._no_frame(f"{seconds:.3f} s", walk)
                yield frame

    def _every(self, every_seconds: float) -> Iterator[DecodedFrame]:
        base, step, last = self._first_seconds(), 0, None
        with self._walk(base) as walk:
            while (frame := walk.to(base + step * every_seconds)) is not None:
                if frame is not last:
                    yield frame
                last = frame
                step = max(step + 1, math.ceil((frame.end_seconds - base - SAME_TIME_SECONDS) / every_seconds))
            if last is None:
                raise self._no_frame(self._part_words(), walk)

    @contextmanager
    def _walk(self, seconds: float | None) -> Iterator[Walk]:
        """An iteration from what is on screen at `seconds`; afterwards, what it lost is in `warnings`."""
        size = self.info.width, self.info.height
        walk = Walk(self._run_from(seconds), self._start, self._end, size, self._converter)
        try:
            yield walk
        finally:
            self._finish(walk)

    def _first_seconds(self) -> float:
        first = self.info.first_seconds
        return first if self._start is None else max(first, self._start)

    def _part_words(self) -> str:
        start = "the start" if self._start is None else f"{self._start:.3f} s"
        end = "the end" if self._end is None else f"{self._end:.3f} s"
        return f"the part from {start} to {end}"

    def _no_frame(self, where: str, walk: Walk) -> VideoError:
        known = walk.seen_end_seconds if walk.ended else self.info.duration_seconds
        if self._start is not None and known is not None and known <= self._start:
            return VideoError(f"{self.info.name}: no frame at {where}; the video ends at {known:.3f} s")
        end = min((at for at in (known, self._end) if at is not None), default=None)
        until = "" if end is None else f" and ends at {end:.3f} s"
        return VideoError(f"{self.info.name}: no frame at {where}; it starts at {self._first_seconds():.3f} s{until}")

    def _new_decoder(self) -> Decoder:
        decoder = Decoder(self._source, self._zero)
        self._decoders.append(decoder)
        return decoder

    def _run_from(self, seconds: float | None) -> Run:
        """A run of pictures that shows what is on screen at `seconds`; may begin earlier."""
        begun, self._begun = self._begun, None
        decoder = begun.decoder if begun else self._new_decoder()
        near = seconds is None or seconds - self.info.first_seconds <= SEEK_GAP_SECONDS
        if near or not decoder.advances:
            run = begun or Run(decoder, decoder.shown())
            if seconds is not None:
                decoder.skip_to(seconds)
            return run
        return Run(decoder, decoder.shown(seconds))

    def _finish(self, walk: Walk) -> None:
        decoder, end, self.at_end = walk.run.decoder, walk.seen_end_seconds, walk.ended
        self._losses.merge(decoder.losses)
        if trouble := self._source.trouble():
            self._losses.note(trouble)
        if walk.ended and end is not None:
            self._note_early_end(decoder, end)
        self.warnings[:] = self._losses.sentences()
        decoder.close()
        if decoder in self._decoders:
            self._decoders.remove(decoder)

    def _note_early_end(self, decoder: Decoder, end_seconds: float) -> None:
        announced = decoder.announced_seconds
        if announced is None or announced - end_seconds <= CUT_SHORT_SECONDS:
            return
        if not goes_on(self._source, announced - CUT_SHORT_SECONDS, decoder.zero):
            told = f"the header announces {announced:.2f} s, but the pictures end at {end_seconds:.2f} s"
            self._losses.note(f"{told}; is the file cut short?")


def _info(decoder: Decoder, first: Shown[av.VideoFrame], orientation: Orientation) -> VideoInfo:
    picture, stream = first.picture, decoder.stream
    width, height = displayed_size(picture, stream.sample_aspect_ratio, orientation)
    return VideoInfo(
        name=spelled_out(decoder.source.name),
        width=width,
        height=height,
        duration_seconds=decoder.announced_seconds,
        average_fps=decoder.average_fps,
        codec=canonical_name(stream.codec_context),
        container=decoder.container.format.name,
        rotation_degrees=orientation.rotation_degrees,
        first_seconds=first.start_seconds,
        hdr=int(picture.color_trc) in HDR_TRANSFERS,
    )


def _why_nothing(decoder: Decoder) -> str:
    lost = "; ".join(decoder.losses.sentences())
    trouble = decoder.source.trouble()
    if decoder.container.format.name == "webp_pipe" and not decoder.source.seeks_freely:
        return "no frame could be decoded; if it is an animated WebP, download it: those are read from files only"
    return f"no frame could be decoded ({trouble or lost or 'the file holds none'}); copy or download it again"


def _check_part(start_seconds: float | None, end_seconds: float | None) -> None:
    for name, seconds in (("start_seconds", start_seconds), ("end_seconds", end_seconds)):
        if seconds is not None:
            _numbers(name, (seconds,))
    if start_seconds is not None and end_seconds is not None and start_seconds >= end_seconds:
        raise SettingsError(f"start_seconds ({start_seconds}) must be before end_seconds ({end_seconds})")


def _numbers(name: str, values: Sequence[float]) -> Sequence[float]:
    for value in values:
        if not math.isfinite(value):
            raise SettingsError(f"{name} must be finite, not {value}")
    return values
