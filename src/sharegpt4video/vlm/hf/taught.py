"""Which prompts a trained captioner knows: written by ``sg4v train merge``, read when it is opened."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from ...prompts import PromptSet, prompt_set

TAUGHT = "captioner.json"


def taught_text(names: Iterable[str]) -> str:
    """The content of the file for a captioner that learned these prompt sets."""
    return json.dumps({"prompts": {name: prompt_set(name).hash for name in names}}, indent=1) + "\n"


def other_prompts(folder: Path, asked: PromptSet) -> str:
    """What is to be said when a captioner is asked with prompts that it has not learned; "" where nothing is."""
    try:
        known = json.loads((folder / TAUGHT).read_text(encoding="utf-8"))["prompts"]
        if not known or asked.hash in known.values():
            return ""
        names = " or ".join(known)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return ""
    return f"it learned to be asked with the prompts {names}, and is asked with others; choose them (prompts={names})"
