"""One text on several videos: exact copies, near copies, and what is neither."""

from __future__ import annotations

import random

import numpy as np

from sharegpt4video.dataset.checks.across_videos import ALIKE, SAME, Repeats

WORDS = [f"word{number}" for number in range(5000)]


def text(seed: int, count: int = 80) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=count))


def groups(texts: list[str]) -> list[tuple[str, list[int]]]:
    repeats = Repeats()
    repeats.extend(texts)
    return [(how, places.tolist()) for how, places in repeats.groups()]


def test_one_caption_on_thousands_of_videos_among_others() -> None:
    copy = "A cat sits on a mat, and then it walks off to the left of the room."
    texts = [copy if number % 3 == 0 else text(number) for number in range(12_000)]
    ((how, places),) = groups(texts)
    assert how == SAME
    assert places == list(range(0, 12_000, 3))


def test_case_blanks_and_punctuation_do_not_hide_a_copy() -> None:
    first = text(1)
    assert groups([first, text(2), f"  {first.upper()}!!"]) == [(SAME, [0, 2])]


def test_a_few_changed_words_are_nearly_the_same() -> None:
    first = text(1)
    changed = first.split()
    changed[10], changed[60] = "other", "words"
    assert groups([text(2), first, text(3), " ".join(changed)]) == [(ALIKE, [1, 3])]


def test_half_a_text_in_common_is_another_text() -> None:
    half = text(1, 40)
    assert groups([f"{half} {text(number, 40)}" for number in range(2, 40)]) == []


def test_short_texts_may_be_true_of_two_videos_but_not_of_many() -> None:
    short = "A person stands in the centre of the picture while the camera stays still."
    assert groups([short, short]) == []
    assert groups([short, short, short]) == [(SAME, [0, 1, 2])]
    assert groups(["The screen is black."] * 50) == []


def test_nothing_to_compare() -> None:
    assert groups([]) == []
    assert groups(["", "", ""]) == []
    assert len(Repeats().found()) == 0


def test_what_is_found_is_told_by_place() -> None:
    repeats = Repeats()
    repeats.extend([text(1), text(2), text(1)])
    found = repeats.found()
    assert found["videos"].tolist() == [2, 0, 2]
    assert found["first"][2] == 0
    finding = Repeats.finding(found[2], "f" * 32)
    assert finding.step == -1
    assert "2 videos" in finding.reason
    assert "f" * 32 in finding.reason


def test_memory_is_tens_of_bytes_for_each_text() -> None:
    repeats = Repeats()
    repeats.extend(text(number, 30) for number in range(3000))
    assert repeats._rows.nbytes / 3000 < 80
    assert repeats.found().nbytes / 3000 < 16


def test_the_same_texts_give_the_same_groups_whenever_they_are_added() -> None:
    texts = [text(number % 50) for number in range(200)]
    assert groups(texts) == groups(texts)
    assert sorted(np.concatenate([places for _, places in groups(texts)]).tolist()) == list(range(200))
