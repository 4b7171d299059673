"""What the verbs share: exit codes, messages on stderr, results on stdout.

Everything that is printed goes through here, because here foreign text is made safe (see ``foreign``).
"""

from __future__ import annotations

import atexit
import contextlib
import io
import json
import logging
import os
import re
import sys
import traceback
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TextIO

import typer
from typer.core import TyperGroup

from ..errors import InputMissing, SettingsError, SG4VError, StorageError
from ..foreign import json_text, terminal

if TYPE_CHECKING:
    from rich.console import Console

FAILED = 1
WRONG_USAGE = 2
MARKED = 3  # everything was done, but a text came back with a problem
INTERRUPTED = 130
PIPE_COLUMNS = 240


def print_text(text: object = "", *, end: str = "\n") -> None:
    """Text of the result, on stdout. Raises StorageError if that is closed."""
    need_stdout()
    typer.echo(f"{terminal(text)}{end}", nl=False)


def say(message: object, *, end: str = "\n") -> None:
    """A line for the reader, on stderr: stdout belongs to the result."""
    typer.echo(f"{terminal(message)}{end}", nl=False, err=True)


def say_secret(message: str) -> None:
    """Print to stderr what other messages would hide, such as the token in an address."""
    typer.echo(message, err=True)


def error(message: object) -> None:
    """What went wrong, on stderr."""
    typer.echo(typer.style("error: ", fg="red", bold=True) + error_text(message), err=True)


def error_text(message: object) -> str:
    """A message with its further lines indented: no line of a server's answer looks like a message of ours."""
    return terminal(message).strip("\n").replace("\n", "\n  ")


def print_json(plain: Any) -> None:
    """One JSON document on stdout, indented for a reader, on one line for a pipe. StorageError if stdout is closed."""
    need_stdout()
    typer.echo(json_text(json.dumps(plain, ensure_ascii=False, indent=2 if is_terminal(sys.stdout) else None)))


def need_stdout() -> None:
    """Raises StorageError if nobody can get what is printed: better before the work than after it."""
    if sys.stdout is None:
        raise StorageError(
            "standard output is closed, so the result would be lost; redirect it to a file or a terminal"
        )


def is_terminal(stream: TextIO | None) -> bool:
    """Whether somebody may be reading along; a stream that was closed before we started is None."""
    return stream is not None and stream.isatty()


def rich_console(*, stderr: bool = True) -> Console:
    """A console on which ``[bold]`` and ``:smile:`` are text. Give it text made safe by ``foreign.terminal``.

    In a pipe or a file, the lines of a table on stdout are whole.
    """
    from rich.console import Console

    console = Console(stderr=stderr, markup=False, emoji=False, highlight=False)
    if not stderr and not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = PIPE_COLUMNS
    return console


_NEEDED = {"number": "a number is needed", "integer": "a whole number is needed", "boolean": "true or false is needed"}
_VALID = re.compile(rf"Input should be a valid ({'|'.join(_NEEDED)})\b[^;]*")


def _in_our_words(message: str) -> str:
    """A message of newer versions of typer, which pass on those of pydantic."""
    message = _VALID.sub(lambda found: _NEEDED[found[1]], message.replace("Value error, ", ""))
    return message.replace("Input should be", "it must be")


class SafeGroup(TyperGroup):
    """A group of verbs whose usage errors repeat no control character of the command line (``sg4v caption *.mp4``)."""

    def make_context(self, *arguments: Any, **options: Any) -> Any:
        with _safe_usage_errors():
            return super().make_context(*arguments, **options)

    def invoke(self, *arguments: Any, **options: Any) -> Any:
        with _safe_usage_errors():
            return super().invoke(*arguments, **options)


@contextlib.contextmanager
def _safe_usage_errors() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if hasattr(error, "format_message"):  # click's, whichever click typer brings
            for name in ("message", "option_name", "param_hint"):
                if isinstance(value := getattr(error, name, None), str):
                    setattr(error, name, terminal(_in_our_words(value)))
        raise


@contextlib.contextmanager
def exit_codes() -> Iterator[None]:
    """Turn our exceptions into a message on stderr and an exit code, never a traceback."""
    try:
        yield
    except InputMissing as missing:  # like an unreadable one: the usage was right
        error(missing)
        raise typer.Exit(FAILED) from None
    except SettingsError as wrong:
        error(wrong)
        raise typer.Exit(WRONG_USAGE) from None
    except SG4VError as failed:
        error(failed)
        raise typer.Exit(FAILED) from None
    except BrokenPipeError:
        _drop_unwritten()  # whoever reads our stdout has seen enough
        raise typer.Exit(FAILED) from None
    except OSError as failed:
        error(f"{failed.filename}: {failed.strerror}" if failed.filename and failed.strerror else failed)
        raise typer.Exit(FAILED) from None
    except KeyboardInterrupt:
        say("interrupted; no file is half-written")
        raise typer.Exit(INTERRUPTED) from None


def _drop_unwritten() -> None:
    """Give up what stdout does not take, so that the interpreter does not complain when it flushes at the end."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def make_output_safe() -> None:
    """For this process: log lines and warnings of any library, too, are printed without control characters, and what a
    disk that fills does not take of stdout is an error."""
    sys.stdout = _buffered(sys.stdout)
    atexit.register(_drop_unwritten)
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(_SafeFormatter())
    format_warning = warnings.formatwarning
    warnings.formatwarning = lambda *arguments, **options: terminal(format_warning(*arguments, **options))


def _buffered(stream: TextIO) -> TextIO:
    """The stream, with a buffer where ``PYTHONUNBUFFERED`` took it: Python forgets what a bare file does not take."""
    bare = getattr(stream, "buffer", None)
    if not isinstance(bare, io.FileIO):
        return stream
    whole = io.BufferedWriter(io.FileIO(bare.fileno(), "wb", closefd=False))
    return io.TextIOWrapper(whole, encoding=stream.encoding, errors=stream.errors, write_through=True)


def report_fault(fault: BaseException) -> None:
    """Print the traceback of a bug, made safe."""
    say("".join(traceback.format_exception(fault)), end="")
    error("this is a bug in sg4v; please report it with the traceback above")


class _SafeFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return terminal(super().format(record))
