"""Clips cut out of videos whose every picture is known: the right pictures, at the right times, with their sound."""

from __future__ import annotations

import io
import os
import random
import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media import corners, number_of, numbered, numbered_run, quadrants, solid, write_tone, write_video
from sharegpt4video.errors import SettingsError, VideoError
from sharegpt4video.video.clips import cut
from sharegpt4video.video.reader import VideoReader

MILLISECOND = Fraction(1, 1000)
PQ, BT2020, BT2020_MATRIX, FULL_RANGE = 16, 9, 9, 2

Seen = list[tuple[int, float, float]]


def seen(path: Path) -> Seen:
    with VideoReader(path) as reader:
        return [(number_of(frame.pixels), frame.seconds, frame.end_seconds) for frame in reader.frames()]


def expected(starts: Sequence[float], end: float, clip_start: float, clip_end: float) -> Seen:
    """The numbered pictures on screen in the span, by the rule, from the times at which they were written."""
    ends = [*starts[1:], end]
    return [
        (number, max(start, clip_start) - clip_start, min(stop, clip_end) - clip_start)
        for number, (start, stop) in enumerate(zip(starts, ends, strict=True))
        if start < clip_end - 1e-6 and stop > clip_start + 1e-6
    ]


def assert_same(got: Seen, want: Seen, tolerance: float = 1e-5) -> None:
    assert [number for number, _, _ in got] == [number for number, _, _ in want]
    assert [t for _, *both in got for t in both] == pytest.approx([t for _, *both in want for t in both], abs=tolerance)


def packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as file:
        return [bytes(packet) for packet in file.demux(video=0) if packet.size]


def sounds(path: Path) -> tuple[np.ndarray[Any, Any], float]:
    """The first sound channel at 48 kHz, and when it starts."""
    with av.open(str(path)) as file:
        frames = list(file.decode(audio=0))
    return np.concatenate([frame.to_ndarray()[0] for frame in frames]), float(frames[0].pts * frames[0].time_base)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """100 numbered pictures at 25 a second, a keyframe every 20, reordered, with sound; in several containers."""
    folder = tmp_path_factory.mktemp("made")
    for name in ("reordered.mp4", "reordered.mkv", "reordered.mov"):
        write_video(folder / name, numbered_run(100), b_frames=2, gop=20, audio_seconds=(0.0, 4.0))
    write_video(folder / "reordered.ts", numbered_run(100), b_frames=2, gop=20, container="mpegts")
    closed = "log-level=none:open-gop=0:keyint=20:min-keyint=20:bframes=2:scenecut=0"
    write_video(folder / "hevc.mp4", numbered_run(60), codec="libx265", gop=20, options={"x265-params": closed})
    write_video(folder / "vp9.webm", numbered_run(60), codec="libvpx-vp9", gop=20, audio_seconds=(0.0, 2.4))
    return folder


@pytest.mark.parametrize(
    "name", ["reordered.mp4", "reordered.mkv", "reordered.mov", "reordered.ts", "hevc.mp4", "vp9.webm"]
)
def test_from_keyframe_to_keyframe_is_copied_bit_for_bit(made: Path, tmp_path: Path, name: str) -> None:
    source, target = made / name, tmp_path / f"clip{Path(name).suffix.replace('.ts', '.mp4')}"
    done = cut(source, target, 0.8, 1.6)
    assert (done.how, done.reason, done.warnings) == ("copied", "", ())
    assert (done.start_seconds, done.end_seconds) == pytest.approx((0.8, 1.6))
    assert (done.frames, done.size_bytes) == (20, target.stat().st_size)
    assert_same(seen(target), expected([n / 25 for n in range(100)], 4.0, 0.8, 1.6), 0.0006)
    if name != "reordered.ts":  # whose packets MP4 wraps in another way
        assert packets(target) == packets(source)[20:40]


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [
        ("av1.mp4", "libsvtav1", "yuv420p"),
        ("av1.webm", "libsvtav1", "yuv420p"),
        ("vp8.webm", "libvpx", "yuv420p"),
        ("prores.mov", "prores_ks", "yuv422p10le"),
        ("mpeg4.mp4", "mpeg4", "yuv420p"),
    ],
)
def test_what_is_copied_needs_no_encoder_of_the_decoder_s_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, codec: str, pix_fmt: str
) -> None:
    monkeypatch.setenv("SVT_LOG", "1")
    source, target = tmp_path / name, tmp_path / f"clip-{name}"
    write_video(source, numbered_run(60), codec=codec, pix_fmt=pix_fmt, gop=20)
    done = cut(source, target, 0.8, 1.6)
    assert (done.how, done.reason, done.frames) == ("copied", "", 20)
    assert packets(target) == packets(source)[20:40]
    assert [number for number, _, _ in seen(target)] == list(range(20, 40))


