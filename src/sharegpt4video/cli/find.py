"""``sg4v find``: the moments that a few words describe."""

from __future__ import annotations

from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..foreign import terminal_line
from ..times import show_span
from ..wording import counted
from .console import FAILED, exit_codes, print_json, print_text, rich_console, say
from .options import Config, Json, ModelOption, Sets, make_checked_model, read_settings
from .settings import model_options

if TYPE_CHECKING:
    from ..moments.found import Found, Moment
    from ..vlm.base import VLM


class As(str, Enum):
    """What the moments are printed as."""

    text = "text"
    json = "json"
    m3u = "m3u"


Where = Annotated[
    str,
    typer.Argument(
        metavar="WHERE",
        help="A data set, a video, a caption (.json), or a folder of captions.",
        show_default=False,
    ),
]
Query = Annotated[
    str, typer.Argument(metavar="QUERY", help='What is to be seen: "a man opens a door".', show_default=False)
]
Judge = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        metavar="NAME",
        help="Let a model that looks at pictures judge the best moments: server:MODEL@URL, hf:NAME_OR_FOLDER, ...",
        show_default=False,
    ),
]
Most = Annotated[int, typer.Option("--most", "-n", min=1, metavar="N", help="How many moments to show.")]
TextEncoder = Annotated[
    str,
    typer.Option(
        "--text-encoder",
        metavar="NAME",
        help="What compares the meaning: minilm (extra novelty), hf:NAME, none; auto: minilm if it is installed.",
    ),
]
Dropped = Annotated[bool, typer.Option("--dropped", help="Search what the filters of the data set dropped as well.")]
Formats = Annotated[
    As, typer.Option("--format", "-f", help="text, json, or a playlist for VLC and other players (m3u).")
]


def find(
    where: Where,
    query: Query,
    most: Most = 10,
    model: Judge = None,
    model_option: ModelOption = None,
    encoder: TextEncoder = "auto",
    dropped: Dropped = False,
    format: Formats = As.text,
    json: Json = False,
    config: Config = None,
    changes: Sets = None,
) -> None:
    """Find the moments that a few words describe, best first.

    Captions are searched: those of a data set or of files; a video is captioned first, by the embedded model.
    """
    with exit_codes():
        from ..moments.found import playlist
        from ..moments.search import find as search

        own, others = model_options(model_option, changes)
        settings = read_settings(config, others)
        judge: VLM | None = make_checked_model(model, settings, own) if model else None
        chosen = None if encoder == "none" else encoder
        found = search(query, where, most=most, encoder=chosen, model=judge, dropped=dropped, settings=settings)
        if json or format is As.json:
            moments = [asdict(one) | {"link": one.link} for one in found.moments]
            print_json({"query": query, "steps_searched": found.steps_searched, "moments": moments})
        elif format is As.m3u:
            print_text(playlist(found.moments), end="")
        else:
            _print(found)
        _say(found, encoder)
    if any(one.problem for one in found.moments):
        raise typer.Exit(FAILED)


def _print(found: Found) -> None:
    """A line for each moment; at a terminal the time is a link that opens it."""
    from rich.text import Text

    console = rich_console(stderr=False)
    for one in found.moments:
        if console.is_terminal:
            link = f"link {one.link}" if one.link else ""
            time = Text(f"[{show_span(one.start_seconds, one.end_seconds)}]", style=link)
            console.print(Text.assemble(time, f" {_line(one)}"), soft_wrap=True)
        else:
            print_text(f"[{show_span(one.start_seconds, one.end_seconds)}] {_line(one)}")


def _line(one: Moment) -> str:
    score = one.score if one.model_score is None else one.model_score
    name = one.video if "://" in one.video else Path(one.video).name
    what = "not shown" if one.replaced else "not judged"
    problem = f"  ({what}: {terminal_line(one.problem)})" if one.problem else ""
    return f"{score:.2f}  {terminal_line(name)}  {terminal_line(one.text)}{problem}"


def _say(found: Found, encoder: str) -> None:
    say(f"{counted(len(found.moments), 'moment')} of {counted(found.steps_searched, 'step')}")
    if not found.encoder and encoder == "auto":
        say('words alone were compared; pip install "sharegpt4video[novelty]" to compare the meaning, too')
