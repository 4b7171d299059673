"""What a role returns besides steps: a text for a time span, and why it is not to be trusted."""

from __future__ import annotations

from dataclasses import dataclass

from ..vlm.base import Reply


@dataclass(frozen=True)
class Summary:
    """One text about a whole or a part; ``problem`` says why it is not to be trusted ("" for a good one)."""

    text: str
    problem: str = ""

    def __str__(self) -> str:
        return self.text or f"({self.problem})"


def problem_of(reply: Reply) -> str:
    """The problem of a reply in words, with its detail where there is one; "" for a usable reply."""
    return f"{reply.problem}: {reply.detail}" if reply.problem and reply.detail else reply.problem
