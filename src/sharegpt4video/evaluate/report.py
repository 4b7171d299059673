"""The result of a run: figures with their intervals, what could not be scored, and provenance."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ..foreign import markdown
from ..wording import counted
from .base import Benchmark, Figure, Protocol, Question, Scored
from .figures import above_chance, by_group, chance, macro, plain, unscored

_OUR_FAULT = ("undecodable", "unavailable")


@dataclass(frozen=True)
class Report:
    """The result of a benchmark run; ``text()`` is what the command prints, and a notebook shows it as a table.

    figures    the published figures, the overall one first
    further    ours: mean over the parts, accuracy above chance
    questions  number of questions asked, about ``videos`` videos
    unscored   how many answers could not be scored, by reason
    decided    how many were decided by a rule, a judge, or nothing
    chance     accuracy of guessing, in percent; None if unknown
    notes      what became of the answers of an earlier run
    """

    benchmark: str
    title: str
    protocol: Protocol
    model: str
    figures: Mapping[str, Figure]
    further: Mapping[str, Figure]
    questions: int
    videos: int
    unscored: Mapping[str, int]
    decided: Mapping[str, int]
    chance: float | None
    settings: Mapping[str, Any]
    judge: str = ""
    judge_counts: Mapping[str, int] = field(default_factory=dict)
    judge_note: str = ""
    notes: tuple[str, ...] = ()

    @property
    def failures(self) -> list[str]:
        """What went wrong with the run itself, not with the model's answers; empty when nothing did."""
        lines = [f"{self.unscored[why]} questions {why}" for why in _OUR_FAULT if self.unscored.get(why)]
        if self.judge and self.unscored.get("no judge"):
            lines.append(f"{self.unscored['no judge']} answers that the judge {self.judge} gave no verdict on")
        return lines

    def __repr__(self) -> str:
        overall = next(iter(self.figures.items()), None)
        said = f"{overall[0]} {overall[1].value:.2f} {overall[1].unit}" if overall else "no figures"
        faults = (*_OUR_FAULT, "no judge") if self.judge else _OUR_FAULT
        failed = sum(self.unscored.get(why, 0) for why in faults)
        failures = f", {counted(failed, 'failure')}" if failed else ""
        return f"Report({self._heading()}: {said} over {counted(self.questions, 'question')}{failures})"

    def _repr_markdown_(self) -> str:
        """For a notebook."""
        return self.markdown()

    def text(self) -> str:
        """For a terminal."""
        rows = [(name, *_cells(figure)) for name, figure in {**self.figures, **self.further}.items()]
        widths = [max((len(row[column]) for row in rows), default=0) for column in range(4)]
        lines = [self._heading()]
        for name, *cells in rows:
            padded = (cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))
            lines.append("  ".join(["", name.ljust(widths[0]), *padded]))
        return "\n".join([*lines, *self._remarks()])

    def markdown(self) -> str:
        """For a page."""
        lines = [f"### {markdown(self._heading())}", "", "| | value | 95 % interval | questions |", "|---|---|---|---|"]
        for name, figure in {**self.figures, **self.further}.items():
            lines.append("| " + " | ".join((markdown(name), *_cells(figure))) + " |")
        return "\n".join([*lines, "", *(f"- {markdown(line)}" for line in self._remarks()), ""])

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        found: dict[str, Any] = plain({**asdict(self), "failures": self.failures})
        return found

    def json(self) -> str:
        return json.dumps(self.plain(), ensure_ascii=False, indent=2, default=str) + "\n"

    def _heading(self) -> str:
        return f"{self.title}, protocol {self.protocol}, {self.model}"

    def _remarks(self) -> list[str]:
        total = max(self.questions, 1)
        shown = [f"{name} {count} ({100 * count / total:.2f} %)" for name, count in self.unscored.items()]
        asked = f"{counted(self.questions, 'question')} about {counted(self.videos, 'video')}"
        lines = [f"{asked}; not scored as answers: {_or_none(shown)}"]
        lines.append("decided by " + ", ".join(f"{name} {count}" for name, count in self.decided.items()))
        if self.chance is not None:
            lines.append(f"chance {self.chance:.2f} %")
        if self.judge:
            counts = ", ".join(f"{name} {count}" for name, count in self.judge_counts.items() if count)
            lines.append(f"judge {self.judge}: {self.judge_note or counts or 'nothing asked'}")
        lines.append("95 % intervals by video (cluster-robust)")
        return [*lines, *self.notes] + [f"FAILED: {line}" for line in self.failures]


def make_report(
    benchmark: Benchmark,
    scored: Sequence[Scored],
    settings: Mapping[str, Any],
    *,
    judge: str = "",
    judge_counts: Mapping[str, int] | None = None,
    judge_note: str = "",
) -> Report:
    """Put a report together. ``settings`` are those of the run, with ``protocol`` and ``model``."""
    protocol: Protocol = settings["protocol"]
    questions = [question for question, _, _ in scored]
    figures = dict(benchmark.figures(scored, protocol))
    guessing = chance(questions)
    decided: dict[str, int] = {}
    for _, _, verdict in scored:
        decided[verdict.by] = decided.get(verdict.by, 0) + 1
    return Report(
        benchmark=benchmark.name,
        title=benchmark.title,
        protocol=protocol,
        model=str(settings.get("model", "")),
        figures=figures,
        further=_further(scored, questions, figures, guessing),
        questions=len(scored),
        videos=len({question.video for question in questions}),
        unscored=unscored(scored),
        decided=decided,
        chance=guessing,
        settings=dict(settings),
        judge=judge,
        judge_counts=dict(judge_counts or {}),
        judge_note=judge_note,
    )


def _further(
    scored: Sequence[Scored], questions: Sequence[Question], figures: Mapping[str, Figure], guessing: float | None
) -> dict[str, Figure]:
    """The mean over the parts of the first group, and accuracy above chance, unless the benchmark has its own."""
    found: dict[str, Figure] = {}
    name = next(iter(questions[0].groups), "") if questions else ""
    parts = by_group(scored, name) if name else {}
    if len(parts) > 1 and not any("macro" in cell for cell in figures):
        found[f"mean over {name}"] = macro(parts.values())
    overall = next(iter(figures.values()), None)
    if overall is not None and guessing is not None and overall.unit == "%" and "above chance" not in figures:
        found["above chance"] = above_chance(overall, guessing)
    return found


def _cells(figure: Figure) -> tuple[str, str, str]:
    if not figure.count:
        return "-", "-", "0"
    unit = f" {figure.unit}" if figure.unit and figure.unit != "%" else ""
    ends = f"{figure.low:.2f} to {figure.high:.2f}" if math.isfinite(figure.high - figure.low) else "one video alone"
    return f"{figure.value:.2f}{unit}", ends, str(figure.count)


def _or_none(lines: Sequence[str]) -> str:
    return ", ".join(lines) or "none"
