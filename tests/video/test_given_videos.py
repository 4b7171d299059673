"""Videos that real use brought in, held against FFmpeg's own decoding from the start; skipped where they are absent."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image as Pillow

from sharegpt4video.dataset.export.pictures import even_times
from sharegpt4video.video.clips import cut
from sharegpt4video.video.reader import VideoReader

VIDEOS = Path(__file__).resolve().parents[3] / "shared" / "cases" / "videos"


def given(name: str) -> Path:
    if not (VIDEOS / name).exists():
        pytest.skip(f"{VIDEOS / name} is not there")
    return VIDEOS / name


def decoded(path: Path) -> list[tuple[float, np.ndarray]]:
    """Every picture with its time, from the start, as grey levels."""
    with av.open(str(path)) as file:
        return [(float(frame.pts * frame.time_base), frame.to_ndarray(format="gray")) for frame in file.decode(video=0)]


def grey(pixels: np.ndarray) -> np.ndarray:
    return av.VideoFrame.from_ndarray(pixels, "rgb24").to_ndarray(format="gray")


@pytest.mark.parametrize("name", ["intraref.mp4", "intraref250.mp4"])
def test_with_intra_refresh_each_time_has_its_picture(name: str) -> None:
    path = given(name)
    truth = decoded(path)
    times = sorted([11.24, *even_times(0.0, truth[-1][0], 8)])
    with VideoReader(path) as reader:
        frames = list(reader.frames(at_seconds=times))
    with VideoReader(path) as reader:
        frames += list(reader.frames(at_seconds=[11.24]))
    for seconds, frame in zip([*times, 11.24], frames, strict=True):
        at, picture = [each for each in truth if each[0] <= seconds + 1e-6][-1]
        distances = [np.abs(grey(frame.pixels).astype(int) - other).mean() for _, other in truth[::10]]
        assert frame.seconds == pytest.approx(at)
        assert np.abs(grey(frame.pixels).astype(int) - picture).mean() <= min(distances) + 0.5


def test_a_cut_with_intra_refresh_has_all_its_pictures(tmp_path: Path) -> None:
    path = given("intraref250.mp4")
    done = cut(path, tmp_path / "clip.mp4", 10.5, 12.0)
    assert (done.how, done.frames) == ("re-encoded", 38)
    want = [(at, picture) for at, picture in decoded(path) if 10.47 < at < 11.99]
    got = decoded(tmp_path / "clip.mp4")
    assert [at for at, _ in got] == pytest.approx([max(at - 10.5, 0.0) for at, _ in want], abs=1e-3)
    assert max(np.abs(a.astype(int) - b).mean() for (_, a), (_, b) in zip(got, want, strict=True)) < 3


@pytest.mark.parametrize("ending", [".mp4", ".webm", ".mkv"])
def test_av1_is_copied_between_keyframes(tmp_path: Path, ending: str) -> None:
    done = cut(given("av1.mp4"), tmp_path / f"clip{ending}", 2.0, 4.0)
    assert (done.how, done.frames, len(decoded(tmp_path / f"clip{ending}"))) == ("copied", 50, 50)


@pytest.mark.parametrize("start", [3.0, 10.32])
def test_variable_frame_rate_cut_to_its_end_is_as_long_as_it_was(tmp_path: Path, start: float) -> None:
    done = cut(given("vfr.mp4"), tmp_path / "clip.mp4", start, 99.0)
    assert done.end_seconds == pytest.approx(12.0)
    with av.open(str(tmp_path / "clip.mp4")) as file:
        assert file.duration / av.time_base == pytest.approx(12.0 - start, abs=0.03)  # to within a frame of sound
        assert float(file.streams.video[0].duration * file.streams.video[0].time_base) == pytest.approx(12.0 - start)


def test_transparent_vp9_shows_white() -> None:
    path = given("alpha.webm")
    with av.open(str(path)) as file:
        decoder = av.CodecContext.create("libvpx-vp9", "r")
        packet = next(packet for packet in file.demux(video=0) if packet.size)
        alpha = decoder.decode(packet)[0].to_ndarray(format="rgba")[..., 3]
    with VideoReader(path) as reader:
        pixels = next(reader.frames()).pixels
    assert (alpha == 0).any()
    assert pixels[alpha == 0].min() > 240


def test_the_film_beside_a_large_still_is_read() -> None:
    with VideoReader(given("still_big.mkv")) as reader:
        assert (reader.info.width, reader.info.height, len(list(reader.frames()))) == (320, 240, 120)


def test_animated_webp_is_read() -> None:
    path = given("a.webp")
    with VideoReader(path) as reader:
        frames = list(reader.frames())
    with Pillow.open(path) as opened:
        assert len(frames) == opened.n_frames
        opened.seek(30)
        rgba = np.asarray(opened.convert("RGBA")).astype(int)
    over_white = (rgba[..., :3] * rgba[..., 3:] + 255 * (255 - rgba[..., 3:])) / 255
    assert np.abs(over_white - frames[30].pixels).max() <= 1
    assert (frames[30].seconds, frames[-1].end_seconds) == pytest.approx((1.2, 2.4))
