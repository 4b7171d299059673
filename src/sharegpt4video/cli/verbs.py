"""What all verbs share: exit codes in their help, and earlier spellings of their options."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from functools import partial
from typing import Any

from typer import BadParameter
from typer.core import TyperCommand

EXIT_CODES = (
    "Exit codes: 0 all fine, 1 something failed, 2 wrong usage or settings, 3 done but a text is marked with a "
    "problem, 130 interrupted."
)
ALIASES = {"--output": "--out", "--option": "--set"}
"""Other spellings of options, which help does not show: names of earlier versions and of other tools."""
_NUMBERS = {"<int>": "N", "<int range>": "N", "<float>": "X", "<float range>": "X"}
_SHOWN = {**dict.fromkeys(("<bool>", "<str>", "<path>", "<dir>", "<file>"), ""), **_NUMBERS}


class Verb(TyperCommand):
    """A verb whose help shows exit codes, fills the line and names no Python types. It also takes earlier spellings."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.help = flowing(self.help or "")
        self.epilog = self.epilog or EXIT_CODES

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, with_current_names(args, self.aliases()))
        except BadParameter as error:
            if not error.message:  # of what is missing only the name is told
                error.message = getattr(error.param, "help", None) or ""
            raise

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        pieces = (one.get_usage_pieces(ctx) for one in self.get_params(ctx) if not getattr(one, "hidden", False))
        return [*([self.options_metavar] if self.options_metavar else []), *(one for each in pieces for one in each)]

    def aliases(self) -> dict[str, str]:
        """The earlier spellings that this verb takes, each with the current one."""
        known = {spelling for one in self.params for spelling in one.opts}
        return {old: new for old, new in ALIASES.items() if new in known and old not in known}

    def get_params(self, ctx: Any) -> Any:
        params = super().get_params(ctx)
        for one in params:
            show = getattr(one, "display_type_rich", None)  # new in typer 0.29
            if show is not None and not isinstance(show, partial):
                one.display_type_rich = partial(_type_in_words, show)  # type: ignore[attr-defined]
        return params


def with_current_names(arguments: Sequence[str], aliases: dict[str, str]) -> list[str]:
    """The arguments with earlier spellings replaced, up to ``--``."""
    end = list(arguments).index("--") if "--" in arguments else len(arguments)
    renamed = []
    for one in arguments[:end]:
        name, equals, value = one.partition("=")
        renamed.append(f"{aliases.get(name, name)}{equals}{value}")
    return [*renamed, *arguments[end:]]


def flowing(text: str) -> str:
    """A docstring with each paragraph on one line; help wraps it to the terminal."""
    return "\n\n".join(" ".join(one.split()) for one in inspect.cleandoc(text).split("\n\n"))


def _type_in_words(show: Any, *arguments: Any, **options: Any) -> str | None:
    """The type of an option as help shows it; None for a mere Python type."""
    text: str | None = show(*arguments, **options)
    text = re.sub(r"<list\[(.*)\]>", r"<\1>", text or "")
    return _SHOWN.get(text, text) or None