@pytest.mark.skipif(not hasattr(os, "sched_getscheduler"), reason="no scheduling policies here")
def test_an_encoder_that_takes_real_time_priority_does_not_keep_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SVT_LOG", "1")
    write_video(tmp_path / "source.mp4", numbered_run(12))
    before = os.sched_getscheduler(0)
    done = cut(tmp_path / "source.mp4", tmp_path / "clip.mp4", 0.1, 0.9, codec="libsvtav1", preset="12")
    assert (done.how, os.sched_getscheduler(0)) == ("re-encoded", before)


def test_the_last_of_reordered_pictures_goes_when_the_track_ends(tmp_path: Path) -> None:
    """In MP4 the lengths are those of the packets as they are coded: that of the last picture is another's."""
    gaps = [40, 120, 40, 40, 80, 40, 120, 40, 40, 40] * 4
    pts = [sum(gaps[:n]) for n in range(len(gaps))]
    source = tmp_path / "v.mp4"
    odd = []
    for count in range(30, 40):
        write_video(source, numbered_run(count), pts=pts[:count], time_base=MILLISECOND, gop=15, b_frames=3)
        with av.open(str(source)) as file:
            stream = file.streams.video[0]
            end = float(stream.duration * stream.time_base)
            shown = sorted((packet.pts, packet.duration) for packet in file.demux(stream) if packet.size)
            odd.append(abs(float(sum(shown[-1]) * stream.time_base) - end) > 0.01)
        assert seen(source)[-1][2] == pytest.approx(end, abs=1e-6)
        done = cut(source, tmp_path / "clip.mp4", 1.0, 99.0, preset="ultrafast")
        assert done.end_seconds == pytest.approx(end, abs=1e-6)
        assert seen(tmp_path / "clip.mp4")[-1][2] == pytest.approx(end - 1.0, abs=1e-4)
    assert any(odd)  # else this test shows nothing


@pytest.mark.parametrize(
    ("start", "end", "copied"),
    [
        (0.0, 4.0, True),
        (0.8, 1.44, True),  # up to a picture that nothing before it needs
        (0.8, 1.40, False),  # a picture shown later is needed for one shown before
        (0.84, 1.6, False),
        (1.0, 1.04, False),
        (0.79, 1.61, False),
        (1.013, 1.377, False),
        (3.2, 99.0, True),
        (-5.0, 0.8, True),
    ],
)
def test_every_picture_on_screen_at_its_own_time(
    made: Path, tmp_path: Path, start: float, end: float, copied: bool
) -> None:
    done = cut(made / "reordered.mp4", tmp_path / "clip.mp4", start, end)
    assert (done.how == "copied") == copied == (not done.reason)
    low, high = max(start, 0.0), min(end, 4.0)
    want = expected([n / 25 for n in range(100)], 4.0, low, high)
    assert_same(seen(tmp_path / "clip.mp4"), want)
    assert (done.start_seconds, done.end_seconds, done.frames) == (
        pytest.approx(low),
        pytest.approx(high),
        len(want),
    )


@settings(max_examples=20, deadline=None)
@given(st.floats(0.0, 3.9), st.floats(0.02, 2.0))
def test_any_span(made: Path, start: float, length: float) -> None:
    target = made / "any.mp4"
    cut(made / "reordered.mp4", target, start, start + length, preset="ultrafast")
    assert_same(
        seen(target), expected([n / 25 for n in range(100)], 4.0, start, start + length), 5e-5
    )  # half a tick of MP4 is 4e-5


