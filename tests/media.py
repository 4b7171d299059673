"""Clips made by construction: pictures that carry a number, written at times of our choosing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import IO, Any

import av
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

_COLUMNS, _ROWS = 4, 4  # sixteen black or white cells hold a number up to 65 535


def solid(rgb: tuple[int, int, int], width: int = 64, height: int = 48) -> Picture:
    """A picture of one colour."""
    picture = np.empty((height, width, 3), np.uint8)
    picture[:] = rgb
    return picture


def numbered(number: int, width: int = 64, height: int = 48) -> Picture:
    """A picture whose 4 x 4 cells spell `number` in binary, black for 0, white for 1; read back by `number_of`."""
    picture = np.zeros((height, width, 3), np.uint8)
    for bit in range(_COLUMNS * _ROWS):
        if number >> bit & 1:
            picture[_cell(bit, width, height)] = 255
    return picture


def number_of(pixels: Picture) -> int:
    """The number that `numbered` put into a picture, after any scaling and lossy coding."""
    height, width = pixels.shape[:2]
    return sum(int(pixels[_cell(bit, width, height)].mean() > 127) << bit for bit in range(_COLUMNS * _ROWS))


def quadrants(width: int = 64, height: int = 48) -> Picture:
    """Red, green, blue, white from the top left, row by row."""
    picture = np.zeros((height, width, 3), np.uint8)
    for at, colour in enumerate([(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)]):
        row, column = divmod(at, 2)
        picture[row * height // 2 : (row + 1) * height // 2, column * width // 2 : (column + 1) * width // 2] = colour
    return picture


def corners(pixels: Picture) -> str:
    """The quadrants' colours as letters, row by row."""
    height, width = pixels.shape[:2]
    names = {(True, False, False): "r", (False, True, False): "g", (False, False, True): "b", (True, True, True): "w"}
    spots = [(y, x) for y in (height // 4, 3 * height // 4) for x in (width // 4, 3 * width // 4)]
    return "".join(names.get(tuple(bool(v > 127) for v in pixels[y, x]), "?") for y, x in spots)


def numbered_run(count: int, width: int = 64, height: int = 48) -> list[Picture]:
    """The pictures numbered 0 to `count` - 1."""
    return [numbered(number, width, height) for number in range(count)]


def _cell(bit: int, width: int, height: int) -> tuple[slice, slice]:
    row, column = divmod(bit, _COLUMNS)
    return (
        slice(row * height // _ROWS, (row + 1) * height // _ROWS),
        slice(column * width // _COLUMNS, (column + 1) * width // _COLUMNS),
    )


def write_video(
    target: str | Path | IO[bytes],
    pictures: Iterable[Picture | av.VideoFrame],
    *,
    fps: float | Fraction = 25,
    pts: Sequence[int] | None = None,
    time_base: Fraction | None = None,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    gop: int = 12,
    b_frames: int = 0,
    container: str | None = None,
    options: Mapping[str, str] | None = None,
    container_options: Mapping[str, str] | None = None,
    aspect: Fraction | None = None,
    tags: Mapping[str, int] | None = None,
    audio_seconds: tuple[float, float] | None = None,
    audio_hertz: Sequence[int] = (440,),
) -> None:
    """Encode `pictures` (RGB arrays, or frames already in `pix_fmt`) at `pts` x `time_base`, by default n / `fps`.

    `tags` sets attributes of the encoder (``color_trc`` and the like); `audio_seconds` adds a tone from one time to
    another, whose pitch in each second is the next of `audio_hertz` (multiples of 50). The last picture lasts as long
    as the encoder says, usually 1/fps.
    """
    rate = Fraction(fps).limit_denominator(1001)
    base = time_base or 1 / rate
    with av.open(
        target if isinstance(target, str) or hasattr(target, "write") else str(target),
        "w",
        format=container,
        options=dict(container_options or {}),
    ) as output:
        stream: Any = output.add_stream(codec, rate=rate, options=_speed(codec) | dict(options or {}))
        stream.pix_fmt, stream.time_base = pix_fmt, base
        settings = {"gop_size": gop, "max_b_frames": b_frames, "time_base": base, **(tags or {})}
        for name, value in (settings | ({"sample_aspect_ratio": aspect} if aspect else {})).items():
            setattr(stream.codec_context, name, value)
        tone = output.add_stream("aac" if codec != "libvpx-vp9" else "libopus", rate=48_000) if audio_seconds else None
        _encode(output, stream, pictures, pts, base)
        if tone is not None and audio_seconds is not None:
            _write_tone(output, tone, *audio_seconds, audio_hertz)


def _encode(
    output: Any, stream: Any, pictures: Iterable[Picture | av.VideoFrame], pts: Sequence[int] | None, base: Fraction
) -> None:
    for index, picture in enumerate(pictures):
        frame = av.VideoFrame.from_ndarray(picture, "rgb24") if isinstance(picture, np.ndarray) else picture
        if index == 0:
            stream.width, stream.height = frame.width, frame.height
        frame = _in_format(frame, stream.pix_fmt)
        frame.pts = index if pts is None else pts[index]
        frame.time_base = base
        output.mux(stream.encode(frame))
    output.mux(stream.encode(None))


def _in_format(frame: av.VideoFrame, pix_fmt: str) -> av.VideoFrame:
    return frame if frame.format.name == pix_fmt else frame.reformat(format=pix_fmt)


def _speed(codec: str) -> dict[str, str]:
    return {
        "libx264": {"preset": "ultrafast", "crf": "18", "sc_threshold": "0"},
        "libx265": {"preset": "ultrafast", "x265-params": "log-level=none"},
        "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "row-mt": "0"},
        "libvpx": {"deadline": "realtime", "cpu-used": "8"},
        "mpeg4": {"qscale": "2"},
    }.get(codec, {})


def _write_tone(
    output: Any, stream: Any, start_seconds: float, end_seconds: float, hertz: Sequence[int] = (440,)
) -> None:
    rate, chunk = 48_000, 960
    first, last = round(start_seconds * rate), round(end_seconds * rate)
    layout_format = stream.codec_context.format.name if stream.codec_context.format else "fltp"
    for at in range(first, last, chunk):
        pitch = hertz[at // rate % len(hertz)]
        wave = (0.2 * np.sin(np.arange(at, at + chunk) * 2 * np.pi * pitch / rate)).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(np.stack([wave, wave]), format="fltp", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = rate, at, Fraction(1, rate)
        if layout_format != "fltp":
            for converted in av.AudioResampler(format=layout_format, layout="stereo", rate=rate).resample(frame):
                converted.pts, converted.time_base = at, Fraction(1, rate)
                output.mux(stream.encode(converted))
        else:
            output.mux(stream.encode(frame))
    output.mux(stream.encode(None))


def write_tone(target: str | Path, seconds: float = 1.0, codec: str = "aac", container: str | None = None) -> None:
    """A file that holds sound and no picture."""
    with av.open(str(target), "w", format=container) as output:
        _write_tone(output, output.add_stream(codec, rate=48_000), 0.0, seconds)
