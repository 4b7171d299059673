"""Stored predictions of TVBench (arXiv 2410.07752): ten tasks of unequal size, so two means are printed.

Layout and rule are facts of daniel-cores/tvbench (``infer.ipynb``, ``vqa_dataset.py``) and, for ``extract_harness``, of
``lmms_eval/tasks/tvbench`` in EvolvingLMMs-Lab/lmms-eval 75571cf; the code is ours.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..choice import LETTERS

TASKS = (
    *("Action Count", "Object Count", "Action Sequence", "Object Shuffle", "Scene Transition", "Action Localization"),
    *("Action Antonym", "Unexpected Action", "Egocentric Sequence", "Moving Direction"),
)
TITLES = {title.lower().replace(" ", "_"): title for title in TASKS}
OWN_TASKS = frozenset(("Object Count", "Egocentric Sequence"))
"""Tasks that MVBench does not have: they distinguish files of the two benchmarks."""


def extract_harness(said: str, options: Sequence[str]) -> str:
    """Extract a letter as lmms-eval does: the first single letter of an option, one at the start, or by text."""
    text = said.strip()
    letters = LETTERS[: max(len(options), 2)]
    if not text:
        return ""
    for found in (re.search(r"\b([A-Z])\b", text.upper()), re.match(r"\s*[(\[]?([A-Z])[)\].:]?", text.upper())):
        if found and found[1] in letters:
            return found[1]
    plain = _plain(text)
    matched = [at for at, option in enumerate(options) if _plain(option) and _plain(option) in plain]
    return letters[matched[0]] if len(matched) == 1 else ""


def options_of(row: Mapping[str, Any]) -> tuple[str, ...]:
    """The options of a logged row: from its ``doc``, or the prompt, which newer logs have instead."""
    doc = row.get("doc")
    listed = (doc.get("candidates") or doc.get("options")) if isinstance(doc, dict) else None
    if isinstance(listed, list):
        return tuple(str(option) for option in listed)
    prompt = row.get("input")
    return tuple(re.findall(r"^[A-Z]\. (.*)$", prompt, re.MULTILINE)) if isinstance(prompt, str) else ()


def _plain(text: str) -> str:
    return " ".join(text.strip().lower().split())
