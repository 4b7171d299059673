"""Captions that somebody wrote of a benchmark's videos: read from files, and found for a question's video."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from ...caption_files import read_caption
from ...errors import InputMissing, SettingsError, SG4VError
from ...given import from_json, read_json_lines, read_text

_TEXTS = ("caption", "summary", "text")


@dataclass(frozen=True)
class Given:
    """One caption. ``video`` is a name or path as the file has it; ``content_id`` the hash of the video, "" if unknown.

    ``problem`` says why a text is not to be trusted, as the captioner noted.
    """

    video: str
    text: str
    content_id: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Found:
    """The caption of one video, or why there is none."""

    text: str = ""
    missing: str = ""


@dataclass(frozen=True)
class CaptionSet:
    """The captions of one captioner, under the name that reports give it.

    A caption belongs to a video if both have the same content; where the content is not known, if both have the same
    name, whatever the ending. Raises SettingsError for a set without captions.
    """

    name: str
    captions: Sequence[Given]
    _by_name: dict[str, list[Given]] = field(init=False, repr=False, compare=False, default_factory=dict)
    _by_content: dict[str, list[Given]] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        if not self.captions:
            raise SettingsError(f"{self.name}: holds no captions")
        for one in self.captions:
            for name in dict.fromkeys((_last(one.video), _stem(one.video))):
                self._by_name.setdefault(name, []).append(one)
            if one.content_id:
                self._by_content.setdefault(one.content_id, []).append(one)

    @property
    def knows_contents(self) -> bool:
        """Whether any caption says which content it was made from."""
        return bool(self._by_content)

    def of(self, video: str, content_id: str = "") -> Found:
        """The caption of a video, by the name in the annotation and by its content ("" if that is not known).

        Raises SettingsError for a video that has two different captions.
        """
        if content_id and content_id in self._by_content:
            same = self._by_content[content_id]
            return self._only(_at(video, same) or same, video)
        named = self._by_name.get(_last(video)) or self._by_name.get(_stem(video), [])
        if content_id:
            others, named = named, [one for one in named if not one.content_id]
            if others and not named:
                return Found(missing="caption of another video of that name")
        return self._only(_at(video, named), video)

    def _only(self, found: Sequence[Given], video: str) -> Found:
        if len({one.text for one in found}) > 1:
            raise SettingsError(f"{self.name}: two captions of {video}; leave one of them in the set")
        return _usable(found[0]) if found else Found(missing="no caption")


class Row(Protocol):
    """What a row of a data set's captions has."""

    @property
    def location(self) -> str: ...
    @property
    def summary(self) -> str: ...
    @property
    def summary_problem(self) -> str: ...
    @property
    def content_id(self) -> str: ...


def captions_of_rows(rows: Iterable[Row], name: str) -> CaptionSet:
    """The captions of a data set, such as ``open_dataset(path).captions()``. Raises SettingsError if there are none."""
    return CaptionSet(name, [Given(row.location, row.summary, row.content_id, row.summary_problem) for row in rows])


def _at(video: str, found: Sequence[Given]) -> Sequence[Given]:
    """Of captions with different texts, those whose path is that of the video."""
    several = len({one.text for one in found}) > 1
    return [one for one in found if _ends_alike(one.video, video)] if several else found


def _usable(one: Given) -> Found:
    if one.problem:
        return Found(missing=f"caption not usable: {one.problem}")
    return Found(one.text) if one.text.strip() else Found(missing="caption is empty")


def _path(name: str) -> PurePosixPath:
    """Names are compared in one form of Unicode: disks keep an umlaut as one character or as two."""
    return PurePosixPath(unicodedata.normalize("NFC", name.replace("\\", "/")))


def _last(name: str) -> str:
    return _path(name).name


def _stem(name: str) -> str:
    """The name without its ending; what has no letter, as in ``dog_0.5_12.3``, belongs to the name."""
    last = _path(name)
    return last.stem if re.search("[A-Za-z]", last.suffix) else last.name


def _ends_alike(one: str, other: str) -> bool:
    """Whether one path is the end of the other, but for the ending of the name."""
    parts = [[*_path(name).parts[:-1], _stem(name)] for name in (one, other)]
    least = min(map(len, parts))
    return parts[0][-least:] == parts[1][-least:]


def read_captions(path: Path, name: str = "") -> CaptionSet:
    """The captions in a folder of ``sg4v caption --out``, or in one file.

    A file is JSON or JSON lines: ``{"video": "caption", ...}``, or rows that have a ``video`` and a ``caption`` (or a
    ``summary``, a ``text``, or ``conversations`` in the layout of LLaVA, whose last turn is the caption), and perhaps
    its ``content_id``. Raises InputMissing where there is nothing, SettingsError for anything else.
    """
    name = name or (path.stem if path.is_file() else path.name)
    if not path.exists():
        raise InputMissing(f"{path}: no such file or folder of captions")
    if path.is_dir():
        files = sorted(path.glob("*.json"))
        if not files:
            raise InputMissing(f"{path}: holds no captions (.json); give what sg4v caption --out wrote, or a data set")
        return CaptionSet(name, [_of_file(file) for file in files])
    return CaptionSet(name, list(_of_rows(path)))


def _of_file(file: Path) -> Given:
    try:
        one = read_caption(file)
    except InputMissing:
        raise
    except SG4VError as wrong:
        raise SettingsError(str(wrong)) from None
    return Given(one.video_path or one.video, one.summary, one.content_id, one.summary_problem)


def _of_rows(path: Path) -> Iterator[Given]:
    content = _content(path)
    if isinstance(content, Mapping) and {"video", "steps", "provenance"} <= set(content):
        yield _of_file(path)
        return
    if isinstance(content, Mapping):
        if wrong := [video for video, text in content.items() if not isinstance(text, str)]:
            raise SettingsError(f"{path}: the caption of {wrong[0]} is not a text")
        yield from (Given(video, text) for video, text in content.items())
        return
    for number, row in enumerate(content, 1):
        video, text = (row.get("video"), _text(row)) if isinstance(row, Mapping) else (None, None)
        if not isinstance(video, str) or text is None:
            raise SettingsError(f"{path}, caption {number}: has no video and caption")
        yield Given(video, text, str(row.get("content_id") or ""), str(row.get("summary_problem") or ""))


def _text(row: Mapping[str, Any]) -> str | None:
    for name in _TEXTS:
        if isinstance(row.get(name), str):
            return str(row[name])
    turns = row.get("conversations")
    last = turns[-1] if isinstance(turns, list) and turns else None
    return str(last["value"]) if isinstance(last, Mapping) and isinstance(last.get("value"), str) else None


def _content(path: Path) -> Mapping[str, Any] | Iterable[Any]:
    try:
        if path.suffix.lower() in (".jsonl", ".ndjson"):
            return read_json_lines(path)
        content = from_json(read_text(path, "utf-8-sig"), twice="refused")
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path}: cannot be read as captions in JSON or JSON lines: {error}") from error
    if not isinstance(content, (dict, list)):
        raise SettingsError(f"{path}: captions are an object of videos or a list of rows")
    return content
