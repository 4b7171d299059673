"""Opening sources again: what was hashed is not read again, what changed is not opened, from every place."""

from __future__ import annotations

import gzip
import http.server
import io
import os
import pickle
import sys
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import fsspec
import pytest

from listed_sources import found, put
from media import numbered_run, write_video
from sharegpt4video.dataset.rows import Failure, SourceVideo
from sharegpt4video.dataset.sources import places
from sharegpt4video.dataset.sources.contents import confirmed, reading_errors
from sharegpt4video.dataset.sources.ids import StoredHashes, with_span
from sharegpt4video.dataset.sources.places import web_chunks, web_stat
from sharegpt4video.dataset.sources.sources import (
    SourceGone,
    SourceReplaced,
    UnsafeSource,
    find_sources,
    open_source,
)
from sharegpt4video.errors import VideoError
from sharegpt4video.files import content_id
from sharegpt4video.video.reader import VideoReader

# what was known before


class Opens:
    """Counts files below a folder that the interpreter opens."""

    def __init__(self, folder: Path) -> None:
        self.paths: list[str] = []
        self._folder, self._on = str(folder), True
        sys.addaudithook(self._hook)

    def _hook(self, event: str, args: tuple[Any, ...]) -> None:
        if self._on and event == "open" and str(args[0]).startswith(self._folder):
            self.paths.append(str(args[0]))

    def stop(self) -> list[str]:
        self._on = False
        return self.paths


def test_a_second_run_opens_no_file_again(tmp_path: Path) -> None:
    for number in range(30):
        put(tmp_path / f"{number}.mp4")
    with tarfile.open(tmp_path / "s.tar", "w") as tar:
        tar.add(tmp_path / "3.mp4", "m.mp4")
    put(tmp_path / "l.txt", "".join(f"3.mp4,{n},{n + 1}\n" for n in range(20)))
    opens = Opens(tmp_path)
    first = found(tmp_path, tmp_path / "l.txt")
    counted = opens.stop()
    assert len([path for path in counted if path.endswith("3.mp4")]) == 3  # 3, 13, 23: twenty spans cost one reading
    known = StoredHashes(first)
    opens = Opens(tmp_path)
    assert found(tmp_path, tmp_path / "l.txt", known=known) == first
    assert {Path(path).name for path in opens.stop()} == {"s.tar", "l.txt"}
    put(tmp_path / "7.mp4", "changed")
    again = found(tmp_path, known=known)
    assert [a.location for a, b in zip(again, first, strict=False) if a.id != b.id] == [f"{tmp_path}/7.mp4"]


def test_what_is_known_is_kept_in_few_bytes() -> None:
    def rows() -> Iterator[SourceVideo]:
        for n in range(20_000):
            start = None if n % 3 else n / 7
            yield SourceVideo(
                with_span(content_id([b"%d" % n]), start, None), f"/v/{n}.mp4", "", start, size_bytes=n, modified=str(n)
            )

    known = StoredHashes(rows())
    assert all(known(f"/v/{n}.mp4", n, str(n)) == content_id([b"%d" % n]) for n in range(0, 20_000, 37))
    assert known("/v/1.mp4", 1, "2") is None
    assert known("/v/1.mp4", 2, "1") is None
    assert StoredHashes([])("/v/1.mp4", 1, "1") is None
    assert len(pickle.dumps(known)) < 20_000 * 40


def test_files_that_go_or_change_while_listing_are_told(tmp_path: Path) -> None:
    for number in range(200):
        put(tmp_path / f"{number}.mp4")
    listing = find_sources([str(tmp_path)])
    assert isinstance(next(listing), SourceVideo)
    for number in range(150, 200):
        (tmp_path / f"{number}.mp4").unlink()
    rows = list(listing)
    assert len(rows) == 199
    assert [row.kind for row in rows if isinstance(row, Failure)] == ["vanished"] * 50


# opening


