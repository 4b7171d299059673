"""How long to wait before asking a server again, and when not to ask at all."""

from __future__ import annotations

import asyncio

from chat_server import ChatServer, answer, status
from made_requests import server_vlm
from sharegpt4video.errors import ModelDenied
from sharegpt4video.vlm.base import Request
from sharegpt4video.vlm.faults import Fault
from sharegpt4video.vlm.pace import Pace


def test_waits_double_vary_and_stay_under_the_cap() -> None:
    paces = [Pace(6, 1000.0, 1.0, 10.0) for _ in range(50)]
    waits = [[pace.wait_seconds(Fault("x")) for _ in range(7)] for pace in paces]
    for wanted, found in zip((1, 2, 4, 8, 10, 10), zip(*waits, strict=True), strict=False):
        assert all(wait is not None and wanted <= wait <= wanted * 1.25 for wait in found)
        assert len(set(found)) > 1
    assert {wait for *_, wait in waits} == {None}
    assert 10 <= (Pace(1, 1000.0, 1.0, 10.0).wait_seconds(Fault("x", wait_seconds=3600)) or 0) <= 12.5


def test_a_busy_server_is_given_a_minute_and_costs_no_retry_while_it_answers_others() -> None:
    pace = Pace(4, 1000.0, 0.5, 60.0)
    assert 60 <= sum(pace.wait_seconds(Fault("x", "busy")) or 0 for _ in range(4)) <= 75
    assert pace.wait_seconds(Fault("x", "busy")) is None
    pace = Pace(0, 1000.0, 0.5, 60.0)
    waits = [pace.wait_seconds(Fault("x", "busy"), others_answered=True) for _ in range(20)]
    assert all(wait is not None and wait <= 10 for wait in waits)
    assert Pace(0, 10.0, 0.5, 60.0).wait_seconds(Fault("x", "busy", wait_seconds=11), others_answered=True) is None


def test_a_key_that_was_good_is_tried_again_and_one_that_never_was_is_not() -> None:
    async def ask(*texts: str) -> list[str]:
        vlm = server_vlm(server.base_url)
        try:
            return [(await vlm.generate(Request("recaption", user_text=text))).text for text in texts]
        except ModelDenied:
            return ["denied"]
        finally:
            await vlm.close()

    with ChatServer(answer("first"), status(401), status(401), answer("second")) as server:
        assert asyncio.run(ask("a", "b")) == ["first", "second"]
    with ChatServer(status(401)) as server:
        assert asyncio.run(ask("a", "b")) == ["denied"]
    with ChatServer(answer("first"), default=status(401)) as server:
        assert asyncio.run(ask("a", "b")) == ["denied"]
    assert len(server.received) == 4


def test_those_who_wait_for_a_place_are_not_turned_away_one_by_one() -> None:
    async def ask() -> list[object]:
        vlm = server_vlm(server.base_url, max_concurrent=2)
        try:
            requests = [Request("recaption", user_text=f"leaf {number}") for number in range(40)]
            return list(await asyncio.gather(*map(vlm.generate, requests), return_exceptions=True))
        finally:
            await vlm.close()

    with ChatServer(default=status(401, "no such key")) as server:
        told = asyncio.run(ask())
    assert all(isinstance(one, ModelDenied) and "no such key" in str(one) for one in told), told
    assert len(server.received) == 2
