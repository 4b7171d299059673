"""The store on S3-like storage: a real server on this machine, reached as users reach theirs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from sharegpt4video.dataset.reviews.desk import Desk
from sharegpt4video.dataset.rows import Selected
from sharegpt4video.dataset.settings import DatasetSettings, FilterSettings
from sharegpt4video.dataset.status import status
from sharegpt4video.dataset.store.lock import Busy, lock
from sharegpt4video.dataset.store.store import DamagedPart, Store
from sharegpt4video.errors import MissingExtra, StorageError
from store_clock import StoreClock
from store_rows import caption_row, id_of, source_row

TESTS = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    pytest.importorskip("s3fs")
    server = pytest.importorskip("moto.server").ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def root(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A folder of a fresh bucket, with the server named in fsspec's configuration."""
    options = {"endpoint_url": endpoint, "key": "k", "secret": "s"}
    monkeypatch.setitem(fsspec.config.conf, "s3", options)
    fs = fsspec.filesystem("s3")
    bucket = f"b{time.time_ns()}"
    fs.mkdir(bucket)
    yield f"s3://{bucket}/sets/one"
    fs.clear_instance_cache()


def selected(number: int, split: str = "train") -> Selected:
    return Selected(id_of(number), True, "", id_of(number), split)


def test_reviews_on_s3_are_written_beside_a_run_that_holds_the_lock_and_merges(root: str) -> None:
    store = Store.create(root, DatasetSettings(), "model-a", "ab12")
    store.append("captions", [caption_row(number) for number in range(3)])
    with lock(root) as held:
        store.guard = held.check
        for number in range(4):
            Desk(Store.open(root)).add(id_of(number % 2), f"Text {number}.", author=f"author {number}")
            store.clean(older_than_seconds=0.0)
        assert store.compact("reviews") == 1
    assert [row.summary for row in Store.open(root).rows("captions")] == ["Text 2.", "Text 3.", "Summary 2."]


def test_a_data_set_on_s3_from_creation_to_status(root: str) -> None:
    store = Store.create(root, DatasetSettings(), "model-a", "ab12")
    with lock(root) as held:
        store.guard = held.check
        rows = [caption_row(number) for number in range(6)]
        store.append("sources", [source_row(number) for number in range(8)])
        for row in rows:
            store.append("captions", [row])
        store.append("captions", [caption_row(2, revision=1)])
        again = Store.open(root)
        expected = [*rows[:2], *rows[3:], caption_row(2, revision=1)]
        assert list(again.rows("captions")) == expected
        assert again.column("captions", "revision").to_pylist() == [0, 0, 0, 0, 0, 1]
        assert len(again.ids("captions")) == 6

        assert store.compact("captions", part_rows=4) == 2
        assert list(again.rows("captions")) == expected, "a listing is never taken from a cache"
        assert store.replace("selection", (selected(number) for number in range(5)), part_rows=2) == 5
        assert store.replace("selection", [selected(7)]) == 1
        assert list(again.rows("selection")) == [selected(7)]
        assert store.clean(older_than_seconds=0) == 0
    found = status(again)
    assert (found.listed, found.captioned, found.left) == (8, 6, 2)
    store.guard = None
    store.update_settings(DatasetSettings(filters=FilterSettings(max_seconds=9)))
    assert again.settings().filters.max_seconds == 9
    with pytest.raises(StorageError, match="already a data set"):
        Store.create(root, DatasetSettings(), "model-a", "ab12")


def test_damage_on_s3_is_named_and_set_aside(root: str) -> None:
    store = Store(root)
    store.append("captions", [caption_row(1)])
    part = store.append("captions", [caption_row(2)])
    data = store.fs.cat_file(part)
    store.fs.pipe_file(part, data[: len(data) // 2])
    for read in (lambda: list(store.rows("captions")), lambda: store.ids("captions")):
        with pytest.raises(DamagedPart, match="is damaged") as caught:
            read()
        assert caught.value.part == part
    assert [path for path, _ in store.verify()] == [part]
    store.set_aside(part)
    assert list(Store(root).rows("captions")) == [caption_row(1)]


HOLDS = """
import sys
from sharegpt4video.dataset.store.lock import Busy, lock
try:
    with lock(sys.argv[1]):
        print("held", flush=True)
        sys.stdin.readline()
except Busy as error:
    print("busy", error, flush=True)
"""


def test_racing_for_a_lease_and_dying_with_it(root: str, endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    named = {"FSSPEC_S3_ENDPOINT_URL": endpoint, "FSSPEC_S3_KEY": "k", "FSSPEC_S3_SECRET": "s"}
    both = [
        subprocess.Popen(
            [sys.executable, "-c", HOLDS, root],
            env={**os.environ, **named},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    said = [process.stdout.readline().strip() for process in both if process.stdout]
    assert sorted(text.split()[0] for text in said) == ["busy", "held"], said
    owner = both[[text == "held" for text in said].index(True)]
    owner.send_signal(signal.SIGKILL)
    owner.wait()

    with pytest.raises(Busy, match=f"process {owner.pid} on "), lock(root):
        pass
    StoreClock(monkeypatch).ahead += 301
    with lock(root) as held:
        assert f"took over from process {owner.pid} on " in held.message
        held.check()
    for process in both:
        process.communicate()


def test_shards_share_a_directory_on_s3(root: str) -> None:
    with lock(root, shard=(0, 2)), lock(root, shard=(1, 2)) as other:
        other.check()
        with pytest.raises(Busy, match="shard 0 of 2"), lock(root):
            pass
        with pytest.raises(Busy, match="shard 0 of 2"), lock(root, shard=(2, 3)):
            pass


def test_a_lost_lease_stops_the_next_write(root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store, clock = Store(root), StoreClock(monkeypatch)
    with lock(root, beat_seconds=3600) as silent:
        store.guard = silent.check
        clock.ahead += 301
        with lock(root), pytest.raises(Busy, match="was taken over"):
            store.append("captions", [caption_row(1)])
    assert store.parts("captions") == []


@pytest.mark.usefixtures("root")
def test_a_bucket_that_is_not_there() -> None:
    with pytest.raises(StorageError, match="no-such-bucket-here"):
        Store("s3://no-such-bucket-here/x").append("captions", [caption_row(1)])


def test_a_server_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("s3fs")
    options = {
        "endpoint_url": "http://127.0.0.1:9",
        "key": "k",
        "secret": "s",
        "config_kwargs": {"retries": {"max_attempts": 0}},
    }
    monkeypatch.setitem(fsspec.config.conf, "s3", options)
    with pytest.raises(StorageError, match=r"x/captions.* cannot be (listed|written|read)"):
        Store("s3://somewhere/x").append("captions", [caption_row(1)])
    fsspec.filesystem("s3").clear_instance_cache()


def test_s3_without_its_package() -> None:
    code = (
        "import sys; sys.modules['s3fs'] = None\n"
        "from sharegpt4video.dataset.store.store import Store\n"
        "try: Store('s3://bucket/x')\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.startswith(MissingExtra.__name__)
    assert "pip install 'sharegpt4video[s3]'" in said
