"""Which prompts a trained captioner knows: written by ``sg4v train merge``, read when it is named or opened."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..errors import SettingsError
from ..given import read_json
from ..prompts import PromptSet, prompt_set

logger = logging.getLogger(__name__)

TAUGHT = "captioner.json"


def taught_text(names: Iterable[str]) -> str:
    """The content of the file for a captioner that learned these prompt sets."""
    return json.dumps({"prompts": {name: prompt_set(name).hash for name in names}}, indent=1) + "\n"


def taught(model: str) -> str:
    """The first prompt set that the captioner in the folder ``model`` has learned and that is as it was; "": none."""
    for name, hash in _known(model).items():
        try:
            if prompt_set(name).hash == hash:
                return name
        except SettingsError:
            continue  # a set of somebody's own, which is not here
    return ""


def noticed(asked: PromptSet, kind: str, model: str) -> PromptSet:
    """The prompt set as it is; a warning says when the captioner in the folder ``model`` has learned others."""
    known = _known(model)
    if known and asked.hash not in known.values():
        logger.warning(
            "%s:%s has learned to be asked with the prompts %s, and is asked with %s: expect poor captions; choose"
            " with --prompts, or prompts: in the settings", kind, model, " or ".join(known), asked.name,
        )  # fmt: skip
    return asked


def _known(model: str) -> Mapping[str, Any]:
    """The learned sets' hashes by name; {} for what is no captioner of ours, which takes any prompts."""
    try:
        known = read_json(Path(model).expanduser() / TAUGHT)["prompts"]
    except (OSError, RuntimeError, ValueError, KeyError, TypeError):
        return {}
    return {name: hash for name, hash in known.items() if isinstance(name, str)} if isinstance(known, dict) else {}
