"""Of several streams the film is read; transparency that comes beside the pictures is shown."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from media import Picture, number_of, numbered_run, solid, write_video
from sharegpt4video.video.clips import cut
from sharegpt4video.video.reader import VideoReader
from sharegpt4video.video.streams import decoder_of

ATTACHED, THUMBNAILS = 0x400, 0x800


def write_streams(path: Path, streams: list[tuple[str, list[Picture], int]], dispositions: dict[int, int]) -> None:
    """Streams (codec, pictures, pictures per second) beside each other; several are written in turn, by time."""
    with av.open(str(path), "w") as output:
        packets: list[Any] = []
        for number, (codec, pictures, fps) in enumerate(streams):
            stream: Any = output.add_stream(codec, rate=fps)
            stream.height, stream.width = pictures[0].shape[:2]
            stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "rgb24" if codec == "png" else "yuv420p"
            stream.disposition = dispositions.get(number, 0)
            for at, picture in enumerate(pictures):
                frame = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format=stream.pix_fmt)
                frame.pts, frame.time_base = at, Fraction(1, fps)
                packets += stream.encode(frame)
            packets += stream.encode(None)
        output.start_encoding()
        for packet in sorted(packets, key=lambda p: float((p.dts or 0) * p.time_base)):
            output.mux(packet)


def read(path: Path) -> tuple[list[int], list[str]]:
    with VideoReader(path) as reader:
        return [number_of(frame.pixels) for frame in reader.frames()], reader.warnings


FILM = ("mpeg4", numbered_run(30), 10)
STILL = solid((200, 10, 10), 320, 240)


@pytest.mark.parametrize("name", ["v.mkv", "v.mp4", "v.mov"])
@pytest.mark.parametrize("first", [True, False])
def test_a_larger_still_picture_beside_a_film_is_not_the_video(tmp_path: Path, name: str, first: bool) -> None:
    still = ("mjpeg", [STILL], 25)
    for disposition in (0, 1):  # also where the still alone is called the default
        streams = [still, FILM] if first else [FILM, still]
        write_streams(tmp_path / name, streams, {0 if first else 1: disposition})
        assert read(tmp_path / name) == (list(range(30)), [])


def test_a_track_of_large_thumbnails_is_not_the_video(tmp_path: Path) -> None:
    write_streams(tmp_path / "v.mkv", [("mjpeg", [STILL] * 3, 1), FILM], {})
    numbers, warnings = read(tmp_path / "v.mkv")
    assert numbers == list(range(30))
    assert warnings == [
        "of its 2 videos, stream 1 (mpeg4, 64x48, 3.0 s) was read, not 0 (mjpeg, 320x240, 3.0 s)"
    ]  # fmt: skip


def test_of_two_films_the_larger_is_read_and_the_other_named(tmp_path: Path) -> None:
    large = ("mpeg4", [np.repeat(np.repeat(p, 2, 0), 2, 1) for p in reversed(FILM[1])], 10)
    write_streams(tmp_path / "v.ts", [FILM, large], {})
    numbers, (warning,) = read(tmp_path / "v.ts")
    assert numbers == list(reversed(range(30)))
    assert "stream 1 (mpeg4, 128x96, 3.0 s) was read, not 0 (mpeg4, 64x48, 3.0 s)" in warning


def test_a_default_film_goes_before_a_larger_one(tmp_path: Path) -> None:
    large = ("mpeg4", [STILL] * 30, 10)
    write_streams(tmp_path / "v.mkv", [large, FILM], {1: 1})
    assert read(tmp_path / "v.mkv")[0] == list(range(30))


def test_a_file_that_holds_only_a_still_shows_it(tmp_path: Path) -> None:
    write_streams(tmp_path / "v.mkv", [("mjpeg", [STILL], 25)], {})
    with VideoReader(tmp_path / "v.mkv") as reader:
        assert [frame.pixels.shape for frame in reader.frames()] == [(240, 320, 3)]


def half_clear(number: int, width: int = 64) -> av.VideoFrame:
    """Black all over, and clear (alpha 0) on the left half."""
    pixels = np.zeros((48, width, 4), np.uint8)
    pixels[:, 32:, 3] = 255
    pixels[:8, :8] = (255, 0, 0, 255) if number % 2 else (0, 0, 255, 255)
    return av.VideoFrame.from_ndarray(pixels, "rgba").reformat(format="yuva420p")


def write_clear(path: Path, codec: str, count: int, width: int = 64) -> None:
    options = {"auto-alt-ref": "0", "deadline": "realtime", "cpu-used": "8"}
    pictures = (half_clear(n, width) for n in range(count))
    write_video(path, pictures, fps=10, codec=codec, pix_fmt="yuva420p", gop=20, options=options)


@pytest.fixture(scope="module")
def clear(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clear") / "vp9.webm"
    write_clear(path, "libvpx-vp9", 150)
    return path


def assert_white_and_black(pixels: Picture) -> None:
    assert pixels[16:, :28].min() > 240
    assert pixels[16:, 36:].max() < 24


@pytest.mark.parametrize(("name", "codec"), [("vp8.webm", "libvpx"), ("vp9.mkv", "libvpx-vp9")])
def test_clear_parts_show_white(tmp_path: Path, name: str, codec: str) -> None:
    write_clear(tmp_path / name, codec, 6, width=132)  # of which FFmpeg's scaler can forget the last columns
    with VideoReader(tmp_path / name) as reader:
        frames = list(reader.frames())
    assert len(frames) == 6
    for frame in frames:
        assert_white_and_black(frame.pixels)


def test_clear_parts_show_white_also_after_a_seek(clear: Path) -> None:
    with VideoReader(clear) as reader:
        frames = list(reader.frames())
        assert reader.warnings == []
    assert len(frames) == 150
    for frame in frames[::30]:
        assert_white_and_black(frame.pixels)
    with VideoReader(clear) as reader:
        for found, number in zip(reader.frames(at_seconds=[2.0, 13.1]), (20, 131), strict=True):
            assert found.seconds == frames[number].seconds
            assert np.array_equal(found.pixels, frames[number].pixels)


def test_a_cut_keeps_what_clear_parts_look_like(clear: Path, tmp_path: Path) -> None:
    done = cut(clear, tmp_path / "clip.mp4", 2.0, 4.0, preset="ultrafast")
    assert (done.how, done.frames) == ("re-encoded", 20)
    with VideoReader(tmp_path / "clip.mp4") as reader:
        assert_white_and_black(next(reader.frames()).pixels)


def test_without_the_decoder_that_is_needed_it_says_so(clear: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sharegpt4video.video.streams._ALPHA_DECODERS", {"vp8": "missing", "vp9": "missing"})
    with av.open(str(clear)) as container:
        stream = container.streams.video[0]
        assert decoder_of(stream)[0] is stream.codec_context
    with VideoReader(clear) as reader:
        assert len(list(reader.frames())) == 150
        assert "its transparency is not shown" in reader.warnings[0]