def test_a_changed_or_vanished_file_is_not_opened(tmp_path: Path) -> None:
    source = found(put(tmp_path / "a.mp4"))[0]
    put(tmp_path / "a.mp4", "other")
    os.utime(tmp_path / "a.mp4", ns=(1, 1))
    with pytest.raises(VideoError, match="changed since it was listed"), open_source(source):
        pass
    (tmp_path / "a.mp4").unlink()
    with pytest.raises(SourceGone), open_source(source):
        pass
    with pytest.raises(UnsafeSource), open_source(SourceVideo("0" * 32, "ftp://h/a.mp4")):
        pass


def packed(archive: Path, members: dict[str, bytes]) -> Path:
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive, "w") as zipped:
            for name, data in members.items():
                zipped.writestr(name, data)
    else:
        with tarfile.open(archive, "w") as tar:
            for name, data in members.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    return archive


@pytest.mark.parametrize("name", ["s.tar", "s.zip"])
def test_of_an_archive_packed_anew_only_the_same_members_are_opened(tmp_path: Path, name: str) -> None:
    archive = packed(tmp_path / name, {"a.mp4": b"12345", "b.mp4": b"bbbbb"})
    first, second = found(archive)
    packed(archive, {"0.mp4": b"more", "b.mp4": b"bbbbb", "a.mp4": b"54321"})
    with pytest.raises(SourceReplaced, match="changed since it was listed"), open_source(first):
        pass
    with open_source(second) as opened:
        assert opened.read() == b"bbbbb"  # type: ignore[union-attr]
    packed(archive, {"a.mp4": b"12345"})
    with open_source(first) as opened:
        assert opened.read() == b"12345"  # type: ignore[union-attr]
    with pytest.raises(SourceGone), open_source(second):
        pass
    archive.unlink()
    with pytest.raises(SourceGone), open_source(first):
        pass


def test_a_touched_file_is_opened_and_its_hash_decides(tmp_path: Path) -> None:
    source = found(put(tmp_path / "a.mp4", "12345"))[0]
    os.utime(tmp_path / "a.mp4", ns=(7, 7))
    assert confirmed(source) == replace(source, modified="7")
    put(tmp_path / "a.mp4", "54321")
    with pytest.raises(SourceReplaced):
        confirmed(source)
    span = replace(source, id=with_span(source.id, 1.0, 2.0), start_seconds=1.0, end_seconds=2.0)
    put(tmp_path / "a.mp4", "12345")
    assert confirmed(span).id == span.id
    put(tmp_path / "b.mp4", "99999").replace(tmp_path / "a.mp4")  # deleted, then another renamed over it
    with pytest.raises(SourceReplaced):
        confirmed(span)


