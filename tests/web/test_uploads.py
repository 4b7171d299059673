"""Files of strangers: what is taken for a video, what it is called, and what is kept of it."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from media import numbered_run, write_video
from sharegpt4video.web.client import ServerRefused
from sharegpt4video.web.refusals import Refused
from sharegpt4video.web.uploads import Uploads, is_video, shown_name
from web_server import FAST, HEAD, PARK, Running, running


@pytest.fixture(scope="module")
def web() -> Iterator[Running]:
    with running(replace(FAST, upload_bytes=1 << 20, stored_bytes=1 << 22, silence_seconds=0.5)) as served:
        yield served


def stored(web: Running) -> set[str]:
    return {path.name for path in web.server.uploads.folder.iterdir()}


@pytest.mark.parametrize("ending", ["mp4", "mov", "mkv", "webm", "avi", "ts", "flv", "mpg", "nut"])
def test_what_is_written_as_a_video_is_taken_for_one(tmp_path: Path, ending: str) -> None:
    codec = {"webm": "libvpx", "mpg": "mpeg2video", "avi": "mpeg4"}.get(ending, "libx264")
    path = tmp_path / f"clip.{ending}"
    write_video(path, numbered_run(6), codec=codec)
    assert is_video(path.read_bytes()[:512]) is (ending != "nut")


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"MZ\x90\x00",
        b"\x7fELF",
        b"#!/bin/sh\n",
        b"<svg xmlns=",
        b"<!doctype html>",
        b"PK\x03\x04",
        b"#EXTM3U\n",
        b"GGGG",
        b"ffconcat version 1.0",
        b"RIFF\x00\x00\x00\x00WAVE",
        b"\xff\xd8\xff\xe0",
        b"%PDF-1.7",
    ],
)
def test_other_files_are_not(head: bytes) -> None:
    assert not is_video(head.ljust(512, b" "))


@given(st.text(max_size=300))
def test_a_name_is_one_line_without_folders(name: str) -> None:
    shown = shown_name(name)
    assert 1 <= len(shown) <= 120
    assert not set(shown) & set("/\\\n\r\0\x1b\u202e\ud800")


def test_an_upload_is_known_by_its_id_alone(web: Running) -> None:
    media = web.client.upload(PARK, name="../../etc/${name} <b>.mp4")
    assert media.name == "${name} <b>.mp4"
    assert (media.width, media.height, media.playable, media.preview) == (854, 480, True, False)
    assert media.bytes == PARK.stat().st_size
    names = stored(web)
    assert all("etc" not in name and media.id not in name for name in names)
    assert web.as_owner("GET", f"/v1/media/{media.id}").body == PARK.read_bytes()
    for name in names:
        assert web.as_owner("GET", f"/v1/media/{name}").status == 404
    assert oct(web.server.uploads.folder.stat().st_mode)[-2:] == "00"


def test_what_is_no_video_or_too_large_leaves_nothing(web: Running) -> None:
    before = stored(web)
    for body, status in (
        (b"", 422),
        (b"<script>alert(1)</script>" * 100, 415),
        (b"\x00\x00\x00\x18ftypisom" + b"\x00" * 4000, 422),
        (b"\x00\x00\x00\x18ftypisom" + b"\x00" * (2 << 20), 413),
    ):
        answer = web.as_owner("POST", "/v1/media", body, Content_Type="application/octet-stream")
        assert answer.status == status, answer.body
        assert answer.json["error"]["message"]
    assert stored(web) == before


def test_a_video_that_cannot_be_opened_is_called_as_its_owner_calls_it(web: Running, tmp_path: Path) -> None:
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=48000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 48000), np.float32), "fltp", "mono")
        frame.rate = 48000
        container.mux([*stream.encode(frame), *stream.encode(None)])
    with pytest.raises(ServerRefused, match="no video stream") as refused:
        web.client.upload(path, name="my talk.mp4")
    assert str(refused.value).startswith("my talk.mp4: ")
    assert not re.search("[0-9a-f]{32}", str(refused.value))


def test_an_upload_without_a_length_is_stopped_at_the_limit(web: Running) -> None:
    before = stored(web)
    with socket.create_connection(("127.0.0.1", web.port)) as sent:
        head = f"POST /v1/media HTTP/1.1\r\n{HEAD}Transfer-Encoding: chunked\r\n\r\n"
        sent.sendall(head.encode())
        chunk = b"\x00\x00\x00\x18ftypisom".ljust(1 << 16, b"\0")
        try:
            for _ in range(64):
                sent.sendall(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
        except OSError:
            pass  # the server has hung up
        assert b" 413 " in sent.recv(4096)
    assert stored(web) == before


def test_a_slow_upload_is_ended(web: Running) -> None:
    before = stored(web)
    with socket.create_connection(("127.0.0.1", web.port)) as sent:
        head = f"POST /v1/media HTTP/1.1\r\n{HEAD}Content-Length: 5000\r\n\r\n"
        sent.sendall(head.encode() + b"\x00\x00\x00\x18ftyp")
        assert b" 408 " in sent.recv(4096)
    assert stored(web) == before


def test_old_uploads_make_room_for_new_ones(web: Running) -> None:
    first = web.client.upload(PARK)
    for _ in range(8):
        web.client.upload(PARK)
    assert web.server.uploads.bytes_stored() <= 1 << 22
    with pytest.raises(ServerRefused, match="open it again"):
        web.client.info(first.id)


def test_what_a_killed_server_left_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    left, alive, other = (tmp_path / f"sg4v-web-{name}" for name in (f"{gone.pid}-x", f"{os.getpid()}-y", "z"))
    for folder in (left, alive, other):
        folder.mkdir()
    uploads = Uploads(1, 1)
    assert (left.exists(), alive.exists(), other.exists(), uploads.folder.exists()) == (False, True, True, True)
    uploads.close()
    assert not uploads.folder.exists()


def test_uploads_side_by_side_do_not_take_more_than_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them had room when it began."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    uploads = Uploads(most_bytes=8 << 20, stored_bytes=12 << 20)

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(8 * 16):
            yield b"\x00\x00\x00\x18ftypisom".ljust(1 << 16, b"\0")
            await asyncio.sleep(0)

    async def all_of_them() -> list[Path | BaseException]:
        assert uploads.has_room(8 << 20)
        return await asyncio.gather(*(uploads.save(chunks(), None) for _ in range(8)), return_exceptions=True)

    ended = asyncio.run(all_of_them())
    refused = [each for each in ended if isinstance(each, Refused)]
    assert refused
    assert {each.status_code for each in refused} == {507}
    assert all(isinstance(each, Path | Refused) for each in ended)
    assert uploads.bytes_stored() == sum(path.stat().st_size for path in ended if isinstance(path, Path)) <= 12 << 20
    uploads.close()
