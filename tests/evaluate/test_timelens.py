"""TimeLens-Bench: the spans that an answer names, and how far they overlap with the annotated ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from made_benchmarks import write_timelens
from sharegpt4video.errors import SettingsError
from sharegpt4video.evaluate.base import Answer
from sharegpt4video.evaluate.judge import run
from sharegpt4video.evaluate.runner import load_questions
from sharegpt4video.evaluate.timelens import TIMELENS, overlap, spans_in


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("The event happens in 2.5 - 5 seconds.", [(2.5, 5)]),
        ("From 3 to 4.5, then 6 to 7", [(3, 4.5), (6, 7)]),
        ("00:10 to 01:02.5", [(10, 62.5)]),
        ("1:00:00, 1:00:05", [(3600, 3605)]),
        ("It starts at second 3 and ends at second 9.", [(3, 9)]),
        ("At 00:10 - 3", [(10, 3)]),  # a lone clock time is no pair, and its seconds begin a range
        ("Second 3.", []),
    ],
)
def test_spans_of_an_answer(text: str, spans: list[tuple[float, float]]) -> None:
    assert spans_in(text) == spans


def test_overlaps() -> None:
    assert overlap((2, 6), (4, 8)) == pytest.approx(1 / 3)
    assert overlap((2, 6), (7, 8)) == overlap((2, 6), (6, 2)) == overlap((3, 3), (3, 3)) == 0


def test_figures_and_what_is_rounded(tmp_path: Path) -> None:
    questions = load_questions(TIMELENS, write_timelens(tmp_path), "official", {"sets": "charades"})
    assert "'A dog runs'" in questions[0].text
    said = ["in 2.4 - 5.4 seconds", "never", "11 - 15"]  # rounded to (2, 5); none; half of (11, 19)
    for protocol, first in (("official", 1.0), ("strict", 2.6 / 3.4)):
        verdicts = [
            run(TIMELENS.score(q, text, protocol))  # type: ignore[arg-type]
            for q, text in zip(questions, said, strict=True)
        ]
        assert [one.score for one in verdicts] == pytest.approx([first, 0, 0.5])
        assert verdicts[1].unscored == "unparsed"
        scored = [(q, Answer(q.id, "", "m"), v) for q, v in zip(questions, verdicts, strict=True)]
        figures = TIMELENS.figures(scored, "strict")
        assert figures["mIoU"].value == pytest.approx(100 * (first + 0.5) / 3)
        assert [round(figures[f"R1@{least}"].value, 2) for least in (0.3, 0.5, 0.7)] == [66.67, 66.67, 33.33]
    with pytest.raises(SettingsError, match="activitynet-timelens"):
        load_questions(TIMELENS, tmp_path, "strict")


def test_spans_that_are_none_are_refused(tmp_path: Path) -> None:
    for span in ("[NaN, 1]", "[0, 1e400]", f"[0, {'9' * 400}]", "[0]", "3"):
        (tmp_path / "charades-timelens.json").write_text(f'{{"v": {{"queries": ["q"], "spans": [{span}]}}}}')
        with pytest.raises(SettingsError, match="charades-timelens"):
            load_questions(TIMELENS, tmp_path, "strict", {"sets": "charades"})


def test_a_model_that_repeats_a_digit_costs_no_time_and_scores_nothing(tmp_path: Path) -> None:
    question = load_questions(TIMELENS, write_timelens(tmp_path), "official", {"sets": "charades"})[0]
    for protocol in TIMELENS.protocols:
        for text in ("9" * 20_000, f"{'9' * 20_000}x", f"from {'9' * 500} to {'9' * 600}", f"0 - {'9' * 500}"):
            assert run(TIMELENS.score(question, text, protocol)).score == 0
