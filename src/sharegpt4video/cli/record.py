"""``captions.jsonl`` in an output folder: which video each of its files describes, and what made the description.

A line a caption, only ever added to; of two lines for one name the later counts. The JSON of a caption says the same of
itself; where no JSON was asked for, the line holds the caption, so that other formats can be written later.
"""

from __future__ import annotations

import contextlib
import json
import os
import unicodedata
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..config import CaptionSettings
from ..errors import SettingsError
from ..files import open_own
from ..foreign import json_text, spelled_out
from ..records import VideoCaption

if TYPE_CHECKING:
    from pydantic import TypeAdapter

    from .content import Content

FILE = "captions.jsonl"
_START, _END = "start_seconds", "end_seconds"
_AS_INSTALLED = ("facts.ocr", "facts.sound", "facts.speech")
"""Settings of which None means: as what is installed allows."""
_ROUNDING_SECONDS = 0.0005


@dataclass(frozen=True)
class Key:
    """What decides a caption besides the video: model, prompts and settings, the wanted span among them.

    ``model`` is the name that is shown and ``model_identity`` the model with its options, "" where it was not noted.
    """

    model: str
    model_identity: str
    prompt_hash: str
    settings: dict[str, Any] = field(default_factory=dict)

    @staticmethod
    def of(caption: VideoCaption) -> Key:
        made = caption.provenance
        return Key(made.model, caption.model_identity, made.prompt_hash, dict(made.settings))

    def differences(
        self, wanted: Key, *, any_model: bool = False, span: tuple[float, float] | None = None
    ) -> list[str]:
        """What is not as wanted, a phrase for each; a setting that an older version did not have had its default.

        ``span`` is what was captioned with this key: with it, a wanted end behind the end of the video is none.
        """
        defaults = _flat(CaptionSettings().to_plain())
        mine, other = {**defaults, **_flat(self.settings)}, {**defaults, **_flat(wanted.settings)}
        _normalize_spans(mine, other, span)
        for name in _AS_INSTALLED:  # what was decided then is what None asks for now
            mine[name] = mine.get(name) if other.get(name) is not None else None
        found = [f"{name} {mine.get(name)}, not {other[name]}" for name in other if mine.get(name) != other[name]]
        if self.prompt_hash != wanted.prompt_hash and not any(line.startswith("prompts ") for line in found):
            found.append("other prompts")
        if any_model:
            return found
        # The same model may have moved to another address; an older version noted no options.
        mine_name, other_name = (key.model.partition("@http")[0] for key in (self, wanted))
        if mine_name != other_name:
            return [f"model {mine_name}, not {other_name}", *found]
        same = not self.model_identity or self.model_identity == wanted.model_identity
        return found if same else ["other options of the model", *found]


@dataclass(frozen=True)
class Entry:
    """A caption in the folder: its files are called ``name``. ``problems`` counts its unusable texts.

    ``caption`` is its JSON where there is no file of it. ``location``, ``size_bytes`` and ``modified`` are those of the
    video: while they stay the same, it need not be read to know its content.
    """

    name: str
    content_id: str
    key: Key
    formats: tuple[str, ...] = ()
    problems: int = 0
    location: str = ""
    size_bytes: int = 0
    modified: str = ""
    caption: str = ""


