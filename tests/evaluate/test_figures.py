"""Intervals, chance and comparison, against known values and against simulation."""

from __future__ import annotations

import json
import math
import random

import pytest

from sharegpt4video.evaluate import figures
from sharegpt4video.evaluate.base import Answer, Question, Scored, Verdict
from sharegpt4video.evaluate.report import Report


def scored(scores: list[float], per_video: int = 1, **groups: str) -> list[Scored]:
    return [
        (
            Question(str(n), f"v{n // per_video}", "", options=("x", "y"), groups=groups),
            Answer(str(n), "", "m"),
            Verdict(score),
        )
        for n, score in enumerate(scores)
    ]


def test_wilson_gives_the_textbook_interval() -> None:
    low, high = figures.wilson(0.3, 10)  # Newcombe 1998 gives such values; 3 of 10: 0.1078 to 0.6032
    assert (low, high) == (pytest.approx(0.1078, abs=1e-4), pytest.approx(0.6032, abs=1e-4))
    assert figures.wilson(0.0, 10) == (0.0, pytest.approx(0.2775, abs=1e-4))
    assert figures.wilson(0.0, 0) == (0.0, 1.0)


def test_one_question_a_video_is_nearly_wilson() -> None:
    figure = figures.mean_figure(scored([1, 0, 0, 1, 0, 0, 0, 1, 0, 0] * 40))
    low, high = figures.wilson(0.3, 400)
    assert figure.value == pytest.approx(30.0)
    assert (figure.low, figure.high) == (pytest.approx(100 * low, abs=0.05), pytest.approx(100 * high, abs=0.05))


def test_questions_that_fall_together_widen_the_interval() -> None:
    together = [float(video % 2) for video in range(100) for _ in range(10)]
    alone = figures.mean_figure(scored(together))
    by_video = figures.mean_figure(scored(together, per_video=10))
    ratio = (by_video.high - by_video.low) / (alone.high - alone.low)
    assert ratio == pytest.approx(math.sqrt(10), rel=0.05)


def test_the_interval_holds_the_truth_19_times_out_of_20() -> None:
    draw = random.Random(5)
    held = 0
    for _ in range(400):
        values, clusters = [], []
        for video in range(60):
            chance = draw.choice((0.2, 0.9))  # the mean over videos is 0.55
            values += [float(draw.random() < chance) for _ in range(5)]
            clusters += [str(video)] * 5
        low, high = figures.interval(values, clusters)
        held += low <= 0.55 <= high
    assert 0.92 <= held / 400 <= 0.98


def test_no_question_and_one_video_are_no_certainty() -> None:
    assert figures.mean_figure([]).count == 0
    one = figures.mean_figure(scored([1, 1, 1, 1], per_video=4))
    assert one.value == 100
    assert one.low < 30


def test_an_interval_without_ends_is_none_in_json_and_told() -> None:
    one = figures.figure_of([0.5, 0.7], ["a", "a"])
    report = Report("b", "B", "strict", "m", {"overall": one}, {}, 2, 1, {}, {}, None, {})
    assert json.loads(report.json())["figures"]["overall"]["low"] is None
    assert "one video alone" in report.text()


def test_what_does_not_count_is_left_out() -> None:
    question, answer, _ = scored([1])[0]
    figure = figures.mean_figure([*scored([1, 0]), (question, answer, Verdict(0, counted=False))])
    assert (figure.value, figure.count) == (50, 2)


def test_parts_are_scores_need_not_be_right_or_wrong() -> None:
    figure = figures.figure_of([1.0, 2.0, 3.0, 4.0], ["a", "b", "c", "d"], unit="points")
    assert figure.value == 2.5
    assert figure.high - figure.value == pytest.approx(figures.Z95 * math.sqrt(5 / 3 / 4))  # s^2 = 5/3, n = 4
    assert figure.value - figure.low == pytest.approx(figure.high - figure.value)


def test_micro_and_macro_differ_where_sizes_do() -> None:
    parts = figures.by_group([*scored([1, 1, 1, 0], kind="a"), *scored([0], kind="b")], "kind")
    assert {name: cell.value for name, cell in parts.items()} == {"a": 75, "b": 0}
    assert figures.macro(parts.values()).value == 37.5


def test_a_mean_of_parts_is_surer_than_a_part_and_leaves_out_empty_ones() -> None:
    parts = [figures.Figure(40, 10, 37, 44), figures.Figure(60, 30, 56, 63), figures.Figure(0, 0, 0, 100)]
    mean = figures.macro(parts)
    assert (mean.value, mean.count) == (50, 40)
    assert (mean.low, mean.high) == (pytest.approx(50 - 5 / 2), pytest.approx(50 + 5 / 2))  # 3 and 4 at right angles
    assert figures.macro([parts[2]]) == figures.Figure(0, 0, 0, 100)


def test_chance_is_the_mean_of_guesses() -> None:
    two, four = Question("1", "v", "", options=("x", "y")), Question("2", "v", "", options=tuple("abcd"))
    assert figures.chance([two, four]) == 37.5
    assert figures.chance([two, Question("3", "v", "")]) is None
    assert figures.above_chance(figures.Figure(62.5, 2, 50, 75), 25).value == 50


@pytest.mark.parametrize(("lost", "won", "p"), [(0, 0, 1.0), (0, 5, 2 / 32), (5, 5, 1.0), (1, 9, 22 / 1024)])
def test_mcnemar_is_the_coin_test(lost: int, won: int, p: float) -> None:
    assert figures.mcnemar(lost, won) == pytest.approx(p)


def test_two_runs_are_compared_question_by_question() -> None:
    first = {str(n): (float(n < 40), str(n // 2)) for n in range(100)}
    second = {str(n): (float(n < 60), str(n // 2)) for n in range(100)} | {"more": (1.0, "x")}
    found = figures.compare(first, second)
    assert (found.first, found.second, found.difference.value) == (40, 60, pytest.approx(20))
    assert (found.only_first, found.only_second, found.left_out) == (0, 20, 1)
    # 10 videos whose two questions both moved by 1, 40 that did not: residuals of 2 x 0.8 and 2 x -0.2
    spread = figures.Z95 * math.sqrt(50 / 49 * (10 * 1.6**2 + 40 * 0.4**2)) / 100
    assert (found.difference.low, found.difference.high) == pytest.approx((20 - 100 * spread, 20 + 100 * spread))
    points = figures.compare(first, second, unit="points")
    assert (points.first, points.second, points.difference.value) == (0.4, 0.6, pytest.approx(0.2))
    assert (points.difference.low, points.difference.high) == pytest.approx((0.2 - spread, 0.2 + spread))
    assert found.p_value == pytest.approx(2 / 2**20)
    with pytest.raises(ValueError, match="no question in common"):
        figures.compare(first, {"other": (1.0, "x")})
