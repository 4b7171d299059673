"""Colours, sizes and orientations against pictures whose every value was chosen by the test."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from media import corners, number_of, numbered_run, quadrants, solid, write_video
from sharegpt4video.video.reader import VideoReader

COLOUR = (200, 60, 30)
WEIGHTS = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722), "bt2020": (0.2627, 0.0593)}


def yuv_of(rgb: tuple[int, int, int], matrix: str, full: bool, depth: int) -> tuple[int, int, int]:
    """One colour in YUV, by the definition of ITU-R BT.601, 709 and 2020."""
    kr, kb = WEIGHTS[matrix]
    r, g, b = (value / 255 for value in rgb)
    y = kr * r + (1 - kr - kb) * g + kb * b
    u, v = (b - y) / (2 - 2 * kb), (r - y) / (2 - 2 * kr)
    scale = 1 << depth - 8
    if full:
        top = (1 << depth) - 1
        return round(y * top), round(u * top) + 128 * scale, round(v * top) + 128 * scale
    return round((16 + 219 * y) * scale), round((128 + 224 * u) * scale), round((128 + 224 * v) * scale)


def yuv_frame(values: tuple[int, int, int], pix_fmt: str, width: int = 64, height: int = 48) -> av.VideoFrame:
    frame = av.VideoFrame(width, height, pix_fmt)
    for plane, value in zip(frame.planes, values, strict=True):
        wide = "10" in pix_fmt
        plane.update(np.full(plane.buffer_size // (2 if wide else 1), value, np.uint16 if wide else np.uint8).tobytes())
    return frame


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize(("matrix", "space"), [("bt601", 6), ("bt601", 5), ("bt709", 1), ("bt601", None)])
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv444p", "yuv420p10le"])
@pytest.mark.parametrize("side", [None, 32])
def test_the_named_matrix_and_range_are_used(
    tmp_path: Path, full: bool, matrix: str, space: int | None, pix_fmt: str, side: int | None
) -> None:
    values = yuv_of(COLOUR, matrix, full, 10 if "10" in pix_fmt else 8)
    frame = yuv_frame(values, pix_fmt)
    tags = {"color_range": 2 if full else 1} | ({"colorspace": space} if space else {})
    for name, value in tags.items():
        setattr(frame, name, value)
    write_video(tmp_path / "c.mkv", [frame], codec="ffv1", pix_fmt=pix_fmt, tags=tags)
    decoded = next(VideoReader(tmp_path / "c.mkv").decoded())
    pixels = decoded.frame(side).pixels
    assert np.abs(pixels.astype(int) - COLOUR).max() <= 4, pixels[0, 0]
    assert np.abs(decoded.small(16).astype(int) - COLOUR).max() <= 4


def test_untagged_high_definition_is_bt709(tmp_path: Path) -> None:
    frame = yuv_frame(yuv_of(COLOUR, "bt709", False, 8), "yuv444p", 1280, 720)
    write_video(tmp_path / "hd.mkv", [frame], codec="ffv1", pix_fmt="yuv444p")
    pixels = next(VideoReader(tmp_path / "hd.mkv").frames(side_pixels=64)).pixels
    assert np.abs(pixels.astype(int) - COLOUR).max() <= 4, pixels[0, 0]


def hdr_pixels(path: Path, level: int, transfer: int) -> np.ndarray[Any, Any]:
    """The grey of a limited-range 10-bit luma `level` in BT.2020 with a transfer curve."""
    frame = yuv_frame((level, 512, 512), "yuv420p10le")
    tags = {"color_trc": transfer, "color_primaries": 9, "colorspace": 9, "color_range": 1}
    for name, value in tags.items():
        setattr(frame, name, value)
    write_video(path, [frame], codec="ffv1", pix_fmt="yuv420p10le", tags=tags)
    with VideoReader(path) as reader:
        assert reader.info.hdr is (transfer != 14)
        return next(reader.frames()).pixels


@pytest.mark.parametrize("transfer", [16, 18])
def test_hdr_greys_stay_grey_and_in_order(tmp_path: Path, transfer: int) -> None:
    greys = [hdr_pixels(tmp_path / "h.mkv", level, transfer)[5, 5].astype(int) for level in range(64, 941, 73)]
    assert all(np.ptp(grey) <= 2 for grey in greys)
    levels = [int(grey[0]) for grey in greys]
    assert levels == sorted(levels)
    assert levels[0] == 0
    assert levels[-1] == 255


@pytest.mark.parametrize(("transfer", "signal"), [(16, 0.5807), (18, 0.75)])
def test_hdr_reference_white_is_bright_and_mid_grey_is_kept(tmp_path: Path, transfer: int, signal: float) -> None:
    """BT.2408: 203 nits is 58 % of PQ and 75 % of HLG. The curve puts it at 0.753 of linear light, 88 % after gamma."""
    white = hdr_pixels(tmp_path / "w.mkv", round(64 + 876 * signal), transfer)[5, 5]
    assert 218 <= white.min() <= white.max() <= 230, white


def test_wide_gamut_colours_become_ordinary_ones(tmp_path: Path) -> None:
    """BT.709 red, written in linear BT.2020 with the matrix of BT.2087 and a 2.2 curve, comes back as BT.709 red."""
    linear = np.array([0.6274, 0.0691, 0.0164])
    coded = tuple(int(value) for value in np.round(255 * linear ** (1 / 2.2)))
    frame = yuv_frame(yuv_of(coded, "bt2020", False, 10), "yuv420p10le")  # type: ignore[arg-type]
    tags = {"color_trc": 14, "color_primaries": 9, "colorspace": 9, "color_range": 1}
    for name, value in tags.items():
        setattr(frame, name, value)
    write_video(tmp_path / "g.mkv", [frame], codec="ffv1", pix_fmt="yuv420p10le", tags=tags)
    pixel = next(VideoReader(tmp_path / "g.mkv").frames()).pixels[5, 5]
    assert pixel[0] > 247
    assert pixel[1:].max() < 30, pixel


UNIT = 1 << 16


@pytest.mark.parametrize(
    ("matrix", "expected", "degrees"),
    [
        ((1, 0, 0, 1), "rgbw", 0),
        ((0, 1, -1, 0), "brwg", 90),  # clockwise: the bottom left comes to the top left
        ((-1, 0, 0, -1), "wbgr", 180),
        ((0, -1, 1, 0), "gwrb", 270),
        ((-1, 0, 0, 1), "grwb", 0),  # mirrored
    ],
)
def test_display_matrix_is_applied(
    tmp_path: Path, matrix: tuple[int, int, int, int], expected: str, degrees: int
) -> None:
    path = tmp_path / "turned.mp4"
    write_video(path, [quadrants()] * 3)
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40
    a, b, c, d = (value * UNIT for value in matrix)
    data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    with VideoReader(path) as reader:
        size = (48, 64) if degrees in (90, 270) else (64, 48)
        assert (reader.info.width, reader.info.height, reader.info.rotation_degrees) == (*size, degrees)
        for decoded in reader.decoded():
            frame = decoded.frame()
            assert (frame.width, frame.height) == size == (decoded.width, decoded.height)
            assert corners(frame.pixels) == corners(decoded.frame(32).pixels) == corners(decoded.small(24)) == expected
            assert max(decoded.small(24).shape) == 24


@pytest.mark.parametrize(("aspect", "width"), [(Fraction(16, 15), 768), (Fraction(1, 2), 360), (Fraction(1, 500), 720)])
def test_pixels_become_square(tmp_path: Path, aspect: Fraction, width: int) -> None:
    path = tmp_path / "wide.mkv"
    write_video(path, [quadrants(720, 576)], aspect=aspect)
    with VideoReader(path) as reader:
        frame = next(reader.frames())
        assert (reader.info.width, reader.info.height) == (frame.width, frame.height) == (width, 576)
        assert corners(frame.pixels) == "rgbw"


@pytest.mark.parametrize("size", [(1, 1), (33, 17), (1, 90), (301, 2)])
@pytest.mark.parametrize("pix_fmt", ["gray", "gray16be", "rgba", "rgb24", "rgb48be"])
def test_odd_sizes(tmp_path: Path, size: tuple[int, int], pix_fmt: str) -> None:
    write_video(tmp_path / "odd.mov", [solid((120, 120, 120), *size)] * 2, codec="png", pix_fmt=pix_fmt)
    check_grey(tmp_path / "odd.mov", size)


@pytest.mark.parametrize("pix_fmt", ["yuv444p", "yuv422p", "yuv420p", "yuv410p", "gray", "bgr0", "yuv444p16le"])
def test_odd_formats(tmp_path: Path, pix_fmt: str) -> None:
    # FFmpeg's conversion from RGB to 16 bits, which only the writer does, spoils the edge of odd widths now and then.
    size = (32, 16) if pix_fmt == "yuv444p16le" else (33, 17)
    write_video(tmp_path / "odd.mkv", [solid((120, 120, 120), *size)] * 2, codec="ffv1", pix_fmt=pix_fmt)
    check_grey(tmp_path / "odd.mkv", size)


def check_grey(path: Path, size: tuple[int, int]) -> None:
    decoded = list(VideoReader(path).decoded())
    assert len(decoded) == 2
    pixels = decoded[0].frame().pixels
    assert pixels.shape == (size[1], size[0], 3)
    assert np.abs(pixels.astype(int) - 120).max() <= 4
    assert max(decoded[0].small(16).shape[:2]) == 16


def test_transparent_parts_are_white(tmp_path: Path) -> None:
    rgba = np.zeros((48, 64, 4), np.uint8)
    rgba[:, 32:] = (255, 0, 0, 255)
    rgba[:24, :32] = (0, 0, 0, 128)
    write_video(tmp_path / "a.mov", [av.VideoFrame.from_ndarray(rgba, "rgba")], codec="png", pix_fmt="rgba")
    pixels = next(VideoReader(tmp_path / "a.mov").frames()).pixels
    assert pixels[40, 10].tolist() == [255, 255, 255]
    assert pixels[40, 50].tolist() == [255, 0, 0]
    assert pixels[10, 10].tolist() == [127, 127, 127]


@pytest.mark.parametrize("transfer", [14, 16, 18])
def test_transparent_parts_of_wide_colours_are_white(tmp_path: Path, transfer: int) -> None:
    rgba = np.zeros((48, 64, 4), np.uint8)
    rgba[:, 32:] = (120, 120, 120, 255)
    frame = av.VideoFrame.from_ndarray(rgba, "rgba").reformat(format="yuva444p10le")
    tags = {"color_trc": transfer, "color_primaries": 9, "colorspace": 9}
    for name, value in tags.items():
        setattr(frame, name, value)
    write_video(tmp_path / "a.mov", [frame], codec="prores_ks", pix_fmt="yuva444p10le", tags=tags)
    decoded = next(VideoReader(tmp_path / "a.mov").decoded())
    for pixels in (decoded.frame().pixels, decoded.small(32)):
        assert pixels[:, 4].min() == 255
        assert pixels[:, -4].max() < 250


def test_thumbnails_are_cached_and_read_only(plain: Path) -> None:
    decoded = next(VideoReader(plain).decoded())
    assert decoded.small(32) is decoded.small(32)
    with pytest.raises(ValueError, match="read-only"):
        decoded.small(32)[0] = 0
    assert decoded.frame(10_000).width == 64


def test_pictures_that_change_size_are_scaled_to_the_first(tmp_path: Path) -> None:
    parts = []
    for width, height in ((64, 48), (128, 96)):
        write_video(tmp_path / "part.ts", numbered_run(10, width, height))
        parts.append((tmp_path / "part.ts").read_bytes())
    (tmp_path / "both.ts").write_bytes(b"".join(parts))
    with VideoReader(tmp_path / "both.ts") as reader:
        frames = [decoded.frame() for decoded in reader.decoded()]
    assert [number_of(frame.pixels) for frame in frames] == [*range(10), *range(10)]
    assert {(frame.width, frame.height) for frame in frames} == {(64, 48)}
    assert "10 pictures of another size were scaled to the size of the first" in reader.warnings
    assert any("clock jumped back" in warning for warning in reader.warnings)
