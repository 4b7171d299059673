"""One runner for any model: ask the questions of a benchmark, keep every answer, score them, report.

    report = run(BENCHMARKS["tempcompass"], vlm, Path("TempCompass"), Path("videos"), Path("out"))

A video is decoded once for all questions about the same part of it; as many questions are in flight as the model
serves, and only the pictures that these and the next few videos need are held in memory.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from .. import background
from ..background import mapped, whole
from ..checking import Count, JpegQuality, Limits, raise_for, wrong_values
from ..errors import SettingsError, StorageError, VLMError
from ..files import remove_unfinished, write_whole
from ..records import Layout
from ..vlm.base import VLM, Reply, Request
from .answers import AnswerLog, hash_of
from .base import Answer, Benchmark, MakeOfflineJudge, OfflineJudge, Protocol, Question, Scored, Verdict
from .contents import Standing
from .frames import FrameOptions, FrameSet, frame_set, video_path
from .judge import Judge, run_all
from .report import Report, make_report

SCORES = "scores.jsonl"
_GONE_AFTER = 20
"""After this many failed requests in a row the model is considered unavailable."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class BenchmarkOptions:
    """How a benchmark is run.

    frames        frames to show per video; None: as the protocol says
    sampler       which frames: ``sharegpt4video``, ``tempcompass`` or ``uniform``; None: as the protocol says
    layout        ``"separate"`` pictures or one ``"grid"``; None: as the protocol says
    limit         ask only this many questions, spread evenly over all; a later run without it keeps their answers
    concurrency   questions in flight; None: as many as the model serves
    decoders      videos to decode in parallel
    jpeg_quality  1 to 100, for models that do not take PNG
    load          options of the benchmark itself, such as ``{"forms": "yes_no"}``

    Raises SettingsError for invalid values.
    """

    frames: Annotated[int, Limits(1, 100_000)] | None = None
    sampler: str | None = None
    layout: Layout | None = None
    limit: Count | None = None
    concurrency: Count | None = None
    decoders: Annotated[int, Limits(1, 4096)] = 2
    jpeg_quality: JpegQuality = 95
    load: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        raise_for(wrong_values(self).values())


def run(
    benchmark: Benchmark,
    vlm: VLM,
    annotations: Path,
    videos: Path,
    out: Path,
    *,
    protocol: Protocol = "official",
    options: BenchmarkOptions | None = None,
    judge: Judge | OfflineJudge | None = None,
    on_progress: Progress | None = None,
    close_model: bool = False,
) -> Report:
    """Ask, score and report; ``out`` gets ``answers.jsonl``, ``scores.jsonl``, ``report.json`` and ``report.md``.

    Questions with an answer are not asked again, unless another video has the name of theirs now. Raises SettingsError
    for settings that do not fit the benchmark or the answers in ``out``, or when none of the videos is there; VLMError
    when the model is gone (answers are kept: run again to go on); StorageError when ``out`` cannot be written.
    ``close_model`` closes it before scoring begins, so that the judge has the memory.
    """
    options = options or BenchmarkOptions()
    _check_judge(benchmark, judge)  # before the model is asked thousands of questions
    questions = select(load_questions(benchmark, annotations, protocol, options.load), options.limit)
    frames = frame_options(benchmark, vlm, protocol, options)
    places = {question.id: video_path(benchmark, videos, question) for question in questions}
    if frames.max_images:
        _check_videos(places.values(), videos)
    settings = settings_of(benchmark, vlm, protocol, frames, options)
    with AnswerLog(out, settings) as log:
        asking = _Asking(benchmark, vlm, log, frames, places, options, on_progress)
        answers = background.run(_asked(asking, questions, vlm if close_model else None))
    settings = {**settings, "limit": options.limit}
    return score_and_report(benchmark, questions, answers, settings, out, judge=judge, notes=asking.standing.notes())


async def _asked(asking: _Asking, questions: Sequence[Question], to_close: VLM | None) -> dict[str, Answer]:
    try:
        return await asking.ask(questions)
    finally:
        if to_close is not None:
            await to_close.close()


