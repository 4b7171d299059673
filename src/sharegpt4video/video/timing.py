"""When each picture is on screen: one clock for the whole video, strictly increasing, whatever the file says."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Generic, TypeVar

T = TypeVar("T")

CLOCK_JUMP_SECONDS = 0.25
"""Times that fall back by more than this are a new clock (joined recordings), by less a misplaced picture."""
DEFAULT_STEP_SECONDS = 0.04
"""How long a picture lasts when neither it, nor its neighbours, nor the file say so."""
REORDERED_PICTURES = 17
"""So many pictures at most change places between coding and showing in H.264 and HEVC (16, and the picture itself)."""
HEADER_ROUNDING_SECONDS = 0.0015
"""Headers of MP4 and QuickTime round the end of a video to milliseconds, in most files."""


@dataclass(frozen=True)
class Shown(Generic[T]):
    """A picture and the time it is on screen: ``[start_seconds, end_seconds)``."""

    picture: T
    start_seconds: float
    end_seconds: float


class Losses:
    """Counts what was lost while reading, and says it in sentences."""

    _WORDS = (
        ("unreadable", "{n} damaged packet{s} could not be decoded and {was} skipped"),
        ("damaged", "{n} damaged picture{s} {was} kept, shown as far as decoded"),
        ("oversized", "{n} picture{s} over the size limit {was} skipped"),
        ("resized", "{n} picture{s} of another size {was} scaled to the size of the first"),
        ("deinterlaced", "the video is interlaced: {n} picture{s} {was} deinterlaced"),
        ("untimed", "{n} picture{s} without a time of their own {was} timed by the frame rate"),
        ("misplaced", "{n} picture{s} {was} dropped because their time did not come after the one before"),
        ("jumps", "the clock jumped back {n} time{s}; it was taken to go on from where it was"),
    )

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.notes: list[str] = []

    def note(self, sentence: str) -> None:
        """Add a sentence, once."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    def merge(self, other: Losses) -> None:
        """Take in another reading of the same video: the same damage, seen again, is not more damage."""
        self.counts |= other.counts
        for sentence in other.notes:
            self.note(sentence)

    def sentences(self) -> list[str]:
        """One sentence for each kind of loss."""
        counted = [
            words.format(n=n, s="" if n == 1 else "s", was="was" if n == 1 else "were")
            for kind, words in self._WORDS
            if (n := self.counts[kind])
        ]
        return [*counted, *self.notes]


@dataclass
class _Held(Generic[T]):
    picture: T
    start_seconds: float
    duration_seconds: float | None


