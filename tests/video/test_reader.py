"""The reader against clips whose every frame and time was chosen by the test."""

from __future__ import annotations

import io
import itertools
import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media import number_of, numbered, numbered_run, write_video
from reading import seen
from sharegpt4video.errors import SettingsError, VideoError
from sharegpt4video.video.reader import VideoReader

MILLISECOND = Fraction(1, 1000)


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
    "h264.asf": {"b_frames": 3, "audio_seconds": (0.0, 1.2)},
    "h264.avi": {"b_frames": 3},
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


@pytest.mark.parametrize("codec", ["libvpx-vp9", "libx264"])
@pytest.mark.parametrize("gaps", [[20, 40, 500, 20, 80, 200], [500, 20], [40] * 5, [20, 20, 20, 333]])
def test_the_last_picture_of_a_variable_rate_lasts_to_the_end_in_the_header(
    tmp_path: Path, codec: str, gaps: list[int]
) -> None:
    path = tmp_path / "vfr.mp4"
    write_video(
        path, numbered_run(len(gaps) + 1), pts=[0, *np.cumsum(gaps).tolist()], time_base=MILLISECOND, codec=codec
    )
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        header = float(((stream.start_time or 0) + (stream.duration or 0)) * (stream.time_base or 0))
    assert seen(path)[-1][2] == pytest.approx(header, abs=0.0015)


@pytest.mark.parametrize("suffix", ["flv", "mkv", "asf", "avi", "ts"])
def test_sound_that_goes_on_is_no_file_cut_short(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"long.{suffix}"
    write_video(path, numbered_run(10), audio_seconds=(0.0, 3.0))
    with VideoReader(path) as reader:
        assert len(list(reader.decoded())) == 10
    assert reader.warnings == []
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with VideoReader(path) as reader:
        assert len(list(reader.decoded())) > 0
    told = reader.info.duration_seconds is not None and reader.info.duration_seconds > 2.5
    assert any("cut short?" in warning for warning in reader.warnings) == told


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


@pytest.mark.parametrize(("first", "sound"), [(1000, None), (30, (0.0, 5.0)), (0, None)])
def test_matroska_that_begins_late_is_as_long_as_its_pictures(
    tmp_path: Path, first: int, sound: tuple[float, float] | None
) -> None:
    """Its header tells the last time, whatever the first one is: that of a recording cut out is no loss."""
    path = tmp_path / "late.mkv"
    write_video(path, numbered_run(20), fps=10, pts=range(first, first + 20), audio_seconds=sound)
    with VideoReader(path) as reader:
        *_, last = reader.decoded()
        assert last.end_seconds == pytest.approx(5.0 if sound else 2.0)
        assert reader.info.duration_seconds == pytest.approx(last.end_seconds, abs=0.1)
        assert reader.warnings == []


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
    with pytest.raises(VideoError, match=r"from 7\.000 s to the end; the video ends at 2\.4\d\d s$"):
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


def test_a_rate_that_is_only_the_clock_s_is_not_told(tmp_path: Path) -> None:
    write_video(
        tmp_path / "late.ts", numbered_run(10), fps=10, pts=range(100, 110), audio_seconds=(0.0, 11.0), codec="libx264"
    )
    with av.open(str(tmp_path / "late.ts")) as source, av.open(str(tmp_path / "mixed.ts"), "w") as mixed:
        streams = {stream.index: mixed.add_stream_from_template(stream) for stream in source.streams}
        packets = [packet for packet in source.demux() if packet.size]
        for packet in sorted(packets, key=lambda packet: packet.dts):
            packet.stream = streams[packet.stream.index]
            mixed.mux(packet)
    with VideoReader(tmp_path / "mixed.ts") as reader:
        assert reader.info.average_fps is None
        assert [number_of(frame.pixels) for frame in reader.frames()] == list(range(10))
