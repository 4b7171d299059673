"""VDC: five kinds of captions, each asked about by a judge (VDCscore, arXiv 2410.03051, rese1f/aurora).

A judge answers some twenty questions from the caption alone, then compares each answer with the right one: yes or no,
and 0 to 5. Prompts are facts of ``lmms_eval/tasks/vdc/utils.py`` (75571cf) and ``post_eval/process_vdc_result.py`` of
rese1f/aurora (2bf68d5); the code is ours. The released code draws one of several prompts for each video without a seed;
here the video's name is the seed.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...errors import SettingsError
from ...given import from_json, read_text
from ...vlm.base import Reply, Request
from ..base import Benchmark, Figure, Protocol, Question, Scored, Scoring, Verdict, names_in
from ..figures import figure_of
from .replies import dictionary
from .vdc_prompts import PROMPTS

KINDS = tuple(PROMPTS)
MOST_TRIES = 2
JUDGE_TOKENS = 256
_ANSWER_SYSTEM = """You are an intelligent chatbot designed for providing accurate answers to questions related to the \
content based on a detailed description of a video or image.Here's how you can accomplish the task:------##INSTRUCTIONS\
: - Read the detailed description carefully.
- Answer the question only based on the detailed description.
- The answer should be a short sentence or phrase.
"""
_ANSWER = """Please provide accurate answers to questions related to the content based on a detailed description of a \
video or image:

detailed description: {caption}, question: {question}DO NOT PROVIDE ANY OTHER OUTPUT TEXT OR EXPLANATION. Only provide \
short but accurate answer."""
_MATCH_SYSTEM = """You are an intelligent chatbot designed for evaluating the correctness of generative outputs for \
question-answer pairs. Your task is to compare the predicted answer with the correct answer and determine if they \
match meaningfully. Here's how you can accomplish the task:------##INSTRUCTIONS: - Focus on the \
meaningful match between the predicted answer and the correct answer.
- Consider synonyms or paraphrases as valid matches.
- Evaluate the correctness of the prediction compared to the answer."""
_MATCH = """Please evaluate the following video-based question-answer pair:

Question: {question}
Correct Answer: {answer}
Predicted Answer: {said}

