"""Places for calls to a server: none is lost, whoever leaves and whichever loop asks."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections import Counter

from chat_server import ChatServer, Exchange, answer, status
from made_requests import server_vlm
from sharegpt4video.vlm.base import Request
from sharegpt4video.vlm.concurrency import START
from sharegpt4video.vlm.faults import Fault
from sharegpt4video.vlm.throttle import Throttle


def test_a_place_is_never_lost_whoever_leaves_the_line() -> None:
    async def run() -> None:
        throttle = Throttle(1)
        call = await throttle.take()
        waiting = [asyncio.create_task(throttle.take()) for _ in range(4)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        throttle.give_back(call, "answered")
        waiting[1].cancel()  # in the moment in which it gets the place
        await asyncio.wait(waiting[:3], timeout=120)
        throttle.give_back(waiting[2].result(), "answered")
        throttle.give_back(await asyncio.wait_for(waiting[3], 120), "answered")
        throttle.give_back(await asyncio.wait_for(throttle.take(), 120), "answered")

    asyncio.run(run())


def test_long_chains_come_first_and_before_them_who_was_turned_away() -> None:
    async def run() -> list[int]:
        throttle, served = Throttle(1), []

        async def one(number: int, remaining: int, *, again: bool = False) -> None:
            call = await throttle.take(remaining, again=again)
            served.append(number)
            throttle.give_back(call, "answered")

        call = await throttle.take()
        jobs = [one(0, 0), one(1, 9), one(2, 3), one(3, 0, again=True)]
        tasks = [asyncio.create_task(job) for job in jobs]
        await asyncio.sleep(0)
        throttle.give_back(call, "answered")
        await asyncio.wait(tasks, timeout=120)
        return served

    assert asyncio.run(run()) == [3, 1, 2, 0]


def test_loops_side_by_side_keep_to_one_bound_and_one_closed_with_calls_waiting_takes_no_place() -> None:
    throttle = Throttle(3)
    here, most, lock = 0, 0, threading.Lock()

    async def work() -> None:
        async def one() -> None:
            nonlocal here, most
            call = await throttle.take()
            with lock:
                here += 1
                most = max(most, here)
            await asyncio.sleep(0.001)
            with lock:
                here -= 1
            throttle.give_back(call, "answered")

        await asyncio.wait_for(asyncio.gather(*(one() for _ in range(60))), 120)

    async def hold() -> list[object]:
        return [await throttle.take() for _ in range(3)]

    abandoned = asyncio.new_event_loop()
    held = abandoned.run_until_complete(hold())
    waiting = [abandoned.create_task(throttle.take()) for _ in range(2)]
    abandoned.run_until_complete(asyncio.sleep(0))
    abandoned.close()
    for call in held:
        throttle.give_back(call, "left")  # type: ignore[arg-type]
    threads = [threading.Thread(target=asyncio.run, args=(work(),)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(240)
    assert most == 3
    assert throttle.answers == 180
    del waiting


def test_a_place_granted_to_a_loop_that_is_closed_in_that_moment_is_not_lost() -> None:
    throttle = Throttle(1)
    abandoned = asyncio.new_event_loop()
    call = abandoned.run_until_complete(throttle.take())
    waiting = abandoned.create_task(throttle.take())
    abandoned.run_until_complete(asyncio.sleep(0))
    abandoned.call_soon(throttle.give_back, call, "answered")
    abandoned.call_soon(abandoned.stop)
    abandoned.run_forever()
    abandoned.close()
    assert not waiting.done()
    del waiting, call
    gc.collect()
    asyncio.run(asyncio.wait_for(throttle.take(), 120))


def test_a_server_that_denies_all_tells_those_who_still_can_be_told() -> None:
    throttle = Throttle(1)

    async def ask() -> Fault:
        waiting = asyncio.create_task(throttle.take())
        await asyncio.sleep(0)
        throttle.deny(Fault("no such key", "denied"))
        await asyncio.wait([waiting], timeout=120)
        fault = waiting.exception()
        assert isinstance(fault, Fault)
        return fault

    abandoned = asyncio.new_event_loop()
    waiting = [abandoned.create_task(throttle.take()) for _ in range(3)]
    abandoned.run_until_complete(asyncio.sleep(0))
    abandoned.close()
    assert asyncio.run(ask()).kind == "denied"
    del waiting


def test_a_server_with_room_for_eight_asked_by_the_default_loses_nothing() -> None:
    most = Counter[str]()

    def room_for_eight(exchange: Exchange) -> None:
        if server.in_flight > 8:
            most["turned away"] += 1
            return status(429, "no room")(exchange)
        return answer("A leaf.", delay_seconds=0.02)(exchange)

    async def ask() -> Counter[str]:
        vlm = server_vlm(server.base_url, retries=4)
        assert vlm.requests_at_once is None
        requests = [Request("recaption", user_text=f"leaf {number}") for number in range(88)]
        replies = await asyncio.gather(*map(vlm.generate, requests))
        await vlm.close()
        # Fewer than it began with. Not eight to the digit: answers on their way back are in flight here, not there.
        assert 4 <= (vlm.requests_at_once or 0) < START
        return Counter(reply.problem for reply in replies)

    with ChatServer(default=room_for_eight) as server:
        assert asyncio.run(ask()) == {"": 88}
    assert 0 < most["turned away"] < 44
