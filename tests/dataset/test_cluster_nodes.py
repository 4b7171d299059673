"""A build on a cluster of several machines, which join and leave while it runs; the machines are simulated by Ray."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from chat_server import ChatServer, Exchange, completion
from made_sets import QUICK, same_captions, write_clips
from sharegpt4video.dataset.build import BuildOptions, build
from sharegpt4video.dataset.cluster import ClusterOptions, build_on_ray
from sharegpt4video.dataset.places.models import ModelSpec

ray = pytest.importorskip("ray", reason="needs the extra ray")
VIDEOS = 24
PATIENCE_SECONDS = 480
"""However busy the machine is: nothing here depends on how fast anything comes, and the test has an end of its own."""


@pytest.fixture(scope="module")
def nodes() -> Iterator[Any]:
    """A head with one CPU, beside it a machine with a GPU."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 1, "include_dashboard": False, "object_store_memory": 100 * 2**20},
    )
    cluster.add_node(num_cpus=1, num_gpus=1, object_store_memory=100 * 2**20)
    ray.init(address=cluster.address, log_to_driver=False)
    yield cluster
    ray.shutdown()
    cluster.shutdown()


def told(received: Any) -> str:
    return f"A leaf turns over in the wind, {len(str(received.body)) % 97} times, and comes to rest on the ground."


class Doled:
    """Answers as many requests as it is allowed to, and counts; the others wait until it may."""

    def __init__(self) -> None:
        self.requests = 0
        self._allowed = 0
        self._turn = threading.Condition()

    def __call__(self, exchange: Exchange) -> None:
        with self._turn:
            while self.requests >= self._allowed and not exchange.closing.is_set():
                self._turn.wait(0.2)
            self.requests += 1
        exchange.send(completion(exchange.received, told(exchange.received)))

    def allow(self, more: int) -> None:
        """Answer so many more, and return once that is done."""
        with self._turn:
            self._allowed = self.requests + more
            self._turn.notify_all()
        wait_for(lambda: self.requests >= self._allowed)

    def allow_all(self) -> None:
        with self._turn:
            self._allowed = 10**9
            self._turn.notify_all()


def actors_on(node: Any, kind: str) -> list[psutil.Process]:
    """The processes of actors of one kind on a machine."""
    found = []
    for info in node.all_processes["raylet"]:
        for process in psutil.Process(info.process.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                if f"ray::{kind}" in " ".join(process.cmdline()):
                    found.append(process)
    return found


def wait_for(found: Callable[[], Any]) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not found():
        assert time.monotonic() < until, "it does not come"
        time.sleep(0.1)


@pytest.mark.timeout(900)
def test_machines_join_and_leave_and_nothing_is_lost(nodes: Any, tmp_path: Path) -> None:
    videos = tmp_path / "videos"
    write_clips(videos, VIDEOS, seconds=1.0)
    (gpu_machine,) = nodes.worker_nodes
    model = Doled()
    with ChatServer(default=model) as server, ThreadPoolExecutor(1) as thread:
        spec = ModelSpec(f"server:cat@{server.base_url}", {"max_concurrent": 4})
        cluster = ClusterOptions(gpus_each=1.0)
        building = thread.submit(
            build_on_ray, [str(videos)], tmp_path / "there", model=spec, settings=QUICK, cluster=cluster
        )
        model.allow(10)
        (describer,) = actors_on(gpu_machine, "Describer")
        late = nodes.add_node(num_cpus=2, object_store_memory=100 * 2**20)
        wait_for(lambda: actors_on(late, "Reader"))
        describer.kill()
        model.allow(20)
        assert not building.done()
        nodes.remove_node(late, allow_graceful=False)
        model.allow_all()
        there = building.result(PATIENCE_SECONDS)
        asked = model.requests
        here = build([str(videos)], tmp_path / "here", model=spec, settings=QUICK, options=BuildOptions(processes=1))
    assert (there.captioned, there.failed.total(), there.stopped) == (VIDEOS, 0, "")
    assert (here.captioned, here.requests) == (VIDEOS, there.requests)
    same_captions(tmp_path / "here", tmp_path / "there")
    assert asked <= there.requests + 4, "asked again is only what was on its way to the describer that died"
