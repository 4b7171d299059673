"""Result files of other tools, recognised by their contents and scored as the tool that wrote them does.

Results are compared with the tool's own scores, row by row and cell by cell; a difference of single rows is a failure
even if it leaves every mean equal. Questions that are in a file several times count as often as the tool counts them.
A folder of logs belongs to one model: logs in several folders, or two with answers to the same questions (with and
without subtitles), are refused; older logs of a task are left out with a note. Of several score files beside a table,
only the plain one (``..._score``) is compared; rows that it lacks, and scores of other predictions, are reported.
Tasks of TVBench differ in size, so the mean over tasks is reported beside that over questions. Files of MVBench have
only the right option, so chance is unknown.

Refused, with the place: no response at all, an unknown duration, a stored score other than 1, 0 and -1, impossible
counts (``[1, 0]``), a response that is not text, two files that may be the same TempCompass form.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...errors import SettingsError
from ...given import from_json, read_json, read_text
from ..base import Figure, Protocol, Scored
from ..figures import macro, mean_figure
from . import lmms_eval, mvbench_files, tarsier, tvbench, vlmevalkit
from .tables import read_rows, repeated_note, shortened
from .verify import Check, Verification, add, add_check, verify_mvbench, verify_video_mme

TITLES = {"videomme": "Video-MME", "mvbench": "MVBench", "tvbench": "TVBench", "tempcompass": "TempCompass"}
_KNOWN = (
    "supported are the official files of Video-MME, MVBench and TVBench, logs of lmms-eval (..._samples_videomme.jsonl,"
    " ..._samples_mvbench_....jsonl, ..._samples_tvbench_....jsonl), tables of VLMEvalKit (Video-MME, MVBench,"
    " TempCompass) and Tarsier's predictions (TVBench, MVBench)"
)


def verify_file(path: Path, benchmark: str, protocol: Protocol | None = None) -> Verification:
    """Score a file of predictions for ``benchmark``: an official one, a log of lmms-eval or a table of VLMEvalKit.

    ``path`` may be a folder of lmms-eval's logs. ``protocol`` is for official files of MVBench and TVBench (by default,
    scored as their authors do); other files are scored as the tool that wrote them does. Raises SettingsError for any
    other file.
    """
    kind, found = ("log", benchmark) if path.is_dir() else _kind(path)
    if found != benchmark:
        raise SettingsError(f"{path}: holds answers to {TITLES[found]}, not to {TITLES[benchmark]}; {_option(found)}")
    if kind != "official" and protocol is not None:
        raise SettingsError(f"{path}: is scored the way the tool that wrote it does; leave out --protocol")
    if kind == "log":
        return _log(path, benchmark)
    if kind == "table":
        return _table(path, benchmark)
    if kind == "conversations":
        return _conversations(path, benchmark)
    if benchmark == "videomme":
        return verify_video_mme(path)
    return _notebook(path, benchmark, protocol or "official")


def _option(benchmark: str) -> str:
    options = {"videomme": "--video-mme", "mvbench": "--mvbench", "tvbench": "--tvbench", "tempcompass": "--vlmevalkit"}
    return f"give it as {options[benchmark]}"


def _kind(path: Path) -> tuple[str, str]:
    """The kind of a file (official, log, table), and its benchmark."""
    official = _official(path)
    if official is not None:
        return "official", official
    rows = read_rows(path)
    if benchmark := lmms_eval.benchmark_of(rows):
        return "log", benchmark
    if benchmark := vlmevalkit.benchmark_of(rows):
        return "table", benchmark
    if benchmark := tarsier.benchmark_of(rows):
        return "conversations", benchmark
    columns = ", ".join(str(name) for name in list(rows[0])[:8])
    raise SettingsError(f"{path}: is not a known result file (its columns: {columns}); {_KNOWN}")


def _official(path: Path) -> str | None:
    """The benchmark whose authors' layout a file has."""
    if path.suffix.lower() != ".json":
        return None
    try:
        text = read_text(path, "utf-8-sig")
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path}: cannot be read: {error}") from error
    try:
        whole = from_json(text)
    except (ValueError, RecursionError):
        # The template of Video-MME has commas that JSON does not allow; it is read anyway.
        return "videomme" if '"questions"' in text else None
    if isinstance(whole, dict) and ("res_list" in whole or "result_list" in whole):
        tasks = whole.get("acc_dict")
        return "tvbench" if isinstance(tasks, dict) and tvbench.OWN_TASKS & set(tasks) else "mvbench"
    rows = list(whole.values()) if isinstance(whole, dict) else whole
    if isinstance(rows, list) and rows and isinstance(rows[0], dict):
        if "questions" in rows[0]:
            return "videomme"
        if {"pred", "gt"} <= set(rows[0]):
            return (
                "tvbench"
                if {str(row.get("task_type")) for row in rows if isinstance(row, dict)} & tvbench.OWN_TASKS
                else "mvbench"
            )
    return None


def _log(path: Path, benchmark: str) -> Verification:
    log = lmms_eval.read_log(path, benchmark)
    found = Verification(f"{TITLES[benchmark]} (lmms-eval), {path.name}: {len(log.scored)} answers")
    published = dict(log.published)
    if len(log.figures) == 2 and len(published) == 1:  # a single task is the whole
        published["overall"] = next(iter(published.values()))
    add(found, log.figures, {cell: value for cell, value in published.items() if cell in log.figures})
    if log.compared:
        _agree(found, log.same, log.compared, "the file itself does")
    found.notes += [*log.notes, *_empty(log.scored)]
    if not published:
        found.notes.append("no results file of the same run beside it (..._results.json), so no score to compare with")
    return found