Provide your evaluation only as a yes/no and score where the score is an integer value between 0 and 5, with 5 \
indicating the highest meaningful match. Please generate the response in the form of a Python dictionary string with \
keys 'pred' and 'score', where value of 'pred' is  a string of 'yes' or 'no' and value of 'score' is in INTEGER, not \
STRING.DO NOT PROVIDE ANY OTHER OUTPUT TEXT OR EXPLANATION. Only provide the Python dictionary string. For example, \
your response should look like this: {{'pred': 'yes', 'score': 4.8}}."""


def load(annotations: Path, protocol: Protocol, options: Mapping[str, Any]) -> Iterator[Question]:  # noqa: ARG001
    """A question for every video and kind of caption, from the folder of ``KIND.jsonl`` (``post_eval`` of aurora).

    ``options["kinds"]`` selects some of the five. The prompt is drawn by ``options["seed"]`` (0), kind and video, so it
    is the same in every run. Raises SettingsError for a missing or damaged file.
    """
    for kind in names_in(options.get("kinds") or KINDS):
        if kind not in PROMPTS:
            raise SettingsError(f"VDC has no kind {kind!r}; it has {', '.join(KINDS)}")
        for video, pairs in _pairs(annotations / f"{kind}.jsonl").items():
            drawn = random.Random(f"{options.get('seed', 0)} {kind} {video}").choice(PROMPTS[kind])
            yield Question(
                id=f"{kind}/{video}",
                video=f"{video}.mp4",
                text=drawn,
                max_tokens=2048,
                groups={"kind": kind},
                reference={"pairs": pairs},
            )


def _pairs(path: Path) -> dict[str, tuple[tuple[str, str], ...]]:
    found: dict[str, tuple[tuple[str, str], ...]] = {}
    try:
        for line in read_text(path).split("\n"):
            for video, rows in (from_json(line) if line.strip() else {}).items():
                found[video] = tuple((str(row["question"]), str(row["answer"])) for row in rows)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SettingsError(f"{path}: cannot be read as a file of VDC's questions: {error!r}") from error
    return found


def score(question: Question, text: str, protocol: Protocol) -> Scoring:
    """The share of questions that the caption answers; ``numbers["grade"]`` is the mean grade, 0 to 5.

    An unreadable comparison is requested again, then left out; ``numbers["read"]`` is the share of readable ones.
    ``official`` asks once and accepts only a Python dictionary, as the released script does.
    """
    pairs = question.reference["pairs"]
    if not text.strip():
        return Verdict(0.0, unscored="empty", numbers={"grade": 0.0, "read": 1.0})
    yes: list[bool] = []
    grades: list[float] = []
    for asked, answer in pairs:
        found = yield from _compared(text, asked, answer, protocol)
        if isinstance(found, Verdict):
            return found
        if found is not None:
            yes.append(found[0])
            grades.append(found[1])
    if not yes:
        return Verdict(0.0, by="judge", unscored="unparsed", counted=False)
    numbers = {"grade": sum(grades) / len(grades), "read": len(yes) / len(pairs)}
    return Verdict(sum(yes) / len(yes), by="judge", numbers=numbers)


Comparing = Generator[Request, "Reply | None", "tuple[bool, float] | Verdict | None"]


def _compared(caption: str, asked: str, answer: str, protocol: Protocol) -> Comparing:
    """Whether the caption gives the answer, and how well; None for an unreadable judge."""
    text = _ANSWER.format(caption=caption, question=asked)
    reply = yield Request("judge", user_text=text, system=_ANSWER_SYSTEM, max_tokens=JUDGE_TOKENS)
    if reply is None or reply.problem == "unavailable":
        return Verdict(0.0, by="none", unscored="unavailable" if reply else "no judge", counted=False)
    text = _MATCH.format(question=asked, answer=answer, said=reply.text)
    request = Request("judge", user_text=text, system=_MATCH_SYSTEM, max_tokens=JUDGE_TOKENS)
    tries, read = (1, _official_match) if protocol == "official" else (MOST_TRIES, _match)
    for _ in range(tries):
        reply = yield request
        if reply is None or reply.problem == "unavailable":
            return Verdict(0.0, by="none", unscored="unavailable" if reply else "no judge", counted=False)
        found = read(reply.text)
        if found is not None:
            return found
        request = replace(request, reminder="it was no dictionary with 'pred' (yes or no) and 'score' (0 to 5)")
    return None


def _match(text: str) -> tuple[bool, float] | None:
    found = dictionary(text) or {}
    said, grade = str(found.get("pred", "")).strip().lower(), found.get("score")
    try:
        value = float(grade)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return (said == "yes", value) if said in ("yes", "no") and 0 <= value <= 5 else None


def _official_match(text: str) -> tuple[bool, float] | None:
    try:
        found = ast.literal_eval(text.lstrip(" \t"))
        return found["pred"] == "yes", float(found["score"])
    except (ValueError, TypeError, SyntaxError, KeyError, MemoryError, RecursionError):
        return None


def figures(scored: Sequence[Scored], protocol: Protocol) -> Mapping[str, Figure]:
    """Accuracy (%) and grade (0 to 5): the mean of the five kinds, then each kind.

    ``official`` leaves out every caption whose accuracy or grade is 0, which raises the figures, and those with a
    comparison that could not be read, as the released script does; ours and lmms-eval keep them.
    """
    counted = [entry for entry in scored if entry[2].counted]
    if protocol == "official":
        counted = [entry for entry in counted if entry[2].score and entry[2].numbers.get("grade")
                   and entry[2].numbers.get("read", 1.0) == 1.0]  # fmt: skip
    cells: dict[str, Figure] = {}
    for kind in KINDS:
        entries = [entry for entry in counted if entry[0].groups["kind"] == kind]
        if entries:
            videos = [question.video for question, _, _ in entries]
            cells[kind] = figure_of([verdict.score for _, _, verdict in entries], videos)
            grades = [verdict.numbers.get("grade", 0.0) for _, _, verdict in entries]
            cells[f"{kind}, grade"] = figure_of(grades, videos, "of 5")
    accuracies = [cell for name, cell in cells.items() if not name.endswith(", grade")]
    grades_of = [cell for name, cell in cells.items() if name.endswith(", grade")]
    return {"overall": _mean(accuracies, "%"), "overall, grade": _mean(grades_of, "of 5"), **cells}


def _mean(cells: Sequence[Figure], unit: str) -> Figure:
    """The plain mean; its interval has the mean width of the kinds', since all five are about the same videos."""
    if not cells:
        return Figure(0.0, 0, 0.0, 0.0, unit)
    value, low, high = (sum(getattr(cell, name) for cell in cells) / len(cells) for name in ("value", "low", "high"))
    return Figure(value, sum(cell.count for cell in cells), low, high, unit)


VDC = Benchmark(
    name="vdc",
    title="VDC (VDCscore)",
    source="arXiv 2410.03051; rese1f/aurora, lmms-eval tasks/vdc",
    protocols=("strict", "official", "lmms-eval"),
    load=load,
    score=score,
    figures=figures,
    frames={"strict": 16, "official": 16, "lmms-eval": 16},
    items=5133,
    options=("kinds", "seed"),
    licence="as its authors say",
    get="rese1f/aurora on GitHub (post_eval/), wchai/Video-Detailed-Caption on the Hugging Face hub (videos)",
)
