"""The reader against clips whose every frame and time was chosen by the test."""

from __future__ import annotations

import http.server
import io
import itertools
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media import number_of, numbered, numbered_run, solid, write_tone, write_video
from sharegpt4video.errors import SettingsError, VideoError
from sharegpt4video.video import source
from sharegpt4video.video.reader import VideoReader
from sharegpt4video.video.timing import Losses, Timeline, presentation_zero

MILLISECOND = Fraction(1, 1000)


def seen(path: Any, **part: float) -> list[tuple[int, float, float]]:
    """Number, start and end of every frame."""
    with VideoReader(path, **part) as reader:
        return [(number_of(d.frame().pixels), d.seconds, d.end_seconds) for d in reader.decoded()]


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clips")


@pytest.fixture(scope="module")
def plain(clips: Path) -> Path:
    """60 numbered frames at 25 per second, a keyframe every 12."""
    path = clips / "plain.mp4"
    write_video(path, numbered_run(60), audio_seconds=(0.0, 2.4), container_options={"movflags": "faststart"})
    return path


# --- times ------------------------------------------------------------------------------------------------------------

FORMATS: dict[str, dict[str, Any]] = {
    "h264.mp4": {"b_frames": 2},
    "h264.mkv": {"b_frames": 2},
    "hevc.mp4": {"codec": "libx265", "pix_fmt": "yuv420p10le"},
    "vp9.webm": {"codec": "libvpx-vp9"},
    "ffv1.mkv": {"codec": "ffv1", "pix_fmt": "yuv444p"},
    "mjpeg.avi": {"codec": "mjpeg", "pix_fmt": "yuvj420p"},
    "anim.gif": {"codec": "gif", "pix_fmt": "rgb8"},
    "prores.mov": {"codec": "prores_ks", "pix_fmt": "yuv422p10le"},
    "plain.flv": {"codec": "flv"},
    "vp8.ogv": {"codec": "libvpx", "container": "ogg"},
    "mpeg2.mxf": {"codec": "mpeg2video"},
    "wmv.asf": {"codec": "wmv2"},
    "h264.ts": {},
    "mpeg1.mpg": {"codec": "mpeg1video"},
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_container_gives_all_frames_at_their_times(clips: Path, name: str) -> None:
    write_video(clips / name, numbered_run(30), **FORMATS[name])
    got = seen(clips / name)
    assert [number for number, _, _ in got] == list(range(30))
    assert [start for _, start, _ in got] == pytest.approx([n / 25 for n in range(30)], abs=1e-9)
    assert [end for _, _, end in got] == pytest.approx([(n + 1) / 25 for n in range(30)], abs=1e-3)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 900), min_size=1, max_size=12), st.sampled_from(["mp4", "mkv"]))
def test_variable_frame_rate_comes_back_exactly(
    tmp_path_factory: pytest.TempPathFactory, gaps: list[int], kind: str
) -> None:
    pts = [0, *np.cumsum(gaps).tolist()]
    path = tmp_path_factory.mktemp("vfr") / f"vfr.{kind}"
    write_video(path, numbered_run(len(pts)), pts=pts, time_base=MILLISECOND)
    got = seen(path)
    assert [number for number, _, _ in got] == list(range(len(pts)))
    assert [start for _, start, _ in got] == [n / 1000 for n in pts]
    assert [end for _, _, end in got[:-1]] == [n / 1000 for n in pts[1:]]
    assert got[-1][2] > got[-1][1]


def test_transport_stream_starts_at_zero_wherever_its_clock_stands(clips: Path) -> None:
    path = clips / "late.ts"
    write_video(path, numbered_run(10), pts=[126_000 + 3600 * n for n in range(10)], time_base=Fraction(1, 90_000))
    with av.open(str(path)) as container:
        assert container.start_time == 1_400_000
    assert [start for _, start, _ in seen(path)] == pytest.approx([n / 25 for n in range(10)], abs=1e-9)


def test_picture_that_comes_after_the_sound_keeps_its_delay(clips: Path) -> None:
    path = clips / "delayed.mkv"
    write_video(
        path, numbered_run(10), pts=[300 + 40 * n for n in range(10)], time_base=MILLISECOND, audio_seconds=(0, 0.6)
    )
    got = seen(path)
    assert got[0][1] == pytest.approx(0.3, abs=1e-9)
    assert [frame.seconds for frame in VideoReader(path).frames(every_seconds=0.2)] == pytest.approx([0.3, 0.5])


