"""The clock of a file: whether it is one from beginning to end, and what it means where only decoding has times."""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import Any

from .source import AV_ERRORS, Source
from .timing import CLOCK_JUMP_SECONDS

UNINDEXED = ("mpegts", "mpeg", "flv", "ogg")
"""Containers in which recordings can stand end to end, each with a clock of its own."""
MAX_READ_BYTES = 256 << 20
"""Files up to this size are read through, which takes up to half a second; of larger ones samples are taken."""
SAMPLES, SAMPLE_BYTES = 256, 256 << 10
SAMPLE_JUMP_SECONDS = 5.0

# The head of a packet of MPEG video with its time (ISO/IEC 13818-1, 2.4.3.7), of transport and program streams alike.
_PES = re.compile(rb"\x00\x00\x01[\xe0-\xef]..[\x80-\xbf][\x80-\xff].([\x21-\x3f].[\x01-\xff].[\x01-\xff])", re.DOTALL)
_PES_CLOCK = 90_000
_WRAP_SECONDS = 2**33 / _PES_CLOCK

_MOST_KNOWN = 4096
_known: dict[Hashable, bool] = {}


def is_steady(source: Source) -> bool:
    """Whether the clock never falls back. Looked up once for each file; nothing is decoded.

    Of files over `MAX_READ_BYTES` only samples are read: a step back by less than what lies between two can be missed.
    Of addresses nothing is read.
    """
    steady = _known.get(source.identity)
    if steady is None:
        if len(_known) >= _MOST_KNOWN:
            _known.clear()
        steady = _known[source.identity] = _look(source)
    return steady


def _look(source: Source) -> bool:
    if not source.seeks_freely:
        return True
    container: Any = source.open()
    try:
        name, size = container.format.name.split(",")[0], container.size
        if name not in UNINDEXED:
            return True
        return _read_through(container) if size <= MAX_READ_BYTES else _sampled(source, size)
    except AV_ERRORS:
        return True  # what is damaged shows when it is decoded
    finally:
        container.close()


def _read_through(container: Any) -> bool:
    latest: dict[int, float] = {}
    for packet in container.demux(container.streams.video):
        if packet.dts is None:
            continue
        at = float(packet.dts * packet.time_base)
        if at < latest.get(packet.stream.index, at) - CLOCK_JUMP_SECONDS:
            return False
        latest[packet.stream.index] = at
    return True


def _sampled(source: Source, size: int) -> bool:
    last: float | None = None
    for number in range(SAMPLES):
        found = _PES.search(source.peek(size * number // SAMPLES, SAMPLE_BYTES))
        if found is None:
            continue
        at = _pes_seconds(found[1])
        fall = 0.0 if last is None else last - at
        if SAMPLE_JUMP_SECONDS < fall < _WRAP_SECONDS / 2:
            return False
        last = at
    return True


def _pes_seconds(field: bytes) -> float:
    """33 bits in five bytes, with marker bits between them."""
    high, middle, low = field[0] >> 1 & 7, field[1] << 7 | field[2] >> 1, field[3] << 7 | field[4] >> 1
    return (high << 30 | middle << 15 | low) / _PES_CLOCK


def is_unordered(container: Any, codec: str) -> bool:
    """Whether times of showing are missing: AVI has slots in the order of coding, H.264 and HEVC show in another."""
    return container.format.name == "avi" and codec in ("h264", "hevc")


class SlotClock:
    """Puts pictures that come out in the order of showing into the slots in which their packets went in.

    A decoder gives each picture the slot of the packet that it took last, which is a constant number of slots ahead:
    by so many, the first picture comes after the keyframe that decoding began at.
    """

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Forget everything: decoding begins anew."""
        self._first: int | None = None
        self._ahead: int | None = None
        self._last: int | None = None

    def take(self, packet: Any) -> None:
        """Note a packet that is about to be decoded."""
        if self._first is None:
            self._first = packet.dts

    def set(self, frame: Any) -> None:
        """Give a picture its time."""
        if frame.dts is None or self._first is None:  # what is left in the decoder at the end
            frame.pts = self._first if self._last is None else self._last + 1
        else:
            self._ahead = frame.dts - self._first if self._ahead is None else self._ahead
            frame.pts = frame.dts - self._ahead
        self._last = frame.pts
