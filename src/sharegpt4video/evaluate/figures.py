"""Combined scores: accuracy with its 95 % interval, chance, unanswered questions, and comparisons of two runs.

Answers about one video are correlated, so an interval that assumes independent questions is too narrow. Ours uses the
variance between videos (cluster-robust), converts it to an effective number of independent questions, and gives
Wilson's interval for that number. With one question per video, this is plain Wilson.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..errors import SettingsError
from .base import Figure, Question, Scored

Z95 = 1.959963984540054
"""Of the normal distribution, 95 % lies within this many standard deviations."""


def wilson(share: float, count: float) -> tuple[float, float]:
    """Wilson's 95 % interval for a share of ``count`` independent trials (which may be a fraction); (0, 1) for none."""
    if count <= 0:
        return 0.0, 1.0
    middle = share + Z95**2 / (2 * count)
    spread = Z95 * math.sqrt(share * (1 - share) / count + Z95**2 / (4 * count**2))
    scale = 1 + Z95**2 / count
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def cluster_variance(values: Sequence[float], clusters: Sequence[str]) -> float:
    """The cluster-robust variance of the mean; infinite for a single cluster."""
    mean = sum(values) / len(values)
    residuals: defaultdict[str, float] = defaultdict(float)
    for value, cluster in zip(values, clusters, strict=True):
        residuals[cluster] += value - mean
    groups = len(residuals)
    if groups < 2:
        return math.inf
    return groups / (groups - 1) * sum(residual**2 for residual in residuals.values()) / len(values) ** 2


def interval(values: Sequence[float], clusters: Sequence[str]) -> tuple[float, float]:
    """The 95 % interval of a mean: of shares (every value 0 or 1) Wilson's, else plus or minus 1.96 standard errors."""
    mean = sum(values) / len(values)
    variance = cluster_variance(values, clusters)
    if any(value not in (0, 1) for value in values):
        spread = Z95 * math.sqrt(variance) if math.isfinite(variance) else math.inf
        return mean - spread, mean + spread
    independent = float(len(set(clusters)))
    if 0 < mean < 1:
        independent = mean * (1 - mean) / variance if variance > 0 else float(len(values))
    return wilson(mean, min(max(independent, 1.0), len(values)))


def mean_figure(scored: Iterable[Scored], unit: str = "%") -> Figure:
    """The mean of all counted scores, in percent if that is the unit; 0 with a count of 0 if there are none."""
    counted = [(verdict.score, question.video) for question, _, verdict in scored if verdict.counted]
    return figure_of([score for score, _ in counted], [video for _, video in counted], unit)


def figure_of(values: Sequence[float], clusters: Sequence[str], unit: str = "%") -> Figure:
    """The mean of values with its interval; ``clusters`` groups correlated values, such as by video."""
    scale = 100.0 if unit == "%" else 1.0
    if not values:
        return Figure(0.0, 0, 0.0, scale, unit)
    low, high = interval(values, clusters)
    return Figure(scale * sum(values) / len(values), len(values), scale * low, scale * high, unit)


def bounded(figure: Figure) -> Figure:
    """The figure of a score in %, with an interval that ends where the score does."""
    return replace(figure, low=max(figure.low, 0.0), high=min(figure.high, 100.0))


def plain(value: Any) -> Any:
    """For JSON, which has no infinity: an unbounded end of an interval (one video) becomes None."""
    if isinstance(value, Mapping):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def by_group(scored: Iterable[Scored], *names: str) -> dict[str, Figure]:
    """The mean score for every value of a group (of several, joined by " / "), in the order of their first question."""
    parts: dict[str, list[Scored]] = {}
    for one in scored:
        groups = one[0].groups
        if all(name in groups for name in names):
            parts.setdefault(" / ".join(groups[name] for name in names), []).append(one)
    return {name: mean_figure(part) for name, part in parts.items()}


def check_group(by: str | None, known: Iterable[str], where: str = "") -> None:
    """Raise SettingsError, with ``where`` before it, if results are to be broken down by a group that is not known."""
    if by is not None and by not in (names := dict.fromkeys(known)):
        raise SettingsError(f"{where}no question has the group {by!r}; there are: {', '.join(names)}")


