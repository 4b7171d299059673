"""One decode of one video: packets in, pictures with their times out, and whatever is damaged counted on the way."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
import av.error

from ..cores import cores
from ..errors import VideoError
from .clock import SlotClock, is_steady, is_unordered
from .deinterlace import LEAD_SECONDS, deinterlaced
from .restart import Restart, canonical_name
from .skip import SEEK_BACK_SECONDS, Proof, Skip, WrongStart, fell_back
from .source import AV_ERRORS, HTTP_ERRORS, Source, explain, max_pixels
from .streams import decoder_of, main_stream, too_large
from .timing import Losses, Shown, Timeline, presentation_zero

MAX_THREADS = 2
"""More cost processor time and memory, and decoding is not what a caption waits for (benchmarks/decode.py)."""
MAX_THREADED_PIXELS = 36_000_000
"""Each thread works on a picture of its own; of pictures larger than 8K one at a time is enough memory."""
MAX_BAD_PACKETS = 1000
"""So many packets in a row that cannot be decoded end the video."""
MAX_BAD_READS = 20
"""So many failed reads in a row end the video."""
MOST_FPS = 1000
"""A higher rate that is also that of the clock's ticks is none."""
_GUESSED_AFTER_SEEKS = ("asf", "mpeg")
"""Containers that time only some of their packets: after a seek, FFmpeg guesses wrong times for the others."""


