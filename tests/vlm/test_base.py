"""What every model gets from the base classes."""

from __future__ import annotations

import asyncio

import pytest

from made_captions import step
from sharegpt4video.vlm.base import VLM, Reply, Request
from sharegpt4video.vlm.forwarding import ForwardingVLM


class Inner(VLM):
    """Differs from the defaults in everything."""

    name, max_images, max_concurrent, uses_facts, takes_png = "inner", 7, 5, False, True
    hears = frames_apart = True
    identity, requests_at_once = "inner of 1999", 3
    closed = False

    async def generate(self, request: Request) -> Reply:
        return Reply("hello", request.key(), self.name)

    def estimate_tokens(self, request: Request) -> int | None:
        return len(request.user_text)

    def cost_usd(self, input_tokens: int, output_tokens: int) -> float | None:
        return float(input_tokens + 2 * output_tokens)

    async def close(self) -> None:
        self.closed = True


class Loud(ForwardingVLM):
    async def generate(self, request: Request) -> Reply:
        reply = await self.vlm.generate(request)
        return Reply(reply.text.upper(), reply.request_key, reply.model)


@pytest.mark.parametrize("name", [*VLM.__annotations__, "identity", "requests_at_once"])
def test_a_model_in_front_of_another_says_what_that_one_says(name: str) -> None:
    assert getattr(Loud(Inner()), name) == getattr(Inner(), name)


def test_a_model_in_front_of_another_changes_only_the_answers() -> None:
    async def use(loud: Loud) -> tuple[str, list[str]]:
        request = Request("ask", user_text="four")
        assert loud.estimate_tokens(request) == 4
        assert loud.cost_usd(1, 2) == 5.0
        answers = (await loud.generate(request)).text, [piece async for piece in loud.stream(request)]
        await loud.close()
        return answers

    inner = Inner()
    assert asyncio.run(use(Loud(inner))) == ("HELLO", ["HELLO"])
    assert inner.closed


def test_half_of_a_character_in_a_request_is_mended_where_it_enters() -> None:
    bad, good = "caf\ud800", "caf\ufffd"
    request = Request("ask", video="\udce9.mp4", user_text=bad, system=bad, before=bad, cast=bad, prefill=bad,
                      reminder=bad, earlier=((bad, bad),), steps=(step("opening", 0, 0, bad),))  # fmt: skip
    assert request == Request("ask", video="\udce9.mp4", user_text=good, system=good, before=good, cast=good,
                              prefill=good, reminder=good, earlier=((good, good),),
                              steps=(step("opening", 0, 0, good),))  # fmt: skip
    assert len(request.key()) == 32
    assert (
        Request("recaption", user_text="a café").key() == "f7989e713d21f72826d9dfd186084003"
    )  # stored answers are found by it