def test_late_start_without_sound_is_zero(clips: Path) -> None:
    path = clips / "late.mkv"
    write_video(path, numbered_run(5), pts=[5000 + 40 * n for n in range(5)], time_base=MILLISECOND)
    assert [start for _, start, _ in seen(path)] == pytest.approx([n / 25 for n in range(5)])


def test_edit_list_hides_what_a_player_hides(clips: Path) -> None:
    path = clips / "edited.mp4"
    write_video(path, numbered_run(30), gop=1)
    data = bytearray(path.read_bytes())
    at = data.index(b"elst") + 16  # after the tag, version, count and duration: where in the media the edit starts
    scale = struct.unpack(">I", data[data.index(b"mdhd") + 16 :][:4])[0]
    data[at : at + 8] = struct.pack(">iI", scale * 10 // 25, 0x10000)[:8]
    path.write_bytes(data)
    got = seen(path)
    assert got[0][0] == 10
    assert got[0][1] == pytest.approx(0.0, abs=1e-9)
    assert [number for number, _, _ in got] == list(range(10, 30))


def test_presentation_zero() -> None:
    assert presentation_zero(None, None) is None
    assert presentation_zero(Fraction(14, 10), Fraction(14, 10)) == Fraction(14, 10)
    assert presentation_zero(Fraction(1), Fraction(13, 10)) == 1
    assert presentation_zero(Fraction(-7, 1000), Fraction(0)) == 0, "an audio decoder's lead-in moves no picture"
    assert presentation_zero(Fraction(-2), Fraction(-2)) == -2, "negative times are shifted to start at 0"
    assert presentation_zero(Fraction(21_333, 10**6), Fraction(1920, 90_000)) == Fraction(1920, 90_000)


def timed(times: list[float | None], step: float | None = 0.04) -> tuple[list[tuple[int, float, float]], Losses]:
    losses = Losses()
    timeline: Timeline[int] = Timeline(losses, step)
    shown = [s for index, time in enumerate(times) for s in timeline.push(index, time, None)]
    shown += timeline.flush()
    return [(s.picture, s.start_seconds, s.end_seconds) for s in shown], losses


def test_missing_times_follow_the_one_before() -> None:
    got, losses = timed([None, None, 0.2, None, 0.4])
    assert [start for _, start, _ in got] == pytest.approx([0, 0.04, 0.2, 0.24, 0.4])
    assert losses.counts == {"untimed": 3}


def test_repeated_and_backward_times_drop_a_picture_and_count_it() -> None:
    got, losses = timed([0, 0.1, 0.1, 0.2, 0.15, 0.3])
    assert [picture for picture, _, _ in got] == [0, 1, 3, 5]
    assert losses.sentences() == ["2 pictures were dropped because their time did not come after the one before"]


def test_one_wild_time_does_not_spoil_the_rest() -> None:
    got, _ = timed([0, 0.1, 1e9, 0.3, 0.4])
    assert [(picture, start) for picture, start, _ in got] == [(0, 0), (1, 0.1), (3, 0.3), (4, 0.4)]


def test_a_clock_that_starts_again_goes_on() -> None:
    got, losses = timed([100, 100.1, 0, 0.1, 0.2])
    assert [start for _, start, _ in got] == pytest.approx([100, 100.1, 100.14, 100.24, 100.34])
    assert losses.counts == {"jumps": 1}


@settings(max_examples=300, deadline=None)
@given(st.lists(st.none() | st.floats(-1e18, 1e18, allow_nan=False) | st.floats(-3, 3), max_size=30))
def test_times_always_increase_and_tile(times: list[float | None]) -> None:
    got, _ = timed(times)
    assert len(got) >= (1 if times else 0)
    for (_, start, end), (_, following, _) in itertools.pairwise(got):
        assert start < end == following
    if got:
        assert got[-1][1] < got[-1][2]


# --- parts and sampling -----------------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0.001, 2.39), min_size=1, max_size=3, unique=True))
def test_parts_that_touch_tile_the_video(plain: Path, cuts: list[float]) -> None:
    edges = [0.0, *sorted(cuts), 2.4]
    pieces = [
        piece for low, high in itertools.pairwise(edges) for piece in seen(plain, start_seconds=low, end_seconds=high)
    ]
    assert pieces[0][1] == 0.0
    assert pieces[-1][2] == pytest.approx(2.4)
    for (number, _, end), (following, start, _) in itertools.pairwise(pieces):
        assert end == start
        # A cut inside a frame shows it on both sides.
        assert following - number == (0 if start in cuts and int(start * 25) == number else 1)
    assert sorted({number for number, _, _ in pieces}) == list(range(60))


def test_a_part_holds_what_is_on_screen_in_it_cut_to_fit(plain: Path) -> None:
    assert seen(plain, start_seconds=0.5, end_seconds=0.62) == [
        (12, 0.5, 0.52), (13, 0.52, 0.56), (14, 0.56, 0.6), (15, 0.6, 0.62)
    ]  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.floats(0.003, 3.0), st.floats(0.0, 2.3))
