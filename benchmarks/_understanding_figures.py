"""What came out of the runs of ``proof_understanding.py``: stored results, intervals, power, and the table."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from _understanding_data import CAPTIONS, EXAM, STATIC, TEMPORAL
from numpy.typing import NDArray

from sharegpt4video.world.questions import Question

Floats = NDArray[np.float64]
DRAWS = 4_000
CLAIM, CONTROL = ("dense", "short"), ("control", "dense")
PAIRS = (CLAIM, ("dense", "shuffled"), ("shuffled", "short"), CONTROL)
FLOOR, CEILING = 0.10, 0.90
SEED_LOGIT = 0.08
"""How far a seed moves an arm in the simulated experiments, in logits: 2 points near 50 %."""


@dataclass(frozen=True)
class Answers:
    """Which questions a model answered rightly. Questions are in one order in all runs."""

    arm: str
    seed: int
    kinds: tuple[str, ...]
    videos: tuple[int, ...]
    options: tuple[int, ...]
    right: tuple[bool, ...]
    cost: dict[str, Any]

    def of(self, kinds: Sequence[str]) -> Floats:
        return np.array([float(ok) for kind, ok in zip(self.kinds, self.right, strict=True) if kind in kinds])


def write_answers(
    path: Path, arm: str, seed: int, asked: Sequence[tuple[int, Question]], right: Sequence[bool], **cost: Any
) -> None:
    """One run: for each kind the video of each question, its number of options, and a 1 if it was answered rightly."""
    kinds: dict[str, dict[str, Any]] = {}
    for (video, one), ok in zip(asked, right, strict=True):
        part = kinds.setdefault(one.kind, {"videos": [], "options": "", "right": ""})
        part["videos"].append(video)
        part["options"] += str(len(one.options))
        part["right"] += str(int(ok))
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"  {json.dumps(kind)}: {json.dumps(part, separators=(',', ':'))}" for kind, part in kinds.items()]
    head = json.dumps({"arm": arm, "seed": seed, **cost})[1:-1]
    path.write_text(f'{{{head}, "kinds": {{\n' + ",\n".join(lines) + "\n}}\n", encoding="utf-8")


def read_answers(path: Path) -> Answers:
    plain = json.loads(path.read_text("utf-8"))
    parts = plain.pop("kinds")
    rows = [(kind, video, int(options), ok == "1") for kind, part in parts.items()
            for video, options, ok in zip(part["videos"], part["options"], part["right"], strict=True)]  # fmt: skip
    kinds, videos, options, right = zip(*rows, strict=True)
    return Answers(plain.pop("arm"), plain.pop("seed"), kinds, videos, options, right, plain)


def read_all(folder: Path) -> dict[tuple[str, int], Answers]:
    """All runs of the arms in a folder, by arm and seed."""
    found = [read_answers(path) for path in sorted(folder.glob("*.json")) if path.stem.split("-")[0] in CAPTIONS]
    return {(one.arm, one.seed): one for one in found}


# --- differences ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Difference:
    """Of two arms, in points, over the seeds that both have."""

    points: float
    low: float
    high: float
    seeds: int

    def text(self) -> str:
        return f"{self.points:+.1f} ({self.low:+.1f} to {self.high:+.1f})"


def difference(runs: dict[tuple[str, int], Answers], pair: tuple[str, str], kinds: Sequence[str]) -> Difference | None:
    seeds = sorted(seed for arm, seed in runs if arm == pair[0] and (pair[1], seed) in runs)
    if not seeds:
        return None
    gaps = np.stack([runs[pair[0], seed].of(kinds) - runs[pair[1], seed].of(kinds) for seed in seeds])
    first = runs[pair[0], seeds[0]]
    videos = [video for kind, video in zip(first.kinds, first.videos, strict=True) if kind in kinds]
    low, high = bootstrapped(gaps, videos)
    return Difference(100 * float(gaps.mean()), 100 * low, 100 * high, len(seeds))


def bootstrapped(values: Floats, videos: Sequence[int], draws: int = DRAWS) -> tuple[float, float]:
    """The 95 % interval of the mean of (seed, question); seeds and videos are drawn again, each with replacement."""
    names, at = np.unique(np.asarray(videos), return_inverse=True)
    sums = np.stack([np.bincount(at, row, len(names)) for row in values])
    counts = np.bincount(at, minlength=len(names))
    rng, seeds = np.random.default_rng(0), len(values)
    by_seed = rng.multinomial(seeds, np.full(seeds, 1 / seeds), draws)
    by_video = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), draws)
    means = ((by_seed @ sums) * by_video).sum(1) / (seeds * (by_video @ counts))
    low, high = np.quantile(means, (0.025, 0.975))
    return float(low), float(high)


def power(videos: Sequence[int], seeds: int, trials: int = 200) -> Iterator[tuple[float, float]]:
    """How often a true difference is found (interval above 0), by simulation of the test as it is done.

    A question is answered rightly with a chance that differs from question to question (the logit's standard deviation
    is 1.5) and from video to video (0.5), in all arms alike, around 50 %, where a difference is hardest to see. A seed
    moves the logit of one arm by a normal number with the deviation ``SEED_LOGIT``.
    """
    rng = np.random.default_rng(1)
    names, at = np.unique(np.asarray(videos), return_inverse=True)
    for points in (0, 1, 2, 3, 4, 5, 6, 8):
        found = 0
        for _ in range(trials):
            hard = rng.normal(0, 1.5, len(at)) + rng.normal(0, 0.5, len(names))[at]
            moves = rng.normal(0, SEED_LOGIT, (2, seeds, 1))
            gap = points / 100 / float(np.mean(_share(hard) * (1 - _share(hard))))
            arms = [rng.random((seeds, len(at))) < _share(hard + side * gap + move)
                    for side, move in zip((-0.5, 0.5), moves, strict=True)]  # fmt: skip
            low, _ = bootstrapped(arms[1].astype(float) - arms[0], videos, draws=400)
            found += low > 0
        yield points, found / trials


def _share(logits: Floats) -> Floats:
    return 1 / (1 + np.exp(-logits))


# --- the table ------------------------------------------------------------------------------------------------------


def table(folder: Path) -> str:
    """The table of ``docs/proofs.md`` from the results in a folder; "" before the base is examined."""
    if not (folder / "base.json").exists():
        return ""
    base, runs = read_answers(folder / "base.json"), read_all(folder)
    names = [arm for arm in CAPTIONS if any(arm == one for one, _ in runs)]
    rows = [("temporal", counted(base, TEMPORAL)), ("static", counted(base, STATIC)),
            *((kind if counted(base, (kind,)) else f"{kind} (not counted)", (kind,)) for kind in EXAM)]  # fmt: skip
    lines = ["| questions | `n` | chance | base | " + " | ".join([*names, "dense less short"]) + " |",
             "|" + "---|" * (5 + len(names))]  # fmt: skip
    for name, kinds in rows:
        if not kinds:
            continue
        cells = [f"{len(base.of(kinds)):,}", f"{chance(base, kinds):.1f}", f"{100 * base.of(kinds).mean():.1f}"]
        cells += [f"{accuracy(runs, arm, kinds):.1f}" for arm in names]
        gap = difference(runs, CLAIM, kinds)
        lines.append(f"| {name} | " + " | ".join([*cells, gap.text() if gap else "not run"]) + " |")
    return "\n".join(lines)


def counted(base: Answers, kinds: Sequence[str]) -> tuple[str, ...]:
    """The kinds that have room both ways, by the base alone."""
    return tuple(kind for kind in kinds if FLOOR <= base.of((kind,)).mean() <= CEILING)


def chance(one: Answers, kinds: Sequence[str]) -> float:
    each = [1 / options for kind, options in zip(one.kinds, one.options, strict=True) if kind in kinds]
    return 100 * float(np.mean(each))


def accuracy(runs: dict[tuple[str, int], Answers], arm: str, kinds: Sequence[str]) -> float:
    return 100 * float(np.mean([one.of(kinds).mean() for (name, _), one in runs.items() if name == arm]))


def verdict(folder: Path) -> list[str]:
    """The differences that the terms name, then each run."""
    runs, lines = read_all(folder), []
    for pair in PAIRS if runs else ():
        for name, kinds in (("temporal", TEMPORAL), ("static", STATIC)):
            kept = counted(read_answers(folder / "base.json"), kinds)
            gap = difference(runs, pair, kept) if kept else None
            if gap:
                lines.append(f"{pair[0]} less {pair[1]}, {name}: {gap.text()} over {gap.seeds} seeds")
    for (arm, seed), one in sorted(runs.items()):
        lines.append(f"{arm} {seed}: temporal {100 * one.of(TEMPORAL).mean():.1f} %, {one.cost}")
    return lines