@pytest.mark.parametrize("b_frames", [0, 2])
@pytest.mark.parametrize(("first", "last"), [(20, 40), (20, 41), (5, 38), (60, 80)])
def test_variable_frame_rate_keeps_its_times(tmp_path: Path, b_frames: int, first: int, last: int) -> None:
    rng = random.Random(3)
    pts = [0]
    for _ in range(79):
        pts.append(pts[-1] + rng.choice([20, 33, 41, 110]))
    write_video(tmp_path / "v.mp4", numbered_run(80), pts=pts, time_base=MILLISECOND, gop=20, b_frames=b_frames)
    with VideoReader(tmp_path / "v.mp4") as reader:
        end = max(frame.end_seconds for frame in reader)
    starts = [at / 1000 for at in pts]
    until = starts[last] if last < 80 else end
    done = cut(tmp_path / "v.mp4", tmp_path / "clip.mp4", starts[first], until)
    assert_same(seen(tmp_path / "clip.mp4"), expected(starts, end, starts[first], until))
    assert done.how == "copied" or first == 5 or b_frames


def test_a_long_gop_far_into_the_file(tmp_path: Path) -> None:
    write_video(tmp_path / "long.mkv", (numbered(n) for n in range(600)), fps=10, gop=250, b_frames=3)
    starts = [n / 10 for n in range(600)]
    for start, end, how in ((25.0, 50.0, "copied"), (44.0, 45.0, "re-encoded")):
        done = cut(tmp_path / "long.mkv", tmp_path / "clip.mp4", start, end)
        assert done.how == how
        assert_same(seen(tmp_path / "clip.mp4"), expected(starts, 60.0, start, end))


@pytest.mark.parametrize("name", ["raw.m2v", "stream.mpg", "reordered.mxf", "reordered.asf"])
def test_where_a_seek_would_tell_wrong_times(tmp_path: Path, name: str) -> None:
    codec = "mpeg2video" if name.endswith(("m2v", "mpg")) else "libx264"
    write_video(tmp_path / name, numbered_run(120, 160, 96), codec=codec, b_frames=2, gop=15)
    cut(tmp_path / name, tmp_path / "clip.mp4", 3.41, 4.21)
    numbers = [number for number, _, _ in seen(tmp_path / "clip.mp4")]
    assert numbers == list(range(85, 106))


def test_sound_that_begins_late_in_a_stream_comes_along(tmp_path: Path) -> None:
    source, target = tmp_path / "late.ts", tmp_path / "clip.mp4"
    write_video(source, numbered_run(160), fps=8, gop=16, audio_seconds=(9.0, 12.0))
    done = cut(source, target, 8.0, 11.0)
    samples, first = sounds(target)
    assert done.frames == 24
    assert first == pytest.approx(1.0, abs=0.05)
    assert len(samples) / 48_000 == pytest.approx(2.0, abs=0.05)


def test_a_late_start_is_zero(tmp_path: Path) -> None:
    write_video(tmp_path / "late.mkv", numbered_run(40), pts=[5000 + 40 * n for n in range(40)], time_base=MILLISECOND)
    for start in (0.48, 0.52):
        cut(tmp_path / "late.mkv", tmp_path / "clip.mp4", start, 0.96)
        assert_same(seen(tmp_path / "clip.mp4"), expected([n / 25 for n in range(40)], 1.6, start, 0.96))


