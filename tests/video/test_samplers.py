"""Which frames are chosen: golden indices of the released scripts, and pictures that carry their number."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from media import number_of, numbered, numbered_run, write_video
from sharegpt4video.errors import SettingsError, VideoError
from sharegpt4video.video import samplers
from sharegpt4video.video.samplers import SAMPLERS, frames_of, sample_frames

# Executed with the released code: run.py, the MVBench and the TempCompass script agree for these lengths.
GOLDEN = {
    300: "9 28 46 65 84 102 121 140 159 177 196 215 233 252 271 289",
    100: "3 9 15 22 28 34 40 46 53 59 65 71 77 83 90 96",
    10: "0 1 1 2 2 3 3 4 4 5 6 6 7 7 8 8",
}


@pytest.mark.parametrize("name", ["sharegpt4video", "tempcompass"])
@pytest.mark.parametrize("count", GOLDEN)
def test_sixteen_frames_are_those_of_the_released_scripts(name: str, count: int) -> None:
    assert SAMPLERS[name](count, 16) == [int(index) for index in GOLDEN[count].split()]


def test_the_two_published_samplers_differ_for_930_lengths() -> None:
    one, other = SAMPLERS["sharegpt4video"], SAMPLERS["tempcompass"]
    assert sum(one(count, 16) != other(count, 16) for count in range(17, 2000)) == 930


def test_the_sampler_equals_the_formula_with_bounds_for_every_length() -> None:
    """MVBench's script adds half a part before it cuts off; without bounds that is the same number."""
    for count in range(17, 2000):
        part = (count - 1) / 16
        expected = [int(0 + part / 2 + np.round(part * index)) for index in range(16)]
        assert SAMPLERS["sharegpt4video"](count, 16) == expected


@given(st.sampled_from(sorted(SAMPLERS)), st.integers(1, 5000), st.integers(1, 300))
def test_indices_are_ordered_and_inside(name: str, count: int, wanted: int) -> None:
    indices = SAMPLERS[name](count, wanted)
    assert len(indices) == wanted
    assert indices == sorted(indices)
    assert indices[0] >= 0
    assert indices[-1] < count


def test_uniform_takes_the_middle_of_equal_stretches() -> None:
    assert SAMPLERS["uniform"](8, 4) == [1, 3, 5, 7]
    assert SAMPLERS["uniform"](100, 4) == [12, 37, 62, 87]


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize(("count", "wanted"), [(0, 16), (10, 0)])
def test_nothing_cannot_be_sampled(name: str, count: int, wanted: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        SAMPLERS[name](count, wanted)


@pytest.fixture(scope="module")
def hundred(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hundred") / "hundred.mp4"
    write_video(path, numbered_run(100), fps=10, b_frames=2)
    return path


def test_the_frames_are_the_chosen_ones_at_their_true_times(hundred: Path) -> None:
    sample = sample_frames(hundred, 16)
    expected = [int(index) for index in GOLDEN[100].split()]
    assert sample.count == 100
    assert list(sample.indices) == expected
    assert [number_of(frame.pixels) for frame in sample.frames] == expected
    assert [frame.seconds for frame in sample.frames] == pytest.approx([index / 10 for index in expected])


@pytest.mark.parametrize(
    ("start", "end", "first", "last"),
    [(2.0, 5.0, 20, 50), (2.04, None, 20, 99), (None, 3.26, 0, 33), (0.25, 0.35, 2, 4), (8.0, 500.0, 80, 99)],
)
def test_bounds_are_rounded_to_frames_as_mvbench_does(
    hundred: Path, start: float | None, end: float | None, first: int, last: int
) -> None:
    assert first == max(0, round((start or 0) * 10))
    assert last == min(99, round((end or 1e6) * 10))
    part = (last - first) / 8
    expected = [int(first + part / 2 + np.round(part * index)) for index in range(8)]
    sample = sample_frames(hundred, 8, start_seconds=start, end_seconds=end)
    assert list(sample.indices) == expected
    assert [number_of(frame.pixels) for frame in sample.frames] == expected


def test_a_part_beyond_the_end_is_an_error(hundred: Path) -> None:
    with pytest.raises(VideoError, match=r"hundred\.mp4: no frame from 60"):
        frames_of(hundred, 4, start_seconds=60.0, end_seconds=70.0)


def test_variable_frame_rate_counts_frames_and_keeps_their_times(tmp_path: Path) -> None:
    ticks = [0, 10, 20, 30, 300, 310, 900, 1000]
    write_video(tmp_path / "vfr.mkv", numbered_run(8), pts=ticks, time_base=Fraction(1, 1000))
    frames = frames_of(tmp_path / "vfr.mkv", 8, sampler="uniform")
    assert [number_of(frame.pixels) for frame in frames] == list(range(8))
    assert [frame.seconds for frame in frames] == pytest.approx([tick / 1000 for tick in ticks])
    nearest = sample_frames(tmp_path / "vfr.mkv", 2, sampler="uniform", start_seconds=0.29, end_seconds=0.95)
    assert nearest.indices == (4, 6)  # of frames 4 to 6; 0.95 s is as near to 6 as to 7, and 6 is even


def test_a_sound_before_the_picture_moves_times_not_indices(tmp_path: Path) -> None:
    path = tmp_path / "late.mkv"
    write_video(path, numbered_run(20), pts=range(5, 25), fps=10, time_base=Fraction(1, 10), audio_seconds=(0.0, 2.0))
    sample = sample_frames(path, 2, sampler="uniform")
    assert sample.indices == (5, 15)
    assert [frame.seconds for frame in sample.frames] == pytest.approx([1.0, 2.0], abs=0.002)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("raw.h264", {"container": "h264"}),
        ("a.webm", {"codec": "libvpx", "pix_fmt": "yuv420p", "options": {"auto-alt-ref": "1", "lag-in-frames": "16"}}),
        ("a.webm", {"codec": "libvpx-vp9"}),
        ("a.ts", {"b_frames": 2}),
        ("a.avi", {"codec": "mpeg4", "b_frames": 0}),
        ("a.gif", {"codec": "gif", "pix_fmt": "rgb8"}),
    ],
)
def test_every_container_counts_right(tmp_path: Path, name: str, options: dict[str, object]) -> None:
    write_video(tmp_path / name, numbered_run(40), fps=10, **options)  # type: ignore[arg-type]
    sample = sample_frames(tmp_path / name, 16)
    assert sample.count == 40
    assert [number_of(frame.pixels) for frame in sample.frames] == SAMPLERS["sharegpt4video"](40, 16)


