"""Predictions of TVBench and MVBench in Tarsier's layout: conversations that hold the answer and its reference.

Layout and rule are facts of bytedance/tarsier 63de87a (``evaluation/evaluate.py``, ``metrics/evaluate_qa_mc.py``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...errors import SettingsError
from ..base import Answer, Question, Scored, Unscored, Verdict
from .tables import Row, stored_text

_BENCHMARKS = {"TVBench": "tvbench", "MVBench": "mvbench"}


def benchmark_of(rows: Sequence[Row]) -> str | None:
    """The benchmark of these rows; None if they are not in this layout."""
    first = rows[0]
    if not isinstance(first.get("messages"), list) or not isinstance(first.get("dataset"), str):
        return None
    return _BENCHMARKS.get(first["dataset"].partition("/")[0])


def score_rows(path: Path, rows: Sequence[Row]) -> list[Scored]:
    """Score every answer as Tarsier does: by its first character; anything but a capital leaves the denominator.

    If two rows have the same number, the first counts. Raises SettingsError for a row without a reference.
    """
    scored: dict[str, Scored] = {}
    for number, row in enumerate(rows, 1):
        task = stored_text(row.get("dataset"), f"{path}, row {number}: the dataset").rpartition("/")[2]
        if not task:
            raise SettingsError(f"{path}, row {number}: has no dataset (wanted is TVBench/TASK); is it complete?")
        name = f"{task}/{row.get('idx', number)}"
        said, answer = "", ""
        for content in _answers(row):
            said += stored_text(content.get("text"), f"{path}, row {number}: the answer")
            answer += str(content["reference"])
        if not answer.strip("() "):
            raise SettingsError(f"{path}, row {number}: has no answer with a reference; is it a file of predictions?")
        letter = letter_of(said)
        question = Question(name, str(row.get("vid", "")), "", answer=answer.strip("() ")[0], groups={"task": task})
        problem: Unscored = "" if letter else "unparsed" if said.strip() else "empty"
        verdict = Verdict(float(letter == question.answer), unscored=problem, counted=bool(letter))
        scored.setdefault(name, (question, Answer(name, said, "stored"), verdict))
    return list(scored.values())


def letter_of(said: str) -> str:
    """The first character without brackets: a capital, or a digit 0 to 5 for A to F; "" for anything else."""
    bare = said.replace("(", "").replace(")", "").strip()[:1]
    if bare in tuple("012345"):
        return chr(int(bare) + ord("A"))
    return bare if bare.isupper() and bare.isalpha() else ""


def _answers(row: Row) -> Iterator[Mapping[str, Any]]:
    messages = row.get("messages")
    for message in messages if isinstance(messages, list) else ():
        if not isinstance(message, dict) or message.get("role") != "assistant":
            continue
        parts = message.get("content")
        for content in parts if isinstance(parts, list) else ():
            if isinstance(content, dict) and content.get("type") == "text" and content.get("reference"):
                yield content