def test_an_error_of_the_caller_goes_through(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "s.zip", "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("a.mp4", b"12345")
    with pytest.raises(OSError, match="mine"), open_source(found(tmp_path)[0]):
        raise OSError("mine")


def test_videos_are_decoded_from_every_place(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", numbered_run(6))
    with tarfile.open(tmp_path / "t.tar", "w") as tar:
        tar.add(tmp_path / "a.mp4", "t.mp4")
    (tmp_path / "g.tar.gz").write_bytes(gzip.compress((tmp_path / "t.tar").read_bytes()))
    for name, packing in (("s.zip", zipfile.ZIP_STORED), ("d.zip", zipfile.ZIP_DEFLATED)):
        with zipfile.ZipFile(tmp_path / name, "w", packing) as opened:
            opened.write(tmp_path / "a.mp4", f"in/{name}.mp4")
    fs = fsspec.filesystem("memory")
    for path in tmp_path.iterdir():
        fs.pipe_file(f"/sg4v-test/{path.name}", path.read_bytes())
    try:
        rows = found(tmp_path, "memory://sg4v-test/")
        assert len({row.id for row in rows}) == 1
        assert len(rows) == 10
        for row in rows:
            with open_source(pickle.loads(pickle.dumps(row))) as video:
                reader = VideoReader(video)
                assert reader.info.name.endswith(".mp4")
                assert len(list(reader)) == 6
    finally:
        fs.rm("/sg4v-test", recursive=True)


# the web


class _Server(http.server.BaseHTTPRequestHandler):
    files: ClassVar[dict[str, tuple[bytes, dict[str, str]]]] = {}
    asked: ClassVar[list[str]] = []

    def do_HEAD(self) -> None:
        self._answer(False)

    def do_GET(self) -> None:
        self._answer(True)

    def _answer(self, body: bool) -> None:
        self.asked.append(f"{self.command} {self.path}")
        data, headers = self.files.get(self.path.partition("?")[0], (b"", {}))
        refused = "signed" in self.path and not body
        self.send_response(403 if refused else 200 if headers else 404)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if body:
            self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def web() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    _Server.asked = []
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_web_addresses(web: str) -> None:
    buffer = io.BytesIO()
    buffer.name = "x.mp4"
    write_video(buffer, numbered_run(3), container="mp4")
    data = buffer.getvalue()
    video = {"Content-Type": "video/mp4"}
    _Server.files = {
        "/a%20b.mp4": (data, video | {"ETag": '"v1"'}),
        "/bare.mp4": (data, video),
        "/signed.mp4": (data, video),
        "/page.mp4": (b"<html>", {"Content-Type": "text/html; charset=utf-8"}),
    }
    rows = list(
        find_sources(
            [f"{web}/{name}" for name in ("a b.mp4", "bare.mp4", "signed.mp4?k=1&t=%20", "page.mp4", "gone.mp4")]
        )
    )
    assert [getattr(row, "kind", "source") for row in rows] == ["source", "source", "source", "unreadable", "vanished"]
    assert "GET /a%20b.mp4" not in _Server.asked  # a server's word is enough, nothing is downloaded
    first, bare = rows[0], rows[1]
    assert isinstance(first, SourceVideo)
    assert isinstance(bare, SourceVideo)
    assert bare.id == content_id([data])
    assert (first.size_bytes, first.modified) == (len(data), "v1")
    with open_source(bare) as address:
        assert len(list(VideoReader(address))) == 3
    _Server.files["/a%20b.mp4"] = (data, video | {"ETag": '"v2"'})
    with pytest.raises(VideoError, match="changed"), open_source(first):
        pass
    del _Server.files["/bare.mp4"]
    with pytest.raises(SourceGone), open_source(bare):
        pass


class _Odd(http.server.BaseHTTPRequestHandler):
    """A server that says what none should, by the path it is asked for."""

    lengths: ClassVar = {"/word": "many", "/minus": "-9", "/huge": "9" * 30, "/two": "5, 6"}

    def do_HEAD(self) -> None:
        if self.path == "/garbage":
            self.wfile.write(b"\x00\xff\r\n" * 9)
            return
        if self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/to/"))
        else:
            self.send_response(200)
            self.send_header("Content-Length", self.lengths.get(self.path, "0"))
        self.end_headers()

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        with suppress(OSError):  # whoever has enough goes
            for _ in range(1000):
                self.wfile.write(b"x" * (1 if self.path == "/slow" else 1 << 12))

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def odd() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Odd)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_lengths_that_are_none_and_answers_that_are_none(odd: str) -> None:
    assert [web_stat(f"{odd}{path}").size_bytes for path in _Odd.lengths] == [0] * len(_Odd.lengths)
    with pytest.raises(reading_errors()):
        web_stat(f"{odd}/garbage")


@pytest.mark.parametrize("where", ["ftp://127.0.0.1:9/x", "file:///etc/passwd", "data:,x", "gopher://h/x"])
def test_a_redirect_stays_within_the_web(odd: str, where: str) -> None:
    with pytest.raises(OSError, match="the server refused: 302"):
        web_stat(f"{odd}/to/{where}")


def test_a_server_that_sends_without_end_or_next_to_nothing_is_left(odd: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "MOST_WEB_BYTES", 1 << 16)
    with pytest.raises(VideoError, match="the server sends more than"):
        list(web_chunks(f"{odd}/endless", 1 << 12))
    seconds = iter(range(0, 100_000, 50))
    monkeypatch.setattr(places, "time", SimpleNamespace(monotonic=lambda: next(seconds)))
    with pytest.raises(VideoError, match="bytes per second"):
        list(web_chunks(f"{odd}/slow", 16))
