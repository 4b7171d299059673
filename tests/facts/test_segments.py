"""The streaming pass: segments tile the shots, facts belong to their interval, pictures are made only when wanted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any, cast

import cv2
import hypothesis
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains import drive, reply_to
from made_frames import Decoded, Told
from media import write_video
from scenes import panned, texture
from sharegpt4video.captioner.sliding import sliding
from sharegpt4video.config import CaptionSettings, FactSettings, KeyframeSettings
from sharegpt4video.facts.observe import LOOKAHEAD_SECONDS
from sharegpt4video.facts.segments import segments
from sharegpt4video.records import Facts, Keyframe, Segment
from sharegpt4video.video.fades import Transition
from sharegpt4video.video.keyframes import UniformSelector
from sharegpt4video.video.picture import DecodedFrame
from sharegpt4video.video.reader import VideoReader
from sharegpt4video.video.shots import ShotDetector

SETTINGS = CaptionSettings(facts=FactSettings(every_seconds=1.0, ocr=False))
EVERY_SECOND = KeyframeSettings(every_seconds=1.0)
FPS = 10
SETTLES_SECONDS = 3.0  # no cut or fade is found later than this: a fade may take 2.2 s


@pytest.fixture(scope="module")
def two_shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """3 s of a still scene, a cut, then 3 s of a pan to the right at 10 % of the width per second."""
    path = tmp_path_factory.mktemp("segments") / "two.mp4"
    still = texture(1, 320, 180, (90, 140, 90))
    wide = texture(2, 640, 180, (150, 110, 80))
    pictures = [still] * (3 * FPS) + [panned(wide, 3.2 * number, 320, 180) for number in range(3 * FPS)]
    write_video(path, pictures, fps=FPS)
    return path


def run(
    path: Path, every_seconds: float = 1.0, *, with_images: bool = False, new_keyframes: int = 100
) -> list[Segment]:
    with VideoReader(path) as reader:
        selector = UniformSelector(every_seconds)
        settings = CaptionSettings(facts=SETTINGS.facts, keyframes=SETTINGS.keyframes, image_side_pixels=160)
        how: dict[str, Any] = {"with_images": with_images, "new_keyframes": new_keyframes}
        return list(segments(reader.decoded(), selector, settings, **how))


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


def test_one_take_is_one_shot_and_a_detector_of_the_callers_sees_its_cuts_all_the_same(two_shots: Path) -> None:
    class Noting(ShotDetector):
        def push(self, *frame: Any) -> list[Any]:
            found.extend(super().push(*frame))
            return []

        def flush(self) -> list[Any]:
            found.extend(super().flush())
            return []

    found: list[Any] = []
    whole = replace(SETTINGS, keyframes=replace(SETTINGS.keyframes, cuts=False))
    for detector in (None, Noting()):
        with VideoReader(two_shots) as reader:
            parts = [*segments(reader.decoded(), UniformSelector(1.0), whole, with_images=False, detector=detector)]
        assert {part.shot_index for part in parts} == {0}
        assert parts[-1].shot_end_seconds == pytest.approx(6.0)
    assert [one.seconds for one in found] == [pytest.approx(3.0)]


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


@pytest.mark.parametrize("new_keyframes", [1, 3])
def test_a_long_shot_comes_in_parts_that_join(new_keyframes: int, tmp_path: Path) -> None:
    path = tmp_path / "long.mp4"
    write_video(path, [texture(3, 160, 96)] * 80, fps=FPS)
    settings = CaptionSettings(facts=FactSettings(every_seconds=4.0, ocr=False), keyframes=EVERY_SECOND)
    with VideoReader(path) as reader:
        how: dict[str, Any] = {"with_images": False, "new_keyframes": new_keyframes}
        parts = list(segments(reader.decoded(), UniformSelector(1.0), settings, **how))
    assert [part.continues for part in parts] == [False] + [True] * (len(parts) - 1)
    assert {len(part.keyframes) - part.continues for part in parts[:-1]} == {new_keyframes}
    for before, after in pairwise(parts):
        assert before.shot_end_seconds is None
        assert before.keyframes[-1] == after.keyframes[0]
        assert before.facts[-1] is after.facts[0]
        assert after.facts[1].start_seconds == before.facts[-1].end_seconds
        assert after.first_number == before.first_number + len(before.keyframes) - 1
    assert parts[0].first_number == 1
    assert parts[-1].shot_end_seconds == pytest.approx(8.0)


def test_where_segments_end_decides_nothing(tmp_path: Path) -> None:
    """A scene that moves and stands still in turns, with words on it for a while."""
    wide = texture(2, 640, 180, (150, 110, 80))
    shifts = np.concatenate([np.arange(25), np.full(25, 25), np.arange(25, 45)]) * 3.2
    path = tmp_path / "turns.mp4"
    shown = [panned(wide, shift, 320, 180).copy() for shift in shifts]
    for picture in shown[20:50]:
        cv2.putText(picture, "WELCOME", (40, 100), cv2.FONT_HERSHEY_SIMPLEX, 1.6, (255, 255, 255), 4)
    write_video(path, shown, fps=FPS)
    settings = CaptionSettings(facts=FactSettings(every_seconds=0.5), keyframes=EVERY_SECOND)

    def chain(new_keyframes: int) -> list[tuple[Keyframe, Facts]]:
        with VideoReader(path) as reader:
            how: dict[str, Any] = {"with_images": False, "new_keyframes": new_keyframes}
            parts = list(segments(reader.decoded(), UniformSelector(1.0), settings, **how))
        return [pair for part in parts for pair in list(zip(part.keyframes, part.facts, strict=True))[part.continues :]]

    one_by_one = chain(1)
    assert len(one_by_one) > 6
    assert any(facts.texts for _, facts in one_by_one)
    assert chain(3) == one_by_one


def test_a_step_comes_soon_after_it_was_seen(tmp_path: Path) -> None:
    path = tmp_path / "long.mp4"
    write_video(path, [texture(3, 160, 96)] * 120, fps=FPS)
    settings = CaptionSettings(facts=FactSettings(measure=False), keyframes=KeyframeSettings(every_seconds=2.0))
    read = 0.0

    def counted(frames: Iterator[DecodedFrame]) -> Iterator[DecodedFrame]:
        nonlocal read
        for frame in frames:
            read = frame.end_seconds
            yield frame

    late = []
    with VideoReader(path) as reader:
        frames = counted(reader.decoded())
        for part in segments(frames, UniformSelector(2.0), settings, with_images=False):
            late.append(read - part.keyframes[-1].seconds)
    assert len(late) == 7
    assert late[0] <= 2.0 + SETTLES_SECONDS  # a shorter shot would be one keyframe
    assert max(late[1:]) <= LOOKAHEAD_SECONDS + SETTLES_SECONDS


class Drawn(UniformSelector):
    """Keeps what it is told to; the rest is as in any selector."""

    def __init__(self, kept: Iterable[bool]) -> None:
        self._kept = iter(kept)
        super().__init__()

    def _is_due(self, *_: float | None) -> bool:
        return next(self._kept)


@given(
    durations=st.lists(st.floats(0.02, 2.0), min_size=1, max_size=80),
    cuts=st.sets(st.integers(1, 79), max_size=6),
    pages=st.sets(st.integers(1, 79), max_size=6),
    kept=st.randoms(use_true_random=False),
    every=st.floats(0.2, 4.0),
    late=st.floats(0.0, 1.0),
    new_keyframes=st.integers(1, 4),
)
@hypothesis.settings(max_examples=100, deadline=None)
def test_steps_tile_their_shots_whatever_is_kept(
    durations: list[float],
    cuts: set[int],
    pages: set[int],
    kept: Random,
    every: float,
    late: float,
    new_keyframes: int,
) -> None:
    """What is handed on before its shot has ended needs to know that its last keyframe is not the shot's last."""
    starts = np.concatenate([[0.0], np.cumsum(durations)])
    frames = [Decoded(float(start), length) for start, length in zip(starts, durations, strict=False)]
    known = [Transition("cut", frames[n].seconds, frames[n - 1].seconds) for n in sorted(cuts) if n < len(frames)]
    changes = [frames[n].seconds for n in sorted(pages - cuts) if n < len(frames)]
    settings = CaptionSettings(facts=FactSettings(measure=False), keyframes=replace(EVERY_SECOND, every_seconds=every))
    how: dict[str, Any] = {"with_images": False, "new_keyframes": new_keyframes, "detector": Told(known, late, changes)}
    selector = Drawn(kept.random() < 0.5 for _ in iter(int, 1))
    parts = list(segments(cast(list[DecodedFrame], frames), selector, settings, **how))
    ends = [*(one.seconds for one in known), frames[-1].end_seconds]
    for shot, (start, end) in enumerate(zip([0.0, *ends], ends, strict=False)):
        chain = [part for part in parts if part.shot_index == shot]
        assert [part.shot_end_seconds for part in chain] == [None] * (len(chain) - 1) + [end]
        steps = [
            step
            for part in chain
            for step in drive(sliding(part, video="v"), lambda request: reply_to(request, "x"))[0]
        ]
        assert [step.start_seconds for step in steps[:1]] == [start]
        assert steps[-1].end_seconds == end
        assert all(before.end_seconds == after.start_seconds for before, after in pairwise(steps))


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
