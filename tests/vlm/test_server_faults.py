"""A chat server that fails in every way we know: what heals is asked again, what does not is told, all is bounded."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from chat_server import Behaviour, ChatServer, Exchange, answer, drop, drop_midway, raw, stall, status, trickle
from leaping_clock import LeapingClock
from made_requests import OPENING, ask, server_vlm
from sharegpt4video.errors import VLMError

# Failures that pass: one of each, then a good answer

PASSING: dict[str, Callable[[], Behaviour]] = {
    "408": lambda: status(408),
    "409": lambda: status(409),
    "425": lambda: status(425),
    "429": lambda: status(429, "slow down", error_code="rate_limit_exceeded"),
    "500": lambda: status(500),
    "503 page": lambda: raw(b"<html>loading</html>", 503),
    "stall": stall,
    "trickle": trickle,
    "drop": drop,
    "drop midway": drop_midway,
    "junk": lambda: raw(b'{"choices": [{"mess'),
    "web page": lambda: raw(b"<html>welcome</html>"),
    "nothing": lambda: raw(b""),
    "no choices": lambda: raw({"id": "x", "choices": []}),
    "null choices": lambda: raw({"id": "x", "choices": None}),
    "error with 200": lambda: raw({"error": {"message": "upstream failed", "code": 502}}),
    "no message": lambda: raw({"choices": [{"finish_reason": "stop"}]}),
    "a list": lambda: raw(b"[1, 2]"),
    "not text": lambda: raw(b"\xff\xfe\x00"),
}
SILENT = ("stall", "trickle")
TIMEOUT_SECONDS = 100.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> LeapingClock:
    return LeapingClock(monkeypatch)


def failure(name: str, clock: LeapingClock) -> Behaviour:
    """One of them; to those that only end by running out of time, time is given."""

    def behave(exchange: Exchange) -> None:
        if name in SILENT:
            clock.leap(TIMEOUT_SECONDS + 1)
        PASSING[name]()(exchange)

    return behave


@pytest.mark.parametrize("name", PASSING)
def test_recovers_from_one_failure(name: str, clock: LeapingClock) -> None:
    with ChatServer(failure(name, clock), answer("at last")) as server:
        (reply,) = ask(server_vlm(server.base_url, timeout_seconds=TIMEOUT_SECONDS), OPENING)
    assert (reply.text, reply.problem) == ("at last", "")
    assert len(server.received) == 2


@pytest.mark.parametrize("name", PASSING)
def test_a_failure_that_stays_is_an_unavailable_reply_after_bounded_retries(name: str, clock: LeapingClock) -> None:
    with ChatServer(default=failure(name, clock)) as server:
        (reply,) = ask(server_vlm(server.base_url, timeout_seconds=TIMEOUT_SECONDS), OPENING)
    assert (reply.text, reply.problem, reply.request_key) == ("", "unavailable", OPENING.key())
    assert reply.detail
    assert len(server.received) == 3


def test_the_server_s_own_words_are_in_the_detail() -> None:
    with ChatServer(default=status(503, "model is loading")) as server:
        assert ask(server_vlm(server.base_url), OPENING)[0].detail == "HTTP 503: model is loading"


def test_the_deadline_ends_the_retries_before_their_number_does(clock: LeapingClock) -> None:
    clock.leap_over_waits()
    with ChatServer(default=status(500)) as server:
        vlm = server_vlm(server.base_url, retries=10**6, backoff_seconds=10.0, deadline_seconds=1000.0)
        vlm_waits_at_most = 60 * 1.25
        (reply,) = ask(vlm, OPENING)
    assert reply.problem == "unavailable"
    assert 1000 - vlm_waits_at_most - 60 < sum(clock.waits) < 1000
    assert len(server.received) == len(clock.waits) + 1


def test_a_stalling_server_cannot_hold_a_request_beyond_the_deadline(clock: LeapingClock) -> None:
    with ChatServer(default=failure("stall", clock)) as server:
        (reply,) = ask(server_vlm(server.base_url, timeout_seconds=10_000, deadline_seconds=TIMEOUT_SECONDS), OPENING)
    assert (reply.problem, len(server.received)) == ("unavailable", 1)


# Failures that stay


@pytest.mark.parametrize(
    ("code", "message", "error_code", "advice"),
    [
        (400, "bad pixels", None, "bad pixels"),
        (400, "At most 1 image(s) may be provided in one request.", None, "set max_images"),
        (400, "maximum context length is 4096 tokens", "context_length_exceeded", "fold_steps"),
        (401, "who are you", "invalid_api_key", "set OPENAI_API_KEY"),
        (403, "not yours", None, "may not use this model"),
        (404, "The model `x` does not exist", "model_not_found", r"GET /v1/models"),
        (413, "too large", None, "make the pictures smaller"),
        (422, "field required", None, "does not understand"),
        (429, "You exceeded your current quota", "insufficient_quota", "quota is used up"),
    ],
)
def test_what_will_not_heal_is_reported_at_once(code: int, message: str, error_code: str | None, advice: str) -> None:
    with ChatServer(default=status(code, message, error_code=error_code)) as server, pytest.raises(VLMError) as caught:
        ask(server_vlm(server.base_url), OPENING)
    said = str(caught.value)
    assert len(server.received) == 1
    assert all(part in said for part in (f"HTTP {code}", message, advice, server.base_url, "some/model:7b"))


def test_nobody_there_is_an_error_that_says_so() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        address = f"http://127.0.0.1:{nobody.getsockname()[1]}/v1"
        with pytest.raises(VLMError, match=rf"nobody answers at {address} \(Cannot connect.*is the server running"):
            ask(server_vlm(address), OPENING)


def test_a_server_that_went_away_during_the_retries_was_there() -> None:
    def fail_for_the_last_time(exchange: Exchange) -> None:
        server.stop_listening()
        exchange.handler.close_connection = True
        status(500)(exchange)

    with ChatServer(fail_for_the_last_time) as server:
        (reply,) = ask(server_vlm(server.base_url, retries=1), OPENING)
    assert (reply.problem, len(server.received)) == ("unavailable", 1)


# Waiting as long as the server asks for


def test_retry_after_in_seconds_is_respected(clock: LeapingClock) -> None:
    clock.leap_over_waits()
    with ChatServer(status(429, retry_after="40.5"), answer()) as server:
        (reply,) = ask(server_vlm(server.base_url), OPENING)
    assert reply.problem == ""
    (wait,) = clock.waits
    assert 40.5 <= wait <= 40.5 * 1.25


def test_a_wait_beyond_the_deadline_is_not_begun(clock: LeapingClock) -> None:
    clock.leap_over_waits()
    with ChatServer(status(503, retry_after="55"), answer()) as server:
        (reply,) = ask(server_vlm(server.base_url, deadline_seconds=54), OPENING)
    assert (reply.problem, len(server.received), clock.waits) == ("unavailable", 1, [])
