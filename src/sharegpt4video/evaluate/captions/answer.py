"""What captions let one know: a benchmark's questions answered from captions alone, for one captioner or several.

Every set of captions is asked the same questions in the same words, so two sets are compared question by question. A
video without a caption tells nothing: its questions count as not told, and it is counted and named.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from ...errors import SettingsError, StorageError
from ...files import file_content_id, remove_unfinished, write_whole
from ..base import Answer, Benchmark, Protocol, Question, Scored, Scoring, Verdict
from ..choice import LETTERS
from ..figures import check_group
from ..frames import video_path
from ..judge import Judge, run_all
from ..runner import SCORES, load_questions, select
from .answer_report import BASELINE, CaptionReport, make_report
from .answering import Answerer, answered_by, asked, untold
from .given import CaptionSet, Found

REPORTS = ("report.json", "report.md")
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class _Asked:
    """One question with the caption that it is to be answered from; None: without any."""

    question: Question
    found: Found | None


def run_answers(
    benchmark: Benchmark,
    annotations: Path,
    sets: Sequence[CaptionSet],
    out: Path,
    judge: Judge | Answerer,
    *,
    videos: Path | None = None,
    protocol: Protocol | None = None,
    load: Mapping[str, Any] | None = None,
    limit: int | None = None,
    by: str | None = None,
    on_progress: Progress | None = None,
) -> CaptionReport:
    """Answer a benchmark's multiple-choice questions from each set of captions, and from none.

    ``out`` gets ``report.json``, ``report.md``, and a folder for each set with ``scores.jsonl``, as a run has it (so
    ``compare_runs`` takes them). A judge's replies are kept, and a stopped run goes on when it is started again.
    Captions that know their content are held against the files in ``videos``. At most ``limit`` questions are asked.
    Raises SettingsError for a benchmark without multiple choice, captions that do not fit, and a group ``by`` that no
    question has; VLMError when the judge is gone (its replies are kept); StorageError for files.
    """
    _check_names(sets)
    questions = load_questions(benchmark, annotations, protocol or benchmark.protocols[0], load)
    usable = select(_usable(benchmark, questions), limit)
    check_group(by, (group for question in usable for group in question.groups))
    _make_folders(out, [*(one.name for one in sets), BASELINE])
    known = any(one.knows_contents for one in sets)
    contents = _contents(benchmark, usable, videos) if known else {}
    runs = {one.name: _with_captions(one, usable, contents) for one in sets}
    blind = [_Asked(_by_name(question), None) for question in usable]
    scored = _scored({**runs, BASELINE: blind}, judge, on_progress)
    report = make_report(
        benchmark, {name: scored[name] for name in runs}, scored[BASELINE], judge,
        missing={name: _missing(asked_) for name, asked_ in runs.items()},
        left_out=0 if limit else len(questions) - len(usable),
        by_name_alone=videos is None and known,
    )  # fmt: skip
    _write_all(out, scored, report)
    return report


def _usable(benchmark: Benchmark, questions: Sequence[Question]) -> list[Question]:
    found = [question for question in questions if question.stem and question.right is not None and _fits(question)]
    if not found:
        raise SettingsError(f"{benchmark.title} has no multiple-choice questions with published answers to ask here")
    return found


def _fits(question: Question) -> bool:
    """Whether there is a letter for every option, and one more."""
    return len(question.options) < len(LETTERS)


def _check_names(sets: Sequence[CaptionSet]) -> None:
    names = [one.name for one in sets]
    if not sets:
        raise SettingsError("no captions given")
    taken = (BASELINE, "judge", *REPORTS)
    # " - " stands between two names in the report.
    if wrong := [one for one in names if not re.fullmatch(r"[\w+-][\w.+ -]*", one) or one in taken or " - " in one]:
        raise SettingsError(f"{wrong[0]!r} cannot be the name of a set of captions; name it, as in ours=captions.json")
    if len(set(names)) < len(names):
        doubled = next(name for name in names if names.count(name) > 1)
        raise SettingsError(f"two sets of captions are called {doubled!r}; name them, as in first={doubled}")


def _contents(benchmark: Benchmark, questions: Sequence[Question], videos: Path | None) -> dict[str, str]:
    """The hash of each video's content; none for those that are not in the folder, or are folders of pictures."""
    found: dict[str, str] = {}
    for question in questions if videos is not None else ():
        if question.video in found:
            continue
        path = video_path(benchmark, videos, question) if videos is not None else ()
        try:
            found[question.video] = file_content_id(path) if isinstance(path, Path) and path.is_file() else ""
        except OSError as error:
            raise StorageError(f"{path}: cannot be read: {error.strerror or error}") from error
    if videos is not None and not any(found.values()):
        raise SettingsError(f"{videos}: none of the videos is there, such as {questions[0].video}")
    return found


