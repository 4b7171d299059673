"""Checkpoints: written whole or not at all, checked when read, the newest few kept.

A checkpoint is a folder ``step-000200`` with

- ``weights.safetensors``: what is trained, by parameter name (adapters, and parts that are trained in full);
- ``optimiser.safetensors``: the moments of AdamW, as ``NAME::exp_avg`` and so on;
- ``random-00000.pt``: the random states of each process;
- ``state.json``: step, settings, versions, what the data were, and size and SHA-256 of the files above.

The schedule and the order of the samples follow from the step. Frozen weights are not in it; a fingerprint of them is.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import platform
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from ..errors import StorageError
from ..files import open_own
from ..given import read_json

STATE = "state.json"
WEIGHTS = "weights.safetensors"
MOMENTS = "optimiser.safetensors"
LOCK = ".lock"
FORMAT = 1
LIBRARIES = ("sharegpt4video", "torch", "transformers", "peft", "accelerate", "numpy")
_NAME = re.compile(r"step-\d+")


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


@contextlib.contextmanager
def alone(out: Path) -> Iterator[None]:
    """Keep other runs out of a folder while this one writes there; a kill leaves nothing behind.

    Raises StorageError when another run is in it. Where the system has no such locks, nothing is held.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    try:
        out.mkdir(parents=True, exist_ok=True)
        file = open_own(out / LOCK, "ab")
    except OSError as error:
        raise StorageError(f"{out}: cannot be written to: {error}; choose another --out") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StorageError(f"{out}: another run is writing there; wait for it or choose another --out") from error
        yield


@contextlib.contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Raises StorageError when a checkpoint cannot be written; what there is of it is removed, for a full disk."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise StorageError(
            f"{folder}: the checkpoint cannot be written: {error}; if the disk is full, make room, and run the same "
            "command: it resumes from the previous checkpoint"
        ) from error


def write_random_states(folder: Path, rank: int, states: dict[str, Any]) -> None:
    """Those of one process, by way of memory: torch says of a full disk only that something was unexpected."""
    written = io.BytesIO()
    torch.save(states, written)
    random_path(folder, rank).write_bytes(written.getvalue())


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
        state = read_json(folder / STATE)
        if state["format"] != FORMAT:
            raise StorageError(f"{folder}: a checkpoint of format {state['format']}; this version reads {FORMAT}")
        files = {str(name): (known["bytes"], known["sha256"]) for name, known in state["files"].items()}
        step, processes = int(state["step"]), int(state["processes"])
        plain = [dict(state[name]) for name in ("settings", "facts", "versions")]
        found = Checkpoint(folder, step, plain[0], processes, *plain[1:])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise StorageError(f"{folder}: is not a finished checkpoint ({STATE}: {error!r})") from error
    for name, (size, digest) in files.items():
        path = folder / name
        if not path.is_file() or path.stat().st_size != size or sha256(path) != digest:
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
            f"{out}: no checkpoint can be used ({'; '.join(damaged)}); restore one of them, or start over with --fresh"
        )
    return None, []


def finished_folders(out: Path) -> list[Path]:
    """Checkpoints by step, oldest first; folders of other names, such as somebody's copies, are none."""
    named = [folder for folder in (out / "checkpoints").glob("step-*") if _NAME.fullmatch(folder.name)]
    return sorted(named, key=_step_of)


def keep_newest(out: Path, step: int, count: int) -> None:
    """Remove all but the newest checkpoints up to ``step``, that of the one just written.

    Those after it were found damaged and gone back from: they must not take the place of sound ones.
    """
    known = [folder for folder in finished_folders(out) if _step_of(folder) <= step]
    for folder in known[: -max(count, 1)]:
        shutil.rmtree(folder)


def clear_unfinished(out: Path) -> None:
    """Remove what killed runs left half-written."""
    for folder in (out / "checkpoints").glob("unfinished-*"):
        shutil.rmtree(folder)


def _step_of(folder: Path) -> int:
    return int(folder.name.partition("-")[2])


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
