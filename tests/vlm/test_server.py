"""The server backend against a real HTTP server on this machine: what is sent, and what is made of answers."""

from __future__ import annotations

import asyncio
import base64
import io
from typing import Any

import PIL.Image
import pytest

from chat_server import Behaviour, ChatServer, Received, Swap, answer, completion, raw, stall, status, wrong_id
from made_requests import CHANGE, FIRST, KEY, OPENING, PROMPTS, SECOND, ask, picture, server_vlm
from sharegpt4video.errors import SettingsError, VLMError
from sharegpt4video.records import Image
from sharegpt4video.vlm.base import Reply, Request
from sharegpt4video.vlm.render import render
from sharegpt4video.vlm.server import ServerVLM

# What is sent


def test_a_change_is_sent_as_system_text_then_pictures_then_words() -> None:
    with ChatServer() as server:
        (reply,) = ask(server_vlm(server.base_url), CHANGE)
    (got,) = server.received
    prompt = render(CHANGE, PROMPTS)
    assert got.path == "/v1/chat/completions"
    assert got.headers["authorization"] == f"Bearer {KEY}"
    assert got.body["model"] == "some/model:7b"
    assert (got.body["temperature"], got.body["max_tokens"]) == (0.0, prompt.max_tokens)
    assert got.body["messages"][0] == {"role": "system", "content": prompt.system}
    assert [part["type"] for part in got.content] == ["image_url", "image_url", "text"]
    assert got.text == prompt.text
    sent = [base64.b64decode(url.removeprefix("data:image/jpeg;base64,"), validate=True) for url in got.image_urls]
    assert sent == [FIRST.jpeg, SECOND.jpeg]
    assert (reply.text, reply.problem, reply.request_key) == ("a cat sits on a mat", "", CHANGE.key())
    assert (reply.input_tokens, reply.output_tokens, reply.prompt_hash) == (100, 7, PROMPTS.hash)


def test_another_model_that_answers_in_the_middle_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    def by(model: str) -> Behaviour:
        return lambda exchange: exchange.send({**completion(exchange.received, "a cat"), "model": model})

    with ChatServer(by("gpt-5-2026-01-01"), by("gpt-5-2026-01-01"), by("other-7b"), by("other-7b")) as server:
        vlm = server_vlm(server.base_url)
        for told in (0, 0, 1, 1):
            ask(vlm, OPENING)
            assert len(caplog.records) == told
    assert "other-7b answers now, and gpt-5-2026-01-01 did before" in caplog.text


def test_options_reach_the_server() -> None:
    with ChatServer() as server:
        ask(server_vlm(server.base_url, temperature=None, max_tokens=33, extra_body={"top_k": 1}), OPENING)
    body = server.received[0].body
    assert (body["max_tokens"], body["top_k"]) == (33, 1)
    assert "temperature" not in body


def test_a_picture_is_sent_as_the_same_bytes_each_time() -> None:
    heavy = picture(3, 400, 300)
    requests = [Request("opening", images=(Image(bytes(heavy.jpeg), 400, 300),), seconds=(0.0,)) for _ in range(3)]
    with ChatServer() as server:
        ask(server_vlm(server.base_url, max_image_side_pixels=100), *requests)
    (url,) = {url for got in server.received for url in got.image_urls}
    with PIL.Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) as sent:
        assert sent.size == (100, 75)


def test_a_picture_that_is_too_heavy_is_made_lighter() -> None:
    noise = picture(4, 300, 200)
    assert len(noise.jpeg) > 9000
    with ChatServer() as server:
        ask(server_vlm(server.base_url, max_image_bytes=9000), Request("opening", images=(noise,), seconds=(0.0,)))
    (url,) = server.received[0].image_urls
    assert 3000 < len(base64.b64decode(url.partition(",")[2])) <= 9000


def test_too_many_pictures_are_an_error_before_anything_is_sent() -> None:
    with ChatServer() as server, pytest.raises(VLMError, match=r"carries 2 pictures, but max_images is 1; raise max"):
        ask(server_vlm(server.base_url, max_images=1), CHANGE)
    assert server.received == []


