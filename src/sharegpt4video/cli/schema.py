"""``sg4v schema``: JSON Schema of caption files and of settings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ..files import write_whole
from ..schemas import SCHEMAS, json_schema
from .console import exit_codes, print_text


def schema(
    name: Annotated[str, typer.Argument(metavar="NAME", help=f"One of {', '.join(SCHEMAS)}.", show_default=False)] = "",
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="DIR", help="Write all schemas as DIR/NAME.json.", file_okay=False),
    ] = None,
) -> None:
    """Print the JSON Schema of caption files, or of settings in YAML files."""
    with exit_codes():
        if out is None:
            print_text(json.dumps(json_schema(name), indent=2))
            return
        out.mkdir(parents=True, exist_ok=True)
        for each in [name] if name else SCHEMAS:
            write_whole(out / f"{each}.json", json.dumps(json_schema(each), indent=2).encode() + b"\n")
