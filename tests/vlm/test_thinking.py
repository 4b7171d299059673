"""Models that think, over a real connection: room for it, another try when no answer is left, and what is said then."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest

from chat_server import Behaviour, ChatServer, Exchange, answer, completion, in_pieces, status
from made_requests import ASK, CHANGE, JUDGE, OPENING, PROMPTS, ask, server_vlm
from sharegpt4video.errors import SettingsError, VLMError
from sharegpt4video.vlm.reasoning import ROOM_TOKENS
from sharegpt4video.vlm.render import render

BUDGET = render(OPENING, PROMPTS).max_tokens
OFF = {"enable_thinking": False, "thinking": False}


def thinks(needs_tokens: int = 2000, field: str = "reasoning_content", *, ignores_off: bool = False) -> Behaviour:
    """A model that thinks for so many tokens before it answers, unless it is asked not to."""

    def behave(exchange: Exchange) -> None:
        body = exchange.received.body
        off = body.get("chat_template_kwargs") == OFF and not ignores_off
        enough = off or body["max_tokens"] > needs_tokens
        reply = completion(exchange.received, "A cat." if enough else "", "stop" if enough else "length")
        if not off:
            reply["choices"][0]["message"][field] = "The user wants a description. I see a cat."
        exchange.send(reply)

    return behave


def message(content: object, finish_reason: object = "stop", **fields: object) -> Behaviour:
    def behave(exchange: Exchange) -> None:
        reply = completion(exchange.received, None)
        reply["choices"][0]["message"] |= {"content": content, **fields}
        reply["choices"][0]["finish_reason"] = finish_reason
        exchange.send(reply)

    return behave


def limits(server: ChatServer) -> list[int]:
    return [got.body["max_tokens"] for got in server.received]


# Room for thinking


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning", "thinking", "none of them"])
def test_a_model_that_thinks_gets_room_once_and_for_all(field: str, caplog: pytest.LogCaptureFixture) -> None:
    with ChatServer(default=thinks(field=field)) as server, caplog.at_level(logging.WARNING):
        vlm = server_vlm(server.base_url)
        replies = [*ask(vlm, OPENING), *ask(vlm, OPENING)]
    assert [(reply.text, reply.problem, reply.detail) for reply in replies] == [("A cat.", "", "")] * 2
    assert limits(server) == [BUDGET, BUDGET + ROOM_TOKENS, BUDGET + ROOM_TOKENS]
    assert (replies[0].output_tokens, replies[1].output_tokens) == (14, 7)
    assert len(caplog.messages) == 1
    assert "-O thinking=off" in caplog.messages[0]


def test_thoughts_in_the_text_are_known_as_well() -> None:
    cut = answer("<think>The picture shows a cat, so I should", finish_reason="length")
    with ChatServer(cut, answer("<think>So.</think>A cat.")) as server:
        (reply,) = ask(server_vlm(server.base_url), OPENING)
    assert (reply.text, reply.problem, limits(server)) == ("A cat.", "", [BUDGET, BUDGET + ROOM_TOKENS])


def test_room_that_is_not_enough_is_followed_by_one_try_without_thinking() -> None:
    with ChatServer(default=thinks(10**6)) as server:
        (reply,) = ask(server_vlm(server.base_url), OPENING)
    assert (reply.text, reply.problem) == ("A cat.", "")
    assert [got.body.get("chat_template_kwargs") for got in server.received] == [None, None, OFF]


def test_a_limit_of_the_user_stays_and_the_advice_is_given() -> None:
    with ChatServer(default=thinks(10**6, ignores_off=True)) as server:
        (reply,) = ask(server_vlm(server.base_url, max_tokens=300), OPENING)
    assert limits(server) == [300, 300]
    assert (reply.text, reply.problem) == ("", "cut off")
    assert reply.detail == "max_tokens=300 went into reasoning; use -O thinking=off or -O max_tokens=4396"


def test_half_an_answer_is_not_thinking() -> None:
    with ChatServer(answer("A cat si", finish_reason="MAX_TOKENS")) as server:
        (reply,) = ask(server_vlm(server.base_url), OPENING)
    assert (reply.text, reply.problem, len(server.received)) == ("A cat si", "cut off", 1)
    assert reply.detail == f"max_tokens={BUDGET} ended it; use -O max_tokens={2 * BUDGET}"


# An answer in the wrong place


def test_an_answer_that_a_server_takes_for_reasoning_is_found() -> None:
    """vLLM's parsers do so when a model that is asked not to think ends without the tag that they wait for."""
    with ChatServer(default=message(None, reasoning_content="A cat sits on a mat.")) as server:
        (default,) = ask(server_vlm(server.base_url), OPENING)
        (off,) = ask(server_vlm(server.base_url, thinking="off"), OPENING)
    assert [(reply.text, reply.problem) for reply in (default, off)] == [("A cat sits on a mat.", "")] * 2
    assert len(server.received) == 3


