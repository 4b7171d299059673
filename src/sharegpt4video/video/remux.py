"""Which coded pictures of a video can be copied as they are, so that a span of it plays exactly as it did."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from .clock import is_steady
from .decoder import Decoder
from .restart import Restart, restart_of
from .skip import NEW_HEADERS, SAME_TIME_SECONDS, SEEK_BACK_SECONDS
from .source import Source
from .timing import REORDERED_PICTURES, last_end


class CannotCopy(Exception):
    """Why a span cannot be had by copying; never leaves this room."""


@dataclass(frozen=True)
class Entry:
    """A packet in the order of decoding. ``clean``: decoding may begin here, and nothing after it looks back."""

    pts: int
    duration: int
    clean: bool
    usable: bool


@dataclass(frozen=True)
class CodedRun:
    """Consecutive packets that can be copied, from the keyframe at ``first_pts`` on, in ticks of ``time_base``.

    ``decode_ticks`` and ``durations`` are new decoding times and lengths for each packet, times counted from the
    keyframe; ``start`` and ``end`` (seconds of the file's own clock) are when the run is on screen. Seeking to
    ``found_from`` (None: the beginning) leads to it.
    """

    first_pts: int
    time_base: Fraction
    decode_ticks: tuple[int, ...]
    durations: tuple[int, ...]
    start: Fraction
    end: Fraction
    found_from: float | None = None


def find_run(source: Source, start_seconds: float, end_seconds: float, *, exact: bool) -> CodedRun:
    """The packets that show ``[start_seconds, end_seconds)`` and, if not ``exact``, what has to come with them.

    Raises CannotCopy with the reason, and one of AV_ERRORS for damage.
    """
    if not source.reopens:
        raise CannotCopy("the source cannot seek")
    if not is_steady(source):
        raise CannotCopy("its clock jumps")
    for back_seconds in (*SEEK_BACK_SECONDS, None):
        at = None if back_seconds is None else start_seconds - back_seconds
        if at is not None and at <= 0:
            continue
        with opened_at(source, at) as decoder:
            entries = _scan(decoder, end_seconds)
            start = start_seconds if at is not None else max(start_seconds, _first_shown(entries, decoder))
            first = _first(entries, decoder, start)
            if first is not None:
                run = _run(entries[first:], decoder, start, end_seconds, exact=exact)
                return replace(run, found_from=at)
    raise CannotCopy("there is no keyframe before it that decoding can begin at")


def run_packets(decoder: Decoder, run: CodedRun) -> Iterator[Any]:
    """The packets of a run, read again; their times count from its start. Raises CannotCopy if they are not there."""
    found = itertools.dropwhile(
        lambda packet: packet.pts != run.first_pts or not packet.is_keyframe, _video_packets(decoder)
    )
    count = 0
    for packet, ticks, duration in zip(found, run.decode_ticks, run.durations, strict=False):
        packet.pts, packet.dts, packet.duration = packet.pts - run.first_pts, ticks, duration
        count += 1
        yield packet
    if count < len(run.durations):
        raise CannotCopy("the packets were not found again")


@contextmanager
def opened_at(source: Source, seconds: float | None) -> Iterator[Decoder]:
    """A decoder that stands at the keyframe at or before a time; None, and where seeking fails: at the beginning."""
    decoder = Decoder(source)
    try:
        if seconds is not None and not decoder.seek(seconds):
            decoder.close()
            decoder = Decoder(source)
        yield decoder
    finally:
        decoder.close()


def _video_packets(decoder: Decoder) -> Iterator[Any]:
    return (packet for packet in decoder.container.demux(decoder.stream) if packet.size)


def _scan(decoder: Decoder, end_seconds: float) -> list[Entry]:
    """Packets from here until every picture that starts before the end has come, and those shown around it."""
    end = math.inf if math.isinf(end_seconds) else _ticks(decoder, end_seconds)
    if decoder.slots:
        raise CannotCopy("its packets carry no times")
    entries: list[Entry] = []
    limit: float | None = None
    for packet in _video_packets(decoder):
        if packet.pts is None:
            raise CannotCopy("its packets carry no times")
        entries.append(_entry(packet, decoder.stream))
        if packet.dts is None:
            continue
        if limit is None and packet.dts >= end:
            limit = max(entry.pts for entry in entries)  # what is shown before this may still close the run
        if limit is not None and packet.dts >= limit:
            break
    return entries


def _entry(packet: Any, stream: Any) -> Entry:
    usable = not (packet.is_corrupt or packet.is_discard or packet.has_sidedata(NEW_HEADERS))
    clean = usable and restart_of(packet, stream) == Restart.CLOSED
    return Entry(packet.pts, packet.duration or 0, clean, usable)


def _first_shown(entries: Sequence[Entry], decoder: Decoder) -> float:
    return _seconds(decoder, min((entry.pts for entry in entries if entry.usable), default=0))


def _seconds(decoder: Decoder, pts: int) -> float:
    return float(pts * decoder.time_base - decoder.zero)


def _ticks(decoder: Decoder, seconds: float) -> int:
    return round((Fraction(seconds) + decoder.zero) / decoder.time_base)


def _first(entries: Sequence[Entry], decoder: Decoder, start_seconds: float) -> int | None:
    """The last packet at or before the start where decoding may begin, and that no later packet is shown before."""
    found: list[int] = []
    for number, entry in enumerate(entries):
        while found and entry.pts < entries[found[-1]].pts:
            found.pop()
        if entry.clean and _seconds(decoder, entry.pts) <= start_seconds + SAME_TIME_SECONDS:
            found.append(number)
    return found[-1] if found else None


def _run(
    entries: Sequence[Entry], decoder: Decoder, start_seconds: float, end_seconds: float, *, exact: bool
) -> CodedRun:
    first = entries[0]
    if exact and _seconds(decoder, first.pts) < start_seconds - SAME_TIME_SECONDS:
        raise CannotCopy("it does not begin at a keyframe")
    wanted = [n for n, e in enumerate(entries) if _seconds(decoder, e.pts) < end_seconds - SAME_TIME_SECONDS]
    if not wanted:
        raise CannotCopy("nothing is shown in it")
    count = wanted[-1] + 1 if exact else _closed(entries, wanted[-1] + 1)
    if exact and count > len(wanted):
        raise CannotCopy("a picture shown after its end is needed for one shown before")
    if not all(entry.usable for entry in entries[:count]):
        raise CannotCopy("some of its packets are damaged, hidden or come with new headers")
    return _timed(entries, count, decoder, end_seconds if exact else math.inf)


def _closed(entries: Sequence[Entry], count: int) -> int:
    """So many packets that nothing shown before the last of them is missing."""
    while True:
        last = max(entry.pts for entry in entries[:count])
        needed = max(number for number, entry in enumerate(entries) if entry.pts <= last) + 1
        if needed == count:
            return count
        count = needed


def _timed(entries: Sequence[Entry], count: int, decoder: Decoder, end_seconds: float) -> CodedRun:
    """New decoding times from the times on screen alone: those of the file may be missing or run backwards."""
    base, first = decoder.time_base, entries[0].pts
    shown = sorted(entry.pts - first for entry in entries[:count])
    if len(set(shown)) < count:
        raise CannotCopy("two of its pictures have the same time")
    end = _end_of(entries, count, decoder)
    if not math.isinf(end_seconds):
        end = min(end, _ticks(decoder, end_seconds) - first)
    lead = max(ticks - (entry.pts - first) for ticks, entry in zip(shown, entries, strict=False))
    durations = tuple(after - ticks for ticks, after in itertools.pairwise([*shown, end]))
    if entries[count - 1].pts - first != shown[-1] and len(set(durations)) > 1:
        # Files give each packet's length in the order of decoding: that of the last picture would be another's.
        raise CannotCopy("the length of its last picture cannot be written beside reordered pictures")
    return CodedRun(first, base, tuple(ticks - lead for ticks in shown), durations, first * base, (first + end) * base)


def _end_of(entries: Sequence[Entry], count: int, decoder: Decoder) -> int:
    """When the last picture of the run goes, in ticks from its first."""
    first = entries[0].pts
    last = max(entries[:count], key=lambda entry: entry.pts)
    after = min((e.pts for e in entries[count:] if e.pts > last.pts and e.usable), default=None)
    if after is not None:
        return after - first
    fps = decoder.average_fps
    end = last.pts + (last.duration or (round(1 / fps / decoder.time_base) if fps else 0) or 1)
    header_end = decoder.packet_end_seconds
    if header_end is not None and last is not entries[-1]:
        lengths = [float(entry.duration * decoder.time_base) for entry in entries[-REORDERED_PICTURES:]]
        end_seconds = last_end(_seconds(decoder, last.pts), _seconds(decoder, end), lengths, header_end)
        end = max(_ticks(decoder, end_seconds), last.pts + 1)
    return end - first
