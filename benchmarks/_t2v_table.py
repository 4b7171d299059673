"""The table of the proof of video generators, from what its finished runs answered."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from _intervals import bootstrapped

DOSES = {"H10": 0.1, "H20": 0.2, "H40": 0.4}
ARMS = ("B", "C", "D", "E", "F", *DOSES)
MODES = ("full", "user", "recap", "sloppy", "empty", "composition")


def _marks(text: str) -> Any:
    """1 for right, 0 for wrong, -1 for not asked for."""
    return np.array(["01".find(mark) for mark in text], np.int8)


@dataclass(frozen=True)
class Exam:
    """A finished run's answers to one kind of prompts."""

    hits: dict[str, Any]
    right: Any
    """For each prompt 1 if all that was asked for is right."""
    whole: float
    swapped: float
    facts: float
    distances: dict[str, float]


def kept(results: Path) -> dict[tuple[str, int], dict[str, Exam]]:
    """The exams of the finished runs, by arm and seed."""
    runs = {}
    for arm in ARMS:
        for path in sorted(results.glob(f"{arm}-*.json")):
            modes = json.loads(path.read_text())["modes"]
            runs[arm, int(path.stem.split("-")[1])] = {mode: _exam(plain) for mode, plain in modes.items()}
    return runs


def _exam(plain: dict[str, Any]) -> Exam:
    hits = {fact: _marks(text) for fact, text in plain["hits"].items()}
    every = np.stack(list(hits.values()))
    means = [float((_marks(plain[name]) == 1).mean()) for name in ("ok", "swapped")]
    far = {name: value for name, value in plain.items() if name not in ("hits", "ok", "swapped")}
    return Exam(hits, (every != 0).all(0).astype(float), *means, float((every == 1).sum() / (every >= 0).sum()), far)


def table(results: Path) -> None:
    """What is finished: each arm in each mode, and the differences that the claim is about."""
    runs = kept(results)
    columns = f"{'facts':>6}{'all right':>11}{'':>17}{'whole':>7}{'FD':>9}{'floor':>7}{'MMD':>11}"
    print(f"\n{'arm':<5}{'mode':<13}{'seeds':<7}{columns}")
    for arm in ARMS:
        for mode in MODES:
            done = [run[mode] for (name, _), run in sorted(runs.items()) if name == arm and mode in run]
            if not done:
                continue
            right = np.stack([one.right for one in done])
            low, high = bootstrapped(right)
            means = [float(np.mean([one.distances[name] for one in done])) for name in ("fd", "fd_floor", "mmd")]
            whole, facts = (float(np.mean([getattr(one, name) for one in done])) for name in ("whole", "facts"))
            print(f"{arm:<5}{mode:<13}{len(done):<7}{facts:>6.3f}{right.mean():>11.3f}  ({low:.3f} to {high:.3f})"
                  f"{whole:>7.3f}{means[0]:>9.2f}{means[1]:>7.2f}{means[2]:>11.3f}")  # fmt: skip
    recap = ("C", "recap")
    pairs = [("C recap less B user (the claim)", recap, ("B", "user")), ("C recap less C user", recap, ("C", "user")),
             ("C full less B full", ("C", "full"), ("B", "full")), ("C recap less C sloppy", recap, ("C", "sloppy")),
             *((f"C {mode} less B user", ("C", mode), ("B", "user")) for mode in ("sloppy", "user")),
             *((f"{arm} recap less B user", (arm, "recap"), ("B", "user")) for arm in ARMS[2:]),
             *((f"C recap less {arm} recap", recap, (arm, "recap")) for arm in ARMS[2:])]  # fmt: skip
    for name, left, other in pairs:
        _difference(name, runs, left, other)
    for arm in ("C", "D"):
        done = [run["full"] for (name, _), run in runs.items() if name == arm]
        if done:
            right = float(np.mean([(one.hits["first"] == 1) & (one.hits["second"] == 1) for one in done]))
            swapped = float(np.mean([one.swapped for one in done]))
            print(f"{arm} full: both moves in their order {right:.3f}, swapped {swapped:.3f}")


def _difference(name: str, runs: dict[Any, Any], left: tuple[str, str], other: tuple[str, str]) -> None:
    seeds = [seed for arm, seed in runs if arm == left[0] and (other[0], seed) in runs]
    if not seeds:
        return
    gap = np.stack([runs[left[0], seed][left[1]].right - runs[other[0], seed][other[1]].right for seed in seeds])
    low, high = bootstrapped(gap)
    print(f"{name}: {100 * gap.mean():+.1f} points ({100 * low:+.1f} to {100 * high:+.1f}), {len(seeds)} seeds")
