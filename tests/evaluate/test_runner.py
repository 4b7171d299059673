"""Runs over made videos: what is asked, what is kept, and what happens when something gives way."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from made_benchmarks import VIDEOS, right_answer, write_tempcompass
from media import number_of, numbered, numbered_run, write_video
from meeting import Meeting
from sharegpt4video.errors import SettingsError, StorageError, VLMError
from sharegpt4video.evaluate.answers import AnswerLog, read_answers
from sharegpt4video.evaluate.base import Answer, Benchmark, Question
from sharegpt4video.evaluate.compare import compare_runs
from sharegpt4video.evaluate.contents import content_of
from sharegpt4video.evaluate.frames import FrameOptions, FrameSet, frame_set, pixels_hash, video_path
from sharegpt4video.evaluate.judge import Judge
from sharegpt4video.evaluate.report import Report
from sharegpt4video.evaluate.runner import BenchmarkOptions, request_of, run, select
from sharegpt4video.evaluate.tempcompass import TEMPCOMPASS, load
from sharegpt4video.files import file_content_id
from sharegpt4video.records import Image
from sharegpt4video.video.compose import decode_jpeg
from sharegpt4video.video.reader import VideoReader
from sharegpt4video.vlm.base import Reply, Request
from sharegpt4video.vlm.fake import FakeVLM, fail_after, fail_at

RULES = {"forms": ["multi-choice", "yes_no", "caption_matching"]}  # fifteen questions that need no judge
Run = Callable[..., Report]


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Annotations, and a video of forty numbered frames for each of the three names."""
    folder = tmp_path_factory.mktemp("evaluate")
    (folder / "videos").mkdir()
    for video in VIDEOS:
        write_video(folder / "videos" / f"{video}.mp4", numbered_run(40), fps=10)
    return write_tempcompass(folder / "tc"), folder / "videos"


@pytest.fixture
def right(folders: tuple[Path, Path]) -> dict[str, str]:
    """Question text and video -> the right answer."""
    questions = load(folders[0], "official", {})
    return {question.video + question.text: right_answer("tempcompass", question) for question in questions}


@pytest.fixture
def ask(folders: tuple[Path, Path], tmp_path: Path) -> Run:
    def go(vlm: FakeVLM, out: str = "out", **options: object) -> Report:
        settings = options.pop("options", BenchmarkOptions(frames=4, load=RULES))
        benchmark = options.pop("benchmark", TEMPCOMPASS)
        where = options.pop("videos", folders[1])
        return run(benchmark, vlm, folders[0], where, tmp_path / out, options=settings, **options)  # type: ignore[arg-type]

    return go


def knowing(right: dict[str, str], **options: Any) -> FakeVLM:
    return FakeVLM(knows(right), **{"max_images": 8, **options})


def knows(right: dict[str, str]) -> Callable[[Request], str]:
    return lambda request: right[request.video + request.user_text]


def test_a_model_that_is_right_scores_everything(ask: Run, right: dict[str, str], tmp_path: Path) -> None:
    report = ask(vlm := knowing(right))
    assert (report.figures["overall"].value, report.questions, report.videos) == (100, 15, 3)
    assert not report.failures
    assert len(vlm.requests) == 15
    assert {request.task for request in vlm.requests} == {"ask"}
    assert json.loads((tmp_path / "out" / "report.json").read_text())["figures"]["overall"]["value"] == 100
    assert "| overall | 100.00 |" in (tmp_path / "out" / "report.md").read_text()
    assert "chance" in report.text()


def test_every_answer_says_what_it_came_from(ask: Run, right: dict[str, str], tmp_path: Path) -> None:
    ask(vlm := knowing(right))
    settings, answers = read_answers(tmp_path / "out")
    assert settings["sampler"] == "uniform"
    assert settings["protocol"] == "official"
    answer = answers["yes_no/100/action/0"]
    assert answer.frame_indices == (5, 15, 25, 35)  # the middles of four stretches of forty
    assert answer.frame_seconds == pytest.approx((0.5, 1.5, 2.5, 3.5))
    assert len(answer.pixels) == len(answer.prompt) == 16
    assert answers["yes_no/100/action/1"].pixels == answer.pixels
    assert answers["yes_no/100/action/1"].prompt != answer.prompt
    request = next(request for request in vlm.requests if request.video == "100.mp4")
    assert [number_of(decode_jpeg(image)) for image in request.images] == [5, 15, 25, 35]
    assert request.layout == "separate"


