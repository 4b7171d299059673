"""Answers given to the wrong video: found where the trail leads both ways, and nowhere else."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from made_facts import at
from made_rows import row_of
from sharegpt4video.dataset.checks.exchanged import WINDOW_VIDEOS, Exchanges
from sharegpt4video.dataset.rows import CaptionRow
from sharegpt4video.records import Facts
from sharegpt4video.verify.prose import Draft

Texts = list[list[str]]
STEPS = 4


def own_words(video: int) -> list[str]:
    """Twelve words that no other video has."""
    rng = random.Random(video)
    return ["".join(rng.choices("bdfgklmnprtvz", k=1)[0] + rng.choice("aiou") for _ in range(4)) for _ in range(12)]


def told(video: int, words: Sequence[str] = ()) -> list[str]:
    """Four steps that share most of what is the video's own, amid words that all videos have."""
    rng = random.Random(video)
    words = words or own_words(video)
    return [f"A man stands by the {', the '.join(rng.sample(words, 8))} and waits for the bus." for _ in range(STEPS)]


def quoting(video: int) -> list[str]:
    """One step that reads out what stands on the screen."""
    return [f'A man stands by a wall. A sign reads "{" ".join(own_words(video)[:8])}".']


def screen(video: int) -> Facts:
    return at(0.0, texts=(" ".join(own_words(video)[:8]).upper(),))


def row(video: int, texts: Sequence[str], facts: Facts | None = None, place: str = "") -> CaptionRow:
    measured = [facts or at(0.0) for _ in texts]
    return row_of(texts, "A man waits for the bus.", measured, number=video, location=place or f"{video}.mp4")


def in_doubt(rows: Iterable[CaptionRow]) -> set[tuple[int, int]]:
    exchanges = Exchanges()
    for one in rows:
        exchanges.add(Draft(one))
    return {(int(id, 16), finding.step) for id, found in exchanges.findings().items() for finding in found}


def captions(texts: Texts) -> list[CaptionRow]:
    return [row(video, steps) for video, steps in enumerate(texts)]


@given(st.integers(0, 10**6), st.integers(2, 5))
@settings(max_examples=5, deadline=None)
def test_answers_dealt_round_are_found_and_no_others(seed: int, among: int) -> None:
    rng = random.Random(seed)
    texts = [told(seed + video) for video in range(60)]
    changed = [(video, rng.randrange(STEPS)) for video in rng.sample(range(30, 60), among)]
    answers = [texts[video][step] for video, step in changed]
    for (video, step), answer in zip(changed, [*answers[1:], answers[0]], strict=True):
        texts[video][step] = answer
    assert in_doubt(captions(texts)) == set(changed)


@given(st.integers(0, 10**6))
@settings(max_examples=3, deadline=None)
def test_captions_in_their_places_are_never_in_doubt(seed: int) -> None:
    assert not in_doubt(captions([told(seed + video) for video in range(60)]))
    assert not in_doubt(row(video, quoting(seed + video), screen(seed + video)) for video in range(60))


@given(st.permutations(range(30, 40)))
@settings(max_examples=5, deadline=None)
def test_whole_captions_are_given_away_by_the_text_on_the_screen(order: list[int]) -> None:
    place = {**{video: video for video in range(60)}, **dict(zip(range(30, 40), order, strict=True))}
    found = in_doubt(row(video, quoting(place[video]), screen(video)) for video in range(60))
    assert found == {(video, 0) for video in place if place[video] != video}


def test_whole_captions_exchanged_leave_no_trail_without_facts() -> None:
    texts = [told(video) for video in range(60)]
    texts[40], texts[41] = texts[41], texts[40]
    assert not in_doubt(captions(texts))


def test_a_text_that_is_like_another_video_is_not_in_doubt_while_that_one_has_all_of_its_own() -> None:
    texts = [told(video) for video in range(60)]
    texts[40][2] = texts[41][3]
    assert not in_doubt(captions(texts))


def test_parts_of_one_recording_are_not_compared() -> None:
    texts = [told(video) for video in range(60)]
    texts[40][1], texts[41][1] = texts[41][1], texts[40][1]
    assert in_doubt(captions(texts)) == {(40, 1), (41, 1)}
    places = {40: "dQw4w9WgXcQ_1.mp4", 41: "dQw4w9WgXcQ_2.mp4"}
    assert not in_doubt(row(video, steps, place=places.get(video, "")) for video, steps in enumerate(texts))


def test_too_few_videos_show_nothing() -> None:
    texts = [told(video) for video in range(20)]
    texts[18][1], texts[19][1] = texts[19][1], texts[18][1]
    assert not in_doubt(captions(texts))


@pytest.mark.parametrize(("apart", "found"), [(WINDOW_VIDEOS - 1, True), (WINDOW_VIDEOS + 1, False)])
def test_only_captions_finished_near_each_other_are_compared_and_the_others_forgotten(apart: int, found: bool) -> None:
    texts = [told(video) for video in range(40 + apart)]
    texts[30][1], texts[30 + apart][1] = texts[30 + apart][1], texts[30][1]
    assert bool(in_doubt(captions(texts))) is found


def test_what_is_forgotten_takes_no_room() -> None:
    exchanges = Exchanges()
    for video in range(WINDOW_VIDEOS + 50):
        exchanges.add(Draft(row(video, quoting(video), screen(video))))
    assert len(exchanges._window) == WINDOW_VIDEOS
    assert len(exchanges._having) < 8 * WINDOW_VIDEOS + 20


def warning(texts: Texts) -> str:
    exchanges = Exchanges()
    for one in captions(texts):
        exchanges.add(Draft(one))
    return exchanges.warning()


def test_answers_dealt_out_at_random_are_told_of_the_whole_run() -> None:
    common = [word for video in range(12) for word in own_words(video)]
    texts = [told(video, random.Random(video).sample(common, 12)) for video in range(160)]
    assert warning(texts) == ""
    answers = [step for steps in texts for step in steps]
    random.Random(0).shuffle(answers)
    dealt = [answers[at : at + STEPS] for at in range(0, len(answers), STEPS)]
    assert "do not seem to belong to these videos" in warning(dealt)
    assert warning(dealt[:60]) == ""  # too few to tell
