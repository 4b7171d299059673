from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from sharegpt4video import cores as module
from sharegpt4video.cores import cores, limit_cores, ordinary_priority


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Eight cores and no container; the file that says what a container may have."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: set(range(8)), raising=False)
    monkeypatch.setattr(module, "_QUOTA", tmp_path / "cpu.max")
    monkeypatch.setenv("SG4V_CORES", "")
    return tmp_path / "cpu.max"


def test_all_cores_that_the_process_may_run_on() -> None:
    assert cores() == 8


def test_where_the_system_tells_no_affinity_all_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert cores() == 6
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert cores() == 1


@pytest.mark.parametrize(
    ("said", "expected"),
    [("300000 100000\n", 3), ("250000 100000\n", 3), ("20000 100000\n", 1), ("max 100000\n", 8), ("odd", 8), ("", 8)],
)
def test_no_more_than_the_container_may_have(machine: Path, said: str, expected: int) -> None:
    machine.write_text(said)
    assert cores() == expected


def test_a_worker_is_told_its_share() -> None:
    limit_cores(3)
    assert cores() == 3
    limit_cores(0)
    assert cores() == 1
    limit_cores(64)
    assert cores() == 8


@pytest.mark.skipif(not hasattr(os, "sched_setscheduler"), reason="no scheduling policies here")
def test_what_is_done_inside_leaves_no_thread_its_priority() -> None:
    began, done = threading.Event(), threading.Event()
    found: list[int] = []

    def other() -> None:
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))  # one that needs no privilege
        began.set()
        done.wait(60)
        found.append(os.sched_getscheduler(0))

    before = os.sched_getscheduler(0)
    thread = threading.Thread(target=other)
    with ordinary_priority():
        thread.start()
        began.wait(60)
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    done.set()
    thread.join()
    assert [os.sched_getscheduler(0), *found] == [before, before]
