"""What a seek gives, held against decoding from the very start: the same picture, pixel for pixel, at the same time."""

from __future__ import annotations

import hashlib
import random
import struct
import zlib
from bisect import bisect_right
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from media import Picture, number_of, numbered, write_video
from sharegpt4video.records import Frame
from sharegpt4video.video.clips import cut
from sharegpt4video.video.clock import is_steady
from sharegpt4video.video.decoder import Decoder
from sharegpt4video.video.reader import VideoReader
from sharegpt4video.video.source import source_of

COUNT, FPS = 160, 5
"""32 s: far enough that times are reached by seeking, in few pictures."""

OPEN = {"options": {"x264-params": "open-gop=1:scenecut=0:b-pyramid=normal:ref=3", "preset": "veryfast"}, "b_frames": 3}
REFRESH = {"options": {"x264-params": "intra-refresh=1:ref=1", "preset": "veryfast"}, "gop": 40}
HEVC = "log-level=none:keyint=20:bframes=3:b-adapt=0:pools=1:open-gop="
ALT = {"deadline": "good", "cpu-used": "8", "auto-alt-ref": "1", "lag-in-frames": "12"}

FILES: dict[str, dict[str, Any]] = {
    "refresh.mp4": REFRESH,
    "refresh.mkv": {**REFRESH, "b_frames": 2},
    "refresh.ts": REFRESH,
    "refresh.flv": REFRESH,
    "once.mp4": {"gop": 1000, "b_frames": 2},
    "open.mp4": {**OPEN, "gop": 20},
    "open.mkv": {**OPEN, "gop": 20},
    "open.ts": {**OPEN, "gop": 20},
    "fields.mov": {"options": {"x264-params": "tff=1:open-gop=1", "preset": "veryfast"}, "gop": 20, "b_frames": 2},
    "fragments.mp4": {"gop": 20, "b_frames": 2, "container_options": {"movflags": "frag_keyframe+empty_moov"}},
    "hevc-open.mp4": {"codec": "libx265", "options": {"x265-params": f"{HEVC}1", "preset": "ultrafast"}},
    "hevc-open.ts": {"codec": "libx265", "options": {"x265-params": f"{HEVC}1", "preset": "ultrafast"}},
    "vp9.webm": {"codec": "libvpx-vp9", "gop": 30, "options": ALT},
    "vp8.mkv": {"codec": "libvpx", "gop": 30},
    "live.webm": {"codec": "libvpx-vp9", "gop": 30, "container_options": {"live": "1"}},
    "mpeg2.ts": {"codec": "mpeg2video", "b_frames": 2, "fps": 25, "count": 400},
    "mpeg2.mxf": {"codec": "mpeg2video", "b_frames": 2, "fps": 25, "count": 400},
    "mpeg4.avi": {"codec": "mpeg4", "b_frames": 2, "gop": 20},
    "h264.avi": {"gop": 20, "b_frames": 2},
    "h264.asf": {"gop": 20, "b_frames": 3},
    "open.avi": {**OPEN, "gop": 20},
    "mpeg4.ts": {"codec": "mpeg4", "gop": 20},
    "mjpeg.mov": {"codec": "mjpeg", "pix_fmt": "yuvj420p"},
    "ffv1.mkv": {"codec": "ffv1", "pix_fmt": "yuv444p", "gop": 20},
    "h264.mxf": {"gop": 20, "b_frames": 2, "fps": 25, "count": 400},
    "raw.h264": {"gop": 20, "b_frames": 2},
    "raw.m2v": {"codec": "mpeg2video", "b_frames": 2, "fps": 25, "count": 400},
    "stream.mpg": {"codec": "mpeg2video", "b_frames": 2, "fps": 25, "count": 400},
}  # fmt: skip


def moving(count: int) -> Iterator[Picture]:
    """A texture that moves, so that a picture decoded without those before it looks wrong, and a number."""
    texture = np.repeat(np.repeat(np.random.default_rng(1).integers(0, 255, (48, 64, 3), np.uint8), 2, 0), 2, 1)
    for number in range(count):
        y, x = 3 * number % 48, 5 * number % 64
        picture = texture[y : y + 48, x : x + 64].copy()
        picture[:24, :32] = numbered(number, 32, 24)
        yield picture