def test_a_video_is_decoded_once_for_all_its_questions(ask: Run, right: dict[str, str]) -> None:
    ask(vlm := knowing(right))
    pictures = {id(image) for request in vlm.requests for image in request.images}
    assert len(pictures) == 4 * 3  # the very same objects for every question about a video, not made again


def test_a_model_that_takes_png_sees_the_decoded_pixels(
    ask: Run, folders: tuple[Path, Path], right: dict[str, str], tmp_path: Path
) -> None:
    vlm = knowing(right)
    vlm.takes_png = True
    ask(vlm)
    request = next(request for request in vlm.requests if request.video == "200.mp4")
    with VideoReader(folders[1] / "200.mp4") as reader:
        decoded = [frame.pixels for frame in reader.frames(at_seconds=[0.5, 1.5, 2.5, 3.5])]
    shown = [decode_jpeg(image) for image in request.images]
    assert all(np.array_equal(one, other) for one, other in zip(shown, decoded, strict=True))
    answer = read_answers(tmp_path / "out")[1]["yes_no/200/action/0"]
    assert answer.pixels == pixels_hash(decoded)


def test_a_request_has_all_that_the_question_and_its_video_say() -> None:
    question = Question(
        "1", "v.mp4", "What?", start_seconds=1.5, end_seconds=4.0, system="Look.", prefill="Best option:(", max_tokens=7
    )
    shown = FrameSet((image := Image(b"jpeg", 2, 2), image), (2.0, 3.0), (20, 30))
    assert request_of(question, shown) == Request(
        "ask", video="v.mp4", images=(image, image), seconds=(2.0, 3.0), start_seconds=1.5, end_seconds=4.0,
        user_text="What?", system="Look.", prefill="Best option:(", max_tokens=7,
    )  # fmt: skip


@pytest.mark.parametrize("close_model", [None, True])
def test_the_model_stays_open_for_its_owner_unless_it_shall_make_room(
    ask: Run, right: dict[str, str], close_model: bool | None
) -> None:
    closed: list[int] = []

    class Closing(FakeVLM):
        async def close(self) -> None:
            closed.append(len(self.requests))

    ask(Closing(knows(right), max_images=8), **({} if close_model is None else {"close_model": close_model}))
    assert closed == ([15] if close_model else [])


def test_questions_are_under_way_together_but_no_more_than_the_model_serves(ask: Run, right: dict[str, str]) -> None:
    ask(vlm := Meeting(knows(right), count=3, max_images=8, max_concurrent=3))
    assert vlm.most == 3


@pytest.mark.parametrize("way", ["few images", "layout"])
def test_one_grid_is_shown_where_frames_cannot_be_apart(ask: Run, right: dict[str, str], way: str) -> None:
    vlm = knowing(right, max_images=1 if way == "few images" else 8)
    ask(vlm, options=BenchmarkOptions(frames=4, load=RULES, layout="grid" if way == "layout" else None))
    (image,) = vlm.requests[0].images
    assert (image.width, image.height) == (2 * 64 + 50, 2 * 48 + 50)
    pixels = decode_jpeg(image)
    cells = [pixels[y : y + 48, x : x + 64] for y in (0, 98) for x in (0, 114)]
    assert [number_of(cell) for cell in cells] == [5, 15, 25, 35]
    assert len(vlm.requests[0].seconds) == 4


def test_a_model_that_looks_at_nothing_is_asked_without_videos(ask: Run, tmp_path: Path) -> None:
    report = ask(vlm := FakeVLM(lambda _: "yes", max_images=0), videos=tmp_path / "nowhere")
    assert report.figures["yes_no"].value == 50
    assert all(not request.images for request in vlm.requests)


def test_a_second_run_asks_nothing_again(ask: Run, right: dict[str, str]) -> None:
    first = ask(knowing(right))
    again = ask(vlm := knowing(right))
    assert vlm.requests == []
    assert again.plain() == first.plain()