def load_questions(
    benchmark: Benchmark, annotations: Path, protocol: Protocol, options: Mapping[str, Any] | None = None
) -> list[Question]:
    """The questions of a benchmark.

    Raises SettingsError for an unknown protocol or option, for no questions at all, and for ids that repeat.
    """
    if protocol not in benchmark.protocols:
        raise SettingsError(f"{benchmark.title} has no protocol {protocol!r}; it has {', '.join(benchmark.protocols)}")
    if unknown := sorted(set(options or {}) - set(benchmark.options)):
        known = ", ".join(benchmark.options) or "none"
        raise SettingsError(f"{benchmark.title} has no option {', '.join(unknown)}; it has {known}")
    questions = list(benchmark.load(annotations, protocol, options or {}))
    if not questions:
        raise SettingsError(f"{annotations}: no questions of {benchmark.title} found there; see: {benchmark.get}")
    if len({question.id for question in questions}) < len(questions):
        raise SettingsError(f"{annotations}: two questions of {benchmark.title} have the same id; is a file doubled?")
    return questions


def select(questions: Sequence[Question], limit: int | None) -> list[Question]:
    """At most ``limit`` questions, spread evenly; without a limit, all of them."""
    if limit is None or limit >= len(questions):
        return list(questions)
    if limit < 1:
        raise SettingsError(f"limit must be at least 1, not {limit}")
    return [questions[index * len(questions) // limit] for index in range(limit)]


def frame_options(benchmark: Benchmark, vlm: VLM, protocol: Protocol, options: BenchmarkOptions) -> FrameOptions:
    """How videos are shown under a protocol to a model. Raises SettingsError."""
    from ..video.samplers import SAMPLERS

    frames = benchmark.frames[protocol] if options.frames is None else options.frames
    sampler = options.sampler or benchmark.samplers.get(protocol, "sharegpt4video")
    layout = options.layout or benchmark.layouts.get(protocol, "separate")
    if sampler not in SAMPLERS:
        raise SettingsError(f"no frame sampler is called {sampler!r}; known are: {', '.join(SAMPLERS)}")
    if layout not in ("separate", "grid"):
        raise SettingsError(f"frames are shown separate or as a grid, not as {layout!r}")
    side = benchmark.grid_sides.get(protocol, 1920)
    return FrameOptions(frames, sampler, layout, vlm.max_images, side, options.jpeg_quality, vlm.takes_png)


def settings_of(
    benchmark: Benchmark, vlm: VLM, protocol: Protocol, frames: FrameOptions, options: BenchmarkOptions
) -> dict[str, Any]:
    """Everything besides questions and videos that affects an answer."""
    return {
        "benchmark": benchmark.name,
        "protocol": protocol,
        "model": vlm.identity,
        **{name: value for name, value in asdict(frames).items() if name != "max_images"},
        "one_picture": frames.joined,
        "blind": frames.max_images == 0,
        "load": dict(options.load or {}),
    }


def prompt_hash(question: Question) -> str:
    """A hash of all texts that are sent for a question."""
    return hash_of([question.system, question.text, question.prefill, question.max_tokens])


def score_and_report(
    benchmark: Benchmark,
    questions: Sequence[Question],
    answers: Mapping[str, Answer],
    settings: Mapping[str, Any],
    out: Path,
    *,
    judge: Judge | OfflineJudge | None = None,
    notes: Sequence[str] = (),
) -> Report:
    """Score answers, write ``scores.jsonl``, ``report.json`` and ``report.md``, and return the report.

    Raises StorageError when they cannot be written, VLMError when the judge is gone.
    """
    scored = score(benchmark, questions, answers, settings["protocol"], judge)
    told: dict[str, Any] = {}
    if isinstance(judge, Judge):
        told = {"judge": judge.model, "judge_counts": asdict(judge.counts)}
    elif judge is not None:
        told = {"judge": judge.name, "judge_note": judge.agreement}
    report = replace(make_report(benchmark, scored, settings, **told), notes=tuple(notes))
    remove_unfinished(out)  # of a run that was killed while it wrote
    rows = ({"question": q.id, "video": q.video, "groups": dict(q.groups), **asdict(v)} for q, _, v in scored)
    _write(out / SCORES, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    _write(out / "report.json", report.json())
    _write(out / "report.md", report.markdown())
    return report


def score(
    benchmark: Benchmark,
    questions: Sequence[Question],
    answers: Mapping[str, Answer],
    protocol: Protocol,
    judge: Judge | OfflineJudge | None = None,
) -> list[Scored]:
    """Score every question that has an answer. One that could not be asked is wrong, and reported with the reason.

    Raises SettingsError for a local judge where the benchmark has none.
    """
    _check_judge(benchmark, judge)
    answered = [(question, answers[question.id]) for question in questions if question.id in answers]
    asked = [(question, answer) for question, answer in answered if _unasked(answer) is None]
    scorings = [benchmark.score(question, answer.text, protocol) for question, answer in asked]
    if judge is not None and not isinstance(judge, Judge):
        by_rule = run_all(scorings)  # decided by "none": what a judge would have been asked about
        left = [(q, a.text) for (q, a), v in zip(asked, by_rule, strict=True) if v.by == "none"]
        judged = iter(judge.verdicts(left))
        verdicts = iter([next(judged) if verdict.by == "none" else verdict for verdict in by_rule])
    else:
        verdicts = iter(run_all(scorings, judge))
    return [(question, answer, _unasked(answer) or next(verdicts)) for question, answer in answered]


def local_judge_of(benchmark: Benchmark) -> MakeOfflineJudge:
    """The factory of the benchmark's local judge. Raises SettingsError if it has none."""
    if benchmark.local_judge is None:
        raise SettingsError(f"{benchmark.title} has no local judge; name a model to judge it")
    return benchmark.local_judge


def _check_judge(benchmark: Benchmark, judge: Judge | OfflineJudge | None) -> None:
    if judge is not None and not isinstance(judge, Judge):
        local_judge_of(benchmark)


def _unasked(answer: Answer) -> Verdict | None:
    if answer.problem == "undecodable":
        return Verdict(0.0, "none", "undecodable")
    return Verdict(0.0, "none", "unavailable") if answer.problem == "unavailable" else None


def _check_videos(places: Iterable[Path | Sequence[Path]], folder: Path) -> None:
    """Raises SettingsError when not a single video is there: the folder is wrong, not the videos."""
    first = ""
    for place in places:
        paths = [place] if isinstance(place, Path) else list(place)
        if any(path.exists() for path in paths):
            return
        first = first or str(paths[0] if paths else "")
    raise SettingsError(f"{folder}: none of the videos is there, such as {first}; is it the right folder?")


def _write(path: Path, content: str) -> None:
    """Write a file that is complete or absent. Raises StorageError."""
    try:
        write_whole(path, content.encode("utf-8", "replace"))
    except OSError as error:
        raise StorageError(f"{path}: cannot be written: {error}") from error


class _Asking:
    """Questions in flight: videos are decoded ahead, answers are stored as they arrive."""

    def __init__(
        self,
        benchmark: Benchmark,
        vlm: VLM,
        log: AnswerLog,
        frames: FrameOptions,
        places: Mapping[str, Path | Sequence[Path]],
        options: BenchmarkOptions,
        on_progress: Progress | None,
    ) -> None:
        self._vlm, self._log, self._frames, self._places = vlm, log, frames, places
        self._complete = benchmark.complete or (lambda question, _seconds: question)
        self._workers = max(1, options.concurrency or vlm.max_concurrent)
        self._decoders = max(1, options.decoders)
        self._report = on_progress or (lambda _done, _total: None)
        self._unavailable = 0
        self.standing = Standing(places)

    async def ask(self, questions: Sequence[Question]) -> dict[str, Answer]:
        """All answers, old and new. Raises VLMError when the model is gone."""
        stored = self._log.standing()
        same = [(q, stored[q.id]) for q in questions if q.id in stored and self._stands(q, stored[q.id])]
        self._done = {q.id: answer for q, answer in same}
        if self._frames.max_images:  # else nobody looked at the videos
            self._done = await asyncio.to_thread(self.standing.of, same)
        self._total = len(questions)
        left = [question for question in questions if question.id not in self._done]
        self._report(len(self._done), self._total)
        try:
            async with aclosing(mapped(self._with_frames(_groups(left)), self._ask, at_once=self._workers)) as answers:
                async for (question, _), answer in answers:
                    self._done[question.id] = answer
                    self._report(len(self._done), self._total)
        except VLMError as gone:
            raise VLMError(
                f"{gone}; {len(self._done)} of {self._total} questions are answered and kept in {self._log.path}: run "
                "the same again to go on"
            ) from gone
        return self._done

    def _stands(self, question: Question, answer: Answer) -> bool:
        """Whether the stored answer is to the same request as now."""
        return prompt_hash(self._complete(question, answer.frame_seconds)) == answer.prompt

    async def _with_frames(
        self, groups: Sequence[Sequence[Question]]
    ) -> AsyncGenerator[tuple[Question, FrameSet], None]:
        """Each question with its pictures; at most a few videos are decoded ahead of the model."""

        async def read(group: Sequence[Question]) -> FrameSet:
            return await asyncio.to_thread(frame_set, self._places[group[0].id], group[0], self._frames)

        async with aclosing(mapped(groups, read, at_once=self._decoders, in_order=True)) as decoded:
            async for group, frames in decoded:
                for question in group:
                    yield question, frames

    async def _ask(self, item: tuple[Question, FrameSet]) -> Answer:
        question, frames = self._complete(item[0], item[1].seconds), item[1]
        answer = self._without_video(question, frames) if frames.failed else await self._answer(question, frames)
        await whole(self._log.add, answer)
        return answer

    async def _answer(self, question: Question, frames: FrameSet) -> Answer:
        reply = await self._vlm.generate(request_of(question, frames))
        self._unavailable = self._unavailable + 1 if reply.problem == "unavailable" else 0
        if self._unavailable >= _GONE_AFTER:
            raise VLMError(f"{self._vlm.name}: {_GONE_AFTER} requests in a row failed: {reply.detail}")
        return _answer_of(question, frames, reply)

    def _without_video(self, question: Question, frames: FrameSet) -> Answer:
        empty = Answer(question.id, "", self._vlm.identity, "undecodable", frames.detail)
        return replace(empty, prompt=prompt_hash(question))


def request_of(question: Question, frames: FrameSet) -> Request:
    """The request for a model: the pictures unchanged, and the protocol's text."""
    return Request(
        "ask",
        video=question.video,
        images=frames.images,
        seconds=frames.seconds,
        start_seconds=question.start_seconds or 0.0,
        end_seconds=question.end_seconds or 0.0,
        user_text=question.text,
        system=question.system,
        prefill=question.prefill,
        max_tokens=question.max_tokens,
    )


def _answer_of(question: Question, frames: FrameSet, reply: Reply) -> Answer:
    return Answer(
        question=question.id,
        text=reply.text,
        model=reply.model,
        problem=reply.problem or ("" if reply.text.strip() else "empty"),
        detail=reply.detail,
        frame_seconds=frames.seconds,
        frame_indices=frames.indices,
        pixels=frames.pixels,
        prompt=prompt_hash(question),
        input_tokens=reply.input_tokens,
        output_tokens=reply.output_tokens,
        content_id=frames.content.id if frames.content else "",
        video_state=frames.content.state if frames.content else "",
    )


def _groups(questions: Sequence[Question]) -> list[list[Question]]:
    """Group questions about the same part of the same video, in the order of the first one of each."""
    groups: dict[tuple[str, float | None, float | None], list[Question]] = {}
    for question in questions:
        groups.setdefault((question.video, question.start_seconds, question.end_seconds), []).append(question)
    return list(groups.values())
