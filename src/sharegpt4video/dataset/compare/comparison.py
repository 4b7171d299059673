"""Two data sets together: totals with paired intervals, and a row for each video, read from and kept on disk."""

from __future__ import annotations

import json
import math
import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from types import TracebackType
from typing import Any, Literal

from ...display import Result
from ...errors import SettingsError
from ...wording import counted
from ..dataset import Dataset
from ..export.multimap import DiskMultimap
from ..store.description import differences
from ..store.store import Store
from .claims import KINDS_OF_CLAIMS, ClaimKind
from .one import OneComparison, one_comparison
from .sides import Digest, digests

Where = str | os.PathLike[str] | Dataset
Only = Literal["", "first", "second", "differ", "contradicted", "findings", "uneven"]
"""Videos of which only the first says something, only the second, or either; with contradicted facts; with findings;
with other findings on one side than on the other."""
Order = Literal["listed", "different"]
_WHERE: dict[str, str] = {
    "": "1",
    "first": "only_first > 0",
    "second": "only_second > 0",
    "differ": "only_first + only_second > 0",
    "contradicted": "contradicted > 0",
    "findings": "findings > 0",
    "uneven": "uneven > 0",
}
_AFTER: dict[str, tuple[str, str]] = {
    "listed": ("number > :after", "number"),
    "different": (
        "(:after = 0 OR (-different, number) > (SELECT -different, number FROM videos WHERE number = :after))",
        "-different, number",
    ),
}
"""For each order what comes after a video, and by what it is ordered."""
MEASURES = (
    "words", "steps", "claims", "only here", "findings", "facts contradicted", "requests", "input tokens",
    "output tokens", "cost, US dollars",
)  # fmt: skip
_Z = 1.959964
_FEW = {1: 12.7062, 2: 4.3027}


@dataclass(frozen=True)
class VideoComparison:
    """One video. ``only_first`` and ``only_second``: what only one says, by kind; ``shared`` counts claims that both
    make. Pairs are (first, second)."""

    id: str
    video: str
    words: tuple[int, int]
    steps: tuple[int, int]
    shared: int
    only_first: dict[ClaimKind, list[str]]
    only_second: dict[ClaimKind, list[str]]
    findings: tuple[dict[str, int], dict[str, int]]
    contradicted: tuple[int, int]


@dataclass
class Paired:
    """A number of each video on both sides: the means, and of the mean difference (second minus first) a 95 % interval.

    The interval is Student's, of the differences video by video; None below two videos.
    """

    videos: int = 0
    first: float = 0.0
    second: float = 0.0
    _mean: float = 0.0
    _squares: float = 0.0

    def add(self, first: float, second: float) -> None:
        self.videos += 1
        self.first += (first - self.first) / self.videos
        self.second += (second - self.second) / self.videos
        step = second - first - self._mean
        self._mean += step / self.videos
        self._squares += step * (second - first - self._mean)

    @property
    def difference(self) -> float:
        return self.second - self.first

    @property
    def interval(self) -> tuple[float, float] | None:
        if self.videos < 2:
            return None
        free = self.videos - 1
        error = math.sqrt(self._squares / free / self.videos)
        # The quantile of Student's t: exact for few, else by its expansion in 1/free (Abramowitz and Stegun, 26.7.5).
        t = _Z + (_Z**3 + _Z) / (4 * free) + (5 * _Z**5 + 16 * _Z**3 + 3 * _Z) / (96 * free**2)
        t += (3 * _Z**7 + 19 * _Z**5 + 17 * _Z**3 - 15 * _Z) / (384 * free**3)
        t = _FEW.get(free, t)
        return self._mean - t * error, self._mean + t * error


@dataclass
class Totals:
    """Over all videos that both have: ``measures`` by name, and findings by check as (first, second).

    ``alone`` counts videos that only one has; ``claims`` by kind as (only first, shared, only second); ``with_facts``
    captions with measured facts.
    """

    videos: int = 0
    alone: tuple[int, int] = (0, 0)
    measures: dict[str, Paired] = field(default_factory=lambda: {name: Paired() for name in MEASURES})
    findings: dict[str, tuple[int, int]] = field(default_factory=dict)
    squares: dict[str, int] = field(default_factory=dict)
    """By check, the squares of the differences in findings, summed up over the videos."""
    claims: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    with_facts: tuple[int, int] = (0, 0)

    def per_video(self, check: str) -> Paired:
        """The findings of a check per video."""
        first, second = (count / self.videos for count in self.findings[check])
        return Paired(
            self.videos, first, second, second - first, self.squares[check] - self.videos * (second - first) ** 2
        )


