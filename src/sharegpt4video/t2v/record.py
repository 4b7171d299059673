"""Master records: one line of JSON for each captioned clip, from which every manifest is made.

A record holds the whole caption, steps and facts included, so that the text of any part of the clip, short or dense,
can still be told. ``sg4v dataset export --format t2v`` writes them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import SettingsError
from ..foreign import json_text
from ..records import VideoCaption

RECORDS = "records.jsonl"


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
        plain |= {"texts": dict(self.texts), "caption": json.loads(self.caption.to_json(indent=None))}
        return json_text(json.dumps(plain, ensure_ascii=False))

    @staticmethod
    def from_json(text: str | bytes) -> Record:
        """Read what ``to_json`` wrote. Raises ValueError naming the field that does not fit."""
        plain = json.loads(text)
        if not isinstance(plain, dict):
            raise ValueError("a record is a JSON object")
        missing = [name for name in ("id", "video", "caption") if not plain.get(name)]
        if missing:
            raise ValueError(f"the record has no {' and no '.join(missing)}")
        caption = VideoCaption.from_json(json.dumps(plain["caption"]))
        scores = {str(name): float(score) for name, score in (plain.get("scores") or {}).items()}
        texts = {str(name): str(text) for name, text in (plain.get("texts") or {}).items()}
        return Record(str(plain["id"]), str(plain["video"]), plain.get("split") or "train", caption, scores, texts)


def read_records(file: str | Path) -> Iterator[Record]:
    """The records of a file, one at a time. Raises SettingsError naming file and line where one cannot be read."""
    try:
        with Path(file).open(encoding="utf-8", newline="\n") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield _record(line, f"{file}, line {number}")
    except OSError as problem:
        raise SettingsError(f"{file}: {problem.strerror}; give the {RECORDS} of an export with --format t2v") from None


def write_records(file: str | Path, records: Iterable[Record]) -> int:
    """Write records, a line each, and return how many."""
    with Path(file).open("w", encoding="utf-8", newline="\n") as out:
        return sum(1 for record in records if out.write(record.to_json() + "\n"))


def _record(line: str, where: str) -> Record:
    try:
        return Record.from_json(line)
    except (ValueError, TypeError, AttributeError) as problem:
        raise SettingsError(f"{where}: not a record: {problem}") from None