def write(path: Path, *, fps: int = FPS, count: int = COUNT, **how: Any) -> None:
    write_video(path, moving(count), fps=fps, **how)


def print_of(frame: Frame) -> tuple[float, str]:
    return frame.seconds, hashlib.md5(frame.pixels.tobytes()).hexdigest()


def assert_seeks_as_it_reads(path: Path, count: int | None = None) -> None:
    """Single times, several at once, and parts show what reading from the start shows."""
    rng = random.Random(zlib.crc32(path.name.encode()))
    with VideoReader(path) as reader:
        truth = [(frame.end_seconds, *print_of(frame)) for frame in reader.frames()]
    starts = [start for _, start, _ in truth]
    if count is not None:
        assert len(truth) == count
    end = truth[-1][0]
    times = [*(rng.uniform(starts[0], end - 0.01) for _ in range(9)), end - 0.02, rng.choice(starts[60:])]

    def expected(seconds: float) -> tuple[float, str]:
        return truth[bisect_right(starts, seconds + 1e-6) - 1][1:]

    for seconds in times:
        with VideoReader(path) as reader:
            assert [print_of(frame) for frame in reader.frames(at_seconds=[seconds])] == [expected(seconds)], seconds
    several = sorted(rng.sample(times, 4))
    with VideoReader(path) as reader:
        assert [print_of(frame) for frame in reader.frames(at_seconds=several)] == [expected(t) for t in several]
    low = rng.uniform(11.0, end - 2.0)
    with VideoReader(path, start_seconds=low, end_seconds=low + 1.0) as reader:
        got = [print_of(frame) for frame in reader.frames()]
    shown = [(max(start, low), key) for stop, start, key in truth if stop > low and start < low + 1.0]
    assert got == shown


@pytest.mark.parametrize("name", FILES)
def test_a_seek_shows_what_reading_from_the_start_shows(tmp_path: Path, name: str) -> None:
    how = {"gop": 15} | FILES[name]
    write(tmp_path / name, **how)
    assert_seeks_as_it_reads(tmp_path / name, how.get("count", COUNT))


