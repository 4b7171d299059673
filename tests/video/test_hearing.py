"""The samples of a video's sound are on the clock of its pictures."""

from __future__ import annotations

import io
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from media import solid, write_video
from sharegpt4video.video.hearing import RATE, SoundTrack
from sharegpt4video.video.reader import VideoReader
from sharegpt4video.video.source import FileSource

RED = solid((200, 0, 0))


def clip(path: Path, audio_seconds: tuple[float, float] | None) -> Path:
    write_video(path, [RED] * 75, audio_seconds=audio_seconds)
    return path


def heard(path: Path, start_seconds: float | None = None) -> tuple[float, float]:
    """From when to when there is a tone, in seconds of the video."""
    with VideoReader(path, start_seconds=start_seconds) as reader:
        track = reader.sound_track()
        assert track is not None
        samples = track.read(10.0)
        loud = np.flatnonzero(np.abs(samples) > 0.05)
        return tuple(track.start_seconds + at / RATE for at in (loud[0], loud[-1]))  # type: ignore[return-value]


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv"])
def test_a_tone_is_heard_when_it_sounds(tmp_path: Path, name: str) -> None:
    path = clip(tmp_path / name, (1.0, 2.0))
    assert heard(path) == pytest.approx((1.0, 2.0), abs=0.06)
    assert heard(path, start_seconds=1.5) == pytest.approx((1.5, 2.0), abs=0.06)


def test_blocks_of_any_size_are_the_same_samples(tmp_path: Path) -> None:
    path = clip(tmp_path / "clip.mp4", (0.5, 2.0))
    whole = []
    for sizes in ([10.0], [0.05] * 80, [0.7, 0.0001, 3.0]):
        with VideoReader(path) as reader:
            track = reader.sound_track()
            assert track is not None
            whole.append(np.concatenate([track.read(size) for size in sizes]))
    assert len(whole[0]) > RATE
    assert all(np.array_equal(whole[0], other) for other in whole[1:])


def test_a_video_without_sound_says_so(tmp_path: Path) -> None:
    with VideoReader(clip(tmp_path / "clip.mp4", None)) as reader:
        track = reader.sound_track()
        assert track is not None
        assert not track.exists
        assert len(track.read(5.0)) == 0


def test_what_can_be_read_only_once_has_no_second_pass(tmp_path: Path) -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    clip(tmp_path / "clip.mkv", (0.0, 2.0))
    with VideoReader(Pipe((tmp_path / "clip.mkv").read_bytes())) as reader:
        assert reader.sound_track() is None


def test_a_track_cut_short_ends_without_an_error(tmp_path: Path) -> None:
    path = clip(tmp_path / "clip.mkv", (0.0, 3.0))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with VideoReader(path) as reader:
        track = reader.sound_track()
        assert track is not None
        assert 0 < len(track.read(10.0)) < 2.9 * RATE


def test_a_track_that_changes_on_the_way_is_heard_to_its_end(tmp_path: Path) -> None:
    """As in broadcasts, and in damaged streams: other rates and channels from one packet to the next."""

    def frame(rate: int, layout: str, seconds: float, at: float) -> av.AudioFrame:
        channels = len(av.AudioLayout(layout).channels)
        made = av.AudioFrame.from_ndarray(
            np.full((channels, round(rate * seconds)), 0.5, np.float32), format="fltp", layout=layout
        )
        made.sample_rate, made.pts, made.time_base = rate, round(at * rate), Fraction(1, rate)
        return made

    class Changing(SoundTrack):
        def _frames(self) -> Iterator[av.AudioFrame]:
            yield frame(48_000, "stereo", 1.0, 0.0)
            yield frame(22_050, "mono", 1.0, 1.0)
            yield frame(44_100, "5.1", 1.0, 3.0)  # after a gap

    track = Changing(FileSource(clip(tmp_path / "clip.mp4", (0.0, 1.0))), Fraction(0))
    samples = track.read(10.0)
    level = np.abs(samples[: 39 * RATE // 10]).reshape(-1, RATE // 10).max(axis=1)
    assert len(samples) == pytest.approx(4 * RATE, abs=200)
    assert (level > 0.1).tolist() == [True] * 20 + [False] * 10 + [True] * 9