def test_thoughts_never_become_the_answer() -> None:
    thoughts = "Okay, the user wants me to describe the picture. I see a cat."
    with ChatServer(default=message("", reasoning=thoughts)) as server:
        replies = [ask(server_vlm(server.base_url, thinking=choice), OPENING)[0] for choice in ("default", "off")]
    assert [(reply.text, reply.problem) for reply in replies] == [("", "empty")] * 2
    assert replies[0].detail == "there was reasoning but no answer; use -O thinking=off"
    assert "although thinking is off" in replies[1].detail


def test_thoughts_that_come_as_the_text_are_marked() -> None:
    said = "Okay, the user wants me to describe the picture. I see a cat."
    with ChatServer(default=answer(said)) as server:
        (reply,) = ask(server_vlm(server.base_url, thinking="off"), OPENING)
        (free,) = ask(server_vlm(server.base_url), JUDGE)
    assert (reply.text, reply.problem) == (said, "not plain text")
    assert (free.text, free.problem) == (said, "")


def test_parts_that_are_thoughts_are_not_part_of_the_text() -> None:
    parts = [
        {"type": "thinking", "thinking": "Hm."},
        {"type": "reasoning", "text": "Hm."},
        {"type": "text", "text": "A cat."},
    ]
    with ChatServer(default=message(parts)) as server:
        assert ask(server_vlm(server.base_url), OPENING)[0].text == "A cat."


@pytest.mark.parametrize(
    ("behaviour", "problem", "detail"),
    [
        (message(None), "empty", "the model said nothing"),
        (message("", 2), "cut off", f"max_tokens={BUDGET + ROOM_TOKENS} was used up without an answer"),
        (message("<think>", "stop"), "cut off", "its reasoning never came to an end; use -O thinking=off or -O max_t"),
        (message("<think>", "length"), "cut off", f"max_tokens={BUDGET + ROOM_TOKENS} went into reasoning"),
        (message("<think>So.</think>"), "empty", "there was reasoning but no answer; use -O thinking=off"),
        (message(None, "content_filter: RECITATION"), "refused", "the server's filter ended it (content_filter: REC"),
        (message("A", {"type": "length"}), "cut off", f"max_tokens={BUDGET} ended it"),
        (message('{"objects": ["cat"]}'), "not plain text", "the model answered with JSON"),
    ],
)
def test_no_problem_without_a_reason(behaviour: Behaviour, problem: str, detail: str) -> None:
    with ChatServer(default=behaviour) as server:
        (reply,) = ask(server_vlm(server.base_url), OPENING)
    assert reply.problem == problem
    assert reply.detail.startswith(detail)


def test_answers_to_questions_are_not_unwrapped() -> None:
    said = '{"unsupported": []}'
    with ChatServer(default=answer(f"<think>Hm.</think>{said}")) as server:
        assert [reply.text for reply in ask(server_vlm(server.base_url), JUDGE, ASK)] == [said, said]
    with ChatServer(default=answer('{"caption": "A cat."}')) as server:
        assert [reply.text for reply in ask(server_vlm(server.base_url), OPENING, CHANGE)] == ["A cat.", "A cat."]


# The option


def test_thinking_is_told_to_the_server_and_is_part_of_the_identity() -> None:
    with ChatServer() as server:
        vlms = [server_vlm(server.base_url, thinking=choice) for choice in ("default", "off", "on")]
        for vlm in vlms:
            ask(vlm, OPENING)
    default, off, on = (got.body for got in server.received)
    assert not {"chat_template_kwargs", "reasoning_effort", "thinking", "think"} & set(default)
    assert (off["chat_template_kwargs"], off["reasoning_effort"], off["max_tokens"]) == (OFF, "none", BUDGET)
    assert (on["thinking"], on["max_tokens"]) == ({"type": "enabled"}, BUDGET + ROOM_TOKENS)
    assert "thinking" not in vlms[0].identity
    assert len({vlm.identity for vlm in vlms}) == 3
    with pytest.raises(SettingsError, match="thinking is on, off or default"):
        server_vlm(server.base_url, thinking="maybe")


