"""A server that cannot answer is told at once; one that is slow, or has no list of models, is not held up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import openai
import pytest

from chat_server import Behaviour, ChatServer, answer, stall, status
from sharegpt4video.errors import ModelDenied, ModelUnavailable, VLMError
from sharegpt4video.prompts import DEFAULT
from sharegpt4video.vlm import reach
from sharegpt4video.vlm.base import Reply, Request
from sharegpt4video.vlm.fake import FakeVLM
from sharegpt4video.vlm.faults import http_library
from sharegpt4video.vlm.forwarding import ForwardingVLM
from sharegpt4video.vlm.server import ServerVLM


def model(url: str, **options: object) -> ServerVLM:
    return ServerVLM("some/model", url, prompts=DEFAULT, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/v1", "http://no-such-host.invalid/v1"])
def test_nobody_there_is_told_within_five_seconds(url: str) -> None:
    began = time.monotonic()
    with pytest.raises(ModelUnavailable, match="nobody answers"):
        asyncio.run(model(url).check())
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("code", [401, 403, 404])
def test_a_refusal_of_key_or_address_is_told(code: int) -> None:
    with ChatServer(default=status(code, "not for you")) as server:
        server.models = status(code, "not for you")
        with pytest.raises(ModelDenied, match="not for you"):
            asyncio.run(model(server.base_url, api_key="secret").check())


@pytest.mark.parametrize("models", [status(401, "no scope"), status(403, "no scope"), status(404, ""), status(405, "")])
@pytest.mark.parametrize("chat", [status(400, "messages are empty"), status(422, "empty"), status(500, "?"), answer()])
def test_a_server_without_a_list_of_models_works(models: Behaviour, chat: Behaviour) -> None:
    with ChatServer(default=chat) as server:
        server.models = models
        asyncio.run(model(server.base_url).check())
        assert all(received.body["messages"] == [] for received in server.received)


@pytest.mark.parametrize("models", [status(200, ""), status(429, "slow"), status(500, "?"), status(503, "wait")])
def test_a_server_that_answers_anything_else_is_there(models: Behaviour) -> None:
    with ChatServer() as server:
        server.models = models
        asyncio.run(model(server.base_url).check())
        assert server.received == [], "nothing is asked of the model"


def test_a_slow_server_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "CHECK_SECONDS", 0.1)
    with ChatServer() as server:
        server.models = stall()
        asyncio.run(model(server.base_url).check())
        assert server.received == [], "nothing is asked of the model"


def test_a_connection_that_takes_long_is_not_a_missing_server() -> None:
    http = http_library()

    async def late() -> None:
        raise openai.APITimeoutError(request=http.Request("GET", "http://h")) from http.ConnectTimeout("slow")

    assert asyncio.run(reach._refusal(late())) is None


def test_the_object_stays_usable_in_this_and_other_loops() -> None:
    request = Request("recaption", user_text="a cat")
    with ChatServer(default=answer("A cat.")) as server:
        vlm = model(server.base_url)

        async def twice() -> str:
            await vlm.check()
            reply = await vlm.generate(request)
            await vlm.close()
            return reply.text

        assert [asyncio.run(twice()), asyncio.run(twice())] == ["A cat.", "A cat."]


class Gone(FakeVLM):
    async def check(self) -> None:
        raise ModelUnavailable("gone")


class InFront(ForwardingVLM):
    async def generate(self, request: Request) -> Reply:
        return await self.vlm.generate(request)


@pytest.mark.parametrize("wrapped", [InFront, lambda vlm: InFront(InFront(vlm))])
def test_a_model_in_front_asks_the_one_behind(wrapped: Callable[[Gone], InFront]) -> None:
    with pytest.raises(VLMError, match="gone"):
        asyncio.run(wrapped(Gone()).check())
