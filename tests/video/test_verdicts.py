"""What the network is asked, what it need not be asked, and what is made of its answers."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

import scenes
from sharegpt4video.video.fades import Proposal, Transition
from sharegpt4video.video.shots import ShotDetector
from sharegpt4video.video.transnet import HEIGHT, WIDTH, probabilities
from sharegpt4video.video.verdicts import Judge

FPS = 25
Pixels = np.ndarray[Any, np.dtype[np.uint8]]


class Network:
    """Likely are frames whose red and green are up to 100 (percent); it is less sure when it sees fewer frames."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __call__(self, frames: Pixels) -> np.ndarray[Any, np.dtype[np.float32]]:
        self.asked.append(len(frames))
        doubt = 0.8 if len(frames) < 100 else 1.0
        shots_end, in_transition = frames[:, 0, 0, 0] / 100 * doubt, frames[:, 0, 0, 1] / 100 * doubt
        return np.stack([shots_end, in_transition]).astype(np.float32)


def cut(frame: int, verdict: bool | None = None, fps: float = FPS) -> Proposal:
    return Proposal(Transition("cut", frame / fps, (frame - 1) / fps), verdict=verdict)


def decide(proposals: dict[int, Proposal], likely: dict[int, int], length: int, fps: float = FPS) -> Any:
    """What a judge says, with the frame at which it does; proposals are made at these frames."""
    network = Network()
    judge = Judge(network)
    found = []
    for number in range(length):
        judge.see(number / fps, np.full((36, 64, 3), likely.get(number, 0), np.uint8))
        if number in proposals:
            judge.ask(proposals[number])
        found += [(number, one.transition.seconds, verdict) for one, verdict in judge.decided()]
    found += [(length, one.transition.seconds, verdict) for one, verdict in judge.decided(ended=True)]
    return found, network.asked


def test_the_network_decides_at_its_own_threshold() -> None:
    proposals = {40: cut(30), 130: cut(120), 230: cut(220)}
    found, asked = decide(proposals, {29: 95, 119: 5, 219: 55}, 300)
    assert [(seconds, verdict) for _, seconds, verdict in found] == [(1.2, True), (4.8, False), (8.8, True)]
    assert [number for number, _, _ in found] == [80, 170, 270]
    assert asked == [52, 52, 52, 102]  # 44 % is no clear answer, and with the full context it is 55


def test_near_proposals_share_a_window_and_plain_ones_need_none() -> None:
    found, asked = decide({40: cut(30), 50: cut(45), 60: cut(52, True)}, {29: 95, 44: 2}, 200)
    assert [verdict for _, _, verdict in found] == [True, False, True]
    assert asked == [67]
    assert decide({40: cut(30, True), 41: cut(35, False)}, {}, 60)[1] == []


@pytest.mark.parametrize(
    ("middle", "inside", "is_one"), [(30, 80, True), (10, 80, False), (60, 60, True), (5, 60, False)]
)
def test_of_a_slow_transition_both_heads_tell(middle: int, inside: int, is_one: bool) -> None:
    judge = Judge(Network())
    for number in range(200):
        judge.see(number / FPS, np.full((36, 64, 3), (middle, inside, 0) if 80 <= number < 100 else 0, np.uint8))
    judge.ask(Proposal(Transition("fade", 100 / FPS, 79 / FPS)))
    assert [verdict for _, verdict in judge.decided()] == [is_one]


@pytest.mark.parametrize("frame", [1, 3, 97, 99])
def test_both_ends_of_a_video_are_judged(frame: int) -> None:
    at = max(frame, 10)
    assert decide({at: cut(frame)}, {frame - 1: 95}, 100)[0][0][1:] == (frame / FPS, True)
    assert decide({at: cut(frame)}, {}, 100)[0][0][1:] == (frame / FPS, False)


