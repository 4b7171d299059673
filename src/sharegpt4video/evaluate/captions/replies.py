"""Parse JSON and Python dictionaries in a judge's reply, which models wrap in all kinds of prose."""

from __future__ import annotations

import ast
import json
import re
from typing import Any


def dictionary(text: str) -> dict[str, Any] | None:
    """Extract the first JSON object or Python dictionary of a reply, fenced or not, or None. Nothing is executed."""
    plain = re.sub(r"```(?:json|python)?", "", text)
    start = plain.find("{")
    if start == -1:
        return None
    body = plain[start : plain.rfind("}") + 1] or plain[start:] + "}"
    body = re.sub(r",(\s*[\]}])", r"\1", body)
    for read in (json.loads, ast.literal_eval):
        try:
            found = read(body)
        except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
            continue
        if isinstance(found, dict):
            return found
    return None
