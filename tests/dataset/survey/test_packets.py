"""The hash of the coded pictures: equal in every container, different for every other stream."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from media import numbered_run, write_tone, write_video
from sharegpt4video.dataset.survey.packets import coded
from sharegpt4video.errors import VideoError

FPS, COUNT = 25, 100
CONTAINERS = {
    "libx264": ("mp4", "mkv", "mov", "ts", "flv"),
    "libx265": ("mp4", "mkv", "mov", "ts"),
    "libvpx-vp9": ("mp4", "mkv", "webm"),
    "mpeg4": ("mp4", "mkv", "mov", "avi", "ts"),
    "mpeg2video": ("mp4", "mkv", "mov", "ts", "mpg"),
    "mjpeg": ("mp4", "mkv", "mov", "avi"),
    "libsvtav1": ("mp4", "mkv", "webm"),
}
NAMES = {"libx264": "h264", "libx265": "hevc", "libvpx-vp9": "vp9", "libsvtav1": "av1"}


@pytest.fixture(scope="module", params=sorted(CONTAINERS))
def clip(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    codec: str = request.param
    if codec not in av.codecs_available:
        pytest.skip(f"this FFmpeg has no encoder {codec}")
    path = tmp_path_factory.mktemp("clips") / "clip.mp4"
    b_frames = 2 if codec in ("libx264", "libx265") else 0
    pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    options = {"preset": "12"} if codec == "libsvtav1" else {}
    pictures = numbered_run(COUNT, 128, 96)
    write_video(path, pictures, fps=FPS, codec=codec, b_frames=b_frames, gop=12, pix_fmt=pix_fmt, options=options)
    return codec, path


def remux(source: Path, target: Path) -> Path:
    """The same packets in another container."""
    with av.open(str(source)) as old, av.open(str(target), "w") as new:
        video = old.streams.video[0]
        stream = new.add_stream_from_template(video, opaque=True)
        packets = [packet for packet in old.demux(video) if packet.size]
        known = next(number for number, packet in enumerate(packets) if packet.dts is not None)
        for number, packet in enumerate(packets):
            if number < known:  # Matroska leaves these out
                step = round(1 / FPS / packet.time_base)
                packet.dts = packets[known].dts - (known - number) * step
            packet.stream = stream
            new.mux(packet)
    return target


def test_another_container_does_not_change_the_hash(clip: tuple[str, Path], tmp_path: Path) -> None:
    codec, path = clip
    first = coded(path)
    assert first.codec == NAMES.get(codec, codec)
    assert len(bytes.fromhex(first.hash)) == 16
    for container in CONTAINERS[codec]:
        assert coded(remux(path, tmp_path / f"other.{container}")) == first, container


def test_there_and_back_again(clip: tuple[str, Path], tmp_path: Path) -> None:
    codec, path = clip
    for number, container in enumerate(CONTAINERS[codec][:3]):
        path = remux(path, tmp_path / f"{number}.{container}")
    assert coded(path) == coded(clip[1])


@pytest.mark.parametrize("part", [(1.0, 3.0), (None, 2.0), (1.72, None), (0.0, 1.48)])
def test_spans_agree_between_containers(
    clip: tuple[str, Path], tmp_path: Path, part: tuple[float | None, float | None]
) -> None:
    codec, path = clip
    hashes = {coded(remux(path, tmp_path / f"other.{name}"), *part).hash for name in CONTAINERS[codec][:3]}
    assert hashes == {coded(path, *part).hash}
    assert coded(path).hash not in hashes


def test_a_span_that_holds_everything_is_the_whole(clip: tuple[str, Path]) -> None:
    assert coded(clip[1], 0.0, 99.0) == coded(clip[1])


def test_other_pictures_have_another_hash(tmp_path: Path) -> None:
    found = set()
    for number, crf in ((0, "18"), (0, "30"), (7, "18")):
        path = tmp_path / f"{number}-{crf}.mp4"
        pictures = numbered_run(30, 128, 96)
        pictures[20] = np.full_like(pictures[20], number)
        write_video(path, pictures, options={"crf": crf})
        found.add(coded(path).hash)
    assert len(found) == 3


def test_sound_and_titles_do_not_count(tmp_path: Path) -> None:
    silent, loud = tmp_path / "silent.mp4", tmp_path / "loud.mkv"
    write_video(silent, numbered_run(50))
    with av.open(str(silent)) as old, av.open(str(loud), "w") as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        new.metadata["title"] = "another title"
        tone = new.add_stream("aac", rate=48_000)
        for packet in old.demux(old.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                new.mux(packet)
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), format="fltp", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, 0, Fraction(1, 48_000)
        new.mux(tone.encode(frame))
        new.mux(tone.encode(None))
    assert coded(loud) == coded(silent)


def test_a_late_span_is_found_by_seeking_and_agrees_with_reading_through(tmp_path: Path) -> None:
    long, part = tmp_path / "long.mp4", (33.0, 35.0)
    pictures = numbered_run(40 * 5)
    write_video(long, pictures, fps=5, gop=25, b_frames=2)
    raw = remux(long, tmp_path / "long.ts")  # has no index: other places are reached by another way
    assert coded(long, *part).hash == coded(raw, *part).hash == coded(remux(long, tmp_path / "l.mkv"), *part).hash
    assert coded(long, *part) != coded(long, 33.0, 35.2)


def test_open_files_hash_like_paths_and_can_be_read_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    write_video(path, numbered_run(30))
    file = io.BytesIO(path.read_bytes())
    assert coded(file) == coded(path) == coded(file)


def test_a_damaged_end_still_has_a_hash(tmp_path: Path) -> None:
    path = tmp_path / "clip.ts"
    write_video(path, numbered_run(100))
    cut = tmp_path / "cut.ts"
    cut.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert coded(cut).hash not in ("", coded(path).hash)


def test_no_pictures_no_hash(tmp_path: Path) -> None:
    write_tone(tmp_path / "sound.m4a")
    with pytest.raises(VideoError, match="no video stream"):
        coded(tmp_path / "sound.m4a")
    path = tmp_path / "clip.mp4"
    write_video(path, numbered_run(10))
    assert coded(path, 50.0, 60.0).hash == ""
