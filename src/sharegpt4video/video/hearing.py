"""The sound of a video as plain samples: one channel, 16 kHz, on the same clock as its pictures."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from .sound import main_sound
from .source import AV_ERRORS, Source

RATE = 16_000
"""Samples a second: what detectors and recognizers of speech take."""
MOST_DRIFT_SECONDS = 0.1  # packets whose times are further off leave a gap, or overlap
MOST_GAP_SECONDS = 3600.0
_SEEK_BACK_SECONDS = 1.0

Samples = NDArray[np.float32]


class SoundTrack:
    """The main sound track of a source from a time on, read block by block in a pass of its own over its packets.

    ``exists`` is False for a video without sound. Gaps are silence. Where the track is damaged or ends, there are no
    more samples, and ``trouble`` says why ("" at its end).
    """

    def __init__(self, source: Source, zero: Fraction, start_seconds: float = 0.0) -> None:
        self.start_seconds, self.trouble = start_seconds, ""
        self._zero = zero
        self._container: Any = source.open()
        self._stream = main_sound(self._container)
        self.exists = self._stream is not None
        self._held: deque[Samples] = deque()
        self._held_count = 0
        self._pieces = self._decoded() if self.exists else iter(())

    def read(self, seconds: float) -> Samples:
        """The next samples, shorter than asked for only at the end."""
        wanted = round(seconds * RATE)
        while self._held_count < wanted and (piece := next(self._pieces, None)) is not None:
            self._held.append(piece)
            self._held_count += len(piece)
        whole = np.concatenate(self._held) if self._held else np.zeros(0, np.float32)
        self._held, self._held_count = deque([whole[wanted:]]), max(len(whole) - wanted, 0)
        return whole[:wanted]

    def close(self) -> None:
        """Release the file."""
        self._pieces = iter(())
        self._container.close()

    def _decoded(self) -> Iterator[Samples]:
        """The samples from the start on, each where its time says."""
        at, begun = round(self.start_seconds * RATE), False
        for first, samples in self._resampled():
            if first is None or (begun and abs(first - at) <= MOST_DRIFT_SECONDS * RATE):
                first = at
            if first > at:
                gap = min(first - at, round(MOST_GAP_SECONDS * RATE))
                yield np.zeros(gap, np.float32)
                at = first
            kept = samples[at - first :]
            at += len(kept)
            if len(kept):
                begun = True
                yield np.nan_to_num(kept)

    def _resampled(self) -> Iterator[tuple[int | None, Samples]]:
        """Samples, with the place of the first of them where the packet has a time."""
        resampler, before = None, None
        for frame in self._frames():
            kind = frame.format.name, frame.layout.name, frame.sample_rate
            if kind != before:  # damaged streams, and some broadcasts, change on the way
                resampler, before = av.AudioResampler(format="flt", layout="mono", rate=RATE), kind
            assert resampler is not None
            begins = None if frame.pts is None else round((frame.pts * frame.time_base - self._zero) * RATE)
            try:
                resampled = resampler.resample(frame)
            except AV_ERRORS:
                continue
            for made in resampled:
                yield begins, made.to_ndarray()[0].astype(np.float32, copy=False)
                begins = None

    def _frames(self) -> Iterator[Any]:
        start = Fraction(max(self.start_seconds - _SEEK_BACK_SECONDS, 0.0)) + self._zero
        try:
            if self.start_seconds > _SEEK_BACK_SECONDS:
                self._container.seek(int(start / self._stream.time_base), stream=self._stream)
            for packet in self._container.demux(self._stream):
                try:
                    yield from packet.decode()
                except (EOFError, *AV_ERRORS):  # one bad packet is a gap
                    continue
        except AV_ERRORS as error:
            self.trouble = f"the sound stops early: {error}"
