"""The engine: the same results as one request after the other, never too many at once, and nobody forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from random import Random
from threading import current_thread, main_thread
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chains import drive, image, reply_to
from sharegpt4video.captioner.engine import Engine
from sharegpt4video.captioner.recaption import recaption
from sharegpt4video.errors import ModelDenied, VLMError
from sharegpt4video.vlm.base import VLM, Reply, Request
from sharegpt4video.vlm.fake import FakeVLM, fail_after

SETTLED_AFTER = 8  # turns of the event loop in which everybody who can ask has asked


def fixed(request: Request) -> Reply:
    """An answer that depends on everything a role put into the request."""
    return reply_to(request, f"<{request.user_text}|{request.before[-20:]}>", input_tokens=7, output_tokens=3)


class ByHand(VLM):
    """Answers as a function says, each request only when it is its turn in a random order."""

    name = "by hand"

    def __init__(self, slots: int, answer: Callable[[Request], Reply] = fixed, random: Random | None = None) -> None:
        self.max_concurrent = slots
        self.most = 0
        self.asked: list[Request] = []
        self._answer = answer
        self._random = random or Random(0)
        self._serving: list[asyncio.Event] = []

    async def generate(self, request: Request) -> Reply:
        self.asked.append(request)
        turn = asyncio.Event()
        self._serving.append(turn)
        self.most = max(self.most, len(self._serving))
        if len(self._serving) == 1:
            asyncio.get_running_loop().call_soon(self._next, SETTLED_AFTER)
        try:
            await turn.wait()
            return self._answer(request)
        finally:
            if turn in self._serving:
                self._serving.remove(turn)

    def _next(self, waits: int) -> None:
        if self._serving and not waits:
            self._serving.pop(self._random.randrange(len(self._serving))).set()
        if self._serving:
            asyncio.get_running_loop().call_soon(self._next, waits - 1 if waits else SETTLED_AFTER)


@dataclass(frozen=True)
class Shape:
    """A role: so many requests in a chain; numbers over 1 are asked in parallel."""

    widths: tuple[int, ...]


def role(name: str, shape: Shape) -> Generator[Any, Any, tuple[str, ...]]:
    texts: list[str] = []
    for number, width in enumerate(shape.widths):
        remaining = len(shape.widths) - 1 - number
        requests = tuple(
            Request("recaption", user_text=f"{name}.{number}.{lane}", before="".join(texts[-1:]), remaining=remaining)
            for lane in range(width)
        )
        if width == 1:
            texts.append((yield requests[0]).text)
        else:
            texts += [reply.text for reply in (yield requests)]
    return tuple(texts)


shapes = st.lists(st.integers(1, 4), max_size=8).map(lambda widths: Shape(tuple(widths)))


@settings(deadline=None, max_examples=60)
@given(st.lists(shapes, max_size=12), st.integers(1, 5), st.integers(0, 10**9).map(Random))
def test_the_result_is_that_of_one_request_after_the_other(many: list[Shape], slots: int, random: Random) -> None:
    vlm = ByHand(slots, random=random)

    async def main() -> tuple[Engine, list[tuple[str, ...]]]:
        engine = Engine(vlm)
        return engine, await asyncio.gather(*(engine.run(role(str(n), shape)) for n, shape in enumerate(many)))

    engine, results = asyncio.run(asyncio.wait_for(main(), 240))
    assert results == [drive(role(str(n), shape), fixed)[0] for n, shape in enumerate(many)]
    requests = sum(sum(shape.widths) for shape in many)
    assert vlm.most <= slots
    assert vlm.most >= min(slots, sum(shape.widths[0] for shape in many if shape.widths))
    assert (engine.requests, engine.input_tokens, engine.output_tokens) == (requests, 7 * requests, 3 * requests)
    assert (engine.asked_again.total(), sum(engine.problems.values())) == (0, 0)


def test_a_thousand_roles_share_one_engine() -> None:
    async def main() -> list[tuple[str, ...]]:
        engine = Engine(ByHand(16))
        return await asyncio.gather(*(engine.run(role(str(n), Shape((1, 1)))) for n in range(1000)))

    results = asyncio.run(asyncio.wait_for(main(), 240))
    assert len(set(results)) == 1000


def test_the_longest_chain_goes_first_then_the_one_that_came_first() -> None:
    vlm = ByHand(1)
    widths = {"a": 1, "b": 3, "c": 1, "d": 3, "e": 2}

    async def main() -> None:
        engine = Engine(vlm)
        await asyncio.gather(*(engine.run(role(name, Shape((1,) * n))) for name, n in widths.items()))

    asyncio.run(asyncio.wait_for(main(), 240))
    # "a" finds a free slot. A slot that gets free goes to a request that waits already: while "b" hears its first
    # reply, "d" is served, and with one request behind each of "e", "b" and "d", "e" has come first.
    assert "".join(request.user_text[0] for request in vlm.asked) == "abdebdcebd"


def test_a_short_chain_is_not_starved_by_a_stream_of_long_ones() -> None:
    tasks: list[asyncio.Future[Any]] = []

    def one(name: str, remaining: int) -> Generator[Request, Reply, str]:
        return (yield Request("recaption", user_text=name, remaining=remaining)).text

    def answer(request: Request) -> Reply:  # there is always a newcomer with a longer chain
        if not any(each.user_text == "short" for each in vlm.asked) and len(vlm.asked) < 400:
            tasks.append(asyncio.ensure_future(engine.run(one("long", 10))))
        return fixed(request)

    async def main() -> int:
        tasks.extend(asyncio.ensure_future(engine.run(one(name, 10 * (name == "long")))) for name in ("long", "short"))
        tasks.append(asyncio.ensure_future(engine.run(one("long", 10))))
        for task in tasks:  # it grows meanwhile
            await task
        return [request.user_text for request in vlm.asked].index("short")

    vlm = ByHand(1, answer)
    engine = Engine(vlm)
    assert 100 <= asyncio.run(asyncio.wait_for(main(), 60)) <= 200


def problems(*reasons: str) -> Callable[[Request], Reply]:
    """Answers whose problems come in this order; usable ones after that."""
    left = list(reasons)
    return lambda request: replace(fixed(request), problem=left.pop(0) if left else "")  # type: ignore[arg-type]


def run_one(vlm: VLM, **options: Any) -> tuple[Engine, Reply]:
    def one() -> Generator[Request, Reply, Reply]:
        return (yield Request("recaption", user_text="x"))

    async def main() -> tuple[Engine, Reply]:
        engine = Engine(vlm, **options)
        return engine, await engine.run(one())

    return asyncio.run(asyncio.wait_for(main(), 240))


@pytest.mark.parametrize("problem", ["empty", "cut off", "refused", "repeating"])
def test_an_unusable_reply_is_asked_for_once_more_with_a_reminder(problem: str) -> None:
    vlm = ByHand(1, problems(problem))
    engine, reply = run_one(vlm)
    assert [request.reminder for request in vlm.asked] == ["", problem]
    assert (reply.problem, engine.requests, engine.asked_again.total()) == ("", 2, 1)
    assert engine.problems == {}


def test_a_reply_that_stays_unusable_is_handed_on_marked() -> None:
    vlm = ByHand(1, problems("empty", "refused"))
    engine, reply = run_one(vlm)
    assert (reply.problem, len(vlm.asked), engine.problems) == ("refused", 2, {"refused": 1})


def test_unavailable_is_not_asked_again() -> None:
    vlm = ByHand(1, problems("unavailable"))
    engine, reply = run_one(vlm)
    assert (reply.problem, len(vlm.asked), engine.asked_again.total()) == ("unavailable", 1, 0)


def test_a_reply_to_another_request_is_mixed_up() -> None:
    def mixed(request: Request) -> Reply:
        return replace(fixed(request), request_key="0000") if not request.reminder else fixed(request)

    vlm = ByHand(1, mixed)
    _, reply = run_one(vlm)
    assert ([request.reminder for request in vlm.asked], reply.problem) == (["", "mixed up"], "")
    engine, reply = run_one(ByHand(1, lambda request: replace(fixed(request), request_key="0000")))
    assert reply.problem == "mixed up"
    assert "'0000'" in reply.detail
    assert engine.problems == {"mixed up": 1}


def test_every_reply_to_a_role_is_told_to_whoever_runs_it() -> None:
    heard: list[str] = []

    async def main() -> None:
        engine = Engine(ByHand(2))
        watched = engine.run(role("a", Shape((1, 2))), on_reply=lambda reply: heard.append(reply.text))
        await asyncio.gather(watched, engine.run(role("b", Shape((1,)))))

    asyncio.run(asyncio.wait_for(main(), 240))
    assert len(heard) == 3
    assert all(text.startswith("<a.") for text in heard)


def test_pictures_are_prepared_off_the_loop_and_the_prepared_request_is_sent() -> None:
    threads = set()

    def prepare(request: Request, max_images: int) -> Request:
        threads.add(current_thread() is main_thread())
        return replace(request, images=request.images[:max_images])

    def two() -> Generator[Request, Reply, str]:
        yield Request("recaption", user_text="no picture")
        return (yield Request("change", images=(image("a"), image("b")), seconds=(0.0, 1.0))).request_key

    vlm = ByHand(1)
    key = asyncio.run(Engine(vlm, prepare=prepare).run(two()))
    assert threads == {False}
    assert [len(request.images) for request in vlm.asked] == [0, 1]
    assert key == vlm.asked[1].key()


@dataclass
class Watched:
    """A role that notes what it was given and that it was closed."""

    given: list[str] = field(default_factory=list)
    closed: bool = False

    def role(self, requests: int, width: int = 1) -> Generator[Any, Any, None]:
        try:
            for number in range(requests):
                asked = tuple(Request("recaption", user_text=f"{number}.{lane}") for lane in range(width))
                reply = yield asked if width > 1 else asked[0]
                self.given.append(reply[0].text if width > 1 else reply.text)
        finally:
            self.closed = True


def failing(at: int) -> Callable[[Request], Reply]:
    count = 0

    def answer(request: Request) -> Reply:
        nonlocal count
        count += 1
        if count == at:
            raise VLMError("the key is wrong")
        return fixed(request)

    return answer


@pytest.mark.parametrize("width", [1, 3])
def test_a_model_that_gives_up_ends_the_role_but_not_what_it_was_given(width: int) -> None:
    watched = Watched()

    async def main() -> int:
        engine = Engine(ByHand(2, failing(2 * width + 1)))
        with pytest.raises(VLMError, match="the key is wrong"):
            await engine.run(watched.role(5, width))
        others = len(asyncio.all_tasks()) - 1
        await engine.run(role("after", Shape((4,))))  # every slot is there again
        return others

    assert asyncio.run(main()) == 0
    assert len(watched.given) == 2
    assert watched.closed


@settings(deadline=None, max_examples=60)
@given(st.lists(shapes, min_size=1, max_size=10), st.integers(1, 4), st.integers(0, 10**9).map(Random))
def test_cancelling_at_any_moment_loses_no_slot(many: list[Shape], slots: int, random: Random) -> None:
    async def main() -> None:
        vlm = ByHand(slots, random=random)
        engine = Engine(vlm)
        tasks = [asyncio.ensure_future(engine.run(role(str(n), shape))) for n, shape in enumerate(many)]
        for task in random.sample(tasks, len(tasks)):
            for _ in range(random.randrange(6)):
                await asyncio.sleep(0)
            if random.random() < 0.7:
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        vlm.most = 0
        await engine.run(role("after", Shape((slots + 3,))))
        assert vlm.most == slots

    asyncio.run(asyncio.wait_for(main(), 240))


def test_there_must_be_a_slot() -> None:
    with pytest.raises(ValueError, match="not 0"):
        Engine(ByHand(1), max_concurrent=0)


def test_max_concurrent_overrides_the_model() -> None:
    vlm = ByHand(8)

    async def main() -> None:
        await Engine(vlm, max_concurrent=2).run(role("a", Shape((6,))))

    asyncio.run(asyncio.wait_for(main(), 240))
    assert vlm.most == 2


def test_when_one_of_several_requests_fails_the_others_are_not_asked_any_more() -> None:
    vlm = ByHand(1, failing(2))

    async def main() -> None:
        with pytest.raises(VLMError):
            await Engine(vlm).run(Watched().role(1, width=6))

    asyncio.run(main())
    # The slot that the failure gave back went to the third before anybody heard of it; the rest stay unasked.
    assert len(vlm.asked) <= 3


def test_after_a_denial_nothing_else_is_asked() -> None:
    async def run() -> list[object]:
        engine = Engine(vlm, max_concurrent=1)
        first = await asyncio.gather(*(engine.run(recaption(f"leaf {n}")) for n in range(20)), return_exceptions=True)
        return [*first, *await asyncio.gather(engine.run(recaption("late")), return_exceptions=True)]

    vlm = FakeVLM(fail=fail_after(0, ModelDenied("no such key")))
    told = asyncio.run(run())
    assert all(isinstance(one, ModelDenied) and str(one) == "no such key" for one in told), told
    assert len(vlm.requests) == 1
