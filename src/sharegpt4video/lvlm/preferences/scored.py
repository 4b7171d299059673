"""The losses of preference training with the model in them: what is shared between processes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn

from ..model.loss import token_losses
from ..train.engines import Scored, ScoredModel
from .losses import by_answer, clipped_losses, pair_losses
from .settings import DpoSettings, GrpoSettings

AsBefore = Callable[[], AbstractContextManager[None]]
"""Within it a model is what it was before it learned."""


def without_dropout(model: nn.Module) -> None:
    """Set every dropout to 0: it would add noise to the log-probabilities that are compared."""
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        for name in ("attention_dropout", "dropout"):  # of attention scores, a number that modules hand to a kernel
            if isinstance(vars(module).get(name), float):
                setattr(module, name, 0.0)


def without_adapters(model: Any) -> AsBefore:
    """The reference of a PEFT model: the same model with its adapters disabled."""

    @contextlib.contextmanager
    def off() -> Iterator[None]:
        with model.disable_adapter():
            yield

    return off


def with_first_weights(model: nn.Module) -> AsBefore:
    """For any model: what learns is kept a second time, as it is now, and takes the place of what it has become."""
    first = {name: p.detach().clone() for name, p in model.named_parameters() if p.requires_grad}

    @contextlib.contextmanager
    def swapped() -> Iterator[None]:
        learned = {name: p.data for name, p in model.named_parameters() if name in first}
        try:
            _place(model, first)
            yield
        finally:
            _place(model, learned)

    return swapped


def _place(model: nn.Module, weights: dict[str, Tensor]) -> None:
    for name, parameter in model.named_parameters():
        if name in weights:
            parameter.data = weights[name]


class ScoredPairs(ScoredModel):
    """The summed DPO loss of a batch of pairs, and over how many pairs (see ``pairs.PairLoader``).

    A batch without ``reference`` is answered by the model without its adapters, too.
    """

    def __init__(self, model: nn.Module, settings: DpoSettings) -> None:
        super().__init__(model)
        self.settings = settings
        self.pairs_per_token = 0.0
        """Pairs of the step over learned tokens of its chosen answers: the weight of these beside the pairs."""
        self.as_before: AsBefore = without_adapters(model)

    def log_probs(self, inputs: dict[str, Any]) -> Tensor:
        """The log-probability of each answer of a batch, (answers,)."""
        inputs = dict(inputs)
        tokens = inputs.pop("answer_tokens")
        for name in ("keys", "reference"):
            inputs.pop(name, None)
        losses = token_losses(self.model, inputs)
        return by_answer(-losses, _whose(tokens, losses), len(tokens))

    def forward(self, inputs: dict[str, Any]) -> Scored:
        if "answer_tokens" not in inputs:  # a blank
            return token_losses(self.model, inputs).sum(), 0, {}
        reference = inputs.get("reference")
        if reference is None:
            with torch.no_grad(), self.as_before():
                reference = self.log_probs(inputs)
        return self.loss_of_pairs(self.log_probs(inputs), reference, inputs["answer_tokens"])

    def loss_of_pairs(self, now: Tensor, reference: Tensor, tokens: Tensor) -> Scored:
        """The loss from the log-probabilities of the answers, now and before, and their tokens; all (answers,)."""
        settings = self.settings
        gained = now - reference
        if settings.per_token:
            gained = gained / tokens
        chosen, rejected = gained[0::2], gained[1::2]
        loss = pair_losses(chosen - rejected, settings.beta, settings.label_smoothing).sum()
        if settings.sft_weight:
            loss = loss - settings.sft_weight * self.pairs_per_token * now[0::2].sum()
        pairs = len(chosen)
        means = {
            "reward_chosen": settings.beta * chosen,
            "reward_rejected": settings.beta * rejected,
            "margin": settings.beta * (chosen - rejected),
            "accuracy": (chosen > rejected).float(),
            "log_prob_chosen": now[0::2],
            "log_prob_rejected": now[1::2],
        }
        return loss, pairs, {name: _told(value.sum(), pairs) for name, value in means.items()}


class ScoredAnswers(ScoredModel):
    """The summed GRPO loss of a batch of answers, and over how many tokens (see ``rollouts``)."""

    def __init__(self, model: nn.Module, settings: GrpoSettings) -> None:
        super().__init__(model)
        self.settings = settings

    def log_probs(self, inputs: dict[str, Any]) -> Tensor:
        """The log-probability of each token of the answers of a batch, as they are drawn."""
        inputs = {name: value for name, value in inputs.items() if name not in _OF_ANSWERS}
        return -token_losses(self.model, inputs, self.settings.temperature)

    def forward(self, inputs: dict[str, Any]) -> Scored:
        now = self.log_probs(inputs)
        if "answer_tokens" not in inputs:
            return now.sum(), 0, {}
        advantages = inputs["advantages"][_whose(inputs["answer_tokens"], now)]
        drawn = inputs.get("drawn", now.detach())  # the first time that answers are learned from, they were drawn so
        settings = self.settings
        found = clipped_losses(now, drawn, inputs.get("reference"), advantages, clip=settings.clip, beta=settings.beta)
        told = {"clipped": _told(found.clipped, len(now)), "log_prob": _told(now.detach().sum(), len(now))}
        if "reference" in inputs:
            told["kl"] = _told(found.kl, len(now))
        return found.losses.sum(), len(now), told


_OF_ANSWERS = ("answer_tokens", "advantages", "drawn", "reference")


def _whose(tokens: Tensor, values: Tensor) -> Tensor:
    """The number of the answer that each value belongs to."""
    answers = torch.arange(len(tokens), device=values.device)
    return torch.repeat_interleave(answers, tokens.to(values.device), output_size=len(values))


def _told(value: Tensor, count: int) -> Tensor:
    return torch.stack([value.detach().float(), value.new_tensor(count, dtype=torch.float32)])
