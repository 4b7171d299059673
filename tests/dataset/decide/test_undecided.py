"""Waiting for a decision: nobody waits without a reason, and the order in which surveys end does not show."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from made_surveys import WANTED, WORDS, WordPool, id_of, made_survey
from sharegpt4video.background import gone
from sharegpt4video.dataset.decide.columns import Candidates
from sharegpt4video.dataset.decide.decider import Decider
from sharegpt4video.dataset.decide.decisions import Decision
from sharegpt4video.dataset.decide.undecided import Undecided
from sharegpt4video.dataset.rows import Survey
from sharegpt4video.dataset.settings import FilterSettings
from sharegpt4video.dataset.similar.near import NearDuplicates

NEAR = FilterSettings(drop_near_duplicates=True)
ALONE = FilterSettings(duplicate_packets=False)
WITH_TEXTS = FilterSettings(min_novelty=0.4)


def decider_of(filters: FilterSettings) -> Decider:
    return Decider(filters, WordPool(0.4), NearDuplicates(6, filters.near_duplicate_similarity))


def with_undecided(decider: Decider, work: Callable[[Undecided], Awaitable[Any]]) -> Any:
    async def main() -> Any:
        undecided = Undecided(decider)
        deciding = asyncio.create_task(undecided.run())
        try:
            return await work(undecided)
        finally:
            await gone(deciding)

    return asyncio.run(asyncio.wait_for(main(), 20))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([*WANTED, ALONE]), st.integers(1, 30))
def test_the_order_in_which_surveys_end_does_not_show(seed: int, filters: FilterSettings, count: int) -> None:
    random = np.random.default_rng(seed)
    surveys = [made_survey(index, random) for index in range(count)]
    texts = [None if random.random() < 0.4 else " ".join(random.choice(WORDS, 4)) for _ in surveys]
    fails = random.random(count) < 0.1
    delays = random.integers(0, 12, (count, 2))

    async def video(undecided: Undecided, number: int) -> Decision | None:
        for _ in range(delays[number, 0]):
            await asyncio.sleep(0)
        undecided.identified(surveys[number].id, surveys[number].packet_hash)
        for _ in range(delays[number, 1]):
            await asyncio.sleep(0)
        if fails[number]:
            undecided.withdraw(surveys[number].id)
            return None
        return await undecided.decision(surveys[number], texts[number])

    async def all_videos(undecided: Undecided) -> list[Decision | None]:
        for survey in surveys:
            undecided.enter(survey.id)
        return await asyncio.gather(*(video(undecided, number) for number in range(count)))

    left = [number for number in range(count) if not fails[number]]
    block = Candidates.of([surveys[number] for number in left], [texts[number] for number in left])
    expected = dict(zip(left, decider_of(filters).decide(block), strict=True))
    found = with_undecided(decider_of(filters), all_videos)
    assert found == [expected.get(number) for number in range(count)]


def survey_of(number: int, packet: str = "") -> Survey:
    """A video that no threshold drops; each looks like every other."""
    return Survey(id_of(number), packet_hash=packet and packet * 32, hashes=("0123456789abcdef",))


async def decided(task: asyncio.Task[Decision]) -> bool:
    """Whether it is decided without anything else happening."""
    for _ in range(20):
        await asyncio.sleep(0)
    return task.done()


@pytest.mark.parametrize(
    ("filters", "waits"), [(ALONE, (False, False)), (FilterSettings(), (True, False)), (NEAR, (True, True))]
)
def test_a_video_waits_for_one_before_it_only_where_that_may_decide_about_it(
    filters: FilterSettings, waits: tuple[bool, bool]
) -> None:
    async def work(undecided: Undecided) -> None:
        for number in range(4):
            undecided.enter(id_of(number))
        one = asyncio.create_task(undecided.decision(survey_of(1, "b")))
        nameless = asyncio.create_task(undecided.decision(survey_of(2)))
        assert await decided(one) != waits[0]
        assert await decided(nameless) != waits[1]  # without a hash it is nobody's copy
        undecided.identified(id_of(0), "a" * 32)
        assert await decided(one) != waits[1]
        black = replace(survey_of(3, "a"), black_share=1.0)
        assert await decided(asyncio.create_task(undecided.decision(black)))  # whatever the others are
        undecided.withdraw(id_of(0))
        assert await decided(one)

    with_undecided(decider_of(filters), work)


@pytest.mark.parametrize("fails", [False, True])
def test_a_copy_waits_for_its_first(fails: bool) -> None:
    async def work(undecided: Undecided) -> str:
        undecided.enter(id_of(0))
        undecided.enter(id_of(1))
        undecided.identified(id_of(0), "a" * 32)
        copy = asyncio.create_task(undecided.decision(survey_of(1, "a")))
        assert not await decided(copy)
        if fails:
            undecided.withdraw(id_of(0))
        else:
            assert (await undecided.decision(survey_of(0, "a"))).kept
        return (await copy).gate

    assert with_undecided(decider_of(FilterSettings()), work) == ("" if fails else "duplicate_packets")


def test_what_is_ready_at_once_is_decided_in_one_block() -> None:
    decider, sizes = decider_of(NEAR), list[int]()
    decide = decider.decide
    decider.decide = lambda block: (sizes.append(len(block)), decide(block))[1]  # type: ignore[method-assign]

    async def work(undecided: Undecided) -> list[bool]:
        for number in range(50):
            undecided.enter(id_of(number))
        later = [asyncio.create_task(undecided.decision(survey_of(number))) for number in range(1, 50)]
        assert not await decided(later[0])
        first = await undecided.decision(survey_of(0))
        return [decision.kept for decision in [first, *await asyncio.gather(*later)]]

    assert with_undecided(decider, work) == [True] + [False] * 49
    assert sizes == [50]


class Panic(BaseException):
    """What a tokenizer in Rust raises; no Exception."""


@pytest.mark.parametrize("method", ["decide", "passes_alone"])
@pytest.mark.parametrize("kind", [OSError, Panic])
def test_an_error_of_the_decider_is_raised_where_the_decision_is_awaited(
    kind: type[BaseException], method: str
) -> None:
    decider = decider_of(FilterSettings())

    def broken(_: object) -> Any:
        raise kind("the encoder is gone")

    setattr(decider, method, broken)

    async def work(undecided: Undecided) -> None:
        for number in range(2):
            undecided.enter(id_of(number))
            undecided.identified(id_of(number), "a" * 32)
        copy = asyncio.create_task(undecided.decision(survey_of(1, "a")))
        if method == "decide":
            assert not await decided(copy)
            with pytest.raises(kind, match="the encoder is gone"):
                await undecided.decision(survey_of(0, "a"))
        with pytest.raises(kind, match="the encoder is gone"):
            await asyncio.wait_for(copy, 5)

    with_undecided(decider, work)


def test_who_stops_deciding_waits_until_the_decider_is_left_alone() -> None:
    decider, started, go_on, left = decider_of(WITH_TEXTS), threading.Event(), threading.Event(), list[bool]()
    decide = decider.decide

    def slow(block: Candidates) -> Any:
        started.set()
        go_on.wait(20)
        left.append(True)
        return decide(block)

    decider.decide = slow  # type: ignore[method-assign]

    async def main() -> None:
        undecided = Undecided(decider)
        deciding = asyncio.create_task(undecided.run())
        undecided.enter(id_of(0))
        waiting = asyncio.create_task(undecided.decision(survey_of(0), "a boat"))
        await asyncio.to_thread(started.wait, 20)
        asyncio.get_running_loop().call_later(0.05, go_on.set)
        await gone(deciding)
        assert left
        await gone(waiting)

    asyncio.run(asyncio.wait_for(main(), 20))
