"""The proof of preferences: what its statements say of made counts, and the page beside the stored results."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "proof_preferences"


@pytest.fixture(scope="module")
def proof() -> Iterator[ModuleType]:
    pytest.importorskip("torch")
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        yield importlib.import_module("proof_preferences")
    finally:
        sys.path.remove(str(ROOT / "benchmarks"))


def counts(right: int, false: int, seeds: int = 3) -> np.ndarray:
    """Of 40 videos with 20 facts each: so many told right, so many told wrongly."""
    return np.tile(np.array([right, false, 20]), (seeds, 40, 1))


@pytest.mark.parametrize(
    ("right", "false", "holds"),
    [(17, 1, True), (16, 1, False), (17, 3, False), (20, 1, True)],
    ids=["fewer", "fewer, and less told", "as many", "fewer, and more told"],
)
def test_fewer_false_facts_count_at_equal_recall_alone(proof: ModuleType, right: int, false: int, holds: bool) -> None:
    assert proof.fewer_at_equal_recall(counts(right, false), counts(17, 3, seeds=1)) is holds


def test_a_small_change_does_not_count(proof: ModuleType) -> None:
    base, arm = counts(17, 3, seeds=1), counts(17, 3)
    arm[:, :3, 1] = 2  # three videos of forty with one false fact less: under a tenth
    assert not proof.fewer_at_equal_recall(arm, base)


def test_the_page_shows_the_stored_results(proof: ModuleType) -> None:
    page = (ROOT / "docs" / "proofs.md").read_text("utf-8")
    assert proof.table(RESULTS) in page, "run benchmarks/proof_preferences.py --only table"
    assert not any("holds" in line.split() for line in proof.verdicts(RESULTS) if "does not" not in line)
