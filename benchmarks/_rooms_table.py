"""The figures of two versions side by side: what is better, what is worse and why, and what ran beside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from _rooms import BENCHMARKS, LEFT_OUT, Better

WORSE = 0.9
"""A figure less than so many times as good as before is a loss, and needs a note."""
DISTURBED = 0.1
"""Cores that other programs kept busy, above which figures of time are marked."""
TIMES = ("s", "ms", "CPU s", "CPU ms", "x", "videos/min", "captions/s", "samples/s")
HEAD = "| room | figure | {before} | {version} | times as good | |\n|---|---|---|---|---|---|"


@dataclass(frozen=True)
class Row:
    """A figure of two versions; ``then`` is None where the former did not give it."""

    benchmark: str
    room: str
    name: str
    unit: str
    now: float
    then: float | None
    ratio: float | None
    marks: tuple[str, str]
    note: str

    def line(self) -> str:
        then = "" if self.then is None else f"{self.then:,.4g}{self.marks[0]}"
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        name = f"{self.name}, {self.unit}" if self.unit else self.name
        return f"| {self.room} | {name} | {then} | {self.now:,.4g}{self.marks[1]} | {ratio} | {self.note} |"


def rows(now: Mapping[str, Any], then: Mapping[str, Any], notes: Mapping[str, str]) -> list[Row]:
    """A row for each figure that was measured; raises ValueError where a benchmark is missing or a loss has no note."""
    missing = [benchmark.name for benchmark in BENCHMARKS if benchmark.name not in now["rooms"]]
    if missing:
        raise ValueError(f"not run yet: {', '.join(missing)}; run them with --only")
    made = [
        row(benchmark.name, benchmark.room, now["rooms"][benchmark.name], figure, then["rooms"], notes)
        for benchmark in BENCHMARKS
        for figure in now["rooms"][benchmark.name]["figures"]
    ]
    losses = [f"{one.benchmark}: {one.name}" for one in made if is_loss(one) and not one.note]
    if losses:
        raise ValueError(f"worse, and notes.json does not say why: {'; '.join(losses)}")
    return made


def row(
    name: str,
    room: str,
    run: Mapping[str, Any],
    figure: Mapping[str, Any],
    before: Mapping[str, Any],
    notes: Mapping[str, str],
) -> Row:
    earlier = before.get(name, {"figures": []})
    then = next((one["value"] for one in earlier["figures"] if one["name"] == figure["name"]), None)
    ratio = None if then is None else times_as_good(figure["value"], then, figure["better"])
    disturbed = run["others_cpu_seconds"] > DISTURBED * run["wall_seconds"]
    marks = tuple(
        " †" if beside and figure["unit"] in TIMES else ""
        for beside in (earlier.get("beside_others", False), disturbed)
    )
    note = notes.get(f"{name}: {figure['name']}", "")
    return Row(name, room, figure["name"], figure["unit"], figure["value"], then, ratio, (marks[0], marks[1]), note)


def is_loss(one: Row) -> bool:
    return one.ratio is not None and one.ratio < WORSE


def times_as_good(now: float, then: float, better: Better) -> float:
    """Above 1 is better than before. Where one of them is 0: 1 if both are, else 0 for worse and 2 for better."""
    if better == "less":
        now, then = then, now
    if not now or not then:
        return 1.0 if now == then else 2.0 if now else 0.0
    return now / then


def table(now: Mapping[str, Any], then: Mapping[str, Any], notes: Mapping[str, str]) -> str:
    """All rows, and below them what was not run and why."""
    lines = [one.line() for one in rows(now, then, notes)]
    left_out = ", ".join(f"`{script}` ({reason})" for script, reason in LEFT_OUT.items())
    return "\n".join([HEAD.format(before=then["version"], version=now["version"]), *lines, "", f"Not run: {left_out}."])
