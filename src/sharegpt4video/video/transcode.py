"""Cutting by decoding and coding again: every picture of a span at its own time, and the sound that goes with it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
from av.video.frame import PictureType

from ..cores import cores, ordinary_priority
from ..errors import VideoError
from .decoder import Decoder
from .picture import Converter, Orientation, displayed_size, orientation_of
from .skip import SAME_TIME_SECONDS
from .sound import Sound
from .tone import HDR_TRANSFERS

FINEST_TIME_BASE = 1_000_000
LEAST_TIME_BASE = 90_000
_KEPT_FORMATS = ("yuv420p", "yuvj420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le", "yuv444p10le")
_BT709 = 1


@dataclass(frozen=True)
class Coding:
    """How pictures are re-encoded. ``crf`` is the encoder's quality, lower is better; ``preset`` its speed.

    With ``side_pixels`` they are made small: upright, of square pixels, at most so long on the longer side, and in the
    colours that every player shows.
    """

    codec: str = "libx264"
    crf: int = 18
    preset: str = "fast"
    side_pixels: int | None = None

    @property
    def options(self) -> dict[str, str]:
        if self.codec.startswith("libvpx"):
            return {"crf": str(self.crf), "b": "0", "deadline": "good", "cpu-used": "4", "row-mt": "1"}
        # The last picture is made a keyframe, so that its own length can be written down; see `Pictures.finish`.
        return {"crf": str(self.crf), "preset": self.preset, "forced-idr": "1"}


@dataclass(frozen=True)
class Coded:
    """Which part of the source was re-encoded, in seconds of its clock, and what is to be said about it."""

    start_seconds: float
    end_seconds: float
    frames: int
    warnings: tuple[str, ...]


def transcode(
    decoder: Decoder, output: Any, start_seconds: float, end_seconds: float, coding: Coding, sound: Sound
) -> Coded:
    """Decode ``[start_seconds, end_seconds)``, code it again and write it with its sound.

    Raises VideoError when nothing of the span is shown.
    """
    pictures: Pictures | None = None
    for shown in decoder.shown(start_seconds if start_seconds > 0 else None):
        if shown.start_seconds >= end_seconds - SAME_TIME_SECONDS:
            break
        if shown.end_seconds <= start_seconds + SAME_TIME_SECONDS:
            continue
        if pictures is None:
            start_seconds = max(start_seconds, shown.start_seconds)
            pictures = Pictures(output, decoder, shown.picture, coding)
            sound.begin(Fraction(start_seconds) + decoder.zero, end_seconds - start_seconds)
        at, last_end = max(shown.start_seconds - start_seconds, 0.0), min(shown.end_seconds, end_seconds)
        pictures.push(shown.picture, at)
        sound.until(at)
    if pictures is None:
        raise VideoError(f"{decoder.source.name}: nothing is shown from {start_seconds:.3f} s to {end_seconds:.3f} s")
    pictures.finish(last_end - start_seconds)
    sound.until(last_end - start_seconds)
    warnings = (*decoder.losses.sentences(), *pictures.warnings, *sound.warnings)
    return Coded(start_seconds, last_end, pictures.count, warnings)


class Pictures:
    """Codes pictures at given times; each is held back until its length is known.

    With ``rate``, all times are multiples of its inverse.
    """

    def __init__(
        self, output: Any, decoder: Decoder, first: av.VideoFrame, coding: Coding, *, rate: Fraction | None = None
    ) -> None:
        self.count = 0
        self.warnings: list[str] = []
        self._output = output
        self._base = 1 / rate if rate else fine_time_base(decoder.time_base)
        self._prepare = _preparer(decoder, first, coding)
        self._held: tuple[av.VideoFrame, int] | None = None
        self._durations: dict[int, int] = {}
        picture = self._prepare(first)
        fps = rate or Fraction(decoder.average_fps or 25).limit_denominator(1001)
        self.width, self.height = picture.width, picture.height
        self._stream = output.add_stream(coding.codec, rate=max(fps, Fraction(1)), options=coding.options)
        _describe(self._stream, picture, _aspect(decoder, first, coding), self._base)
        if int(first.color_trc) in HDR_TRANSFERS and not coding.side_pixels:
            self.warnings.append("the picture is HDR: brightness and colours are kept, its mastering data is not")

    def push(self, frame: av.VideoFrame, seconds: float) -> None:
        ticks = round(seconds / self._base)
        if self._held is not None:
            held, since = self._held
            if ticks <= since:
                return
            self._encode(held, since, ticks - since)
        self._held = self._prepare(frame), ticks

    def finish(self, end_seconds: float) -> None:
        """Code the last picture, as a keyframe: it then comes last in the file too, where its length can be given."""
        assert self._held is not None
        frame, since = self._held
        frame.pict_type = PictureType.I
        self._encode(frame, since, max(round(end_seconds / self._base) - since, 1))
        self._mux(self._stream.encode(None))

    def _encode(self, frame: av.VideoFrame, ticks: int, duration: int) -> None:
        frame.pts, frame.time_base = ticks, self._base
        self._durations[ticks] = duration
        self.count += 1
        with ordinary_priority() if self.count == 1 else nullcontext():  # the first picture opens the encoder
            packets = self._stream.encode(frame)
        self._mux(packets)

    def _mux(self, packets: list[Any]) -> None:
        for packet in packets:
            packet.duration = self._durations.pop(packet.pts, packet.duration)
            self._output.mux(packet)


def fine_time_base(base: Fraction) -> Fraction:
    """A clock on which the source's times are whole ticks and any other is hit closely."""
    factor = -(-LEAST_TIME_BASE // base.denominator)
    ticks = base.denominator * factor
    return Fraction(1, ticks if ticks <= FINEST_TIME_BASE else FINEST_TIME_BASE)


def _describe(stream: Any, picture: av.VideoFrame, aspect: Fraction | None, base: Fraction) -> None:
    context = stream.codec_context
    stream.width, stream.height, stream.pix_fmt = picture.width, picture.height, picture.format.name
    stream.time_base = context.time_base = base
    context.thread_count = cores()
    if aspect:
        context.sample_aspect_ratio = aspect
    for name in ("color_range", "color_primaries", "color_trc", "colorspace"):
        setattr(context, name, int(getattr(picture, name)))


def _aspect(decoder: Decoder, first: av.VideoFrame, coding: Coding) -> Fraction | None:
    """The shape of a coded pixel once the picture is upright; RGB is stretched to square ones before it is coded."""
    aspect: Fraction | None = decoder.stream.sample_aspect_ratio
    if not aspect or coding.side_pixels or not _is_yuv(first.format.name):
        return None
    return 1 / aspect if orientation_of(first).transposed else aspect


def _is_yuv(name: str) -> bool:
    return name.startswith(("yuv", "nv", "p0", "p2", "gray", "yuyv", "uyvy")) and not name.startswith("yuva")


def _preparer(decoder: Decoder, first: av.VideoFrame, coding: Coding) -> Callable[[av.VideoFrame], av.VideoFrame]:
    """What makes a decoded picture one that the encoder takes: upright, of one size and format."""
    turned = orientation_of(first)
    if coding.side_pixels or not _is_yuv(first.format.name):
        width, height = displayed_size(first, decoder.stream.sample_aspect_ratio, turned)
        converter, share = Converter(turned), min((coding.side_pixels or max(width, height)) / max(width, height), 1.0)
        width, height = (max(round(side * share) // 2 * 2, 2) for side in (width, height))
        return lambda frame: _from_rgb(converter.rgb(frame, width, height))
    name = _coded_format(first, coding)
    turn = _Turn(turned) if turned != Orientation() else None

    def prepare(frame: av.VideoFrame) -> av.VideoFrame:
        if (frame.format.name, frame.width, frame.height) != (name, first.width, first.height):
            frame = frame.reformat(width=first.width, height=first.height, format=name)
        frame = turn(frame) if turn else frame
        frame.pict_type = PictureType.NONE  # else the encoder would repeat the source's choice of keyframes
        return frame

    return prepare


def _from_rgb(pixels: Any) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(pixels, "rgb24").reformat(format="yuv420p", dst_colorspace="itu709")
    frame.colorspace = frame.color_primaries = frame.color_trc = _BT709
    frame.color_range = 1
    return frame


def _coded_format(frame: av.VideoFrame, coding: Coding) -> str:
    """The pixel format to code in: the picture's own where encoder and players take it, else the nearest."""
    name = frame.format.name
    taken = {each.name for each in av.Codec(coding.codec, "w").video_formats or ()}
    deep = any(component.bits > 8 for component in frame.format.components)
    if name not in _KEPT_FORMATS or name not in taken:
        name = "yuv420p10le" if deep and "yuv420p10le" in taken else "yuv420p"
    odd = frame.width % 2 or frame.height % 2
    if odd and not coding.codec.startswith("libvpx"):
        name = "yuv444p10le" if name.endswith("10le") else "yuv444p"  # halved colour needs even sides
    return name


class _Turn:
    """Turns pictures upright without changing their values."""

    def __init__(self, orientation: Orientation) -> None:
        self._filters = [
            *([("transpose", "cclock_flip")] if orientation.transposed else []),
            *([("hflip", "")] if orientation.mirrored_x else []),
            *([("vflip", "")] if orientation.mirrored_y else []),
        ]
        self._graph: Any = None

    def __call__(self, frame: av.VideoFrame) -> av.VideoFrame:
        if self._graph is None:
            self._graph = self._build(frame)
        self._graph.push(frame)
        turned: av.VideoFrame = self._graph.pull()
        return turned

    def _build(self, frame: av.VideoFrame) -> Any:
        graph = av.filter.Graph()
        nodes = [
            graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 90_000))
        ]
        nodes += [graph.add(name, options) for name, options in self._filters]
        nodes.append(graph.add("buffersink"))
        graph.link_nodes(*nodes)
        graph.configure()
        return graph
