"""Clips of exactly so many pictures at a constant rate, whatever the rate of their source."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from media import number_of, numbered_run, write_video
from sharegpt4video.errors import VideoError
from sharegpt4video.video.constant import cut_frames


@dataclass(frozen=True)
class Stream:
    average_rate: Fraction
    codec: str
    pix_fmt: str
    width: int
    height: int


def pictures_of(path: Path) -> tuple[list[int], Stream]:
    """The numbers of all pictures, as PyAV decodes them, and what the file says of its stream."""
    with av.open(str(path)) as clip:
        stream = clip.streams.video[0]
        frames = list(clip.decode(video=0))
        times = [frame.time for frame in frames]
        assert np.allclose(np.diff(times), 1 / float(stream.average_rate), atol=1e-3), "not a constant rate"
        codec = stream.codec_context
        said = Stream(stream.average_rate, codec.name, str(codec.pix_fmt), stream.width, stream.height)
        return [number_of(frame.to_ndarray(format="rgb24")) for frame in frames], said


@pytest.mark.parametrize(("start", "frames", "fps"), [(0.0, 9, 8.0), (1.0, 17, 8.0), (0.5, 5, 4.0), (2.0, 7, 8.0)])
def test_the_pictures_are_those_of_the_window(tmp_path: Path, start: float, frames: int, fps: float) -> None:
    write_video(tmp_path / "v.mp4", numbered_run(32), fps=8)
    done = cut_frames(tmp_path / "v.mp4", tmp_path / "clip.mp4", start, frames, fps)
    numbers, stream = pictures_of(tmp_path / "clip.mp4")
    assert numbers == [int(start * 8 + (k + 0.5) * 8 / fps) for k in range(frames)]
    assert stream.average_rate == Fraction(fps)
    assert (stream.codec, stream.pix_fmt) == ("h264", "yuv420p")
    assert (done.cut.frames, done.repeated) == (frames, 0)


def test_a_variable_rate_comes_out_constant(tmp_path: Path) -> None:
    """Picture n is on screen for n + 1 sixteenths of a second: each comes as often as it is seen."""
    pts = [sum(range(1, number + 1)) for number in range(8)]
    write_video(tmp_path / "v.mp4", numbered_run(8), fps=16, pts=pts)
    done = cut_frames(tmp_path / "v.mp4", tmp_path / "clip.mp4", 0.0, 28, 16.0)
    numbers, _ = pictures_of(tmp_path / "clip.mp4")
    assert numbers == [number for number in range(7) for _ in range(number + 1)]
    assert done.repeated == 28 - 7


def test_a_slow_source_is_repeated_and_that_is_counted(tmp_path: Path) -> None:
    write_video(tmp_path / "v.mp4", numbered_run(8), fps=4)
    done = cut_frames(tmp_path / "v.mp4", tmp_path / "clip.mp4", 0.0, 13, 8.0)
    assert pictures_of(tmp_path / "clip.mp4")[0] == [k // 2 for k in range(13)]
    assert done.repeated == 6


@pytest.mark.parametrize(("width", "height", "side", "size"), [(65, 49, None, (64, 48)), (128, 64, 32, (32, 16))])
def test_sides_are_even(tmp_path: Path, width: int, height: int, side: int | None, size: tuple[int, int]) -> None:
    write_video(tmp_path / "v.mkv", numbered_run(8, width, height), fps=8, pix_fmt="yuv444p")
    done = cut_frames(tmp_path / "v.mkv", tmp_path / "clip.mp4", 0.0, 5, 8.0, side_pixels=side)
    _, stream = pictures_of(tmp_path / "clip.mp4")
    assert (stream.width, stream.height) == (done.width, done.height) == size


def test_a_video_that_ends_before_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    write_video(tmp_path / "v.mp4", numbered_run(8), fps=8)
    with pytest.raises(VideoError, match="ends 3 frames before"):
        cut_frames(tmp_path / "v.mp4", tmp_path / "clip.mp4", 0.0, 11, 8.0)
    assert [path.name for path in tmp_path.iterdir()] == ["v.mp4"]
    # A last picture that is shown a little shorter than its header says is shown again.
    cut_frames(tmp_path / "v.mp4", tmp_path / "clip.mp4", 0.0, 9, 8.0)
    assert pictures_of(tmp_path / "clip.mp4")[0] == [*range(8), 7]
