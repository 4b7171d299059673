"""Open files and servers, good and bad."""

from __future__ import annotations

import http.server
import io
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from media import number_of
from reading import refused, seen
from sharegpt4video.errors import VideoError
from sharegpt4video.video import source
from sharegpt4video.video.reader import VideoReader


def test_open_files_are_read_from_where_they_stand(plain: Path, tmp_path: Path) -> None:
    (tmp_path / "wrapped.bin").write_bytes(b"header" + plain.read_bytes())
    with (tmp_path / "wrapped.bin").open("rb") as file:
        file.seek(6)
        with VideoReader(file) as reader:
            assert [d.seconds for d in reader.decoded()] == [d.seconds for d in VideoReader(plain).decoded()]
            assert len(list(reader.decoded())) == 60
    assert "closed" in refused(file)


def test_an_open_file_that_gives_too_much_or_fails_does_no_harm(plain: Path) -> None:
    class Greedy(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(-1 if size is None else size * 3)

    assert len(seen(Greedy(plain.read_bytes()))) == 60

    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError(f"the disk is gone, {size} bytes or not")

    assert "the disk is gone" in refused(Broken(plain.read_bytes()))


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves one file in the way that its address asks for."""

    data = b""
    protocol_version = "HTTP/1.1"
    hang = threading.Event()

    def do_GET(self) -> None:
        if "missing" in self.path:
            self.send_error(404)
            return
        wanted = self.headers.get("Range")
        start = int(wanted.split("=")[1].split("-")[0]) if wanted and "range" in self.path else 0
        body = self.data[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        if "range" in self.path:
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Content-Range", f"bytes {start}-{len(self.data) - 1}/{len(self.data)}")
        self.end_headers()
        try:
            if "stall" in self.path:
                self.wfile.write(body[: len(body) // 2])
                self.wfile.flush()
                self.hang.wait(600)
            else:
                self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def serve(long: Path) -> Iterator[Callable[[str], str]]:
    Handler.data = long.read_bytes()
    Handler.hang = threading.Event()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield lambda path: f"http://127.0.0.1:{server.server_address[1]}/{path}"
    Handler.hang.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("-", "-: the video is not read from standard input; save it to a file"),
        ("", "'': it is empty"),
        ("file:/a/b.mp4", "give its path: /a/b.mp4"),
        ("file:///a/b%20c.mp4", "give its path: /a/b c.mp4"),
        ("FILE://localhost/a.mp4", "give its path: /a.mp4"),
        ("file:b.mp4", "give its path: b.mp4"),
        ("lavfi:testsrc", "No such file; inputs that FFmpeg makes or fetches (lavfi:) are not opened"),
        ("concat:a.ts|b.ts", "(concat:) are not opened"),
        ("subfile,,start,0,end,9,,:a.mp4", "are not opened"),
        ("pipe:0", "(pipe:) are not opened"),
        ("https:/example.org/a.mp4", "(https:) are not opened"),
        ("rtsp://camera/1", "start with rtsp:// are not opened, only http and https ones"),
        ("s3://bucket/a.mp4", "start with s3:// are not opened"),
        ("Film: two.mp4", "Film: two.mp4: No such file or directory; check the path"),
        ("/dev/null", "/dev/null: not a regular file but a device; save what comes from it"),
    ],
)
def test_what_is_no_path_is_told_with_what_to_do(given: str, said: str) -> None:
    with pytest.raises(VideoError) as refused:
        VideoReader(given)
    assert said in str(refused.value)


@pytest.mark.skipif(os.name == "nt", reason="Windows takes no such names")
@pytest.mark.parametrize("name", ["-", "lavfi:x.mkv", "file:x.mkv", "concat:a|b.mkv"])
def test_a_file_of_an_odd_name_is_a_file(
    plain: Path, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(plain.read_bytes())
    with VideoReader(name) as reader:
        assert reader.info.name == name


def test_a_pipe_is_told_apart(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x")
    with pytest.raises(VideoError, match="not a regular file but a pipe"):
        VideoReader(tmp_path / "x")


@pytest.mark.parametrize("path", ["range.mkv", "plain.mkv"])
def test_a_video_behind_an_address(serve: Callable[[str], str], path: str) -> None:
    with VideoReader(serve(path)) as reader:
        assert reader.info.name == path
        assert [number_of(frame.pixels) for frame in reader.frames(at_seconds=[0.1, 60.3, 99.9])] == [0, 301, 499]
    assert [number for number, _, _ in seen(serve(path), start_seconds=61.3, end_seconds=62)] == [306, 307, 308, 309]


def test_a_server_that_has_not_got_it(serve: Callable[[str], str]) -> None:
    assert "refused" in refused(serve("missing.mkv"))


def test_nobody_behind_the_address() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        assert "refused" in refused(f"http://127.0.0.1:{taken.getsockname()[1]}/a.mp4").lower()


def test_a_server_that_stalls_is_given_up(serve: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "TIMEOUT_SECONDS", 0.5)
    with pytest.raises(VideoError, match="stopped sending"), VideoReader(serve("stall.mkv")) as reader:
        list(reader.decoded())
