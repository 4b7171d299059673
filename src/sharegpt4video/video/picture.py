"""From a decoded picture to upright RGB with square pixels, whatever it was coded as."""

from __future__ import annotations

import functools
import threading
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from numpy.typing import NDArray

from ..records import Frame
from .tone import HDR_TRANSFERS, PRIMARIES_BT2020, to_sdr

Pixels = NDArray[np.uint8]

# Numbers of ITU-T H.273, which FFmpeg and the files use.
_MATRICES = {
    1: Colorspace.ITU709,
    4: Colorspace.FCC,
    5: Colorspace.ITU601,
    6: Colorspace.ITU601,
    7: Colorspace.SMPTE240M,
}
_MATRIX_BT2020 = (9, 10)
_SWS_BT2020 = 9  # not a member of Colorspace before PyAV 18
_RANGE_FULL = 2
# Without it, FFmpeg leaves the last columns of a picture with alpha unwritten at some widths (130, 132, 164).
_SWS_ACCURATE_RND = 0x40000

_ROWS_AT_ONCE = 64  # keeps the wider arrays in between small

MAX_PIXEL_STRETCH = 8
"""Pixel aspect ratios beyond 1:8 and 8:1 are taken for damage and ignored."""


@dataclass(frozen=True)
class Orientation:
    """How to turn a coded picture upright: swap rows and columns first, then mirror."""

    transposed: bool = False
    mirrored_x: bool = False
    mirrored_y: bool = False

    @property
    def rotation_degrees(self) -> int:
        """The clockwise quarter turn in it: 0, 90, 180 or 270."""
        if self.transposed:
            return 90 if self.mirrored_x else 270
        return 180 if self.mirrored_y else 0

    def upright(self, pixels: Pixels) -> Pixels:
        if self.transposed:
            pixels = pixels.transpose(1, 0, 2)
        return pixels[:: -1 if self.mirrored_y else 1, :: -1 if self.mirrored_x else 1]


def orientation_of(frame: av.VideoFrame) -> Orientation:
    """The orientation that a frame's display matrix asks for, to the nearest quarter turn."""
    # PyAV ties a frame whose side data was looked at into a reference cycle, and its memory comes back only with the
    # next garbage collection. So let that happen to a tiny copy.
    matrix = _display_matrix(frame.reformat(width=8, height=8, format="gray"))
    if matrix is None:
        return _quarter_turn(-int(frame.rotation))
    a, b, c, d = (float(matrix[at]) for at in (0, 1, 3, 4))
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return Orientation(False, a < 0, d < 0)
    return Orientation(True, c < 0, b < 0)


def _display_matrix(frame: av.VideoFrame) -> NDArray[np.int32] | None:
    try:
        side: Any = frame.side_data.get("DISPLAYMATRIX")
    except (KeyError, ValueError):  # kinds of side data that this PyAV has no name for
        return None
    matrix = None if side is None else np.frombuffer(bytes(side), np.int32)
    return matrix if matrix is not None and len(matrix) == 9 and matrix[[0, 1, 3, 4]].any() else None


def _quarter_turn(clockwise_degrees: int) -> Orientation:
    turns = round(clockwise_degrees / 90) % 4
    return (
        Orientation(),
        Orientation(True, True, False),
        Orientation(False, True, True),
        Orientation(True, False, True),
    )[turns]


def displayed_size(frame: av.VideoFrame, aspect: Fraction | None, orientation: Orientation) -> tuple[int, int]:
    """Width and height on screen: the width stretched to square pixels, then turned upright."""
    width, height = frame.width, frame.height
    if aspect and Fraction(1, MAX_PIXEL_STRETCH) <= aspect <= MAX_PIXEL_STRETCH:
        width = max(1, round(width * aspect))
    return (height, width) if orientation.transposed else (width, height)


def fitted_size(width: int, height: int, side_pixels: int) -> tuple[int, int]:
    """The size whose longer side is `side_pixels`, of the same shape."""
    scale = side_pixels / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


