"""Whether a run may go on from a checkpoint: what changed since, and what of it can matter."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from torch import nn

from ...learning import settings as learning
from ...learning.checkpoints import Checkpoint, sha256
from ...learning.resume import changes, flat, refuse_another_run, version_notes
from ...learning.weights import whole
from ..mixture.prepare import FOLDER
from ..settings import DataSettings, TrainSettings

# They change no number of the run.
HARMLESS = learning.HARMLESS | {"data.workers", "data.ready_steps", "data.max_skipped_share"}
# They change the order in which the same numbers are added, and which dropout masks are drawn.
ROUNDING = frozenset(
    {
        "model.attention",
        "data.packing",
        "data.pack_tokens",
        "data.pack_images",
        "optimiser.micro_batch",
        "run.checkpointing",
        "run.fused_loss",
        "run.compile",
        "run.sharding",
        "run.deterministic",
    }
)


def facts_of(data: DataSettings, model: nn.Module, steps: int) -> dict[str, Any]:
    """What besides the settings decides a run: the data's files, how many steps they make, the frozen weights.

    Every process must call it.
    """
    sources = {source.path: sha256(Path(source.path).expanduser()) for source in data.sources}
    return {"steps": steps, "sources": sources, "frozen": fingerprint(model)}


def fingerprint(model: nn.Module) -> str:
    """A digest of the frozen weights' names, shapes and first values."""
    digest = hashlib.sha256()
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            first = whole(parameter.detach()).flatten()[:16].float().cpu()
            digest.update(f"{name} {tuple(parameter.shape)} {first.tolist()}".encode())
    return digest.hexdigest()


def check_same(checkpoint: Checkpoint, settings: TrainSettings, facts: dict[str, Any], processes: int) -> list[str]:
    """What changed since the checkpoint and can change the rounding alone.

    Raises SettingsError listing every change that makes it another run.
    """
    plain = [_wherever(one) for one in (checkpoint.settings, settings.to_plain())]
    before, now = (flat(one) for one in plain)
    said = changes(*plain)
    wrong = [text for name, text in said.items() if name not in HARMLESS | ROUNDING]
    sharding = {before.get("run.sharding"), now.get("run.sharding")}
    if len(sharding) > 1 and "deepspeed" in sharding:
        wrong.append(f"{said['run.sharding']} (DeepSpeed keeps the optimiser's moments in files that it alone reads)")
    wrong += _changed_facts(checkpoint.facts, facts) if not wrong else []
    refuse_another_run(checkpoint, wrong)
    notes = [text for name, text in said.items() if name in ROUNDING]
    if processes != checkpoint.processes:
        notes.append(f"it runs in {processes} processes, before in {checkpoint.processes}")
    return notes + version_notes(checkpoint)


def _wherever(plain: dict[str, Any]) -> dict[str, Any]:
    """Settings in which the files of a mixture have their names alone: its run's folder may be moved."""
    if not plain.get("mixture"):
        return plain
    sources = [{**one, "path": _place(one["path"])} for one in plain["data"]["sources"]]
    return {**plain, "data": {**plain["data"], "sources": sources}}


def _place(path: str) -> str:
    return Path(path).name if Path(path).parent.name == FOLDER else path


def _changed_facts(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    known = {_place(path): digest for path, digest in before["sources"].items()}
    wrong = [f"{path} has other contents now" for path, digest in now["sources"].items()
             if known.get(_place(path)) != digest]  # fmt: skip
    if before["steps"] != now["steps"]:
        wrong.append(f"the data make {now['steps']} steps, before {before['steps']}")
    if before["frozen"] != now["frozen"]:
        wrong.append("the frozen weights are not those it began with")
    return wrong
