"""What is said, as exports hold it."""

from __future__ import annotations

from typing import Any

from .entries import Entry

SPEECH_FIELDS = ("start_seconds", "end_seconds", "text")


def speech_of(entry: Entry) -> list[dict[str, Any]] | None:
    """The utterances in the exported part; None where speech was not written down."""
    if entry.speech is None:
        return None
    return [{name: getattr(each, name) for name in SPEECH_FIELDS} for each in entry.speech]
