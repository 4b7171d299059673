"""The sound of a span of a video, written in step with its pictures."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from .restart import canonical_name
from .source import AV_ERRORS, Source

RATE = 48_000
_SEEK_BACK_SECONDS = 1.0
_DEFAULT_STREAM = 0x1  # AV_DISPOSITION_DEFAULT


def main_sound(container: Any) -> Any:
    """The sound track that a player plays; None where there is none that can be decoded."""
    streams = [s for s in container.streams.audio if s.codec_context is not None and s.time_base]
    return max(streams, key=lambda s: int(s.disposition.value) & _DEFAULT_STREAM, default=None)


class Sound:
    """Copies the packets of the main sound track that are heard in a span, or codes them again where it must.

    ``copied`` names the codecs that the output takes as they are (None: all), ``codec`` what others become.
    ``hides_start``: the format can say that sound before 0 only primes the decoder, so that it starts exactly.
    Nothing is written where the source has no sound or, not being able to seek, cannot be read twice.
    """

    def __init__(
        self,
        source: Source,
        output: Any,
        *,
        wanted: bool,
        copied: frozenset[str] | None,
        codec: str,
        hides_start: bool,
    ) -> None:
        self.warnings: list[str] = []
        self._source, self._output, self._copied, self._codec = source, output, copied, codec
        self._wanted, self._hides_start = wanted, hides_start
        self._container: Any = None
        self._packets: Iterator[Any] = iter(())
        self._next: Any = None

    def begin(self, start: Fraction, length_seconds: float) -> None:
        """Make the output's stream, before its first picture is written; ``start`` is on the file's own clock."""
        if not self._wanted:
            return
        if not self._source.reopens:
            self.warnings.append("the sound was left out: the source cannot seek")
            return
        self._container = self._source.open()
        stream = main_sound(self._container)
        if stream is None:
            return
        if self._can_copy(stream.codec_context):
            made = self._output.add_stream_from_template(stream, opaque=True)
            self._packets = self._taken(stream, made, start, length_seconds)
        else:
            layout = "mono" if stream.codec_context.channels == 1 else "stereo"
            made = self._output.add_stream(self._codec, rate=RATE, layout=layout)
            self._packets = self._coded(stream, made, start, length_seconds)

    def _can_copy(self, context: Any) -> bool:
        """Not where sound begins so late that FFmpeg has seen none of it yet, and knows neither rate nor channels."""
        known = context.sample_rate and context.channels
        return bool(known) and (self._copied is None or canonical_name(context) in self._copied)

    def until(self, seconds: float) -> None:
        """Write what is heard up to a time of the clip."""
        while True:
            if self._next is None:
                self._next = next(self._packets, None)
            if self._next is None or (self._next.pts or 0) * self._next.time_base > seconds:
                return
            self._output.mux(self._next)
            self._next = None

    def close(self) -> None:
        if self._container is not None:
            self._container.close()

    def _taken(self, stream: Any, made: Any, start: Fraction, length_seconds: float) -> Iterator[Any]:
        base = stream.time_base
        zero = round(start / base)
        for packet in self._read(stream, start):
            if packet.pts is None or packet.is_discard:
                continue
            at = packet.pts - zero
            if at * base >= length_seconds:
                return
            if at + 2 * (packet.duration or 0) <= 0 or (at < 0 and not self._hides_start):
                continue  # one packet before the first heard one is kept: its end overlaps with it
            packet.pts = packet.dts = at
            packet.stream = made
            yield packet

    def _coded(self, stream: Any, made: Any, start: Fraction, length_seconds: float) -> Iterator[Any]:
        zero = round(start / stream.time_base)
        end = start + Fraction(length_seconds)
        heard = itertools.takewhile(lambda p: p.pts is None or p.pts * p.time_base < end, self._read(stream, start))
        for packet in itertools.chain(heard, (None,)):
            for frame in self._decoded(stream, packet):
                at = None if frame.pts is None else (frame.pts - zero) * stream.time_base
                if at is None or at < 0 or at >= length_seconds:
                    continue
                frame.pts = round(at * frame.sample_rate)
                frame.time_base = Fraction(1, frame.sample_rate)
                yield from self._shown(made.encode(frame))
        yield from self._shown(made.encode(None))

    def _shown(self, packets: list[Any]) -> list[Any]:
        return packets if self._hides_start else [packet for packet in packets if (packet.pts or 0) >= 0]

    def _decoded(self, stream: Any, packet: Any) -> list[Any]:
        try:
            frames: list[Any] = stream.decode(packet)
        except (EOFError, *AV_ERRORS):
            return []
        return frames

    def _read(self, stream: Any, start: Fraction) -> Iterator[Any]:
        """Packets of the track from a little before the start, to the end of the file or to damage."""
        try:
            at = max(start - Fraction(_SEEK_BACK_SECONDS), Fraction(0))
            if at:
                self._container.seek(int(at / stream.time_base), stream=stream)
            yield from (packet for packet in self._container.demux(stream) if packet.size)
        except AV_ERRORS as error:
            self.warnings.append(f"the sound stops early: {error}")
