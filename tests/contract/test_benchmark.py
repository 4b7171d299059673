"""What every benchmark promises, held against samples made in the layout of its real files."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from made_benchmarks import SAMPLES, right_answer
from media import numbered_run, write_video
from sharegpt4video.errors import SettingsError
from sharegpt4video.evaluate.base import Answer, Benchmark, OfflineJudge, Protocol, Question, Verdict
from sharegpt4video.evaluate.benchmarks import BENCHMARKS, benchmark_named
from sharegpt4video.evaluate.judge import run as judged
from sharegpt4video.evaluate.runner import BenchmarkOptions, load_questions, run
from sharegpt4video.video.samplers import SAMPLERS
from sharegpt4video.vlm.fake import FakeVLM

CASES = [(name, protocol) for name, benchmark in BENCHMARKS.items() for protocol in benchmark.protocols]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test runs over every benchmark and protocol; those of our own rules, over ``strict`` alone."""
    ours = "by_our_rules" in metafunc.function.__name__
    metafunc.parametrize(("name", "protocol"), [case for case in CASES if not ours or case[1] == "strict"])


@pytest.fixture
def benchmark(name: str) -> Benchmark:
    return BENCHMARKS[name]


@pytest.fixture
def questions(benchmark: Benchmark, name: str, protocol: Protocol, tmp_path: Path) -> list[Question]:
    write, options = SAMPLES[name]
    return load_questions(benchmark, write(tmp_path / "annotations"), protocol, options)


def verdict(benchmark: Benchmark, question: Question, said: str, protocol: Protocol) -> Verdict:
    return judged(benchmark.score(question, said, protocol), None)


def test_questions_are_whole(questions: list[Question]) -> None:
    assert questions
    assert len({question.id for question in questions}) == len(questions)
    for question in questions:
        assert question.text.strip()
        assert question.video
        assert question.max_tokens > 0
        assert question.groups
        assert all(isinstance(value, str) and value for value in question.groups.values())
        json.dumps([question.reference, dict(question.groups)])


def test_questions_are_the_same_every_time(
    benchmark: Benchmark, name: str, protocol: Protocol, questions: list[Question], tmp_path: Path
) -> None:
    assert load_questions(benchmark, tmp_path / "annotations", protocol, SAMPLES[name][1]) == questions


def test_missing_annotations_are_named(benchmark: Benchmark, protocol: Protocol, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=str(tmp_path)):
        load_questions(benchmark, tmp_path, protocol)


def test_a_right_answer_is_right_by_rule(
    benchmark: Benchmark, name: str, protocol: Protocol, questions: list[Question]
) -> None:
    said = [(question, right_answer(name, question)) for question in questions]
    verdicts = [verdict(benchmark, question, text, protocol) for question, text in said if text]
    by_rule = [one for one in verdicts if one.by == "rule"]
    assert all(one.score == 1 and one.counted and not one.unscored for one in by_rule)
    if protocol == "strict" and any(text for _, text in said):
        assert len(by_rule) == len(verdicts) > 0


def test_a_wrong_answer_is_wrong(
    benchmark: Benchmark, name: str, protocol: Protocol, questions: list[Question]
) -> None:
    for question in questions:
        text = right_answer(name, question)
        other = next((q for q in questions if q.options == question.options and right_answer(name, q) != text), None)
        if text and other is not None and question.groups.get("format") != "caption_matching":
            assert verdict(benchmark, question, right_answer(name, other), protocol).score == 0


@pytest.mark.parametrize("said", ["", " ", "\n", "(", ")", "</s>"])
def test_an_answer_that_says_nothing_is_never_right_by_our_rules(
    benchmark: Benchmark, protocol: Protocol, questions: list[Question], said: str
) -> None:
    for question in questions:
        found = verdict(benchmark, question, said, protocol)
        assert found.score == 0
        assert found.unscored


def test_figures_are_numbers_within_their_intervals(
    benchmark: Benchmark, protocol: Protocol, questions: list[Question]
) -> None:
    scored = [(q, Answer(q.id, "x", "m"), Verdict(float(n % 2))) for n, q in enumerate(questions)]
    for name, figure in benchmark.figures(scored, protocol).items():
        assert name
        assert all(map(math.isfinite, (figure.value, figure.low, figure.high)))
        assert figure.low - 1e-9 <= figure.value <= figure.high + 1e-9
        assert figure.count <= len(questions)


def test_nothing_counted_breaks_nothing(benchmark: Benchmark, protocol: Protocol, questions: list[Question]) -> None:
    left_out = [(q, Answer(q.id, "", "m"), Verdict(0.0, "none", "no judge", counted=False)) for q in questions]
    assert all(math.isfinite(figure.value) for figure in benchmark.figures(left_out, protocol).values())


def test_frames_are_those_that_the_room_of_videos_knows(benchmark: Benchmark, name: str, protocol: Protocol) -> None:
    assert benchmark.frames[protocol] >= 1
    assert benchmark.samplers.get(protocol, "sharegpt4video") in SAMPLERS
    assert benchmark.layouts.get(protocol, "separate") in ("separate", "grid")
    assert benchmark.items >= 0
    assert benchmark.licence
    assert benchmark.get
    assert benchmark_named(name.upper()) is benchmark


def test_files_of_its_own_that_are_not_there_are_named(
    benchmark: Benchmark, protocol: Protocol, tmp_path: Path
) -> None:
    assert protocol in benchmark.protocols
    if benchmark.stored is not None:
        with pytest.raises(SettingsError, match=str(tmp_path)):
            benchmark.stored(tmp_path)


def test_a_local_judge_says_who_it_is_and_judges_every_answer(benchmark: Benchmark, questions: list[Question]) -> None:
    if benchmark.local_judge is not None:
        judge = benchmark.local_judge(None, "")
        assert isinstance(judge, OfflineJudge)
        assert judge.name
        assert judge.agreement
        assert len(judge.verdicts([(question, "It is over.") for question in questions])) == len(questions)


def test_a_whole_run(
    benchmark: Benchmark, name: str, protocol: Protocol, questions: list[Question], tmp_path: Path
) -> None:
    if all(question.reference.get("image") for question in questions):
        pytest.skip("asks about images: only captions of them are scored")
    videos, (_, options) = tmp_path / "videos", SAMPLES[name]
    bad = questions[-1].video
    for video in {question.video for question in questions}:
        (videos / video).parent.mkdir(parents=True, exist_ok=True)
        if video == bad:
            (videos / video).write_bytes(b"no video")
        else:
            write_video(videos / video, numbered_run(12), fps=10)
    right = {question.video + question.text: right_answer(name, question) or "A girl." for question in questions}
    vlm = FakeVLM(lambda request: right[request.video + request.user_text], max_images=4)
    settings = BenchmarkOptions(frames=4, load=options)
    where = (tmp_path / "annotations", videos, tmp_path / "out")
    report = run(benchmark, vlm, *where, protocol=protocol, options=settings)
    lost = sum(question.video == bad for question in questions)
    assert report.unscored["undecodable"] == lost
    assert report.failures
    assert len(vlm.requests) == len(questions) - lost
    assert report.text()
    assert json.loads(report.json())["questions"] == len(questions)
    run(benchmark, vlm, *where, protocol=protocol, options=settings)
    assert len(vlm.requests) == len(questions) - lost  # nothing was asked again
