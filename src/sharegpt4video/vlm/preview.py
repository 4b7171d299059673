"""A stand-in that answers in place of a model, and keeps what the model would have been sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .base import VLM, Reply, Request
from .forwarding import ForwardingVLM


@dataclass(frozen=True)
class Preview:
    """One request that was not sent. ``number`` counts from 1; ``body`` is None for a model that is sent none."""

    number: int
    request: Request
    body: Mapping[str, Any] | None
    input_tokens: int | None


class PreviewVLM(ForwardingVLM):
    """Gives each request of a run to ``on_request``, and a placeholder as its answer. Nobody is asked anything.

    Later requests hold the placeholder where they would hold the answer.
    """

    def __init__(self, vlm: VLM, on_request: Callable[[Preview], None]) -> None:
        super().__init__(vlm)
        self.max_concurrent = 1  # in the same order each time
        self._on_request, self._count = on_request, 0

    async def generate(self, request: Request) -> Reply:
        """Keep the request. Raises VLMError for one that the model would not take."""
        self._count += 1
        body = self.vlm.preview(request)
        tokens = self.vlm.estimate_tokens(request) if body is not None else None
        self._on_request(Preview(self._count, request, body, tokens))
        return Reply(f"(the answer to request {self._count})", request.key(), self.name)

    async def check(self) -> None:
        """Nothing will be asked, so whether anybody would answer does not matter."""
