"""Which prompts a trained captioner knows: written by ``sg4v train merge``, read when it is opened."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from pathlib import Path

from ...given import read_json
from ...prompts import PromptSet, prompt_set

logger = logging.getLogger(__name__)

TAUGHT = "captioner.json"


def taught_text(names: Iterable[str]) -> str:
    """The content of the file for a captioner that learned these prompt sets."""
    return json.dumps({"prompts": {name: prompt_set(name).hash for name in names}}, indent=1) + "\n"


def noticed(asked: PromptSet, model: str) -> PromptSet:
    """The prompt set as it is; a warning says when the captioner in the folder ``model`` has learned others."""
    try:
        known = read_json(Path(model).expanduser() / TAUGHT)["prompts"]
        if known and asked.hash not in known.values():
            names = " or ".join(known)
            logger.warning("hf:%s learned to be asked with the prompts %s, and is asked with others", model, names)
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError):
        pass  # no captioner of ours: it takes any prompts
    return asked
