"""Logs of lmms-eval (``--log_samples``): recompute its scores from the stored responses, and compare its results file.

Layouts and rules are facts of EvolvingLMMs-Lab/lmms-eval 75571cf (``loggers/evaluation_tracker.py``,
``tasks/videomme``, ``tasks/mvbench``, ``tasks/tvbench``) and of their history since 0c1350d; the code is ours.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...errors import SettingsError
from ...given import read_json
from .. import mvbench, videomme
from ..base import Answer, Figure, Question, Scored, Verdict
from ..figures import macro, mean_figure
from . import tvbench
from .tables import Row, read_rows, repeated_note, shortened, stored_score, stored_text

METRICS = {
    "videomme_percetion_score": "videomme",  # spelled so until 2024-11
    "videomme_perception_score": "videomme",
    "mvbench_accuracy": "mvbench",
    "tvbench_acc": "tvbench",
}
MVBENCH_TITLES = {task.file: task.title for task in mvbench.TASKS}
_SAMPLES = re.compile(r"(?:(?P<date>.*?)_)?samples_(?P<task>\w+)")


@dataclass(frozen=True)
class Log:
    """What a file, or a folder of them, holds.

    scored     every response, scored as lmms-eval does today, or did when the file was written
    same       how many of them the file itself scored alike, of ``compared``
    figures    the cells; ``published`` those in lmms-eval's results file, to 4 decimals
    notes      what a reader should know
    """

    benchmark: str
    scored: tuple[Scored, ...]
    same: int
    compared: int
    figures: Mapping[str, Figure]
    published: Mapping[str, str]
    notes: tuple[str, ...]


def benchmark_of(rows: Sequence[Row]) -> str | None:
    """The benchmark of a log's rows; None if they are not a known log of lmms-eval."""
    first = rows[0]
    if "filtered_resps" not in first and "resps" not in first:
        return None
    return next((name for metric, name in METRICS.items() if metric in first), None)


def read_log(path: Path, benchmark: str) -> Log:
    """Score a log, or every log of the benchmark in a folder. Raises SettingsError if it is not one."""
    files, notes = _files(path, benchmark)
    scored: list[Scored] = []
    stored: list[bool | None] = []
    published: dict[str, str] = {}
    seen: dict[str, Path] = {}
    for file in files:
        rows = read_rows(file)
        if benchmark_of(rows) != benchmark:
            raise SettingsError(f"{file}: is not an lmms-eval log of {benchmark}")
        part, stored_part, said = _RULES[benchmark].read(file, rows)
        said += repeated_note(question.id for question, _, _ in part)
        _refuse_twice(path, file, seen, {question.id for question, _, _ in part})
        scored += part
        stored += stored_part
        notes += said
        published |= _published(file, benchmark, notes)
    compared = [(v.score > 0, right) for (_, _, v), right in zip(scored, stored, strict=True) if right is not None]
    same = sum(one == other for one, other in compared)
    return Log(
        benchmark, tuple(scored), same, len(compared), _RULES[benchmark].figures(scored), published, tuple(notes)
    )


def task_of(path: Path) -> str:
    """The task in a log's name, such as ``mvbench_action_sequence``."""
    found = _SAMPLES.fullmatch(path.stem)
    return found["task"] if found else path.stem


def _files(path: Path, benchmark: str) -> tuple[list[Path], list[str]]:
    """The file itself, or the newest log of each task in a folder, and a note about older ones.

    Raises SettingsError if logs are in several folders: lmms-eval makes one for each model.
    """
    if not path.is_dir():
        return [path], []
    found = sorted(path.rglob(f"*samples_{benchmark}*.json*"))
    if not found:
        raise SettingsError(f"{path}: holds no log of lmms-eval named ..._samples_{benchmark}....jsonl")
    folders = sorted({str(file.parent) for file in found})
    if len(folders) > 1:
        shown = ", ".join(folders[:4]) + (" ..." if len(folders) > 4 else "")
        raise SettingsError(
            f"{path}: holds logs in {len(folders)} folders, of several models or runs; give one: {shown}"
        )
    newest = {task_of(file): file for file in found}
    older = len(found) - len(newest)
    notes = [f"{older} older logs of the same tasks in the folder are left out"] if older else []
    return list(newest.values()), notes