def _agree(found: Verification, same: int, compared: int, who: str) -> None:
    """Report how many answers are scored alike; any difference is a failure, even if the means are equal."""
    found.agreement.append(f"the rules score {same} of {compared} answers as {who}")
    if same < compared:
        found.failures.append(f"{compared - same} of {compared} answers are not scored as {who}")


def _empty(scored: tuple[Scored, ...]) -> list[str]:
    empty = sum(verdict.unscored == "empty" for _, _, verdict in scored)
    return [f"{empty} answers are empty"] if empty else []


def _conversations(path: Path, benchmark: str) -> Verification:
    rows = read_rows(path)
    scored = tarsier.score_rows(path, rows)
    found = Verification(f"{TITLES[benchmark]} (Tarsier), {path.name}: {len(scored)} answers")
    parts: dict[str, list[Scored]] = {}
    for entry in scored:
        if entry[2].counted:
            parts.setdefault(entry[0].groups["task"], []).append(entry)
    cells = {task: mean_figure(entries) for task, entries in sorted(parts.items())}
    add(found, _means(cells, [entry for entry in scored if entry[2].counted]) | cells, {})
    found.notes += repeated_note(
        (f"{row.get('dataset')}/{row['idx']}" for row in rows if row.get("idx") is not None),
        "the first of each counts, as in its scorer",
    )
    left_out = len(scored) - sum(map(len, parts.values()))
    if left_out:
        found.notes.append(f"{left_out} answers do not begin with a letter and leave the denominator, as in its scorer")
    return found


def _means(cells: Mapping[str, Figure], scored: Sequence[Scored]) -> dict[str, Figure]:
    """The mean over tasks beside that over questions; they differ if tasks differ in size."""
    return {"mean of the tasks": macro(cells.values()), "mean of the questions": mean_figure(scored)}


def _table(path: Path, benchmark: str) -> Verification:
    table = vlmevalkit.read_table(path, benchmark)
    count = table.shares.get("overall", (0.0, 0))[1]
    found = Verification(f"{TITLES[benchmark]} (VLMEvalKit), {path.name}: {count} answers", notes=table.notes)
    for cell, (right, of) in table.shares.items():
        value = right / of * 100 if table.percent else right / of
        check = Check(cell, value, of, table.published.get(cell, ""), decimals=2 if table.percent else 3)
        add_check(found, check)
    if table.compared:
        _agree(found, table.same, table.compared, "the tool's own score file does (was it judged by a model?)")
    if not table.published:
        found.notes.append("no rating of VLMEvalKit beside it, so no score to compare with")
    return found


def _notebook(path: Path, benchmark: str, protocol: Protocol) -> Verification:
    """Score a file of the notebooks: every answer, by task if the file names them, beside its own score."""
    found = verify_mvbench(path, protocol)
    found.title = found.title.replace("MVBench", TITLES[benchmark])
    scored = mvbench_files.read_results(path, protocol)
    accuracies = _accuracies(path)
    parts = _by_task(scored, accuracies)
    if not parts:
        return found
    cells = {task: mean_figure(entries) for task, entries in parts.items()}
    whole = _means(cells, scored)
    printed: dict[str, str] = {}
    if protocol == "official" and accuracies:
        printed = {task: f"{100 * right / total:.2f}" for task, (right, total) in accuracies.items()}
        sums = [sum(part) for part in zip(*accuracies.values(), strict=True)]
        printed["mean of the questions"] = f"{100 * sums[0] / sums[1]:.2f}"
    kept = [check for check in found.checks if check.cell not in cells and check.cell != "overall"]
    found.checks.clear()
    found.failures.clear()
    add(found, {**whole, **cells}, printed)
    found.checks += kept
    return found


def _accuracies(path: Path) -> dict[str, tuple[int, int]]:
    """The numbers of right and of all answers by task, from the notebook's ``acc_dict``."""
    whole = read_json(path)
    stored = whole.get("acc_dict") if isinstance(whole, dict) else None
    if not isinstance(stored, dict):
        return {}
    return {str(task): _pair(path, task, value) for task, value in stored.items()}


def _pair(path: Path, task: str, value: Any) -> tuple[int, int]:
    whole = isinstance(value, list) and [type(part) for part in value] == [int, int]
    if not whole or not 0 <= value[0] <= value[1] or not value[1]:
        raise SettingsError(f"{path}: acc_dict of {task!r} is {shortened(value)}, not [right, all] of at least one")
    return value[0], value[1]


def _by_task(scored: list[Scored], accuracies: Mapping[str, tuple[int, int]]) -> dict[str, list[Scored]]:
    """The answers of each task: by their ``task_type``, or by the order and counts of the notebook."""
    parts: dict[str, list[Scored]] = {}
    for entry in scored:
        parts.setdefault(entry[0].groups["task"], []).append(entry)
    if set(parts) != {""}:
        return parts if "" not in parts else {}
    if sum(total for _, total in accuracies.values()) != len(scored):
        return {}
    parts, at = {}, 0
    for task, (_, total) in accuracies.items():
        parts[task] = scored[at : at + total]
        at += total
    return parts