class Record:
    """The lines of one folder's ``captions.jsonl``, those of other runs at the same time among them.

    Raises SettingsError if a file of that name holds something else, OSError if it cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self.unreadable = 0
        self._read_bytes = 0
        self._entries: dict[str, Entry] = {}
        self._by_content: dict[str, list[str]] = {}
        self._captions: dict[str, tuple[int, int]] = {}
        self._contents: dict[tuple[str, int, str], str] = {}
        self._new: set[str] | None = None
        self.refresh()
        self._new = set()
        if self.unreadable and not self._entries:
            raise SettingsError(
                f"{self.path}: not written by sg4v caption; move it away, or choose another --out folder"
            )

    def find(self, name: str) -> Entry | None:
        """The entry of that name, in small or capital letters: some disks do not tell them apart."""
        return self._entries.get(folded(name))

    def of_content(self, content_id: str) -> list[Entry]:
        found = [self._entries[name] for name in self._by_content.get(content_id, ())]
        return [entry for entry in found if entry.content_id == content_id]

    def is_new(self, name: str) -> bool:
        """Whether the entry of that name came after this record was opened."""
        return self._new is not None and folded(name) in self._new

    def known_content(self, location: str, size_bytes: int, modified: str) -> str | None:
        """The id of a file's content, if it was read before and has not changed since."""
        return self._contents.get((location, size_bytes, modified))

    def other_models(self, name: str) -> list[str]:
        """The models of the folder's captions, but for one."""
        return sorted({entry.key.model for entry in self._entries.values()} - {name})

    def caption(self, entry: Entry) -> VideoCaption | None:
        """The caption that stands in the entry's own line."""
        if folded(entry.name) not in self._captions:
            return None
        start, size = self._captions[folded(entry.name)]
        with contextlib.suppress(OSError, ValueError), self.path.open("rb") as file:
            file.seek(start)
            return VideoCaption.from_json(_entry(file.read(size)).caption)
        return None

    def add(self, entry: Entry, content: Content) -> None:
        """Append an entry, on a line of its own even behind a line that was cut off. Raises OSError."""
        noted = replace(entry, location=content.location, size_bytes=content.size_bytes, modified=content.modified)
        line = json_text(json.dumps(asdict(noted), ensure_ascii=False)).encode() + b"\n"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with open_own(self.path, "ab+") as file:
            if end := file.seek(0, os.SEEK_END):
                file.seek(end - 1)
                line = line if file.read(1) == b"\n" else b"\n" + line
            file.write(line)
        self.refresh()

    def refresh(self) -> None:
        """Read the lines that came since the last time. Raises OSError if the file cannot be read."""
        try:
            with self.path.open("rb") as file:
                if file.seek(0, os.SEEK_END) < self._read_bytes:  # somebody began it anew
                    self._forget()
                file.seek(self._read_bytes)
                for line in file:
                    if not line.endswith(b"\n"):
                        break  # being written, or cut off
                    self._take(line, self._read_bytes)
                    self._read_bytes += len(line)
        except FileNotFoundError:
            self._forget()

    def _forget(self) -> None:
        self._read_bytes = 0
        self._entries, self._by_content, self._captions = {}, {}, {}

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Only one run at a time is in here, where the system can see to it; then the lines are up to date."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with open_own(self.path, "ab") as file:
            with contextlib.suppress(ImportError, OSError):
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX)
            self.refresh()
            yield

    def _take(self, line: bytes, at: int) -> None:
        if not line.strip():
            return
        try:
            entry = _entry(line)
        except ValueError:
            self.unreadable += 1
            return
        name = folded(entry.name)
        if self._new is not None:
            self._new.add(name)
        self._captions.pop(name, None)
        if entry.caption:
            self._captions[name] = (at, len(line))
        self._entries[name] = replace(entry, caption="")
        if name not in (names := self._by_content.setdefault(entry.content_id, [])):
            names.append(name)
        if entry.modified:
            self._contents[entry.location, entry.size_bytes, entry.modified] = entry.content_id


def folded(name: str) -> str:
    """Equal for names that some disk takes for one: in other letters, or composed otherwise."""
    return unicodedata.normalize("NFC", spelled_out(name)).casefold()


def _entry(line: bytes) -> Entry:
    return _adapter().validate_json(line)


@cache
def _adapter() -> TypeAdapter[Entry]:
    from pydantic import TypeAdapter

    return TypeAdapter(Entry)


def _normalize_spans(mine: dict[str, Any], wanted: dict[str, Any], span: tuple[float, float] | None) -> None:
    """Make a start before the first picture, and an end behind the last, None in both."""
    for settings in (mine, wanted):
        settings[_START] = settings[_START] or None
    if span is None:
        return
    start, end = span
    if mine[_START] is None and wanted[_START] is not None and wanted[_START] <= start:
        wanted[_START] = None
    if mine[_END] is not None and end < mine[_END] - _ROUNDING_SECONDS:  # the video was over before that
        mine[_END] = None
    if mine[_END] is None and wanted[_END] is not None and wanted[_END] >= end - _ROUNDING_SECONDS:
        wanted[_END] = None


def _flat(plain: dict[str, Any], before: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in plain.items():
        flat |= _flat(value, f"{before}{name}.") if isinstance(value, dict) else {f"{before}{name}": value}
    return flat
