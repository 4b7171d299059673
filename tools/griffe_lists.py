"""Shows the aligned lists of docstrings as lists on the API page; Markdown would run their lines together.

processes  worker processes that decode; None: one per core
retry      kinds of failures to retry
"""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension

_ITEM = re.compile(r"(?P<names>[\w*.]+(?:, [\w*.]+)*) {2,}(?P<text>\S.*)")


class AlignedLists(Extension):
    """Rewrites docstrings as griffe loads them; mkdocstrings calls it (``mkdocs.yml``)."""

    def on_object(self, *, obj: Any, **_: Any) -> None:
        if obj.docstring:
            obj.docstring.value = as_markdown(obj.docstring.value)


def as_markdown(text: str) -> str:
    """Each ``name  what it is`` as a list item, with the indented lines after it."""
    lines: list[str] = []
    inside = False
    for line in text.splitlines():
        if item := _ITEM.fullmatch(line):
            if not inside and lines and lines[-1]:
                lines.append("")
            names = ", ".join(f"`{name}`" for name in item["names"].split(", "))
            lines.append(f"- {names}: {item['text']}")
            inside = True
        elif inside and line.startswith(" "):
            lines.append(f"  {line.strip()}")
        else:
            inside = False
            lines.append(line)
    return "\n".join(lines)