def test_each_call_has_an_id_of_its_own_that_begins_with_the_request_key() -> None:
    with ChatServer(status(500), answer()) as server:
        ask(server_vlm(server.base_url), OPENING)
    ids = [got.headers["x-request-id"] for got in server.received]
    assert all(sent.startswith(f"sg4v-{OPENING.key()}-") for sent in ids)
    assert len(set(ids)) == 2


# Keys and addresses


def test_a_local_server_needs_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with ChatServer() as server:
        assert ask(server_vlm(server.base_url, api_key=None), OPENING)[0].problem == ""


def test_the_key_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-from-environment\n")
    with ChatServer() as server:
        ask(server_vlm(server.base_url, api_key=None), OPENING)
    assert server.received[0].headers["authorization"] == "Bearer sk-from-environment"


def test_credentials_in_the_address_are_used_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with ChatServer(status(401, "no such key: pa:ss in zone-7")) as server:
        address = server.base_url.replace("//", "//me:pa%3Ass@") + "?zone=zone-7"
        vlm = server_vlm(address, api_key=None)
        with pytest.raises(VLMError) as caught:
            ask(vlm, OPENING)
    (got,) = server.received
    assert got.path == "/v1/chat/completions?zone=zone-7"
    assert got.headers["authorization"] == "Basic " + base64.b64encode(b"me:pa:ss").decode()
    assert vlm.name == f"server:some/model:7b@{server.base_url}"
    assert not [word for word in ("pa:ss", "pa%3Ass", "zone-7", KEY) if word in f"{caught.value} {vlm.name}"]