def test_answers_to_a_video_that_was_replaced_are_asked_again(
    ask: Run, folders: tuple[Path, Path], right: dict[str, str], tmp_path: Path
) -> None:
    videos = tmp_path / "videos"
    shutil.copytree(folders[1], videos)
    ask(knowing(right), videos=videos)
    os.utime(videos / "100.mp4", ns=(9, 9))  # touched: the bytes decide
    (videos / "200_reverse.mp4").rename(videos / "aside.mp4")
    shutil.copy2(videos / "aside.mp4", videos / "200_reverse.mp4")
    report = ask(vlm := knowing(right), videos=videos)
    assert (vlm.requests, report.notes) == ([], ())
    state = (videos / "200.mp4").stat()
    write_video(videos / "200.mp4", numbered_run(50), fps=10)
    os.utime(videos / "200.mp4", ns=(state.st_atime_ns, state.st_mtime_ns))
    (videos / "200_reverse.mp4").unlink()
    report = ask(vlm := knowing(right), videos=videos)
    assert {request.video for request in vlm.requests} == {"200.mp4"}
    assert report.notes == (
        "5 stored answers taken as they are: their videos are not there to compare",
        "5 questions asked again: another video has the name now",
    )
    assert report.notes[1] in report.text()
    assert ask(vlm := knowing(right), videos=videos).notes == report.notes[:1]
    assert vlm.requests == []


def test_answers_of_earlier_versions_stand_and_that_is_said(ask: Run, right: dict[str, str], tmp_path: Path) -> None:
    ask(knowing(right))
    log = tmp_path / "out" / "answers.jsonl"
    head, *rows = map(json.loads, log.read_text().splitlines())
    older = [{name: value for name, value in row.items() if name not in ("content_id", "video_state")} for row in rows]
    log.write_text("".join(json.dumps(row) + "\n" for row in (head, *older)))
    report = ask(vlm := knowing(right))
    assert (vlm.requests, len(report.notes)) == ([], 1)
    assert "15 stored answers taken as they are: an earlier version did not note" in report.markdown()


def test_folders_of_pictures_and_several_files_have_a_content(tmp_path: Path) -> None:
    for name, texts in (("one", "ab"), ("same", "ab"), ("other", "ba")):
        (tmp_path / name).mkdir()
        for number, text in enumerate(texts):
            (tmp_path / name / f"{number}.jpg").write_text(text)
    one, same, other = (content_of(tmp_path / name).id for name in ("one", "same", "other"))
    assert one == same != other
    files = sorted((tmp_path / "one").iterdir())
    assert content_of(files).id == one
    assert content_of(files[0]).id == file_content_id(files[0])


def test_a_part_is_spread_evenly_and_the_rest_comes_later(ask: Run, right: dict[str, str]) -> None:
    assert [q.id for q in select([Question(str(n), "v", "") for n in range(10)], 3)] == ["0", "3", "6"]
    part = ask(few := knowing(right), options=BenchmarkOptions(frames=4, load=RULES, limit=5))
    assert (part.questions, len(few.requests)) == (5, 5)
    whole = ask(rest := knowing(right))
    assert (whole.questions, len(rest.requests)) == (15, 10)


def test_a_model_that_dies_leaves_its_answers_and_the_next_run_goes_on(
    ask: Run, right: dict[str, str], tmp_path: Path
) -> None:
    with pytest.raises(VLMError, match=r"6 of 15 questions are answered and kept in .*answers\.jsonl: run the same"):
        ask(knowing(right, fail=fail_after(6), max_concurrent=1))
    assert not (tmp_path / "out" / "report.json").exists()
    report = ask(vlm := knowing(right))
    assert (len(vlm.requests), report.figures["overall"].value) == (9, 100)


def test_a_killed_run_goes_on_with_what_is_on_disk(
    ask: Run, folders: tuple[Path, Path], right: dict[str, str], tmp_path: Path
) -> None:
    code = f"""
        import os
        from pathlib import Path
        from sharegpt4video.evaluate.runner import BenchmarkOptions, run
        from sharegpt4video.evaluate.tempcompass import TEMPCOMPASS
        from sharegpt4video.vlm.fake import FakeVLM
        right, asked = {right!r}, []
        def reply(request):
            asked.append(request)
            if len(asked) > 8:
                os.kill(os.getpid(), 9)
            return right[request.video + request.user_text]
        vlm = FakeVLM(reply, max_images=8, max_concurrent=1)
        run(TEMPCOMPASS, vlm, Path({str(folders[0])!r}), Path({str(folders[1])!r}), Path({str(tmp_path / "out")!r}),
            options=BenchmarkOptions(frames=4, load={RULES!r}))
    """
    killed = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=False)
    assert killed.returncode == -9
    with (tmp_path / "out" / "answers.jsonl").open("ab") as file:
        file.write(b'{"question": "yes_no/200/act')  # the line that was being written
    report = ask(vlm := knowing(right))
    assert len(vlm.requests) == 15 - 8
    assert report.figures["overall"].value == 100
    assert len(read_answers(tmp_path / "out")[1]) == 15