def _refuse_twice(path: Path, file: Path, seen: dict[str, Path], names: set[str]) -> None:
    """Raise SettingsError if two logs of a folder answer the same question, such as with and without subtitles."""
    again = next((seen[name] for name in sorted(names) if name in seen), None)
    if again is not None:
        raise SettingsError(
            f"{path}: {again.name} and {file.name} hold answers to the same questions; give them one by one"
        )
    seen.update(dict.fromkeys(names, file))


def _response(file: Path, number: int, row: Row) -> str:
    """The model's answer, from the lists that some versions put it in. Raises SettingsError if it is not text."""
    value = row.get("filtered_resps", row.get("resps"))
    while isinstance(value, list):
        value = value[0] if value else ""
    return stored_text(value, f"{file}, row {number}: the response")


_Read = tuple[list[Scored], list["bool | None"], list[str]]


def _videomme(file: Path, rows: Sequence[Row]) -> _Read:
    metric = next(name for name in METRICS if name in rows[0])
    told = [_videomme_object(file, number, row, metric) for number, row in enumerate(rows, 1)]
    said = [_response(file, number, row) for number, row in enumerate(rows, 1)]
    rules: dict[str, Callable[[str], str]] = {
        "today's rule": videomme.extract_harness,
        "the rule until v0.6": lambda text: videomme.extract(text, "2024-06-03"),
    }
    letters = [str(one.get("pred_answer", "")) for one in told]
    agreeing = {name: sum(rule(text) == letter for text, letter in zip(said, letters, strict=True))
                for name, rule in rules.items()}  # fmt: skip
    name = max(agreeing, key=lambda name: agreeing[name])  # of equals today's
    scored = []
    for row, one, text in zip(rows, told, said, strict=True):
        question = Question(
            str(one["question_id"]),
            str(one.get("videoID", str(one["question_id"]).rpartition("-")[0])),
            "",
            answer=str(one["answer"]),
            groups={
                "duration": str(one["duration"]),
                "domain": str(one.get("category", "")),
                "sub-category": str(one.get("sub_category", "")),
                "task type": str(one.get("task_category", "")),
            },
            reference={"doc_id": row.get("doc_id")},
        )
        letter = rules[name](text)
        verdict = Verdict(float(letter == question.answer), unscored="" if letter else "unparsed" if text else "empty")
        scored.append((question, Answer(question.id, text, "stored"), verdict))
    right = [letter == str(one["answer"]) for letter, one in zip(letters, told, strict=True)]
    notes = [f"read by {name}: {agreeing[name]} of the {len(rows)} letters in the file are what it reads"]
    return scored, list(right), notes


def _videomme_object(file: Path, number: int, row: Row, metric: str) -> Mapping[str, Any]:
    """A row's question. Raises SettingsError if it gives no group or no score."""
    one = _object(file, number, row, metric)
    empty = [name for name in ("category", "sub_category", "task_category") if one.get(name, "") is None]
    if empty:
        raise SettingsError(f"{file}, row {number}: its {', '.join(empty)} is null; is the log complete?")
    if one["duration"] not in videomme.DURATIONS:
        known = ", ".join(videomme.DURATIONS)
        raise SettingsError(f"{file}, row {number}: the duration is {shortened(one['duration'])}, not one of {known}")
    return one


def _mvbench(file: Path, rows: Sequence[Row]) -> _Read:
    title = _title(task_of(file).removeprefix("mvbench_"), MVBENCH_TITLES)
    scored, stored = [], []
    for number, row in enumerate(rows, 1):
        told = _object(file, number, row, "mvbench_accuracy", ("gt_answer",))
        said, letter = _response(file, number, row), str(told["gt_answer"])
        question = Question(
            f"{title}/{row.get('doc_id', number)}", str(number), "", answer=letter, groups={"task": title}
        )
        right = mvbench.is_right(said, letter, "", "lmms-eval")
        verdict = Verdict(float(right), unscored="" if said else "empty", counted=said != "")
        scored.append((question, Answer(question.id, said, "stored"), verdict))
        stored.append(_right(told.get("score"), file, number))
    return scored, stored, []


