"""The verbs of ``sg4v``, put together."""

from __future__ import annotations

from typing import Annotated

import typer

from .. import __version__
from .ask import ask
from .building import build, filter, status
from .caption import caption
from .captions_answer import captions_answer
from .comparing import compare
from .console import SafeGroup, print_text
from .convert import convert
from .curating import check, clips, compact, repair
from .doctor import doctor
from .evaluate import app as evaluate
from .find import find
from .list_models import models
from .list_settings import settings
from .look import facts, keyframes
from .retell import recaption, summarize
from .reviewing import review
from .schema import schema
from .sharing import audit, export, plan, report
from .t2v import t2v
from .train import train
from .verbs import EXIT_CODES, Verb
from .web import web
from .world import world, world_check

app = typer.Typer(
    cls=SafeGroup,
    name="sg4v",
    help="Dense, time-true captions for any video.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for verb in (caption, ask, find, keyframes, facts, summarize, recaption, convert, world, world_check, schema):
    app.command(cls=Verb, no_args_is_help=True)(verb)
for plain in (web, models, settings, doctor):
    app.command(cls=Verb)(plain)

dataset = typer.Typer(
    name="dataset",
    help="Make, check, filter and export a data set of captioned videos.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
)
for step in (build, status, filter, check, repair, clips, export, audit, report, plan, compact, compare):
    dataset.command(cls=Verb, no_args_is_help=True)(step)
dataset.add_typer(review)
evaluate.command("captions-answer", cls=Verb, no_args_is_help=True)(captions_answer)
for group in (dataset, train, evaluate, t2v):
    app.add_typer(group)


def _show_version(wanted: bool) -> None:
    if wanted:
        print_text(__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", "-V", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass
