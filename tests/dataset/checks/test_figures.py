"""The figures that docs/checks.md prints hold: defects are found, true captions are left alone."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).resolve().parents[3] / "benchmarks"
ALWAYS = 0.95
LESS = {  # what a careful check has to leave open
    "colour changed in the summary": 0.4,
    "direction swapped": 0.7,
    "count changed": 0.8,
    "dog called cat": 0.8,
}


@pytest.fixture(scope="module")
def checks() -> ModuleType:
    sys.path.insert(0, str(BENCHMARKS))
    try:
        return importlib.import_module("checks")
    finally:
        sys.path.remove(str(BENCHMARKS))


def test_true_captions_are_hardly_ever_flagged(checks: ModuleType) -> None:
    assert sum(bool(checks.flagged(row)) for row in checks.true_captions(150, seed=7)) <= 1


def test_each_kind_of_defect_is_found_by_its_check(checks: ModuleType) -> None:
    recalls = checks.measure_recall(checks.true_captions(80, seed=8), 15)
    for name, recall in recalls.items():
        assert recall.tried >= 8, name
        assert recall.share >= LESS.get(name, ALWAYS), name
