from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharegpt4video.dataset.report.charts import BINS, bins
from sharegpt4video.dataset.report.tally import MOST_SLOTS, Counted, Tally


@given(st.lists(st.integers(0, 500), min_size=1, max_size=200), st.floats(0, 1))
def test_quantiles_and_bins_of_whole_numbers_are_those_of_numpy(values: list[int], share: float) -> None:
    tally = Tally(1)
    for part in np.array_split(np.array(values), 3):
        tally.add(part)
    assert tally.count == len(values)
    assert tally.mean == pytest.approx(np.mean(values))
    assert (tally.least, tally.most) == (min(values), max(values))
    assert tally.quantile(share) == np.quantile(values, share, method="inverted_cdf")
    edges = [0, 3, 10, 100, 501]
    assert tally.between(edges) == np.histogram(values, edges)[0].tolist()


@given(st.lists(st.floats(0, 5000), min_size=1, max_size=300))
def test_every_value_lies_in_exactly_one_bar(values: list[float]) -> None:
    tally = Tally(0.1)
    tally.add(np.array(values))
    edges, cut_off = bins(tally)
    assert edges == sorted(set(edges))
    assert len(edges) <= 2 * BINS + 3
    last = math.inf if cut_off else edges[-1]
    assert sum(tally.between([*edges[:-1], min(last, 1e12)])) == len(values)


def test_what_is_not_measured_is_not_counted_and_huge_values_take_no_memory() -> None:
    tally = Tally(0.1)
    tally.add(np.array([np.nan, 1.0, np.inf, 1e15]))
    assert tally.count == 2
    assert tally.most == 1e15
    assert tally.quantile(1.0) == pytest.approx((MOST_SLOTS - 1) * 0.1)
    assert math.isnan(Tally(1).mean)
    assert math.isnan(Tally(1).quantile(0.5))


def test_a_decimal_fraction_falls_on_its_own_slot() -> None:
    tally = Tally(0.1)
    tally.add(np.array([0.3, 0.7, 2.9]))
    assert tally.between([0.3, 0.7, 2.9, 3.0]) == [1, 1, 1]


def test_too_many_keys_are_forgotten_and_it_is_said_how_much_is_missing() -> None:
    counted = Counted(limit=10)
    truth: dict[str, int] = {}
    for number in range(200):
        for key in ("often", f"rare-{number}"):
            counted.add([key], [1])
            truth[key] = truth.get(key, 0) + 1
    assert len(counted) <= 10
    assert counted.total == 400
    assert counted.top(1) == [("often", 200)]
    for key, amount in counted.top():
        assert amount <= truth[key] <= amount + counted.short_by
