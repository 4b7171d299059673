"""Pools of actors, without a cluster: lost ones cost no video anything, and nobody waits for ever."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from sharegpt4video.dataset.outcomes import GivenUp
from sharegpt4video.dataset.rows import Failure, SourceVideo
from sharegpt4video.errors import MissingExtra, VideoError
from sharegpt4video.reading import Ended, Opened

pytest.importorskip("ray", reason="needs the extra ray")
from ray.exceptions import NodeDiedError, ObjectLostError, OutOfMemoryError, RayActorError, RayError

from sharegpt4video.dataset.places import ray as place
from sharegpt4video.dataset.places.actors import _Reading

SOURCE = SourceVideo("ab" * 16, "/v.mp4")


class Actor:
    """An actor whose calls raise what is wrong with it at the moment."""

    def __init__(self, wrong: Exception | None = None) -> None:
        self.wrong = wrong
        self.ready = self.alive = self

    async def remote(self) -> None:
        if self.wrong:
            raise self.wrong


@pytest.fixture(autouse=True)
def killed(monkeypatch: pytest.MonkeyPatch) -> list[Actor]:
    found: list[Actor] = []
    monkeypatch.setattr(place.ray, "kill", found.append)
    return found


async def started(make: Callable[[], Actor], count: int = 1) -> Any:
    actors = place._Actors("reader", make, calls=1)
    actors.fill(count)
    await asyncio.sleep(0.01)
    return actors


@pytest.mark.parametrize("error", [RayActorError(), OutOfMemoryError("memory is short"), NodeDiedError("gone")])
def test_actors_that_were_lost_while_idle_cost_a_video_no_try(error: Exception, killed: list[Actor]) -> None:
    async def main() -> Any:
        actors = await started(Actor, 6)
        dead, living = actors.there[:5], actors.there[5]
        for actor in dead:
            actor.wrong = error
        uses: list[Any] = []

        async def once() -> str:
            async with actors.one(0) as actor:
                uses.append(actor)
                return "done"

        assert await place._retried(SOURCE, "survey", once) == "done"
        assert uses == [living]
        assert actors.there == [living]
        assert killed == dead
        assert await actors._free.take() is living, "it can be used again"

    asyncio.run(main())


def test_a_video_that_loses_machine_after_machine_is_given_up() -> None:
    tried = []

    async def once() -> str:
        tried.append(1)
        raise OutOfMemoryError("memory is short")

    failure = asyncio.run(place._retried(SOURCE, "caption", once))
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.stage, len(tried)) == ("crashed", "caption", place.TRIES)


@pytest.mark.parametrize(
    ("error", "kind", "told"),
    [
        (RayActorError(error_msg="in its task:\n  ImportError: no av", actor_init_failed=True), GivenUp, "no av"),
        (MissingExtra("asking a server", "server"), MissingExtra, "server"),
        (RayError("unschedulable"), GivenUp, "unschedulable"),
    ],
)
def test_an_actor_that_fails_everywhere_ends_the_wait(error: Exception, kind: type[Exception], told: str) -> None:
    async def main() -> None:
        actors = await started(lambda: Actor(error))
        await asyncio.wait_for(actors.one(0).__aenter__(), 5)

    with pytest.raises(kind, match=told):
        asyncio.run(main())


@pytest.mark.parametrize("error", [RayActorError(error_msg="its machine is gone"), None])
def test_without_an_actor_for_long_the_wait_ends(error: Exception | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "START_SECONDS", 0.05)

    class Never(Actor):
        async def remote(self) -> None:
            await super().remote()
            await asyncio.sleep(60)

    async def main() -> None:
        actors = await started(lambda: Never(error))
        await asyncio.sleep(0.06)
        actors.fill(1)
        await asyncio.wait_for(actors.one(0).__aenter__(), 5)

    with pytest.raises(GivenUp, match="its machine is gone" if error else "no machine of the cluster had room"):
        asyncio.run(main())


class Method:
    """A method of an actor, without Ray."""

    def __init__(self, *answers: Any) -> None:
        self._answers = [*answers]

    async def remote(self, *_: Any) -> Any:
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


OPENED = Opened("v.mp4", 64, 48, 0.0, 1.0)
ENDED = Ended(1.0, ())


@pytest.mark.parametrize(
    ("answers", "lost", "yielded"),
    [
        ([OPENED, ENDED, None], False, [OPENED, ENDED]),
        ([OPENED, None], True, [OPENED]),
        ([OPENED, RayActorError()], True, [OPENED]),
        ([OPENED, ObjectLostError("00" * 28, None, "")], True, [OPENED]),
    ],
)
def test_half_a_video_is_not_taken_for_a_whole_one(answers: list[Any], lost: bool, yielded: list[Any]) -> None:
    reading = _Reading(SimpleNamespace(open=Method(None), next=Method(*answers)), 1)

    async def main() -> list[Any]:
        found = []
        with contextlib.suppress(VideoError):
            async for event in reading.events():
                found.append(event)
        return found

    assert asyncio.run(main()) == yielded
    assert reading.lost == lost
