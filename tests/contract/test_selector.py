"""What every keyframe selector keeps to. A new one is tested by adding it to SELECTORS and to MADE."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import numpy as np
import pytest

from sharegpt4video.config import KeyframeSettings
from sharegpt4video.video.keyframes import SELECTORS, Candidate, KeyframeSelector, Selected
from sharegpt4video.video.picture import DecodedFrame


class Decoded:
    """A frame of one grey level."""

    def __init__(self, seconds: float, level: int) -> None:
        self.seconds, self.duration_seconds, self.end_seconds = seconds, 0.04, seconds + 0.04
        self.level = level

    def small(self, side_pixels: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
        return np.full((side_pixels // 16, side_pixels // 9, 3), self.level, np.uint8)


class GreyEncoder:
    """Grey levels as angles."""

    name = "grey"
    similarity = 0.9
    batch_size = 3

    def encode(self, pictures: Sequence[np.ndarray[Any, np.dtype[np.uint8]]]) -> np.ndarray[Any, np.dtype[np.float32]]:
        angles = np.array([picture.mean() / 100 for picture in pictures])
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


MADE: dict[str, Callable[[], KeyframeSelector]] = {
    "semantic": lambda: SELECTORS["semantic"](KeyframeSettings(), GreyEncoder),
    "uniform": lambda: SELECTORS["uniform"](KeyframeSettings(), GreyEncoder),
}


def stream(seed: int) -> list[Candidate]:
    """Some shots: an opening frame each, mostly some inside, sometimes a closing one."""
    rng = np.random.default_rng(seed)
    made, now = [], float(rng.uniform(-1, 3))
    for shot in range(int(rng.integers(1, 9))):
        roles = ["opens", *["inside"] * int(rng.integers(0, 8))]
        roles += ["closes"] if len(roles) > 1 or rng.random() < 0.3 else []
        for role in roles:
            decoded = cast(DecodedFrame, Decoded(now, int(rng.integers(0, 250))))
            made.append(Candidate(decoded, shot, cast(Any, role), "cut" if shot else "start", now))
            now += float(rng.uniform(0.05, 2.0)) if role != "inside" else 2.0
    return made


def test_every_selector_is_under_contract() -> None:
    assert MADE.keys() == SELECTORS.keys()


@pytest.fixture(params=sorted(MADE))
def make(request: pytest.FixtureRequest) -> Callable[[], KeyframeSelector]:
    return MADE[request.param]


@pytest.mark.parametrize("seed", range(20))
def test_what_is_kept(make: Callable[[], KeyframeSelector], seed: int) -> None:
    given = stream(seed)
    kept = list(make().select(iter(given)))
    _keeps_order(given, kept)
    _opens_every_shot(given, kept)
    _closes_what_is_closed(given, kept)
    _says_why(kept)


def _keeps_order(given: list[Candidate], kept: list[Selected]) -> None:
    places = [given.index(one.candidate) for one in kept]  # candidates are equal only to themselves
    assert places == sorted(set(places))


def _opens_every_shot(given: list[Candidate], kept: list[Selected]) -> None:
    assert [one for one in given if one.role == "opens"] == [
        one.candidate for one in kept if one.candidate.role == "opens"
    ]


def _closes_what_is_closed(given: list[Candidate], kept: list[Selected]) -> None:
    chosen = [one.candidate for one in kept]
    for closing in (one for one in given if one.role == "closes"):
        opening = next(one for one in given if one.shot_index == closing.shot_index)
        if closing.decoded.seconds - opening.decoded.seconds >= 0.5:
            assert closing in chosen
            *_, second, before = [opening, *chosen[: chosen.index(closing)]]
            far = closing.decoded.seconds - before.decoded.seconds >= 0.5
            assert far or closing.due_seconds - second.due_seconds > KeyframeSettings().max_gap_seconds


def _says_why(kept: list[Selected]) -> None:
    for one in kept:
        reasons = {"opens": "cut" if one.candidate.shot_index else "first", "inside": "change", "closes": "last"}
        assert one.reason == reasons[one.candidate.role]
        assert one.similarity is None or -1.001 <= one.similarity <= 1.001
        assert one.candidate.role != "opens" or one.similarity is None


def test_the_same_stream_gives_the_same_keyframes(make: Callable[[], KeyframeSelector]) -> None:
    given = stream(5)
    selector = make()
    first = [one.candidate for one in selector.select(iter(given))]
    assert first == [one.candidate for one in selector.select(iter(given))]
    assert first == [one.candidate for one in make().select(iter(given))]


@pytest.mark.parametrize("seed", range(20))
def test_to_know_how_far_a_shot_goes_on_only_hastens(make: Callable[[], KeyframeSelector], seed: int) -> None:
    """What can be known beforehand: that a shot goes on until its next candidate, short of it."""
    given, selector = stream(seed), make()
    hastened: list[Selected] = []
    for place, candidate in enumerate(given):
        hastened += selector.take(candidate)
        after = given[place + 1 : place + 2]
        if after and after[0].shot_index == candidate.shot_index:
            for share in (0.2, 0.6, 0.99):
                now = candidate.decoded.seconds
                hastened += selector.reach(now + share * (after[0].decoded.seconds - now))
    hastened += selector.end()
    assert [one.candidate for one in hastened] == [one.candidate for one in make().select(iter(given))]


def test_nothing_comes_of_nothing(make: Callable[[], KeyframeSelector]) -> None:
    assert list(make().select(iter(()))) == []


def test_it_streams(make: Callable[[], KeyframeSelector]) -> None:
    taken = 0

    def endless() -> Iterator[Candidate]:
        nonlocal taken
        while True:
            decoded = cast(DecodedFrame, Decoded(2.0 * taken, 90 * taken % 250))
            yield Candidate(decoded, 0, "inside" if taken else "opens", "start", decoded.seconds)
            taken += 1

    kept = make().select(endless())
    for _ in range(10):
        next(kept)
    assert taken <= 10 + 2 * GreyEncoder.batch_size
