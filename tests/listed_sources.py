"""Files to be listed as sources, and what the listing says of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sharegpt4video.dataset.rows import Failure, SourceVideo
from sharegpt4video.dataset.sources.sources import find_sources


def put(path: Path, text: str | bytes = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else (text or path.name).encode())
    return path


def found(*inputs: object, known: Any = None) -> list[SourceVideo]:
    rows = list(find_sources([str(one) for one in inputs], known=known))
    assert not [row for row in rows if isinstance(row, Failure)]
    return [row for row in rows if isinstance(row, SourceVideo)]


def failures(*inputs: object) -> list[Failure]:
    return [row for row in find_sources([str(one) for one in inputs]) if isinstance(row, Failure)]


def names(rows: list[SourceVideo], folder: Path) -> list[str]:
    return [row.location.removeprefix(f"{folder}/") for row in rows]
