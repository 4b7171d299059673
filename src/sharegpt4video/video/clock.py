"""The clock of a file: whether it is one from beginning to end, and what it means where only decoding has times."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Hashable
from fractions import Fraction
from itertools import islice
from typing import Any

import av

from .source import AV_ERRORS, Source
from .timing import CLOCK_JUMP_SECONDS

UNINDEXED = ("mpegts", "mpeg", "flv", "ogg")
"""Containers in which recordings can stand end to end, each with a clock of its own."""
MATROSKA_HEAD = b"\x1a\x45\xdf\xa3"
MATROSKA_SEGMENT = b"\x18\x53\x80\x67"
MATROSKA_HEAD_BYTES = 4096
MAX_READ_BYTES = 256 << 20
"""Files up to this size are read through, which takes up to half a second; of larger ones samples are taken."""
SAMPLES, SAMPLE_BYTES = 256, 256 << 10
SAMPLE_JUMP_SECONDS = 5.0

# The head of a packet of MPEG video with its time (ISO/IEC 13818-1, 2.4.3.7), of transport and program streams alike.
_PES = re.compile(rb"\x00\x00\x01[\xe0-\xef]..[\x80-\xbf][\x80-\xff].([\x21-\x3f].[\x01-\xff].[\x01-\xff])", re.DOTALL)
_PES_CLOCK = 90_000
_WRAP_SECONDS = 2**33 / _PES_CLOCK

_ORDER_PACKETS = 60
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


def goes_on(source: Source, seconds: float, zero: Fraction) -> bool:
    """Whether anything in the file, its sound as a rule, is heard or seen at ``seconds``, so that it is not cut short.

    Of addresses nothing is read: False.
    """
    if not source.seeks_freely:
        return False
    last = _last_packet(source, seconds + float(zero))
    if last is None:  # without an index, some files lead nowhere
        last = _last_packet(source, None)
    return last is not None and last - float(zero) >= seconds


def _last_packet(source: Source, seconds: float | None) -> float | None:
    """The time of the latest packet from ``seconds`` (of the file's own clock) on; None if none comes."""
    latest: float | None = None
    container: Any = source.open()
    try:
        if seconds is not None:
            container.seek(int(seconds * av.time_base))
        for packet in container.demux():
            if packet.size and packet.pts is not None:
                at = float(packet.pts * packet.time_base)
                latest = at if latest is None else max(at, latest)
    except AV_ERRORS:
        pass  # what is damaged shows when it is decoded
    finally:
        container.close()
    return latest


def _look(source: Source) -> bool:
    if not source.seeks_freely:
        return True
    container: Any = source.open()
    try:
        name, size = container.format.name.split(",")[0], container.size
        if name == "matroska":
            return not (_matroska_goes_on(source) and size <= MAX_READ_BYTES) or _read_through(container)
        if name not in UNINDEXED:
            return True
        return _read_through(container) if size <= MAX_READ_BYTES else _sampled(source, size)
    except AV_ERRORS:
        return True  # what is damaged shows when it is decoded
    finally:
        container.close()


def _matroska_goes_on(source: Source) -> bool:
    """Whether another recording may follow the first (RFC 9559, 4.5): something lies behind its segment, or the segment
    does not say how long it is, as live streams do."""
    head = source.peek(0, MATROSKA_HEAD_BYTES)
    at = head.find(MATROSKA_SEGMENT) + len(MATROSKA_SEGMENT)
    if not head.startswith(MATROSKA_HEAD) or at < len(MATROSKA_SEGMENT) or at >= len(head) or not head[at]:
        return False
    length_bytes = 9 - head[at].bit_length()
    length = int.from_bytes(head[at : at + length_bytes], "big") & (1 << 7 * length_bytes) - 1
    unknown = length == (1 << 7 * length_bytes) - 1
    return unknown or source.peek(at + length_bytes + length, len(MATROSKA_HEAD)) == MATROSKA_HEAD


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


def is_unordered(container: Any, codec: str, source: Source) -> bool:
    """Whether times of showing are missing: AVI and ASF have times in the order of coding, H.264 and HEVC show in
    another. Of MXF it depends on whether its index tells the order, so its first packets are read."""
    name = container.format.name
    if codec not in ("h264", "hevc") or name not in ("avi", "asf", "mxf"):
        return False
    return name != "mxf" or (source.reopens and _shown_as_coded(source))


def _shown_as_coded(source: Source) -> bool:
    """Whether pictures change places, and the first packets are yet due to be shown when they are to be decoded."""
    container: Any = source.open()
    try:
        stream = container.streams.video[0]
        packets = (packet for packet in container.demux(stream) if packet.size)
        reorders = bool(stream.codec_context.has_b_frames)
        return reorders and all(packet.pts == packet.dts for packet in islice(packets, _ORDER_PACKETS))
    except AV_ERRORS:
        return False
    finally:
        container.close()


class SlotClock:
    """Puts pictures that come out in the order of showing into the slots in which their packets went in.

    A decoder gives each picture the slot of the packet that it took last, which is a constant number of slots ahead:
    by so many, the first picture comes after the keyframe that decoding began at.
    """

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Forget everything: decoding begins anew."""
        self._slots: deque[int] = deque()  # of packets that no picture has come for yet, and the one of the last
        self._ahead: int | None = None
        self._begun = False

    def take(self, packet: Any) -> None:
        """Note a packet that is about to be decoded."""
        if packet.dts is not None:
            self._slots.append(packet.dts)

    def set(self, frame: Any) -> None:
        """Give a picture its time."""
        if self._begun and len(self._slots) > 1:
            self._slots.popleft()
        self._begun = True
        if frame.dts is not None and frame.dts in self._slots:
            index = self._slots.index(frame.dts)
            self._ahead = index if self._ahead is None else self._ahead
            for _ in range(index - self._ahead):  # of pictures that were lost
                self._slots.popleft()
        frame.pts = self._slots[0] if self._slots else None
