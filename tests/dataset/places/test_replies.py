"""The reply cache: nothing that was answered is asked again, nothing wrong is taken for an answer."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media import write_video
from scenes import texture
from sharegpt4video import caption
from sharegpt4video.config import CaptionSettings, FactSettings, KeyframeSettings
from sharegpt4video.dataset.places.replies import RESERVE_BYTES, CachedVLM, ReplyCache, cache_key
from sharegpt4video.errors import StorageError
from sharegpt4video.prompts import prompt_set
from sharegpt4video.records import Image
from sharegpt4video.vlm.base import Reply, Request
from sharegpt4video.vlm.fake import FakeVLM, fail_at
from sharegpt4video.vlm.server import ServerVLM

REQUEST = Request("opening", "clip.mp4", (Image(b"jpeg", 4, 4),), (0.0,))
REPLY = Reply("A cat sleeps.", REQUEST.key(), "model", "prompts", 100, 7)
KEY = cache_key("model", "prompts", REQUEST.key())


def ask(vlm: CachedVLM, *requests: Request) -> list[Reply]:
    async def run() -> list[Reply]:
        return [await vlm.generate(request) for request in requests]

    return asyncio.run(run())


def test_a_reply_comes_back_as_it_was_also_in_the_next_run(tmp_path: Path) -> None:
    first = ReplyCache(tmp_path)
    first.put(KEY, REPLY)
    assert first.get(KEY) == replace(REPLY, request_key="")
    first.close()
    again = ReplyCache(tmp_path)
    assert again.get(KEY) == replace(REPLY, request_key="")
    assert again.get(b"\0" * 32) is None
    assert (again.hits, again.misses, len(again)) == (1, 1, 1)


def test_what_was_answered_is_not_asked_again(tmp_path: Path) -> None:
    fake = FakeVLM(["A cat sleeps.", "A dog barks."])
    vlm = CachedVLM(fake, ReplyCache(tmp_path), "p")
    other = replace(REQUEST, seconds=(2.0,))
    replies = ask(vlm, REQUEST, other, REQUEST, other)
    assert [reply.text for reply in replies] == ["A cat sleeps.", "A dog barks."] * 2
    assert [reply.request_key for reply in replies] == [REQUEST.key(), other.key()] * 2
    assert len(fake.requests) == 2


def test_captions_of_a_model_that_takes_png_are_asked_with_jpegs_as_ever(tmp_path: Path) -> None:
    """Their keys are those of the bytes: other pictures, and every answer that was kept would be paid for again."""
    clip = tmp_path / "clip.mp4"
    write_video(clip, [texture(1, 160, 96)] * 20, fps=10)
    settings = CaptionSettings(keyframes=KeyframeSettings(selector="uniform"), facts=FactSettings(ocr=False))
    cache = ReplyCache(tmp_path)
    caption(clip, model=CachedVLM(FakeVLM(name="m"), cache, "p"), settings=settings)
    paid = len(cache)
    vlm = FakeVLM(name="m")
    vlm.takes_png = True
    cached = CachedVLM(vlm, cache, "p")
    caption(clip, model=cached, settings=settings)
    assert cached.takes_png
    assert paid == cache.hits > 0
    assert vlm.requests == []


def test_a_degenerate_reply_was_paid_for_and_is_kept(tmp_path: Path) -> None:
    fake = FakeVLM([""])
    replies = ask(CachedVLM(fake, ReplyCache(tmp_path), "p"), REQUEST, REQUEST)
    assert [reply.problem for reply in replies] == ["empty", "empty"]
    assert len(fake.requests) == 1


def test_no_answer_and_somebody_elses_answer_are_not_kept(tmp_path: Path) -> None:
    fake = FakeVLM(["x", Reply("not yours", "another key", "m"), "A cat sleeps."], fail=fail_at(1))
    vlm = CachedVLM(fake, ReplyCache(tmp_path), "p")
    replies = ask(vlm, REQUEST, REQUEST, REQUEST, REQUEST)
    assert [reply.problem for reply in replies] == ["unavailable", "", "", ""]
    assert replies[1].request_key == "another key"
    assert [reply.text for reply in replies[2:]] == ["A cat sleeps."] * 2
    assert len(fake.requests) == 3


def test_whatever_can_change_an_answer_changes_the_key(tmp_path: Path) -> None:
    cache = ReplyCache(tmp_path)
    default, paper = prompt_set("default"), prompt_set("paper")
    models = [
        ServerVLM("cat-7b", "http://127.0.0.1:1/v1", prompts=default),
        ServerVLM("cat-8b", "http://127.0.0.1:1/v1", prompts=default),
        ServerVLM("cat-7b", "http://127.0.0.1:1/v1", prompts=default, temperature=0.5),
        ServerVLM("cat-7b", "http://127.0.0.1:1/v1", prompts=default, extra_body={"top_k": 1}),
        ServerVLM("cat-7b", "http://127.0.0.1:1/v1", prompts=default, hints=True),
    ]
    keys = {cache_key(model.identity, default.hash, REQUEST.key()) for model in models}
    keys.add(cache_key(models[0].identity, paper.hash, REQUEST.key()))
    keys.add(cache_key(models[0].identity, default.hash, replace(REQUEST, images=(Image(b"other", 4, 4),)).key()))
    assert len(keys) == len(models) + 2
    moved = ServerVLM("cat-7b", "http://127.0.0.1:2/v1", prompts=default)
    assert moved.identity == models[0].identity
    cache.close()


def test_a_row_that_was_changed_or_put_under_another_key_is_not_used(tmp_path: Path) -> None:
    cache = ReplyCache(tmp_path)
    other = b"k" * 32
    cache.put(KEY, REPLY)
    cache.put(other, replace(REPLY, text="A dog barks."))
    cache.close()
    with sqlite3.connect(tmp_path / "replies.sqlite") as file:
        swapped = b"?" * 32
        file.execute("UPDATE replies SET key = ? WHERE key = ?", (swapped, KEY))
        file.execute("UPDATE replies SET key = ? WHERE key = ?", (KEY, other))
    again = ReplyCache(tmp_path)
    assert again.get(KEY) is None
    assert again.damaged == 1


@given(st.text(), st.text(), st.integers(0, 10**9))
def test_any_text_survives(text: str, detail: str, tokens: int) -> None:
    import tempfile

    text, detail = (value.encode(errors="replace").decode() for value in (text, detail))  # no lone surrogates
    with tempfile.TemporaryDirectory() as folder:
        cache = ReplyCache(Path(folder))
        reply = Reply(text, "", "m", "p", tokens, tokens, "repeating", detail)
        cache.put(KEY, reply)
        assert cache.get(KEY) == reply
        cache.close()


def test_runs_side_by_side_read_each_others_replies(tmp_path: Path) -> None:
    one = ReplyCache(tmp_path, "replies-0")
    one.put(KEY, REPLY)
    two = ReplyCache(tmp_path, "replies-1")
    assert two.get(KEY) is not None


WRITE_FOREVER = """
import sys
from pathlib import Path
from sharegpt4video.dataset.places.replies import RESERVE_BYTES, ReplyCache, cache_key
from sharegpt4video.vlm.base import Reply
cache = ReplyCache(Path(sys.argv[1]))
for number in range(10**9):
    cache.put(cache_key("m", "p", str(number)), Reply(f"text {number}", "", "m"))
    print(number, flush=True)