def test_every_seconds_gives_the_frame_on_screen(plain: Path, every: float, start: float) -> None:
    shown_at = [start + k * every for k in range(2000) if start + k * every < 2.4 - 1e-5]
    expected = sorted({int((at + 1e-6) * 25 + 1e-9) for at in shown_at})
    with VideoReader(plain, start_seconds=start) as reader:
        assert [number_of(frame.pixels) for frame in reader.frames(every_seconds=every)] == expected


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 59), min_size=1, max_size=6), st.floats(0, 0.039))
def test_at_seconds_gives_one_frame_for_each_time_in_order(plain: Path, numbers: list[int], late: float) -> None:
    with VideoReader(plain) as reader:
        got = [number_of(frame.pixels) for frame in reader.frames(at_seconds=[n / 25 + late for n in numbers])]
    assert got == sorted(numbers)


@pytest.fixture(scope="module")
def long(clips: Path) -> Path:
    """100 s at 5 frames per second, a keyframe every 10 s."""
    path = clips / "long.mkv"
    write_video(path, (numbered(n) for n in range(500)), fps=5, gop=50, b_frames=2)
    return path


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "ts", "avi", "flv"])
def test_far_apart_times_are_reached_by_seeking(clips: Path, suffix: str) -> None:
    path = clips / f"far.{suffix}"
    codec = {"avi": "mpeg4", "flv": "flv"}.get(suffix, "libx264")
    write_video(path, (numbered(n) for n in range(500)), fps=5, gop=50, codec=codec)
    times = [0.0, 3.1, 33.3, 34.9, 71.5, 99.9]
    with VideoReader(path) as reader:
        assert [number_of(frame.pixels) for frame in reader.frames(at_seconds=times)] == [int(t * 5) for t in times]
    assert [number for number, _, _ in seen(path, start_seconds=61.3, end_seconds=62)] == [306, 307, 308, 309]


def test_a_stream_that_cannot_seek_reaches_far_times_too(long: Path) -> None:
    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.file = io.BytesIO(long.read_bytes())

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            return self.file.readinto(buffer)

    times = [0.0, 33.3, 99.9]
    reader = VideoReader(Pipe())  # type: ignore[arg-type]
    assert [number_of(frame.pixels) for frame in reader.frames(at_seconds=times)] == [0, 166, 499]
    with pytest.raises(VideoError, match="cannot seek"):
        list(reader.decoded())
    assert [number for number, _, _ in seen(Pipe(), start_seconds=61.3, end_seconds=62)] == [306, 307, 308, 309]


