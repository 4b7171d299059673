"""The identity of a video stream: a hash of its coded pictures that another container does not change."""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from ...video.decoder import Decoder
from ...video.restart import canonical_name, nal_length_bytes, nal_units, obu_units
from ...video.source import AV_ERRORS, Source, source_of

HASH_BYTES = 16
SAME_TIME_SECONDS = 0.001
"""Matroska rounds times to milliseconds; a picture at the edge of a span must be on the same side in any container."""
SEEK_SECONDS, SEEK_BACK_SECONDS = 10.0, 3.0

_MPEG4_PICTURE = b"\0\0\1\xb6"
_AV1_LEFT_OUT = (2, 7, 8, 15)  # temporal delimiters, repeated headers, tile lists, padding: containers drop or add them


@dataclass(frozen=True)
class Coded:
    """What packets tell undecoded: the codec's name, and the hash of their pictures, 32 hex digits ("" for none)."""

    codec: str
    hash: str


def coded(
    video: str | os.PathLike[str] | BinaryIO,
    start_seconds: float | None = None,
    end_seconds: float | None = None,
    alive: Callable[[], None] = lambda: None,
) -> Coded:
    """Hash the coded pictures of a video, or those that are first shown in ``[start_seconds, end_seconds)``.

    Nothing is decoded. The same stream has the same hash in every container: of H.264 and HEVC only slices count (not
    parameter sets, delimiters or length fields), of MPEG-4 part 2 only pictures, of AV1 all but delimiters and padding;
    of other codecs whole packets. Times do not count. A damaged file is hashed as far as it can be read.

    An open file is read from where it stands, and stands there again afterwards; one that cannot seek is not read.
    ``alive`` is called for every packet.

    Raises VideoError when there is no video stream.
    """
    if isinstance(video, (str, os.PathLike)):
        return _coded(source_of(video), start_seconds, end_seconds, alive)
    source = source_of(video)
    home = video.tell() if source.reopens else 0
    try:
        return _coded(source, start_seconds, end_seconds, alive)
    finally:
        if source.reopens:
            video.seek(home)


def _coded(source: Source, start_seconds: float | None, end_seconds: float | None, alive: Callable[[], None]) -> Coded:
    if not source.reopens:
        return Coded("", "")
    decoder = Decoder(source)
    try:
        context = decoder.stream.codec_context
        name = canonical_name(context)
        digest = hashlib.blake2b(digest_size=HASH_BYTES)
        pictures = _pictures_of(name, bytes(context.extradata or b""))
        count = 0
        for packet in _span(decoder, source, start_seconds, end_seconds):
            count += 1
            alive()
            for piece in pictures(bytes(packet)):
                digest.update(piece)
        return Coded(name, digest.hexdigest() if count else "")
    finally:
        decoder.close()


def _span(decoder: Decoder, source: Source, start: float | None, end: float | None) -> Iterator[Any]:
    """The packets whose pictures are first shown in the span, in the order of the file."""
    if start is not None and start > SEEK_SECONDS:
        later = Decoder(source, decoder.zero)
        try:
            packets = _from(later, start)
            if packets is not None:
                yield from _inside(packets, later, start, end)
                return
        finally:
            later.close()
    yield from _inside(_packets(decoder), decoder, start, end)


def _from(decoder: Decoder, start: float) -> Iterator[Any] | None:
    """Packets from a keyframe before the start on; None where seeking did not lead there."""
    if not decoder.seek(start - SEEK_BACK_SECONDS):
        return None
    packets = _packets(decoder)
    for packet in packets:
        shown = _seconds(decoder, packet.pts)
        if packet.is_keyframe:
            return _chain(packet, packets) if shown is not None and shown <= start else None
    return None


def _chain(first: Any, others: Iterator[Any]) -> Iterator[Any]:
    yield first
    yield from others


def _inside(packets: Iterable[Any], decoder: Decoder, start: float | None, end: float | None) -> Iterator[Any]:
    if start is None and end is None:
        yield from packets
        return
    low = float("-inf") if start is None else start - SAME_TIME_SECONDS
    high = float("inf") if end is None else end - SAME_TIME_SECONDS
    for packet in packets:
        decoded = _seconds(decoder, packet.dts)
        shown = _seconds(decoder, packet.pts)
        shown = decoded if shown is None else shown
        if decoded is not None and decoded >= high:  # a picture is never shown before it is decoded
            return
        if shown is not None and low <= shown < high:
            yield packet


def _packets(decoder: Decoder) -> Iterator[Any]:
    packets = decoder.container.demux(decoder.stream)
    while True:
        try:
            packet = next(packets, None)
        except AV_ERRORS:
            return
        if packet is None:
            return
        if packet.size:
            yield packet


def _seconds(decoder: Decoder, ticks: int | None) -> float | None:
    return None if ticks is None else float(ticks * decoder.time_base - decoder.zero)


def _pictures_of(codec: str, extradata: bytes) -> Callable[[bytes], Iterable[bytes]]:
    """What of a packet is the picture itself, for this codec."""
    if codec == "h264":
        length = nal_length_bytes(codec, extradata)
        return lambda data: (nal for nal in nal_units(data, length) if nal and 1 <= nal[0] & 31 <= 5)
    if codec == "hevc":
        length = nal_length_bytes(codec, extradata)
        return lambda data: (nal for nal in nal_units(data, length) if nal and nal[0] >> 1 & 63 < 32)
    if codec == "mpeg4":
        return lambda data: (data[max(data.find(_MPEG4_PICTURE), 0) :],)
    if codec == "av1":
        return lambda data: itertools.chain.from_iterable(
            (bytes([header]), payload) for header, payload in obu_units(data) if header >> 3 & 15 not in _AV1_LEFT_OUT
        )
    return lambda data: (data,)
