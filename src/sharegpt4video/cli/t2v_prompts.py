"""``sg4v t2v audit-prompts``, ``profile`` and ``rewrite``: prompts beside their rewritings and the captions' style."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .console import MARKED, error, exit_codes, print_json, print_text
from .options import Model, ModelOption, existing
from .settings import model_options

if TYPE_CHECKING:
    from ..t2v.encoders import TextEncoder
    from ..t2v.rewrite import Rewriter
    from ..t2v.told import Told

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
ProfileOption = Annotated[
    Path | None,
    typer.Option(
        "--profile",
        "-p",
        metavar="FILE",
        help="The profile of the captions to write like (sg4v t2v profile).",
        callback=existing,
        show_default=False,
    ),
]
EncoderOption = Annotated[
    str, typer.Option("--encoder", "-e", metavar="NAME", help="The text encoder that reads the prompts.")
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


def profile(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="The captions: a data set, records.jsonl, a folder of .txt files, or text with one on each line, "
            ".json, .jsonl, .csv.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Write the profile here, as JSON.", show_default=False),
    ] = None,
    examples: Annotated[
        int, typer.Option(min=1, max=100_000, metavar="N", help="Captions to keep in it, as examples of the style.")
    ] = 1000,
    json: Annotated[bool, typer.Option("--json", help="Print the profile as JSON.")] = False,
) -> None:
    """Measure how captions are written: length, openings, camera, order, tense. Drives sg4v t2v rewrite."""
    from ..t2v.profile import profile_of, save

    with exit_codes():
        found = profile_of((told.text for told in captions_in(source)), Path(source).name, examples=examples)
        if out is not None:
            save(found, out)
        print_text(found.to_json() if json else found.text(), end="" if json else "\n")


def captions_in(source: str) -> Iterator[Told]:
    """The captions of a data set, or of files."""
    from ..t2v.told import Told, events_of, told_in

    if not (Path(source) / "dataset.json").is_file():
        yield from told_in(source)
        return
    from ..dataset.dataset import open_dataset

    for row in open_dataset(source).captions():
        if row.summary and not row.summary_problem:
            yield Told(row.summary, events_of(row.steps))


RewrittenFile = Annotated[
    Path | None,
    typer.Option(
        "--out",
        "-o",
        metavar="FILE",
        help="Write a line of JSON for each prompt here (a .txt: the texts alone). A model's answers are kept "
        "beside it, so that no prompt is paid for twice.",
        show_default=False,
    ),
]


def rewrite(
    prompts: Annotated[
        Path,
        typer.Argument(
            metavar="PROMPTS",
            help="Text with a prompt on each line, .json, .jsonl or .csv.",
            callback=existing,
            show_default=False,
        ),
    ],
    out: RewrittenFile = None,
    profile: ProfileOption = None,
    encoder: EncoderOption = "T5-226",
    model: Model = "embedded",
    model_option: ModelOption = None,
    json: Annotated[bool, typer.Option("--json", help="Print a line of JSON for each prompt.")] = False,
) -> None:
    """Rewrite prompts in the style of captions, and check that each fact of the prompt is still there.

    A model that drops a fact is told so once; after that the prompt's own words are put into sentences by rules.
    Exits with 3 if a text does not fit into the encoder's window.
    """
    from .t2v_rewriting import rewrite_file

    with exit_codes():
        rewriter = make_rewriter(profile, encoder)
        options, _ = model_options(model_option, None)
        over = rewrite_file(prompts, out, rewriter, model, options, json=json)
        if over:
            error(f"{over} texts are longer than {encoder} reads; shorten these prompts or choose another encoder")
            raise typer.Exit(MARKED)


def make_rewriter(profile: Path | None, encoder: str) -> Rewriter:
    """The rewriter for a profile and the name of an encoder. Raises SettingsError, InputMissing."""
    from ..t2v.profile import load
    from ..t2v.rewrite import Rewriter

    return Rewriter(_encoder(encoder), load(profile) if profile else None)
