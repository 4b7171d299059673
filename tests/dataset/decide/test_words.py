"""Gates by name: every one has words, and the sentences of earlier versions are read."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest

from sharegpt4video.dataset.decide.decisions import NOT_CAPTIONED, Decision
from sharegpt4video.dataset.decide.gates import GATE_NAMES
from sharegpt4video.dataset.decide.words import bound, gate_named, reason, stored_decision, stored_gates, title
from sharegpt4video.dataset.rows import Selected


@pytest.mark.parametrize("name", [*GATE_NAMES, NOT_CAPTIONED])
def test_every_gate_has_a_title_and_its_sentence_is_known_again(name: str) -> None:
    sentence = reason(Decision("ab" * 16, name, 1.0, 2.0, "cd" * 16))
    rows = {"gate": ["", name], "reason": [sentence, "whatever"]}
    assert stored_gates(pa.RecordBatch.from_pydict(rows)) == [name, name]
    assert title(name) not in ("", "other reasons")


def test_a_stored_row_is_read_as_the_decision_it_was() -> None:
    row = Selected("ab" * 16, False, "too long: 130.0 s, at most 120.0", "", "", "max_seconds", 130.0, 120.0, "cd" * 16)
    assert stored_decision(row) == Decision("ab" * 16, "max_seconds", 130.0, 120.0, "cd" * 16)
    assert stored_decision(replace(row, gate="")).gate == "max_seconds", "of an earlier version"
    assert stored_decision(replace(row, gate="", reason="I do not like it")).gate == "I do not like it"
    assert stored_decision(replace(row, kept=True)).gate == ""


def test_nothing_at_all_is_a_limit_that_is_said_as_it_is() -> None:
    assert reason(Decision("", "max_black_share", 0.1, 0.0)) == "nearly black: 10.0 % of the time, at most 0.0"


def test_a_decision_says_what_it_is() -> None:
    assert Decision("ab" * 16).text() == "kept"
    assert Decision("ab" * 16, "max_seconds", 130.0, 120.0).text() == "dropped: too long: 130.0 s, at most 120.0"


def test_reasons_that_are_none_of_ours_are_others() -> None:
    rows = {"gate": ["", ""], "reason": ["I do not like it", "black bars: 40.0 % of the picture, at most 25.0"]}
    assert stored_gates(pa.RecordBatch.from_pydict(rows)) == ["", "max_letterbox_share"]
    assert title("") == "other reasons"


@pytest.mark.parametrize(
    ("name", "threshold", "words"),
    [
        ("max_seconds", 120.0, "at most 120.0 s"),
        ("min_motion", 0.00002, "at least 0.00002 widths/s"),
        ("max_black_share", 0.125, "at most 12.5 % of the time"),
        ("min_side_pixels", 480, "at least 480 pixels"),
        ("min_novelty", 0.25, "at least 0.25"),
    ],
)
def test_a_threshold_in_words(name: str, threshold: float, words: str) -> None:
    assert bound(name, threshold) == words
    assert (gate_named(name) is None) == (name == "min_novelty")