class Timeline(Generic[T]):
    """Turns pictures with the times their file gives into pictures with strictly increasing times.

    Each lasts until the next one starts; `step_seconds` is the length of a picture that does not know its own. Holds
    two pictures back: one to know its end, one more to tell a wild time from a new clock. A missing time is the one
    before plus its length; a time that is out of line drops its picture (``misplaced``), unless more pictures in a row
    are than can change places: then the file's times are no use there and count as missing. A clock that falls back and
    stays there goes on from where it was (``jumps``). All are counted in `losses`.
    """

    def __init__(self, losses: Losses, step_seconds: float | None) -> None:
        self._losses = losses
        self._step = step_seconds
        self._shift = 0.0
        self._held: list[_Held[T]] = []
        self._lengths: deque[float] = deque(maxlen=REORDERED_PICTURES)
        self._longest = 0.0
        self._lengths_lie = False
        self._misplaced_in_a_row = 0

    @property
    def shifted(self) -> bool:
        """Whether times no longer are those of the file."""
        return self._shift != 0.0

    def push(self, picture: T, seconds: float | None, duration_seconds: float | None) -> Iterator[Shown[T]]:
        """Take the next decoded picture; yields one before it, if its end is known by now."""
        if seconds is None:
            self._losses.counts["untimed"] += 1
        start = self._next_start() if seconds is None else seconds + self._shift
        new = _Held(picture, start, duration_seconds)
        last = self._held[-1] if self._held else None
        in_order = last is None or start > last.start_seconds
        self._misplaced_in_a_row = 0 if in_order else self._misplaced_in_a_row + 1
        if self._misplaced_in_a_row > REORDERED_PICTURES:
            self._losses.counts["untimed"] += 1
            new.start_seconds = self._next_start()
        elif last is not None and not in_order:
            if last.start_seconds - start <= CLOCK_JUMP_SECONDS:
                self._losses.counts["misplaced"] += 1
                return
            if len(self._held) == 2 and start > self._held[0].start_seconds:
                self._losses.counts["misplaced"] += 1
                self._held.pop()
            else:
                self._losses.counts["jumps"] += 1
                new.start_seconds = self._next_start()
                self._shift += new.start_seconds - start
        self._held.append(new)
        self._lengths.append(duration_seconds or 0.0)
        if len(self._held) > 2:
            yield self._release(self._held[1].start_seconds)

    def flush(self, header_end_seconds: float | None = None, *, coded_last: bool = False) -> Iterator[Shown[T]]:
        """What is held back; the last picture lasts as long as it says itself, or as the one before did.

        ``header_end_seconds`` is given where a header sums up the lengths of all pictures. Then the length of the last
        one is not its own (see `last_end`), unless it was ``coded_last``; even so, where the lengths of others were
        wrong (FFmpeg makes those of VP9 in MP4 all equal), the header is right.
        """
        end = self._next_start()
        if self._held and header_end_seconds is not None and not self.shifted:
            start = self._held[-1].start_seconds
            if not coded_last:
                end = last_end(start, end, self._lengths, header_end_seconds)
            elif abs(header_end_seconds - end) > HEADER_ROUNDING_SECONDS:
                self._compare_lengths()
                if self._lengths_lie and start < header_end_seconds <= start + self._longest + HEADER_ROUNDING_SECONDS:
                    end = header_end_seconds
        while self._held:
            yield self._release(self._held[1].start_seconds if len(self._held) > 1 else end)

    def _release(self, end_seconds: float) -> Shown[T]:
        self._compare_lengths()
        first = self._held.pop(0)
        return Shown(first.picture, first.start_seconds, end_seconds)

    def _compare_lengths(self) -> None:
        """Hold the length of the oldest picture against the time until the next one."""
        if len(self._held) > 1:
            gap, own = self._held[1].start_seconds - self._held[0].start_seconds, self._held[0].duration_seconds
            self._longest = max(self._longest, gap)
            self._lengths_lie |= bool(own) and abs((own or gap) - gap) > HEADER_ROUNDING_SECONDS

    def _next_start(self) -> float:
        if not self._held:
            return 0.0
        last = self._held[-1]
        before = last.start_seconds - self._held[0].start_seconds if len(self._held) > 1 else None
        end = last.start_seconds + (last.duration_seconds or self._step or before or DEFAULT_STEP_SECONDS)
        # Far from 0 the length of a picture is lost in the rounding; time must advance all the same.
        return max(end, math.nextafter(last.start_seconds, math.inf))


def presentation_zero(container_start: Fraction | None, video_start: Fraction | None) -> Fraction | None:
    """The file's own time (seconds) of what a player calls 0; None where only the first picture can tell.

    That is where the container starts, sound included: 1.4 s in most MPEG-TS files, and a picture that comes 0.3 s
    after the sound is at 0.3 s. Sound that starts before 0 only to prime its decoder does not move the pictures.
    """
    if container_start is None or video_start is None:
        return video_start if container_start is None else container_start
    if container_start < 0 <= video_start:
        return Fraction(0)
    # The container's start is rounded to microseconds; the stream's own is exact.
    return video_start if abs(container_start - video_start) < Fraction(1, 1000) else container_start


def last_end(
    start_seconds: float, own_end_seconds: float, lengths: Iterable[float], header_end_seconds: float
) -> float:
    """When a picture goes that is shown last but was not coded last, in a container such as MP4 and QuickTime.

    Lengths are given in the order of coding there, so its own is another's; which of the last ``lengths`` is right, the
    header tells. Where it bears out none (it may announce pictures that are not there), its own must do.
    """
    length = header_end_seconds - start_seconds
    fits = (start_seconds + other for other in lengths if abs(length - other) <= HEADER_ROUNDING_SECONDS)
    return next(fits, own_end_seconds)
