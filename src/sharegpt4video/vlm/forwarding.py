"""A model in front of another: a cache, a check, a record of what was asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .base import VLM, Request


class ForwardingVLM(VLM):
    """A model in front of another, ``vlm``, with all its properties. Subclasses implement ``generate``."""

    def __init__(self, vlm: VLM) -> None:
        self.vlm = vlm
        self.name, self.max_images, self.max_concurrent = vlm.name, vlm.max_images, vlm.max_concurrent
        self.uses_facts, self.takes_png, self.frames_apart = vlm.uses_facts, vlm.takes_png, vlm.frames_apart
        self.hears, self.own_prompts = vlm.hears, vlm.own_prompts

    @property
    def identity(self) -> str:
        return self.vlm.identity

    @property
    def requests_at_once(self) -> int | None:
        return self.vlm.requests_at_once

    @property
    def needs_facts(self) -> bool:
        return self.vlm.needs_facts

    def preview(self, request: Request) -> Mapping[str, Any] | None:
        return self.vlm.preview(request)

    def estimate_tokens(self, request: Request) -> int | None:
        return self.vlm.estimate_tokens(request)

    def cost_usd(self, input_tokens: int, output_tokens: int) -> float | None:
        return self.vlm.cost_usd(input_tokens, output_tokens)

    async def check(self) -> None:
        await self.vlm.check()

    async def close(self) -> None:
        await self.vlm.close()