def told_setting(value: Any) -> str:
    """A setting as people read it."""
    return "not set" if value in (None, "") else str(value).lower() if isinstance(value, bool) else str(value)


class Comparison(Result):
    """Two data sets compared; close it, or use it as a context manager, to free its temporary file.

    stores   of the two data sets
    names    their directories
    models   that made their captions
    differs  what else decided the captions and is not the same in both, by name: mode, prompts, settings
    """

    def __init__(self, first: Store, second: Store) -> None:
        self.stores = first, second
        self.names = first.root, second.root
        self.models = first.description["model"], second.description["model"]
        found = differences(first.description, second.description)
        self.differs = {name: values for name, values in found.items() if name != "model"}
        self.totals = Totals()
        self._base = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        columns = "id TEXT, only_first INT, only_second INT, contradicted INT, findings INT, uneven INT"
        columns += ", different INT, told TEXT"
        self._base.execute(f"CREATE TABLE videos (number INTEGER PRIMARY KEY, {columns})")

    def videos(
        self, *, after: int = 0, limit: int = 50, only: Only = "", order: Order = "listed"
    ) -> list[tuple[int, VideoComparison]]:
        """Videos, each with its number; ``after``: the number of the last one seen.

        They come in the order of the first data set, or the most ``different`` first: those with the most that only
        one side says, and the most findings that only one has.

        Raises SettingsError for an unknown ``only`` or ``order``.
        """
        if order not in _AFTER:
            raise SettingsError(f"order is one of {', '.join(_AFTER)}, not {order!r}")
        if only not in _WHERE:
            raise SettingsError(f"only is one of {', '.join(filter(None, _WHERE))}, not {only!r}")
        later, by = _AFTER[order]
        query = f"SELECT number, told FROM videos WHERE {later} AND {_WHERE[only]} ORDER BY {by} LIMIT :limit"
        rows = self._base.execute(query, {"after": after, "limit": limit})
        return [(number, _video(told)) for number, told in rows]

    def one(self, id: str) -> OneComparison:
        """Both captions of a video, with marks on what only one says. Raises SettingsError for an unknown one."""
        return one_comparison(*self.stores, id)

    def text(self) -> str:
        """The totals for a terminal."""
        totals = self.totals
        lines = [f"{counted(totals.videos, 'video')} captioned twice", *self._sides()]
        lines.append(f"{'per video':<20}{'first':>12}{'second':>12}{'difference':>12}  95 % interval")
        for name, pair in totals.measures.items():
            if pair.videos:
                low, high = pair.interval or (math.nan, math.nan)
                told = f"{name:<20}{pair.first:>12.4g}{pair.second:>12.4g}{pair.difference:>+12.4g}"
                lines.append(f"{told}  {low:+.4g} to {high:+.4g}")
        lines.append(f"{'claims':<20}{'only first':>12}{'both':>12}{'only second':>12}")
        lines += [f"{kind:<20}" + "".join(f"{count:>12,}" for count in row) for kind, row in totals.claims.items()]
        lines.append(f"{'findings':<20}{'first':>12}{'second':>12}")
        lines += [f"{name:<20}{one:>12,}{other:>12,}" for name, (one, other) in sorted(totals.findings.items())]
        return "\n".join(lines)

    def _sides(self) -> Iterator[str]:
        for number, word in enumerate(("first", "second")):
            alone = self.totals.alone[number]
            more = f", {counted(alone, 'video')} that the other has not" if alone else ""
            facts = f"facts measured of {self.totals.with_facts[number]:,}"
            model, _, options = self.models[number].partition(" {")
            yield f"{word}: {self.names[number]} ({model}), {facts}{more}"
            if options and self.models[0] != self.models[1]:
                yield f"  model options: {{{options}"
        for name, (one, other) in self.differs.items():
            yield f"{name}: {told_setting(one)} in the first, {told_setting(other)} in the second"

    def _fill(self, on_progress: Callable[[int], None]) -> None:
        first, second = self.stores
        counts = [0, 0]

        def spooled() -> Iterator[tuple[bytes, str]]:
            for id, one in digests(second):
                counts[1] += 1
                yield bytes.fromhex(id), one.to_json()

        with DiskMultimap(spooled()) as others:
            self._base.execute("BEGIN")
            for id, mine in digests(first):
                counts[0] += 1
                if theirs := others.get(bytes.fromhex(id)):
                    self._add(id, mine, Digest.from_json(theirs[-1]))
                    on_progress(self.totals.videos)
            self._base.execute("CREATE INDEX by_difference ON videos (-different, number)")
            self._base.execute("COMMIT")
        if not self.totals.videos:
            raise SettingsError(f"{self.names[0]} and {self.names[1]} share no captioned video")
        self.totals.alone = counts[0] - self.totals.videos, counts[1] - self.totals.videos

    def _add(self, id: str, first: Digest, second: Digest) -> None:
        one = _compared(id, first, second)
        counts = [sum(map(len, told.values())) for told in (one.only_first, one.only_second)]
        a, b = one.findings
        uneven = sum(abs(a.get(name, 0) - b.get(name, 0)) for name in {*a, *b})
        row = (id, *counts, sum(one.contradicted), sum(a.values()) + sum(b.values()), uneven, sum(counts) + uneven)
        told = json.dumps(asdict(one), ensure_ascii=False)
        names = "id, only_first, only_second, contradicted, findings, uneven, different, told"
        self._base.execute(f"INSERT INTO videos ({names}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*row, told))
        _add_totals(self.totals, one, first, second)

    def close(self) -> None:
        self._base.close()

    def __enter__(self) -> Comparison:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def compare(first: Where, second: Where, *, on_progress: Callable[[int], None] = lambda _: None) -> Comparison:
    """Compare two data sets of the same videos, which are known by their content.

    Reads each of them once, in bounded memory. ``on_progress`` gets the videos compared so far. Raises SettingsError
    if they share no video, SG4VError if one of them is not a data set.
    """
    stores = [Store.open(one.path if isinstance(one, Dataset) else one) for one in (first, second)]
    found = Comparison(*stores)
    with ExitStack() as stack:
        stack.callback(found.close)
        found._fill(on_progress)
        stack.pop_all()
    return found


def _compared(id: str, first: Digest, second: Digest) -> VideoComparison:
    only_first, only_second = first.only_here(second), second.only_here(first)
    return VideoComparison(
        id,
        first.video,
        (first.words, second.words),
        (first.steps, second.steps),
        sum(second.said.says(kind, meanings) for kind, meanings in first.claims),
        only_first,
        only_second,
        (first.findings, second.findings),
        (first.contradicted, second.contradicted),
    )


def _video(told: str) -> VideoComparison:
    plain = json.loads(told)
    pairs = {name: tuple(plain[name]) for name in ("words", "steps", "findings", "contradicted")}
    return VideoComparison(**plain | pairs)


def _add_totals(totals: Totals, one: VideoComparison, first: Digest, second: Digest) -> None:
    totals.videos += 1
    only = [sum(map(len, told.values())) for told in (one.only_first, one.only_second)]
    values = {
        "words": one.words,
        "steps": one.steps,
        "claims": (len(first.claims), len(second.claims)),
        "only here": only,
        "findings": [sum(each.values()) for each in one.findings],
        "facts contradicted": one.contradicted if first.has_facts and second.has_facts else None,
        "requests": (first.requests, second.requests),
        "input tokens": (first.input_tokens, second.input_tokens),
        "output tokens": (first.output_tokens, second.output_tokens),
        "cost, US dollars": None if None in (first.cost_usd, second.cost_usd) else (first.cost_usd, second.cost_usd),
    }
    for name, pair in values.items():
        if pair is not None:
            totals.measures[name].add(*pair)
    for name in first.findings.keys() | second.findings.keys():
        before = totals.findings.get(name, (0, 0))
        more_findings = first.findings.get(name, 0), second.findings.get(name, 0)
        totals.findings[name] = before[0] + more_findings[0], before[1] + more_findings[1]
        totals.squares[name] = totals.squares.get(name, 0) + (more_findings[1] - more_findings[0]) ** 2
    shared = Counter(kind for kind, meanings in first.claims if second.said.says(kind, meanings))
    for kind in KINDS_OF_CLAIMS:
        a, b, c = totals.claims.get(kind, (0, 0, 0))
        more = len(one.only_first.get(kind, ())), shared[kind], len(one.only_second.get(kind, ()))
        totals.claims[kind] = a + more[0], b + more[1], c + more[2]
    totals.with_facts = totals.with_facts[0] + first.has_facts, totals.with_facts[1] + second.has_facts