"""


def test_a_kill_loses_nothing_that_was_put(tmp_path: Path) -> None:
    writer = subprocess.Popen([sys.executable, "-c", WRITE_FOREVER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    for line in writer.stdout:
        if int(line) == 500:
            os.kill(writer.pid, signal.SIGKILL)
            break
    last = max([500, *(int(line) for line in writer.stdout if line.endswith("\n"))])
    writer.wait()
    cache = ReplyCache(tmp_path)
    for number in range(last + 1):
        reply = cache.get(cache_key("m", "p", str(number)))
        assert reply is not None
        assert reply.text == f"text {number}"


def test_a_cache_of_another_version_is_refused(tmp_path: Path) -> None:
    ReplyCache(tmp_path).close()
    with sqlite3.connect(tmp_path / "replies.sqlite") as file:
        file.execute("PRAGMA user_version = 99")
    with pytest.raises(
        StorageError, match=r"replies\.sqlite: a reply cache of version 99; this package reads version 1"
    ):
        ReplyCache(tmp_path)


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "replies.sqlite").write_bytes(b"this is no database at all, but a letter" * 50)
    with pytest.raises(StorageError, match="move it away"):
        ReplyCache(tmp_path)
    with sqlite3.connect(tmp_path / "other.sqlite") as file:
        file.execute("CREATE TABLE cats (name TEXT)")
    (tmp_path / "replies.sqlite").unlink()
    with pytest.raises(StorageError, match="not a reply cache"):
        ReplyCache(tmp_path)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="folder for the replies"):
        ReplyCache(tmp_path / "file" / "replies")


def test_a_full_disk_is_told_and_keeps_what_was_there(tmp_path: Path) -> None:
    cache = ReplyCache(tmp_path)
    cache.put(KEY, REPLY)
    cache._files[0].execute("PRAGMA max_page_count = 1")  # the same error as a disk that is full
    with pytest.raises(StorageError, match="free some space"):
        cache.put(cache_key("m", "p", "long"), replace(REPLY, text="x" * 100_000))
    assert cache.get(KEY) == replace(REPLY, request_key="")


def test_the_answer_that_finds_the_disk_full_is_kept_in_the_reserve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = ReplyCache(tmp_path)
    (reserve,) = tmp_path.glob("*.reserve")
    assert reserve.stat().st_size == RESERVE_BYTES
    insert = cache._insert

    def on_a_full_disk(row: tuple[object, ...]) -> None:
        if reserve.exists():
            raise sqlite3.OperationalError("database or disk is full")
        insert(row)

    monkeypatch.setattr(cache, "_insert", on_a_full_disk)
    with pytest.raises(StorageError, match="free some space"):
        cache.put(KEY, REPLY)
    cache.close()
    again = ReplyCache(tmp_path)
    assert again.get(KEY) == replace(REPLY, request_key="")
    assert reserve.stat().st_size == RESERVE_BYTES, "set aside anew once there is room"
