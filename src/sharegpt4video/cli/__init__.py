"""The command line, ``sg4v``: one short file for each group of verbs."""

from __future__ import annotations

import sys


def main() -> None:
    """Run ``sg4v`` and leave with its exit code."""
    from .app import app
    from .console import INTERRUPTED, say

    try:
        app()
    except KeyboardInterrupt:
        say("interrupted")
        sys.exit(INTERRUPTED)
