"""What can be wrong with one row of a released file, told without looking at any other row."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from .rows import KNOWN_KEYS, OUR_KEYS, SOURCES, SUMMARY_IDX, ReleasedRow

Told = Iterator[tuple[str, str]]

CONVERSATION_KEYS = frozenset(("id", "image", "video", "conversations"))
OUR_CONVERSATION_KEYS = frozenset(
    (
        "role",
        "task",
        "source_video",
        "seconds",
        "system",
        "prompt_set",
        "prompt_hash",
        "prompt_from",
        "verbatim",
        "model",
        "request",
    )
)
_HUMANS, _MODELS = ("human", "user"), ("gpt", "assistant")


def row_findings(plain: Mapping[str, Any], row: ReleasedRow) -> Told:
    """The kinds of finding in a row with captions, each with a few words."""
    unknown = [str(key) for key in plain if key not in (*KNOWN_KEYS, *OUR_KEYS, "summary")]
    if unknown:
        yield "unknown key", ", ".join(unknown)
    missing = [key for key in KNOWN_KEYS if key not in plain and not (key == "captions" and "summary" in plain)]
    if missing:
        yield "missing key", ", ".join(missing)
    if row.video_path:
        if row.source not in SOURCES:
            yield "unknown source", row.video_path
        if "mixit" in f"{row.video_path}/{row.zip_folder}".replace("_", "/").split("/"):
            yield "mixkit misspelt", row.video_path
        if climbs_out(row.video_path):
            yield "unsafe path", row.video_path
    if not row.windows:
        yield "no captions", ""
        return
    yield from _idx_findings(plain.get("captions") or (), row)
    empty = [one.idx or "?" for one in row.windows if one.content is None]
    if empty:
        yield "empty content", f"idx {', '.join(empty)}"


def climbs_out(path: str) -> bool:
    """Whether a path leads above the folder that it is seen from. An absolute path never does."""
    return not path.startswith("/") and posixpath.normpath(path.replace("\\", "/")).split("/")[0] == ".."


def _idx_findings(captions: Any, row: ReleasedRow) -> Told:
    if any(isinstance(one, Mapping) and isinstance(one.get("idx"), (int, float)) for one in captions):
        yield "numeric idx", ""
    names = [one.idx for one in row.windows]
    odd = [name for name in names if not name.removeprefix("-").isdecimal() or len(name) > 9]
    if odd:
        yield "unknown idx", ", ".join(repr(name) for name in odd[:5])
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        yield "duplicate idx", ", ".join(twice)
    if SUMMARY_IDX not in names:
        yield "no summary", ""
    elif names[-1] != SUMMARY_IDX:
        yield "summary not last", f"at place {names.index(SUMMARY_IDX)} of {len(names)}"
    numbers = [int(name) for name in names if name.isdecimal() and len(name) < 10]
    if any(second < first for first, second in pairwise(numbers)):
        yield "idx out of order", ", ".join(map(str, numbers[:10]))
    if numbers and sorted(set(numbers)) != list(range(len(set(numbers)))):
        yield "gap in idx", ", ".join(map(str, numbers[:10]))


def time_findings(plain: Mapping[str, Any], row: ReleasedRow) -> Told:
    """What is wrong with the times of a row."""
    start, end = row.start_seconds, row.end_seconds
    if "timestamp" in plain and (start is None or end is None):
        yield "unknown times", f"timestamp {plain['timestamp']!r:.80}"
    elif start is not None and end is not None and end <= start:
        yield "span not positive", f"{start:g} to {end:g} s"
    windows = sum(one.idx != SUMMARY_IDX for one in row.windows)
    if "keyframe" not in plain:
        return
    if row.keyframes is None:
        yield "unknown times", f"keyframe {plain['keyframe']!r:.80}"
        return
    if windows and len(row.keyframes) not in (windows, windows + 1):
        yield "keyframe count", f"{len(row.keyframes)} times, {windows} window captions"
    if any(second < first for first, second in pairwise(row.keyframes)):
        yield "keyframes not in order", ""
    if end is not None and row.keyframes and max(row.keyframes) > end + 1:
        yield "keyframe outside", f"{max(row.keyframes):g} s, the span ends at {end:g} s"


def conversation_findings(plain: Mapping[str, Any]) -> Told:
    """The kinds of finding in a row of a training list, each with a few words."""
    unknown = [str(key) for key in plain if key not in CONVERSATION_KEYS | OUR_CONVERSATION_KEYS]
    if unknown:
        yield "unknown key", ", ".join(unknown)
    if "id" not in plain:
        yield "missing key", "id"
    turns = plain.get("conversations")
    if not isinstance(turns, list) or not turns or not all(isinstance(turn, Mapping) for turn in turns):
        yield "no turns", ""
        return
    yield from _role_findings([turn.get("from") for turn in turns])
    values = [turn.get("value") for turn in turns]
    if any(not isinstance(value, str) or not value.strip() for value in values):
        yield "empty value", ""
    media = [plain.get("image"), plain.get("video")]
    paths = [path for one in media for path in (one if isinstance(one, list) else [one]) if isinstance(path, str)]
    if unsafe := [path for path in paths if climbs_out(path)]:
        yield "unsafe path", unsafe[0]
    words = " ".join(value for value in values if isinstance(value, str))
    yield from _token_findings(plain, words)


def _role_findings(roles: list[Any]) -> Told:
    known = [role for role in roles if role in _HUMANS + _MODELS]
    if any(role not in (*_HUMANS, *_MODELS, "system") for role in roles):
        yield "unknown role", ", ".join(sorted({str(role) for role in roles}))
    if any((role in _HUMANS) != (number % 2 == 0) for number, role in enumerate(known)):
        yield "roles not alternating", ", ".join(map(str, known[:6]))
    if known and known[-1] not in _MODELS:
        yield "no answer", ""


def _token_findings(plain: Mapping[str, Any], words: str) -> Told:
    for key in ("image", "video"):
        # In training files that we wrote once, a `video` beside an `image` only says where the pictures come from.
        if key == "video" and plain.get("image") is not None and words.count("<video>") == 0:
            continue
        media = plain.get(key)
        count = 0 if media is None else len(media) if isinstance(media, list) else 1
        tokens = words.count(f"<{key}>")
        # A video is asked about with <image>, too, in lists for models that take its frames as pictures.
        if key == "video" and count and not tokens:
            tokens = words.count("<image>")
        if key == "image" and media is None and plain.get("video") is not None:
            continue
        if tokens != count:
            yield "token count", f"{tokens} <{key}> for {count}"
