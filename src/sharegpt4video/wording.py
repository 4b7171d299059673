"""Words for what the package tells people."""

from __future__ import annotations


def counted(count: int, noun: str, plural: str = "", *, spec: str = "") -> str:
    """``1 video``, ``2 videos``; ``plural`` is for nouns that take more than an s, ``spec`` formats the number."""
    return f"{count:{spec}} {noun if count == 1 else plural or noun + 's'}"
