"""What a benchmark is: questions about videos, how each is asked, and how an answer is scored."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, runtime_checkable
from typing import Protocol as Interface

from ..records import Layout
from ..vlm.base import Reply, Request

Protocol = Literal["strict", "official", "original", "lmms-eval"]
"""Whose rules: ours (the authors' questions, without the defects of their scoring), the benchmark's authors', those of
the released ShareGPT4Video scripts, or lmms-eval's."""

Unscored = Literal["", "empty", "unparsed", "undecodable", "unavailable", "no judge", "no caption"]


@dataclass(frozen=True)
class Question:
    """One question about one video, ready to be asked.

    id               unique in its benchmark, the same in every run
    video            its name in the annotation, relative to the folder of the videos
    text, system, prefill, max_tokens   what is sent besides the pictures (see ``vlm.base.Request``)
    options          texts of a multiple choice, in order; the first is A
    answer           the right answer as the annotation gives it; "" where it is not published
    groups           what results are broken down by, such as ``{"format": "yes_no", "aspect": "speed"}``
    start_seconds, end_seconds   the part of the video that is asked about; None: from its start, to its end
    reference        whatever else the scorer needs
    stem, right      the question alone, without options and instructions, and the index of the right option; "" and
                     None where the question is not a choice or its answer is not published
    """

    id: str
    video: str
    text: str
    system: str = ""
    prefill: str = ""
    max_tokens: int = 128
    options: tuple[str, ...] = ()
    answer: str = ""
    groups: Mapping[str, str] = field(default_factory=dict)
    start_seconds: float | None = None
    end_seconds: float | None = None
    reference: Mapping[str, Any] = field(default_factory=dict)
    stem: str = ""
    right: int | None = None


@dataclass(frozen=True)
class Answer:
    """A model's answer, and everything needed to explain why two runs differ.

    problem          "" for a text; else why there is none: ``undecodable``, ``unavailable``, ``empty``, ...
    frame_seconds    the times of the frames shown; ``pixels`` is a hash of their pixels as they were sent
    prompt           a hash of all texts sent; ``input_tokens`` as the model counts them, pictures included
    content_id       a hash of the video's bytes ("": nothing was shown, or an earlier version did not note it)
    video_state      a hash of its size and times of change then; while it holds, the video need not be read again
    """

    question: str
    text: str
    model: str
    problem: str = ""
    detail: str = ""
    frame_seconds: tuple[float, ...] = ()
    frame_indices: tuple[int, ...] = ()
    pixels: str = ""
    prompt: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    content_id: str = ""
    video_state: str = ""


@dataclass(frozen=True)
class Verdict:
    """The score of one answer.

    score      1 right, 0 wrong, or a part; ``counted`` False leaves the question out of the denominator
    by         what decided: a ``rule``, a ``judge``, or nothing
    unscored   why the answer as such could not be scored ("" if it could)
    numbers    further figures of benchmarks that do not score right or wrong
    """

    score: float
    by: Literal["rule", "judge", "none"] = "rule"
    unscored: Unscored = ""
    counted: bool = True
    numbers: Mapping[str, float] = field(default_factory=dict)


Scoring = Generator[Request, "Reply | None", Verdict]
"""A role: it yields the requests for a judge (task ``judge``), and is sent the reply or, without a judge, None."""

Scored = tuple[Question, Answer, Verdict]


@dataclass(frozen=True)
class Figure:
    """One cell of a result: ``value`` in ``unit`` over ``count`` questions, with its 95 % interval."""

    value: float
    count: int
    low: float
    high: float
    unit: str = "%"


Encode = Callable[[Sequence[str]], Any]
"""Texts in, an array (texts, dimensions) of vectors of length 1 out, such as a sentence encoder's ``encode``."""


@runtime_checkable
class OfflineJudge(Interface):
    """Judges answers without asking a model.

    name        for provenance, such as "local judge (words alone)"
    agreement   how far its verdicts can be trusted, as a sentence for a report
    """

    @property
    def name(self) -> str: ...

    @property
    def agreement(self) -> str: ...

    def verdicts(self, answers: Sequence[tuple[Question, str]]) -> list[Verdict]:
        """The verdicts on answers that ``Benchmark.score`` leaves to a judge, in their order."""


MakeOfflineJudge = Callable[["Encode | None", str], OfflineJudge]
"""From sentence vectors (None: use words alone) and the name of their encoder."""


@dataclass(frozen=True)
class StoredAnswers:
    """A model's answers from files that were not written by a run of ours.

    answers   from questions to the answers that the files hold, by the questions' ids
    load      what ``Benchmark.load`` needs to know of the model, as its options
    """

    model: str
    answers: Callable[[Sequence[Question]], Mapping[str, Answer]]
    load: Mapping[str, Any] = field(default_factory=dict)


def names_in(value: Any) -> list[str]:
    """Names from an option: a list, or a comma-separated text."""
    return [name.strip() for name in value.split(",")] if isinstance(value, str) else [str(name) for name in value]


@dataclass(frozen=True)
class Benchmark:
    """One benchmark: where its questions come from, and how answers are scored.

    load       from the folder (or file) of annotations, the protocol and further options to questions
    score      one answer, by a protocol
    figures    the published way of putting scores together: name of the cell -> figure, the overall one first
    complete   where a question's text depends on the frames' times (subtitles): from it and the seconds to the question
    frames     how many frames a protocol shows unless told otherwise
    samplers   which frames, by the names of ``video.samplers`` ("sharegpt4video" where nothing is said)
    layouts    whether they are shown apart or in one grid ("separate" where nothing is said)
    grid_sides the longest side of such a grid in pixels, None for no limit (1920 where nothing is said)
    items      how many questions the published files hold; 0: not known
    options    names of what ``load`` may be told besides; others are refused
    licence, get   under which terms the files may be used, and where to get them
    stored     from a folder of predictions in the benchmark's own layout to the answers; None: it has no such layout.
               Raises SettingsError when there are none
    local_judge   makes a judge that asks no model; None: only a model can judge
    videos     where the video of a question is, in a folder of videos; None: where ``Question.video`` says
    """

    name: str
    title: str
    source: str
    protocols: tuple[Protocol, ...]
    load: Callable[[Path, Protocol, Mapping[str, Any]], Iterable[Question]]
    score: Callable[[Question, str, Protocol], Scoring]
    figures: Callable[[Sequence[Scored], Protocol], Mapping[str, Figure]]
    frames: Mapping[Protocol, int]
    samplers: Mapping[Protocol, str] = field(default_factory=dict)
    layouts: Mapping[Protocol, Layout] = field(default_factory=dict)
    grid_sides: Mapping[Protocol, int | None] = field(default_factory=dict)
    items: int = 0
    options: tuple[str, ...] = ()
    licence: str = ""
    get: str = ""
    videos: Callable[[Path, Question], Path | Sequence[Path]] | None = None
    complete: Callable[[Question, Sequence[float]], Question] | None = None
    stored: Callable[[Path], StoredAnswers] | None = None
    local_judge: MakeOfflineJudge | None = None
