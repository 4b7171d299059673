"""What captions can be filtered by, and how each of it is called in the index."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["number", "word", "words", "flag", "text"]


@dataclass(frozen=True)
class Column:
    """One thing to filter by.

    kind      ``words`` holds several words for each video, ``text`` is searched word by word in the full texts
    source    the table of the data set that it comes from
    sql_type  of its column in the index; "" for what is not stored as a column
    """

    name: str
    kind: Kind
    source: str
    sql_type: str


def _columns(kind: Kind, source: str, sql_type: str, names: str) -> tuple[Column, ...]:
    return tuple(Column(name, kind, source, sql_type) for name in names.split())


CAPTION = (
    *_columns("number", "captions", "DOUBLE", "seconds start_seconds end_seconds max_motion cost_usd"),
    *_columns("number", "captions", "INTEGER", "width height steps words subjects texts problems warnings revision"),
    *_columns("number", "captions", "BIGINT", "requests input_tokens output_tokens"),
    *_columns("word", "captions", "VARCHAR", "video location user_id mode model"),
    *_columns("words", "captions", "VARCHAR[]", "camera subject"),
)
SURVEY = (
    *_columns("number", "surveys", "DOUBLE", "duration_seconds average_fps brightness sharpness black_share"),
    *_columns("number", "surveys", "DOUBLE", "frozen_share letterbox_share motion camera_motion text_area"),
    *_columns("number", "surveys", "DOUBLE", "silence_share speech_share music_share"),
    *_columns("number", "surveys", "BIGINT", "size_bytes"),
    *_columns("number", "surveys", "INTEGER", "shots"),
    *_columns("word", "surveys", "VARCHAR", "container codec"),
)
CHECKS = (*_columns("number", "checks", "INTEGER", "findings"), *_columns("words", "checks", "VARCHAR[]", "check"))
SELECTION = (
    *_columns("flag", "selection", "BOOLEAN", "kept"),
    *_columns("word", "selection", "VARCHAR", "split gate"),
)
FAILURES = _columns("word", "failures", "VARCHAR", "failure")
REVIEWS = (*_columns("word", "reviews", "VARCHAR", "verdict"), *_columns("flag", "reviews", "BOOLEAN", "edited"))
TEXTS = _columns("text", "captions", "", "text speech")

COLUMNS: dict[str, Column] = {
    column.name: column for column in (*CAPTION, *SURVEY, *CHECKS, *SELECTION, *FAILURES, *REVIEWS, *TEXTS)
}
"""Everything that a filter can name. ``max_motion`` is the fastest interval of the measured facts, ``motion`` the mean
that the survey found; ``subjects`` and ``texts`` count what ``subject`` and ``text`` name."""


def quoted(name: str) -> str:
    """The name of a column as SQL; only names of this module come here."""
    return f'"{name}"'
