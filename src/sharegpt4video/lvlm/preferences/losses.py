"""The losses of preference training, on log-probabilities alone.

DPO: Rafailov et al. 2023 (arXiv 2305.18290), eq. 7; label smoothing as in Mitchell's note on noisy preferences (cDPO);
per token as in Tulu 3 (arXiv 2411.15124). GRPO: Shao et al. 2024 (arXiv 2402.03300), eq. 3 and 4, as a mean over tokens
(DAPO, arXiv 2503.14476).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

_SPREAD = 1e-4
"""Added to a deviation that things are divided by."""


def pair_losses(margins: Tensor, beta: float, label_smoothing: float = 0.0) -> Tensor:
    """The DPO loss of each pair, (pairs,).

    ``margins`` (pairs,): by how much more the chosen answer has gained in log-probability than the rejected one, each
    against the reference model.
    """
    right = functional.logsigmoid(beta * margins)
    wrong = functional.logsigmoid(-beta * margins)
    return -(1 - label_smoothing) * right - label_smoothing * wrong


def by_answer(values: Tensor, answer: Tensor, answers: int) -> Tensor:
    """Sum per-token values by answer, (answers,); ``answer`` (tokens,) is the answer that each token belongs to."""
    return values.new_zeros(answers).index_add(0, answer, values)


@dataclass(frozen=True)
class Clipped:
    """The GRPO loss of each token, (tokens,), and statistics for the log, each a sum over tokens."""

    losses: Tensor
    kl: Tensor
    clipped: Tensor


def clipped_losses(
    now: Tensor, drawn: Tensor, reference: Tensor | None, advantages: Tensor, *, clip: float, beta: float
) -> Clipped:
    """The loss of each token of answers that the model drew itself.

    All are (tokens,): log-probabilities ``now``, when the answers were ``drawn``, and by the model at the beginning
    (``reference``; None: no distance to it is kept), and the ``advantages`` of the answers that the tokens belong to.
    """
    ratio = torch.exp(now - drawn)
    held = ratio.clamp(1 - clip, 1 + clip)
    losses = -torch.minimum(ratio * advantages, held * advantages)
    beyond = ((ratio < 1 - clip) & (advantages < 0)) | ((ratio > 1 + clip) & (advantages > 0))
    kl = torch.zeros_like(now)
    if reference is not None:
        # Schulman's estimator: never negative, and right on average.
        kl = torch.exp(reference - now) - (reference - now) - 1
        losses = losses + beta * kl
    return Clipped(losses, kl.detach().sum(), beyond.float().sum())


def advantages_of(rewards: Tensor, *, by_deviation: bool = True, tie_margin: float = 0.0) -> Tensor:
    """Advantage of each answer over the others to its question, (questions, answers), the shape of ``rewards``.

    A question whose rewards differ by no more than ``tie_margin`` has none.
    """
    found = rewards - rewards.mean(dim=1, keepdim=True)
    if by_deviation:
        found = found / (rewards.std(dim=1, keepdim=True) + _SPREAD)
    spread = rewards.amax(dim=1, keepdim=True) - rewards.amin(dim=1, keepdim=True)
    return torch.where(spread > tie_margin, found, torch.zeros_like(found))
