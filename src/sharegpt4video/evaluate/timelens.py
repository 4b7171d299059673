"""TimeLens-Bench: when in a video an event happens, on re-annotated Charades, ActivityNet and QVHighlights.

Files, prompt and rules are facts of TencentARC/TimeLens (commit 5d90c06) and of ``lmms_eval/tasks/timelens``; the code
is ours. The score of an answer is the overlap of its first span with the annotated one (intersection over union).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import SettingsError
from ..given import read_json
from .base import Benchmark, Figure, Protocol, Question, Scored, Scoring, Verdict, names_in
from .figures import figure_of

SETS = ("charades", "activitynet", "qvhighlights")
PROMPT = (
    "Please find the visual event described by the sentence '{query}', determining its starting and ending times. "
    "The format should be: 'The event happens in <start time> - <end time> seconds'."
)
OVERLAPS = (0.3, 0.5, 0.7)
Span = tuple[float, float]

_CLOCK = re.compile(r"\b(\d{1,2}:\d{2}:\d{2}(?:\.\d+)?|\d{1,2}:\d{2}(?:\.\d+)?)\b")
# Others' rules, written so that a long row of digits is tried once, not from each of its digits.
_NUMBER = r"\d+(?:\.\d*)?"
_RANGES = tuple(re.compile(rf"(?<!\d)({_NUMBER}){between}({_NUMBER})") for between in (r"\s*-\s*", r"\s+to\s+"))
_NUMBERS = {"official": re.compile(r"\b(\d+\.\d+|\d+)\b"), "lmms-eval": re.compile(rf"\b{_NUMBER}\b")}


def load(annotations: Path, protocol: Protocol, options: Mapping[str, Any]) -> Iterator[Question]:
    """The queries of ``SET-timelens.json`` for the three sets, or for ``options["sets"]``.

    A file is an object of videos, each with its ``duration``, ``queries`` and ``spans``. Raises SettingsError for an
    unknown set, and for a missing or damaged file.
    """
    for name in names_in(options.get("sets") or SETS):
        if name not in SETS:
            raise SettingsError(f"TimeLens-Bench has no set {name!r}; it has {', '.join(SETS)}")
        path = annotations / f"{name}-timelens.json"
        try:
            videos = read_json(path)
            for video, row in videos.items():
                pairs = zip(row["queries"], row["spans"], strict=True)
                for number, (query, span) in enumerate(pairs):
                    yield _question(name, str(video), number, str(query), _span(span), protocol)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError) as error:
            raise SettingsError(f"{path}: cannot be read as a file of TimeLens-Bench: {error!r}") from error


def _span(said: Sequence[Any]) -> Span:
    start, end = float(said[0]), float(said[1])
    if not (math.isfinite(start) and math.isfinite(end)):
        raise ValueError(f"a span from {start} to {end} seconds")
    return start, end


def _question(name: str, video: str, number: int, query: str, span: Span, protocol: Protocol) -> Question:
    plain = re.sub(r"\s+", " ", query).strip().strip(".").strip()
    return Question(
        id=f"{name}/{video}/{number}",
        video=f"{name}/{video}.mp4",
        text=PROMPT.format(query=plain),
        max_tokens=50 if protocol == "lmms-eval" else 512,
        groups={"set": name},
        reference={"span": span, "query": plain},
    )


def spans_in(text: str, protocol: Protocol = "official") -> list[Span]:
    """The spans of an answer, in seconds: clock times in pairs, else "3 - 5", else "3 to 5", else numbers in pairs."""
    said = text.lower()
    times = [_seconds(clock) for clock in _CLOCK.findall(said)]
    if len(times) > 1:
        return _pairs(times)
    for pattern in _RANGES:
        if found := pattern.findall(said):
            return [(float(start), float(end)) for start, end in found]
    numbers = _NUMBERS["lmms-eval" if protocol == "lmms-eval" else "official"]
    return _pairs([float(number) for number in numbers.findall(said)])


def _pairs(times: Sequence[float]) -> list[Span]:
    return list(zip(times[::2], times[1::2], strict=False))


def _seconds(clock: str) -> float:
    total = 0.0
    for part in clock.split(":"):
        total = 60 * total + float(part)
    return total


def overlap(one: Span, other: Span) -> float:
    """Intersection over union, as the authors compute it: the union is all from the first start to the last end."""
    whole = max(one[1], other[1]) - min(one[0], other[0])
    return max(min(one[1], other[1]) - max(one[0], other[0]), 0.0) / whole if whole > 0 else 0.0


def score(question: Question, text: str, protocol: Protocol) -> Scoring:
    """The overlap of the first span; 0 where the answer has none.

    ``official`` rounds spans to whole seconds, as the authors' evaluation stores them.
    """
    spans = spans_in(text, protocol)
    if not spans:
        return Verdict(0.0, unscored="unparsed" if text.strip() else "empty")
    start, end = spans[0]
    if protocol == "official":
        start, end = (float(round(at)) if math.isfinite(at) else at for at in (start, end))
    return Verdict(overlap(question.reference["span"], (start, end)))
    yield  # a role is a generator, also one that never asks


def figures(scored: Sequence[Scored], protocol: Protocol) -> Mapping[str, Figure]:  # noqa: ARG001 - the same for all
    """Mean overlap and recall at three overlaps in percent, over all queries and for each set."""
    found: dict[str, Figure] = {}
    for name in ("overall", *SETS):
        part = [one for one in scored if name in ("overall", one[0].groups["set"])]
        videos = [question.video for question, _, _ in part]
        values = [verdict.score for _, _, verdict in part]
        if part:
            found["mIoU" if name == "overall" else f"{name}, mIoU"] = figure_of(values, videos)
            for least in OVERLAPS:
                hits = [float(value >= least) for value in values]
                found[f"R1@{least}" if name == "overall" else f"{name}, R1@{least}"] = figure_of(hits, videos)
    return found


TIMELENS = Benchmark(
    name="timelens",
    title="TimeLens-Bench",
    source="arXiv 2512.14698; TencentARC/TimeLens",
    protocols=("strict", "official", "lmms-eval"),
    load=load,
    score=score,
    figures=figures,
    frames={"strict": 64, "official": 64, "lmms-eval": 64},
    samplers={"strict": "uniform", "official": "uniform", "lmms-eval": "uniform"},
    options=("sets",),
    licence="academic research only, not for use within the European Union",
    get="TencentARC/TimeLens-Bench on the Hugging Face hub",
)
