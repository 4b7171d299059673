"""``sg4v t2v budget``: how much of the captions a text encoder reads, and captions fitted to it."""

from __future__ import annotations

import json as json_
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .console import MARKED, exit_codes, print_json, print_text, say
from .options import existing
from .t2v_prompts import captions_in

if TYPE_CHECKING:
    from ..t2v.budget import BudgetReport, Fitted
    from ..t2v.encoders import Counter
    from ..t2v.told import Told


Source = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        help="The captions: a data set, records.jsonl, a folder of .txt files or one that sg4v t2v export wrote, or "
        "text with one on each line, .json, .jsonl, .csv.",
        show_default=False,
    ),
]
Encoder = Annotated[
    str,
    typer.Option("--encoder", "-e", metavar="NAME", help="A text encoder such as T5-226, or a generator: wan2.1."),
]
Tokenizer = Annotated[
    Path | None,
    typer.Option(
        metavar="PATH",
        help="The encoder's tokenizer: tokenizer.json, spiece.model, or a folder with one. Without it, the Hugging "
        "Face cache is searched; failing that, tokens are estimated from words.",
        callback=existing,
        show_default=False,
    ),
]
FittedFile = Annotated[
    Path | None,
    typer.Option(
        "--out",
        "-o",
        metavar="FILE",
        help="Write the fitted captions here, in the same order: a line of JSON for each, or, to a .txt, the texts "
        "alone.",
        show_default=False,
    ),
]


def budget(
    source: Source,
    encoder: Encoder = "T5-226",
    tokenizer: Tokenizer = None,
    out: FittedFile = None,
    json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Count which captions a text encoder would cut off, and fit them to it: details go first, events last.

    Exits with 3 if events had to go.
    """
    from ..errors import SettingsError
    from ..files import whole_file
    from ..t2v.budget import BudgetReport
    from ..t2v.encoders import Counter, encoders_of

    with exit_codes():
        encoders = encoders_of(encoder)
        if tokenizer is not None and len(encoders) > 1:
            names = " and ".join(each.name for each in encoders)
            raise SettingsError(f"{encoder} has {names}; give one of them as --encoder, for --tokenizer is for one")
        counters = [Counter(each, tokenizer) for each in encoders]
        reports = [BudgetReport(each) for each in encoders]
        fitted = _fitted(captions_in(source), counters, reports)
        with nullcontext() if out is None else whole_file(out) as file:
            for one in fitted:
                if file is not None and out is not None:
                    file.write(_line(one, as_text=out.suffix == ".txt").encode())
        if json:
            print_json([report.to_dict() for report in reports])
        else:
            print_text("\n\n".join(report.text() for report in reports))
        if out is not None:
            say(f"wrote {reports[0].captions:,} captions, fitted to {encoders[0].name}, to {out}")
        if reports[0].lost_events:
            raise typer.Exit(MARKED)


def _fitted(captions: Iterable[Told], counters: list[Counter], reports: list[BudgetReport]) -> Iterator[Fitted]:
    """The captions fitted to the first encoder; the reports of all are filled on the way."""
    from ..t2v.budget import fit

    for told in captions:
        found = [fit(told.text, counter.encoder, counter=counter, events=told.events) for counter in counters]
        for report, one in zip(reports, found, strict=True):
            report.add(one)
        yield found[0]


def _line(fitted: Fitted, *, as_text: bool) -> str:
    if as_text:
        return " ".join(fitted.text.split()) + "\n"
    shed = [{key: value for key, value in asdict(part).items() if key != "order"} for part in fitted.shed]
    plain = {"caption": fitted.text, "tokens": fitted.tokens, "tokens_before": fitted.tokens_before}
    return json_.dumps({**plain, "estimated": fitted.estimated, "shed": shed}, ensure_ascii=False) + "\n"
