"""Profiles of captions made to measure, and the captions nearest to a prompt."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from sharegpt4video.errors import InputMissing, SettingsError
from sharegpt4video.t2v.nearest import Nearest
from sharegpt4video.t2v.profile import Profile, load, profile_of, save

NOUNS = ("dog", "panda", "tractor", "robot", "lantern", "kettle", "castle", "violin", "wolf", "boat")


def made(count: int) -> list[str]:
    """Captions of 10 to 30 words in two sentences; half of them begin "In this clip", a quarter pan left."""
    captions = []
    for number in range(count):
        opening = "In this clip, a" if number % 2 else "A"
        move = "The camera pans left" if number % 4 == 0 else "It first waits and then leaves"
        words = 10 + number % 21
        text = f"{opening} {NOUNS[number % 10]} stands near house{number}. {move} by"
        missing = words - len(text.split()) - 1
        captions.append(" ".join([text, *[f"tree{number}x{at}" for at in range(max(missing, 0))], "day."]))
    return captions


def test_numbers_are_those_of_the_captions() -> None:
    captions = made(210)
    found = profile_of([*captions, "", "  "], "made")
    lengths = sorted(len(text.split()) for text in captions)
    assert (found.captions, found.source) == (210, "made")
    assert found.words.p50 == lengths[104]
    assert found.words.mean == pytest.approx(sum(lengths) / 210, abs=0.01)
    assert (found.sentences.p25, found.sentences.p95) == (2.0, 2.0)
    assert ("in this clip", 0.5) in found.openings
    assert found.camera == (("pan left", round(53 / 210, 4)),)
    assert dict(found.order) == {"first": round(157 / 210, 4), "then": round(157 / 210, 4)}
    assert (found.main_tense, found.english) == ("present", 1.0)
    assert profile_of(["A dog ran. It was wet."], "made").main_tense == "past"


def test_the_order_of_captions_changes_nothing_and_memory_is_bounded() -> None:
    captions = made(120)
    mixed = captions.copy()
    random.Random(3).shuffle(mixed)
    one, other = profile_of(captions, "made", examples=20), profile_of(mixed, "made", examples=20)
    assert one == other
    assert len(one.examples) == 20
    assert set(one.examples) <= {" ".join(text.split()) for text in captions}


def test_a_profile_comes_back_from_its_file(tmp_path: Path) -> None:
    found = profile_of(made(30), "made")
    save(found, tmp_path / "profile.json")
    assert load(tmp_path / "profile.json") == found
    for text in ("{", "[]", '{"version": 2}', '{"version": 1, "source": "a"}'):
        (tmp_path / "profile.json").write_text(text, encoding="utf-8")
        with pytest.raises(SettingsError, match=r"profile\.json: not a profile of captions"):
            load(tmp_path / "profile.json")
    with pytest.raises(InputMissing):
        load(tmp_path / "none.json")


def test_a_set_without_captions_has_no_profile() -> None:
    with pytest.raises(SettingsError, match="holds no captions"):
        profile_of([" "], "nothing")


def test_the_nearest_caption_is_the_one_with_the_rare_words() -> None:
    captions = [f"A {noun} stands in the open street near a wall." for noun in NOUNS]
    found = Nearest(captions)
    for noun in NOUNS:
        assert found.find(f"some {noun}s standing in a street", 1) == (captions[NOUNS.index(noun)],)
    assert found.find("zebra") == ()
    assert found.find("street", 3) == tuple(captions[:3])
    assert Nearest(()).find("dog") == ()


def test_text_of_a_profile_says_what_is_estimated() -> None:
    found: Profile = profile_of(made(30), "made")
    assert "30 captions of made" in found.text()
    assert "in this clip 50%" in found.text()
    assert ("(estimated from words)" in found.text()) == bool(found.estimated)
