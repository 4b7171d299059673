"""Video-MME-v2: 800 videos, four questions each, with up to eight options, scored by group (arXiv 2604.05015).

The four questions about a video are a group. One that tests consistency (``relevance``) is worth the square of its
share of right answers; one that tests reasoning (``logic``) counts right answers up to the first wrong one. Prompt,
extraction and scores are facts of MME-Benchmarks/Video-MME-v2 (commit b24176a) and ``lmms_eval/tasks/videomme_v2``; the
code is ours.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import SettingsError
from ..given import open_file, read_json
from . import choice
from .base import Benchmark, Figure, Protocol, Question, Scored, Scoring, Verdict
from .figures import bounded, figure_of, mean_figure

LETTERS = "ABCDEFGH"
FRAMES_LINE = "These are the frames of a video."
ORDER = (
    "Select the best answer to the following multiple-choice question based on the video. "
    "Respond with only the letter (A, B, C, D, E, F, G, or H) of the correct option."
)
_PREFIXES = (
    *("Final Answer:", "The best answer is", "The correct answer is", "The answer is", "The answer"),
    *("The best option is", "The correct option is", "Best answer:", "Best option:", "Answer:", "Option:"),
)
_NEEDED = ("video_id", "question", "options", "answer", "level", "group_type", "group_structure", "second_head",
           "third_head")  # fmt: skip
SQUARES = (0.0, 100 / 16, 100 * 4 / 16, 100 * 9 / 16, 100.0)
CHAINS: Mapping[str, tuple[float, ...]] = {
    "[1, 2, 3, 4]": SQUARES,
    "[1, [2, 3], 4]": (0.0, 100 / 12, 100 * 4 / 12, 100 * 7 / 12, 100.0),
    "[[1, 2], 3, 4]": (0.0, 100 / 10, 100 * 2 / 10, 100 * 5 / 10, 100.0),
}
"""What a chain is worth by the number of its right answers, for each structure; inner brackets are in any order."""


def load(annotations: Path, protocol: Protocol, options: Mapping[str, Any]) -> Iterator[Question]:  # noqa: ARG001
    """All questions, from ``test.parquet`` (or a file of that form, or JSON rows), four in a row for each video.

    Raises SettingsError for another file, and for a group that is not of four questions about one video.
    """
    rows = _rows(annotations / "test.parquet" if annotations.is_dir() else annotations)
    for first in range(0, len(rows), 4):
        group = rows[first : first + 4]
        if len(group) < 4 or len({str(row["video_id"]) for row in group}) > 1:
            raise SettingsError(f"{annotations}: rows {first} to {first + 3} are not four questions about one video")
        for number, row in enumerate(group, 1):
            yield _question(row, number, group[-1], protocol)


def _rows(path: Path) -> list[dict[str, Any]]:
    import pyarrow as pa

    try:
        rows = read_json(path) if path.suffix == ".json" else _parquet(path)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise SettingsError(f"{path}: cannot be read as the annotation of Video-MME-v2: {error}") from error
    if not isinstance(rows, list) or not rows:
        raise SettingsError(f"{path}: is not Video-MME-v2's annotation, it has no rows")
    for number, row in enumerate(rows):
        if missing := [name for name in _NEEDED if not isinstance(row, dict) or name not in row]:
            raise SettingsError(f"{path}: is not Video-MME-v2's annotation, row {number} has no {', '.join(missing)}")
        if len(_options(row)) > len(LETTERS):
            raise SettingsError(f"{path}: row {number} has {len(_options(row))} options, over {len(LETTERS)}")
        structure = str(row["group_structure"])
        if row["group_type"] not in ("relevance", "logic") or (
            row["group_type"] == "logic" and structure not in CHAINS
        ):
            raise SettingsError(f"{path}: unknown group {row['group_type']!r} with the structure {structure!r}")
    return rows


def _parquet(path: Path) -> list[dict[str, Any]]:
    import pyarrow.parquet as pq

    with open_file(path) as file:
        return list(pq.read_table(file).to_pylist())


def _options(row: Mapping[str, Any]) -> list[str]:
    return str(row["options"]).strip().split("\n")


def _question(row: Mapping[str, Any], number: int, last: Mapping[str, Any], protocol: Protocol) -> Question:
    lines = _options(row)
    video = str(row["video_id"])
    text = f"Question: {row['question']}\n{row['options']}\n{ORDER}"
    answer = str(row["answer"])
    return Question(
        id=f"{video}-{number}",
        video=f"{video}.mp4",
        text=text if protocol == "lmms-eval" else f"{FRAMES_LINE}\n{text}",
        max_tokens=16,
        options=tuple(re.sub(r"^[A-H]\.\s*", "", line) for line in lines),
        answer=answer,
        # A group belongs where its last question does.
        groups={
            "level": str(last["level"]),
            "group type": str(last["group_type"]),
            "second head": str(last["second_head"]),
            "third head": str(last["third_head"]),
        },
        reference={"group": video, "number": number, "structure": str(last["group_structure"])},
        stem=str(row["question"]),
        right=LETTERS.index(answer) if len(answer) == 1 and answer in LETTERS[: len(lines)] else None,
    )


def extract(response: str) -> str:
    """The first capital A to H after removing some phrases; "" where there is none. Others' rule, kept as it is."""
    text = response.strip()
    for beginning in _PREFIXES:
        text = text.replace(beginning, "")
    found = re.search("[A-H]", text)
    return found[0] if found else ""


