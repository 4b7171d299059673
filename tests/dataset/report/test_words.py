from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharegpt4video.dataset.report.english import verb_of
from sharegpt4video.dataset.report.tokens import count_words, openings, scripts, words
from sharegpt4video.dataset.report.words import Lexicon, Words, log_odds


def read(*texts: str, suspect: tuple[bool, ...] = ()) -> Words:
    lexicon = Lexicon()
    lexicon.add(pa.array(texts), np.array(suspect or [False] * len(texts)))
    return lexicon.words(len(texts))


@given(st.lists(st.text(max_size=80), max_size=5))
def test_the_words_of_a_text_are_as_many_as_are_counted(texts: list[str]) -> None:
    column = pa.array(texts, pa.string())
    listed = [sum(bool(word) for word in found) for found in words(column).to_pylist()]
    lower = [text.lower() for text in texts]
    assert listed == count_words(pa.array(lower, pa.string())).tolist()


def test_each_character_is_a_word_in_both_or_in_neither() -> None:
    every = pa.array([chr(code) for code in range(0x20000) if not 0xD800 <= code < 0xE000], pa.string())
    listed = [sum(bool(word) for word in found) for found in words(every).to_pylist()]
    assert listed == count_words(every).tolist()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don't stop -- it's 'quoted', well-known.", ["don't", "stop", "it's", "quoted", "well-known"]),
        ("猫が走る", ["猫", "が", "走", "る"]),
        ("नमस्ते दुनिया", ["नमस्ते", "दुनिया"]),
        ("“hi” — 3D\u202eabc", ["hi", "3d", "abc"]),
        ("\u2ed0", ["\u2ed0"]),  # a radical of Han
        (" \n ", [""]),
    ],
)
def test_what_a_word_is(text: str, expected: list[str]) -> None:
    assert words(pa.array([text])).to_pylist() == [expected]


def test_scripts_are_told_by_the_letters() -> None:
    texts = [
        "A cat",
        "猫坐着",
        "猫が走る",
        "Кот",
        "قطة",
        "고양이",
        "12 :)",
        "",
        None,
        "🎉",
        "A 猫 with many letters",
        "ᏣᎳᎩ",
    ]
    expected = {"Latin": 2, "Han": 1, "Japanese": 1, "Cyrillic": 1, "Arabic": 1, "Hangul": 1, "none": 4, "other": 1}
    assert dict(zip(*scripts(pa.array(texts)), strict=True)) == expected


def test_openings_are_the_first_four_words_as_written() -> None:
    texts = ["The video  shows a cat.", "the video shows a dog", "A cat.", "", None]
    assert dict(zip(*openings(pa.array(texts)), strict=True)) == {"the video shows a": 2, "a cat.": 1}


@pytest.mark.parametrize(
    ("word", "verb"),
    [
        ("walking", "walk"), ("walks", "walk"), ("dances", None), ("dancing", "dance"), ("stopped", "stop"),
        ("carries", "carry"), ("carried", "carry"), ("ran", "run"), ("lying", "lie"), ("waves", None),
        ("waving", "wave"), ("goes", "go"), ("river", None), ("thing", None), ("s", None), ("ed", None), ("ing", None),
    ],
)  # fmt: skip
def test_verbs_are_found_by_their_endings(word: str, verb: str | None) -> None:
    assert verb_of(word) == verb


def test_shares_runs_and_distinct_runs_are_those_of_plain_counting() -> None:
    random = np.random.default_rng(3)
    texts = [" ".join(random.choice(["ox", "elk", "yak", "emu", "walks"], random.integers(0, 30))) for _ in range(80)]
    found = read(*texts)
    split = [text.split() for text in texts]
    assert dict(found.content) == {
        word: pytest.approx(sum(word in one for one in split) / 80) for word in ("ox", "elk", "yak", "emu")
    }
    assert dict(found.verbs) == {"walk": pytest.approx(sum("walks" in one for one in split) / 80)}
    for size in (1, 2, 3, 4):
        runs = [tuple(one[at : at + size]) for one in split for at in range(len(one) - size + 1)]
        assert found.distinct[size - 1] == pytest.approx(len(set(runs)) / len(runs))
    in_texts = Counter(run for one in split for run in {" ".join(one[at : at + 4]) for at in range(len(one) - 3)})
    assert found.repeated[0][1] == max(in_texts.values())
    assert all(in_texts[run] == count for run, count in found.repeated)
    known: set[str] = set()
    growth = [len(known := known | set(one)) for one in split]
    assert found.growth[-1] == (80, growth[-1])
    assert all(growth[captions - 1] == size for captions, size in found.growth)


def test_log_odds_is_the_published_formula() -> None:
    one, other, prior = (np.array(values, float) for values in ([10, 5, 85], [2, 5, 193], [1, 1, 98]))
    ours, theirs = math.log(11 / (200 - 11)), math.log(3 / (300 - 3))
    assert log_odds(one, other, prior)[0] == pytest.approx((ours - theirs) / math.sqrt(1 / 11 + 1 / 3))


def test_words_of_suspect_captions_stand_out_and_common_ones_do_not() -> None:
    fine = ["A man walks along a river and looks at the water"] * 50
    bad = ["A man walks along a river and sees a gorilla"] * 30
    found = read(*fine, *bad, suspect=(False,) * 50 + (True,) * 30)
    assert next(word for word, _ in found.suspect) in ("gorilla", "sees")
    assert "river" not in dict(found.suspect)
    assert "the" not in dict(found.stand_out)
    assert "gorilla" in dict(found.stand_out)
    assert read(*fine).suspect == []


def test_reading_stops_at_a_limit_and_nothing_gives_nothing() -> None:
    lexicon = Lexicon(most_tokens=10)
    for _ in range(5):
        lexicon.add(pa.array(["one two three four five six"]), np.array([False]))
    assert lexicon.words(5).captions == 2
    empty = Lexicon().words(0)
    assert (empty.tokens, empty.content, empty.repeated, empty.growth) == (0, [], [], [])
    assert read("", "x" * 5000).tokens == 0
