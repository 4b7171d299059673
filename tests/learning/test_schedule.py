"""Learning rates against the formula, worked out by hand and by transformers' own schedule."""

from __future__ import annotations

import math

import pytest

from sharegpt4video.learning.schedule import Schedule, share_of_peak, warmup_steps


def test_rates_rise_in_equal_parts_then_follow_half_a_cosine() -> None:
    shares = [share_of_peak(step, 10, 0.3) for step in range(10)]
    assert shares[:4] == [0.25, 0.5, 0.75, 1.0]
    for step in range(4, 10):
        assert shares[step] == pytest.approx((1 + math.cos(math.pi * (step - 3) / 7)) / 2, rel=1e-12)
    assert 0 < shares[-1] < 0.06


def test_after_the_warm_up_the_rates_are_those_of_transformers() -> None:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=2e-4)
    theirs = transformers.get_cosine_schedule_with_warmup(optimiser, 36, 1196)
    ours = Schedule([2e-4], 1196, 0.03)
    assert warmup_steps(1196, 0.03) == 36
    for step in range(1196):
        if step >= 36:
            assert ours.rates(step)[0] == pytest.approx(theirs.get_last_lr()[0], rel=1e-9, abs=1e-15)
        optimiser.step()
        theirs.step()


def test_each_group_keeps_its_own_peak() -> None:
    schedule = Schedule([2e-4, 2e-5, 2e-6], 100, 0.0)
    assert schedule.rates(0) == (2e-4, 2e-5, 2e-6)
    assert schedule.rates(50) == pytest.approx((1e-4, 1e-5, 1e-6))


def test_a_run_of_one_step_learns() -> None:
    assert share_of_peak(0, 1, 0.03) == 1.0
