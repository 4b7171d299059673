"""CameraBench: yes/no questions about the camera, two of them about two videos each, so that no bias pays.

Every row has a question that is true of one video and false of another, and its opposite. Files and rules are facts of
linzhiqiu/t2v_metrics (``camerabench``, commit 6ecb74f) and of ``lmms_eval/tasks/camerabench_vqa``; the code is ours.
The authors compare the probabilities of yes and no; as in lmms-eval, answers in words are read here. The other parts
of CameraBench (classification by probability, captions of the camera against references) are not run here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import SettingsError
from ..given import read_json_lines
from . import choice
from .base import Benchmark, Figure, Protocol, Question, Scored, Scoring, Verdict, names_in
from .figures import figure_of, mean_figure

SUFFIX = "Please answer Yes or No."
SIDES = ("pos", "neg")


def load(annotations: Path, protocol: Protocol, options: Mapping[str, Any]) -> Iterator[Question]:  # noqa: ARG001
    """Four questions for each row of the files ``SKILL/TASK.jsonl``; ``options["skills"]`` selects folders.

    ``annotations`` is ``vqa_and_retrieval`` of the release, or a folder that holds it. Raises SettingsError where there
    are no such files, and for a damaged one.
    """
    below = ("data/vqa_and_retrieval", "vqa_and_retrieval")
    folder = next((annotations / name for name in below if (annotations / name).is_dir()), annotations)
    wanted = names_in(options["skills"]) if options.get("skills") else None
    files = [path for path in sorted(folder.glob("*/*.jsonl")) if wanted is None or path.parent.name in wanted]
    if not files:
        skills = f" of {', '.join(wanted)}" if wanted else ""
        raise SettingsError(f"{folder}: holds no SKILL/TASK.jsonl of CameraBench{skills}")
    for path in files:
        for number, row in enumerate(_rows(path)):
            yield from _four(path, number, row)


def _rows(path: Path) -> list[dict[str, Any]]:
    try:
        rows = read_json_lines(path)
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path}: cannot be read as a file of CameraBench: {error}") from error
    needed = {f"{side}_{what}" for side in SIDES for what in ("video", "question")}
    if wrong := [at for at, row in enumerate(rows, 1) if not isinstance(row, dict) or not needed <= set(row)]:
        raise SettingsError(f"{path}, line {wrong[0]}: has no {', '.join(sorted(needed))}")
    return rows


def _four(path: Path, number: int, row: Mapping[str, Any]) -> Iterator[Question]:
    skill, task = path.parent.name, path.stem
    for asked in SIDES:
        for shown in SIDES:
            stem = str(row[f"{asked}_question"])
            yield Question(
                id=f"{skill}/{task}/{number}/{asked}/{shown}",
                video=str(row[f"{shown}_video"]),
                text=f"{stem} {SUFFIX}",
                max_tokens=16,
                options=("yes", "no"),
                answer="yes" if asked == shown else "no",
                groups={"skill": skill, "task": task},
                reference={"row": f"{skill}/{task}/{number}", "asked": asked, "shown": shown},
                stem=stem,
                right=int(asked != shown),
            )


def read(text: str, protocol: Protocol) -> bool | None:
    """Whether an answer says yes; None if it says neither. Not under ``strict``: whichever word comes first counts."""
    if protocol == "strict":
        return choice.yes_or_no(text)
    places = {word: re.search(rf"\b{word}\b", text, re.IGNORECASE) for word in ("yes", "no")}
    found = {word: place.start() for word, place in places.items() if place}
    return min(found, key=lambda word: found[word]) == "yes" if found else None


def score(question: Question, text: str, protocol: Protocol) -> Scoring:
    """Right or wrong by the protocol's rule; an answer that says neither is wrong."""
    said = read(text, protocol)
    if said is None:
        return Verdict(0.0, unscored="unparsed" if text.strip() else "empty")
    return Verdict(float(said == (question.answer == "yes")))
    yield  # a role is a generator, also one that never asks


def figures(scored: Sequence[Scored], protocol: Protocol) -> Mapping[str, Figure]:  # noqa: ARG001 - the same for all
    """Accuracy in percent: of answers, of questions (right about both videos), of videos, and of whole rows."""
    found = {"overall": mean_figure(scored)}
    for name, part in (("question", "asked"), ("video", "shown"), ("row", "")):
        found[f"{name} accuracy"] = _all_right(scored, part)
    for skill in dict.fromkeys(question.groups["skill"] for question, _, _ in scored):
        entries = [one for one in scored if one[0].groups["skill"] == skill]
        found |= {skill: mean_figure(entries), f"{skill}, question accuracy": _all_right(entries, "asked")}
    return found


def _all_right(scored: Sequence[Scored], part: str) -> Figure:
    """The share of groups that are right throughout; rows share no videos, as a rule, so each is a cluster."""
    groups: dict[tuple[str, str], list[float]] = {}
    for question, _, verdict in scored:
        key = question.reference["row"], question.reference.get(part, "")
        groups.setdefault(key, []).append(verdict.score)
    return figure_of([float(min(each) == 1) for each in groups.values()], [row for row, _ in groups])


CAMERABENCH = Benchmark(
    name="camerabench",
    title="CameraBench (VQA)",
    source="arXiv 2504.15376; linzhiqiu/t2v_metrics camerabench/",
    protocols=("strict", "lmms-eval"),
    load=load,
    score=score,
    figures=figures,
    frames={"strict": 16, "lmms-eval": 16},
    samplers={"strict": "uniform", "lmms-eval": "uniform"},
    items=14172,
    options=("skills",),
    licence="as its authors say",
    get="linzhiqiu/t2v_metrics on GitHub (camerabench/data), syCen/CameraBench on the Hugging Face hub (videos)",
)
