"""What the verbs share: exit codes, messages on stderr, JSON on stdout."""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
from collections.abc import Iterator
from typing import Any

import typer

from ..errors import SettingsError, SG4VError
from ..records import spelled_out

FAILED = 1
WRONG_USAGE = 2
MARKED = 3  # everything was done, but a text came back with a problem
INTERRUPTED = 130


def say(message: str) -> None:
    """A line for the reader, on stderr: stdout belongs to the result."""
    typer.echo(message, err=True)


def error(message: object) -> None:
    typer.echo(typer.style("error: ", fg="red", bold=True) + str(message), err=True)


def print_json(plain: Any) -> None:
    """One JSON document on stdout; indented for a reader, on one line for a pipe."""
    text = json.dumps(plain, ensure_ascii=False, indent=2 if sys.stdout.isatty() else None)
    typer.echo(re.sub(r"[\ud800-\udfff]", lambda half: json.dumps(spelled_out(half[0])).strip('"'), text))


@contextlib.contextmanager
def exit_codes() -> Iterator[None]:
    """Turn our exceptions into a message on stderr and an exit code, never a traceback."""
    try:
        yield
    except SettingsError as wrong:
        error(wrong)
        raise typer.Exit(WRONG_USAGE) from None
    except SG4VError as failed:
        error(failed)
        raise typer.Exit(FAILED) from None
    except BrokenPipeError:
        # Whoever reads our stdout has seen enough; the interpreter must not complain when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(FAILED) from None
    except OSError as failed:
        error(failed)
        raise typer.Exit(FAILED) from None
    except KeyboardInterrupt:
        say("interrupted; nothing half-written is left behind")
        raise typer.Exit(INTERRUPTED) from None
