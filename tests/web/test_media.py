"""Videos by id: paths stay in their folders, links too, and what browsers cannot play gets a copy."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image as Pillow

from media import number_of, numbered, numbered_run, write_video
from sharegpt4video.errors import SG4VError
from sharegpt4video.video.reader import VideoReader
from sharegpt4video.web.client import ServerRefused
from web_server import FAST, PARK, Running, running


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("media")
    for name in ("open", "open/deep", "secret"):
        (base / name).mkdir()
    write_video(base / "open" / "deep" / "in.mp4", numbered_run(8), fps=4)
    write_video(base / "secret" / "out.mp4", numbered_run(8), fps=4)
    (base / "open" / "link.mp4").symlink_to(base / "secret" / "out.mp4")
    (base / "open" / "folder").symlink_to(base / "secret")
    (base / "open" / "inner.mp4").symlink_to(base / "open" / "deep" / "in.mp4")
    return base


@pytest.fixture(scope="module")
def web(folders: Path) -> Iterator[Running]:
    with running(replace(FAST, max_pixels=1920 * 1080), roots=(folders / "open",)) as served:
        yield served


def test_a_path_in_the_folders_is_opened_however_it_is_given(web: Running, folders: Path) -> None:
    first = web.client.open("deep/in.mp4")
    assert first.name == "in.mp4"
    for path in (str(folders / "open" / "deep" / "in.mp4"), "deep/../deep/in.mp4", "inner.mp4"):
        assert web.client.open(path).id == first.id


@pytest.mark.parametrize(
    "path",
    [
        "../secret/out.mp4",
        "link.mp4",
        "folder/out.mp4",
        "deep/../../secret/out.mp4",
        "/etc/passwd",
        "",
        ".",
        "deep",
        "~",
        "gone.mp4",
        "deep\0/in.mp4",
        "file:deep/in.mp4",
        "http://127.0.0.1/x",
        "concat:deep/in.mp4",
        "x" * 4000,
        "/proc/self/environ",
        "/dev/zero",
        "\\..\\secret\\out.mp4",
    ],
)
def test_nothing_else_is_and_all_are_refused_alike(web: Running, path: str) -> None:
    with pytest.raises(ServerRefused, match="not a file in the folders") as refused:
        web.client.open(path)
    assert refused.value.status == 404


def test_a_file_that_becomes_a_link_is_not_served(web: Running, folders: Path) -> None:
    path = folders / "open" / "later.mp4"
    write_video(path, numbered_run(4), fps=4)
    media = web.client.open("later.mp4")
    path.unlink()
    path.symlink_to(folders / "secret" / "out.mp4")
    assert web.as_owner("GET", f"/v1/media/{media.id}").status == 404
    assert web.as_owner("GET", f"/v1/media/{media.id}/frame").status == 404


def test_addresses_are_refused_unless_allowed(web: Running) -> None:
    with pytest.raises(ServerRefused, match="--allow-urls") as refused:
        web.client.open(url="https://example.com/film.mp4")
    assert refused.value.status == 403


def test_parts_of_a_video_by_range(web: Running) -> None:
    media, whole = web.client.upload(PARK), PARK.read_bytes()
    answer = web.as_owner("GET", f"/v1/media/{media.id}", Range="bytes=100-199")
    assert (answer.status, answer.body) == (206, whole[100:200])
    assert answer.headers["content-range"] == f"bytes 100-199/{len(whole)}"
    assert answer.headers["content-type"] == "video/mp4"
    assert web.as_owner("GET", f"/v1/media/{media.id}", Range=f"bytes={len(whole)}-").status == 416
    assert web.as_owner("GET", f"/v1/media/{media.id}", Range="bytes=-50").body == whole[-50:]


def test_frames_are_those_on_screen(web: Running) -> None:
    media = web.client.open("deep/in.mp4")
    for seconds, number in ((0.0, 0), (0.3, 1), (1.74, 6), (99.0, 7)):
        jpeg = web.client.frame(media.id, seconds, 64)
        assert number_of(np.asarray(Pillow.open(io.BytesIO(jpeg)).convert("RGB"))) == number
    for query in ("seconds=-1", "seconds=nan", "side=9999999", "side=0", "seconds=inf", "seconds=x"):
        assert web.as_owner("GET", f"/v1/media/{media.id}/frame?{query}").status == 422


@pytest.mark.parametrize(
    ("ending", "codec"), [("avi", "mpeg4"), ("mp4", "libx265"), ("ts", "libx264"), ("mp4", "mpeg4")]
)
def test_what_browsers_cannot_play_gets_a_copy_of_the_same_pictures(
    web: Running, tmp_path: Path, ending: str, codec: str
) -> None:
    path = tmp_path / f"clip.{ending}"
    write_video(path, [numbered(number, 128, 96) for number in range(12)], fps=4, codec=codec)
    media = web.client.upload(path)
    assert (media.playable, media.preview) == (False, True)
    answer = web.as_owner("GET", f"/v1/media/{media.id}")
    assert (answer.status, answer.headers["content-type"]) == (200, "video/mp4")
    with av.open(io.BytesIO(answer.body)) as copy:
        context = copy.streams.video[0].codec_context
        assert (context.name, context.pix_fmt, context.width) == ("h264", "yuv420p", 128)
    with VideoReader(io.BytesIO(answer.body)) as reader:
        frames = list(reader.frames())
    assert [number_of(frame.pixels) for frame in frames] == list(range(12))
    assert [frame.seconds for frame in frames] == pytest.approx([number / 4 for number in range(12)], abs=0.01)


def test_a_copy_is_made_small_and_keeps_the_shape(web: Running, tmp_path: Path) -> None:
    write_video(tmp_path / "wide.avi", [numbered(1, 1280, 400)] * 4, fps=4, codec="mpeg4")
    media = web.client.upload(tmp_path / "wide.avi")
    with VideoReader(io.BytesIO(web.as_owner("GET", f"/v1/media/{media.id}").body)) as reader:
        assert (reader.info.width, reader.info.height) == (960, 300)


def test_a_picture_that_is_too_large_is_refused_before_it_is_decoded(web: Running, tmp_path: Path) -> None:
    write_video(tmp_path / "bomb.mp4", [np.zeros((2000, 2000, 3), np.uint8)] * 2, fps=4)
    with pytest.raises(ServerRefused, match="over the limit") as refused:
        web.client.upload(tmp_path / "bomb.mp4")
    assert refused.value.status == 422


def test_a_process_that_needs_too_much_memory_fails_alone(tmp_path: Path) -> None:
    write_video(tmp_path / "large.mp4", [np.zeros((2160, 3840, 3), np.uint8)] * 2, fps=4)
    with running(replace(FAST, memory_bytes=900 << 20)) as web:
        with pytest.raises(SG4VError, match="memory"):
            web.client.caption(tmp_path / "large.mp4", model="embedded")
        assert web.client.session().version


def test_ids_are_random_and_say_nothing(web: Running) -> None:
    ids = {web.client.upload(PARK).id for _ in range(3)}
    assert len(ids) == 3
    assert all(len(id) >= 20 for id in ids)
    for id in ("..", "%2e%2e", "../../etc/passwd", "0", "%00", "a" * 5000):
        assert web.as_owner("GET", f"/v1/media/{id}/info").status in (404, 405)
    assert os.sep not in "".join(ids)


@pytest.mark.parametrize("how", ["replaced", "rewritten", "removed", "a pipe"])
def test_a_file_that_is_another_one_by_now_is_not_served(web: Running, folders: Path, how: str) -> None:
    path = folders / "open" / "changed.mp4"
    path.unlink(missing_ok=True)
    write_video(path, numbered_run(4), fps=4)
    media = web.client.open("changed.mp4")
    assert web.as_owner("GET", f"/v1/media/{media.id}").status == 200
    if how == "rewritten":  # as many bytes, at another time
        path.write_bytes(bytes(path.stat().st_size))
    else:
        path.unlink()
    if how == "replaced":
        write_video(path, numbered_run(9), fps=4)
    if how == "a pipe":
        os.mkfifo(path)
    for rest in ("", "/info", "/frame"):
        answer = web.as_owner("GET", f"/v1/media/{media.id}{rest}")
        assert (answer.status, b"open it again" in answer.body) == (404, True), answer
    assert web.as_owner("POST", "/v1/captions", {"media": media.id}).status == 404
