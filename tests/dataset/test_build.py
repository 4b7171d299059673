"""Builds: what is done, what is dropped, what fails, and what the next run does about it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chat_server import ChatServer, Received, answer, drop, status
from made_requests import server_vlm
from made_sets import QUICK, captions, quick, same_captions, write_clips
from media import solid, write_video
from sharegpt4video.dataset.build import BuildOptions, build
from sharegpt4video.dataset.canary import canary
from sharegpt4video.dataset.counts import BuildCounts
from sharegpt4video.dataset.rows import Failure, SourceVideo
from sharegpt4video.dataset.settings import FilterSettings, SurveySettings
from sharegpt4video.dataset.status import status as status_of
from sharegpt4video.dataset.store.lock import Busy, lock
from sharegpt4video.dataset.store.store import Store
from sharegpt4video.errors import SettingsError, StorageError, VLMError
from sharegpt4video.vlm.base import Request
from sharegpt4video.vlm.fake import FakeVLM, fail_after
from sharegpt4video.vlm.server import ServerVLM

ONE = BuildOptions(processes=1)


def told(received: Received) -> str:
    """An answer that can be told from every other, and depends on nothing but the time that it was asked about."""
    asked = re.findall(r"in the video from (\S+ s to \S+ s)", received.text)
    return f"From {asked[-1]} a leaf turns over in the wind." if asked else "A leaf lies on dry ground."


def patient(address: str) -> ServerVLM:
    """A model that outlasts every fault of these tests, also when they all meet one request on a busy machine."""
    return server_vlm(address, retries=10, timeout_seconds=300.0)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    write_clips(folder, 4)
    return folder


def failures(out: Path) -> list[Failure]:
    return list(Store(out).rows("failures"))


def test_a_folder_becomes_a_data_set(clips: Path, tmp_path: Path) -> None:
    seen: list[int] = []
    counts = build([str(clips)], tmp_path, settings=QUICK, options=ONE, on_progress=lambda now: seen.append(now.done))
    assert (counts.listed, counts.captioned, counts.left, counts.stopped) == (4, 4, 0, "")
    rows = captions(tmp_path)
    assert sorted(Path(location).name for location in rows) == [f"clip-{number:03d}.mp4" for number in range(4)]
    for row in rows.values():
        assert row.steps[-1].end_seconds == pytest.approx(3.0)
        assert row.summary
        assert len(row.provenance.request_keys) == row.provenance.requests
    assert seen == sorted(seen)
    assert "captioned 4 of 4 videos" in counts.text()
    assert "at once" not in counts.text()


class Searched(FakeVLM):
    """Has found how many requests at once are best."""

    requests_at_once = 8


def test_the_next_run_does_nothing_and_one_with_more_videos_does_those(clips: Path, tmp_path: Path) -> None:
    fake = Searched()
    first = build([str(clips / "clip-000.mp4")], tmp_path, model=fake, settings=QUICK, options=ONE)
    assert " replies asked for, 8 requests at once, " in first.text()
    asked = len(fake.requests)
    again = build([str(clips / "clip-000.mp4")], tmp_path, model=fake, settings=QUICK, options=ONE)
    assert (again.captioned, again.known, len(fake.requests)) == (0, 1, asked)
    more = build([str(clips)], tmp_path, model=fake, settings=QUICK, options=ONE)
    assert (more.listed, more.captioned, more.known) == (4, 3, 1)
    nothing_named = build([], tmp_path, model=fake, settings=QUICK, options=ONE)
    assert (nothing_named.listed, nothing_named.known) == (4, 4)


def test_names_of_the_wrong_kind_are_refused_before_anything_is_made(clips: Path, tmp_path: Path) -> None:
    out: Any
    for out in ("", " ", 5, None):
        with pytest.raises(SettingsError, match="named by its directory"):
            build([str(clips)], out)
    model: Any = 7
    with pytest.raises(SettingsError, match="model is a name"):
        build([str(clips)], tmp_path / "out", model=model)
    with pytest.raises(SettingsError, match="list of names"):
        build(str(clips), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_other_settings_or_another_model_are_not_mixed_in(clips: Path, tmp_path: Path) -> None:
    build([str(clips)], tmp_path, model=FakeVLM(), settings=QUICK, options=ONE)
    with pytest.raises(SettingsError, match="model"):
        build([], tmp_path, model=FakeVLM(name="another"), settings=QUICK, options=ONE)
    with pytest.raises(SettingsError, match="every_seconds"):
        build([], tmp_path, model=FakeVLM(), settings=quick(survey=SurveySettings(False, 2.0)), options=ONE)
    looser = quick(filters=FilterSettings(max_seconds=100))
    assert build([], tmp_path, model=FakeVLM(), settings=looser, options=ONE).known == 4


def test_what_cannot_be_read_is_a_failure_with_its_kind(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    write_clips(folder, 1)
    (folder / "broken.mp4").write_bytes(b"this is no video" * 100)
    counts = build([str(folder)], tmp_path / "out", settings=QUICK, options=ONE)
    assert (counts.captioned, dict(counts.failed)) == (1, {"unreadable": 1})
    (failure,) = failures(tmp_path / "out")
    assert Path(failure.location).name == "broken.mp4"
    assert "not a video" in failure.message
    again = build([], tmp_path / "out", settings=QUICK, options=ONE)
    assert (again.known, dict(again.failed_before), again.failed.total()) == (1, {"unreadable": 1}, 0)


def test_failures_are_tried_again_when_asked_for(tmp_path: Path) -> None:
    (clip,) = write_clips(tmp_path / "in", 1)
    good = clip.read_bytes()
    clip.unlink()
    clip.symlink_to(tmp_path / "aside.mp4")
    (tmp_path / "aside.mp4").write_bytes(good[: len(good) // 3])
    options = BuildOptions(processes=1, retry=("unreadable",))
    first = build([str(tmp_path / "in")], tmp_path / "out", settings=QUICK, options=ONE)
    assert dict(first.failed) == {"unreadable": 1}
    assert build([], tmp_path / "out", settings=QUICK, options=BuildOptions(1, ("stalled",))).failed.total() == 0
    again = build([], tmp_path / "out", settings=QUICK, options=options)
    assert dict(again.failed) == {"unreadable": 1}, "the file is as it was, so it fails again"
    (tmp_path / "aside.mp4").write_bytes(good)
    mended = build([str(tmp_path / "in")], tmp_path / "out", settings=QUICK, options=options)
    assert mended.captioned == 1


def test_a_source_that_vanishes_half_way_is_told(tmp_path: Path) -> None:
    paths = write_clips(tmp_path / "in", 3)

    def vanish(now: BuildCounts) -> None:
        if now.captioned == 1:
            paths[2].unlink(missing_ok=True)

    settings = quick(filters=FilterSettings(duplicate_packets=False))
    survived = build([str(tmp_path / "in")], tmp_path / "out", settings=settings, options=ONE, on_progress=vanish)
    assert survived.captioned + survived.failed["vanished"] == 3
    paths[0].unlink()
    (tmp_path / "out2").mkdir()
    known = Store(tmp_path / "out").parts("sources")
    assert known
    resumed = build([], tmp_path / "out", settings=settings, options=BuildOptions(1, ("all",)))
    assert resumed.failed["vanished"] + resumed.known == 3


def test_the_same_file_twice_is_done_once(clips: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    data = (clips / "clip-000.mp4").read_bytes()
    for name in ("a.mp4", "b.mp4"):
        (folder / name).write_bytes(data)
    counts = build([str(folder)], tmp_path / "out", settings=QUICK, options=ONE)
    assert (counts.listed, counts.captioned, counts.identical) == (2, 1, 1)


def test_filters_drop_before_a_model_is_asked(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    write_clips(folder, 1)
    write_clips(folder / "long", 1, seconds=6.0, first_seed=50)
    write_video(folder / "black.mp4", [solid((0, 0, 0))] * 24, fps=8)
    settings = quick(filters=FilterSettings(max_seconds=4.0), survey=SurveySettings(True, 0.5))
    fake = FakeVLM()
    counts = build([str(folder)], tmp_path / "out", model=fake, settings=settings, options=ONE)
    assert counts.captioned == 1
    assert dict(counts.dropped) == {"max_seconds": 1, "max_black_share": 1}
    assert len({request.video for request in fake.requests}) == 1
    looser = quick(filters=FilterSettings(), survey=SurveySettings(True, 0.5))
    more = build([], tmp_path / "out", model=fake, settings=looser, options=ONE)
    assert (more.captioned, more.surveyed) == (1, 0), "the scores were stored: nothing is surveyed again"


def test_spans_and_archives_and_the_users_ids(clips: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "clips.zip", "w") as archive:
        archive.write(clips / "clip-001.mp4", "inside/clip.mp4")
    table = tmp_path / "list.csv"
    table.write_text(
        f"path,id,start,end\n{clips / 'clip-000.mp4'},mine,1,2\n{tmp_path / 'clips.zip'}::inside/clip.mp4,zipped,,\n"
    )
    counts = build([str(table)], tmp_path / "out", settings=QUICK, options=ONE)
    assert counts.captioned == 2, counts.text()
    by_user = {row.user_id: row for row in Store(tmp_path / "out").rows("captions")}
    assert (by_user["mine"].start_seconds, by_user["mine"].end_seconds) == (1.0, 2.0)
    assert by_user["zipped"].end_seconds == pytest.approx(3.0)


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer(default=answer(told)) as running:
        yield running


def test_a_build_with_a_server_equals_the_captions_one_by_one(clips: Path, tmp_path: Path, server: ChatServer) -> None:
    vlm = patient(server.base_url)
    build([str(clips)], tmp_path / "one", model=vlm, settings=QUICK, options=ONE)
    build([str(clips)], tmp_path / "two", model=vlm, settings=QUICK, options=BuildOptions(processes=2))
    same_captions(tmp_path / "one", tmp_path / "two")


def test_a_data_set_has_the_answers_of_a_model_and_not_its_markup(clips: Path, tmp_path: Path) -> None:
    said = '<think>Hm.</think>\n```json\n{"caption": "A patchwork of colours."}\n```<|im_end|>'
    with ChatServer(default=answer(said)) as running:
        counts = build([str(clips)], tmp_path, model=patient(running.base_url), settings=QUICK, options=ONE)
    rows = captions(tmp_path).values()
    assert (counts.captioned, counts.marked) == (4, 0)
    assert {text for row in rows for text in (row.summary, *(step.text for step in row.steps))} == {
        "A patchwork of colours."
    }


def test_what_is_no_caption_is_marked_in_a_data_set(clips: Path, tmp_path: Path) -> None:
    with ChatServer(default=answer('{"objects": ["a", "b"], "colours": 3}')) as running:
        counts = build([str(clips)], tmp_path, model=patient(running.base_url), settings=QUICK, options=ONE)
    assert counts.marked
    problems = {step.problem for row in captions(tmp_path).values() for step in row.steps}
    assert problems == {"not plain text: the model answered with JSON"}


def test_a_server_that_is_gone_stops_the_run_and_fails_no_video(clips: Path, tmp_path: Path) -> None:
    with ChatServer(default=answer(told)) as running:
        address = running.base_url
    vlm = server_vlm(address, retries=0)
    counts = build([str(clips)], tmp_path, model=vlm, settings=QUICK, options=ONE)
    assert counts.stopped
    assert (counts.captioned, counts.failed.total()) == (0, 0)
    assert not failures(tmp_path)


def test_a_model_that_dies_half_way_leaves_what_is_done_and_the_rest_for_later(clips: Path, tmp_path: Path) -> None:
    gone = FakeVLM(fail=fail_after(9), max_concurrent=1)
    counts = build([str(clips)], tmp_path, model=gone, settings=QUICK, options=ONE)
    assert counts.stopped
    assert 0 < counts.captioned < 4
    well = FakeVLM()
    rest = build([], tmp_path, model=well, settings=QUICK, options=ONE)
    assert rest.captioned + rest.known == 4
    assert len(well.requests) + 9 == sum(row.provenance.requests for row in captions(tmp_path).values())


def test_one_request_that_the_model_refuses_fails_one_video(clips: Path, tmp_path: Path) -> None:
    def fail(_: int, request: Request) -> VLMError | None:
        return VLMError("too long for the context") if request.video == "clip-001.mp4" else None

    counts = build([str(clips)], tmp_path, model=FakeVLM(fail=fail), settings=QUICK, options=ONE)
    assert (counts.captioned, dict(counts.failed), counts.stopped) == (3, {"model": 1}, "")
    (failure,) = failures(tmp_path)
    assert "too long for the context" in failure.message


def test_an_odd_error_ends_one_video(clips: Path, tmp_path: Path) -> None:
    def fail(_: int, request: Request) -> Exception | None:
        return ZeroDivisionError("a bug") if request.video == "clip-002.mp4" else None

    counts = build([str(clips)], tmp_path, model=FakeVLM(fail=fail), settings=QUICK, options=ONE)
    assert (counts.captioned, dict(counts.failed)) == (3, {"unexpected": 1})
    assert "ZeroDivisionError: a bug" in failures(tmp_path)[0].message


def test_a_server_with_bad_moments_gives_the_same_data_set(clips: Path, tmp_path: Path, server: ChatServer) -> None:
    build([str(clips)], tmp_path / "calm", model=patient(server.base_url), settings=QUICK, options=ONE)
    rough = [drop(), answer(told), status(500), status(429, retry_after="0.01"), answer(told), drop()]
    with ChatServer(*rough, default=answer(told)) as other:
        build([str(clips)], tmp_path / "rough", model=patient(other.base_url), settings=QUICK, options=ONE)
    same_captions(tmp_path / "calm", tmp_path / "rough")


def test_texts_that_no_answer_came_for_are_asked_for_by_the_next_build(clips: Path, tmp_path: Path) -> None:
    (clip, *_), out = sorted(clips.iterdir()), tmp_path / "out"
    with ChatServer(answer(told), status(500), status(500), status(500), default=answer(told)) as running:
        vlm = server_vlm(running.base_url, max_concurrent=1)
        lacking = build([str(clip)], out, model=vlm, settings=QUICK, options=ONE)
        asked = len(running.received)
        assert (lacking.captioned, lacking.unanswered, lacking.failed.total()) == (1, 1, 0)
        assert "in 1 captioned video the model left texts unanswered" in lacking.text()
        assert "of these unfinished" in status_of(Store(out)).text()
        whole = build([], out, model=vlm, settings=QUICK, options=ONE)
        assert (whole.captioned, whole.unanswered) == (1, 0)
        assert len(running.received) - asked < whole.requests, "what was answered is not asked again"
        build([str(clip)], tmp_path / "calm", model=vlm, settings=QUICK, options=ONE)
    (row,), (calm,) = captions(out).values(), captions(tmp_path / "calm").values()
    assert (row.steps, row.summary) == (calm.steps, calm.summary)
    assert (row.revision, whole.checks and whole.checks.checked) == (1, 1)


def test_a_video_without_any_answer_fails_and_is_tried_again(clips: Path, tmp_path: Path) -> None:
    with ChatServer(default=status(500)) as running:
        vlm = server_vlm(running.base_url)
        stopped = build([str(clips)], tmp_path, model=vlm, settings=QUICK, options=ONE)
        assert "3 times in a row, last: unavailable: HTTP 500" in stopped.stopped
        assert not captions(tmp_path)
        running.default = answer(told)
        assert build([], tmp_path, model=vlm, settings=QUICK, options=ONE).captioned == 4


def test_a_key_that_is_not_taken_stops_the_run_and_costs_no_video(clips: Path, tmp_path: Path) -> None:
    with ChatServer(default=status(401, "no such key")) as running:
        vlm = server_vlm(running.base_url, max_concurrent=1)
        stopped = build([str(clips)], tmp_path, model=vlm, settings=QUICK, options=ONE)
        assert (stopped.captioned, stopped.failed.total(), stopped.left) == (0, 0, 4)
        assert "no such key - set OPENAI_API_KEY" in stopped.stopped
        assert len(running.received) <= 2
        running.default = answer(told)
        assert build([], tmp_path, model=vlm, settings=QUICK, options=ONE).captioned == 4
    assert not failures(tmp_path)


def test_shards_together_are_the_whole(clips: Path, tmp_path: Path) -> None:
    fake = FakeVLM()
    build([str(clips)], tmp_path / "whole", model=fake, settings=QUICK, options=ONE)
    parts = [
        build([str(clips)], tmp_path / "shards", model=fake, settings=QUICK, options=BuildOptions(1, (), (number, 3)))
        for number in range(3)
    ]
    assert sum(part.captioned for part in parts) == 4
    same_captions(tmp_path / "whole", tmp_path / "shards")


def test_a_corrupt_part_is_told_and_nothing_is_overwritten(clips: Path, tmp_path: Path) -> None:
    build([str(clips)], tmp_path, settings=QUICK, options=ONE)
    part = Path(Store(tmp_path).parts("captions")[0])
    data = bytearray(part.read_bytes())
    data[len(data) // 2] ^= 0xFF
    part.write_bytes(data[:-7])
    with pytest.raises(StorageError, match=re.escape(part.name)):
        build([], tmp_path, settings=QUICK, options=ONE)
    Store(tmp_path).set_aside(str(part))
    fake_free = build([], tmp_path, settings=QUICK, options=ONE)
    assert (fake_free.captioned, fake_free.requests_paid) == (4, 0), "the replies are in the cache"


def test_a_second_run_in_the_same_directory_is_refused(clips: Path, tmp_path: Path) -> None:
    with lock(tmp_path), pytest.raises(Busy, match=str(os.getpid())):
        build([str(clips)], tmp_path, settings=QUICK, options=ONE)
    with lock(tmp_path, shard=(0, 2)), pytest.raises(Busy):
        build([str(clips)], tmp_path, settings=QUICK, options=BuildOptions(1, (), (1, 3)))
    assert not Store(tmp_path).parts("captions")


def test_an_output_that_cannot_be_written_is_told(clips: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="file"):
        build([str(clips)], tmp_path / "file" / "set", settings=QUICK, options=ONE)


def test_the_canary_finds_every_mix_up(clips: Path) -> None:
    result = canary([str(clips)], model=FakeVLM(max_concurrent=1), settings=QUICK)
    assert result.proved, result.text()
    assert result.swapped >= 3
    assert (result.strange, result.poisoned) == (0, 0)


def test_listed_sources_keep_their_order(clips: Path, tmp_path: Path) -> None:
    build([str(clips / "clip-002.mp4")], tmp_path, settings=QUICK, options=ONE)
    build([str(clips)], tmp_path, settings=QUICK, options=ONE)
    sources: list[SourceVideo] = list(Store(tmp_path).rows("sources"))
    assert [Path(source.location).stem for source in sources] == ["clip-002", "clip-000", "clip-001", "clip-003"]


FULL_DISK = """
import resource, signal, sys
sys.path[:0] = [sys.argv[3]]
from made_sets import QUICK
from sharegpt4video.dataset.build import BuildOptions, build
from sharegpt4video.errors import StorageError
if __name__ == "__main__":
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[4]),) * 2)
    try:
        build([sys.argv[1]], sys.argv[2], settings=QUICK, options=BuildOptions(processes=1))
    except StorageError as error:
        sys.exit(f"StorageError: {error}")
