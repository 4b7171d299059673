"""The command line, ``sg4v``: one short file for each group of verbs."""

from __future__ import annotations

import os
import signal
import sys


def main() -> None:
    """Run ``sg4v`` and leave with its exit code. Where nobody watches, no library draws progress bars either."""
    from .app import app
    from .console import FAILED, INTERRUPTED, error, make_output_safe, report_fault, say

    if not sys.stderr.isatty():  # read by huggingface_hub and transformers when they are imported
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
    except OSError as fault:  # a full disk, say, while the help is written to a file
        error(fault)
        sys.exit(FAILED)
    except Exception as fault:  # noqa: BLE001 - whatever it is, its traceback may quote foreign text
        report_fault(fault)
        sys.exit(FAILED)


def _interrupt(*_: object) -> None:
    """Being told to end is like Ctrl-C: what is finished is kept, and the terminal gets its cursor back."""
    if callable(signal.getsignal(signal.SIGINT)):
        signal.raise_signal(signal.SIGINT)  # asyncio may have its own handler there
    else:
        raise KeyboardInterrupt  # started in the background of a script, where Ctrl-C is ignored
