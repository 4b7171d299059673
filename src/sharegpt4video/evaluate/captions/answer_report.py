"""The result of answering questions from captions: figures of each set, paired differences, and what is missing."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

from ...foreign import markdown, terminal_line
from ...wording import counted
from ..base import Benchmark, Figure, Scored
from ..figures import Comparison, bounded, by_group, chance, check_group, compare, figure_of, mean_figure, plain
from ..judge import Judge
from .answering import ABSTAINED, Answerer

FIGURES: Mapping[str, str] = {
    "score": "right answers, and 1 / options for each that is not told",
    "right": "share of right answers; not told is wrong",
    "not told": "share of questions that the caption does not tell the answer to",
    "right if told": "share of right answers among those that are told",
}
BASELINE = "no caption"
"""The name of the run in which the judge is given no captions."""
_NAMED = 5  # videos without a caption that are named on screen; the JSON has all


@dataclass(frozen=True)
class CaptionScore:
    """One set of captions: its ``FIGURES``, the score by group, and what it took.

    missing            videos without a usable caption, and why
    unscored           questions without a verdict, by reason
    input_tokens, output_tokens, cost_usd   of all the judge's replies, also those of an earlier run; None: no prices
    """

    name: str
    figures: Mapping[str, Figure]
    groups: Mapping[str, Mapping[str, Figure]]
    missing: Mapping[str, str]
    unscored: Mapping[str, int]
    input_tokens: int
    output_tokens: int
    cost_usd: float | None


@dataclass(frozen=True)
class CaptionReport:
    """What captions let one know; ``text()`` is what the command prints.

    baseline      the same judge without captions: what the questions alone give away
    differences   "second - first" -> the paired comparison of their scores, the baseline included
    left_out      questions of the benchmark that are no multiple choice or have no published answer
    by_name_alone captions that say which content they were made from, were not held against the videos
    """

    benchmark: str
    title: str
    judge: str
    judge_note: str
    questions: int
    videos: int
    chance: float | None
    sets: Mapping[str, CaptionScore]
    baseline: CaptionScore
    differences: Mapping[str, Comparison]
    left_out: int = 0
    by_name_alone: bool = False

    @property
    def failures(self) -> list[str]:
        """What went wrong with the run itself; empty when nothing did."""
        lines = []
        for one in (*self.sets.values(), self.baseline):
            if one.missing:
                lines.append(f"{one.name}: {counted(len(one.missing), 'video')} without a usable caption")
            lines += [f"{one.name}: {counted(n, 'question')} {_WHY.get(why, why)}" for why, n in one.unscored.items()]
        return lines

    def __repr__(self) -> str:
        scores = ", ".join(f"{one.name} {one.figures['score'].value:.2f}" for one in self.sets.values())
        return f"CaptionReport({self.title}: {scores} over {counted(self.questions, 'question')})"

    def _repr_markdown_(self) -> str:
        """For a notebook."""
        return self.markdown()

    def text(self, by: str | None = None) -> str:
        """For a terminal; ``by`` is the group to break the score down by (default: the first).

        Raises SettingsError for a group that no question has.
        """
        check_group(by, self.baseline.groups)
        lines = [self._heading()]
        for table in (self._rows(), self._group_rows(by or next(iter(self.baseline.groups), ""))):
            widths = [max(len(row[at]) for row in table) for at in range(len(table[0]))] if table else []
            lines += ["  ".join(["", *(c.ljust(w) for c, w in zip(r, widths, strict=True))]).rstrip() for r in table]
        return "\n".join([*lines, *self._remarks()])

    def markdown(self) -> str:
        """For a page, with a table for each group."""
        lines = [f"### {markdown(self._heading())}", "", *_table(self._rows())]
        for name in self.baseline.groups:
            lines += ["", f"#### Score by {markdown(name)}", "", *_table(self._group_rows(name))]
        return "\n".join([*lines, "", *(f"- {markdown(line)}" for line in self._remarks()), ""])

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        found: dict[str, Any] = plain({**asdict(self), "failures": self.failures})
        return found

    def json(self) -> str:
        return json.dumps(self.plain(), ensure_ascii=False, indent=2) + "\n"

    def _heading(self) -> str:
        return f"{self.title} answered from captions, by {self.judge}"

    def _rows(self) -> list[list[str]]:
        rows = [["", *FIGURES]]
        for one in (*self.sets.values(), self.baseline):
            rows.append([one.name, *(_cell(one.figures[name]) for name in FIGURES)])
        return rows

    def _group_rows(self, group: str) -> list[list[str]]:
        every = [*self.sets.values(), self.baseline]
        rows = [[f"score by {group}", *(one.name for one in every)]]
        for name in self.baseline.groups.get(group, ()):
            cells = (one.groups.get(group, {}).get(name) for one in every)
            rows.append([name, *(_cell(cell) if cell else "-" for cell in cells)])
        return rows if len(rows) > 1 else []

    def _remarks(self) -> Iterator[str]:
        for name, one in self.differences.items():
            moved = one.difference
            yield (
                f"{name}: {moved.value:+.2f} points ({_ends(moved)}); better on {one.only_second} questions, "
                f"worse on {one.only_first}"
            )
        shown = f"; chance {self.chance:.2f} %" if self.chance is not None else ""
        more = f"; {counted(self.left_out, 'other question')} cannot be asked this way" if self.left_out else ""
        yield f"{counted(self.questions, 'question')} about {counted(self.videos, 'video')}{shown}{more}"
        yield "95 % intervals by video (cluster-robust); not told counts as a guess"
        yield from filter(None, (self.judge_note, *(_cost(one) for one in (*self.sets.values(), self.baseline))))
        if self.by_name_alone:
            yield "captions were matched by name alone; --videos holds them against the videos' content"
        for each in self.sets.values():
            for video, why in list(each.missing.items())[:_NAMED]:
                yield terminal_line(f"{each.name}: {video}: {why}")
        yield from (f"FAILED: {line}" for line in self.failures)


_WHY = {
    "unparsed": "that the judge gave no readable answer to",
    "unavailable": "that the judge could not be reached for",
    "no judge": "without a stored reply",
}


def make_report(
    benchmark: Benchmark,
    sets: Mapping[str, Sequence[Scored]],
    baseline: Sequence[Scored],
    judge: Judge | Answerer,
    *,
    missing: Mapping[str, Mapping[str, str]],
    left_out: int,
    by_name_alone: bool,
) -> CaptionReport:
    """Put a report together from the scored questions of each set and of the run without captions."""
    runs = {**sets, BASELINE: baseline}
    found = {name: _score_of(name, run, judge, missing.get(name, {})) for name, run in runs.items()}
    return CaptionReport(
        benchmark=benchmark.name,
        title=benchmark.title,
        judge=judge.model if isinstance(judge, Judge) else judge.name,
        judge_note="" if isinstance(judge, Judge) else judge.agreement,
        questions=len(baseline),
        videos=len({question.video for question, _, _ in baseline}),
        chance=chance(question for question, _, _ in baseline),
        sets={name: found[name] for name in sets},
        baseline=found[BASELINE],
        differences=dict(_differences(sets, baseline)),
        left_out=left_out,
        by_name_alone=by_name_alone,
    )


def _differences(sets: Mapping[str, Sequence[Scored]], baseline: Sequence[Scored]) -> Iterator[tuple[str, Comparison]]:
    runs = {one: {q.id: (v.score, q.video) for q, _, v in run if v.counted} for one, run in sets.items()}
    for first, second in combinations(runs, 2):
        if set(runs[first]) & set(runs[second]):
            yield f"{second} - {first}", compare(runs[first], runs[second])
    blind = {q.id: (v.score, q.video) for q, _, v in baseline if v.counted}
    for one, run in runs.items():
        if set(run) & set(blind):
            yield f"{one} - {BASELINE}", compare(blind, run)


def _score_of(name: str, run: Sequence[Scored], judge: Judge | Answerer, missing: Mapping[str, str]) -> CaptionScore:
    counted_ = [entry for entry in run if entry[2].counted]
    told = [entry for entry in counted_ if entry[2].numbers["picked"] != ABSTAINED]
    videos = [question.video for question, _, _ in counted_]
    groups = dict.fromkeys(group for question, _, _ in counted_ for group in question.groups)
    tokens = [int(sum(v.numbers.get(side, 0.0) for _, _, v in run)) for side in ("input_tokens", "output_tokens")]
    untold = [float(v.numbers["picked"] == ABSTAINED) for _, _, v in counted_]
    right = [float(v.score == 1 and not no) for (_, _, v), no in zip(counted_, untold, strict=True)]
    return CaptionScore(
        name=name,
        figures={
            "score": bounded(mean_figure(counted_)),
            "right": figure_of(right, videos),
            "not told": figure_of(untold, videos),
            "right if told": mean_figure(told),
        },
        groups={group: {k: bounded(v) for k, v in by_group(counted_, group).items()} for group in groups},
        missing=dict(missing),
        unscored=dict(Counter(v.unscored for _, _, v in run if v.unscored and v.unscored != "no caption")),
        input_tokens=tokens[0],
        output_tokens=tokens[1],
        cost_usd=judge.cost_usd(tokens[0], tokens[1]) if isinstance(judge, Judge) else 0.0,
    )


def _cost(one: CaptionScore) -> str:
    if not one.input_tokens + one.output_tokens:
        return ""
    money = f", {one.cost_usd:.4f} US dollars" if one.cost_usd is not None else ""
    return f"{one.name}: the judge read {one.input_tokens} tokens and wrote {one.output_tokens}{money}"


def _cell(figure: Figure) -> str:
    return f"{figure.value:.2f} ({_ends(figure)})" if figure.count else "-"


def _ends(figure: Figure) -> str:
    if not math.isfinite(figure.high - figure.low):
        return "one video alone"
    return f"{figure.low:.2f} to {figure.high:.2f}"


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    cells = [[markdown(cell) for cell in row] for row in rows]
    lines = ["| " + " | ".join(row) + " |" for row in cells]
    return [lines[0], "|" + "---|" * len(rows[0]), *lines[1:]] if lines else []
