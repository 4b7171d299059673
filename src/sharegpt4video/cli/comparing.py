"""``sg4v dataset compare``: the same videos captioned twice, by two models or with other settings."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from .console import exit_codes, print_json, print_text

First = Annotated[str, typer.Argument(metavar="A", help="The directory of a data set.", show_default=False)]
Second = Annotated[str, typer.Argument(metavar="B", help="Another one of the same videos.", show_default=False)]


def compare(
    first: First,
    second: Second,
    limit: Annotated[int, typer.Option(min=0, metavar="N", help="Show this many videos that differ.")] = 10,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Compare two data sets of the same videos: what only one says, facts contradicted, findings, tokens and cost."""
    from ..dataset.compare import compare as compared

    with exit_codes(), compared(first, second) as found:
        videos = [one for _, one in found.videos(limit=limit, only="differ")]
        if json:
            totals: dict[str, Any] = asdict(found.totals)
            totals["measures"] = {
                name: {"videos": p.videos, "first": p.first, "second": p.second, "interval": p.interval}
                for name, p in found.totals.measures.items()
            }
            names = {"names": found.names, "models": found.models}
            print_json({**names, "totals": totals, "videos": [asdict(one) for one in videos]})
            return
        print_text(found.text())
        for one in videos:
            print_text(f"{one.id}  {one.video}")
            for side, told in (("first", one.only_first), ("second", one.only_second)):
                words = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in told.items())
                if words:
                    print_text(f"  only {side}: {words}")