def _tvbench(file: Path, rows: Sequence[Row]) -> _Read:
    title = _title(task_of(file).removeprefix("tvbench_"), tvbench.TITLES)
    scored, stored = [], []
    for number, row in enumerate(rows, 1):
        said, answer = _response(file, number, row), stored_text(row.get("target"), f"{file}, row {number}: the target")
        if not answer:
            raise SettingsError(f"{file}, row {number}: has no target; is the log complete?")
        options = tvbench.options_of(row)
        question = Question(
            f"{title}/{row.get('doc_id', number)}",
            str(number),
            "",
            options=options,
            answer=answer,
            groups={"task": title},
        )
        letter = tvbench.extract_harness(said, options)
        verdict = Verdict(float(letter == answer), unscored="" if letter else "unparsed" if said else "empty")
        scored.append((question, Answer(question.id, said, "stored"), verdict))
        stored.append(_right(row.get("tvbench_acc"), file, number))
    return scored, stored, []


def _right(score: Any, file: Path, number: int) -> bool | None:
    """Whether lmms-eval scored an answer as right; None if the log does not say."""
    kept = stored_score(score, f"{file}, row {number}")
    return None if kept is None else kept > 0


def _title(task: str, titles: Mapping[str, str]) -> str:
    return titles.get(task, task or "all")


def _object(
    file: Path, number: int, row: Row, metric: str, needed: Sequence[str] = ("question_id", "duration", "answer")
) -> Mapping[str, Any]:
    told = row.get(metric)
    missing = [name for name in needed if told.get(name) in (None, "")] if isinstance(told, dict) else list(needed)
    if not isinstance(told, dict) or missing:
        raise SettingsError(f"{file}, row {number}: its {metric} has no {', '.join(missing)}; is the log complete?")
    return told


def _task_figures(scored: Sequence[Scored]) -> Mapping[str, Figure]:
    counted = [entry for entry in scored if entry[2].counted]
    by_task: dict[str, list[Scored]] = {}
    for entry in counted:
        by_task.setdefault(entry[0].groups["task"], []).append(entry)
    cells = {name: mean_figure(entries) for name, entries in by_task.items()}
    if len(cells) < 2:
        return {"overall": mean_figure(counted)} | cells
    return {"mean of the tasks": macro(cells.values()), "mean of the questions": mean_figure(counted)} | cells


@dataclass(frozen=True)
class _Rules:
    """How logs of one benchmark are scored.

    read      from the rows of a log to the scored answers, the log's own score of each, and notes
    titles    names of the tasks, if a log has one task; empty if it has all questions
    scale     converts the score in the results file to percent
    """

    read: Callable[[Path, Sequence[Row]], _Read]
    figures: Callable[[Sequence[Scored]], Mapping[str, Figure]]
    titles: Mapping[str, str] = field(default_factory=dict)
    scale: float = 1.0


_RULES = {
    "videomme": _Rules(_videomme, lambda scored: videomme.figures(scored, "lmms-eval")),
    "mvbench": _Rules(_mvbench, _task_figures, MVBENCH_TITLES),
    "tvbench": _Rules(_tvbench, _task_figures, tvbench.TITLES, scale=100.0),
}


def _published(file: Path, benchmark: str, notes: list[str]) -> dict[str, str]:
    """The score in the results file of the same run: overall, or of the log's task."""
    found = _SAMPLES.fullmatch(file.stem)
    date = found["date"] if found else None
    names = [f"{date}_results.json"] if date else []
    for name in [*names, "results.json"]:
        path = file.with_name(name)
        if not path.is_file():
            continue
        try:
            values = read_json(path)["results"][task_of(file)]
            value = next(float(values[key]) for key in values if str(key).partition(",")[0] in METRICS)
            if not math.isfinite(value):
                raise ValueError(value)
        except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError, StopIteration):
            notes.append(f"{path}: holds no score of {task_of(file)} that can be read, so none is compared")
            continue
        rules = _RULES[benchmark]
        cell = _title(task_of(file).removeprefix(f"{benchmark}_"), rules.titles) if rules.titles else "overall"
        return {cell: f"{rules.scale * value:.4f}"}
    return {}