def test_other_settings_do_not_mix_with_answers_that_are_there(ask: Run, right: dict[str, str]) -> None:
    ask(knowing(right))
    with pytest.raises(SettingsError, match=r"frames: 4 then, 8 now.*choose another --out"):
        ask(knowing(right), options=BenchmarkOptions(frames=8, load=RULES))
    with pytest.raises(SettingsError, match="model: 'fake' then, 'other' now"):
        ask(knowing(right, name="other"))


def test_a_question_that_reads_differently_is_asked_again(ask: Run, right: dict[str, str]) -> None:
    ask(knowing(right))

    def reworded(folder: Path, protocol: object, options: object) -> list[Question]:
        questions = list(load(folder, protocol, options))  # type: ignore[arg-type]
        return [replace(questions[0], text="Which?"), *questions[1:]]

    ask(vlm := FakeVLM(lambda _: "A", max_images=8), benchmark=replace(TEMPCOMPASS, load=reworded))
    assert [request.user_text for request in vlm.requests] == ["Which?"]


def test_a_video_that_cannot_be_read_costs_its_questions_and_is_told(
    ask: Run, folders: tuple[Path, Path], right: dict[str, str], tmp_path: Path
) -> None:
    broken = tmp_path / "videos"
    broken.mkdir()
    (broken / "100.mp4").write_bytes((folders[1] / "100.mp4").read_bytes())
    (broken / "200.mp4").write_bytes(b"no video")
    report = ask(vlm := knowing(right), videos=broken)
    assert len(vlm.requests) == 5
    assert report.unscored == {"undecodable": 10}
    assert report.figures["overall"].value == pytest.approx(100 * 5 / 15)
    assert report.failures == ["10 questions undecodable"]
    assert "200_reverse.mp4" in read_answers(tmp_path / "out")[1]["yes_no/200_reverse/action/0"].detail
    mended = ask(knowing(right), videos=folders[1])  # what failed is tried again
    assert mended.figures["overall"].value == 100


def test_a_folder_without_any_of_the_videos_is_the_wrong_folder(
    ask: Run, right: dict[str, str], tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match="none of the videos is there"):
        ask(knowing(right), videos=tmp_path)


def test_answers_that_say_nothing_are_counted_and_shown(ask: Run) -> None:
    report = ask(FakeVLM(lambda request: "" if "girl jumping" in request.user_text else "perhaps", max_images=8))
    assert report.figures["overall"].value == 0
    assert report.unscored == {"unparsed": 14, "empty": 1}
    assert "unparsed 14 (93.33 %)" in report.text()
    assert not report.failures  # the model's fault, not the run's


def test_an_answer_that_could_not_be_had_is_wrong_told_and_tried_again(ask: Run, right: dict[str, str]) -> None:
    report = ask(knowing(right, fail=fail_at(2, 3)))
    assert report.unscored == {"unavailable": 2}
    assert report.failures == ["2 questions unavailable"]
    assert ask(vlm := knowing(right)).figures["overall"].value == 100
    assert len(vlm.requests) == 2


def test_a_model_that_never_answers_stops_the_run(ask: Run) -> None:
    many = [Question(str(n), "100.mp4", f"{n}?", options=("a", "b"), groups={"format": "x"}) for n in range(60)]
    benchmark = replace(TEMPCOMPASS, load=lambda *_: many)
    silent = FakeVLM(lambda request: Reply("", request.key(), "fake", problem="unavailable"), max_images=8)
    with pytest.raises(VLMError, match="20 requests in a row failed"):
        ask(silent, benchmark=benchmark)
    assert len(silent.requests) < 30