class Decoder:
    """Decodes the main video stream of a source; raises VideoError when it has none.

    `losses` counts the pictures that are missing. `slots` is there where the file has no times of showing. `advances`
    is false where there is no seeking ahead, and turns false when that was seen to gain nothing.
    """

    def __init__(self, source: Source, zero: Fraction | None = None) -> None:
        self.source = source
        self.losses = Losses()
        self.advances = source.reopens
        self._leaps = True
        self._tries = 0
        self._lead_seconds = 0.0
        self._counts_before = self.losses.counts.copy()
        self._closed = False
        self._first_size: tuple[int, int] | None = None
        self._threads = min(MAX_THREADS, cores())
        self._zero = zero
        self._open()
        self.advances = self.advances and self._seeks
        if self._zero is None and source.reopens:
            self._settle_zero()

    def _open(self) -> None:
        self._skip: Skip | None = None
        self._sought = False
        self._proof: Proof | None = None
        self._coded_last: int | None = None
        self._latest: float | None = None  # when the packet was due that the decoder took last
        self._set_back = False  # the clock fell back in what the decoder took, whether or not that is shown yet
        self._timeline: Timeline[Any] | None = None
        self.container = self.source.open()
        self._closed = False
        try:
            self._set_up()
        except VideoError:
            self.close()
            raise
        except AV_ERRORS as error:
            self.close()
            raise VideoError(f"{self.source.name}: {explain(error)}") from error

    def _set_up(self) -> None:
        self.stream, choice = main_stream(self.container, self.source)
        self._context, missing = decoder_of(self.stream)
        for sentence in filter(None, (choice, missing)):
            self.losses.note(sentence)
        context = self._context
        context.thread_type = "AUTO"
        large = self.stream.width * self.stream.height > MAX_THREADED_PIXELS
        context.thread_count = 1 if large else self._threads
        context.options = {"max_pixels": str(max_pixels())}
        codec = canonical_name(self.stream.codec_context)
        self.slots = SlotClock() if is_unordered(self.container, codec, self.source) else None
        self.time_base = self.stream.time_base or Fraction(1, 90_000)
        self.container_start = _microseconds(self.container.start_time)
        start = None if self.stream.start_time is None else self.stream.start_time * self.time_base
        name = self.container.format.name
        self._seeks = name not in _GUESSED_AFTER_SEEKS or (name == "asf" and self.slots is None)
        guesses_start = name == "asf" and self.slots is not None
        if self._zero is None and not guesses_start:
            self._zero = presentation_zero(self.container_start, start)
        self._header_end = self._read_header_end()
        self._sums_up = "mp4" in self.container.format.name and bool(self.stream.duration)

    def _settle_zero(self) -> None:
        """Decode the first picture where only that tells what is 0 (raw streams): after a seek, it is another."""
        try:
            next(self._frames(), None)
        finally:
            self.close()
        self.losses = Losses()
        self._open()

    def _read_header_end(self) -> Fraction | None:
        """Read at once: PyAV 19 refuses to tell once the file is closed."""
        if self.stream.duration:
            end: Fraction = ((self.stream.start_time or 0) + self.stream.duration) * self.time_base
            return end
        if not self.container.duration:
            return None
        start, length = self.container_start or Fraction(0), Fraction(self.container.duration, av.time_base)
        if "matroska" in self.container.format.name and length > start:
            return length  # FFmpeg writes the last time there, wherever the first one is (matroskaenc.c)
        return start + length

    def close(self) -> None:
        """Give back the file and the decoder's memory; pictures that are still being read end with a VideoError."""
        self._closed = True
        self.container.close()

    @property
    def zero(self) -> Fraction:
        """The file's own time, in seconds, of what is called 0 here; settled once the first picture is decoded."""
        return self._zero or Fraction(0)

    @property
    def average_fps(self) -> float | None:
        """Pictures per second as the file says or FFmpeg guesses.

        None also where FFmpeg met no picture while it looked, and gives the ticks of the clock (90,000).
        """
        rate = self.stream.average_rate or self.stream.guessed_rate
        return None if not rate or (rate * self.time_base == 1 and rate > MOST_FPS) else float(rate)

    @property
    def announced_seconds(self) -> float | None:
        """When the video ends according to its header."""
        end = self._header_end
        return float(end - self.zero) if end is not None and end > self.zero else None

    @property
    def packet_end_seconds(self) -> float | None:
        """When the video ends by a header that sums up the lengths of its packets, as MP4's and QuickTime's does."""
        if not self._sums_up or self._header_end is None:
            return None
        return float(self._header_end - self.zero)

    def shown(self, start_seconds: float | None = None) -> Iterator[Shown[av.VideoFrame]]:
        """Pictures in the order of time, from the one on screen at `start_seconds` or earlier, as seeking allows.

        They are those that decoding from the beginning gives, at the same times.
        """
        if start_seconds is not None and self.source.reopens:
            self._begin(start_seconds, 0)
        elif start_seconds is not None:
            self.skip_to(start_seconds)
        yield from self._run()

    def every(self) -> Iterator[Shown[av.VideoFrame]]:
        """Every picture from the beginning, without leaps from now on; for files that lie about keyframes."""
        self._stop_leaping()
        yield from self._run()

    def skip_to(self, seconds: float) -> None:
        """Leave out packets that are not needed to show the picture at `seconds`; may be called between pictures."""
        if self._leaps and not self._set_back and not (self._timeline and self._timeline.shifted):
            self._skip, self._tries = self._new_skip(seconds, self._latest), 0

    @property
    def may_have_missed(self) -> bool:
        """Whether there was damage, and reading every picture from the beginning could find more."""
        return self._leaps and self.source.reopens and self.losses.counts["unreadable"] > 0

    def _new_skip(self, seconds: float, latest: float | None = None) -> Skip:
        least = Restart.CLOSED if self.slots else Restart.OPEN
        return Skip(seconds, self._lead_seconds, self._seconds, self.stream, least, latest)

    def _begin(self, seconds: float, tries: int) -> None:
        """Stand where another try to show the picture at `seconds` begins: further back each time.

        The last ones are the beginning, then the beginning with nothing left out.
        """
        if tries > len(SEEK_BACK_SECONDS) or not is_steady(self.source):
            self._stop_leaping()
            return
        at = seconds - SEEK_BACK_SECONDS[tries] if tries < len(SEEK_BACK_SECONDS) else 0.0
        if at > 0 and self.seek(at):
            self._skip, self._sought = self._new_skip(seconds), True
        else:
            tries = len(SEEK_BACK_SECONDS)
            self._rewind()
            self.skip_to(seconds)
        self._tries = tries

    def _stop_leaping(self) -> None:
        self.advances = self._leaps = False
        self._rewind()

    def _rewind(self) -> None:
        self.close()
        self._open()

    def seek(self, seconds: float) -> bool:
        """Go to a keyframe at or before a time; False where that fails, or times would be wrong from there on."""
        if not self._seeks:
            return False
        try:
            self.container.seek(int((Fraction(seconds) + self.zero) / self.time_base), stream=self.stream)
        except AV_ERRORS:
            return False
        self._flush()
        return True

    def _flush(self) -> None:
        if self.slots:
            self.slots.restart()
        self._latest = None
        if self._context.is_open:
            self._context.flush_buffers()

    def _run(self) -> Iterator[Shown[av.VideoFrame]]:
        while True:
            try:
                yield from self._timed()
                return
            except WrongStart as wrong:
                self._proof = None
                self.losses.counts = self._counts_before
                self._begin(wrong.seconds, self._tries + 1)

    def _timed(self) -> Iterator[Shown[av.VideoFrame]]:
        fps = self.average_fps
        timeline: Timeline[av.VideoFrame] = Timeline(self.losses, 1 / fps if fps else None)
        self._timeline = timeline
        last: int | None = None
        for timed in deinterlaced(self._frames(), self.losses):
            last = timed.ticks
            duration = float(timed.duration * self.time_base)
            yield from timeline.push(timed.picture, self._seconds(timed.ticks), duration)
        coded_last, reorders = last == self._coded_last, self._context.has_b_frames
        header_end = None if coded_last and reorders else self.packet_end_seconds
        yield from timeline.flush(header_end, coded_last=coded_last)

    def _seconds(self, ticks: int | None) -> float | None:
        return None if ticks is None else float(ticks * self.time_base - self.zero)

    def _frames(self) -> Iterator[av.VideoFrame]:
        bad = 0
        for packet in itertools.chain(self._packets(), (None,)):
            frames = self._decoded(packet)
            bad = 0 if frames is not None else bad + 1
            for frame in frames or ():
                if self._zero is None and frame.pts is not None:
                    self._zero = frame.pts * self.time_base
                if self._admitted(frame) and self._acceptable(frame):
                    yield frame
            if bad >= MAX_BAD_PACKETS:
                self.losses.note(f"gave up after {bad} damaged packets in a row")
                return
        if self._proof is not None:
            raise WrongStart(self._proof.seconds)

    def _admitted(self, frame: av.VideoFrame) -> bool:
        """Whether the frame counts: after a restart, none from before it does, and the first must be right."""
        interlaced = bool(frame.interlaced_frame)
        if interlaced and not self._lead_seconds:
            self._lead_seconds = LEAD_SECONDS
            if self._proof is not None:
                raise WrongStart(self._proof.seconds)
        if self._proof is not None:
            if not self._proof.admits(frame):
                return False
            self._proof = None
        return True

    def _acceptable(self, frame: av.VideoFrame) -> bool:
        counts, size = self.losses.counts, (frame.width, frame.height)
        if not min(size) or too_large(*size):
            counts["oversized"] += 1
            return False
        self._first_size = self._first_size or size
        counts["resized"] += size != self._first_size
        counts["damaged"] += bool(frame.is_corrupt)
        return True

    def _decoded(self, packet: Any) -> list[av.VideoFrame] | None:
        if packet is not None:
            self._coded_last = packet.pts
            self._note_clock(packet)
            if self.slots:
                self.slots.take(packet)
        try:
            frames: list[av.VideoFrame] = self._context.decode(packet)
            if self.slots:
                for frame in frames:
                    self.slots.set(frame)
        except EOFError:
            return []
        except AV_ERRORS:
            self.losses.counts["unreadable"] += 1
            return None
        return frames

    def _note_clock(self, packet: Any) -> None:
        due = self._seconds(packet.dts if packet.dts is not None else packet.pts)
        self._set_back = self._set_back or fell_back(self._latest, due)
        self._latest = due

    def _packets(self) -> Iterator[Any]:
        bad_reads = 0
        while bad_reads < MAX_BAD_READS:
            packets = self.container.demux(self.stream)
            while True:
                if self._closed:  # FFmpeg would read freed memory
                    raise VideoError(f"{self.source.name}: the reader was closed while its frames were being read")
                try:
                    packet = next(packets, None)
                except AV_ERRORS as error:
                    self._bad_read(error)
                    bad_reads += 1
                    break
                if packet is None:
                    yield from self._kept()
                    return
                bad_reads = 0
                # An empty packet would tell the decoder that the video is over.
                if packet.size:
                    if self.slots:
                        packet.pts = packet.dts
                    yield from self._needed(packet)
        self.losses.note("the rest of the file cannot be read")
        yield from self._kept()

    def _bad_read(self, error: Exception) -> None:
        if isinstance(error, (av.error.ExitError, av.error.TimeoutError, *HTTP_ERRORS)):
            raise VideoError(f"{self.source.name}: {explain(error)}") from error
        self.losses.counts["unreadable"] += 1

    def _needed(self, packet: Any) -> Iterator[Any]:
        """The packet, or nothing yet while it may turn out that a later keyframe is enough."""
        if self._skip is None:
            yield packet
        elif self._skip.take(packet):
            yield from self._kept()

    def _kept(self) -> Iterator[Any]:
        (skip, self._skip), (sought, self._sought) = (self._skip, None), (self._sought, False)
        if skip is None:
            return
        if skip.dropped:
            self._flush()
        if (skip.dropped or sought) and self.source.reopens:
            self._counts_before = self.losses.counts.copy()
            self._proof = Proof(skip, self._seconds, tells_keys=self._context is self.stream.codec_context)
        yield from skip.packets


def _microseconds(ticks: int | None) -> Fraction | None:
    return None if ticks is None else Fraction(ticks, av.time_base)