def test_a_server_that_repeats_the_key_does_not_get_it_into_our_message() -> None:
    said = r"Incorrect API key provided: \*\*\* - set OPENAI_API_KEY"
    with (
        ChatServer(status(401, f"Incorrect API key provided: {KEY}")) as server,
        pytest.raises(VLMError, match=said) as caught,
    ):
        ask(server_vlm(server.base_url), OPENING)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"base_url": "localhost:8000/v1"}, r"must look like http://localhost:8000/v1, not 'localhost:8000/v1'"),
        ({"base_url": "ftp://me:secret@x/v1"}, r"not 'x/v1'"),
        ({"model": ""}, "name is missing"),
        ({"max_images": 0, "retries": -1, "timeout_seconds": 0}, r"max_images.*timeout_seconds.*retries cannot"),
    ],
)
def test_options_that_make_no_sense_are_refused_at_once(options: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        ServerVLM(**{"model": "m", "base_url": "http://x/v1", "prompts": PROMPTS, **options})


# Answers that cannot be used


@pytest.mark.parametrize(
    ("behaviour", "problem", "text"),
    [
        (answer(""), "empty", ""),
        (answer(None), "empty", ""),
        (answer("A cat si", finish_reason="length"), "cut off", "A cat si"),
        (answer("I'm sorry, but I can't help with that."), "refused", "I'm sorry, but I can't help with that."),
        (answer(None, refusal="I will not."), "refused", "I will not."),
        (answer("", finish_reason="content_filter"), "refused", ""),
        (answer("the man " * 50, finish_reason="length"), "repeating", ("the man " * 50).strip()),
        (answer('<think>a dog?</think>\n"A cat."'), "", "A cat."),
    ],
)
def test_answers_are_screened_and_asked_for_once(behaviour: Behaviour, problem: str, text: str) -> None:
    with ChatServer(behaviour) as server:
        (reply,) = ask(server_vlm(server.base_url), OPENING)
    assert (reply.problem, reply.text, len(server.received)) == (problem, text, 1)
    assert reply.output_tokens == 7


@pytest.mark.parametrize("code", ["content_filter", "content_policy_violation"])
def test_a_request_the_filter_turns_down_is_refused_and_others_go_on(code: str) -> None:
    with ChatServer(status(400, "filtered", error_code=code), answer("fine")) as server:
        vlm = server_vlm(server.base_url)
        assert [ask(vlm, OPENING)[0].problem, ask(vlm, CHANGE)[0].problem] == ["refused", ""]
    assert len(server.received) == 2


def test_text_in_parts_is_put_together() -> None:
    parts = [{"type": "text", "text": "A cat "}, {"type": "text", "text": "sits."}]
    with ChatServer(raw({"choices": [{"message": {"content": parts}, "finish_reason": "stop"}]})) as server:
        (reply,) = ask(server_vlm(server.base_url), OPENING)
    assert (reply.text, reply.input_tokens) == ("A cat sits.", 0)


# Answers of somebody else


def who(got: Received) -> str:
    return f"the answer to {got.headers['x-request-id'][5:37]}"


def test_answers_that_a_proxy_swaps_are_noticed_and_asked_for_again() -> None:
    swap = Swap(who)
    with ChatServer(swap, swap, default=answer(who)) as server:
        replies = ask(server_vlm(server.base_url), OPENING, CHANGE)
    assert [reply.text for reply in replies] == [f"the answer to {request.key()}" for request in (OPENING, CHANGE)]
    assert [reply.problem for reply in replies] == ["", ""]
    assert len(server.received) == 4


@pytest.mark.parametrize("place", ["id in the body", "header"])
def test_answers_that_stay_swapped_are_mixed_up_after_one_retry(place: str) -> None:
    other = f"sg4v-{CHANGE.key()}-00000000"
    in_header = raw({"choices": [{"message": {"content": "x"}}]}, headers={"X-Request-Id": other})
    with ChatServer(default=wrong_id(other) if place != "header" else in_header) as server:
        (reply,) = ask(server_vlm(server.base_url, retries=9), OPENING)
    assert (reply.text, reply.problem, len(server.received)) == ("", "mixed up", 2)
    assert CHANGE.key() in reply.detail


def test_ids_that_are_not_ours_mean_nothing() -> None:
    with ChatServer(wrong_id("BxK2foo", "fine")) as server:
        assert ask(server_vlm(server.base_url), OPENING)[0].text == "fine"


# Endpoints that want to be asked differently


def test_parameters_a_model_rejects_are_left_out_from_then_on() -> None:
    with ChatServer(
        status(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.", param="max_tokens"),
        status(400, "Unsupported value: 'temperature' does not support 0 with this model.", param="temperature"),
        status(400, "System role not supported"),
    ) as server:
        vlm = server_vlm(server.base_url, retries=0)
        assert [reply.problem for request in (OPENING, CHANGE) for reply in ask(vlm, request)] == ["", ""]
    assert len(server.received) == 5
    for got in server.received[3:]:
        assert "max_tokens" not in got.body
        assert "temperature" not in got.body
        assert got.body["max_completion_tokens"] > 0
        assert [message["role"] for message in got.body["messages"]] == ["user"]
        assert got.text.startswith(PROMPTS.system)


@pytest.mark.parametrize("code", [400, 422, 500])
@pytest.mark.parametrize("said", ["System role not supported", "Conversation roles must alternate user/assistant/..."])
def test_a_chat_template_without_system_role_gets_the_system_text_with_the_words(code: int, said: str) -> None:
    with ChatServer(status(code, said)) as server:
        assert ask(server_vlm(server.base_url, retries=0), OPENING)[0].problem == ""
    assert server.received[1].text.startswith(PROMPTS.system)


def test_an_error_that_only_mentions_a_parameter_is_no_reason_to_drop_it() -> None:
    too_long = "'max_tokens' or 'max_completion_tokens' is too large: the maximum context length is 4096 tokens"
    with ChatServer(default=status(400, too_long)) as server, pytest.raises(VLMError, match="fewer fold_steps"):
        ask(server_vlm(server.base_url), OPENING)
    assert len(server.received) == 1


def test_many_requests_may_learn_the_same_lesson_at_once() -> None:
    complain = status(400, "Unsupported parameter: 'max_tokens'; use 'max_completion_tokens'", param="max_tokens")

    def strict(exchange: Any) -> None:
        (complain if "max_tokens" in exchange.received.body else answer())(exchange)

    requests = [Request("recaption", user_text=f"cat {number}") for number in range(8)]
    with ChatServer(default=strict) as server:
        assert {reply.problem for reply in ask(server_vlm(server.base_url), *requests)} == {""}
    assert len(server.received) <= 16


def test_a_parameter_complaint_that_does_not_go_away_is_an_error() -> None:
    complain = status(400, "unknown parameter: max_tokens, max_completion_tokens, temperature, system role")
    with ChatServer(default=complain) as server, pytest.raises(VLMError, match="unknown parameter"):
        ask(server_vlm(server.base_url), OPENING)
    assert len(server.received) == 4


# Tokens and money


def test_tokens_are_counted_for_every_answer_that_was_paid_for() -> None:
    other = f"sg4v-{CHANGE.key()}-0"
    with ChatServer(wrong_id(other), answer(), answer(usage=False)) as server:
        vlm = server_vlm(server.base_url)
        first, second = ask(vlm, OPENING)[0], ask(vlm, CHANGE)[0]
    assert (first.input_tokens, first.output_tokens) == (200, 14)
    assert (second.input_tokens, second.output_tokens) == (0, 0)
    assert (vlm.usage.answers, vlm.usage.input_tokens, vlm.usage.output_tokens) == (3, 200, 14)


def test_costs_are_told_when_prices_are_given() -> None:
    assert server_vlm("http://x/v1").cost_usd(10, 10) is None
    priced = server_vlm("http://x/v1", price_per_million_input=2.5, price_per_million_output=10.0)
    assert priced.cost_usd(1_000_000, 100_000) == pytest.approx(3.5)


def test_tokens_are_estimated_from_words_and_patches() -> None:
    vlm = server_vlm("http://x/v1")
    prompt = render(OPENING, PROMPTS)
    words = -(-len((prompt.system + prompt.text).encode()) // 4)
    assert vlm.estimate_tokens(OPENING) == words + 3 * 2  # 64 x 48 pixels: three by two patches of 28


# Living in somebody's program


def test_one_object_serves_several_event_loops_one_after_the_other() -> None:
    with ChatServer() as server:
        vlm = server_vlm(server.base_url)
        for _ in range(3):
            assert asyncio.run(vlm.generate(OPENING)).problem == ""


def test_cancelling_frees_the_connection_and_leaves_the_rest_alone() -> None:
    with ChatServer(stall(), answer("still here")) as server:
        vlm = server_vlm(server.base_url)

        async def cancel_one() -> Reply:
            stuck = asyncio.create_task(vlm.generate(OPENING))
            while not server.received:
                await asyncio.sleep(0.01)
            stuck.cancel()
            with pytest.raises(asyncio.CancelledError):
                await stuck
            reply = await vlm.generate(CHANGE)
            assert asyncio.all_tasks() == {asyncio.current_task()}
            await vlm.close()
            return reply

        assert asyncio.run(cancel_one()).text == "still here"


def test_cancelling_while_it_waits_to_try_again_ends_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    sleep = asyncio.sleep

    async def cancel_it() -> None:
        waits = asyncio.Event()

        async def for_ever(_: float) -> None:
            waits.set()
            await sleep(3600)

        monkeypatch.setattr("sharegpt4video.vlm.pace.asyncio.sleep", for_ever)
        vlm = server_vlm(server.base_url)
        asking = asyncio.create_task(vlm.generate(OPENING))
        await waits.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await vlm.close()

    with ChatServer(default=status(503, retry_after="30")) as server:
        asyncio.run(cancel_it())
    assert len(server.received) == 1


def test_a_completion_of_the_test_server_is_what_the_client_expects() -> None:
    """The local server speaks the API as the client library understands it."""
    from openai.types.chat import ChatCompletion

    got = Received(1, "/v1/chat/completions", {}, {"model": "m"}, 0)
    assert ChatCompletion.model_validate(completion(got, "text")).choices[0].message.content == "text"
