"""Result tables of VLMEvalKit: recompute its scores from the stored predictions, and compare its own score files.

Layouts and rules are facts of open-compass/VLMEvalKit e8e78f0 (``dataset/videomme.py``, ``dataset/mvbench.py``,
``dataset/tempcompass.py``, their ``utils``, and ``utils/matching_util.py``); the code is ours. The rules are those
without a judge (``exact_matching``), odd cases included: for MVBench, a prediction that is missing counts as right.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...errors import SettingsError
from ...given import read_json
from .. import choice
from ..choice import LETTERS
from ..videomme import DURATIONS
from .tables import Row, read_rows, repeated_note, shortened, stored_score

FAILED = "Failed to obtain answer via API."
_PREFIXES = (
    *("The best answer is", "The correct answer is", "The answer is", "The answer"),
    # VLMEvalKit's list also lacks two commas.
    *("The best option isThe correct option is", "Best answer:Best option:", "Answer:", "Option:"),
)
_REFUSALS = (
    *("Sorry, I can't help with images of people yet.", "I can't process this file."),
    *("I'm sorry, but without the image provided", "Cannot determine the answer"),
)
_VERBOSE = re.compile(r"(?:correct\s+)?answer\s+is\s+\**([ABCD])\**", re.IGNORECASE)


@dataclass
class Table:
    """A scored table.

    shares     cell -> (right, of how many); a negative score of a failed request is in neither, but for MVBench
    percent    whether the tool prints percent with 2 decimals, or a share with 3
    same       how many rows its own score column, or score file, scores alike, of ``compared``
    published  cell -> value in the tool's own rating file
    """

    shares: dict[str, tuple[float, int]]
    percent: bool
    published: dict[str, str] = field(default_factory=dict)
    same: int = 0
    compared: int = 0
    notes: list[str] = field(default_factory=list)


def benchmark_of(rows: Sequence[Row]) -> str | None:
    """The benchmark of a table; None if it is not a known one of VLMEvalKit."""
    columns = set(rows[0])
    if not {"prediction", "question", "answer"} <= columns:
        return "tempcompass" if {"prediction", "mc_answer", "dim"} <= columns else None
    if {"duration", "domain", "sub_category", "task_type"} <= columns:
        return "videomme"
    if {"dim", "task_type"} <= columns:
        return "tempcompass"
    return "mvbench" if {"candidates", "task_type"} <= columns else None


def read_table(path: Path, benchmark: str) -> Table:
    """Score a table of predictions. Raises SettingsError if it is not one of the benchmark."""
    rows = read_rows(path)
    if benchmark_of(rows) != benchmark:
        raise SettingsError(f"{path}: is not a VLMEvalKit table of {benchmark}")
    rules = _RULES[benchmark]
    scores = [_scored(path, number, row, rules) for number, row in enumerate(rows, 1)]
    table = Table({}, rules.percent)
    stored, notes = _stored_scores(path, rows)
    compared = [
        (score, kept) for score, kept in zip(scores, stored, strict=True) if kept is not None and score is not None
    ]
    table.same, table.compared = sum(score == kept for score, kept in compared), len(compared)
    # Without a rule (captions are judged) the stored score counts.
    final = [kept if score is None else score for score, kept in zip(scores, stored, strict=True)]
    _shares(table, rules, rows, final)
    _notes(table, rules, rows, scores, final)
    table.notes += notes
    table.published = _ratings(path, benchmark, rules)
    return table


def _scored(path: Path, number: int, row: Row, rules: _Rules) -> int | None:
    """The score of a row. Raises SettingsError if it lacks a column that its score or its cells need."""
    needed = ["task_type", *rules.needed]
    if "mc_answer" not in row and row.get("task_type") != "captioning":
        needed.append("answer")
    missing = [name for name in needed if row.get(name) in (None, "")]
    if missing or "prediction" not in row:
        raise SettingsError(f"{path}, row {number}: has no {', '.join(missing or ['prediction'])}; is it complete?")
    if "duration" in rules.needed and row["duration"] not in DURATIONS:
        raise SettingsError(
            f"{path}, row {number}: the duration is {shortened(row['duration'])}, not one of {', '.join(DURATIONS)}"
        )
    try:
        return rules.score(row)
    except (ValueError, KeyError, TypeError, SyntaxError, IndexError, RecursionError, MemoryError) as error:
        raise SettingsError(f"{path}, row {number}: cannot be scored: {shortened(error)}; is it complete?") from error


def _videomme(row: Row) -> int:
    return int(extract(_text(row["prediction"])) == row["answer"])


def extract(prediction: str) -> str:
    """The first capital A to D after removing some prefixes; "" for none, which is wrong without a judge."""
    text = prediction.strip()
    for beginning in _PREFIXES:
        text = text.replace(beginning, "")
    found = re.search("[ABCD]", text)
    return found[0] if found else ""


def _mvbench(row: Row) -> int:
    """Right, wrong, or -1 for a failed request, which the rating then counts as right."""
    if row["prediction"] is None:
        return 1  # VLMEvalKit's score is NaN here, which is not zero
    prediction = str(row["prediction"])
    if FAILED in prediction:
        return -1
    candidates = [str(option) for option in _list(row["candidates"])]
    answer = str(row["answer"])
    at = max((number for number, option in enumerate(candidates) if option == answer), default=-1)
    wanted = f"({chr(ord('A') + at)}) {answer}".lower().strip().split(" ")[0]
    word = prediction.lower().strip().split(" ")[0]
    if word.replace(".", "") in wanted or wanted in word:
        return 1
    return int(inferred(prediction, candidates) == _letter(answer, candidates))


def _letter(answer: str, candidates: Sequence[str]) -> str:
    for number, option in enumerate(candidates):
        if option == answer:
            answer = LETTERS[number]  # VLMEvalKit goes on to compare it with the letter
    return answer


def inferred(prediction: str, options: Sequence[str]) -> str:
    """The label as ``can_infer`` extracts it: a single label among the last words, else that of the only text there."""
    labels = LETTERS[: len(options)]
    if FAILED not in prediction:
        if any(refusal in prediction for refusal in _REFUSALS):
            return "Z"
        splits = re.sub(r"[.()\[\],:;!*#{}]", " ", prediction).split()
        named = [label for label in labels if label in splits]
        if len(named) == 1 and splits.index(named[0]) > len(splits) - 5:
            return named[0]
        if not named and "Z" in splits:
            return "Z"
        told = _VERBOSE.search(prediction)
        if told and told[1].upper() in labels:
            return told[1].upper()
    if len(prediction) > 2 * sum(map(len, options)):
        return ""
    said = [label for label, option in zip(labels, options, strict=True) if option.lower() in prediction.lower()]
    return said[0] if len(said) == 1 else ""


def _tempcompass(row: Row) -> int | None:
    """Score by the rules of TempCompass; unreadable answers are wrong without a judge. None for a caption."""
    said, form, answer = _text(row["prediction"], ""), str(row["task_type"]), str(row.get("answer"))
    if form == "captioning" or "mc_answer" in row:
        return None
    if form == "yes_no":
        return int(bool(choice.tempcompass_yes_no(said, answer)))
    if form == "caption_matching":
        question = "\n".join(["", *(str(option) for option in _list(row["candidates"]))])
        return int(bool(choice.tempcompass_caption_matching(said, question, answer)))
    return int(bool(choice.tempcompass_multi_choice(said, answer)))


def _text(value: Any, missing: str = "nan") -> str:
    return missing if value is None else str(value)


def _list(value: Any) -> list[Any]:
    """Parse a list that a table has as Python source."""
    read = ast.literal_eval(value) if isinstance(value, str) else value
    if not isinstance(read, list):
        raise TypeError(f"candidates are a list, not {read!r}")
    return read


def _stored_scores(path: Path, rows: Sequence[Row]) -> tuple[list[float | None], list[str]]:
    """The score of each row, from its own column or the score file beside the table, and notes about that file."""
    if "score" in rows[0]:
        return [stored_score(row.get("score"), f"{path}, row {number}") for number, row in enumerate(rows, 1)], []
    beside = _score_files(path)
    if not beside:
        return [None] * len(rows), []
    notes = [f"compared with {beside[0].name}, of {len(beside)} score files beside the table"] * (len(beside) > 1)
    read = read_rows(beside[0])
    by_index = "index" in rows[0] and "index" in read[0]
    if not by_index and len(read) != len(rows):
        return [None] * len(rows), [*notes, f"{beside[0].name} has {len(read)} rows and no index, so none is compared"]
    theirs = {str(row.get("index") if by_index else number): (number, row) for number, row in enumerate(read, 1)}
    scores: list[float | None] = []
    lacking = other = 0
    for at, row in enumerate(rows, 1):
        number, same = theirs.get(str(row.get("index") if by_index else at), (0, None))
        lacking += same is None
        if same is not None and str(same.get("prediction", row["prediction"])) != str(row["prediction"]):
            other, same = other + 1, None
        scores.append(stored_score(same.get("score"), f"{beside[0]}, row {number}") if same else None)
    if lacking:
        notes.append(f"{beside[0].name} lacks {lacking} of the {len(rows)} rows (cut short?); these are not compared")
    if other:
        notes.append(f"{beside[0].name} scores other predictions in {other} rows (another run's?), not compared")
    return scores, notes


def _score_files(path: Path) -> list[Path]:
    """Score files of a table, the plain one first, without those of tables whose names only begin like it."""
    tables = [
        file
        for file in sorted(path.parent.glob(f"{_escaped(path.stem)}_*"))
        if file != path and file.suffix in (".xlsx", ".tsv", ".json")
    ]
    others = tuple(f"{file.stem}_" for file in tables if not file.stem.endswith("_score"))
    found = [file for file in tables if file.stem.endswith("_score") and not file.stem.startswith(others)]
    return sorted(found, key=lambda file: file.stem != f"{path.stem}_score")


def _escaped(stem: str) -> str:
    return re.sub(r"([\[*?])", r"[\1]", stem)


def _shares(table: Table, rules: _Rules, rows: Sequence[Row], scores: Sequence[float | None]) -> None:
    """Every cell that the tool prints, in its order."""
    for row, score in zip(rows, scores, strict=True):
        right = None if score is None else rules.counted(score)
        if right is None:
            continue
        for cell in rules.cells(row):
            had, count = table.shares.get(cell, (0.0, 0))
            table.shares[cell] = had + right, count + 1


def _notes(
    table: Table, rules: _Rules, rows: Sequence[Row], scores: Sequence[int | None], final: Sequence[float | None]
) -> None:
    missing = sum(row["prediction"] is None for row in rows)
    failed = sum(FAILED in str(row["prediction"]) for row in rows)
    # Where it counts a failed request as right, it does the same with a missing prediction.
    counted = ", which VLMEvalKit counts as right" if rules.counted(-1) == 1 else ""
    said = {
        f"predictions are missing{counted}": missing,
        f"requests failed{counted}": failed,
        "captions are scored as the table's score says, since no rule reads them": sum(
            score is None for score in scores
        ),
        "captions have no score; give the table with the judge's (..._score)": sum(score is None for score in final),
    }
    table.notes += [f"{count} {what}" for what, count in said.items() if count]
    table.notes += repeated_note(row["index"] for row in rows if row.get("index") is not None)
    table.notes.append("by VLMEvalKit's rules without a judge (exact_matching)")


def _ratings(path: Path, benchmark: str, rules: _Rules) -> dict[str, str]:
    """The tool's own rating of this table: cell -> value as printed."""
    file = path.with_name(rules.rating_file(path.stem.removesuffix("_score")))
    if not file.is_file() or file == path:
        return {}
    try:
        return rules.ratings(file)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
        raise SettingsError(f"{file}: is not a VLMEvalKit rating of {benchmark}: {error!r}") from error


