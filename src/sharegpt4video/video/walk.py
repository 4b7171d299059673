"""One iteration over the frames of a part of a video, with leave to leap over what nobody asked for."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import av

from .decoder import Decoder
from .picture import Converter, DecodedFrame
from .skip import SAME_TIME_SECONDS
from .timing import Shown

SEEK_GAP_SECONDS = 10.0
"""Gaps between wanted times longer than this are crossed by seeking, shorter ones by reading past the packets."""


@dataclass(frozen=True)
class Run:
    """A decoder at work and the pictures that come from it."""

    decoder: Decoder
    pictures: Iterator[Shown[av.VideoFrame]]


class Walk:
    """Frames of ``[start_seconds, end_seconds)`` out of a run, cut to fit the part; `size` is that of all frames.

    `seen_end_seconds` is the end of the last picture decoded, `ended` tells that the video ended there, `met_any`
    that the part holds a frame.
    """

    def __init__(
        self,
        run: Run,
        start_seconds: float | None,
        end_seconds: float | None,
        size: tuple[int, int],
        converter: Converter,
    ) -> None:
        self.run = run
        self._start = -math.inf if start_seconds is None else start_seconds
        self._end = math.inf if end_seconds is None else end_seconds
        self._size = size
        self._converter = converter
        self._now: DecodedFrame | None = None
        self.seen_end_seconds: float | None = None
        self.ended = False
        self.met_any = False

    def __iter__(self) -> Iterator[DecodedFrame]:
        for shown in self.run.pictures:
            self.seen_end_seconds = shown.end_seconds
            if shown.start_seconds >= self._end:
                return
            if shown.end_seconds > self._start:
                self.met_any = True
                start, end = max(shown.start_seconds, self._start), min(shown.end_seconds, self._end)
                yield DecodedFrame(shown.picture, start, end, self._size, self._converter)
        self.ended = True

    def to(self, seconds: float) -> DecodedFrame | None:
        """The frame on screen at `seconds`, not earlier than the one asked for before; None once the part is over."""
        wanted = seconds + SAME_TIME_SECONDS
        if self._now is not None and self._now.end_seconds <= wanted:
            self._leap(self._now, wanted)
        self._read_to(wanted)
        decoder = self.run.decoder
        expected = wanted < min(self._end, decoder.announced_seconds or 0)
        if expected and decoder.may_have_missed and not self._shows(wanted):
            self.run = Run(decoder, decoder.every())
            self._now = None
            self._read_to(wanted)
        return self._now

    def _read_to(self, wanted: float) -> None:
        while self._now is None or self._now.end_seconds <= wanted:
            self._now = next(iter(self), None)
            if self._now is None:
                return

    def _shows(self, wanted: float) -> bool:
        return self._now is not None and self._now.seconds <= wanted

    def _leap(self, now: DecodedFrame, wanted: float) -> None:
        decoder = self.run.decoder
        if wanted - now.end_seconds <= SEEK_GAP_SECONDS or not decoder.advances:
            decoder.skip_to(wanted)
            return
        pictures = decoder.shown(wanted)
        first = next(pictures, None)
        # A keyframe behind us: from here on reading straight through costs less than seeking.
        decoder.advances = first is not None and first.start_seconds > now.seconds
        self.run = Run(decoder, pictures if first is None else itertools.chain((first,), pictures))
