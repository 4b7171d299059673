"""Turns the links of the README into absolute ones for the package's metadata, so that they work on PyPI, too.

In the repository they stay relative: there they lead to the version that is read, in a fork or a clone as well.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_FENCED = re.compile(r"(```.*?```)", re.DOTALL)
_RELATIVE = r"(?![a-z][a-z0-9+.-]*:|//|#)(?=[^)\s\"])"
_PICTURE = re.compile(rf"(!\[[^\]]*\]\(|\b(?:src|srcset)=\"){_RELATIVE}")
_LINK = re.compile(rf"(\]\(|^ {{0,3}}\[[^\]]+\]: *|\bhref=\"){_RELATIVE}", re.MULTILINE)


class ReadmeHook(MetadataHookInterface):
    """Fills in the field ``readme``."""

    def update(self, metadata: dict[str, Any]) -> None:
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        readme = absolute_links(text, metadata["urls"]["Repository"], f"v{metadata['version']}")
        metadata["readme"] = {"content-type": "text/markdown", "text": readme}


def absolute_links(markdown: str, repository: str, revision: str) -> str:
    """The text with every relative link and picture outside fenced code at its address in the repository."""
    parts = _FENCED.split(markdown)  # every other part is code
    for at in range(0, len(parts), 2):
        parts[at] = _PICTURE.sub(rf"\g<1>{repository}/raw/{revision}/", parts[at])
        parts[at] = _LINK.sub(rf"\g<1>{repository}/blob/{revision}/", parts[at])
    return "".join(parts)