def _tempcompass_ratings(file: Path) -> dict[str, str]:
    return {str(row["dim.task_type"]): f"{float(row['acc']):.2f}" for row in read_rows(file)}


def _mvbench_ratings(file: Path) -> dict[str, str]:
    ratings: Mapping[str, Any] = read_json(file)
    return {str(task): str(value[2]).rstrip("%") for task, value in ratings.items()}


def _videomme_ratings(file: Path) -> dict[str, str]:
    ratings: Mapping[str, Any] = read_json(file)
    found = []
    for duration, cells in ratings.items():
        before = "" if duration == "overall" else f"{duration}, "
        found.append((str(duration), str(cells["overall"])))
        found += [(f"{before}{kind}: {name}", str(value)) for kind in ("domain", "sub_category", "task_type")
                  for name, value in cells[kind].items()]  # fmt: skip
    return {cell: value for cell, value in found if value != "nan"}


def _videomme_cells(row: Row) -> list[str]:
    duration, kinds = str(row["duration"]), ("domain", "sub_category", "task_type")
    cells = ["overall", duration, *(f"{kind}: {row[kind]}" for kind in kinds)]
    return cells + [f"{duration}, {kind}: {row[kind]}" for kind in kinds]


@dataclass(frozen=True)
class _Rules:
    """How the tool scores a table of one benchmark.

    needed     columns that a row's cells need, besides its task
    score      1, 0, or -1 for a failed request; None if no rule can parse the answer
    counted    what a score adds to its cells; None leaves the row out
    ratings    from the tool's own rating file, named ``rating_file`` of the table's stem, to its values
    """

    needed: tuple[str, ...]
    score: Callable[[Row], int | None]
    cells: Callable[[Row], list[str]]
    ratings: Callable[[Path], dict[str, str]]
    counted: Callable[[float], float | None] = float
    rating_file: Callable[[str], str] = "{}_rating.json".format
    percent: bool = True


_RULES = {
    "videomme": _Rules(
        needed=("duration", "domain", "sub_category"),
        score=_videomme,
        cells=_videomme_cells,
        counted=lambda score: score if score >= 0 else None,
        ratings=_videomme_ratings,
        percent=False,
    ),
    "mvbench": _Rules(
        needed=(),
        score=_mvbench,
        cells=lambda row: ["overall", str(row["task_type"])],
        counted=lambda score: float(score != 0),
        ratings=_mvbench_ratings,
    ),
    "tempcompass": _Rules(
        needed=("dim",),
        score=_tempcompass,
        cells=lambda row: ["overall", str(row["dim"]), str(row["task_type"]), f"{row['dim']}. {row['task_type']}"],
        ratings=_tempcompass_ratings,
        rating_file=lambda stem: re.sub(r"_TempCompass.*", "_TempCompass_acc.csv", stem),
    ),
}