"""


@pytest.mark.parametrize("file_bytes", [4_000, 40_000])
def test_a_full_disk_stops_the_run_with_advice_and_loses_nothing(clips: Path, tmp_path: Path, file_bytes: int) -> None:
    build([str(clips)], tmp_path / "calm", settings=QUICK, options=ONE)
    command = [sys.executable, "-c", FULL_DISK, str(clips), str(tmp_path / "out"), str(Path(__file__).parents[1])]
    full = subprocess.run([*command, str(file_bytes)], capture_output=True, text=True, timeout=240, check=False)
    assert full.returncode == 1
    assert full.stderr.startswith("StorageError: "), full.stderr
    assert str(tmp_path / "out") in full.stderr
    build([str(clips)], tmp_path / "out", settings=QUICK, options=ONE)
    same_captions(tmp_path / "out", tmp_path / "calm")
    assert Store(tmp_path / "out").verify() == []


def test_of_a_server_that_is_gone_no_video_is_read_and_one_that_is_not_needed_is_not_asked(
    clips: Path, tmp_path: Path
) -> None:
    with ChatServer(default=answer(told)) as running:
        vlm = server_vlm(running.base_url, retries=0)
        done = build([str(clips)], tmp_path / "done", model=vlm, settings=QUICK, options=ONE)
        assert (done.captioned, running.asked_models) == (4, 1)
    assert not build([str(clips)], tmp_path / "done", model=vlm, settings=QUICK, options=ONE).stopped
    counts = build([str(clips)], tmp_path / "new", model=vlm, settings=QUICK, options=ONE)
    assert "nobody answers" in counts.stopped
    assert not list(Store(tmp_path / "new").rows("surveys"))


def test_a_data_set_is_built_again_from_its_replies_without_the_server(clips: Path, tmp_path: Path) -> None:
    kept = BuildOptions(processes=1, replies=tmp_path / "replies")
    with ChatServer(default=answer(told)) as running:
        vlm = server_vlm(running.base_url, retries=0)
        first = build([str(clips)], tmp_path / "first", model=vlm, settings=QUICK, options=kept)
    again = build([str(clips)], tmp_path / "again", model=vlm, settings=QUICK, options=kept)
    assert (again.captioned, again.requests_paid, again.stopped) == (first.captioned, 0, "")
    write_clips(tmp_path / "more", 1, seconds=1.0, first_seed=77)
    more = build([str(tmp_path / "more")], tmp_path / "again", model=vlm, settings=QUICK, options=kept)
    assert (more.captioned, more.failed.total()) == (0, 0)
    assert "nobody answers" in more.stopped