def test_fewer_frames_than_wanted_come_more_than_once(tmp_path: Path) -> None:
    write_video(tmp_path / "short.mp4", numbered_run(3))
    assert [number_of(frame.pixels) for frame in frames_of(tmp_path / "short.mp4", 6)] == [0, 0, 1, 1, 1, 2]


def test_a_single_frame_fills_every_place(tmp_path: Path) -> None:
    write_video(tmp_path / "one.mp4", [numbered(7)])
    frames = frames_of(tmp_path / "one.mp4", 16)
    assert [number_of(frame.pixels) for frame in frames] == [7] * 16


def test_a_cut_file_gives_frames_that_are_there(tmp_path: Path) -> None:
    write_video(tmp_path / "cut.mkv", numbered_run(100), fps=10)
    whole = (tmp_path / "cut.mkv").read_bytes()
    (tmp_path / "cut.mkv").write_bytes(whole[: len(whole) // 2])
    sample = sample_frames(tmp_path / "cut.mkv", 8)
    assert 20 < sample.count < 80
    assert [number_of(frame.pixels) for frame in sample.frames] == list(sample.indices)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Frames 1 to 12, so that sorting as text would put 10 before 2."""
    for number in range(1, 13):
        Image.fromarray(numbered(number)).save(tmp_path / f"{number}.png")
    (tmp_path / "notes.txt").write_text("no frame")
    return tmp_path


def test_a_folder_of_frames_is_read_in_the_order_of_its_numbers(folder: Path) -> None:
    sample = sample_frames(folder, 12, sampler="uniform")
    assert [number_of(frame.pixels) for frame in sample.frames] == list(range(1, 13))
    assert [frame.seconds for frame in sample.frames] == pytest.approx([index / 3 for index in range(12)])


@pytest.mark.parametrize(("start", "end"), [(1.0, 3.0), (0.0, 3.0), (2.0, 60.0)])
def test_bounds_in_a_folder_are_mvbenchs_numbers_from_one(folder: Path, start: float, end: float) -> None:
    first, last = max(1, round(start * 3)), min(round(end * 3), 12)  # of its script, at three frames a second
    part = (last - first) / 4
    expected = [int(first + part / 2 + np.round(part * index)) for index in range(4)]
    frames = frames_of(folder, 4, start_seconds=start, end_seconds=end)
    assert [number_of(frame.pixels) for frame in frames] == expected


def test_frames_of_two_videos_are_no_video(folder: Path) -> None:
    Image.fromarray(numbered(13, 32, 24)).save(folder / "13.png")
    with pytest.raises(VideoError, match="not of one size"):
        frames_of(folder, 13, sampler="uniform")


def test_a_list_of_files_is_taken_as_it_stands(folder: Path) -> None:
    files = [folder / "3.png", str(folder / "1.png")]
    assert [number_of(frame.pixels) for frame in frames_of(files, 2, sampler="uniform")] == [3, 1]


def test_what_holds_no_frame_says_so(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no picture")
    (tmp_path / "text.mp4").write_text("no video")
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "nothing").mkdir()
    for video in (["x.png"], [tmp_path / "broken.png"], [], tmp_path / "text.mp4", tmp_path / "empty.mp4",
                  tmp_path / "nothing", tmp_path / "missing.mp4"):  # fmt: skip
        with pytest.raises(VideoError):
            frames_of(video, 4)


def test_wrong_options_are_named(hundred: Path) -> None:
    with pytest.raises(SettingsError, match="sharegpt4video, tempcompass, uniform"):
        frames_of(hundred, 4, sampler="random")
    with pytest.raises(SettingsError, match="at least 1 frame"):
        frames_of(hundred, 0)
    with pytest.raises(SettingsError, match="before end_seconds"):
        frames_of(hundred, 4, start_seconds=2.0, end_seconds=1.0)


def test_times_that_packets_tell_wrongly_are_not_trusted(hundred: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A header can claim anything; what is decoded decides."""
    times = [index / 10 for index in range(100)]
    monkeypatch.setattr(samplers, "_packet_times", lambda _video: [*times, 10.0, 10.1])
    sample = sample_frames(hundred, 102, sampler="uniform")
    assert sample.count == 100
