"""``sg4v t2v audit-prompts``, ``profile`` and ``rewrite``: prompts beside their rewritings and the captions' style."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .console import MARKED, exit_codes, print_json, print_text
from .options import existing

if TYPE_CHECKING:
    from ..t2v.encoders import TextEncoder

Encoders = Annotated[
    list[str] | None,
    typer.Option(
        "--encoder",
        "-e",
        metavar="NAME",
        help="A text encoder whose window matters, such as T5-226 or UMT5-512; may be given several times (all).",
        show_default=False,
    ),
]


def audit_prompts(
    original: Annotated[
        Path,
        typer.Argument(
            metavar="ORIGINAL",
            help="The prompts: text with one on each line, .json, .jsonl, .csv, or VBench's full_info.json.",
            callback=existing,
            show_default=False,
        ),
    ],
    rewritten: Annotated[
        Path,
        typer.Argument(
            metavar="REWRITTEN", help="Their rewritings, in the same order.", callback=existing, show_default=False
        ),
    ],
    encoder: Encoders = None,
    json: Annotated[bool, typer.Option("--json", help="Print the report, with each text's findings, as JSON.")] = False,
) -> None:
    """Check what a prompt rewriter keeps of the prompts, loses, contradicts, and adds to all of them alike.

    Needs no model. Exits with 3 if there is a finding for any of the texts.
    """
    from ..t2v.audit import audit
    from ..t2v.suites import read_prompts

    with exit_codes():
        encoders = [_encoder(name) for name in encoder or ()]
        prompts = read_prompts(original)
        texts = [one.text for one in read_prompts(rewritten, rewritten=True)]
        report = audit(prompts, texts, encoders)
        if json:
            print_json(report.plain())
        else:
            print_text(report.text())
        if not report.is_clean:
            raise typer.Exit(MARKED)


def _encoder(name: str) -> TextEncoder:
    from ..checking import one_of, raise_for
    from ..t2v.encoders import ENCODERS

    raise_for(one_of("--encoder", name, ENCODERS))
    return ENCODERS[name]
