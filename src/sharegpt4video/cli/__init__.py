"""The command line, ``sg4v``: one short file for each group of verbs."""

from __future__ import annotations

import os
import signal
import sys

MOST_COLUMNS = 120
"""The widest that help and usage errors get: longer lines are hard to read."""
NO_TERMINAL_COLUMNS = 100


def main() -> None:
    """Run ``sg4v`` and leave with its exit code. Where nobody watches, no library draws progress bars either."""
    _reserve_standard_streams()
    try:
        os.environ.setdefault("TERMINAL_WIDTH", str(help_columns()))  # read by typer when it is asked for help
        from ..errors import SG4VError
        from .app import app
        from .console import FAILED, INTERRUPTED, error, is_terminal, make_output_safe, report_fault, say
    except KeyboardInterrupt:
        sys.exit(130)

    if not is_terminal(sys.stderr):  # read by huggingface_hub and transformers when they are imported
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    if getattr(sys.stdout, "errors", "") == "strict":  # a console that has no emoji gets its number instead
        sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    make_output_safe()
    for name in ("SIGTERM", "SIGHUP"):
        if (number := getattr(signal, name, None)) and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _interrupt)
    try:
        app()
    except KeyboardInterrupt:
        say("interrupted")
        sys.exit(INTERRUPTED)
    except SG4VError as failed:  # --version, say, while stdout is closed
        error(failed)
        sys.exit(FAILED)
    except OSError as fault:  # a full disk, say, while the help is written to a file
        error(fault)
        sys.exit(FAILED)
    except Exception as fault:  # noqa: BLE001 - whatever it is, its traceback may quote foreign text
        report_fault(fault)
        sys.exit(FAILED)


def help_columns() -> int:
    """How wide help and usage errors are: as the terminal, if any stream is one (in `sg4v -h | less`, stdin is)."""
    columns = os.environ.get("COLUMNS", "")
    widths = [int(columns)] if columns.isdecimal() else [_columns(stream) for stream in (1, 2, 0)]
    return min(next(filter(None, widths), NO_TERMINAL_COLUMNS), MOST_COLUMNS)


def _columns(stream: int) -> int:
    try:
        return os.get_terminal_size(stream).columns
    except OSError:
        return 0


def _reserve_standard_streams() -> None:
    """Give the numbers of closed standard streams to nothing, or the next file opened would get what is printed."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free


def _interrupt(*_: object) -> None:
    """Being told to end is like Ctrl-C: what is finished is kept, and the terminal gets its cursor back."""
    if callable(signal.getsignal(signal.SIGINT)):
        signal.raise_signal(signal.SIGINT)  # asyncio may have its own handler there
    else:
        raise KeyboardInterrupt  # started in the background of a script, where Ctrl-C is ignored