@pytest.mark.parametrize(("fps", "rate"), [(25, 25), (30, 30), (50, 25), (60, 30), (240, 30)])
def test_the_network_sees_about_thirty_frames_per_second(fps: int, rate: int) -> None:
    likely = dict.fromkeys(range(2 * fps - fps // rate, 2 * fps), 95)
    (found,), (asked,) = decide({3 * fps: cut(2 * fps, fps=fps)}, likely, 6 * fps, fps=fps)
    assert found[2] is True
    assert asked == 52
    assert found[0] - 2 * fps == pytest.approx(50 * fps / rate, abs=fps / rate)


@pytest.mark.parametrize(("fps", "asked"), [(5, []), (8, []), (12, [52])])
def test_below_ten_frames_per_second_the_network_is_not_asked(fps: int, asked: list[int]) -> None:
    found, windows = decide({40: cut(30, fps=fps)}, {29: 5}, 200, fps=fps)
    assert [verdict for _, _, verdict in found] == [not asked]
    assert windows == asked


def test_a_judge_does_not_grow() -> None:
    judge = Judge(Network())
    for number in range(2000):
        judge.see(number / FPS, np.zeros((36, 64, 3), np.uint8))
        if number % 10 == 9:
            judge.ask(cut(number - 8))
        judge.decided()
    assert len(judge.waiting()) < 10
    assert len(judge._frames) == len(judge._times) <= 320


def events(pictures: list[Pixels]) -> tuple[list[float], list[float]]:
    """Cuts, and changes within a shot."""
    detector = ShotDetector()
    found, changes = [], []
    for number, picture in enumerate(pictures):
        found += [one.seconds for one in detector.push(number / FPS, picture)]
        changes += detector.take_changes()
    found += [one.seconds for one in detector.flush()]
    return found, [*changes, *detector.take_changes()]


def page(seed: int) -> Pixels:
    """A page of text, small."""
    rng = np.random.default_rng(seed)
    canvas = np.full((720, 1280, 3), 255, np.uint8)
    for line in range(70, 690, 34):
        cv2.line(canvas, (90, line), (int(rng.uniform(300, 1150)), line), (40, 40, 40), 12)
    left, top = (int(value) for value in rng.uniform((100, 100), (800, 300)))
    cv2.rectangle(canvas, (left, top), (left + 400, top + 300), tuple(rng.uniform(60, 220, 3).tolist()), -1)
    return np.asarray(cv2.resize(canvas, (64, 36), interpolation=cv2.INTER_AREA), np.uint8)


@pytest.mark.parametrize("seed", range(0, 20, 2))
def test_the_next_page_is_a_change_and_no_cut(seed: int) -> None:
    assert events([page(seed)] * 75 + [page(seed + 1)] * 75) == ([], [3.0])


def test_a_cut_between_moving_pictures_needs_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(frames: Pixels) -> Any:
        raise AssertionError(f"asked about {len(frames)} frames")

    monkeypatch.setattr(Judge.__init__, "__defaults__", (refuse,))
    shots = [scenes.texture(seed, 400, 180, tint) for seed, tint in ((1, (90, 120, 60)), (2, (150, 110, 160)))]
    pictures = [scenes.panned(shot, 2.0 * number, 320, 180)[::5, ::5] for shot in shots for number in range(50)]
    assert events([np.ascontiguousarray(picture) for picture in pictures]) == ([2.0], [])


def test_a_network_answers_for_any_number_of_frames() -> None:
    first, second = (np.asarray(cv2.resize(scenes.texture(seed), (WIDTH, HEIGHT)), np.uint8) for seed in (1, 2))
    likely, in_transition = probabilities(np.stack([first] * 20 + [second] * 13))
    assert likely.shape == in_transition.shape == (33,)
    assert int(np.argmax(likely)) == 19
    assert likely[19] > 0.5 > max(likely[:19].max(), likely[20:].max())
    assert probabilities(first[None]).shape == (2, 1)