def test_extra_body_has_the_last_word() -> None:
    with ChatServer() as server:
        ask(server_vlm(server.base_url, thinking="off", extra_body={"reasoning_effort": "low"}), OPENING)
    assert server.received[0].body["reasoning_effort"] == "low"


@pytest.mark.parametrize("code", [400, 422, 500])
def test_a_strict_server_is_asked_without_what_it_does_not_know(code: int) -> None:
    def strict(exchange: Exchange) -> None:
        body: dict[str, Any] = exchange.received.body
        unknown = next((name for name in ("chat_template_kwargs", "thinking", "think") if name in body), "")
        if unknown:
            return status(code, f"Extra inputs are not permitted: '{unknown}'")(exchange)
        if body.get("reasoning_effort") in ("none", "minimal"):
            said = "Unsupported value: 'reasoning_effort' does not support this. Supported values are: 'low', 'high'."
            return status(code, said)(exchange)
        return answer("A cat.")(exchange)

    with ChatServer(default=strict) as server:
        vlm = server_vlm(server.base_url, thinking="off", retries=0)
        assert [reply.text for reply in (*ask(vlm, OPENING), *ask(vlm, CHANGE))] == ["A cat.", "A cat."]
    assert len(server.received) == 7
    assert server.received[-1].body["reasoning_effort"] == "low"


# Refusals in other words


def _has_system(body: dict[str, Any]) -> bool:
    return bool(body["messages"][0]["role"] == "system")


# What a server says, and what it says it of
SPEAKS: dict[str, Callable[[dict[str, Any]], bool]] = {
    "Only user and assistant roles are supported!": _has_system,
    "Jinja Exception: Conversation roles must alternate user/assistant/user/assistant/...": _has_system,
    "value is not a valid list": lambda body: any(isinstance(said["content"], str) for said in body["messages"]),
    "max_tokens is too large. This model supports at most 100 completion tokens": lambda body: body["max_tokens"] > 100,
    "max_tokens is too large: the maximum context length is 4096 tokens and your request has 3900 input tokens": (
        lambda body: body["max_tokens"] > 196
    ),
}


@pytest.mark.parametrize("code", [400, 422, 500])
@pytest.mark.parametrize("said", SPEAKS)
def test_a_dialect_is_learnt_whatever_the_status(said: str, code: int) -> None:
    def speak(exchange: Exchange) -> None:
        (status(code, said) if SPEAKS[said](exchange.received.body) else answer("A cat."))(exchange)

    with ChatServer(default=speak) as server:
        assert ask(server_vlm(server.base_url, retries=0), OPENING)[0].text == "A cat."
    assert len(server.received) == 2


@pytest.mark.parametrize("code", [400, 500, 501])
@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ("vision model only supports a single image per message", "set max_images"),
        ("the request exceeds the available context size", "fewer fold_steps"),
        ("image input is not supported", "name one that sees"),
    ],
)
def test_the_advice_does_not_depend_on_the_status(said: str, advice: str, code: int) -> None:
    with ChatServer(default=status(code, said)) as server, pytest.raises(VLMError, match=advice):
        ask(server_vlm(server.base_url), CHANGE)
    assert len(server.received) == 1


def test_a_server_that_is_down_is_asked_again_whatever_it_says() -> None:
    with ChatServer(status(503, "too many images in the queue"), answer("A cat.")) as server:
        assert ask(server_vlm(server.base_url), OPENING)[0].text == "A cat."


# Streams


def test_a_stream_of_thoughts_says_why_there_is_no_answer() -> None:
    async def read(url: str) -> list[str]:
        return [piece async for piece in server_vlm(url, retries=0).stream(OPENING)]

    with (
        ChatServer(in_pieces(finish_reason="length")) as server,
        pytest.raises(VLMError, match=r"no answer: cut off: max_tokens=\d+ was used up.*-O thinking=off"),
    ):
        asyncio.run(read(server.base_url))
