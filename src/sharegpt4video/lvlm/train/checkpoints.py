"""Checkpoints: written whole or not at all, checked when read, the newest few kept.

A checkpoint is a folder ``step-000200`` with

- ``weights.safetensors``: what is trained, by parameter name (adapters, and parts that are trained in full);
- ``optimiser.safetensors``: the moments of AdamW, as ``NAME::exp_avg`` and so on;
- ``random-00000.pt``: the random states of each process;
- ``state.json``: step, settings, versions, what the data were, and size and SHA-256 of the files above.

The schedule and the order of the samples follow from the step. Frozen weights are not in it; a fingerprint of them is.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from ...errors import StorageError

STATE = "state.json"
WEIGHTS = "weights.safetensors"
MOMENTS = "optimiser.safetensors"
FORMAT = 1
LIBRARIES = ("sharegpt4video", "torch", "transformers", "peft", "accelerate", "numpy")


@dataclass(frozen=True)
class Checkpoint:
    """A finished checkpoint whose files have been found undamaged."""

    folder: Path
    step: int
    settings: dict[str, Any]
    processes: int
    facts: dict[str, Any]
    """What must be the same in the run that goes on: ``steps``, ``sources``, ``frozen``."""
    versions: dict[str, str]

    def weights(self) -> dict[str, Tensor]:
        found: dict[str, Tensor] = load_file(self.folder / WEIGHTS)
        return found

    def moments(self) -> dict[str, Tensor]:
        found: dict[str, Tensor] = load_file(self.folder / MOMENTS)
        return found

    def random_states(self, rank: int) -> dict[str, Any] | None:
        """Those of one process; None where the run had fewer."""
        path = random_path(self.folder, rank)
        found: dict[str, Any] | None = torch.load(path, weights_only=True) if path.exists() else None
        return found


def random_path(folder: Path, rank: int) -> Path:
    return folder / f"random-{rank:05}.pt"


def checkpoint_folder(out: Path, step: int) -> Path:
    return out / "checkpoints" / f"step-{step:06}"


def unfinished_folder(out: Path, step: int) -> Path:
    """Where a checkpoint is written before it counts."""
    return out / "checkpoints" / f"unfinished-step-{step:06}"


def write_tensors(folder: Path, weights: dict[str, Tensor], moments: dict[str, Tensor]) -> None:
    save_file(weights, folder / WEIGHTS)
    save_file(moments, folder / MOMENTS)


def finish(
    unfinished: Path, folder: Path, step: int, settings: dict[str, Any], processes: int, facts: dict[str, Any]
) -> None:
    """Make a written folder a checkpoint: all bytes on the disk, then the list of files, then the final name."""
    files = {}
    for path in sorted(one for one in unfinished.rglob("*") if one.is_file()):
        sync(path)
        files[path.relative_to(unfinished).as_posix()] = {"bytes": path.stat().st_size, "sha256": sha256(path)}
    state = {
        "format": FORMAT,
        "step": step,
        "processes": processes,
        "settings": settings,
        "facts": facts,
        "versions": versions(),
        "files": files,
    }
    (unfinished / STATE).write_text(json.dumps(state, indent=1), encoding="utf-8")
    sync(unfinished / STATE)
    sync(unfinished)
    if folder.exists():  # of the same step, and damaged: a sound one would have been gone on from
        shutil.rmtree(folder)
    unfinished.rename(folder)
    sync(folder.parent)


def read(folder: Path) -> Checkpoint:
    """Read and check a checkpoint. Raises StorageError naming the file that is missing or damaged."""
    try:
        state = json.loads((folder / STATE).read_text(encoding="utf-8"))
        if state["format"] != FORMAT:
            raise StorageError(f"{folder}: a checkpoint of format {state['format']}; this version reads {FORMAT}")
        files, processes = state["files"], state["processes"]
        found = Checkpoint(folder, state["step"], state["settings"], processes, state["facts"], state["versions"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StorageError(f"{folder}: is no finished checkpoint ({STATE}: {error!r})") from error
    for name, known in files.items():
        path = folder / name
        if not path.is_file() or path.stat().st_size != known["bytes"] or sha256(path) != known["sha256"]:
            raise StorageError(f"{path}: is missing or damaged; it is not what was written")
    return found


def newest(out: Path) -> tuple[Checkpoint | None, list[str]]:
    """The newest sound checkpoint of a run, and what is wrong with newer ones.

    Raises StorageError when there are checkpoints and none is sound.
    """
    damaged: list[str] = []
    folders = finished_folders(out)
    for folder in reversed(folders):
        try:
            return read(folder), damaged
        except StorageError as error:
            damaged.append(str(error))
    if damaged:
        raise StorageError(
            f"{out}: no checkpoint can be used ({'; '.join(damaged)}); restore one of them, or begin anew with --fresh"
        )
    return None, []


def finished_folders(out: Path) -> list[Path]:
    """Checkpoints by step, oldest first."""
    return sorted((out / "checkpoints").glob("step-*"), key=lambda folder: int(folder.name.partition("-")[2]))


def keep_newest(out: Path, count: int) -> None:
    """Remove all but the newest checkpoints, and what killed runs left half-written."""
    for folder in finished_folders(out)[: -max(count, 1)]:
        shutil.rmtree(folder)
    for folder in (out / "checkpoints").glob("unfinished-*"):
        shutil.rmtree(folder)


def forget(out: Path) -> None:
    """Remove what an earlier run wrote into this folder: its checkpoints and its logs, nothing else."""
    shutil.rmtree(out / "checkpoints", ignore_errors=True)
    shutil.rmtree(out / "tensorboard", ignore_errors=True)
    for name in ("log.jsonl", "skipped.jsonl", "settings.json"):
        (out / name).unlink(missing_ok=True)


def versions() -> dict[str, str]:
    """Versions of what decides a result."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 22):
            digest.update(block)
    return digest.hexdigest()


def sync(path: Path) -> None:
    """Wait until a file or the names in a folder are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
