"""Scorers compared with published scores: score stored predictions, and report computed beside published figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .. import mvbench
from ..base import Figure, Protocol
from ..tempcompass import ASPECTS, FORMS
from . import mvbench_files, videomme_files
from .tempcompass_files import find_models
from .tempcompass_replay import Replayed, replay

PUBLISHED: dict[str, dict[str, str]] = {
    "video-llava": {
        "overall": "49.77",
        **dict(zip(ASPECTS, ("71.41", "42.40", "41.94", "45.66", "45.74"), strict=True)),
        **dict(zip(FORMS, ("45.57", "56.38", "63.34", "34.83"), strict=True)),
        **{
            f"multi-choice / {name}": value
            for name, value in zip(ASPECTS, ("76.0", "35.2", "35.6", "37.7", "41.0"), strict=True)
        },
        "multi-choice / fine-grained action": "58.8",
        "multi-choice / coarse-grained action": "90.3",
        "multi-choice / object motion": "36.2",
        "multi-choice / camera motion": "32.6",
        "multi-choice / absolute speed": "47.6",
        "multi-choice / relative speed": "28.0",
        "multi-choice / color & light change": "43.6",
        "multi-choice / size & shape change": "39.4",
        "multi-choice / combined change": "41.7",
        "multi-choice / other change": "38.9",
    },
    "gemini": {
        "overall": "67.10",
        **dict(zip(ASPECTS, ("91.68", "48.99", "55.90", "64.67", "73.79"), strict=True)),
    },
    "reka-core-20240501": {
        "overall": "64.31",
        **dict(zip(ASPECTS, ("93.22", "46.92", "53.23", "63.58", "63.42"), strict=True)),
    },
}
"""TempCompass: model -> cell -> published figure. Leaderboard of 2024-08-30 (its forms for Video-LLaVA, too) and the
example of the README of llyx97/TempCompass (one decimal), for the files of that repository. Gemini is its 1.5 Pro."""

RULES_ALONE: dict[str, dict[str, str]] = {
    "video-llava": dict(zip(FORMS[:3], ("45.57", "56.38", "63.27"), strict=True)),
}
"""TempCompass with ``--disable_llm``: scores of the published predictions by the official rules alone."""


_LETTERS = ("A", "B", "C", "D")
_OURS = {"rule": "our rules", "judge": "the judge's words read again"}


@dataclass(frozen=True)
class Check:
    """One cell: the computed value, the number of questions, and the published value ("" for none)."""

    cell: str
    computed: float
    count: int
    published: str = ""
    decimals: int = 2

    @property
    def shown(self) -> str:
        """The computed value with as many decimals as the published one."""
        decimals = len(self.published.partition(".")[2]) if self.published else self.decimals
        return f"{self.computed:.{decimals}f}"

    @property
    def equal(self) -> bool:
        return not self.published or self.shown == self.published


@dataclass
class Verification:
    """The outcome for a set of stored files. ``failures`` are differences from what is published or stored in them."""

    title: str
    checks: list[Check] = field(default_factory=list)
    agreement: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def compared(self) -> int:
        return sum(bool(check.published) for check in self.checks)

    def text(self) -> str:
        """The report as text."""
        width = max((len(check.cell) for check in self.checks), default=0)
        lines = [self.title, f"  {'':<{width}}  computed  published"]
        for check in self.checks:
            mark = "" if not check.published else "  equal" if check.equal else "  DIFFERENT"
            lines.append(f"  {check.cell:<{width}}  {check.shown:>8}  {check.published or '-':>9}{mark}")
        lines += [f"  {line}" for line in self.agreement]
        lines += [f"  note: {line}" for line in self.notes]
        lines += [f"  DIFFERENT: {line}" for line in self.failures]
        equal = sum(bool(check.published) and check.equal for check in self.checks)
        said = f"{self.compared} published figures, {equal} equal"
        lines.append(f"  {said if self.compared else 'no published figures to compare with'}")
        return "\n".join(lines)

    def plain(self) -> dict[str, object]:
        """The report for JSON."""
        cells = [
            {"cell": c.cell, "computed": c.computed, "count": c.count, "published": c.published or None}
            for c in self.checks
        ]
        return {
            "title": self.title,
            "cells": cells,
            "agreement": self.agreement,
            "notes": self.notes,
            "failures": self.failures,
        }


def verify_tempcompass(
    annotations: Path | None = None,
    predictions: Path | None = None,
    judged: Path | None = None,
    captions: str = "auto",
) -> Iterator[Verification]:
    """Score every model whose files are found, and compare where a published score is known.

    ``annotations`` is a copy of the repository, or a folder with ``questions`` and ``meta_info.json``; the answers lie
    in it or in folders of their own, of one model or of several. Raises SettingsError when there are none.
    """
    questions = annotations if annotations is not None and _has_questions(annotations) else None
    for stored in find_models(annotations, predictions, judged):
        yield _tempcompass(replay(stored, questions, captions), with_questions=questions is not None)


def _has_questions(folder: Path) -> bool:
    return (folder / "questions").is_dir() or any((folder / f"{form}.json").is_file() for form in FORMS)


def _tempcompass(result: Replayed, *, with_questions: bool) -> Verification:
    found = Verification(f"TempCompass, {result.model}: {len(result.scored)} answers", notes=list(result.notes))
    cells = result.figures
    known = PUBLISHED.get(result.model, {})
    comparable = {cell: value for cell, value in known.items() if cell in cells and not _lacking(cell, result)}
    if not with_questions:
        found.notes.append("scored without the question files, so missing answers go unnoticed")
    add(found, cells, comparable)
    for name in known:
        if name not in comparable:
            why = ", ".join(_lacking(name, result)) or "fine-grained aspects (no meta_info.json)"
            found.notes.append(f"{name}: {known[name]} is published, but not compared for want of {why}")
    alone = {f"rules alone, {form}": result.rules_alone[form] for form in FORMS[:3] if form in result.rules_alone}
    published = {f"rules alone, {form}": value for form, value in RULES_ALONE.get(result.model, {}).items()}
    whole = {f"rules alone, {form}" for form in FORMS if form not in result.incomplete}
    add(found, alone, {cell: value for cell, value in published.items() if cell in alone and cell in whole})
    found.agreement += list(_agreement(result))
    for (form, by), (equal, compared) in result.agreed.items():
        if by in _OURS and equal < compared:
            found.failures.append(
                f"{form}: {_OURS[by]} differ from the stored ratings for {compared - equal} of {compared}"
            )
    return found


def _lacking(cell: str, result: Replayed) -> list[str]:
    """What a published cell needs and the files lack: forms, parts of them, or a judge for unreadable answers."""
    form = cell.partition(" / ")[0]
    needed = [form] if form in FORMS else list(FORMS)
    absent = [f"{name} answers" for name in needed if name not in result.by]
    absent += [f"some {name} answers" for name in needed if name in result.by and name in result.incomplete]
    return absent + [f"{name} judgements" for name in needed if name in result.by and result.by[name]["nobody"]]


def _agreement(result: Replayed) -> Iterator[str]:
    for form in FORMS:
        if form in result.by:
            decided = ", ".join(f"{what} {count}" for what, count in result.by[form].most_common())
            yield f"{form}: decided by {decided}"
    what = {
        **_OURS,
        "judged answer": "answers as predicted",
        "judged caption": "captions as predicted",
    }
    for (form, by), (equal, compared) in result.agreed.items():
        beside = "those judged" if by.startswith("judged") else "the stored ratings"
        yield f"{form}: {what[by]} equal {beside} for {equal} of {compared} ({100 * equal / compared:.2f} %)"


def add(found: Verification, cells: Mapping[str, Figure], published: Mapping[str, str]) -> None:
    """Add computed cells, each beside its published value."""
    for name, figure in cells.items():
        if figure.count:
            add_check(found, Check(name, figure.value, figure.count, published.get(name, "")))


def add_check(found: Verification, check: Check) -> None:
    """Add a cell, and a failure if it differs from the published value."""
    found.checks.append(check)
    if not check.equal:
        found.failures.append(f"{check.cell}: computed {check.shown}, published {check.published}")


def verify_video_mme(results: Path) -> Verification:
    """Score a file of predictions in Video-MME's official layout. Raises SettingsError for another one."""
    read = videomme_files.read_results(results)
    found = Verification(f"Video-MME, {results.name}: {len(read.scored)} answers to {', '.join(read.durations)} videos")
    add(found, read.figures, {})
    found.notes.append(f"read as the official scorer of the revision {read.revision} does")
    left_out = sum(not verdict.counted for _, _, verdict in read.scored)
    names = Counter(question.id for question, _, _ in read.scored)
    remarks = {
        "questions without a response": read.missing,
        "answers that cannot be parsed and leave the denominator, as in the official scorer": left_out,
        "answers that the two revisions of the official scorer read differently": read.disputed,
        "videos that are marked as missing in the file and left out": read.left_out,
        "questions whose right answer is not a letter A to D, so no answer is right": sum(
            question.answer not in _LETTERS for question, _, _ in read.scored
        ),
        "questions are in the file more than once, and count each time": sum(n > 1 for n in names.values()),
        "of the 2700 questions are not scored": 2700 - len(names),
    }
    found.notes += [f"{count} {what}" for what, count in remarks.items() if count > 0]
    return found


def verify_mvbench(results: Path, protocol: Protocol = "official") -> Verification:
    """Score a file of the MVBench notebook or the released scripts. Raises SettingsError for another one."""
    scored = mvbench_files.read_results(results, protocol)
    found = Verification(f"MVBench ({protocol}), {results.name}: {len(scored)} answers")
    add(found, mvbench.figures(scored, protocol), {})
    empty = sum(verdict.unscored == "empty" for _, _, verdict in scored)
    found.notes += [f"{empty} answers are empty"] if empty else []
    return found
