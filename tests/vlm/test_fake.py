"""The fake model does what it was told and remembers what it was asked."""

from __future__ import annotations

import asyncio

import pytest

from sharegpt4video.errors import VLMError
from sharegpt4video.prompts import prompt_set
from sharegpt4video.vlm.base import Reply, Request
from sharegpt4video.vlm.fake import FakeVLM, fail_after, fail_at

OPENING = Request("opening", seconds=(0.0,))
CHANGE = Request("change", seconds=(0.0, 2.0), start_seconds=0.0, end_seconds=2.0)
SUMMARY = Request("summary", start_seconds=0.0, end_seconds=6.5)


def ask(vlm: FakeVLM, *requests: Request) -> list[Reply]:
    async def all_at_once() -> list[Reply]:
        return await asyncio.gather(*map(vlm.generate, requests))

    return asyncio.run(all_at_once())


def test_says_task_and_times_when_told_nothing() -> None:
    asked = (OPENING, CHANGE, SUMMARY, Request("recaption", user_text="a cat"))
    assert [reply.text for reply in ask(FakeVLM(), *asked)] == [
        "opening at 0.00 s",
        "change from 0.00 s to 2.00 s",
        "summary of 0 steps from 0.00 s to 6.50 s",
        "recaption of: a cat",
    ]


def test_replies_are_used_in_order_and_requests_are_recorded() -> None:
    vlm = FakeVLM(["one", "two"])
    replies = ask(vlm, OPENING, CHANGE)
    assert [reply.text for reply in replies] == ["one", "two"]
    assert vlm.requests == [OPENING, CHANGE]
    assert [reply.request_key for reply in replies] == [OPENING.key(), CHANGE.key()]


def test_replies_keep_their_order_when_delays_turn_it_round() -> None:
    vlm = FakeVLM(["one", "two"], delay_seconds=lambda number, _request: 0.02 / number)
    assert [reply.text for reply in ask(vlm, OPENING, CHANGE)] == ["one", "two"]


def test_a_function_answers_from_the_request() -> None:
    vlm = FakeVLM(lambda request: f"{request.task}!")
    assert [reply.text for reply in ask(vlm, CHANGE, OPENING)] == ["change!", "opening!"]


def test_no_reply_left_is_an_error_that_names_the_request() -> None:
    with pytest.raises(VLMError, match=r"no canned reply is left.*change from 0\.00 s to 2\.00 s"):
        ask(FakeVLM(["one"]), OPENING, CHANGE)


def test_one_text_instead_of_a_list_is_refused() -> None:
    with pytest.raises(TypeError, match="list of texts"):
        FakeVLM("one")


def test_texts_are_screened_like_those_of_a_real_model() -> None:
    replies = ask(FakeVLM(["", "the man " * 20, "I'm sorry, but I can't."]), OPENING, OPENING, OPENING)
    assert [reply.problem for reply in replies] == ["empty", "repeating", "refused"]


def test_replies_given_as_values_are_signed_where_they_are_blank() -> None:
    blank = Reply("one", request_key="", model="", input_tokens=5)
    foreign = Reply("two", request_key="somebody else's", model="m")
    first, second = ask(FakeVLM([blank, foreign], prompts=prompt_set("default")), OPENING, CHANGE)
    assert (first.request_key, first.model, first.input_tokens) == (OPENING.key(), "fake", 5)
    assert first.prompt_hash == prompt_set("default").hash
    assert (second.request_key, second.model) == ("somebody else's", "m")


def test_fails_at_the_requests_it_was_told_to() -> None:
    vlm = FakeVLM(fail=fail_at(2, 3, failure="cut off"))
    assert [reply.problem for reply in ask(vlm, *[OPENING] * 4)] == ["", "cut off", "cut off", ""]


def test_fails_for_good_after_so_many() -> None:
    vlm = FakeVLM(fail=fail_after(2))
    assert len(ask(vlm, OPENING, OPENING)) == 2
    for _ in range(2):
        with pytest.raises(VLMError, match="after 2 requests"):
            ask(vlm, OPENING)


def test_raises_the_exceptions_among_its_replies() -> None:
    with pytest.raises(KeyError, match="boom"):
        ask(FakeVLM([KeyError("boom")]), OPENING)


def test_counts_how_many_wait_at_the_same_time() -> None:
    vlm = FakeVLM(delay_seconds=0.01)
    ask(vlm, *[OPENING] * 5)
    assert (vlm.max_in_flight, vlm.in_flight) == (5, 0)


def test_a_cancelled_request_is_no_longer_in_flight() -> None:
    vlm = FakeVLM(delay_seconds=30)

    async def cancel() -> None:
        task = asyncio.create_task(vlm.generate(OPENING))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    assert vlm.in_flight == 0
