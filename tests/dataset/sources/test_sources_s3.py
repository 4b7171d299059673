"""Sources in S3-like storage, against a real server on this machine: listing, reading in place, vanishing."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from media import numbered_run, write_video
from sharegpt4video.dataset.rows import Failure, SourceVideo
from sharegpt4video.dataset.sources.ids import StoredHashes
from sharegpt4video.dataset.sources.sources import SourceGone, find_sources, open_source
from sharegpt4video.errors import SettingsError, VideoError
from sharegpt4video.files import content_id
from sharegpt4video.video.reader import VideoReader

s3fs = pytest.importorskip("s3fs")
moto_server = pytest.importorskip("moto.server")

BUCKET = "videos"


class Bucket:
    """A bucket of the server, and how many bytes of its objects were sent."""

    def __init__(self) -> None:
        self.fs = s3fs.S3FileSystem()
        self.sent = 0

    def put(self, key: str, data: bytes) -> None:
        self.fs.pipe_file(f"{BUCKET}/{key}", data)


@pytest.fixture(scope="module")
def server() -> Iterator[None]:
    patch = pytest.MonkeyPatch()
    running = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    patch.setenv("AWS_ACCESS_KEY_ID", "test")
    patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "HTTP_PROXY", "http_proxy"):
        patch.delenv(name, raising=False)
    s3fs.S3FileSystem.clear_instance_cache()
    yield
    running.stop()
    patch.undo()
    s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture
def bucket(server: None, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    del server  # only has to run
    made = Bucket()
    if made.fs.exists(BUCKET):
        made.fs.rm(BUCKET, recursive=True)
    made.fs.mkdir(BUCKET)
    original = s3fs.S3FileSystem._cat_file

    async def counted(self: Any, *args: Any, **kwargs: Any) -> bytes:
        data: bytes = await original(self, *args, **kwargs)
        made.sent += len(data)
        return data

    # Every byte of an object that is read passes here. Instances bind their methods when they are made.
    monkeypatch.setattr(s3fs.S3FileSystem, "_cat_file", counted)
    s3fs.S3FileSystem.clear_instance_cache()
    return made


def found(*inputs: str, known: Any = None) -> list[SourceVideo]:
    rows = list(find_sources(inputs, known=known))
    assert not [row for row in rows if isinstance(row, Failure)]
    return [row for row in rows if isinstance(row, SourceVideo)]


@pytest.fixture
def video(tmp_path: Path) -> bytes:
    write_video(tmp_path / "v.mp4", numbered_run(8))
    return (tmp_path / "v.mp4").read_bytes()


def test_a_prefix_is_listed_in_natural_order(bucket: Bucket) -> None:
    for key in ["p/10.mp4", "p/9.mp4", "p/sub/a.mkv", "p/notes.txt", "p/.hidden.mp4", "other/x.mp4"]:
        bucket.put(key, key.encode())
    listing = find_sources([f"s3://{BUCKET}/p/"])
    rows = [row for row in listing if isinstance(row, SourceVideo)]
    assert [row.location for row in rows] == [f"s3://{BUCKET}/p/{name}" for name in ("9.mp4", "10.mp4", "sub/a.mkv")]
    assert [row.id for row in rows] == [
        content_id([row.location.removeprefix("s3://videos/").encode()]) for row in rows
    ]
    assert listing.skipped == {"not a video (.txt)": 1, "hidden": 1}
    assert len(found(f"s3://{BUCKET}/p")) == 3
    assert len(found(f"s3://{BUCKET}")) == 4


def test_patterns_braces_and_single_objects(bucket: Bucket) -> None:
    for number in (1, 2, 10):
        bucket.put(f"q/{number}.mp4", b"%d" % number)
    every = [f"s3://{BUCKET}/q/{number}.mp4" for number in (1, 2, 10)]
    assert [row.location for row in found(f"s3://{BUCKET}/q/*.mp4")] == every
    assert [row.location for row in found(f"s3://{BUCKET}/q/{{1..2}}.mp4")] == every[:2]
    assert [row.location for row in found(every[2])] == every[2:]
    for missing in ("q/3.mp4", "nothing/*.mp4", "q/{1..3}.mp4", "no/folder/"):
        with pytest.raises(SettingsError):
            find_sources([f"s3://{BUCKET}/{missing}"])
    with pytest.raises(SettingsError, match="no-such-bucket"):
        find_sources(["s3://no-such-bucket/a.mp4"])


def test_a_second_run_reads_nothing_again(bucket: Bucket) -> None:
    for number in range(5):
        bucket.put(f"r/{number}.mp4", b"%d" % number)
    first = found(f"s3://{BUCKET}/r/")
    assert bucket.sent == 5
    assert found(f"s3://{BUCKET}/r/", known=StoredHashes(first)) == first
    assert bucket.sent == 5


def test_a_member_of_a_shard_is_read_by_range(bucket: Bucket, video: bytes) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, data in [
            ("0.mp4", os.urandom(12 << 20)),
            ("1.mp4", video),
            ("1.txt", b"said"),
            ("2.mp4", os.urandom(12 << 20)),
        ]:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    bucket.put("shards/000.tar", buffer.getvalue())
    rows = found(f"s3://{BUCKET}/shards/{{000..000}}.tar")
    assert [row.location.rpartition("::")[2] for row in rows] == ["0.mp4", "1.mp4", "2.mp4"]
    assert rows[1].caption == "said"
    bucket.sent = 0
    with open_source(rows[1]) as opened:
        assert len(list(VideoReader(opened))) == 8
    assert 0 < bucket.sent < 1 << 20
    bucket.sent = 0
    assert found(f"s3://{BUCKET}/shards/", known=StoredHashes(rows)) == rows
    assert 0 < bucket.sent < 1 << 20  # the headers, not the 24 MiB of content


def test_the_end_of_a_long_video_is_reached_without_the_rest(bucket: Bucket, tmp_path: Path) -> None:
    pictures = numbered_run(300, 160, 120)
    write_video(tmp_path / "v.mkv", pictures, gop=10, codec="rawvideo", pix_fmt="yuv420p")
    data = (tmp_path / "v.mkv").read_bytes()
    assert len(data) > 8 << 20
    bucket.put("long.mkv", data)
    source = found(f"s3://{BUCKET}/long.mkv")[0]
    bucket.sent = 0
    with open_source(source) as opened:
        assert opened.name == "long.mkv"  # type: ignore[union-attr]
        assert len(list(VideoReader(opened, start_seconds=11.0))) == 25
    assert 0 < bucket.sent < len(data) / 3


def test_zips_and_tables_in_storage(bucket: Bucket, video: bytes) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("in/a.mp4", video)
    bucket.put("t/z.zip", buffer.getvalue())
    bucket.put("t/v.mp4", video)
    bucket.put("t/list.csv", b"path,start,end\nv.mp4,0,0.1\nz.zip::in/a.mp4,0,0.1\ngone.mp4,,\n")
    rows = list(find_sources([f"s3://{BUCKET}/t/list.csv"]))
    first, second, third = rows
    assert isinstance(first, SourceVideo)
    assert isinstance(second, SourceVideo)
    assert first.id == second.id
    assert isinstance(third, Failure)
    assert third.kind == "vanished"
    assert "list.csv, line 4" in third.message
    for row in (first, second):
        with open_source(row) as file:
            assert len(list(VideoReader(file, start_seconds=0, end_seconds=0.1))) == 3


def test_what_vanished_or_changed_is_told_apart(bucket: Bucket) -> None:
    bucket.put("a.mp4", b"one")
    source = found(f"s3://{BUCKET}/a.mp4")[0]
    bucket.put("a.mp4", b"two")
    with pytest.raises(VideoError, match="changed"), open_source(source):
        pass
    bucket.fs.rm(f"{BUCKET}/a.mp4")
    with pytest.raises(SourceGone), open_source(source):
        pass
