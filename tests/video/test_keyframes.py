"""Keyframes: which frames become candidates, and which are kept, on videos whose every frame is known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from made_frames import Decoded, Told
from sharegpt4video.errors import SettingsError
from sharegpt4video.video.fades import Transition
from sharegpt4video.video.keyframes import Candidate, SemanticSelector, UniformSelector, candidates
from sharegpt4video.video.picture import DecodedFrame
from sharegpt4video.video.shots import ShotDetector

Pixels = np.ndarray[Any, np.dtype[np.uint8]]


class AngleEncoder:
    """The angle painted into the picture as a vector: the cosine of two is known in advance."""

    name = "angles"
    similarity = 0.9

    def __init__(self, batch_size: int = 4) -> None:
        self.batch_size = batch_size
        self.encoded: list[int] = []

    def encode(self, pictures: Sequence[Pixels]) -> np.ndarray[Any, np.dtype[np.float32]]:
        assert 0 < len(pictures) <= self.batch_size
        angles = [int(picture[0, 0, 0]) for picture in pictures]
        self.encoded += angles
        radians = np.radians(angles)
        return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def video(seconds: float, fps: float = 10, angles: Sequence[tuple[float, int]] = ((0, 0),)) -> list[DecodedFrame]:
    """Frames at a constant rate; ``angles`` are (from when, which)."""
    frames = []
    for number in range(round(seconds * fps)):
        angle = [angle for start, angle in angles if start <= number / fps + 1e-9][-1]
        frames.append(Decoded(number / fps, 1 / fps, angle))
    return cast(list[DecodedFrame], frames)


def found(
    frames: Iterable[DecodedFrame], transitions: Sequence[Transition] = (), every: float = 2.0, **told: float
) -> list[Candidate]:
    return list(candidates(frames, cast(ShotDetector, Told(transitions, **told)), every))


def rows(some: Iterable[Candidate]) -> list[tuple[int, str, float]]:
    return [(one.shot_index, one.role, round(one.decoded.seconds, 3)) for one in some]


# Candidates


def test_one_shot() -> None:
    expected = [(0, "opens", 0.0), (0, "inside", 2.0), (0, "inside", 4.0), (0, "closes", 5.4)]
    assert rows(found(video(5.5))) == expected
    assert rows(candidates(video(5.5), None, 2.0)) == expected


def test_the_clock_of_a_shot_starts_at_its_cut() -> None:
    made = found(video(8), [Transition("cut", 3.1, 3.0)])
    assert rows(made) == [
        (0, "opens", 0.0),
        (0, "inside", 2.0),
        (0, "closes", 3.0),
        (1, "opens", 3.1),
        (1, "inside", 5.1),
        (1, "inside", 7.1),
        (1, "closes", 7.9),
    ]
    assert [one.opens_with for one in made] == ["start"] * 3 + ["cut"] * 4


def test_no_candidate_lies_within_a_fade() -> None:
    made = found(video(8), [Transition("fade", 4.6, 3.4)], late=0.9)
    assert rows(made) == [
        (0, "opens", 0.0),
        (0, "inside", 2.0),
        (0, "closes", 3.4),
        (1, "opens", 4.6),
        (1, "inside", 6.6),
        (1, "closes", 7.9),
    ]
    assert made[3].opens_with == "fade"


def test_a_short_shot_is_its_first_frame_unless_it_is_all_there_is() -> None:
    assert rows(found(video(3), [Transition("cut", 1.0, 0.9)])) == [(0, "opens", 0.0), (1, "opens", 1.0)]
    assert rows(found(video(1.8))) == [(0, "opens", 0.0), (0, "closes", 1.7)]


def test_one_frame_is_one_candidate_and_none_is_none() -> None:
    assert rows(found(video(0.1))) == [(0, "opens", 0.0)]
    assert found([]) == []


def test_the_candidate_is_the_frame_on_screen_when_it_is_due() -> None:
    times = [0.0, 0.7, 1.9, 3.5, 3.6, 6.5, 8.2, 8.3, 12.0]
    frames = [Decoded(a, b - a) for a, b in pairwise(times)]
    made = found(cast(list[DecodedFrame], frames), every=2.0)
    # due at 2, 4, 6, 8, 10: on screen then are the frames of 1.9, 3.6, 3.6 again, 6.5 and 8.3, which is the last
    assert rows(made) == [
        (0, "opens", 0.0),
        (0, "inside", 1.9),
        (0, "inside", 3.6),
        (0, "inside", 6.5),
        (0, "closes", 8.3),
    ]


def test_a_cut_known_late_still_leaves_candidates_close_together() -> None:
    made = found(video(6), [Transition("cut", 2.0, 1.9)], every=0.5, late=1.2)
    inside = [one.decoded.seconds for one in made if one.shot_index == 1]
    assert inside[0] == 2.0
    assert inside[-1] == pytest.approx(5.9)
    assert max(np.diff(inside)) <= 1.0


def test_times_must_be_possible() -> None:
    with pytest.raises(SettingsError, match="every_seconds"):
        found(video(1), every=0)


def test_only_undecided_frames_are_held() -> None:
    def stream() -> Iterator[Decoded]:
        for number in range(2000):
            yield Decoded(number / 25, 1 / 25, number // 100 % 200)

    before = Decoded.alive
    most = 0
    detector = ShotDetector()
    for _ in candidates(cast(Iterator[DecodedFrame], stream()), detector, 2.0):
        most = max(most, Decoded.alive - before)
    assert most <= 35


# Selection


def select(frames: list[DecodedFrame], transitions: Sequence[Transition] = (), **options: Any) -> list[Any]:
    selector = SemanticSelector(AngleEncoder(), **options)
    return [
        (round(one.candidate.decoded.seconds, 3), one.reason) for one in selector.select(found(frames, transitions))
    ]


def test_frames_are_compared_with_the_last_one_kept_not_the_last_one_seen() -> None:
    # 15 degrees more every 2 s: cos 15 = .966 and is alike, cos 30 = .866 is not
    frames = video(12.1, angles=[(2 * step, 15 * step) for step in range(7)])
    assert select(frames) == [(0.0, "first"), (4.0, "change"), (8.0, "change"), (12.0, "last")]


def test_the_similarity_is_that_to_the_keyframe_before() -> None:
    frames = video(6, angles=[(0, 0), (2, 60), (4, 70)])
    kept = list(SemanticSelector(AngleEncoder()).select(found(frames)))
    assert [one.similarity for one in kept] == [
        None,
        pytest.approx(np.cos(np.radians(60)), abs=1e-5),
        pytest.approx(np.cos(np.radians(10)), abs=1e-5),
    ]


def test_a_cut_makes_a_keyframe_however_alike_the_shots_are() -> None:
    assert select(video(6), [Transition("cut", 3.0, 2.9)]) == [
        (0.0, "first"),
        (2.9, "last"),
        (3.0, "cut"),
        (5.9, "last"),
    ]


def test_no_step_grows_without_end() -> None:
    kept = [(0.0, "first"), (8.0, "change"), (16.0, "change"), (24.0, "change"), (24.9, "last")]
    assert select(video(25), max_gap_seconds=8) == kept
    assert select(video(24.4), max_gap_seconds=8) == [*kept[:4], (24.3, "last")]  # 16 to 24.3 would be too long
    assert select(video(13), max_gap_seconds=5) == [(0.0, "first"), (4.0, "change"), (8.0, "change"), (12.9, "last")]


def test_the_last_frame_takes_the_place_of_a_keyframe_just_before_it() -> None:
    frames = video(4.3, angles=[(0, 0), (4, 90)])  # kept at 4.0, closed at 4.2
    selector = SemanticSelector(AngleEncoder())
    kept = list(selector.select(found(frames)))
    assert [(one.candidate.decoded.seconds, one.reason) for one in kept] == [(0.0, "first"), (4.2, "last")]
    assert kept[-1].similarity == pytest.approx(0, abs=1e-5)  # to the first frame, which is the one before it
    assert select(video(4.8, angles=[(0, 0), (4, 90)])) == [(0.0, "first"), (4.0, "change"), (4.7, "last")]


def test_the_first_frame_never_gives_way() -> None:
    assert select(video(0.4)) == [(0.0, "first")]


@pytest.mark.parametrize("batch_size", [1, 2, 3, 7, 100])
def test_each_candidate_is_encoded_once_and_the_batch_decides_nothing(batch_size: int) -> None:
    rng = np.random.default_rng(4)
    frames = video(60, angles=[(second, int(angle)) for second, angle in enumerate(rng.integers(0, 180, 60))])
    cuts = [Transition("cut", float(at), at - 0.1) for at in (5, 11, 12, 30)]
    made = found(frames, cuts)
    encoder = AngleEncoder(batch_size)
    kept = list(SemanticSelector(encoder).select(made))
    assert encoder.encoded == [cast(Any, one.decoded).angle for one in made]
    reference = list(SemanticSelector(AngleEncoder(5)).select(made))
    assert [(one.candidate, one.reason) for one in kept] == [(one.candidate, one.reason) for one in reference]


def test_at_most_one_batch_of_frames_is_held() -> None:
    def stream() -> Iterator[Candidate]:
        for number in range(200):
            frame = cast(DecodedFrame, Decoded(2.0 * number, 2.0, number % 180))
            yield Candidate(frame, 0, "inside" if number else "opens", "start", frame.seconds)

    before = Decoded.alive
    most = 0
    for _ in SemanticSelector(AngleEncoder(4)).select(stream()):
        most = max(most, Decoded.alive - before)
    assert most <= 4 + 4  # the one just made, the one last kept, the one that waits and the one passed over


def test_a_wrong_encoder_is_named() -> None:
    class Short(AngleEncoder):
        def encode(self, pictures: Sequence[Pixels]) -> np.ndarray[Any, np.dtype[np.float32]]:
            return super().encode(pictures)[:-1]

    with pytest.raises(ValueError, match="angles gave 3 rows for 4 pictures"):
        list(SemanticSelector(Short()).select(found(video(20))))


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(SettingsError, match="similarity"):
        SemanticSelector(AngleEncoder(), similarity=1.5)
    with pytest.raises(SettingsError, match="max_gap_seconds"):
        SemanticSelector(AngleEncoder(), max_gap_seconds=0)
    with pytest.raises(SettingsError, match="every_seconds"):
        UniformSelector(0)


def test_uniform_keeps_its_distance() -> None:
    kept = [one.candidate.decoded.seconds for one in UniformSelector(4.0).select(found(video(15)))]
    assert kept == [0.0, 4.0, 8.0, 12.0, pytest.approx(14.9)]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0.02, 3.0), min_size=1, max_size=60), st.lists(st.integers(1, 59), max_size=5), st.data())
def test_candidates_are_in_order_and_shots_are_whole(durations: list[float], cuts: list[int], data: Any) -> None:
    starts = np.concatenate([[0.0], np.cumsum(durations)])
    frames = [Decoded(float(start), length) for start, length in zip(starts, durations, strict=False)]
    known = [Transition("cut", frames[n].seconds, frames[n - 1].seconds) for n in sorted(set(cuts)) if n < len(frames)]
    every = data.draw(st.floats(0.1, 4))
    made = found(cast(list[DecodedFrame], frames), known, every=every, late=data.draw(st.floats(0, 1)))
    times = [one.decoded.seconds for one in made]
    assert times == sorted(set(times))
    opens = [one.decoded.seconds for one in made if one.role == "opens"]
    assert opens == [0.0, *(one.seconds for one in known)]
    for shot in range(len(opens)):
        roles = [one.role for one in made if one.shot_index == shot]
        assert roles[0] == "opens"
        assert all(role == "inside" for role in roles[1:-1])


RATES = st.one_of(
    st.sampled_from(
        [Fraction(30000, 1001), Fraction(24000, 1001), Fraction(60000, 1001), Fraction(25), Fraction(15, 2)]
    ),
    st.fractions(1, 240, max_denominator=1001),
)
Times = list[tuple[float, float]]


@st.composite
def frame_times(draw: st.DrawFn) -> Times:
    """Start and end of every frame of about a minute: constant rates exact or in whole milliseconds, or variable."""
    start = draw(st.sampled_from([0.0, 0.021333, -0.08, 3600.0]))
    kind = draw(st.sampled_from(["exact", "milliseconds", "variable"]))
    if kind == "variable":
        lengths = draw(st.lists(st.floats(1 / 240, 1.0), min_size=1, max_size=60))
        edges = start + np.concatenate([[0.0], np.cumsum(lengths)])
    else:
        rate = draw(RATES)
        edges = start + np.arange(min(int(60 * rate), 2000) + 2) / float(rate)
        edges = np.round(edges, 3) if kind == "milliseconds" else edges
    return [(float(a), float(b)) for a, b in pairwise(edges) if b > a]


@settings(max_examples=120, deadline=None)
@given(frame_times(), st.sampled_from([0.2, 0.5, 1.0, 2.0, 1 / 3]))
def test_uniform_keeps_every_candidate_at_every_frame_rate(times: Times, every: float) -> None:
    frames = cast(list[DecodedFrame], [Decoded(a, b - a) for a, b in times])
    made = [one for one in candidates(frames, None, every) if one.role != "closes"]
    kept = [one.candidate for one in UniformSelector(every).select(iter(made))]
    assert kept == made
    start = times[0][0]
    for frame, due in ((one.decoded, one.due_seconds) for one in made):
        steps = (due - start) / every
        assert steps == pytest.approx(round(steps), abs=1e-3)
        assert frame.seconds <= due + 1e-6 < frame.end_seconds + 2e-6


@settings(max_examples=120, deadline=None)
@given(frame_times(), st.sampled_from([0.2, 0.5, 2.0]), st.sampled_from([1.0, 2.5, 3.0, 20.0]))
def test_no_gap_is_longer_than_asked_at_every_frame_rate(times: Times, every: float, most: float) -> None:
    """Of a picture that never changes; the frames on screen are the limit: one of them and the clock's own step."""
    frames = cast(list[DecodedFrame], [Decoded(a, b - a) for a, b in times])
    selector = SemanticSelector(AngleEncoder(), max_gap_seconds=max(every, most))
    kept = [one.candidate.decoded for one in selector.select(candidates(frames, None, every))]
    assert kept[-1] is frames[-1] or frames[-1].seconds - kept[-1].seconds < 0.5
    longest = max(b - a for a, b in times)
    gaps = [after.seconds - before.seconds for before, after in pairwise(kept)]
    assert max(gaps, default=0.0) <= max(every, most) + longest + 1e-6
