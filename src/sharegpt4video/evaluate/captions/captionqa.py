"""CaptionQA: what captions of images let one know, in four domains (arXiv 2511.21025).

For ``sg4v evaluate captions-answer``. Rules are facts of bronyayang/CaptionQA (commit f729489): questions that are not
yes or no offer a way out, which is worth 1 / options + 0.05, and options are shuffled. The prompt and the drawing of
the shuffle are ours, so a published figure needs the authors' script and judge (Qwen2.5-72B-Instruct).
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...errors import SettingsError
from ...given import open_file, read_json, read_json_lines
from ..base import Benchmark, Figure, Protocol, Question, Scored, Scoring, Verdict
from ..choice import LETTERS, chosen
from ..figures import by_group, mean_figure

BONUS = 0.05
DOMAINS: Mapping[str, str] = {"nat": "natural", "doc": "document", "ecom": "ecommerce", "emb": "embodiedai"}
_YES_NO = ("is", "are", "was", "were", "do", "does", "did", "have", "has", "had", "can", "could", "will", "would",
           "should", "shall", "may", "might", "must")  # fmt: skip


def load(annotations: Path, protocol: Protocol, options: Mapping[str, Any]) -> Iterator[Question]:  # noqa: ARG001
    """The questions of ``.parquet``, ``.json`` or ``.jsonl`` files with rows of ``id`` and ``questions``.

    Each question has ``question``, ``choices``, ``answer`` (one of them) and perhaps a ``category``. As officially,
    those with fewer than two choices, or an answer that is none of them, are left out. The image's id is its name.
    Raises SettingsError where there is nothing of that form.
    """
    files = [annotations] if not annotations.is_dir() else sorted(
        path for path in annotations.rglob("*") if path.suffix in (".parquet", ".json", ".jsonl")
    )  # fmt: skip
    if not files:
        raise SettingsError(f"{annotations}: holds no .parquet, .json or .jsonl of CaptionQA")
    for path in files:
        for row in _rows(path):
            for number, asked in enumerate(row["questions"] or ()):
                choices = [str(one).strip() for one in asked.get("choices") or ()]
                answer = str(asked.get("answer", "")).strip()
                if 2 <= len(choices) <= len(LETTERS) - 1 and answer in choices:
                    yield _question(str(row["id"]), number, str(asked.get("question", "")), choices, answer, asked)


def _rows(path: Path) -> list[dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        if path.suffix == ".parquet":
            with open_file(path) as file:
                rows = pq.read_table(file, columns=["id", "questions"]).to_pylist()
        else:
            rows = read_json_lines(path) if path.suffix == ".jsonl" else read_json(path)
        for number, row in enumerate(rows, 1):
            _check(row, number)
    except (OSError, ValueError, TypeError, pa.ArrowException) as error:
        raise SettingsError(f"{path}: cannot be read as questions of CaptionQA: {error}") from error
    return list(rows)


def _check(row: Any, number: int) -> None:
    """Raises ValueError for a row of another form."""
    if not isinstance(row, dict) or not {"id", "questions"} <= set(row):
        raise ValueError(f"row {number} has no id and questions")
    questions = row["questions"] or []
    if not isinstance(questions, list) or not all(isinstance(asked, dict) for asked in questions):
        raise ValueError(f"row {number}: questions is not a list of objects")
    if not all(isinstance(asked.get("choices") or [], list) for asked in questions):
        raise ValueError(f"row {number}: choices is not a list")


def _question(
    image: str, number: int, stem: str, choices: Sequence[str], answer: str, asked: Mapping[str, Any]
) -> Question:
    order = list(choices)
    random.Random(f"{image} {number}").shuffle(order)
    category = asked.get("category") or ""
    category = str(category[0] if isinstance(category, (list, tuple)) and category else category or "unknown")
    closed = is_yes_no(stem, choices)
    return Question(
        id=f"{image}/{number}",
        video=image,
        text="\n".join([stem, *(f"{LETTERS[at]}. {one}" for at, one in enumerate(order))]),
        max_tokens=16,
        options=tuple(order),
        answer=LETTERS[order.index(answer)],
        groups={"domain": DOMAINS.get(image.split("_")[0], image.split("_")[0]), "category": category},
        reference={"not_told_worth": None if closed else 1 / len(choices) + BONUS, "image": True},
        stem=stem,
        right=order.index(answer),
    )


def is_yes_no(stem: str, choices: Sequence[str]) -> bool:
    """As officially: some choice has a "yes" in it and some a "no" (as in "none"), or the question begins like one."""
    lowered = [choice.lower() for choice in choices]
    both = any("yes" in choice for choice in lowered) and any("no" in choice for choice in lowered)
    return both or stem.strip().lower().startswith(tuple(f"{word} " for word in _YES_NO))


def score(question: Question, text: str, protocol: Protocol) -> Scoring:  # noqa: ARG001
    """Right or wrong, for a model that sees the image itself."""
    read = chosen(text, question.options)
    return Verdict(float(read == question.right), unscored="" if read is not None else "unparsed")
    yield  # a role is a generator, also one that never asks


def figures(scored: Sequence[Scored], protocol: Protocol) -> Mapping[str, Figure]:  # noqa: ARG001
    """Overall, then each domain's."""
    return {"overall": mean_figure(scored), **by_group(scored, "domain")}


CAPTIONQA = Benchmark(
    name="captionqa",
    title="CaptionQA",
    source="arXiv 2511.21025; bronyayang/CaptionQA",
    protocols=("strict",),
    load=load,
    score=score,
    figures=figures,
    frames={"strict": 1},
    items=8492,
    licence="as its authors say",
    get="Borise/CaptionQA on the Hugging Face hub",
)
