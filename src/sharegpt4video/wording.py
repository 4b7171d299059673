"""Wording shared by messages to people."""

from __future__ import annotations


def counted(count: float, noun: str, plural: str = "", *, number: str = "") -> str:
    """``1 video``, ``2 videos``; ``plural`` is for nouns that take more than an s, ``number`` the count as shown."""
    return f"{number or count} {noun if count == 1 else plural or noun + 's'}"
