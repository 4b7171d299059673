"""Settings of preference training: of pairs (``dpo``), and of a model's own answers and their judge (``grpo``)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

from ...checking import Count, Limits, Share, wrong_values
from ...config import STRICT

Strength = Annotated[float, Limits(0, 1e3, over=True)]
Weight = Annotated[float, Limits(0, 1e3)]


@dataclass(frozen=True)
class DpoSettings:
    """How pairs of answers are learned from."""

    __pydantic_config__ = STRICT

    beta: Strength = 0.1
    """How closely the model stays to the one it began as; larger is closer."""
    label_smoothing: Annotated[float, Limits(0, 0.5, under=True)] = 0.0
    """Share of the pairs that may be the wrong way round."""
    sft_weight: Weight = 0.0
    """Weight of also learning the chosen answers as such (loss per token), lest both become less likely."""
    per_token: bool = False
    """Compare mean instead of summed log-probabilities of the tokens, so that length does not count; ``beta`` is then
    larger, 2 to 10."""

    def problems(self) -> list[str]:
        return [*wrong_values(self, "dpo.").values()]


@dataclass(frozen=True)
class GrpoSettings:
    """How a model learns from its own answers. ``optimiser.global_batch`` counts questions."""

    __pydantic_config__ = STRICT

    judge: str = ""
    """Where the judge is, as MODULE:NAME (``lvlm/preferences/judging.py`` says what it is)."""
    judge_options: dict[str, Any] = field(default_factory=dict)
    """What the judge is made with."""
    answers: Annotated[int, Limits(2, 1024)] = 8
    """Answers drawn for each question; they are compared with each other."""
    temperature: Annotated[float, Limits(0, 100, over=True)] = 1.0
    """Of drawing them."""
    top_p: Annotated[float, Limits(0, 1, over=True)] = 1.0
    """Draw from the likeliest tokens that have this share of the probability together."""
    rows: Count = 64
    """Answers that are drawn at the same time on one device."""
    max_new_tokens: Count = 256
    """Longest answer; one that is cut off there is judged as it is."""
    beta: Weight = 0.04
    """Weight of the distance to the model it began as (KL divergence, per token); 0: none, which spares a pass."""
    clip: Annotated[float, Limits(0, 1, over=True)] = 0.2
    """How far the probability of a token may go from what it was when the answers were drawn."""
    updates: Annotated[int, Limits(1, 1000)] = 1
    """Optimiser steps with the same answers."""
    by_deviation: bool = True
    """Divide the rewards of a question's answers by their standard deviation."""
    tie_margin: Share = 0.0
    """Questions whose answers' rewards differ by no more than this teach nothing."""

    def problems(self) -> list[str]:
        found = [*wrong_values(self, "grpo.").values()]
        module, _, name = self.judge.partition(":")
        if not module.strip() or not name.strip():
            found.append("grpo.judge names who judges the answers, as MODULE:NAME, such as"
                         " sharegpt4video.dataset.checks.reward:Findings")  # fmt: skip
        return found
