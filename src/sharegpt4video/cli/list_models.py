"""``sg4v models``: what ``--model`` takes, what each needs and can, and which of them answer now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from typing import Annotated

import typer

from ..checking import raise_for
from ..foreign import terminal
from .console import exit_codes, print_json, print_text, rich_console
from .options import Json

_COLOURS = {"ready": "green", "not tried": ""}
_SERVED_SHOWN = 3
_WIDE_COLUMNS = 110
"""What a model takes has a column of its own from here on."""
_PACKAGE = "sharegpt4video"
_OWN = {
    "embedded": ("states what was measured: offline, on a CPU", "facts"),
    "server": ("any OpenAI-compatible chat server", "images, video, sound"),
    "hf": ("a model of transformers, in this process", "images, video"),
    "vllm": ("a model run by vLLM, in this process", "images"),
    "lvlm": ("a ShareGPT4Video or LLaVA-NeXT model", "images"),
    "sharecaptioner": ("ShareCaptioner-Video as it was released", "images"),
    "fake": ("canned replies, for trying things out", "images"),
}


@dataclass(frozen=True)
class Listed:
    """One row. ``now`` is "ready" or what is in the way; ``add`` is the command or the key that helps."""

    group: str
    name: str
    example: str
    title: str
    needs: str
    can: str
    now: str
    add: str = ""
    served: tuple[str, ...] = ()
    note: str = ""


Words = Annotated[
    list[str] | None,
    typer.Argument(metavar="WORD", help="Only models with all of these words, such as ollama or smolvlm2."),
]
NoProbe = Annotated[bool, typer.Option("--no-probe", help="Do not ask servers whether they are there.")]


def models(words: Words = None, no_probe: NoProbe = False, json: Json = False) -> None:
    """List the models that --model takes: what each needs and can, and whether it answers now.

    Servers on this machine, and services whose API key is set, are asked for their list of models, which costs nothing.
    """
    with exit_codes():
        console = rich_console()
        with console.status("asking servers") if console.is_terminal and not no_probe else nullcontext():
            found = [*listed(probe=not no_probe)]
        wanted = [word.lower() for word in words or ()]
        chosen = [
            row
            for row in found
            if all(word in f"{row.group} {row.name} {row.example} {row.title}".lower() for word in wanted)
        ]
        problem = f"no model has {' and '.join(words or ())} in its name; sg4v models lists all"
        raise_for([] if chosen else [problem])
        if json:
            print_json([asdict(row) for row in chosen])
        else:
            _print(chosen, in_full=bool(wanted))


def _searched(row: Listed) -> str:
    return f"{row.group} {row.name} {row.example} {row.title}".lower()


def listed(*, probe: bool = True) -> Iterator[Listed]:
    """Every model, by where it runs."""
    extras = {name: _extra(name) for name in ("hf", "vllm")}
    yield from _own(extras)
    yield from _on_the_hub(extras["hf"])
    yield from _providers(probe=probe)


def _extra(name: str) -> str:
    """The command that adds an extra; "" if all of it is here."""
    from .installed import required

    return f"pip install '{_PACKAGE}[{name}]'" if any(one.problem for one in required(_PACKAGE, name)) else ""


def _own(extras: Mapping[str, str]) -> Iterator[Listed]:
    from ..vlm import BACKENDS, EXAMPLES, plug_ins

    for name, backend in BACKENDS.items():
        title, can = _OWN[name]
        add = extras.get(backend.extra, "")
        needs = f"extra {backend.extra}" if backend.extra else "an address" if name == "server" else ""
        now = "extra missing" if add else "not tried" if name == "server" else "ready"
        shown = f"{name}:{backend.argument}" if backend.argument else name
        yield Listed("in general", shown, EXAMPLES.get(name, name), title, needs, can, now, add)
    for name in sorted(plug_ins()):
        yield Listed("in general", name, name, "a plug-in", "", "", "not tried")


def _on_the_hub(extra: str) -> Iterator[Listed]:
    from ..hub import is_downloaded
    from ..vlm.hub_models import HUB_MODELS

    for name, model in HUB_MODELS.items():
        here = is_downloaded(model.path)
        now = "extra missing" if extra else "ready" if here else f"downloads {model.download_gb:.1f} GB"
        needs = f"{model.memory_gb:.1f} GB of memory or GPU" + (", its licence accepted" if model.is_gated else "")
        can = "images, video" if model.takes_video else "images"
        yield Listed("on the Hub", f"hf:{name}", f"hf:{name}", model.path, needs, can, now, extra)


def _providers(*, probe: bool) -> Iterator[Listed]:
    from .. import background
    from ..vlm.probing import probes
    from ..vlm.providers import PROVIDERS

    found = background.run(probes()) if probe else {}
    for name, provider in PROVIDERS.items():
        answer = found.get(name)
        example = provider.example
        ways = [provider.start, provider.add] if provider.is_local else []
        add = ", then ".join(way.format(model=example) for way in ways if way)
        if provider.needs_key:
            add = f"set {provider.key} (get a key at {provider.key_page})"
        senses = {"images": True, "video": provider.options.get("native_video"), "sound": provider.hears}
        can = ", ".join(sense for sense, takes in senses.items() if takes)
        yield Listed(
            "your servers" if provider.is_local else "services",
            f"{name}:MODEL",
            f"{name}:{example}",
            provider.title,
            f"key {provider.key}" if provider.needs_key else provider.url,
            can,
            answer.state if answer else "not tried",
            "" if answer and answer.state == "ready" else add,
            answer.served if answer else (),
            provider.note,
        )


def _print(rows: Sequence[Listed], *, in_full: bool) -> None:
    """A line a model; on a terminal that is too narrow, what it takes and its end are left to ``sg4v models WORD``."""
    from rich.table import Table
    from rich.text import Text

    console = rich_console(stderr=False)
    table = Table(box=None, pad_edge=False, show_header=False)
    narrow = console.width < _WIDE_COLUMNS
    columns = [[row.name for row in rows], [row.now for row in rows], *([] if narrow else [[row.can for row in rows]])]
    for number, column in enumerate(columns):
        table.add_column(no_wrap=True, min_width=max(map(len, column)) + (2 if number == 0 else 0))
    table.add_column(no_wrap=console.is_terminal and not in_full, overflow="fold" if in_full else "ellipsis")
    group = ""
    for row in rows:
        if row.group != group:
            table.add_row(Text(row.group, style="bold"))
            group = row.group
        table.add_row(
            f"  {terminal(row.name)}",
            Text(row.now, style=_COLOURS.get(row.now, "yellow")),
            *([] if narrow else [row.can]),
            terminal(_about(row, in_full=in_full, takes=narrow and in_full)),
        )
    console.print(table)
    helps = [f"{row.example}: {row.add}" for row in rows if row.add]
    if in_full:
        for line in (*helps, *(f"{row.name.partition(':')[0]}: {row.note}" for row in rows if row.note)):
            print_text(line)
    elif helps:
        print_text("sg4v models WORD, such as ollama, tells how to get one that is not ready")


def _about(row: Listed, *, in_full: bool, takes: bool = False) -> str:
    """What there is to say: what it needs first, since the end may not fit. ``takes``: also what it takes."""
    example = f"such as {row.example.partition(':')[2]}" if row.name.endswith(":MODEL") else ""
    told = (
        (example, row.needs, row.title) if in_full else (example or row.needs, _served(row, in_full=False), row.title)
    )
    can = f"takes {row.can}" if takes and row.can else ""
    return "; ".join(part for part in (*told, can, _served(row, in_full=True) if in_full else "") if part)


def _served(row: Listed, *, in_full: bool) -> str:
    """The models that a server has: all of them, or the first few."""
    shown = row.served if in_full else row.served[:_SERVED_SHOWN]
    more = len(row.served) - len(shown)
    return f"has {', '.join(shown)}{f' and {more} more' if more else ''}" if shown else ""
