"""Reference log-probabilities of each pair: computed once before training, and kept beside the run."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from torch import Tensor, nn

from ...errors import StorageError
from ...files import whole_file
from ...learning.processes import Processes
from ...learning.report import OnNote
from ..train.transfer import inputs_of
from .pairs import KEY_BYTES, PairLoader
from .scored import ScoredPairs

FILE = "reference.safetensors"


def reference_of(
    out: Path, scored: ScoredPairs, pairs: PairLoader, processes: Processes, on_note: OnNote
) -> dict[bytes, Tensor]:
    """The log-probabilities of both answers of each pair, (2,), by the pair's key.

    ``scored`` is as it was before it learned, ``pairs`` gives each pair once. What is there already is read. Raises
    StorageError for a file that cannot be read or written, or is another model's.
    """
    path, made_by = out / FILE, _digest(scored)
    known = _read(path, made_by) if path.exists() else {}
    mine: list[tuple[bytes, list[float]]] = []
    if not known:
        if processes.first:
            on_note("calculating what the model makes of each pair before it learns; kept beside the run")
        for step in pairs:
            for batch in step.batches:
                with torch.no_grad():
                    found = scored.log_probs(inputs_of(batch, processes.device)).view(-1, 2).cpu()
                keys = [bytes(row.tolist()) for row in batch.inputs["keys"]]
                mine += zip(keys, found.tolist(), strict=True)
        known = {key: torch.tensor(values) for key, values in processes.gather_lists(mine)}
        if processes.first:
            _write(path, known, made_by)
    return known


def _digest(model: nn.Module) -> str:
    """Of the first values of each weight, whether it learns or not."""
    digest = hashlib.sha256()
    for name, parameter in model.named_parameters():
        digest.update(f"{name} {tuple(parameter.shape)} {parameter.detach().flatten()[:16].float().tolist()}".encode())
    return digest.hexdigest()


def _write(path: Path, known: dict[bytes, Tensor], made_by: str) -> None:
    from safetensors.torch import save

    keys = torch.frombuffer(bytearray(b"".join(known)), dtype=torch.uint8).view(-1, KEY_BYTES)
    data = save({"keys": keys, "log_probs": torch.stack(list(known.values()))}, metadata={"made_by": made_by})
    try:
        with whole_file(path) as file:
            file.write(data)
    except OSError as error:
        raise StorageError(f"{path}: cannot be written: {error}") from error


def _read(path: Path, made_by: str) -> dict[bytes, Tensor]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), "pt") as file:
            told = (file.metadata() or {}).get("made_by")
            keys, values = file.get_tensor("keys"), file.get_tensor("log_probs")
    except (OSError, SafetensorError) as error:
        raise StorageError(
            f"{path}: cannot be read ({error}); delete it and run the same command: it is recomputed"
        ) from error
    whole = keys.dtype == torch.uint8 and keys.shape[1:] == (KEY_BYTES,) and values.shape == (keys.shape[0], 2)
    if not whole or not torch.isfinite(values).all():
        raise StorageError(f"{path}: is damaged; delete it and run the same command: it is recomputed")
    if told != made_by:
        raise StorageError(f"{path}: was made by another model than the base of this run; start over with --fresh")
    return {bytes(key.tolist()): value for key, value in zip(keys, values, strict=True)}
