"""The file of answers: what is no such file, or only a part of one, and what a disk that fills leaves of a run."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from made_benchmarks import VIDEOS, right_answer, write_tempcompass
from media import numbered_run, write_video
from sharegpt4video.errors import StorageError
from sharegpt4video.evaluate.answers import AnswerLog, read_answers
from sharegpt4video.evaluate.base import Answer
from sharegpt4video.evaluate.report import Report
from sharegpt4video.evaluate.runner import BenchmarkOptions, run
from sharegpt4video.evaluate.tempcompass import TEMPCOMPASS, load
from sharegpt4video.vlm.fake import FakeVLM


@pytest.mark.parametrize("content", [b"my notes", b'{"a": 1}\n{"b": 2}', b"[1]\n", bytes(range(256))])
def test_a_file_that_is_no_log_of_answers_is_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "answers.jsonl").write_bytes(content)
    with pytest.raises(StorageError, match="choose another --out"):
        AnswerLog(tmp_path, {})
    assert (tmp_path / "answers.jsonl").read_bytes() == content


@pytest.mark.parametrize("content", [b"", b'{"for', b'{"format": 1, "ha'])
def test_a_header_that_was_cut_short_is_written_again(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "answers.jsonl").write_bytes(content)
    with AnswerLog(tmp_path, {"model": "m"}) as log:
        log.add(Answer("first", "A", "m"))
    assert read_answers(tmp_path)[0] == {"model": "m"}


def test_an_answer_that_lacks_fields_is_named(tmp_path: Path) -> None:
    AnswerLog(tmp_path, {}).close()
    with (tmp_path / "answers.jsonl").open("a") as file:
        file.write('{"question": "first"}\n')
    with pytest.raises(StorageError, match=r"line 2: is an incomplete answer \(.*'text' and 'model'\)"):
        read_answers(tmp_path)


@pytest.mark.parametrize("limit_bytes", [1, 700, 3000])
def test_a_disk_that_fills_ends_in_an_error_and_the_next_run_goes_on(tmp_path: Path, limit_bytes: int) -> None:
    resource = pytest.importorskip("resource")
    (tmp_path / "videos").mkdir()
    for video in VIDEOS:
        write_video(tmp_path / "videos" / f"{video}.mp4", numbered_run(10), fps=10)
    annotations = write_tempcompass(tmp_path / "tc")
    right = {q.video + q.text: right_answer("tempcompass", q) for q in load(annotations, "official", {})}

    def ask() -> Report:
        vlm = FakeVLM(lambda request: right[request.video + request.user_text], max_images=8)
        options = BenchmarkOptions(frames=2, load={"forms": ["multi-choice", "yes_no", "caption_matching"]})
        return run(TEMPCOMPASS, vlm, annotations, tmp_path / "videos", tmp_path / "out", options=options)

    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    room = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, room[1]))
    try:
        with pytest.raises(StorageError, match=r"disk full|cannot write answers|cannot be written"):
            ask()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, room)
        signal.signal(signal.SIGXFSZ, before)
    report = ask()
    assert (report.figures["overall"].value, report.failures) == (100, [])
    names = {path.name for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert names == {"answers.jsonl", "scores.jsonl", "report.json", "report.md"}  # nothing unfinished
