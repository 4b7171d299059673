"""Answers in pieces, free questions with turns before them, and how an answer has to begin, over a real connection."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from chat_server import ChatServer, Exchange, answer, drop, error_event, in_pieces, raw, stall, status
from leaping_clock import LeapingClock
from made_requests import ASK, FIRST, OPENING, PROMPTS, ask, server_vlm
from sharegpt4video.errors import VLMError
from sharegpt4video.vlm.base import VLM, Request
from sharegpt4video.vlm.render import render


def streamed(vlm: VLM, request: Request = OPENING) -> list[str]:
    async def pieces() -> list[str]:
        try:
            return [piece async for piece in vlm.stream(request)]
        finally:
            await vlm.close()

    return asyncio.run(pieces())


# Streaming


def test_the_pieces_come_as_they_are_written_and_tokens_are_counted() -> None:
    with ChatServer(in_pieces("A cat ", "sits.\n", " It", " purrs.")) as server:
        vlm = server_vlm(server.base_url)
        assert streamed(vlm) == ["A cat ", "sits.\n", " It", " purrs."]
    (got,) = server.received
    assert got.body["stream"] is True
    assert got.body["max_tokens"] == render(OPENING, PROMPTS).max_tokens
    assert (vlm.usage.answers, vlm.usage.input_tokens, vlm.usage.output_tokens) == (1, 100, 7)


def test_the_first_piece_is_there_before_the_last_is_written() -> None:
    with ChatServer(in_pieces("soon", *["never"] * 100_000, seconds_per_piece=0.02)) as server:
        vlm = server_vlm(server.base_url)

        async def first() -> str:
            stream = vlm.stream(OPENING)
            piece = await stream.__anext__()
            assert server.in_flight == 1
            await stream.aclose()
            while server.in_flight:  # the server notices at its next write that nobody listens
                await asyncio.sleep(0.01)
            await vlm.close()
            return piece

        assert asyncio.run(asyncio.wait_for(first(), 240)) == "soon"


@pytest.mark.parametrize(
    "fault", [status(503), drop(), stall(0.0), in_pieces(then=drop()), in_pieces(other="sg4v-" + "0" * 32)]
)
def test_what_fails_before_the_first_piece_is_tried_again(fault: object) -> None:
    with ChatServer(fault, in_pieces("fine")) as server:  # type: ignore[arg-type]
        assert streamed(server_vlm(server.base_url)) == ["fine"]
    assert len(server.received) == 2


@pytest.mark.parametrize("end", [drop(), error_event("CUDA error"), stall(60)])
def test_an_answer_that_breaks_off_is_an_error_after_what_came(end: object, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, got = LeapingClock(monkeypatch), list[str]()

    async def read(vlm: VLM) -> None:
        async for piece in vlm.stream(OPENING):
            got.append(piece)
            asyncio.get_running_loop().call_soon(clock.leap, 11)  # when the next one is waited for

    with ChatServer(in_pieces("half an ", then=end)) as server:  # type: ignore[arg-type]
        vlm = server_vlm(server.base_url, timeout_seconds=10)
        with pytest.raises(VLMError, match="broke off"):
            asyncio.run(read(vlm))
    assert got == ["half an "]
    assert len(server.received) == 1


def test_an_answer_that_has_ended_is_whole_though_the_connection_stays_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sharegpt4video.vlm.server._LAST_COUNTS_SECONDS", 0.2)

    def said_all(exchange: Exchange) -> None:
        ended = {"index": 0, "delta": {}, "finish_reason": "stop"}
        exchange.handler.wfile.write(f"data: {json.dumps({'choices': [ended]})}\n\n".encode())
        exchange.handler.wfile.flush()
        exchange.wait(600)

    with ChatServer(in_pieces("A cat ", "sits.", then=said_all)) as server:
        assert streamed(server_vlm(server.base_url)) == ["A cat ", "sits."]
    assert len(server.received) == 1


def test_wrong_keys_and_silence_are_errors_at_once() -> None:
    with ChatServer(status(401, "no such key")) as server, pytest.raises(VLMError, match="no such key"):
        streamed(server_vlm(server.base_url))
    with pytest.raises(VLMError, match="nobody answers"):
        streamed(server_vlm("http://127.0.0.1:9/v1", retries=0))
    with ChatServer(default=status(503)) as server, pytest.raises(VLMError, match="no answer: HTTP 503"):
        streamed(server_vlm(server.base_url))
    with ChatServer(in_pieces()) as server, pytest.raises(VLMError, match="no answer: empty"):
        streamed(server_vlm(server.base_url))


def test_a_server_that_knows_no_pieces_is_read_as_a_whole() -> None:
    with ChatServer(answer("all at once")) as server:
        assert streamed(server_vlm(server.base_url)) == ["all at once"]


def test_a_server_that_counts_no_tokens_in_pieces_is_not_asked_to() -> None:
    with ChatServer(status(400, "Unrecognized request argument supplied: stream_options"), in_pieces("a")) as server:
        assert streamed(server_vlm(server.base_url)) == ["a"]
    assert ["stream_options" in got.body for got in server.received] == [True, False]


def test_a_line_that_is_no_json_is_an_error() -> None:
    junk = raw(b"data: {oops\n\n", headers={"Content-Type": "text/event-stream"})
    with ChatServer(default=junk) as server, pytest.raises(VLMError, match="not JSON"):
        streamed(server_vlm(server.base_url))


# Free questions


def test_a_free_question_goes_with_its_turns_and_the_beginning_of_the_answer() -> None:
    with ChatServer() as server:
        (reply,) = ask(server_vlm(server.base_url), ASK)
    (got,) = server.received
    system, first, said, again, begun = got.body["messages"]
    assert (system["role"], system["content"]) == ("system", "Answer in one sentence.")
    assert [part["type"] for part in first["content"]] == ["image_url", "image_url", "text"]
    assert first["content"][-1]["text"] == "What is seen?"
    assert (said["role"], said["content"]) == ("assistant", "A field.")
    assert (again["role"], again["content"]) == ("user", "And what {colour} is it in the end?")
    assert (begun["role"], begun["content"]) == ("assistant", "In the end, ")
    assert (got.body["continue_final_message"], got.body["add_generation_prompt"]) == (True, False)
    assert got.body["max_tokens"] == 200
    assert reply.problem == ""


def test_a_server_that_cannot_go_on_from_a_beginning_is_asked_without() -> None:
    with ChatServer(status(400, "Unrecognized request argument: continue_final_message")) as server:
        vlm = server_vlm(server.base_url, retries=0)
        assert [reply.problem for reply in (*ask(vlm, ASK), *ask(vlm, ASK))] == ["", ""]
    assert len(server.received) == 3
    for got in server.received[1:]:
        assert got.body["messages"][-1]["role"] == "user"
        assert "continue_final_message" not in got.body
        assert "add_generation_prompt" not in got.body


def test_without_a_system_role_the_system_text_opens_the_first_question_not_the_last() -> None:
    with ChatServer(status(400, "System role not supported")) as server:
        ask(server_vlm(server.base_url), ASK)
    first, _, again, _ = server.received[1].body["messages"]
    assert first["content"][-1]["text"] == "Answer in one sentence.\n\nWhat is seen?"
    assert again["content"] == ASK.user_text


def test_every_part_of_a_free_question_is_in_its_key() -> None:
    base = Request("ask", images=(FIRST,), seconds=(0.0,), user_text="q")
    changed = [{"system": "s"}, {"earlier": (("a", "b"),)}, {"prefill": "p"}, {"max_tokens": 9}, {"user_text": "r"}]
    assert len({base.key(), *(replace(base, **more).key() for more in changed)}) == 6  # type: ignore[arg-type]


# Reasoning, control tokens, and ends that are none

EVENT_STREAM = {"Content-Type": "text/event-stream"}


@pytest.mark.parametrize(
    ("pieces", "shown"),
    [
        (("<think>", "Let me look.", "</thi", "nk>", "A cat ", "sits."), "A cat sits."),
        (("<|channel|>analysis<|message|>", "Look.", "<|end|><|start|>assistant<|channel|>final<|message|>", "A cat."),
         "A cat."),
        (("A cat ", "sits.", "<|im_", "end|>"), "A cat sits."),
        (("a <", " b and c ", "> d"), "a < b and c > d"),
        (("Hm.", "</think>", "A cat."), "Hm.\n\nA cat."),
    ],
)  # fmt: skip
def test_markup_is_taken_off_as_the_pieces_come(pieces: tuple[str, ...], shown: str) -> None:
    with ChatServer(in_pieces(*pieces)) as server:
        assert "".join(streamed(server_vlm(server.base_url))) == shown


def test_nothing_but_reasoning_is_no_answer() -> None:
    with (
        ChatServer(in_pieces("<think>", "Let me look.")) as server,
        pytest.raises(VLMError, match="its reasoning never came to an end"),
    ):
        streamed(server_vlm(server.base_url))


@pytest.mark.parametrize(
    ("finish_reason", "said"),
    [
        ("content_filter", "filter ended it"),
        ("abort", "gave up"),
        (None, "ended before the answer did"),
        ("error_event", "CUDA"),
    ],
)
def test_an_end_that_is_none_is_told(finish_reason: str | None, said: str) -> None:
    piece = {"choices": [{"index": 0, "delta": {"content": "half"}, "finish_reason": None}]}
    lines = [f"data: {json.dumps(piece)}"]
    if finish_reason == "error_event":
        lines += ["event: error", 'data: {"message": "CUDA error"}']
    elif finish_reason:
        piece["choices"][0] |= {"delta": {}, "finish_reason": finish_reason}
        lines += [f"data: {json.dumps(piece)}", "data: [DONE]"]
    sent = "\n\n".join([*lines, ""]).encode()
    with ChatServer(raw(sent, headers=EVENT_STREAM)) as server, pytest.raises(VLMError, match=said):
        streamed(server_vlm(server.base_url))


def test_an_answer_that_the_limit_ends_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    piece = {"choices": [{"index": 0, "delta": {"content": "half"}, "finish_reason": "length"}]}
    with ChatServer(raw(f"data: {json.dumps(piece)}\n\ndata: [DONE]\n\n".encode(), headers=EVENT_STREAM)) as server:
        assert streamed(server_vlm(server.base_url)) == ["half"]
    assert "cut off: max_tokens=" in caplog.text