def test_the_judge_is_asked_once_and_its_replies_replay(ask: Run, right: dict[str, str], tmp_path: Path) -> None:
    judge = FakeVLM(lambda request: "Answer: A. jumping" if "Video Description" in request.user_text else "Correct")
    options = BenchmarkOptions(frames=4)
    model = FakeVLM(lambda request: right[request.video + request.user_text] or "A girl.", max_images=8)
    first = ask(model, options=options, judge=Judge(judge, tmp_path / "judge"))
    assert first.figures["captioning"].value == pytest.approx(100 / 3)  # jumping is right for one of three
    assert first.decided == {"rule": 15, "judge": 3}
    assert len(judge.requests) == 3
    again = ask(model, options=options, judge=Judge.replay(tmp_path / "judge"))
    assert again.figures == first.figures
    assert len(judge.requests) == 3


def test_a_judge_that_fails_is_a_failure_of_the_run(ask: Run, right: dict[str, str], tmp_path: Path) -> None:
    judge = FakeVLM(lambda request: Reply("", request.key(), "fake", problem="unavailable"))
    model = FakeVLM(lambda request: right[request.video + request.user_text] or "A girl.", max_images=8)
    failing = Judge(judge, tmp_path / "judge", tries=1)
    report = ask(model, options=BenchmarkOptions(frames=4), judge=failing)
    assert any("the judge fake gave no verdict" in line for line in report.failures)


def test_text_that_depends_on_frames_is_completed_before_it_is_sent(ask: Run) -> None:
    def told(question: Question, seconds: object) -> Question:
        return replace(question, text=f"at {seconds}: {question.text}")

    benchmark = replace(TEMPCOMPASS, complete=told)
    ask(vlm := FakeVLM(lambda _: "yes", max_images=8), benchmark=benchmark)
    assert all(request.user_text.startswith("at (0.5, 1.5, 2.5, 3.5): ") for request in vlm.requests)
    ask(again := FakeVLM(lambda _: "yes", max_images=8), benchmark=benchmark)
    assert again.requests == []


@pytest.mark.parametrize(
    ("protocol", "options", "says"),
    [
        ("vlmevalkit", BenchmarkOptions(), "no protocol"),
        ("official", BenchmarkOptions(sampler="random"), "no frame sampler"),
        ("official", BenchmarkOptions(layout="pair"), "separate or as a grid"),
    ],
)
def test_settings_that_make_no_sense_are_refused(
    ask: Run, right: dict[str, str], protocol: str, options: BenchmarkOptions, says: str
) -> None:
    with pytest.raises(SettingsError, match=says):
        ask(knowing(right), protocol=protocol, options=options)


@pytest.mark.parametrize("numbers", [{"frames": 0}, {"limit": 0}, {"decoders": -1}, {"jpeg_quality": 101}])
def test_numbers_that_make_no_sense_are_refused_at_once(numbers: dict[str, int]) -> None:
    with pytest.raises(SettingsError, match=f"{next(iter(numbers))} must be at least 1 and at most"):
        BenchmarkOptions(**numbers)  # type: ignore[arg-type]


def test_two_writers_are_refused(tmp_path: Path) -> None:
    with AnswerLog(tmp_path, {"a": 1}) as log:
        log.add(Answer("1", "x", "m", frame_seconds=(0.5,)))
        with pytest.raises(StorageError, match="another run is writing there"):
            AnswerLog(tmp_path, {"a": 1})
    with AnswerLog(tmp_path, {"a": 1}) as log:
        assert log.answers == {"1": Answer("1", "x", "m", frame_seconds=(0.5,))}


def test_a_damaged_line_in_the_middle_is_named(tmp_path: Path) -> None:
    with AnswerLog(tmp_path, {}) as log:
        log.add(Answer("1", "x", "m"))
    path = tmp_path / "answers.jsonl"
    path.write_bytes(path.read_bytes() + b"rubbish\n")
    with pytest.raises(StorageError, match="line 3"):
        AnswerLog(tmp_path, {})


FOUR = FrameOptions(4, "uniform", "separate", max_images=8)


