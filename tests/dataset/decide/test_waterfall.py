"""The waterfall: its counts against the decider's, and the thresholds it did not apply against a recount."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from made_surveys import WordPool, id_of, made_store, made_survey
from sharegpt4video.dataset.decide.columns import Candidates
from sharegpt4video.dataset.decide.decider import Decider
from sharegpt4video.dataset.decide.gates import GATE_NAMES, GATES, Gate
from sharegpt4video.dataset.decide.waterfall import GateCounts, Waterfall, measure
from sharegpt4video.dataset.rows import Checked, Survey
from sharegpt4video.dataset.settings import FilterSettings
from sharegpt4video.dataset.similar.near import NearDuplicates
from sharegpt4video.records import Finding

FILTERS = FilterSettings(
    min_seconds=10.0, max_seconds=180.0, max_black_share=0.8, max_frozen_share=0.9, min_sharpness=30.0,
    drop_near_duplicates=True, min_novelty=0.3,
)  # fmt: skip
ALONE = replace(FILTERS, drop_near_duplicates=False, min_novelty=None)
COUNT = 300


def score_of(gate: Gate, survey: Survey) -> float:
    parts = [np.float64(np.nan if (part := getattr(survey, column)) is None else part) for column in gate.columns]
    return float(gate.score(*parts))


@pytest.fixture(scope="module")
def surveys() -> list[Survey]:
    random = np.random.default_rng(3)
    return [made_survey(number, random) for number in range(COUNT)]


@pytest.fixture(scope="module")
def told(surveys: list[Survey], tmp_path_factory: pytest.TempPathFactory) -> Waterfall:
    captions = {number: f"word{number % 7} word{number % 5} word" for number in range(0, COUNT, 3)}
    root = tmp_path_factory.mktemp("data")
    store = made_store(root, surveys, FILTERS, stored=range(COUNT - 5), captions=captions)
    return measure(store, FILTERS, novelty=WordPool(0.3))


def test_counts_are_those_of_the_decider(surveys: list[Survey], told: Waterfall) -> None:
    decider = Decider(FILTERS, WordPool(0.3), NearDuplicates(6, 0.96))
    dropped: Counter[str] = Counter()
    for number, survey in enumerate(surveys[: COUNT - 5]):
        text = None if number % 3 else f"word{number % 7} word{number % 5} word"
        (decision,) = decider.decide(Candidates.of([survey], [text]))
        dropped[decision.gate] += not decision.kept
    del dropped[""]
    assert {stage.name: stage.dropped for stage in told.rows if stage.dropped} == dropped
    assert len(dropped) >= 6
    assert told.unsurveyed == 5
    assert told.videos - told.kept == dropped.total()


def test_the_waterfall_adds_up(surveys: list[Survey], told: Waterfall) -> None:
    assert [stage.name for stage in told.rows] == [
        name for name in GATE_NAMES if name in {row.name for row in told.rows}
    ]
    assert told.rows[0].entered == told.videos == COUNT - 5
    hours = sum(survey.duration_seconds or 0.0 for survey in surveys[: COUNT - 5]) / 3600
    assert told.rows[0].entered_hours == pytest.approx(told.hours) == pytest.approx(hours)
    for before, after in zip(told.rows, told.rows[1:], strict=False):
        assert after.entered == before.left
        assert after.entered_hours == pytest.approx(before.left_hours)
    assert told.rows[-1].left == told.kept
    assert told.rows[-1].left_hours == pytest.approx(told.kept_hours)


def test_other_thresholds_are_counted_alone_and_in_their_place(surveys: list[Survey], told: Waterfall) -> None:
    surveys = surveys[: COUNT - 5]
    for stage in told.rows:
        if stage.name not in GATES:
            assert stage.alternatives == ()
            continue
        gate = GATES[stage.name]
        assert len(stage.alternatives) >= 5
        later = list(GATES)[list(GATES).index(stage.name) :]
        before = Decider(replace(ALONE, **dict.fromkeys(later)))
        entered = [survey for survey in surveys if before.passes_alone(survey)]
        assert len(entered) == stage.entered
        for other in stage.alternatives:
            assert other.alone == sum(bool(gate.fails(score_of(gate, one), other.threshold)) for one in surveys)
            assert other.cascade == sum(bool(gate.fails(score_of(gate, one), other.threshold)) for one in entered)
        counts = [other.alone for other in stage.alternatives]
        assert counts == sorted(counts, reverse=gate.keeps == "max")
        assert stage.threshold is None or min(counts) < stage.dropped + 1 <= max(counts) + 1
    black = next(stage for stage in told.rows if stage.name == "max_black_share")
    before = Decider(replace(ALONE, max_black_share=None, max_frozen_share=None, min_sharpness=None))
    assert black.not_measured == sum(one.black_share is None and before.passes_alone(one) for one in surveys) > 0


def test_an_alternative_that_is_the_threshold_drops_what_was_dropped(tmp_path: Path, surveys: list[Survey]) -> None:
    filters = FilterSettings(max_seconds=60.0, max_black_share=0.5, min_side_pixels=480)
    store = made_store(tmp_path, surveys, filters, stored=range(COUNT), captions={})
    same = {
        stage.name: (other.cascade, stage.dropped)
        for stage in measure(store, filters).rows
        for other in stage.alternatives
        if other.threshold == stage.threshold
    }
    assert same.keys() == {"max_seconds", "min_side_pixels", "max_black_share", "max_frozen_share"}
    assert all(cascade == dropped for cascade, dropped in same.values())
    assert same["max_seconds"][1] > 50


def test_alternatives_are_typical_thresholds_and_quantiles_that_are_not_near_one(tmp_path: Path) -> None:
    lengths = [60.5 - 0.1 * number for number in range(101)] + [40.0] * 99 + [200.0] * 50
    surveys = [Survey(id=id_of(number), duration_seconds=seconds) for number, seconds in enumerate(lengths)]
    store = made_store(tmp_path, surveys, FilterSettings(), stored=range(len(surveys)), captions={})
    (stage,) = (stage for stage in measure(store, FilterSettings()).rows if stage.name == "max_seconds")
    quantiles = [float(f"{value:.3g}") for value in np.quantile(lengths, [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99])]
    assert quantiles == [40.0, 40.0, 40.0, 53.0, 59.3, 200.0, 200.0]
    typical = GATES["max_seconds"].typical
    # 59.3 is within a tenth of 60.0, which is there already.
    assert [other.threshold for other in stage.alternatives] == sorted([*typical, 40.0, 53.0, 200.0])
    assert {other.threshold: other.alone for other in stage.alternatives}[40.0] == 151


def test_checked_captions_are_a_gate_when_there_are_checks(tmp_path: Path) -> None:
    surveys = [Survey(id=id_of(number), duration_seconds=36.0) for number in range(10)]
    filters = FilterSettings(max_findings=1)
    store = made_store(tmp_path, surveys, filters, stored=range(10), captions={})
    wrong = Finding("loop", 0, "says it twice")
    store.append("checks", [Checked(id_of(number), 0, (wrong,) * number) for number in range(6)])
    told = measure(store, filters)
    last = told.rows[-1]
    assert (last.name, last.dropped, last.not_measured, told.kept) == ("max_findings", 4, 4, 6)
    assert last.dropped_hours == pytest.approx(0.04)
    assert {other.threshold: other.alone for other in last.alternatives}[3.0] == 2


def test_the_text_is_an_aligned_table(told: Waterfall) -> None:
    lines = told.text().splitlines()
    head = lines[0]
    rows = lines[1 : lines.index("")]
    assert [row[: len(stage.words)] for row, stage in zip(rows, _set(told), strict=True)] == [
        stage.words for stage in _set(told)
    ]
    for title in ("videos in", "dropped", "left"):
        end = head.index(title) + len(title)
        assert all(line[end - 1].isdigit() and line[end : end + 1] in ("", " ") for line in rows)
    assert lines[-1].startswith(f"kept {told.kept} of {told.videos} videos")
    assert "not in this table: 5 videos without a survey" in lines[-2]
    assert "at most 90.0 % of the time" in told.text()
    assert all(line == line.rstrip() for line in lines)


def test_a_set_whose_videos_have_no_survey_has_no_empty_table(told: Waterfall) -> None:
    empty = replace(told, videos=0, kept=0).text()
    assert empty.startswith("the filters had nothing to measure: 5 videos")
    assert "\n" not in empty


def test_other_thresholds_are_a_table_of_their_own(told: Waterfall) -> None:
    head, *rows = told.thresholds().splitlines()
    assert "another threshold" in head
    assert len(rows) == sum(len(stage.alternatives) for stage in told.rows) > 10
    assert "another threshold" not in told.text()


def _set(told: Waterfall) -> list[GateCounts]:
    """Only numbers can be left unset; the gates that compare videos are in the waterfall where they are on."""
    return [stage for stage in told.rows if stage.threshold is not None or not stage.alternatives]


def test_nothing_there(tmp_path: Path) -> None:
    told = measure(made_store(tmp_path, [], FilterSettings(), stored=[], captions={}), FilterSettings())
    assert (told.videos, told.kept) == (0, 0)
    assert "kept 0 of 0 videos" in told.text()