def test_leaping_ahead_decodes_little(long: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sharegpt4video.video import decoder

    decoded = []
    original = decoder.Decoder._decoded
    monkeypatch.setattr(
        decoder.Decoder, "_decoded", lambda self, packet: decoded.append(packet) or original(self, packet)
    )
    assert len(list(VideoReader(long).frames(at_seconds=[1.0, 90.0]))) == 2
    assert len(decoded) < 60


@pytest.mark.parametrize("at", [-0.1, 2.4, 99.0])
def test_a_time_outside_the_video_names_both_bounds(plain: Path, at: float) -> None:
    with pytest.raises(VideoError, match=r"plain\.mp4: no frame at .* starts at 0\.000 s and ends at 2\.4"):
        list(VideoReader(plain).frames(at_seconds=[0.5, at]))


@pytest.mark.parametrize("how", [{}, {"every_seconds": 1.0}])
def test_a_part_after_the_end_is_an_error(plain: Path, how: dict[str, float]) -> None:
    with pytest.raises(VideoError, match=r"no frame at the part from 7\.000 s to the end"):
        list(VideoReader(plain, start_seconds=7).frames(**how))


@pytest.mark.parametrize(
    "how", [{"every_seconds": 0}, {"every_seconds": float("nan")}, {"every_seconds": 1, "at_seconds": [1]},
            {"at_seconds": [float("inf")]}, {"side_pixels": 0}]
)  # fmt: skip
def test_senseless_sampling_is_refused_at_the_call(plain: Path, how: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        VideoReader(plain).frames(**how)


def test_a_part_has_to_go_forward(plain: Path) -> None:
    with pytest.raises(SettingsError, match="before"):
        VideoReader(plain, start_seconds=2, end_seconds=2)


def test_reading_again_and_side_by_side_gives_the_same(plain: Path) -> None:
    with VideoReader(plain) as reader:
        pairs = [(a.seconds, b.seconds) for a, b in zip(reader.decoded(), reader.decoded(), strict=True)]
        again = [d.seconds for d in reader]
    assert [a for a, _ in pairs] == [b for _, b in pairs] == again
    assert len(again) == 60


def test_closing_while_reading_ends_with_an_error(plain: Path) -> None:
    reader = VideoReader(plain)
    frames = reader.decoded()
    next(frames)
    reader.close()
    with pytest.raises(VideoError, match="closed"):
        list(frames)


# --- pixels -----------------------------------------------------------------------------------------------------------

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


def quadrants(width: int = 64, height: int = 48) -> np.ndarray[Any, Any]:
    """Red, green, blue, white from the top left, row by row."""
    picture = np.zeros((height, width, 3), np.uint8)
    for at, colour in enumerate([(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)]):
        row, column = divmod(at, 2)
        picture[row * height // 2 : (row + 1) * height // 2, column * width // 2 : (column + 1) * width // 2] = colour
    return picture


def corners(pixels: np.ndarray[Any, Any]) -> str:
    """The quadrants' colours as letters, row by row."""
    height, width = pixels.shape[:2]
    names = {(True, False, False): "r", (False, True, False): "g", (False, False, True): "b", (True, True, True): "w"}
    spots = [(y, x) for y in (height // 4, 3 * height // 4) for x in (width // 4, 3 * width // 4)]
    return "".join(names.get(tuple(bool(v > 127) for v in pixels[y, x]), "?") for y, x in spots)


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
@pytest.mark.parametrize("pix_fmt", ["yuv444p", "yuv420p", "gray", "gray16be", "rgba", "gbrp"])
def test_odd_sizes_and_formats(tmp_path: Path, size: tuple[int, int], pix_fmt: str) -> None:
    if pix_fmt == "gray16be" or min(size) > 1 or pix_fmt in ("rgba", "gbrp"):
        codec = "png" if pix_fmt in ("rgba", "gray", "gray16be") else "ffv1"
    else:
        codec = "ffv1"
    if codec == "ffv1" and max(size) > 30 * min(size):
        pytest.skip("the ffv1 encoder refuses so thin a picture")
    picture = solid((120, 120, 120), *size)
    path = tmp_path / f"odd.{'mov' if codec == 'png' else 'mkv'}"
    write_video(path, [picture] * 2, codec=codec, pix_fmt={"gbrp": "bgr0"}.get(pix_fmt, pix_fmt))
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


# --- what is not a good video -----------------------------------------------------------------------------------------


def refused(video: Any) -> str:
    with pytest.raises(VideoError) as caught:
        VideoReader(video)
    return str(caught.value)


class Words:
    def read(self, size: int) -> str:
        return "text"[:size]


def test_every_refusal_says_what_and_why(tmp_path: Path, plain: Path) -> None:
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "words.mp4").write_text("not a video")
    write_tone(tmp_path / "song.m4a")
    assert "No such file" in refused(tmp_path / "none.mp4")
    assert "directory" in refused(tmp_path)
    assert "empty" in refused(tmp_path / "empty.mp4")
    assert "not a video" in refused(str(tmp_path / "words.mp4"))
    assert "no video stream" in refused(tmp_path / "song.m4a")
    assert "not int" in refused(3)
    assert "mode 'rb'" in refused(io.StringIO("text"))
    assert "not bytes" in refused(Words())
    assert "only http" in refused("rtsp://127.0.0.1/stream")
    assert "only http" in refused("concat:///etc/passwd|/etc/hosts")
    assert "No such file" in refused(f"concat:{plain}|{plain}")
    assert "null" in refused("a\0b.mp4").lower()


def test_a_song_with_a_cover_is_not_a_video(tmp_path: Path) -> None:
    path = tmp_path / "song.mp3"
    write_tone(path, codec="libmp3lame")
    jpeg = io.BytesIO()
    write_video(jpeg, [quadrants()], codec="mjpeg", pix_fmt="yuvj420p", container="image2pipe")
    body = b"\0image/jpeg\0\x03\0" + jpeg.getvalue()
    frame = b"APIC" + struct.pack(">I", len(body)) + b"\0\0" + body
    size = bytes(len(frame) >> shift & 0x7F for shift in (21, 14, 7, 0))
    audio = path.read_bytes()
    if audio[:3] == b"ID3":
        audio = audio[
            10
            + int.from_bytes(bytes(4), "big")
            + sum(b << s for b, s in zip(audio[6:10], (21, 14, 7, 0), strict=True)) :
        ]
    path.write_bytes(b"ID3\x03\0\0" + size + frame + audio)
    with av.open(str(path)) as container:
        assert len(container.streams.video) == 1
    assert "no video stream" in refused(path)


@pytest.mark.parametrize(("codec", "suffix", "pix_fmt"), [("mjpeg", "jpg", "yuvj420p"), ("png", "png", "rgb24")])
def test_a_picture_is_a_video_of_one_frame(tmp_path: Path, codec: str, suffix: str, pix_fmt: str) -> None:
    path = tmp_path / f"one.{suffix}"
    write_video(path, [quadrants()], codec=codec, pix_fmt=pix_fmt, container="image2pipe")
    with VideoReader(path) as reader:
        frames = list(reader.frames(every_seconds=2.0))
    assert len(frames) == 1
    assert corners(frames[0].pixels) == "rgbw"
    assert frames[0].seconds == 0.0
    assert frames[0].duration_seconds > 0


def test_a_video_of_one_frame(tmp_path: Path) -> None:
    write_video(tmp_path / "one.mp4", numbered_run(1))
    assert seen(tmp_path / "one.mp4") == [(0, 0.0, 0.04)]


def test_missing_duration_is_none_and_all_frames_come(tmp_path: Path) -> None:
    path = tmp_path / "live.mkv"
    write_video(path, numbered_run(20), container_options={"live": "1"})
    with VideoReader(path) as reader:
        assert reader.info.duration_seconds is None
        assert len(list(reader.decoded())) == 20


def test_a_cut_file_gives_what_is_there_and_says_what_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "cut.mp4"
    write_video(path, numbered_run(100), container_options={"movflags": "faststart"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with VideoReader(path) as reader:
        numbers = [number_of(decoded.frame().pixels) for decoded in reader.decoded()]
    assert 10 < len(numbers) < 80
    assert numbers[:-1] == list(range(len(numbers) - 1)), "only the last may be damaged"
    assert any("header announces 4.00 s" in warning for warning in reader.warnings)


def test_damage_in_the_middle_costs_only_what_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "hit.mkv"
    write_video(path, numbered_run(60), codec="ffv1", pix_fmt="yuv444p", gop=1, options={"slicecrc": "1"})
    packets, data = [], bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    at = data.index(packets[30])
    data[at : at + len(packets[30])] = b"\xff" * len(packets[30])
    path.write_bytes(data)
    with VideoReader(path) as reader:
        numbers = [number_of(decoded.frame().pixels) for decoded in reader.decoded()]
    assert [n for n in range(60) if n != 30 and n not in numbers] == []
    assert any("damaged" in warning for warning in reader.warnings), reader.warnings


def test_sizes_over_the_limit_are_refused_before_decoding(tmp_path: Path) -> None:
    path = tmp_path / "huge.png"
    write_video(path, [quadrants()], codec="png", pix_fmt="rgb24", container="image2pipe")
    data = bytearray(path.read_bytes())
    data[16:24] = struct.pack(">II", 20_000, 20_000)
    import zlib

    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    path.write_bytes(data)
    refused(path)
    data[16:24] = struct.pack(">II", 17_000, 100)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    path.write_bytes(data)
    assert "limit of 16384" in refused(path)


@pytest.mark.parametrize("name", ["list.m3u8", "list.mp4", "list.ffconcat", "call.sdp", "list.mpd", "frame%03d.png"])
def test_playlists_are_not_followed(tmp_path: Path, plain: Path, name: str) -> None:
    """Each names a good video beside it; none may make the reader open it."""
    (tmp_path / "good.mp4").write_bytes(plain.read_bytes())
    write_video(tmp_path / "good.ts", numbered_run(10))
    write_video(tmp_path / "frame001.png", [quadrants()], codec="png", pix_fmt="rgb24", container="image2pipe")
    texts = {
        "list.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\ngood.ts\n#EXT-X-ENDLIST\n",
        "list.mp4": f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://{tmp_path}/good.ts\n#EXT-X-ENDLIST\n",
        "list.ffconcat": "ffconcat version 1.0\nfile good.mp4\n",
        "call.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
        "list.mpd": '<?xml version="1.0"?><MPD type="static"><Period><BaseURL>good.mp4</BaseURL></Period></MPD>',
        "frame%03d.png": "not a picture",
    }
    (tmp_path / name).write_text(texts[name])
    assert "not a video in a format that is read here" in refused(tmp_path / name)
    assert "not a video in a format that is read here" in refused(io.BytesIO(texts[name].encode()))


# --- file objects and servers -----------------------------------------------------------------------------------------


def test_open_files_are_read_from_where_they_stand(plain: Path, tmp_path: Path) -> None:
    (tmp_path / "wrapped.bin").write_bytes(b"header" + plain.read_bytes())
    with (tmp_path / "wrapped.bin").open("rb") as file:
        file.seek(6)
        with VideoReader(file) as reader:
            assert [d.seconds for d in reader.decoded()] == [d.seconds for d in VideoReader(plain).decoded()]
            assert len(list(reader.decoded())) == 60
    assert "closed" in refused(file)


def test_an_open_file_that_gives_too_much_or_fails_does_no_harm(plain: Path) -> None:
    class Greedy(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(-1 if size is None else size * 3)

    assert len(seen(Greedy(plain.read_bytes()))) == 60

    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError(f"the disk is gone, {size} bytes or not")

    assert "the disk is gone" in refused(Broken(plain.read_bytes()))


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves one file in the way that its address asks for."""

    data = b""
    protocol_version = "HTTP/1.1"
    hang = threading.Event()

    def do_GET(self) -> None:
        if "missing" in self.path:
            self.send_error(404)
            return
        wanted = self.headers.get("Range")
        start = int(wanted.split("=")[1].split("-")[0]) if wanted and "range" in self.path else 0
        body = self.data[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        if "range" in self.path:
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Content-Range", f"bytes {start}-{len(self.data) - 1}/{len(self.data)}")
        self.end_headers()
        try:
            if "stall" in self.path:
                self.wfile.write(body[: len(body) // 2])
                self.wfile.flush()
                self.hang.wait(20)
            else:
                self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def serve(long: Path) -> Iterator[Callable[[str], str]]:
    Handler.data = long.read_bytes()
    Handler.hang = threading.Event()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield lambda path: f"http://127.0.0.1:{server.server_address[1]}/{path}"
    Handler.hang.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("path", ["range.mkv", "plain.mkv"])
def test_a_video_behind_an_address(serve: Callable[[str], str], path: str) -> None:
    with VideoReader(serve(path)) as reader:
        assert reader.info.name == path
        assert [number_of(frame.pixels) for frame in reader.frames(at_seconds=[0.1, 60.3, 99.9])] == [0, 301, 499]
    assert [number for number, _, _ in seen(serve(path), start_seconds=61.3, end_seconds=62)] == [306, 307, 308, 309]


def test_a_server_that_has_not_got_it(serve: Callable[[str], str]) -> None:
    assert "refused" in refused(serve("missing.mkv"))


def test_nobody_behind_the_address() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        assert "refused" in refused(f"http://127.0.0.1:{taken.getsockname()[1]}/a.mp4").lower()


def test_a_server_that_stalls_is_given_up(serve: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "TIMEOUT_SECONDS", 0.5)
    with pytest.raises(VideoError, match="stopped sending"), VideoReader(serve("stall.mkv")) as reader:
        list(reader.decoded())