@pytest.mark.parametrize(("ending", "codec", "pix_fmt"), [("webm", "libvpx", "yuv420p"), ("avi", "mpeg4", "yuv420p")])
def test_webm_and_avi_are_shown(tmp_path: Path, ending: str, codec: str, pix_fmt: str) -> None:
    path = tmp_path / f"v.{ending}"
    write_video(path, numbered_run(40, 96, 96), fps=10, codec=codec, pix_fmt=pix_fmt)
    shown = frame_set(path, Question("1", path.name, ""), FOUR)
    assert [number_of(decode_jpeg(image)) for image in shown.images] == [5, 15, 25, 35]


@pytest.mark.parametrize("name", ["source/v.mp4", "source/v.webm", "v.mp4", "v.webm"])
def test_a_video_is_found_with_another_ending_and_without_its_folders(tmp_path: Path, name: str) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / name).touch()
    assert video_path(TEMPCOMPASS, tmp_path, Question("1", "source/v.mp4", "")) == tmp_path / name
    absent = Question("2", "source/w.mp4", "")
    assert video_path(TEMPCOMPASS, tmp_path, absent) == tmp_path / "source/w.mp4"


def test_moving_gifs_and_folders_of_frames_are_shown(tmp_path: Path) -> None:
    pictures = [Pillow.fromarray(numbered(number)) for number in range(40)]
    pictures[0].save(tmp_path / "v.gif", save_all=True, append_images=pictures[1:], duration=100)
    assert _numbers(tmp_path / "v.gif") == [5, 15, 25, 35]
    (tmp_path / "frames").mkdir()
    for number, picture in enumerate(pictures, 1):
        picture.save(tmp_path / "frames" / f"{number:05d}.jpg")
    assert _numbers(tmp_path / "frames") == [5, 15, 25, 35]


def _numbers(path: Path) -> list[int]:
    return [number_of(decode_jpeg(image)) for image in frame_set(path, Question("1", "", ""), FOUR).images]


def test_the_pixel_hash_tells_pictures_apart(tmp_path: Path) -> None:
    for name, first in (("one", 0), ("same", 0), ("other", 1)):
        write_video(tmp_path / f"{name}.mp4", [numbered(first + number) for number in range(40)], fps=10)
    hashes = [
        frame_set(tmp_path / f"{name}.mp4", Question("1", "", ""), FOUR).pixels for name in ("one", "same", "other")
    ]
    assert hashes[0] == hashes[1] != hashes[2]


def test_two_runs_are_compared_by_part(ask: Run, right: dict[str, str], tmp_path: Path) -> None:
    ask(knowing(right), out="good")
    ask(FakeVLM(lambda _: "yes", max_images=8), out="poor")
    found = compare_runs(tmp_path / "good", tmp_path / "poor", "format")
    assert found["overall"].difference.value == pytest.approx(-100 * 12 / 15)
    assert found["yes_no"].difference.value == pytest.approx(-50)
    assert found["yes_no"].only_first == 3
    with pytest.raises(SettingsError, match="there are: aspect, detail, format"):
        compare_runs(tmp_path / "good", tmp_path / "poor", "colour")
    with pytest.raises(StorageError, match=r"can be read there \(No such file or directory\); score the run"):
        compare_runs(tmp_path / "good", tmp_path / "none")


def test_benchmarks_say_where_their_videos_are(ask: Run, right: dict[str, str]) -> None:
    def elsewhere(folder: Path, _question: Question) -> Path:
        return folder / "100.mp4"

    benchmark: Benchmark = replace(TEMPCOMPASS, videos=elsewhere)
    ask(vlm := knowing(right), benchmark=benchmark)
    assert isinstance(vlm.requests[0], Request)
    assert len({image.jpeg for request in vlm.requests for image in request.images}) == 4


def test_half_an_answer_on_a_full_disk_is_cut_off_so_that_the_next_stands_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sharegpt4video import files

    with AnswerLog(tmp_path, {}) as log:
        log.add(Answer("first", "A", "m"))
        real, calls = os.write, iter([3])

        def full(descriptor: int, data: bytes) -> int:
            for count in calls:
                return real(descriptor, data[:count])
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patched:
            patched.setattr(files.os, "write", full)
            with pytest.raises(StorageError, match="disk full"):
                log.add(Answer("second", "B", "m"))
        log.add(Answer("third", "C", "m"))
    assert list(read_answers(tmp_path)[1]) == ["first", "third"]
