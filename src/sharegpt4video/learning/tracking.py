"""Where the figures of a run go: ``log.jsonl``, TensorBoard, Weights & Biases."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ..errors import MissingExtra
from ..files import open_own, write_whole
from ..given import from_json, read_json, read_json_lines, read_text
from .report import StepDone
from .settings import AnyRun


@dataclass(frozen=True)
class Named:
    """A run as trackers show it."""

    name: str
    settings: Mapping[str, Any]
    out: Path
    step: int
    """Steps done before; what was written of later ones counts no more."""


class Tracker(Protocol):
    """Takes figures by name."""

    def log(self, step: int, figures: dict[str, float]) -> None: ...

    def close(self) -> None: ...


class TensorBoard:
    """Event files below the run's folder."""

    def __init__(self, run: Named) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise MissingExtra("run.trackers: tensorboard", "train") from error
        # purge_step hides what a killed run wrote after the checkpoint.
        self._writer: Any = SummaryWriter(str(run.out / "tensorboard"), purge_step=run.step + 1)

    def log(self, step: int, figures: dict[str, float]) -> None:
        for name, value in figures.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        self._writer.close()


class WandB:
    """A run of Weights & Biases, gone on with when the training is."""

    def __init__(self, run: Named) -> None:
        try:
            import wandb
        except ImportError as error:
            what = "run.trackers: wandb (which is not in the extra: also pip install wandb)"
            raise MissingExtra(what, "train") from error
        given = run.out / "wandb.json"
        known = read_json(given)["id"] if run.step and given.exists() else None
        self._run: Any = wandb.init(
            project="sharegpt4video", name=run.name or None, id=known, resume="allow", config=dict(run.settings)
        )
        write_whole(given, json.dumps({"id": self._run.id}).encode())

    def log(self, step: int, figures: dict[str, float]) -> None:
        self._run.log(figures, step=step)

    def close(self) -> None:
        self._run.finish()


TRACKERS: dict[str, Callable[[Named], Tracker]] = {"tensorboard": TensorBoard, "wandb": WandB}


_LOG, _SKIPPED = "log.jsonl", "skipped.jsonl"


class Log:
    """Writes a line per step and per sample left out; what stands there of later steps than ``run.step`` is cut off."""

    def __init__(self, run: Named, how: AnyRun) -> None:
        self._every = how.log_every_steps
        self._log, self._skipped = (
            open_own(cut_after(run.out / name, run.step), "a", encoding="utf-8") for name in (_LOG, _SKIPPED)
        )
        self._trackers: list[Tracker] = [TRACKERS[name](run) for name in how.trackers]

    def step(self, report: StepDone) -> None:
        if report.step % self._every and report.step != report.total_steps:
            return
        self._log.write(json.dumps(report.to_plain()) + "\n")
        self._log.flush()
        for tracker in self._trackers:
            tracker.log(report.step, figures(report))

    def skipped(self, step: int, samples: Iterable[tuple[str, str]]) -> None:
        """Samples left out in a step: the kind of what was wrong, and the whole reason."""
        for kind, why in samples:
            said = {"step": step, "kind": kind, "why": why}
            self._skipped.write(json.dumps(said, ensure_ascii=False) + "\n")
        self._skipped.flush()

    def close(self) -> None:
        self._log.close()
        self._skipped.close()
        for tracker in self._trackers:
            tracker.close()


def skipped_kinds(out: Path) -> Counter[str]:
    """How many samples of the whole run were left out, by what was wrong, as ``skipped.jsonl`` says."""
    path = out / _SKIPPED
    # Earlier versions did not write the kind.
    return Counter(row.get("kind", "unusable") for row in (read_json_lines(path) if path.exists() else []))


def figures(report: StepDone) -> dict[str, float]:
    """A step's numbers by name, the learning rates each on its own."""
    plain = report.to_plain()
    rates: dict[str, float] = plain.pop("rates")
    numbers = {name: float(value) for name, value in plain.items() if isinstance(value, (int, float))}
    return {f"train/{name}": value for name, value in numbers.items() if name not in ("step", "total_steps")} | {
        f"rate/{name}": rate for name, rate in rates.items()
    }


def cut_after(path: Path, step: int) -> Path:
    """Keep a log's lines up to a step; a line that a kill cut short is dropped, too."""
    if not path.exists():
        return path
    kept = []
    *lines, _ = read_text(path).split("\n")  # what a kill cut short has no end
    for line in lines:
        try:
            if from_json(line)["step"] > step:
                break
        except (ValueError, LookupError, TypeError):
            break
        kept.append(f"{line}\n")
    write_whole(path, "".join(kept).encode())
    return path