def _edit_list(data: bytearray) -> None:
    """Begin 2.2 s into the media, in the middle of a group of pictures."""
    at, header = data.index(b"elst") + 16, data.index(b"mdhd") + 16
    scale = struct.unpack(">I", data[header : header + 4])[0]
    data[at : at + 8] = struct.pack(">iI", scale * 11 // 5, 0x10000)


def _all_sync(data: bytearray) -> None:
    """Without a table of sync samples, every sample is one."""
    at = data.index(b"stss")
    data[at : at + 4] = b"free"


def _wrong_sync(data: bytearray) -> None:
    at = data.index(b"stss") + 8
    for entry in range(1, struct.unpack(">I", data[at : at + 4])[0]):
        place = slice(at + 4 + 4 * entry, at + 8 + 4 * entry)
        data[place] = struct.pack(">I", struct.unpack(">I", data[place])[0] + 7)


INDEXED: dict[str, dict[str, Any]] = {
    "h264": {"b_frames": 2},
    "hevc": {"codec": "libx265"},
    "vp9": {"codec": "libvpx-vp9"},
    "mpeg4": {"codec": "mpeg4"},
}


@pytest.mark.parametrize("damage", [_edit_list, _all_sync, _wrong_sync])
@pytest.mark.parametrize("codec", INDEXED)
def test_an_index_that_lies_about_keyframes_is_not_believed(
    tmp_path: Path, codec: str, damage: Callable[[bytearray], None]
) -> None:
    path = tmp_path / f"{codec}.mp4"
    write(path, gop=20, **INDEXED[codec])
    data = bytearray(path.read_bytes())
    damage(data)
    path.write_bytes(data)
    assert_seeks_as_it_reads(path)


def test_recordings_joined_end_to_end_are_one_after_the_other_when_sought(tmp_path: Path) -> None:
    path = tmp_path / "joined.ts"
    write(path, gop=20)
    path.write_bytes(path.read_bytes() * 2)
    assert not is_steady(source_of(path))
    assert_seeks_as_it_reads(path, 2 * COUNT)
    with VideoReader(path) as reader:
        shown = [number_of(frame.pixels[:24, :32]) for frame in reader.frames(at_seconds=[12.1, 32 + 20.1])]
    assert shown == [60, 100]


@pytest.mark.parametrize("name", ["joined.ts", "joined.mkv"])
def test_nothing_is_left_out_across_a_join_that_is_decoded_but_not_shown_yet(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    write(path, count=40, gop=10, b_frames=3)
    path.write_bytes(path.read_bytes() * 2)
    with VideoReader(path) as reader:
        truth = [frame.end_seconds for frame in reader.frames()]
        prints = [number_of(frame.pixels[:24, :32]) for frame in reader.frames()]
    assert len(truth) == 80
    for before in range(30, 40):  # the decoder is some pictures ahead of what it shows
        times = [truth[before] - 0.01, truth[before + 30] - 0.01]
        with VideoReader(path) as reader:
            found = [number_of(frame.pixels[:24, :32]) for frame in reader.frames(at_seconds=times)]
        assert found == [prints[before], prints[before + 30]], times


@pytest.mark.parametrize("live", ["0", "1"])
def test_a_long_recording_joined_to_a_short_one_is_found_by_seeking(tmp_path: Path, live: str) -> None:
    short, long, joined = (tmp_path / f"{name}.mkv" for name in ("short", "long", "joined"))
    for path, count in ((short, 20), (long, 80)):
        write(path, count=count, gop=10, container_options={"live": live})
    joined.write_bytes(short.read_bytes() + long.read_bytes())
    assert is_steady(source_of(long))
    assert not is_steady(source_of(joined))
    with VideoReader(joined) as reader:
        shown = [number_of(frame.pixels[:24, :32]) for frame in reader.frames(at_seconds=[15.1])]
    assert shown == [55]


def test_a_large_file_is_looked_through_by_samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, joined = tmp_path / "whole.ts", tmp_path / "joined.ts"
    write(whole, gop=20)
    joined.write_bytes(whole.read_bytes() * 2)
    monkeypatch.setattr("sharegpt4video.video.clock.MAX_READ_BYTES", 1000)
    monkeypatch.setattr("sharegpt4video.video.clock.SAMPLE_BYTES", 20_000)
    assert is_steady(source_of(whole))
    assert not is_steady(source_of(joined))


def test_a_clock_that_wraps_goes_on(tmp_path: Path) -> None:
    plain, wrapped = tmp_path / "plain.ts", tmp_path / "wrapped.ts"
    write(plain, gop=20, b_frames=2)
    with av.open(str(plain)) as source, av.open(str(wrapped), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.pts, packet.dts = packet.pts + 2**33 - 900_000, packet.dts + 2**33 - 900_000
                packet.stream = stream
                target.mux(packet)
    assert_seeks_as_it_reads(wrapped, COUNT)


def test_a_group_of_pictures_that_is_closed_is_decoded_from_its_keyframe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "closed.mp4"
    write(path, gop=10, b_frames=2)
    fed: list[Any] = []
    decode = Decoder._decoded
    monkeypatch.setattr(Decoder, "_decoded", lambda self, packet: fed.append(packet) or decode(self, packet))
    with VideoReader(path) as reader:
        fed.clear()
        assert [number_of(frame.pixels[:24, :32]) for frame in reader.frames(at_seconds=[25.1])] == [125]
    assert len(fed) < 18  # five from the keyframe on, and those that are under way when it comes out


@pytest.mark.parametrize("name", ["refresh.mp4", "open.mp4", "hevc-open.mp4", "vp9.webm", "mpeg4.ts"])
def test_a_cut_holds_the_pictures_of_its_span(tmp_path: Path, name: str) -> None:
    how = {"gop": 15} | FILES[name]
    write(tmp_path / name, **how)
    for first, last in ((57, 66), (80, 88), (61, 71)):
        cut(tmp_path / name, tmp_path / "clip.mp4", first / FPS, last / FPS, preset="ultrafast")
        with VideoReader(tmp_path / "clip.mp4") as reader:
            shown = [(number_of(frame.pixels[:24, :32]), frame.seconds) for frame in reader.frames()]
        assert [number for number, _ in shown] == list(range(first, last))
        assert [at for _, at in shown] == pytest.approx([n / FPS for n in range(last - first)], abs=1e-3)