def macro(figures: Iterable[Figure]) -> Figure:
    """The unweighted mean of figures, so that groups of different sizes count the same.

    The interval assumes independent groups. Figures without questions are left out.
    """
    parts = [figure for figure in figures if figure.count]
    if not parts:
        return Figure(0.0, 0, 0.0, 100.0)
    value = sum(part.value for part in parts) / len(parts)
    below = math.sqrt(sum((part.value - part.low) ** 2 for part in parts)) / len(parts)
    above = math.sqrt(sum((part.high - part.value) ** 2 for part in parts)) / len(parts)
    return Figure(value, sum(part.count for part in parts), value - below, value + above, parts[0].unit)


def chance_of(question: Question) -> float | None:
    """The probability that a random guess among the options is right; None for questions without options."""
    return 1 / len(question.options) if question.options else None


def chance(questions: Iterable[Question]) -> float | None:
    """The accuracy of guessing, in percent; None without questions, or if one of them has no options."""
    each = [chance_of(question) for question in questions]
    known = [value for value in each if value is not None]
    return 100 * sum(known) / len(known) if known and len(known) == len(each) else None


def above_chance(figure: Figure, chance_percent: float) -> Figure:
    """An accuracy on the scale where guessing is 0 and everything right is 100 (it may be below 0)."""
    room = 100 - chance_percent
    if room <= 0:
        return Figure(0.0, figure.count, 0.0, 0.0)
    moved = [100 * (value - chance_percent) / room for value in (figure.value, figure.low, figure.high)]
    return Figure(moved[0], figure.count, moved[1], moved[2], figure.unit)


def unscored(scored: Iterable[Scored]) -> dict[str, int]:
    """How many answers could not be scored, by reason: empty, unparsed, undecodable, unavailable, no judge."""
    found = Counter(verdict.unscored for _, _, verdict in scored if verdict.unscored)
    return dict(found.most_common())


@dataclass(frozen=True)
class Comparison:
    """Two runs over the same questions, compared.

    difference                second minus first, in points (0 to 100), with its 95 % interval by video
    first, second             the two scores
    only_first, only_second   questions that only one of them got right
    p_value                   McNemar's exact test on those two counts, which assumes independent questions
    left_out                  questions that are in only one of the runs
    """

    difference: Figure
    first: float
    second: float
    only_first: int
    only_second: int
    p_value: float
    left_out: int

    def __repr__(self) -> str:
        moved = self.difference
        return f"Comparison({moved.value:+.2f} points over {moved.count} questions, p = {self.p_value:.2g})"

    def text(self) -> str:
        """For a terminal, in one line."""
        moved = self.difference
        return (
            f"{self.first:.2f} -> {self.second:.2f}: {moved.value:+.2f} points "
            f"(95 % interval by video {moved.low:+.2f} to {moved.high:+.2f}) over {moved.count} questions; "
            f"right in the first alone {self.only_first}, in the second alone {self.only_second}, "
            f"McNemar p = {self.p_value:.4g}; {self.left_out} questions are not in both"
        )


def compare(
    first: Mapping[str, tuple[float, str]], second: Mapping[str, tuple[float, str]], unit: str = "%"
) -> Comparison:
    """Compare scores question by question: id -> (score, video). Raises ValueError when no question is in both."""
    both = [name for name in first if name in second]
    if not both:
        raise ValueError("the two runs have no question in common; are they of the same benchmark?")
    scale = 100.0 if unit == "%" else 1.0
    moves = [second[name][0] - first[name][0] for name in both]
    variance = cluster_variance(moves, [first[name][1] for name in both])
    mean = sum(moves) / len(moves)
    spread = Z95 * math.sqrt(variance) if math.isfinite(variance) else math.inf
    difference = Figure(scale * mean, len(both), scale * (mean - spread), scale * (mean + spread), unit)
    lost, won = sum(move < 0 for move in moves), sum(move > 0 for move in moves)
    means = [scale * sum(run[name][0] for name in both) / len(both) for run in (first, second)]
    left_out = len(first) + len(second) - 2 * len(both)
    return Comparison(difference, means[0], means[1], lost, won, mcnemar(lost, won), left_out)


def mcnemar(one: int, other: int) -> float:
    """The exact two-sided p value of a split of ``one + other`` fair coin flips at least as uneven as this one."""
    total = one + other
    if not total:
        return 1.0
    logs = [
        math.lgamma(total + 1) - math.lgamma(k + 1) - math.lgamma(total - k + 1) for k in range(min(one, other) + 1)
    ]
    return min(1.0, 2 * math.fsum(math.exp(value - total * math.log(2)) for value in logs))
