"""What a trained captioner knows: written by ``sg4v train merge``, read when it is named or opened."""

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


def taught_text(names: Iterable[str], *, frames_apart: bool = False) -> str:
    """The content of the file for a captioner that learned these prompt sets, and fast mode so."""
    known = {"prompts": {name: prompt_set(name).hash for name in names}, "frames_apart": frames_apart}
    return json.dumps(known, indent=1) + "\n"


def taught(model: str) -> str:
    """The first prompt set that the captioner in the folder ``model`` has learned and that is as it was; "": none."""
    for name, hash in _prompts(model).items():
        try:
            if prompt_set(name).hash == hash:
                return name
        except SettingsError:
            continue  # a set of somebody's own, which is not here
    return ""


def taught_pictures(model: str) -> bool:
    """Whether the folder ``model`` holds a captioner of ours: all frames it has learned from were pictures."""
    return bool(_prompts(model))


def taught_apart(model: str) -> bool:
    """Whether the captioner in the folder ``model`` has learned fast mode from frames one by one."""
    return _known(model).get("frames_apart") is True


def noticed(asked: PromptSet, kind: str, model: str) -> PromptSet:
    """The prompt set as it is; a warning says when the captioner in the folder ``model`` has learned others."""
    known = _prompts(model)
    if known and asked.hash not in known.values():
        logger.warning(
            "%s:%s was trained with the prompts %s, not %s: expect poor captions; choose them with --prompts, or with"
            " prompts: in the settings", kind, model, " or ".join(known), asked.name,
        )  # fmt: skip
    return asked


def _prompts(model: str) -> Mapping[str, Any]:
    """The learned sets' hashes by name; {} for what is no captioner of ours, which takes any prompts."""
    known = _known(model).get("prompts")
    return known if isinstance(known, dict) else {}


def _known(model: str) -> Mapping[str, Any]:
    try:
        known = read_json(Path(model).expanduser() / TAUGHT)
    except (OSError, RuntimeError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}
