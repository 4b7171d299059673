"""Who may write: real processes that race and die, and leases whose owners go silent."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sharegpt4video.dataset.store import lock as lock_module
from sharegpt4video.dataset.store.lock import Busy, lock
from sharegpt4video.dataset.store.store import Store
from sharegpt4video.errors import SettingsError, StorageError
from store_clock import StoreClock
from store_rows import source_row

HOLDS = """
import sys, time
from sharegpt4video.dataset.store.lock import Busy, lock
shard = tuple(map(int, sys.argv[2].split("/"))) if sys.argv[2] else None
try:
    with lock(sys.argv[1], shard=shard):
        print("held", flush=True)
        sys.stdin.readline()
except Busy as error:
    print("busy", error, flush=True)
"""


def holder(root: str | Path, shard: str = "", code: str = HOLDS) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, str(root), shard], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def says(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.fixture(params=["local", "lease"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "set") if request.param == "local" else f"memory://{tmp_path.name}-{time.time_ns()}"


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        (None, None, False),
        (None, (0, 2), False),
        ((0, 2), None, False),
        ((0, 2), (1, 2), True),
        ((0, 2), (0, 2), False),
        ((0, 2), (1, 3), False),
        ((1, 2), (1, 12), False),
    ],
)
def test_only_shards_of_one_division_run_side_by_side(
    root: str, first: tuple[int, int] | None, second: tuple[int, int] | None, together: bool
) -> None:
    with lock(root, shard=first) as held:
        held.check()
        if together:
            with lock(root, shard=second) as other:
                other.check()
        else:
            with pytest.raises(Busy, match=f"process {os.getpid()} on .* since 20"), lock(root, shard=second):
                pass
        held.check()
    with lock(root, shard=second) as free:
        free.check()
        assert free.message == ""


@pytest.mark.parametrize("shard", [(2, 2), (-1, 2), (0, 0)])
def test_a_shard_that_does_not_exist(tmp_path: Path, shard: tuple[int, int]) -> None:
    with pytest.raises(SettingsError, match=r"0 <= i < n"):
        lock(tmp_path, shard=shard)


def test_of_two_processes_one_gets_it_and_a_killed_one_leaves_nothing(tmp_path: Path) -> None:
    both = [holder(tmp_path), holder(tmp_path)]
    said = [says(process) for process in both]
    assert sorted(text.split()[0] for text in said) == ["busy", "held"]
    owner = both[[text == "held" for text in said].index(True)]
    assert f"process {owner.pid} on " in next(text for text in said if text != "held")

    owner.send_signal(signal.SIGKILL)
    owner.wait()
    with lock(tmp_path) as held:
        held.check()
    for process in both:
        process.communicate()


FORKS = """
import os, sys, time
from sharegpt4video.dataset.store.lock import lock
with lock(sys.argv[1]):
    if not os.fork():
        print("held", flush=True)
    time.sleep(600)
"""


def test_workers_that_outlive_a_killed_run_do_not_hold_its_lock(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", FORKS, str(tmp_path)], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert says(process) == "held"
    process.kill()
    process.wait()
    try:
        with lock(tmp_path) as held:
            held.check()
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def test_a_deleted_lock_is_noticed(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with lock(tmp_path) as held:
        store.guard = held.check
        (tmp_path / "locks" / "full.lock").unlink()
        with pytest.raises(Busy, match="deleted"):
            store.append("sources", [source_row(1)])


def test_a_disk_without_locks_gets_a_lease(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    def refuses(*_: object) -> None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(fcntl, "flock", refuses)  # as Lustre answers when it is mounted without flock
    with lock(tmp_path) as held:
        held.check()
        with pytest.raises(Busy, match=f"process {os.getpid()}"), lock(tmp_path):
            pass
    assert [path.name for path in (tmp_path / "locks").glob("*.lease")] == ["full.00000001.lease"]


def test_a_directory_that_cannot_be_locked(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be locked"), lock(tmp_path / "file"):
        pass


def leases(root: str) -> dict[str, dict[str, object]]:
    store = Store(root)
    folder = f"{store.root}/locks"
    return {path.rpartition("/")[2]: json.loads(store.fs.cat_file(path)) for path in store.fs.ls(folder, detail=False)}


@pytest.fixture
def remote(tmp_path: Path) -> str:
    return f"memory://{tmp_path.name}-{time.time_ns()}"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> StoreClock:
    return StoreClock(monkeypatch)


def test_a_silent_owner_is_replaced_and_notices(remote: str, clock: StoreClock) -> None:
    store = Store(remote)
    with lock(remote, beat_seconds=3600) as silent:
        store.guard = silent.check
        clock.ahead += 200
        with pytest.raises(Busy), lock(remote):
            pass
        clock.ahead += 101
        with lock(remote) as taker:
            assert "took over from process" in taker.message
            assert f"{os.getpid()}" in taker.message
            taker.check()
            with pytest.raises(Busy, match="was taken over by process"):
                store.append("sources", [source_row(1)])
            with pytest.raises(Busy):
                silent.check()
    assert [(name, lease["released"]) for name, lease in leases(remote).items()] == [("full.00000002.lease", True)]


def test_an_owner_who_speaks_is_not_replaced(remote: str, clock: StoreClock) -> None:
    with lock(remote, beat_seconds=0.01) as held:
        clock.ahead += 301
        while all(float(str(lease["beat"])) < clock.time() - 300 for lease in leases(remote).values()):
            time.sleep(0.01)
        with pytest.raises(Busy), lock(remote):
            pass
        held.check()


def test_an_owner_cut_off_from_its_storage_stops_writing(
    remote: str, monkeypatch: pytest.MonkeyPatch, clock: StoreClock
) -> None:
    with lock(remote, beat_seconds=3600) as held:
        held.check()

        def unreachable(*_: object, **__: object) -> None:
            raise OSError("no route to host")

        with monkeypatch.context() as patch:
            patch.setattr(type(Store(remote).fs), "ls", unreachable)
            clock.ahead += 149
            held.check()  # a short outage stops nobody
            clock.ahead += 2  # half the time after which it would be silent
            with pytest.raises(StorageError, match="no route to host"):
                held.check()
        held.check()


def test_a_lease_that_somebody_deleted_is_lost(remote: str, clock: StoreClock) -> None:
    with lock(remote, beat_seconds=3600) as held:
        store = Store(remote)
        store.fs.rm(f"{store.root}/locks", recursive=True)
        clock.ahead += 151
        with pytest.raises(Busy, match="was taken over"):
            held.check()


def test_a_lease_that_somebody_damaged_is_lost(remote: str, clock: StoreClock) -> None:
    with lock(remote, beat_seconds=3600) as held:
        store = Store(remote)
        store.fs.pipe_file(f"{store.root}/locks/full.00000001.lease", b"{half")
        clock.ahead += 151
        with pytest.raises(Busy, match="was taken over; this run writes nothing more"):
            held.check()


def test_a_lease_that_tells_nothing_is_taken_over(remote: str) -> None:
    store = Store(remote)
    store.fs.pipe_file(f"{store.root}/locks/full.00000007.lease", b"{half")
    with lock(remote) as held:
        held.check()
        assert list(leases(remote)) == ["full.00000008.lease"]


def test_the_given_times_are_those_that_are_documented() -> None:
    assert (lock_module.STALE_SECONDS, lock_module.BEAT_SECONDS) == (300, 30)
