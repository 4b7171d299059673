"""The streaming pass: segments tile the shots, facts belong to their interval, pictures are made only when wanted."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from media import write_video
from scenes import panned, texture
from sharegpt4video.config import CaptionSettings, FactSettings
from sharegpt4video.facts import segments as module
from sharegpt4video.facts.segments import segments
from sharegpt4video.records import Segment
from sharegpt4video.video.keyframes import UniformSelector
from sharegpt4video.video.reader import VideoReader

SETTINGS = CaptionSettings(facts=FactSettings(every_seconds=1.0, ocr=False))
FPS = 10


@pytest.fixture(scope="module")
def two_shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """3 s of a still scene, a cut, then 3 s of a pan to the right at 10 % of the width per second."""
    path = tmp_path_factory.mktemp("segments") / "two.mp4"
    still = texture(1, 320, 180, (90, 140, 90))
    wide = texture(2, 640, 180, (150, 110, 80))
    pictures = [still] * (3 * FPS) + [panned(wide, 3.2 * number, 320, 180) for number in range(3 * FPS)]
    write_video(path, pictures, fps=FPS)
    return path


def run(path: Path, every_seconds: float = 1.0, *, with_images: bool = False) -> list[Segment]:
    with VideoReader(path) as reader:
        selector = UniformSelector(every_seconds)
        settings = CaptionSettings(facts=SETTINGS.facts, keyframes=SETTINGS.keyframes, image_side_pixels=160)
        return list(segments(reader.decoded(), selector, settings, with_images=with_images))


def test_segments_follow_the_shots_and_facts_their_keyframes(two_shots: Path) -> None:
    first, second = run(two_shots)
    assert (first.shot_start_seconds, first.shot_end_seconds) == (0.0, pytest.approx(3.0))
    assert (second.shot_start_seconds, second.shot_end_seconds) == (pytest.approx(3.0), pytest.approx(6.0))
    assert (first.opens_with, second.opens_with) == ("start", "cut")
    for segment in (first, second):
        times = [keyframe.seconds for keyframe in segment.keyframes]
        assert times == sorted(set(times))
        assert [facts.end_seconds for facts in segment.facts] == times
        assert [facts.start_seconds for facts in segment.facts[1:]] == times[:-1]
        assert all(keyframe.image is None for keyframe in segment.keyframes)


def test_each_shot_has_its_own_camera(two_shots: Path) -> None:
    first, second = run(two_shots, every_seconds=10.0)
    assert first.facts[-1].camera.moves == ("static",)
    assert second.facts[-1].camera.moves[0] == "pan right"
    assert second.facts[-1].camera.pan_widths == pytest.approx(0.29, abs=0.04)  # 29 steps of 1 % of the width


def test_pictures_come_when_wanted_and_are_capped(two_shots: Path) -> None:
    for keyframe in run(two_shots, with_images=True)[0].keyframes:
        assert keyframe.image is not None
        assert (keyframe.image.width, keyframe.image.height) == (160, 90)
        assert keyframe.image.jpeg.startswith(b"\xff\xd8")


def test_a_long_shot_comes_in_parts_that_join(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SEGMENT_KEYFRAMES", 3)
    path = tmp_path / "long.mp4"
    write_video(path, [texture(3, 160, 96)] * 80, fps=FPS)
    parts = segments_of_long(path)
    assert [part.continues for part in parts] == [False] + [True] * (len(parts) - 1)
    assert len(parts) > 2
    for before, after in pairwise(parts):
        assert before.shot_end_seconds is None
        assert before.keyframes[-1] == after.keyframes[0]
        assert after.facts[1].start_seconds == before.facts[-1].end_seconds
        assert after.first_number == before.first_number + len(before.keyframes) - 1
    assert parts[0].first_number == 1
    assert parts[-1].shot_end_seconds == pytest.approx(8.0)


def segments_of_long(path: Path) -> list[Segment]:
    with VideoReader(path) as reader:
        settings = CaptionSettings(
            facts=FactSettings(every_seconds=4.0, ocr=False),
            keyframes=type(SETTINGS.keyframes)(every_seconds=1.0),
        )
        return list(segments(reader.decoded(), UniformSelector(1.0), settings, with_images=False))


def test_each_frame_is_asked_for_once(two_shots: Path) -> None:
    with VideoReader(two_shots) as reader:
        seen = 0

        def counted() -> Iterator[object]:
            nonlocal seen
            for frame in reader.decoded():
                seen += 1
                yield frame

        for _ in segments(counted(), UniformSelector(1.0), SETTINGS, with_images=False):  # type: ignore[arg-type]
            pass
    assert seen == 6 * FPS