def _with_captions(one: CaptionSet, questions: Sequence[Question], contents: Mapping[str, str]) -> list[_Asked]:
    known = {question.video: None for question in questions}
    found = {video: one.of(video, contents.get(video, "")) for video in known}
    if all(each.missing for each in found.values()):
        video, why = next((video, each.missing) for video, each in found.items())
        raise SettingsError(f"{one.name}: has no caption of any of the {len(found)} videos ({video}: {why})")
    return [_Asked(_by_name(question), found[question.video]) for question in questions]


def _by_name(question: Question) -> Question:
    """The same question with its video's name alone: tasks may hold one video in folders of their own."""
    return replace(question, video=PurePosixPath(question.video).name)


def _missing(questions: Sequence[_Asked]) -> dict[str, str]:
    return {each.question.video: each.found.missing for each in questions if each.found and each.found.missing}


def _scored(
    runs: Mapping[str, Sequence[_Asked]], judge: Judge | Answerer, on_progress: Progress | None
) -> dict[str, list[Scored]]:
    """All runs at once, so that a judge is never idle between two of them."""
    flat = [each for run in runs.values() for each in run]
    done = 0

    def tick() -> None:
        nonlocal done
        done += 1
        if on_progress is not None:
            on_progress(done, len(flat))

    model = judge if isinstance(judge, Judge) else None
    verdicts = iter(run_all((_scoring(each, judge, tick) for each in flat), model))
    name = judge.model if isinstance(judge, Judge) else judge.name
    return {
        run: [(each.question, Answer(each.question.id, "", name), next(verdicts)) for each in asked_]
        for run, asked_ in runs.items()
    }


def _scoring(each: _Asked, judge: Judge | Answerer, tick: Callable[[], None]) -> Scoring:
    if each.found is not None and each.found.missing:
        verdict = untold(each.question)
    elif isinstance(judge, Judge):
        verdict = yield from asked(each.question, each.found.text if each.found else None)
    else:
        verdict = answered_by(judge, each.question, each.found.text if each.found else "")
    tick()
    return verdict


def _make_folders(out: Path, names: Sequence[str]) -> None:
    """Before the judge is asked, so that nothing is paid for that cannot be written."""
    for path in (out / name for name in names):
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"{path}: cannot be made: {error.strerror or error}") from error


def _write_all(out: Path, scored: Mapping[str, Sequence[Scored]], report: CaptionReport) -> None:
    files = {out / name / SCORES: "".join(_lines(run)) for name, run in scored.items()}
    files |= dict(zip((out / name for name in REPORTS), (report.json(), report.markdown()), strict=True))
    for path, content in files.items():
        try:
            remove_unfinished(path.parent)
            write_whole(path, content.encode("utf-8", "replace"))
        except OSError as error:
            raise StorageError(f"{path}: cannot be written: {error}") from error


def _lines(run: Sequence[tuple[Question, Answer, Verdict]]) -> Iterator[str]:
    for question, _, verdict in run:
        row = {"question": question.id, "video": question.video, "groups": dict(question.groups), **asdict(verdict)}
        yield json.dumps(row, ensure_ascii=False) + "\n"