def score(question: Question, text: str, protocol: Protocol) -> Scoring:
    """Right or wrong. Officially, an answer without a letter is -1, which group scores do not take for wrong.

    ``numbers["official"]`` has that value.
    """
    if protocol == "strict":
        read = choice.chosen(text, question.options)
        said = "" if read is None else LETTERS[read]
    else:
        said = extract(text)
    if not said:
        return Verdict(0.0, unscored="unparsed" if text.strip() else "empty", numbers={"official": -1.0})
    right = float(said == question.answer)
    return Verdict(right, numbers={"official": right})
    yield  # a role is a generator, also one that never asks


def group_score(marks: Sequence[float], kind: str, structure: str) -> float:
    """What a group is worth, 0 to 100. ``marks`` are 1, 0, or officially -1 for no letter.

    As in the official script, -1 counts as one right answer less where shares count, and as right in a chain.
    """
    if kind == "relevance":
        right = int(sum(marks))
        return SQUARES[right] if 0 <= right <= 4 else 0.0
    run = next((at for at, mark in enumerate(marks) if not mark), len(marks))
    parts = ast.literal_eval(structure)
    if (parts == [1, [2, 3], 4] and run == 1 and marks[2]) or (parts == [[1, 2], 3, 4] and run == 0 and marks[1]):
        run += 1  # of two in any order the second one is right
    return CHAINS[structure][run]


def figures(scored: Sequence[Scored], protocol: Protocol) -> Mapping[str, Figure]:
    """The mean score of the groups: all, by type, by level, by head; and the plain accuracy.

    A group of which some questions were not asked (``--limit``) is left out.
    """
    groups: dict[str, list[Scored]] = {}
    for one in scored:
        groups.setdefault(one[0].reference["group"], []).append(one)
    worth: list[tuple[Question, float]] = []
    for each in groups.values():
        each.sort(key=lambda one: one[0].reference["number"])
        if len(each) == 4:
            last = each[-1][0]
            marks = [v.numbers.get("official", v.score) if protocol == "official" else v.score for _, _, v in each]
            kind, structure = last.groups["group type"], last.reference["structure"]
            worth.append((last, group_score(marks, kind, structure)))
    found = {"overall": _mean([value for _, value in worth], [q.video for q, _ in worth])}
    for name in ("group type", "level", "second head", "third head"):
        for value in dict.fromkeys(question.groups[name] for question, _ in worth):
            part = [(question.video, score_) for question, score_ in worth if question.groups[name] == value]
            if value != "None":
                found[f"{name}: {value}"] = _mean([score_ for _, score_ in part], [video for video, _ in part])
    return {**found, "accuracy": mean_figure(scored)}


def _mean(values: Sequence[float], videos: Sequence[str]) -> Figure:
    return bounded(figure_of([value / 100 for value in values], videos))


VIDEOMME_V2 = Benchmark(
    name="videommev2",
    title="Video-MME-v2",
    source="arXiv 2604.05015; MME-Benchmarks/Video-MME-v2",
    protocols=("strict", "official", "lmms-eval"),
    load=load,
    score=score,
    figures=figures,
    frames={"strict": 64, "official": 64, "lmms-eval": 64},
    samplers={"strict": "uniform", "official": "uniform", "lmms-eval": "uniform"},
    items=3200,
    licence="academic research only; not to be passed on",
    get="MME-Benchmarks/Video-MME-v2 on the Hugging Face hub (test.parquet, videos)",
)
