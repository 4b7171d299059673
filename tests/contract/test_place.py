"""What a build may expect of a place, here and on a cluster: results, failures, fatal errors, cancelling."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from chat_server import ChatServer, answer, status
from made_sets import QUICK, write_clips
from sharegpt4video.dataset.build import BuildOptions
from sharegpt4video.dataset.cluster import ClusterOptions
from sharegpt4video.dataset.places.base import Place
from sharegpt4video.dataset.places.here import Here
from sharegpt4video.dataset.places.models import ModelSpec
from sharegpt4video.dataset.places.pool import WorkerPool
from sharegpt4video.dataset.rows import Failure, SourceVideo, Survey
from sharegpt4video.dataset.sources.sources import find_sources
from sharegpt4video.dataset.store.store import Store
from sharegpt4video.errors import ModelDenied
from sharegpt4video.pipeline import open_engine
from sharegpt4video.records import VideoCaption

Open = Callable[[ModelSpec, Path], Any]


@asynccontextmanager
async def here(spec: ModelSpec, _root: Path) -> AsyncGenerator[Place, None]:
    place = Here(open_engine(spec.open(QUICK), QUICK.caption), WorkerPool(2))
    try:
        yield place
    finally:
        await place.close()


@asynccontextmanager
async def on_ray(spec: ModelSpec, root: Path) -> AsyncGenerator[Place, None]:
    from sharegpt4video.dataset.places.ray import OnRay

    place = OnRay(Store(root / "set"), spec, QUICK, BuildOptions(), ClusterOptions(readers=1))
    try:
        yield place
    finally:
        await place.close()


@pytest.fixture(scope="module", params=["here", "ray"])
def opened(request: pytest.FixtureRequest) -> Iterator[Open]:
    if request.param == "here":
        yield here
        return
    if find_spec("ray") is None:
        pytest.skip("needs the extra ray")
    import ray

    ray.init(address="local", num_cpus=3, include_dashboard=False, log_to_driver=False, object_store_memory=100 * 2**20)
    yield on_ray
    ray.shutdown()


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> list[SourceVideo]:
    folder = tmp_path_factory.mktemp("videos")
    write_clips(folder, 5, seconds=1.0)
    (folder / "clip-900.mp4").write_bytes(b"this is no video" * 64)
    return [source for source in find_sources([str(folder)]) if isinstance(source, SourceVideo)]


def run(opened: Open, spec: ModelSpec, root: Path, work: Callable[[Place], Awaitable[Any]]) -> Any:
    async def main() -> Any:
        async with opened(spec, root) as place:
            return await work(place)

    return asyncio.run(asyncio.wait_for(main(), 240))


def test_each_video_meets_its_own_result(opened: Open, sources: list[SourceVideo], tmp_path: Path) -> None:
    async def work(place: Place) -> tuple[list[Any], list[Any]]:
        hashes: list[list[str]] = [[] for _ in sources]
        surveys = await asyncio.gather(
            *(place.survey(source, QUICK.survey, each.append) for source, each in zip(sources, hashes, strict=True))
        )
        assert hashes == [[one.packet_hash] if isinstance(one, Survey) else [] for one in surveys]
        place.forget(sources[0])
        captions = await asyncio.gather(*(place.caption(source, QUICK.caption) for source in sources))
        return surveys, captions

    surveys, captions = run(opened, ModelSpec("embedded"), tmp_path, work)
    for source, survey, caption in zip(sources, surveys, captions, strict=True):
        if source.location.endswith("clip-900.mp4"):
            assert [(one.id, one.stage, one.kind) for one in (survey, caption)] == [
                (source.id, "survey", "unreadable"),
                (source.id, "caption", "unreadable"),
            ]
            continue
        assert isinstance(survey, Survey)
        assert isinstance(caption, VideoCaption)
        assert survey.id == source.id
        assert caption.video == Path(source.location).name
        assert caption.steps


def test_a_model_that_fails_for_one_video_is_a_failure_of_its_stage(
    opened: Open, sources: list[SourceVideo], tmp_path: Path
) -> None:
    with ChatServer(default=status(500)) as server:
        options = {"retries": 0, "max_concurrent": 2}
        spec = ModelSpec(f"server:m@{server.base_url}", options)
        found = run(opened, spec, tmp_path, lambda place: place.caption(sources[0], QUICK.caption, "short"))
    assert isinstance(found, Failure)
    assert (found.id, found.stage, found.kind) == (sources[0].id, "short", "unavailable")


def test_what_would_stop_every_video_is_raised(opened: Open, sources: list[SourceVideo], tmp_path: Path) -> None:
    with ChatServer(default=status(401)) as server:
        spec = ModelSpec(f"server:m@{server.base_url}")
        with pytest.raises(ModelDenied):
            run(opened, spec, tmp_path, lambda place: place.caption(sources[0], QUICK.caption))


def test_who_is_cancelled_leaves_the_place_to_others(opened: Open, sources: list[SourceVideo], tmp_path: Path) -> None:
    async def work(place: Place) -> Any:
        tasks = [asyncio.ensure_future(place.survey(source, QUICK.survey)) for source in sources[:4] * 3]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return await place.caption(sources[0], QUICK.caption)

    assert isinstance(run(opened, ModelSpec("embedded"), tmp_path, work), VideoCaption)


def test_captions_under_way_fill_the_slots_and_no_more(
    opened: Open, sources: list[SourceVideo], tmp_path: Path
) -> None:
    most, now, full = 0, 0, threading.Event()

    def counted(exchange: Any) -> None:
        nonlocal most, now
        now += 1
        most = max(most, now)
        if most >= 3:
            full.set()
        full.wait(60)  # where the machine is busy, the third one comes late
        exchange.wait(0.2)
        now -= 1
        answer("A leaf turns over in the wind and comes to rest on the ground.")(exchange)

    async def work(place: Place) -> list[Any]:
        assert place.videos_at_once >= 3
        return await asyncio.gather(*(place.caption(source, QUICK.caption) for source in sources[:4]))

    with ChatServer(default=counted) as server:
        spec = ModelSpec(f"server:m@{server.base_url}", {"max_concurrent": 3})
        captions = run(opened, spec, tmp_path, work)
    assert all(isinstance(caption, VideoCaption) for caption in captions)
    assert most == 3
