"""What a model may tell besides its answers: what a request will cost, and what it would be sent as."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .base import Request


class Telling:
    """The part of a `VLM` that informs, with defaults for one that cannot tell."""

    uses_facts: bool

    @property
    def needs_facts(self) -> bool:
        """Whether it has nothing to say without measured facts."""
        return self.uses_facts

    @property
    def requests_at_once(self) -> int | None:
        """How many requests at once were found to be best; None if that is not known, or not searched for."""
        return None

    def estimate_tokens(self, request: Request) -> int | None:  # noqa: ARG002 - for those that can tell
        """Estimated input tokens of a request; None if unknown."""
        return None

    def cost_usd(self, input_tokens: int, output_tokens: int) -> float | None:  # noqa: ARG002 - for those with prices
        """Cost of this many tokens in US dollars; None without prices."""
        return None

    def preview(self, request: Request) -> Mapping[str, Any] | None:  # noqa: ARG002 - for those that can tell
        """A request as it would be sent, in the form of an OpenAI chat request; None for a model that is sent none.

        Asks nobody. Raises VLMError for a request that the model would not take.
        """
        return None
