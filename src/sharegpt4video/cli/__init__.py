"""The command line, ``sg4v``: one short file for each group of verbs."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run ``sg4v`` and leave with its exit code. Where nobody watches, no library draws progress bars either."""
    from .app import app
    from .console import FAILED, INTERRUPTED, make_output_safe, report_fault, say

    if not sys.stderr.isatty():  # read by huggingface_hub and transformers when they are imported
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    if getattr(sys.stdout, "errors", "") == "strict":  # a console that has no emoji gets its number instead
        sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    make_output_safe()
    try:
        app()
    except KeyboardInterrupt:
        say("interrupted")
        sys.exit(INTERRUPTED)
    except Exception as fault:  # noqa: BLE001 - whatever it is, its traceback may quote foreign text
        report_fault(fault)
        sys.exit(FAILED)
