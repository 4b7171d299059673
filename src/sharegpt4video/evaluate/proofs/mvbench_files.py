"""Result files of MVBench: what the authors' notebook and the released ShareGPT4Video scripts wrote, scored again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...errors import SettingsError
from ...given import read_json
from .. import mvbench
from ..base import Answer, Protocol, Question, Scored
from ..choice import LETTERS


def read_results(path: Path, protocol: Protocol) -> list[Scored]:
    """Score a file by the notebook or the released scripts: ``pred``, ``gt`` and, if present, ``task_type``.

    Both layouts are accepted: ``res_list`` (notebook; without tasks) and ``result_list`` (released scripts). Raises
    SettingsError if it is neither.
    """
    try:
        stored = read_json(path)
        rows = stored.get("result_list", stored.get("res_list")) if isinstance(stored, dict) else stored
        scored = [_scored_row(number, row, protocol) for number, row in enumerate(rows or ())]
    except (OSError, ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise SettingsError(f"{path}: not a result file of MVBench (res_list of pred and gt): {error!r}") from error
    if not scored:
        raise SettingsError(f"{path}: holds no results of MVBench (res_list or result_list of pred and gt)")
    return scored


def _scored_row(number: int, row: Mapping[str, Any], protocol: Protocol) -> Scored:
    if not isinstance(row["pred"], (str, type(None))) or not isinstance(row["gt"], str):
        raise TypeError(f"row {number + 1}: pred and gt are texts, not {row['pred']!r:.60} and {row['gt']!r:.60}")
    prediction, (option, _, answer) = row["pred"] or "", row["gt"].partition(" ")
    letter = option.strip("()").upper()
    if len(letter) != 1 or letter not in LETTERS:
        raise ValueError(f"row {number + 1}: gt begins with no label: {row['gt']!r:.60}")
    task = str(row.get("task_type", ""))
    task = next((known.title for known in mvbench.TASKS if task in (known.title, known.file)), task)
    # Only the right option's text is stored, so our own rule cannot match the words of the others.
    options = tuple(answer if known == letter else "" for known in LETTERS[: max(5, LETTERS.index(letter) + 1)])
    question = Question(
        f"{task}/{number}",
        str(row.get("video_path", number)),
        "",
        options=options,
        answer=letter,
        groups={"task": task},
        reference={"options_unknown": True},
    )
    return question, Answer(question.id, prediction, "stored"), mvbench.judged(prediction, question, protocol)
