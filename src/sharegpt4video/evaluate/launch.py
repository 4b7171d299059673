"""Starts a benchmark run by name: finds the benchmark, the model and the judge.

``sg4v evaluate`` and ``sharegpt4video.run_benchmark`` begin here; the run itself is in ``runner``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..checking import expect
from ..config import CaptionSettings
from ..errors import MissingExtra, SettingsError
from ..prompts import prompt_set
from ..vlm import open_model
from ..vlm.base import VLM
from . import answers, runner
from .base import Benchmark, OfflineJudge, Protocol, StoredAnswers
from .benchmarks import benchmark_named
from .captions.answer import run_answers
from .captions.answer_report import CaptionReport
from .captions.answering import Answerer, LocalAnswerer
from .captions.given import CaptionSet, read_captions
from .judge import FILE, Judge
from .local_judge import LocalJudge
from .report import Report
from .runner import BenchmarkOptions, Progress

Place = str | os.PathLike[str]


def run_benchmark(
    name: str | Benchmark,
    model: str | VLM,
    *,
    annotations: Place,
    videos: Place,
    out: Place,
    protocol: Protocol = "official",
    judge: str | VLM | Judge | OfflineJudge | None = None,
    options: BenchmarkOptions | None = None,
    on_progress: Progress | None = None,
) -> Report:
    """Ask a model the questions of a benchmark, keep every answer, and score them.

        report = run_benchmark("mvbench", "lvlm:run/merged", annotations="json", videos="video", out="scores")
        print(report.text())

    To resume a run that was stopped, call this again: no question is asked twice.

    name      one of ``sg4v evaluate list``, or your own ``Benchmark``
    model     a name such as ``server:MODEL@URL``, or a ``VLM``
    annotations, videos, out  folders of the annotation files, of the videos, and for answers and scores
    protocol  whose rules: ``"official"``, ``"original"``, ``"lmms-eval"`` or ``"strict"``
    judge     decides what no rule can read: a model, ``"local"`` for none (if the benchmark has such a judge), or
              ``"replay"`` to repeat the verdicts stored in ``out`` (``"replay:MODEL"`` to choose one of several)

    Figures are in percent unless ``unit`` says otherwise. ``Report.failures`` names questions whose video could not be
    read, or that the model or the judge did not answer. The model's memory is released before scoring.

    Raises SettingsError for an unknown name, settings that do not fit the benchmark or the answers in ``out``, and
    missing videos; VLMError if the model or the judge is gone (answers are kept); StorageError if ``out`` cannot be
    written.
    """
    expect(options, BenchmarkOptions, "options")
    benchmark, folder = benchmark_named(name) if isinstance(name, str) else name, Path(out)
    judging = open_judge(judge, benchmark, folder)
    return runner.run(
        benchmark, _opened(model), Path(annotations), Path(videos), folder,
        protocol=protocol, options=options, judge=judging, on_progress=on_progress, close_model=True,
    )  # fmt: skip


def answer_from_captions(
    name: str | Benchmark,
    captions: Mapping[str, Place | CaptionSet],
    judge: str | VLM | Judge | Answerer,
    *,
    annotations: Place,
    out: Place,
    videos: Place | None = None,
    protocol: Protocol | None = None,
    load: Mapping[str, Any] | None = None,
    limit: int | None = None,
    by: str | None = None,
    on_progress: Progress | None = None,
) -> CaptionReport:
    """Score captions by the questions of a benchmark that can be answered from them alone.

        report = answer_from_captions("tempcompass", {"ours": "captions"}, "local", annotations="TC", out="scores")

    To resume a run that was stopped, call this again: no question is asked twice.

    name      one of ``sg4v evaluate list`` with multiple choice, or your own ``Benchmark``
    captions  by the name that the report gives them: a folder of ``sg4v caption --out``, a file, or a ``CaptionSet``
    judge     who answers: a model's name, a ``VLM``, ``"local"`` (asks no model, weak), ``"replay"`` or
              ``"replay:MODEL"`` (what is stored in ``out``), or an ``Answerer`` of your own
    annotations, out  the benchmark's files, and where replies and scores go
    videos    their folder, to hold captions against the content of their videos
    protocol, load, limit  as in ``run_benchmark``: which questions there are
    by        a group that ``CaptionReport.text`` is to break the score down by: one that no question has is refused
              before anything is asked

    ``CaptionReport.failures`` names videos without captions, and questions without a verdict. Raises SettingsError,
    VLMError and StorageError as ``run_benchmark`` does.
    """
    benchmark, folder = benchmark_named(name) if isinstance(name, str) else name, Path(out)
    sets = [each if isinstance(each, CaptionSet) else read_captions(Path(each), t) for t, each in captions.items()]
    return run_answers(
        benchmark, Path(annotations), sets, folder, _answerer(judge, benchmark, folder),
        videos=None if videos is None else Path(videos), protocol=protocol, load=load, limit=limit,
        by=by, on_progress=on_progress,
    )  # fmt: skip


def _answerer(judge: str | VLM | Judge | Answerer, benchmark: Benchmark, out: Path) -> Judge | Answerer:
    if judge == "local":
        return LocalAnswerer(LocalJudge())  # sentence vectors add nothing to its agreement on captions
    if isinstance(judge, Answerer):
        return judge
    found = open_judge(judge, benchmark, out)
    if not isinstance(found, Judge):
        raise SettingsError(f"a judge is a model's name, 'local', 'replay', a VLM or a Judge, not {judge!r}")
    return found


def open_judge(
    judge: str | VLM | Judge | OfflineJudge | None, benchmark: Benchmark, out: Path, before: Path | None = None
) -> Judge | OfflineJudge | None:
    """The judge that a name or a model stands for, with its replies kept in ``out/judge``.

    A judge that is only repeated may be that of an earlier run, ``before``: its folder, or the answers in it. Raises
    SettingsError for an unknown model, a local judge that the benchmark does not have, and where there is nothing to
    repeat.
    """
    if judge == "local":
        return _local_judge(benchmark)
    folder = out / "judge"
    if isinstance(judge, VLM):
        return Judge(judge, folder)
    if not isinstance(judge, str):
        if not isinstance(judge, Judge | OfflineJudge | None):
            raise SettingsError(f"judge is a model's name, 'local', 'replay', a VLM or a Judge, not {judge!r}")
        return judge
    replayed, _, model = judge.partition(":")
    if replayed != "replay":
        return Judge(_opened(judge), folder)
    if before is not None and not (folder / FILE).is_file():
        folder = (before.parent if before.is_file() else before) / "judge"
    return Judge.replay(folder, model=model, missing="no judge")


def _local_judge(benchmark: Benchmark) -> OfflineJudge:
    """With sentence vectors where the extra ``novelty`` is installed, else with words alone."""
    from ..dataset.similar.novelty import open_encoder

    make = runner.local_judge_of(benchmark)
    try:
        return make(open_encoder("minilm").encode, "all-MiniLM-L6-v2")
    except MissingExtra:
        return make(None, "")


def _opened(model: str | VLM) -> VLM:
    if isinstance(model, str):
        settings = CaptionSettings()
        return open_model(model, prompts=prompt_set(settings.prompts), hints=settings.hints)
    if not isinstance(model, VLM):
        raise SettingsError(f"model is a name such as server:MODEL@URL or a VLM object, not {model!r}")
    return model


def read_stored(benchmark: Benchmark, path: Path) -> tuple[dict[str, Any], StoredAnswers]:
    """The settings and the answers of a run, or of predictions in the benchmark's own layout.

    Raises SettingsError when the run is of another benchmark or there is neither, StorageError when the answers
    cannot be read.
    """
    if path.is_file() or (path / answers.FILE).is_file():
        settings, stored = answers.read_answers(path)
        if settings.get("benchmark") != benchmark.name:
            raise SettingsError(f"{path}: holds answers to {settings.get('benchmark')}, not to {benchmark.name}")
        return settings, StoredAnswers(str(settings.get("model", "")), lambda _: stored, settings.get("load", {}))
    if benchmark.stored is None:
        raise SettingsError(f"{path}: holds no {answers.FILE}; give the folder of a run of sg4v evaluate run")
    found = benchmark.stored(path)
    return {"benchmark": benchmark.name, "model": found.model, "load": dict(found.load)}, found