@pytest.mark.parametrize(("gop", "how"), [(1, "copied"), (30, "re-encoded")])
def test_what_an_edit_list_hides_stays_hidden(tmp_path: Path, gop: int, how: str) -> None:
    path = tmp_path / "edited.mp4"
    write_video(path, numbered_run(30), gop=gop)
    data = bytearray(path.read_bytes())
    at = data.index(b"elst") + 16
    scale = struct.unpack(">I", data[data.index(b"mdhd") + 16 :][:4])[0]
    data[at : at + 8] = struct.pack(">iI", scale * 10 // 25, 0x10000)
    path.write_bytes(data)
    done = cut(path, tmp_path / "clip.mp4", 0.0, 0.4)
    assert done.how == how
    assert [number for number, _, _ in seen(tmp_path / "clip.mp4")] == list(range(10, 20))


@pytest.mark.parametrize("start", [0.0, 0.04])
@pytest.mark.parametrize(
    ("matrix", "shown"),
    [((0, 1, -1, 0), "brwg"), ((-1, 0, 0, -1), "wbgr"), ((0, -1, 1, 0), "gwrb"), ((-1, 0, 0, 1), "grwb")],
)
def test_a_turned_picture_stays_upright(
    tmp_path: Path, matrix: tuple[int, int, int, int], shown: str, start: float
) -> None:
    path = tmp_path / "turned.mp4"
    write_video(path, [quadrants()] * 5)
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 44
    a, b, c, d = (value * 0x10000 for value in matrix)
    data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    done = cut(path, tmp_path / "clip.mp4", start, 0.2)
    assert done.how == ("re-encoded" if start else "copied")
    with VideoReader(tmp_path / "clip.mp4") as reader:
        assert {corners(frame.pixels) for frame in reader.frames()} == {shown}


@pytest.mark.parametrize("start", [0.0, 0.04])
def test_pixel_aspect_and_colours_stay(tmp_path: Path, start: float) -> None:
    tags = {"color_primaries": BT2020, "color_trc": 1, "colorspace": BT2020_MATRIX, "color_range": FULL_RANGE}
    write_video(tmp_path / "a.mp4", [solid((200, 40, 90))] * 6, aspect=Fraction(3, 2), tags=tags)
    cut(tmp_path / "a.mp4", tmp_path / "clip.mp4", start, 0.2)
    with VideoReader(tmp_path / "a.mp4") as before, VideoReader(tmp_path / "clip.mp4") as after:
        assert (after.info.width, after.info.height) == (before.info.width, before.info.height) == (96, 48)
        one, other = (next(reader.frames()).pixels.astype(int) for reader in (before, after))
        assert np.abs(one - other).max() <= 4
    with av.open(str(tmp_path / "clip.mp4")) as file:
        context = file.streams.video[0].codec_context
        assert {name: int(getattr(context, name)) for name in tags} == tags


def test_hdr_is_kept_and_said(tmp_path: Path) -> None:
    tags = {"color_primaries": BT2020, "color_trc": PQ, "colorspace": BT2020_MATRIX, "color_range": 1}
    write_video(tmp_path / "hdr.mp4", [solid((180, 180, 180))] * 6, pix_fmt="yuv420p10le", tags=tags)
    done = cut(tmp_path / "hdr.mp4", tmp_path / "clip.mp4", 0.04, 0.2)
    assert done.how == "re-encoded"
    assert "HDR" in done.warnings[0]
    with VideoReader(tmp_path / "clip.mp4") as reader:
        assert reader.info.hdr
    with av.open(str(tmp_path / "clip.mp4")) as file:
        assert file.streams.video[0].codec_context.pix_fmt == "yuv420p10le"


def test_odd_sizes_palettes_and_other_codecs(tmp_path: Path) -> None:
    write_video(tmp_path / "odd.webm", numbered_run(10, 65, 49), codec="libvpx-vp9")
    write_video(tmp_path / "p.gif", [quadrants()] * 6, codec="gif", pix_fmt="rgb8", fps=10)
    write_video(tmp_path / "old.avi", numbered_run(10), codec="mpeg4")
    cut(tmp_path / "odd.webm", tmp_path / "odd.mp4", 0.04, 0.2)
    assert [number for number, _, _ in seen(tmp_path / "odd.mp4")] == [1, 2, 3, 4]
    with VideoReader(tmp_path / "odd.mp4") as reader:
        assert (reader.info.width, reader.info.height) == (65, 49)
    cut(tmp_path / "p.gif", tmp_path / "p.mp4", 0.1, 0.5)
    with VideoReader(tmp_path / "p.mp4") as reader:
        assert [corners(frame.pixels) for frame in reader.frames()] == ["rgbw"] * 4
    assert cut(tmp_path / "old.avi", tmp_path / "old.webm", 0.04, 0.2).how == "re-encoded"
    assert [number for number, _, _ in seen(tmp_path / "old.webm")] == [1, 2, 3, 4]


def test_inexact_copies_from_the_keyframe_before_and_says_so(made: Path, tmp_path: Path) -> None:
    done = cut(made / "reordered.mp4", tmp_path / "clip.mp4", 1.0, 1.5, exact=False)
    assert done.how == "copied"
    assert done.start_seconds == pytest.approx(0.8)
    assert 1.5 <= done.end_seconds < 1.7
    assert_same(
        seen(tmp_path / "clip.mp4"), expected([n / 25 for n in range(100)], 4.0, done.start_seconds, done.end_seconds)
    )


def test_a_keyframe_that_is_no_fresh_start_is_not_copied_from(tmp_path: Path) -> None:
    write_video(
        tmp_path / "open.mp4",
        numbered_run(60),
        gop=20,
        b_frames=2,
        options={"x264-params": "open-gop=1:bframes=2:b-adapt=0:scenecut=0:keyint=20:min-keyint=20"},
    )
    starts = [n / 25 for n in range(60)]
    with av.open(str(tmp_path / "open.mp4")) as file:
        keys = [p.pts * p.time_base for p in file.demux(video=0) if p.size and p.is_keyframe]
    assert len(keys) > 1
    for exact in (True, False):
        done = cut(tmp_path / "open.mp4", tmp_path / "clip.mp4", float(keys[1]), 1.8, exact=exact)
        assert done.how == ("re-encoded" if exact else "copied")
        assert exact or done.start_seconds == 0.0
        assert_same(seen(tmp_path / "clip.mp4"), expected(starts, 2.4, done.start_seconds, done.end_seconds))


def burst(path: Path, at_seconds: float, codec: str = "aac") -> None:
    """5 s of numbered pictures, a keyframe every second, and silence but for 20 ms of sound."""
    with av.open(str(path), "w") as output:
        video: Any = output.add_stream("libx264", rate=25, options={"preset": "ultrafast", "sc_threshold": "0"})
        video.width, video.height, video.pix_fmt, video.codec_context.gop_size = 64, 48, "yuv420p", 25
        audio: Any = output.add_stream(codec, rate=48_000, layout="mono")
        wave = np.zeros((1, 5 * 48_000), np.float32)
        first = round(at_seconds * 48_000)
        wave[0, first : first + 960] = 0.8 * np.sin(np.arange(960) * 2 * np.pi * 1000 / 48_000)
        for n in range(125):
            output.mux(video.encode(av.VideoFrame.from_ndarray(numbered(n), "rgb24")))
            part = wave[:, n * 1920 : (n + 1) * 1920]
            if codec == "pcm_s16le":
                frame = av.AudioFrame.from_ndarray((part * 32767).astype(np.int16), "s16", "mono")
            else:
                frame = av.AudioFrame.from_ndarray(part, "fltp", "mono")
            frame.sample_rate, frame.pts = 48_000, n * 1920
            output.mux(audio.encode(frame))
        output.mux(video.encode(None))
        output.mux(audio.encode(None))


@pytest.mark.parametrize(("start", "how"), [(2.0, "copied"), (2.2, "re-encoded")])
@pytest.mark.parametrize(
    ("source", "codec", "target"),
    [("a.mp4", "aac", "c.mp4"), ("a.mp4", "aac", "c.mkv"), ("a.mkv", "pcm_s16le", "c.mp4"), ("a.ts", "aac", "c.mov")],
)
def test_sound_comes_along_in_time(
    tmp_path: Path, source: str, codec: str, target: str, start: float, how: str
) -> None:
    burst(tmp_path / source, 2.6, codec)
    with VideoReader(tmp_path / source) as reader:
        offset = reader.info.first_seconds  # where the pictures start behind the sound, or nothing
    with av.open(str(tmp_path / source)) as file:
        sound_start = min(float(s.start_time * s.time_base) for s in file.streams)
        later = float(file.streams.audio[0].start_time * file.streams.audio[0].time_base) - sound_start
    done = cut(tmp_path / source, tmp_path / target, start + offset, start + offset + 2.0)
    assert done.how == how
    wave, first = sounds(tmp_path / target)
    heard = first + np.flatnonzero(np.abs(wave) > 0.3 * np.abs(wave).max())[0] / 48_000
    frame = 1024 / 48_000
    assert heard == pytest.approx(2.6 - start, abs=frame + abs(later))
    assert first <= frame * (1 if target != "c.mkv" else 2)  # newer FFmpeg primes the decoder with the first frame
    assert first + len(wave) / 48_000 == pytest.approx(2.0, abs=2 * frame)
    assert [number for number, _, _ in seen(tmp_path / target)] == list(
        range(round(start * 25), round(start * 25) + 50)
    )


def test_without_sound(made: Path, tmp_path: Path) -> None:
    cut(made / "reordered.mp4", tmp_path / "clip.mp4", 0.8, 1.6, audio=False)
    with av.open(str(tmp_path / "clip.mp4")) as file:
        assert [stream.type for stream in file.streams] == ["video"]


def test_open_files_and_pipes(made: Path, tmp_path: Path) -> None:
    data = (made / "reordered.mkv").read_bytes()
    opened = io.BytesIO(b"before" + data)
    opened.seek(6)
    for _ in range(2):
        done = cut(opened, tmp_path / "clip.mp4", 0.8, 1.6)
        assert done.how == "copied"
        assert opened.tell() == 6
    assert_same(seen(tmp_path / "clip.mp4"), expected([n / 25 for n in range(100)], 4.0, 0.8, 1.6), 0.0006)

    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self._file = io.BytesIO(data)

        def readable(self) -> bool:
            return True

        def read(self, size: int = -1) -> bytes:
            return self._file.read(size)

    done = cut(Pipe(), tmp_path / "clip.mp4", 0.8, 1.6)  # type: ignore[arg-type]
    assert (done.how, done.reason) == ("re-encoded", "the source cannot seek")
    assert any("sound" in warning for warning in done.warnings)
    assert_same(seen(tmp_path / "clip.mp4"), expected([n / 25 for n in range(100)], 4.0, 0.8, 1.6), 0.0006)


@pytest.mark.parametrize(
    ("start", "end"), [(1.0, 1.0), (2.0, 1.0), (50.0, 60.0), (float("nan"), 1.0), (-3.0, -1.0), (4.0, 5.0)]
)
def test_spans_without_a_picture(made: Path, tmp_path: Path, start: float, end: float) -> None:
    with pytest.raises(VideoError, match=r"reordered\.mp4"):
        cut(made / "reordered.mp4", tmp_path / "clip.mp4", start, end)
    assert list(tmp_path.iterdir()) == []


def test_sources_and_targets_that_will_not_do(made: Path, tmp_path: Path) -> None:
    write_tone(tmp_path / "song.m4a")
    (tmp_path / "noise.mp4").write_bytes(random.Random(1).randbytes(5000))
    before = sorted(tmp_path.iterdir())
    for bad in ("song.m4a", "noise.mp4", "missing.mp4"):
        with pytest.raises(VideoError, match=bad):
            cut(tmp_path / bad, tmp_path / "clip.mp4", 0.0, 0.5)
    with pytest.raises(VideoError, match="cannot be written"):
        cut(made / "reordered.mp4", tmp_path / "nowhere" / "clip.mp4", 0.0, 0.5)
    with pytest.raises(SettingsError, match=r"\.mp4"):
        cut(made / "reordered.mp4", tmp_path / "clip.wmv", 0.0, 0.5)
    with pytest.raises(SettingsError, match="nonsense"):
        cut(made / "reordered.mp4", tmp_path / "clip.mp4", 0.0, 0.5, codec="nonsense")
    assert sorted(tmp_path.iterdir()) == before


def test_a_failing_cut_leaves_the_file_that_was_there(made: Path, tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"mine")
    with pytest.raises(VideoError):
        cut(made / "reordered.mp4", tmp_path / "clip.mp4", 50.0, 60.0)
    assert (tmp_path / "clip.mp4").read_bytes() == b"mine"


def test_a_file_cut_short_gives_what_it_has(made: Path, tmp_path: Path) -> None:
    data = (made / "reordered.mkv").read_bytes()
    (tmp_path / "short.mkv").write_bytes(data[: len(data) * 6 // 10])
    cut(tmp_path / "short.mkv", tmp_path / "clip.mp4", 0.84, 1.6)
    assert [number for number, _, _ in seen(tmp_path / "clip.mp4")] == list(range(21, 40))
    with pytest.raises(VideoError):
        cut(tmp_path / "short.mkv", tmp_path / "clip.mp4", 3.8, 4.0)


def test_damaged_pictures_are_said(made: Path, tmp_path: Path) -> None:
    data = bytearray((made / "reordered.mp4").read_bytes())
    with av.open(str(made / "reordered.mp4")) as file:
        hit = [p for p in file.demux(video=0) if p.size][25]
        data[hit.pos + 4 : hit.pos + hit.size] = random.Random(2).randbytes(hit.size - 4)
    (tmp_path / "hurt.mp4").write_bytes(data)
    done = cut(tmp_path / "hurt.mp4", tmp_path / "clip.mp4", 0.84, 1.6)
    assert done.how == "re-encoded"
    assert done.warnings
