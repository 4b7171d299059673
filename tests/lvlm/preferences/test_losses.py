"""The losses against those of TRL on the same numbers (``trl.json``, made by TRL's own trainers)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from sharegpt4video.lvlm.model.loss import each_loss
from sharegpt4video.lvlm.preferences.losses import advantages_of, by_answer, clipped_losses, pair_losses
from sharegpt4video.lvlm.preferences.scored import ScoredPairs
from sharegpt4video.lvlm.preferences.settings import DpoSettings

TRL: dict[str, Any] = json.loads((Path(__file__).parent / "trl.json").read_text(encoding="utf-8"))
PAIRS, ANSWERS = TRL["pairs"], TRL["answers"]


def of_pairs(settings: dict[str, Any], pairs: slice = slice(None)) -> float:
    now, reference, tokens = (torch.tensor(PAIRS[name]) for name in ("now", "reference", "tokens"))
    places = [2 * pair + side for pair in range(len(now) // 2)[pairs] for side in (0, 1)]
    scored = ScoredPairs(nn.Identity(), DpoSettings(**settings))
    scored.pairs_per_token = len(places) / 2 / int(tokens[places][0::2].sum())
    loss, count, _ = scored.loss_of_pairs(now[places], reference[places], tokens[places])
    return float(loss) / count


@pytest.mark.parametrize("case", PAIRS["losses"], ids=lambda case: " ".join(case["settings"]))
def test_pairs_cost_what_they_cost_in_trl(case: dict[str, Any]) -> None:
    assert of_pairs(case["settings"]) == pytest.approx(case["loss"], rel=2e-6)


def test_smoothed_pairs_cost_what_they_cost_in_trl() -> None:
    at = PAIRS["smoothed"]["pair"]
    found = of_pairs(PAIRS["smoothed"]["settings"], slice(at, at + 1))
    assert found == pytest.approx(PAIRS["smoothed"]["loss"], rel=2e-6)


def test_a_pair_that_is_as_likely_as_it_was_costs_the_logarithm_of_two() -> None:
    assert pair_losses(torch.zeros(1), 0.1).item() == pytest.approx(0.693147, abs=1e-6)


def test_answers_cost_what_they_cost_in_trl() -> None:
    now = torch.tensor(ANSWERS["now"], dtype=torch.float64, requires_grad=True)
    drawn, reference = (torch.tensor(ANSWERS[name], dtype=torch.float64) for name in ("drawn", "reference"))
    advantages = advantages_of(torch.tensor(ANSWERS["rewards"], dtype=torch.float64))
    assert advantages.tolist() == [pytest.approx(row) for row in ANSWERS["advantages"]]
    each = torch.repeat_interleave(advantages.flatten(), torch.tensor(ANSWERS["tokens"]))
    found = clipped_losses(now, drawn, reference, each, clip=ANSWERS["clip"], beta=ANSWERS["beta"])
    (found.losses.sum() / len(now)).backward()
    assert found.losses.sum().item() / len(now) == pytest.approx(ANSWERS["loss"], rel=1e-9)
    assert now.grad is not None
    assert now.grad.tolist() == pytest.approx(ANSWERS["gradient"], rel=1e-9, abs=1e-12)
    assert found.kl.item() / len(now) == pytest.approx(ANSWERS["kl"])
    assert found.clipped.item() / len(now) == pytest.approx(ANSWERS["clipped"])


def test_questions_whose_answers_are_alike_teach_nothing() -> None:
    rewards = torch.tensor([[1.0, 1.0, 1.0], [0.0, 0.05, 0.0], [0.0, 1.0, 2.0]])
    found = advantages_of(rewards, tie_margin=0.1)
    assert found[:2].abs().sum() == 0
    assert found[2].tolist() == pytest.approx([-1.0, 0.0, 1.0], abs=1e-3)
    assert advantages_of(rewards, by_deviation=False)[2].tolist() == [-1.0, 0.0, 1.0]


def test_sums_by_answer() -> None:
    assert by_answer(torch.tensor([1.0, 2.0, 4.0]), torch.tensor([0, 2, 2]), 3).tolist() == [1.0, 0.0, 6.0]


def test_the_loss_of_each_token_in_pieces_is_the_plain_one() -> None:
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(7, 5, generator=generator, requires_grad=True)
    weight = torch.randn(11, 5, generator=generator, requires_grad=True)
    targets = torch.randint(11, (7,), generator=generator)
    upstream = torch.randn(7, generator=generator)
    gradients = []
    for losses in (
        each_loss(hidden, weight, targets, 0.7, at_once=22),
        nn.functional.cross_entropy(hidden @ weight.T / 0.7, targets, reduction="none"),
    ):
        gradients.append((losses.detach(), *torch.autograd.grad(losses @ upstream, (hidden, weight))))
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other)
