"""Counts as the page shows them: what is left to the templates is to name them and to put them in place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from ..decide.waterfall import GateCounts
from ..decide.words import bound
from .markup import cut, number, plural
from .numbers import Group, SelectionNumbers
from .scan import SEPARATOR, CaptionNumbers
from .tally import Counted, Tally

BOILERPLATE_SHARE = 0.2
"""From this share of equal openings on, a warning is shown."""
GROUP_SIZES = (("2 videos", 2), ("3 videos", 3), ("4 videos", 4), ("5 to 9", 5), ("10 to 99", 10), ("100 or more", 100))

Row = tuple[str, float, str]
"""A bar: its label, its value, and a remark ("" for none)."""
Key = TypeVar("Key", str, tuple[str, str])


class Maker(NamedTuple):
    """What a number of captions was made by."""

    model: str
    prompt_set: str
    prompt_hash: str
    version: str
    captions: float


@dataclass(frozen=True)
class GroupSizes:
    """Near-duplicates: the ``videos`` in ``groups`` of two or more, and how many groups there are of which size."""

    videos: int
    groups: int
    rows: list[Row]


def mean(tally: Tally) -> str:
    """Three digits are enough of a mean."""
    return number(float(f"{tally.mean:.3g}")) if tally.count else "–"


def makers(made: CaptionNumbers) -> list[Maker]:
    """The most frequent ones."""
    return [Maker._make([*key.split(SEPARATOR), count]) for key, count in made.makers.top(8)]


def models(made_by: Iterable[Maker]) -> list[str]:
    """The first few different models."""
    return [cut(model, 60) for model in dict.fromkeys(maker.model for maker in made_by)][:3]


def threshold(stage: GateCounts) -> str:
    """What is set, in words; filters without a number are on."""
    if stage.threshold is None:
        return "on"
    return bound(stage.name, stage.threshold)


def ranked(groups: dict[Key, Group]) -> list[tuple[Key, Group]]:
    """Groups by size, the largest first; equal ones by key."""
    return sorted(groups.items(), key=lambda item: (-item[1].count, item[0]))


def group_sizes(chosen: SelectionNumbers) -> GroupSizes:
    several = {size: count for size, count in chosen.group_sizes.items() if size > 1}
    ends = [*(least for _, least in GROUP_SIZES[1:]), max(several, default=1) + 1]
    counts = [
        (label, sum(count for size, count in several.items() if least <= size < end), "")
        for (label, least), end in zip(GROUP_SIZES, ends, strict=True)
    ]
    inside = sum(size * count for size, count in several.items())
    return GroupSizes(inside, sum(several.values()), [row for row in counts if row[1]])


def shares(counted: Counted, most: int = 10, rest: bool = True) -> list[Row]:
    """The most frequent keys as shares of all and, with ``rest``, what the others come to."""
    top = counted.top(most)
    rows = [(key, amount / counted.total, number(amount)) for key, amount in top]
    others = counted.total - sum(amount for _, amount in top)
    if rest and others > 0:
        rows.append((f"{max(len(counted) - most, 1)} others", others / counted.total, number(others)))
    return rows


def of_videos(pairs: Iterable[tuple[str, float]], videos: float) -> list[Row]:
    """Numbers of videos as shares of so many ``videos``."""
    return [(label, count / videos, plural(count, "video")) for label, count in pairs]


def moves(made: CaptionNumbers) -> list[Row]:
    """Camera moves as shares of the time in which the camera could be measured, the longest first."""
    whole, seconds = made.measured_seconds, made.move_seconds.amounts
    rows = [(name, seconds[name] / whole if whole else 0.0, plural(n, "interval")) for name, n in made.moves.top(12)]
    return sorted(rows, key=lambda row: -row[1])


def boilerplate(openings: Counted) -> float:
    """The share of the most frequent opening where it is worth a warning; 0 where it is not."""
    share = max((amount / openings.total for _, amount in openings.top(1)), default=0.0)
    return share if openings.total >= 20 and share >= BOILERPLATE_SHARE else 0.0


def scored(words: Iterable[tuple[str, float]]) -> list[Row]:
    """Of the first 20 words, those with a score above 0."""
    return [(word, round(score, 1), "") for word, score in list(words)[:20] if score > 0]


def without_remark(pairs: Iterable[tuple[str, float]], of: float = 1) -> list[Row]:
    """Values, or shares ``of`` a whole."""
    return [(label, value / of, "") for label, value in pairs]


def by_length(shares_by_length: Iterable[float]) -> list[Row]:
    """Of runs of one, two and more words, the shares that are different."""
    return [(f"n = {length}", share, "") for length, share in enumerate(shares_by_length, 1)]
