"""Two scored runs, compared question by question."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ..errors import SettingsError, StorageError
from ..given import from_json, read_text
from .figures import Comparison, check_group, compare
from .runner import SCORES

Scores = dict[str, tuple[float, str]]


def compare_runs(
    first: str | os.PathLike[str], second: str | os.PathLike[str], by: str | None = None
) -> dict[str, Comparison]:
    """Compare two scored runs question by question.

    ``first`` and ``second`` are their folders. The result has ``"overall"`` and, with ``by`` (such as ``"aspect"`` or
    ``"task"``), one comparison for each value of that group. Differences are second minus first, in points (0 to 100).
    Questions that either run leaves out of its denominator are left out.

    Raises StorageError if a folder has no scores, SettingsError if the runs share no question or none has that group.
    """
    first, second = Path(first), Path(second)
    rows = [_rows(first), _rows(second)]
    found = {"overall": _compared([_scores(one) for one in rows], first, second)}
    if by is None:
        return found
    check_group(by, sorted({name for row in rows[0] for name in row.get("groups", {})}), f"{first}: ")
    for name in dict.fromkeys(row["groups"][by] for row in rows[0] if by in row.get("groups", {})):
        parts = [_scores([row for row in one if row["groups"].get(by) == name]) for one in rows]
        if set(parts[0]) & set(parts[1]):
            found[name] = _compared(parts, first, second)
    return found


def _compared(parts: list[Scores], first: Path, second: Path) -> Comparison:
    try:
        return compare(parts[0], parts[1])
    except ValueError as error:
        raise SettingsError(f"{first} and {second}: {error}") from error


def _rows(folder: Path) -> list[dict[str, Any]]:
    path = folder / SCORES if folder.is_dir() else folder
    try:
        return [from_json(line) for line in read_text(path).split("\n") if line]
    except OSError as error:
        raise StorageError(f"{path}: no scores can be read there ({error.strerror}); score the run first") from error
    except ValueError as error:
        raise StorageError(f"{path}: this is not a scores file ({error}); score the run again") from error


def _scores(rows: list[dict[str, Any]]) -> Scores:
    return {row["question"]: (float(row["score"]), str(row["video"])) for row in rows if row.get("counted", True)}
