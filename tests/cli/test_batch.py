"""Many videos in one run: whatever happens to one, the others are done, it is told, and nothing paid is lost."""

from __future__ import annotations

import errno
import os
import signal
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from media import solid, write_video
from sees_nothing import SEES_NOTHING
from sharegpt4video import reading as read_module
from sharegpt4video.cli import outputs as outputs_module
from sharegpt4video.cli import reading as reading_module
from sharegpt4video.cli.batch import Batch
from sharegpt4video.cli.claims import Claims
from sharegpt4video.cli.content import content_of
from sharegpt4video.cli.progress import Display
from sharegpt4video.config import CaptionSettings, FactSettings
from sharegpt4video.errors import SettingsError, VideoError
from sharegpt4video.reading import Opened
from sharegpt4video.records import VideoCaption
from sharegpt4video.vlm.base import Reply, Request
from sharegpt4video.vlm.fake import FakeVLM

SETTINGS = CaptionSettings(mode="fast", fast_frames=1, facts=FactSettings(ocr=False, detector=SEES_NOTHING))


@pytest.fixture
def videos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Four videos of one picture each."""
    monkeypatch.chdir(tmp_path)
    for number in range(4):
        write_video(Path(f"{number}.mp4"), [solid((40 * number, 90, 90))] * 2, fps=10)
    return [f"{number}.mp4" for number in range(4)]


def captioned(videos: list[str], *formats: str, vlm: FakeVLM | None = None, jobs: int = 1, **options: Any) -> Batch:
    batch = Batch(SETTINGS, vlm or FakeVLM(), formats or ("json",), Path("out"), quiet=True, jobs=jobs, **options)
    batch.run(videos)
    return batch


class Searched(FakeVLM):
    """Has found how many requests at once are best."""

    requests_at_once = 8


def test_the_summary_tells_how_many_requests_at_once_were_best(videos: list[str]) -> None:
    assert ", 8 requests at once, " in captioned(videos[:1], vlm=Searched()).counts()
    assert "at once" not in captioned(videos[1:2]).counts()


def failing_reads(monkeypatch: pytest.MonkeyPatch, name: str, fail: Callable[[], None]) -> None:
    read = read_module.read

    def reads(video: str, *arguments: Any, **options: Any) -> Any:
        events = read(video, *arguments, **options)
        yield next(events)
        if video == name:
            fail()
        yield from events

    monkeypatch.setattr(read_module, "read", reads)


@pytest.mark.parametrize(
    "error",
    [
        VideoError("1.mp4: broken"),
        OSError(errno.EIO, "Input/output error"),
        MemoryError(),
        RecursionError("too deep"),
        ValueError("what?"),
        KeyError("x"),
        UnicodeEncodeError("utf-8", "\ud800", 0, 1, "half"),
        AssertionError(),
        StopIteration(),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("jobs", [1, 4])
def test_any_exception_is_one_failure(
    videos: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception, jobs: int
) -> None:
    left = [error]

    def fail() -> None:
        if left:
            raise left.pop()

    failing_reads(monkeypatch, "1.mp4", fail)
    batch = captioned(videos, jobs=jobs)
    assert (batch.done, batch.failed, batch.untried) == (3, 1, 0)
    assert "error: 1.mp4: " in capsys.readouterr().err
    assert captioned(videos, jobs=4).counts().startswith("captioned 1 video, 3 already done")


def _crash(send: Callable[[Any], None], video: str, settings: CaptionSettings, *wants: bool) -> None:
    if video == "1.mp4":
        send(Opened(video, 64, 48, 0.0, 1.0))
        os.kill(os.getpid(), signal.SIGSEGV)
    _read_job(send, video, settings, *wants)


_read_job = reading_module._read_job


@pytest.mark.usefixtures("workers", "videos")
@pytest.mark.parametrize("number", [1, 3], ids=["alone", "among others"])
def test_a_crash_of_a_decoder_is_one_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], number: int
) -> None:
    monkeypatch.setattr(reading_module, "_read_job", _crash)
    batch = captioned(["1.mp4", "0.mp4", "2.mp4"][:number])
    assert (batch.done, batch.failed, batch.untried) == (number - 1, 1, 0)
    assert "1.mp4: the process that read it died (signal 11); the file crashes its decoder" in capsys.readouterr().err


class TestTheFolder:
    def test_a_full_disk_loses_no_answer(
        self, videos: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        write = outputs_module.write_whole

        def full(path: Path, *arguments: Any, **options: Any) -> None:
            if path.parent.name == "out" and path.name.startswith("1."):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            write(path, *arguments, **options)

        monkeypatch.setenv("TMPDIR", str(tmp_path))
        monkeypatch.setattr("tempfile.tempdir", None)
        monkeypatch.setattr(outputs_module, "write_whole", full)
        batch = captioned(videos)
        assert (batch.done, batch.failed) == (3, 1)
        err = capsys.readouterr().err
        assert "1.mp4: cannot be written to out: No space left on device; the caption is kept in " in err
        (kept,) = tmp_path.glob("sg4v-kept-*/1.json")
        assert VideoCaption.from_json(kept.read_bytes()).video == "1.mp4"

    def test_a_folder_that_takes_nothing_is_given_up_before_more_is_paid(
        self, videos: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def closed(*_: Any, **__: Any) -> None:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))

        monkeypatch.setattr("tempfile.TemporaryFile", closed)
        vlm = FakeVLM()
        batch = captioned(videos, vlm=vlm)
        assert (batch.done, batch.failed, batch.untried) == (0, 3, 1)
        assert vlm.requests == []
        assert "writing the files failed 3 times in a row; 1 were not tried" in capsys.readouterr().err

    def test_a_folder_that_vanishes_is_made_anew(self, videos: list[str]) -> None:
        class Removes(FakeVLM):
            async def generate(self, request: Request) -> Reply:
                for path in Path("out").glob("*"):
                    path.unlink()
                if Path("out").exists():
                    Path("out").rmdir()
                return await super().generate(request)

        batch = captioned(videos, vlm=Removes())
        assert (batch.done, batch.failed) == (4, 0)
        assert captioned(videos[3:]).skipped == 1

    def test_a_video_that_vanishes_or_changes_meanwhile(
        self, videos: list[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        class Meddles(FakeVLM):
            async def generate(self, request: Request) -> Reply:
                if request.video == "0.mp4":
                    Path("1.mp4").unlink()
                    Path("0.mp4").write_bytes(Path("3.mp4").read_bytes())
                return await super().generate(request)

        batch = captioned(videos, vlm=Meddles())
        assert (batch.done, batch.failed) == (2, 2)
        err = capsys.readouterr().err
        assert "0.mp4: the file was changed while it was being captioned" in err
        assert "1.mp4: No such file" in err
        assert not Path("out/0.json").exists()
        assert VideoCaption.from_json(Path("out/0.partial.json").read_bytes()).steps, "it may have cost money"

    def test_files_in_the_way(self, videos: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        Path("out/0.json").mkdir(parents=True)
        batch = captioned(videos, "json", "srt", overwrite=True)
        assert (batch.done, batch.failed) == (3, 1)
        assert "0.mp4: out/0.json: this is a directory" in capsys.readouterr().err


WHOLE = [(None, None), (0.0, None), (None, 2.0), (0.0, 100.0), (None, 2.5)]
PARTS = [(0.5, None), (None, 1.5), (0.5, 1.5)]


@pytest.mark.parametrize("mode", ["fast", "sliding"])
@pytest.mark.parametrize(("spans", "others"), [(WHOLE, PARTS), (PARTS[:1], WHOLE), (PARTS[1:2], WHOLE)])
@pytest.mark.usefixtures("videos")
def test_a_span_that_leaves_nothing_out_is_none(mode: Any, spans: list[Any], others: list[Any]) -> None:
    write_video("two seconds.mp4", [solid((9, 90, 90))] * 20, fps=10)

    def batch(number: int, span: Any) -> Batch:
        settings = replace(SETTINGS, mode=mode, start_seconds=span[0], end_seconds=span[1])
        return Batch(settings, FakeVLM(), ["json"], Path(f"out{number}"), quiet=True)

    for number, span in enumerate(spans):
        batch(number, span).run(["two seconds.mp4"])
        for again in spans:
            assert [job.asks for job in batch(number, again).plan(["two seconds.mp4"])] == [False]
        for other in others:
            with pytest.raises(SettingsError, match=r"(start|end)_seconds"):
                batch(number, other).plan(["two seconds.mp4"])


@pytest.mark.parametrize("overwrite", [False, True])
def test_of_several_runs_at_once_one_asks_for_each_video(videos: list[str], overwrite: bool) -> None:
    models = [FakeVLM(delay_seconds=0.2) for _ in range(3)]
    if overwrite:
        captioned(videos)
    ready = threading.Barrier(len(models))
    batches = [Batch(SETTINGS, vlm, ["json"], Path("out"), quiet=True, overwrite=overwrite) for vlm in models]

    def run(batch: Batch) -> None:
        ready.wait(240)
        batch.run(videos)

    with ThreadPoolExecutor(len(models)) as pool:
        list(pool.map(run, batches))
    assert sum(len(vlm.requests) for vlm in models) == sum(batch.done for batch in batches) == len(videos)
    assert all(batch.done + batch.skipped + batch.left == len(videos) for batch in batches)
    assert sum(batch.failed for batch in batches) == 0
    assert sorted(path.name for path in Path("out").iterdir()) == [*(f"{n}.json" for n in range(4)), "captions.jsonl"]


def test_what_another_run_is_at_is_left_to_it_and_told(videos: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    vlm = FakeVLM()
    with Claims(Path("out")).claimed(content_of("1.mp4").id):
        batch = captioned(videos, vlm=vlm)
        alone = captioned(["1.mp4"], vlm=vlm)
    assert (batch.done, batch.left, batch.failed) == (3, 1, 0)
    assert (alone.done, alone.left, alone.failed) == (0, 1, 0)
    assert len(vlm.requests) == 3
    assert "captioned 0 videos, 1 left to other runs" in alone.counts()
    said = f"1.mp4: another run (process {os.getpid()} on {socket.gethostname()} since "
    assert capsys.readouterr().err.count(said) == 2
    assert captioned(videos).counts().startswith("captioned 1 video, 3 already done")


@pytest.mark.usefixtures("videos")
def test_one_content_under_two_names_is_asked_once_though_both_are_done_at_once() -> None:
    Path("link.mp4").symlink_to("0.mp4")
    vlm = FakeVLM(delay_seconds=0.1, max_concurrent=8)
    batch = captioned(["0.mp4", "link.mp4", "1.mp4"], vlm=vlm, jobs=3)
    assert (batch.done, batch.rendered, len(vlm.requests)) == (2, 1, 2)
    assert VideoCaption.from_json(Path("out/link.json").read_bytes()).video == "link.mp4"


def test_marked_texts_are_told_again(videos: list[str]) -> None:
    batch = captioned(videos[:1], vlm=FakeVLM(replies=["", ""]))
    assert (batch.done, batch.marked) == (1, 2)  # the step, which is the summary in fast mode
    again = captioned(videos[:1])
    assert (again.skipped, again.marked) == (1, 2)
    assert captioned(videos[:1], overwrite=True).marked == 0


@pytest.mark.parametrize(("count", "shown"), [(1, ["0"]), (3, ["1/3 0", "2/3 1", "3/3 2"])])
def test_the_bar_says_which_video_it_is_of_how_many(
    videos: list[str], count: int, shown: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = []
    bar = Display.video

    def video(display: Display, name: str, start_seconds: float) -> Any:
        names.append(name)
        return bar(display, name, start_seconds)

    monkeypatch.setattr(Display, "video", video)
    captioned(videos[:count])
    assert names == shown
