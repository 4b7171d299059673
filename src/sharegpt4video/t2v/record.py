"""Master records: one line of JSON for each captioned clip, from which every manifest is made.

A record holds the whole caption, steps and facts included, so that the text of any part of the clip, short or dense,
can still be told. ``sg4v dataset export --format t2v`` writes them.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..checking import check_texts, first_problem, one_of, raise_for
from ..errors import SettingsError
from ..foreign import json_text
from ..given import from_json, open_text
from ..records import Shot, Step, VideoCaption

RECORDS = "records.jsonl"
SPLITS = ("train", "val", "test")
_ID = re.compile(r"[A-Za-z0-9_-]{1,200}")


@dataclass(frozen=True)
class Record:
    """One captioned clip.

    id       unique in its file; letters, digits, ``-`` and ``_``
    video    its file: absolute, an address, or relative to the folder of the records
    split    train, val or test
    caption  what is said about it; all times are seconds of that file
    scores   numbers known about it by name, such as ``aesthetic``, ``motion`` or ``technical``
    texts    further captions of the same clip by name, such as ``short``
    """

    id: str
    video: str
    split: str
    caption: VideoCaption
    scores: Mapping[str, float] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        """The record as one line of JSON; ``Record.from_json`` reads it back to an equal value."""
        plain = {"id": self.id, "video": self.video, "split": self.split, "scores": dict(self.scores)}
        plain |= {"texts": dict(self.texts), "caption": from_json(self.caption.to_json(indent=None))}
        return json_text(json.dumps(plain, ensure_ascii=False))

    @staticmethod
    def from_json(text: str | bytes) -> Record:
        """Read what ``to_json`` wrote. Raises ValueError naming the field that does not fit.

        Clips get their names from ``id`` and their folders from ``split``: whatever else a stranger wrote there could
        lead out of the folder of an export.
        """
        plain = from_json(text)
        if not isinstance(plain, dict):
            raise ValueError("a record is a JSON object")
        check_texts(plain, "")
        missing = [name for name in ("id", "video", "caption") if not plain.get(name)]
        if missing:
            raise ValueError(f"the record has no {' and no '.join(missing)}")
        id, split = plain["id"], plain.get("split") or "train"
        if not isinstance(id, str) or not _ID.fullmatch(id):
            raise ValueError(f"id is letters, digits, - and _ (200 at most), not {str(id)[:60]!r}")
        raise_for(one_of("split", split, SPLITS))
        if not isinstance(plain["video"], str):
            raise ValueError(f"video is a path, not {plain['video']!r}")
        caption = VideoCaption.from_json(json.dumps(plain["caption"]))
        raise_for(_wrong_times(caption))
        scores = {name: _number(name, score) for name, score in _named(plain, "scores")}
        texts = {name: str(text) for name, text in _named(plain, "texts") if text is not None}
        return Record(id, plain["video"], split, caption, scores, texts)


def _named(plain: Mapping[str, Any], field: str) -> Iterable[tuple[str, Any]]:
    value = plain.get(field) or {}
    if not isinstance(value, dict):
        raise ValueError(f"{field} is an object, not {value!r}")
    return value.items()


def _number(name: str, score: Any) -> float:
    try:
        return float(score)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"the score {name} is a number, not {str(score)[:60]!r}") from None


def _wrong_times(caption: VideoCaption) -> Iterator[str]:
    spans: list[tuple[str, VideoCaption | Shot | Step]] = [("caption", caption)]
    spans += [("shot", shot) for shot in caption.shots]
    spans += [("step", step) for step in caption.steps]
    for name, span in spans:
        if not (math.isfinite(span.start_seconds) and math.isfinite(span.end_seconds)):
            yield f"a {name} has the times {span.start_seconds} and {span.end_seconds}"


def read_records(file: str | Path) -> Iterator[Record]:
    """The records of a file, one at a time. Raises SettingsError naming file and line where one cannot be read."""
    advice = f"give the {RECORDS} of an export with --format t2v"
    try:
        with open_text(Path(file), "utf-8-sig", newline="\n") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield _record(line, f"{file}, line {number}")
    except OSError as problem:
        raise SettingsError(f"{file}: {problem.strerror}; {advice}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{file}: not UTF-8 text; {advice}") from None


def write_records(file: str | Path, records: Iterable[Record]) -> int:
    """Write records, a line each, and return how many."""
    with Path(file).open("w", encoding="utf-8", newline="\n") as out:
        return sum(1 for record in records if out.write(record.to_json() + "\n"))


def _record(line: str, where: str) -> Record:
    try:
        return Record.from_json(line)
    except RecursionError:
        raise SettingsError(f"{where}: not a record: nested too deep") from None
    except ValueError as problem:
        raise SettingsError(f"{where}: not a record: {first_problem(problem)}") from None