class Converter:
    """Makes RGB arrays from decoded frames; one per video, safe to use from several threads.

    YUV is read with the matrix and the range that the file names; without a name, with BT.709 from 720 lines up and
    BT.601 below, as players do. Transparent parts show white. HDR (PQ, HLG) and BT.2020 become BT.709, see `tone`.
    """

    def __init__(self, orientation: Orientation) -> None:
        self._orientation = orientation
        self._lock = threading.Lock()
        self._scaler = functools.lru_cache(maxsize=4)(lambda _width, _height, _kind: VideoReformatter())

    def rgb(self, frame: av.VideoFrame, width: int, height: int, *, quick: bool = False) -> Pixels:
        """The frame as upright RGB of `width` x `height`; `quick` trades sharpness of detail for time."""
        size = (height, width) if self._orientation.transposed else (width, height)
        transfer, primaries = int(frame.color_trc), int(frame.color_primaries)
        wide = transfer in HDR_TRANSFERS or primaries == PRIMARIES_BT2020
        seen_through = _has_alpha(frame)
        with self._lock:
            pixels = self._scaled(frame, *size, "rgba" if seen_through else "rgb48le" if wide else "rgb24", quick)
            bright = self._scaled(frame, *size, "rgb48le", quick) if wide and seen_through else pixels
        if wide:
            sdr = to_sdr(bright, transfer, primaries)
            pixels = np.dstack([sdr, pixels[..., 3:]]) if seen_through else sdr
        if seen_through:
            pixels = _over_white(pixels)
        return np.ascontiguousarray(self._orientation.upright(pixels))

    def _scaled(self, frame: av.VideoFrame, width: int, height: int, kind: str, quick: bool) -> NDArray[Any]:
        scaler: Any = self._scaler(width, height, kind)
        smaller = width < frame.width or height < frame.height
        how: Any = Interpolation.FAST_BILINEAR if quick else Interpolation.AREA if smaller else Interpolation.BICUBIC
        if kind == "rgba":
            how = int(how) | _SWS_ACCURATE_RND
        colours: dict[str, Any] = {}
        if not frame.format.is_rgb:
            matrix = _matrix(frame)
            colours = {"src_colorspace": matrix, "dst_colorspace": matrix}
            colours |= {"src_color_range": _range(frame), "dst_color_range": ColorRange.JPEG}
        scaled = scaler.reformat(frame, width, height, kind, interpolation=how, threads=1, **colours)
        array: NDArray[Any] = scaled.to_ndarray()
        return array


def _matrix(frame: av.VideoFrame) -> Any:
    named = int(frame.colorspace)
    if named in _MATRIX_BT2020:
        return _SWS_BT2020
    return _MATRICES.get(
        named, Colorspace.ITU709 if max(frame.height, frame.width * 9 // 16) >= 720 else Colorspace.ITU601
    )


def _range(frame: av.VideoFrame) -> ColorRange:
    full = frame.color_range == _RANGE_FULL or frame.format.name.startswith("yuvj")
    return ColorRange.JPEG if full else ColorRange.MPEG


def _has_alpha(frame: av.VideoFrame) -> bool:
    name = frame.format.name
    return name == "pal8" or "a" in name.replace("gray", "").replace("bayer", "").replace("pal8", "").replace(
        "planar", ""
    )


def _over_white(pixels: Pixels) -> Pixels:
    out = np.empty((*pixels.shape[:2], 3), np.uint8)
    for row in range(0, len(pixels), _ROWS_AT_ONCE):
        part = pixels[row : row + _ROWS_AT_ONCE]
        alpha = part[..., 3:].astype(np.uint16)
        out[row : row + _ROWS_AT_ONCE] = (part[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255
    return out


class DecodedFrame:
    """A frame as decoded, with its time; pixels are converted when asked for.

    On screen in ``[seconds, end_seconds)``. ``width`` and ``height`` are as displayed, the same for all frames of a
    video. Holds the decoder's own picture: keep a few, not thousands.
    """

    __slots__ = (
        "_converter",
        "_picture",
        "_thumbnails",
        "duration_seconds",
        "end_seconds",
        "height",
        "seconds",
        "width",
    )

    def __init__(
        self, picture: av.VideoFrame, seconds: float, end_seconds: float, size: tuple[int, int], converter: Converter
    ) -> None:
        self._picture = picture
        self._converter = converter
        self._thumbnails: dict[int, Pixels] = {}
        self.seconds = seconds
        self.end_seconds = end_seconds
        self.duration_seconds = end_seconds - seconds
        self.width, self.height = size

    def frame(self, side_pixels: int | None = None) -> Frame:
        """Upright RGB with square pixels; the longer side at most `side_pixels`, never enlarged."""
        size = self.width, self.height
        if side_pixels is not None and side_pixels < max(size):
            size = fitted_size(*size, side_pixels)
        return Frame(self._converter.rgb(self._picture, *size), self.seconds, self.duration_seconds)

    def small(self, side_pixels: int) -> Pixels:
        """A cheap upright RGB thumbnail (height, width, 3) whose longer side is `side_pixels`; read-only, cached."""
        if side_pixels not in self._thumbnails:
            size = fitted_size(self.width, self.height, side_pixels)
            pixels = self._converter.rgb(self._picture, *size, quick=True)
            pixels.flags.writeable = False
            self._thumbnails[side_pixels] = pixels
        return self._thumbnails[side_pixels]

    def __repr__(self) -> str:
        return f"DecodedFrame({self.width}x{self.height} at {self.seconds:.3f} s for {self.duration_seconds:.3f} s)"
