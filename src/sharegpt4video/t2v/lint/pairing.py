"""Rules over all rows: names that come twice, and captions that are those of other videos, where that can be told."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from ...given import from_json, open_text, read_text
from ..manifests.beside import ENDINGS
from ..manifests.writing import one_paragraph
from ..record import RECORDS
from .notes import Notes, Sample

_NAMES_A_FILE = re.compile(r"\W*([\w-]+)\.(?:mp4|mov|webm|mkv)\b")


@dataclass
class Pairing:
    """Looks at one sample after the other. Holds a number or two for each.

    name_of  under which name the trainer keeps what it computes for a video
    """

    notes: Notes
    name_of: Callable[[Sample], str]
    owners: dict[int, str] = field(default_factory=dict)
    _videos: set[int] = field(default_factory=set)
    _names: set[int] = field(default_factory=set)

    def look(self, sample: Sample) -> None:
        """Note what is wrong with the pairing of a sample."""
        video, name = hash(sample.video), hash(self.name_of(sample))
        if video in self._videos:
            self.notes.at("listed-twice", "is listed twice", sample)
        elif name in self._names:
            self.notes.at("same-name", f"another file is called {self.name_of(sample)}, too", sample)
        self._videos.add(video)
        self._names.add(name)
        own = PurePosixPath(sample.video).stem
        for text in sample.texts:
            named = _NAMES_A_FILE.match(text)
            owner = named[1] if named else self.owners.get(_key(text), own)
            if owner != own:
                self.notes.at("caption-of-another", f"its caption is that of {owner}", sample)


def owners_of(notes: Notes) -> dict[int, str]:
    """Which video a caption belongs to, as the master records in the folder and the texts beside videos say.

    A caption of two videos belongs to neither.
    """
    owners: dict[int, str] = {}
    for stem, text in _told(notes.folder):
        key = _key(text)
        owners[key] = stem if owners.get(key, stem) == stem else ""
    return {key: stem for key, stem in owners.items() if stem}


def _told(folder: Path) -> Iterator[tuple[str, str]]:
    records = folder / RECORDS
    if records.is_file():
        with open_text(records, errors="replace") as lines:
            for line in lines:
                try:
                    plain = from_json(line)
                    texts = [plain["caption"].get("summary", ""), *(plain.get("texts") or {}).values()]
                    stem = PurePosixPath(plain["video"]).stem
                except (ValueError, LookupError, AttributeError, TypeError):
                    continue  # records are checked when they are read; here they only help
                yield from ((stem, str(text)) for text in texts if text)
    for video in (path for path in folder.rglob("*") if path.suffix.lower() in ENDINGS):
        beside = video.with_suffix(".txt")
        if beside.is_file():
            yield video.stem, read_text(beside, errors="replace")


def _key(text: str) -> int:
    return hash(one_paragraph(text))
