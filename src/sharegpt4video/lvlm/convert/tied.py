"""Checkpoints whose embeddings and head are one tensor (``tie_word_embeddings``), which files hold once or twice."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...errors import SettingsError
from ...tensors import Reader, Stored

EMBEDDINGS, HEAD = "model.embed_tokens.weight", "lm_head.weight"
"""Their original names."""


def is_tied(config: Mapping[str, Any]) -> bool:
    """Whether a configuration, original or of LlavaNext, says that they are one."""
    return bool(config.get("tie_word_embeddings"))


def once(
    source: Path, config: Mapping[str, Any], weights: Mapping[str, Stored]
) -> tuple[dict[str, Stored], tuple[str, ...]]:
    """The weights with a tied pair in them once, as the embeddings, and what a reader should know of it.

    Where both are in the files, the embeddings count: the original code loads both, then makes the head one with them.
    Raises SettingsError when one of the two is missing that is not tied.
    """
    found = dict(weights)
    missing = [name for name in (EMBEDDINGS, HEAD) if name not in found]
    if not is_tied(config):
        if missing:
            raise SettingsError(
                f"{source}: {' and '.join(missing)} is not there; the checkpoint is not complete, or it is one whose"
                " head is its embeddings and whose config.json lacks tie_word_embeddings: true"
            )
        return found, ()
    if len(missing) == 2:
        raise SettingsError(f"{source}: neither embeddings nor head are there; the checkpoint is not complete")
    if missing == [EMBEDDINGS]:
        # Files name one tensor once, under the name that the writer chose.
        return {EMBEDDINGS if name == HEAD else name: stored for name, stored in found.items()}, ()
    if missing == [HEAD]:
        return found, ()
    head = found.pop(HEAD)
    if _equal(found[EMBEDDINGS], head):
        return found, ()
    return found, (
        f"{HEAD} is not {EMBEDDINGS}, though config.json says tie_word_embeddings: the embeddings were taken for both,"
        " as the original code does; if the head was trained by itself, set tie_word_embeddings to false in"
        f" {source / 'config.json'} and convert again",
    )


def _equal(one: Stored, other: Stored) -> bool:
    import torch

    if one.shape != other.shape:
        return False
    readers = Reader(), Reader()
    first, second = (reader.tensor(stored) for reader, stored in zip(readers, (one, other), strict=True))
    # One may be the other, rounded to a narrower type.
    same: bool = torch.equal(first, second.to(first.dtype)) or torch.equal(first.to(second.dtype), second)
    for reader in readers:
        reader.close()
    return same
