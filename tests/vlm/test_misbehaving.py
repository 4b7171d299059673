"""Whatever a server sends, over a real connection and changed at random: it is used, asked for again, or told."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from made_requests import OPENING, server_vlm
from misbehaving import CASES, DENIED, FINAL
from raw_server import GOOD, GOOD_TEXT, RawServer, chat, http
from sharegpt4video.errors import ModelDenied, VLMError
from sharegpt4video.vlm.chat import Answer, joined, read_answer, read_event
from sharegpt4video.vlm.events import Event
from sharegpt4video.vlm.faults import Fault, error_in_answer, retry_after_seconds
from sharegpt4video.vlm.server import ServerVLM
from sharegpt4video.vlm.wire import _Unzip

Outcome = tuple[str, int]


async def outcome(vlm: ServerVLM, server: RawServer, answer: bytes, *, stream: bool = False) -> Outcome:
    """What comes of an answer that is followed by good ones, and how many were asked for."""
    server.answers.clear()
    server.answers.append(answer)
    before = server.asked
    try:
        if stream:
            text = "".join([piece async for piece in vlm.stream(OPENING)])
            tokens = 0
        else:
            reply = await vlm.generate(OPENING)
            text, tokens = reply.problem or reply.text, reply.input_tokens
            reply.detail.encode()
    except ModelDenied:
        text, tokens = "denied", 0
    except VLMError as error:
        text, tokens = "final", 0
        str(error).encode()  # raises for what no file can hold
    text.encode()
    assert 0 <= tokens <= 10**6
    return text, server.asked - before


async def outcomes(*, stream: bool) -> dict[str, Outcome]:
    """All of them with one client; those that stop a run need one of their own, to which nothing was answered."""
    quick = {"retries": 1, "backoff_seconds": 0.0005, "timeout_seconds": 300.0}
    found = {}
    with RawServer() as server:
        shared = server_vlm(server.base_url, **quick)
        for name, (answer, wanted) in CASES.items():
            vlm = server_vlm(server.base_url, **quick) if wanted == DENIED else shared
            found[name] = await outcome(vlm, server, answer, stream=stream)
            if vlm is not shared:
                await vlm.close()
        await shared.close()
    return found


@pytest.fixture(scope="module")
def whole() -> dict[str, Outcome]:
    return asyncio.run(outcomes(stream=False))


@pytest.fixture(scope="module")
def in_pieces() -> dict[str, Outcome]:
    return asyncio.run(outcomes(stream=True))


@pytest.mark.parametrize("name", CASES)
def test_an_odd_answer_is_used_asked_for_again_or_told(name: str, whole: dict[str, Outcome]) -> None:
    wanted = CASES[name][1]
    if wanted == "again":
        assert whole[name] == (GOOD_TEXT, 2)
    else:
        assert whole[name][0] == wanted


@pytest.mark.parametrize("name", CASES)
def test_where_pieces_were_asked_for_nothing_else_comes_out(name: str, in_pieces: dict[str, Outcome]) -> None:
    wanted = CASES[name][1]
    told = {"again": {GOOD_TEXT}, "refused": {"final"}}.get(wanted, {wanted})
    assert in_pieces[name][0] in told


def test_a_bomb_costs_no_more_than_the_bound() -> None:
    sizes: list[int] = []
    with pytest.raises(Fault, match="larger than 1,048,576 bytes"):
        sizes.extend(map(len, _Unzip(1 << 20).pieces(gzip.compress(b"0" * (8 << 20), 9))))
    assert max(sizes) <= 1 << 16
    assert sum(sizes) <= 1 << 20


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 200_000])
def test_what_is_packed_is_unpacked_whole(size: int) -> None:
    data = bytes(size % 251 for size in range(size))
    for packed in (gzip.compress(data), gzip.compress(data[: size // 2]) + gzip.compress(data[size // 2 :])):
        unzip = _Unzip(1 << 20)
        pieces = [
            piece for start in range(0, len(packed), 1000) for piece in unzip.pieces(packed[start : start + 1000])
        ]
        unzip.end()
        assert b"".join(pieces) == data


def test_the_bound_can_be_set() -> None:
    async def ask(max_answer_bytes: int) -> Outcome:
        with RawServer([http(chat("A leaf. " + "x" * 500))]) as server:
            vlm = server_vlm(server.base_url, retries=1, max_answer_bytes=max_answer_bytes)
            try:
                return await outcome(vlm, server, http(chat("A " + "long " * 90 + "leaf.")))
            finally:
                await vlm.close()

    assert asyncio.run(ask(400)) == (GOOD_TEXT, 2)
    assert asyncio.run(ask(4000))[1] == 1


# Changed at random

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.floats()
    | st.text(st.characters(), max_size=8)
    | st.sampled_from(["0", "\ud800", "error", "content_filter", "401"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "choices", "message", "content", "index", "text", "code", "x"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)
PLACES = [
    ("id",),
    ("error",),
    ("choices",),
    ("choices", 0),
    ("choices", 0, "index"),
    ("choices", 0, "message"),
    ("choices", 0, "message", "content"),
    ("choices", 0, "message", "refusal"),
    ("choices", 0, "finish_reason"),
    ("usage",),
    ("usage", "prompt_tokens"),
    ("usage", "completion_tokens"),
]


def with_value(place: tuple[Any, ...], value: object) -> bytes:
    body: Any = chat()
    holder = body
    for step in place[:-1]:
        holder = holder[step]
    holder[place[-1]] = value
    return json.dumps(body).encode("utf-8", "surrogatepass")


def check(body: bytes) -> None:
    """An answer with well-formed text, or a Fault."""
    for read in (lambda: read_answer(body, {}), lambda: read_event(Event("", body.decode("utf-8", "replace")), {})):
        try:
            answer = read()
        except Fault as fault:
            str(fault).encode()
            continue
        assert isinstance(answer, Answer | None)
        if answer is not None:
            joined(answer.text).encode()
            assert 0 <= answer.input_tokens <= 10**9
            assert 0 <= answer.output_tokens <= 10**9
            assert all(isinstance(mark, str) for mark in answer.marks)
            assert answer.finish_reason is None or isinstance(answer.finish_reason, str)


@settings(max_examples=120, deadline=None)
@given(place=st.sampled_from(PLACES), value=JSON)
def test_any_value_in_any_place_is_read_or_told(place: tuple[Any, ...], value: object) -> None:
    check(with_value(place, value))


@settings(max_examples=100, deadline=None)
@given(start=st.integers(0, 200), length=st.integers(0, 40), bytes_between=st.binary(max_size=20))
def test_any_change_of_bytes_is_read_or_told(start: int, length: int, bytes_between: bytes) -> None:
    body = json.dumps(chat()).encode()
    check(body[:start] + bytes_between + body[start + length :])


@settings(max_examples=100, deadline=None)
@given(told=JSON)
def test_any_error_is_told(told: object) -> None:
    fault = error_in_answer(told)
    assert fault.kind in ("passing", "busy", DENIED, FINAL, "refused")
    str(fault).encode()
    assert len(str(fault)) < 1000


@settings(max_examples=60, deadline=None)
@given(value=st.text(max_size=40) | st.from_regex(r"[A-Z][a-z]{2}, \d{1,2} (Jan|Feb) \d{1,12} \d\d:\d\d:\d\d( GMT)?"))
def test_any_wait_is_a_number_of_seconds_or_none(value: str) -> None:
    for name in ("retry-after", "retry-after-ms"):
        seconds = retry_after_seconds({name: value})
        assert seconds is None or 0 <= seconds < float("inf")


@pytest.fixture(scope="module")
def connected() -> Any:
    """A client that stays, as made for every example it would cost most of the time."""
    loop = asyncio.new_event_loop()
    with RawServer() as server:
        vlm = server_vlm(server.base_url, retries=1, backoff_seconds=0.0005)
        loop.run_until_complete(vlm.generate(OPENING))
        yield lambda answer: loop.run_until_complete(outcome(vlm, server, answer))
        loop.run_until_complete(vlm.close())
    loop.close()


@settings(max_examples=40, deadline=None)
@given(start=st.integers(0, len(GOOD)), length=st.integers(0, 30), between=st.binary(max_size=12))
def test_any_change_on_the_wire_is_read_or_told(connected: Any, start: int, length: int, between: bytes) -> None:
    text, asked = connected(GOOD[:start] + between + GOOD[start + length :])
    assert text
    assert asked in (1, 2)
