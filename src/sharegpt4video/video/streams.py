"""Which stream of a file is its video: the film, not a cover, a thumbnail or a still picture beside it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import av

from ..errors import VideoError
from .restart import canonical_name
from .source import AV_ERRORS, MAX_SIDE_PIXELS, Source, max_pixels, source_of

_DEFAULT, _NO_FILM = 0x1, 0x400 | 0x800  # AV_DISPOSITION_*: attached pictures, timed thumbnails
_PROBE_PACKETS = 600
_ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}  # FFmpeg's own decoders leave the second picture out


@dataclass(frozen=True)
class _Candidate:
    stream: Any
    pictures: int
    seconds: float

    @property
    def moves(self) -> bool:
        return self.pictures > 1

    def text(self) -> str:
        context = self.stream.codec_context
        length = f", {self.seconds:.1f} s" if self.seconds else ""
        return f"{self.stream.index} ({context.name}, {self.stream.width}x{self.stream.height}{length})"


def main_stream(container: Any, source: Source) -> tuple[Any, str]:
    """The stream to read, and a sentence that names the others where another film could have been meant ("" if not).

    Of several, those that move go first, then the default ones, the longest, those with the most pictures (half as many
    are as many: another frame rate is no other film), the largest. Raises VideoError where there is none.
    """
    name = source.name
    found = [s for s in container.streams.video if not _disposition(s) & _NO_FILM]
    if not found:
        raise VideoError(f"{name}: no video stream found; is it an audio file? (ffprobe lists its streams)")
    known = [s for s in found if s.codec_context is not None]
    if not known:
        raise VideoError(f"{name}: its video codec is not known to this FFmpeg; convert it to H.264 first")
    candidates = _candidates(known, source) if len(known) > 1 else [_Candidate(known[0], 0, 0.0)]
    longest, most = max(c.seconds for c in candidates), max(c.pictures for c in candidates)
    best = max(
        candidates,
        key=lambda c: (
            c.moves,
            _disposition(c.stream) & _DEFAULT,
            c.seconds >= longest / 2,
            c.pictures >= most / 2,
            c.stream.width * c.stream.height,
        ),
    )
    if too_large(best.stream.width, best.stream.height):
        raise VideoError(
            f"{name}: pictures of {best.stream.width}x{best.stream.height} are over the limit of {MAX_SIDE_PIXELS} "
            f"pixels a side and {max_pixels()} in all; the header may be damaged, else scale the video down first"
        )
    others = [c.text() for c in candidates if c is not best and (c.moves or not best.moves)]
    if not others:
        return best.stream, ""
    return best.stream, f"of its {len(others) + 1} videos, stream {best.text()} was read, not {' or '.join(others)}"


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[tuple[Any, Any]]:
    """A file's container and the stream to read, for who decodes without caring for times.

    Playlists and pictures over the limit are refused as everywhere. Raises VideoError, and PyAV's ``AV_ERRORS`` while
    pictures are read.
    """
    source = source_of(path)
    container: Any = source.open()
    with container:
        stream, _ = main_stream(container, source)
        stream.codec_context.options = {"max_pixels": str(max_pixels())}
        yield container, stream


def has_alpha_layer(stream: Any) -> bool:
    """Whether transparency comes beside the pictures, as a second coded one: VP8 and VP9 in WebM and Matroska."""
    return str(stream.metadata.get("alpha_mode", stream.metadata.get("ALPHA_MODE", ""))) == "1"


def decoder_of(stream: Any) -> tuple[Any, str]:
    """The decoder that shows all of a stream, and a sentence about what it cannot show ("" if there is nothing)."""
    other = _ALPHA_DECODERS.get(canonical_name(stream.codec_context)) if has_alpha_layer(stream) else None
    if other is None:
        return stream.codec_context, ""
    try:
        return av.CodecContext.create(other, "r"), ""
    except AV_ERRORS:
        return (
            stream.codec_context,
            f"its transparency is not shown: this FFmpeg lacks the decoder {other}; reinstall the package av from PyPI",
        )


def too_large(width: int, height: int) -> bool:
    """Whether a picture is over the limits of what is decoded."""
    return max(width, height) > MAX_SIDE_PIXELS or width * height > max_pixels()


def _candidates(streams: list[Any], source: Source) -> list[_Candidate]:
    """What the headers say of each, and where one is silent, what the first packets show."""
    told = [_Candidate(stream, stream.frames or 0, _seconds(stream)) for stream in streams]
    if all(c.pictures and c.seconds for c in told) or not source.reopens:
        return told
    counts, ends = _probe(source)
    return [
        _Candidate(c.stream, c.pictures or counts[c.stream.index], c.seconds or ends.get(c.stream.index, 0.0))
        for c in told
    ]


def _seconds(stream: Any) -> float:
    """The length of a stream by its header, or by the tag that Matroska files carry (``00:00:04.800000000``)."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    try:
        hours, minutes, seconds = str(stream.metadata.get("DURATION", "")).split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    except ValueError:
        return 0.0


def _probe(source: Source) -> tuple[Counter[int], dict[int, float]]:
    """How many packets each video stream has among the first, and when the last of them is shown."""
    counts: Counter[int] = Counter()
    ends: dict[int, float] = {}
    container: Any = source.open()
    try:
        for packet in container.demux(container.streams.video):
            if not packet.size:
                continue
            counts[packet.stream.index] += 1
            if packet.pts is not None:
                ends[packet.stream.index] = float(packet.pts * packet.time_base)
            if sum(counts.values()) >= _PROBE_PACKETS:
                break
    except AV_ERRORS:
        pass  # what is damaged shows when it is decoded
    finally:
        container.close()
    return counts, ends


def _disposition(stream: Any) -> int:
    return int(stream.disposition.value)
