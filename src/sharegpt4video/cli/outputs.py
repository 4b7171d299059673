"""The folder of ``--out``: what is there already, under which name a video's files go, and writing them.

What counts is the content of a video with what made its caption (`Key`), never a file's name alone.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Literal

from ..errors import SettingsError, StorageError
from ..files import seen_from, write_whole
from ..foreign import spelled_out
from ..formats import ENDINGS, FORMATS
from ..given import read_bytes
from ..records import VideoCaption
from .claims import Claims
from .content import Content
from .files import fitted, remove_leftovers, video_name, write_in_temporary
from .record import Entry, Key, Record, folded

LONGEST = max((f".{ending}" for ending in ENDINGS.values()), key=len)
PARTIAL = ".partial.json"
NOT_COMPARED = "its caption does not say which file it was made from, so the two could not be compared"


class Conflict(SettingsError):
    """A finished caption of the same video, made otherwise, has the name that this one would get."""


@dataclass(frozen=True)
class Plan:
    """What is to be done for one video: nothing, write ``formats`` from the ``stored`` caption, or caption it.

    ``remark`` is for the user. ``replaces`` tells that files of that name may be overwritten.
    """

    action: Literal["skip", "render", "caption"]
    name: str
    formats: tuple[str, ...]
    stored: VideoCaption | None = None
    remark: str = ""
    replaces: bool = False
    problems: int = 0


@dataclass(frozen=True)
class _Holder:
    """Whose a name is. ``content_id`` "" is nobody knows whose; ``key`` None: nobody knows made by what."""

    content_id: str
    key: Key | None = None
    entry: Entry | None = None
    caption: VideoCaption | None = None


class Outputs:
    """One run's view of its output folder. ``any_model`` accepts stored captions of whatever model."""

    def __init__(
        self, folder: Path, formats: Sequence[str], key: Key, *, any_model: bool = False, overwrite: bool = False
    ) -> None:
        self.folder, self.formats, self.key = folder, tuple(formats), key
        self.any_model, self._overwrite = any_model, overwrite
        self.record, self.claims = Record(folder), Claims(folder)
        remove_leftovers(folder)
        self._claims: dict[str, str] = {}
        self._written: set[str] = set()

    def base(self, video: str) -> str:
        """The name that a video's files would have if no other video had it."""
        return fitted(video_name(video), LONGEST, self.folder)

    def paths(self, name: str, formats: Sequence[str] | None = None) -> dict[str, Path]:
        chosen = self.formats if formats is None else formats
        return {format: self.folder / f"{name}.{ENDINGS[format]}" for format in chosen}

    def is_free(self, name: str) -> bool:
        """Whether nothing of that name is there or claimed."""
        return folded(name) not in self._claims and self._holder(name) is None

    def claim(self, name: str, content_id: str) -> None:
        """Keep a name for a content, in this run."""
        self._claims[folded(name)] = content_id

    def plan(self, video: str, content: Content) -> Plan:
        """Decide about one video, and claim its name. Raises Conflict, OSError, StorageError for a damaged caption."""
        base = self.base(video)
        name = next(self._candidates(base, content))
        self.claim(name, content.id)
        holder = self._holder(name)
        if holder is None:
            return self._copy(name, video, content) or Plan("caption", name, self.formats)
        if name in self._written:
            return Plan("skip", name, self.formats)
        if self._overwrite and not self.record.is_new(name):  # another run that began meanwhile is not done over
            ours = holder.entry.formats if holder.entry else ("json",) if holder.caption else ()
            there = [format for format, path in self.paths(name, ours).items() if path.exists()]
            formats = tuple(dict.fromkeys([*self.formats, *there]))
            if folders := [path for path in self.paths(name, formats).values() if path.is_dir()]:
                raise StorageError(f"{folders[0]}: this is a directory; move it away")
            return Plan("caption", name, formats, replaces=True)
        self._check_same(name, video, holder)
        return self._complete(name, holder)

    def commit(self, plan: Plan, captioned: VideoCaption, video: str, content: Content) -> list[Path]:
        """Write a caption's files and note them; returns the paths.

        Should another run have taken the name meanwhile, the next one is used. Raises OSError; what was written before
        that is whole, and the rest can be written from it later.
        """
        captioned = with_path(captioned, content, self.folder)
        with self.record.locked():
            if plan.action == "caption" and not plan.replaces:
                plan = self._still_mine(plan, video, content)
            paths = self.paths(plan.name, plan.formats)
            if "json" in paths:
                self._write("json", paths["json"], captioned, plan)
            self._note(plan, captioned, content)
        for format, path in paths.items():
            if format != "json":
                self._write(format, path, captioned, plan)
        self._written.add(plan.name)
        partial = partial_path(self.folder, plan.name)
        if partial.exists() and (before := _read(partial)) and before.content_id == content.id:
            partial.unlink(missing_ok=True)
        return list(paths.values())

    def adopt(self, plan: Plan, content: Content) -> None:
        """Note a caption that says itself what it is of: its line was lost, or never written. Raises OSError."""
        if plan.stored is not None and plan.stored.content_id and self.record.find(plan.name) is None:
            self._note(plan, plan.stored, content)

    def is_stored(self, name: str, content: Content) -> bool:
        """Whether the caption of a content can be read back."""
        holder = self._holder(name)
        if holder is None or holder.content_id != content.id:
            return False
        return bool(holder.caption or (holder.entry and self.record.caption(holder.entry)))

    def unfinished(self, name: str, content: Content) -> VideoCaption | None:
        """The steps that an earlier run had of this content, if it asked the same model in the same way."""
        found = _read(partial_path(self.folder, name))
        if found is None or found.content_id != content.id or Key.of(found).differences(self.key):
            return None
        return found

    def _still_mine(self, plan: Plan, video: str, content: Content) -> Plan:
        """The plan, under another name if another run took this one for another video. Raises Conflict."""
        holder = self._holder(plan.name)
        if holder is None:
            return plan
        if holder.content_id == content.id:
            self._check_same(plan.name, video, holder)
        elif holder.content_id:
            plan = replace(plan, name=next(self._candidates(self.base(video), content)))
            self.claim(plan.name, content.id)
        return plan

    def check_writable(self) -> None:
        """Raises StorageError if nothing can be written here: better before a model is paid than after."""
        there = next(folder for folder in (self.folder, *self.folder.absolute().parents) if folder.exists())
        try:
            with tempfile.TemporaryFile(dir=there) as probe:
                probe.write(b"x")
        except OSError as error:
            raise StorageError(f"{self.folder}: cannot be written to: {error.strerror or error}") from error

    def _candidates(self, base: str, content: Content) -> Iterator[str]:
        """Names for a content, best first: the one that it has, the base, the base with more and more of its hash."""
        names = [base]
        for digits in (6, 12, len(content.id)):
            tail = f"-{content.id[:digits]}"
            names.append(fitted(base, f"{tail}{LONGEST}", self.folder) + tail)
        mine, free = [], []
        for name in names:
            holder, claimed = self._holder(name), self._claims.get(folded(name), content.id)
            if holder is not None and holder.content_id == content.id:
                mine.append(self._as_noted(name))
            elif claimed == content.id and (holder is None or self._may_take(name, holder, content)):
                free.append(name)
        yield from mine
        yield from free

    def _may_take(self, name: str, holder: _Holder, content: Content) -> bool:
        """A name whose files nobody noted is taken as it always was, unless its JSON is something else than a caption;
        another video's only if its file was changed."""
        if not holder.content_id and holder.caption is None and not self._overwrite:
            return not os.path.lexists(self.paths(name, ["json"])["json"])
        changed = holder.entry is not None and holder.entry.location == content.location
        return not holder.content_id or (self._overwrite and changed)

    def _holder(self, name: str) -> _Holder | None:
        """Whose the files of that name are; None where there are none."""
        entry, name = self.record.find(name), self._as_noted(name)
        path = self.folder / f"{name}.json"
        caption = _read(path) if path.exists() else None
        if caption is not None and not (entry and caption.content_id == entry.content_id):
            return _Holder(caption.content_id, Key.of(caption), None, caption)
        if entry is not None and (caption or self.record.caption(entry) or self._any_there(entry)):
            return _Holder(entry.content_id, entry.key, entry, caption)
        there = any(os.path.lexists(each) for each in (path, *self.paths(name).values()))
        return _Holder("") if there else None

    def _as_noted(self, name: str) -> str:
        """The name in the letters in which the record has it, if it has it."""
        entry = self.record.find(name)
        return name if entry is None or entry.name == spelled_out(name) else entry.name

    def _any_there(self, entry: Entry) -> bool:
        return any(path.exists() for path in self.paths(entry.name, entry.formats).values())

    def _check_same(self, name: str, video: str, holder: _Holder) -> None:
        stored = holder.caption or (self.record.caption(holder.entry) if holder.entry else None)
        if holder.key and (found := self._differences(holder.key, stored)):
            raise Conflict(f"{video}: {self.folder / name} has {'; '.join(found)}")

    def _differences(self, key: Key, stored: VideoCaption | None) -> list[str]:
        span = (stored.start_seconds, stored.end_seconds) if stored else None
        return key.differences(self.key, any_model=self.any_model, span=span)

    def _complete(self, name: str, holder: _Holder) -> Plan:
        """Skip what is whole; what lacks a format gets it from the stored caption, or else from the model.

        Raises StorageError where a file is not a caption that can be read, or is not known to be of this video.
        """
        missing = tuple(format for format, path in self.paths(name).items() if not os.path.lexists(path))
        stored = holder.caption or (self.record.caption(holder.entry) if holder.entry else None)
        problems = len(stored.problems) if stored else holder.entry.problems if holder.entry else 0
        remark = "" if holder.content_id else NOT_COMPARED
        if holder.caption is None and (path := self.folder / f"{name}.json").exists():
            raise StorageError(f"{path}: not a caption that can be read; move it away, or use --overwrite")
        for format, path in self.paths(name).items():
            if format not in missing and not self._is_ours(format, path, holder, stored):
                what = "a directory" if path.is_dir() else "already exists and may not belong to this video"
                raise StorageError(f"{path}: {what}; move it away, choose another --out folder, or use --overwrite")
        if not missing:
            return Plan("skip", name, self.formats, stored, remark, problems=problems)
        if stored is not None:
            return Plan("render", name, missing, stored, remark, problems=problems)
        return Plan("caption", name, missing)

    def _is_ours(self, format: str, path: Path, holder: _Holder, stored: VideoCaption | None) -> bool:
        """Whether a file was written for the holder of its name, as far as its record or its content says."""
        if format == "json" or (holder.entry and format in holder.entry.formats):
            return True
        if holder.caption and not holder.content_id:
            return True  # of an older version, which wrote no record
        return stored is not None and _has(path, FORMATS[format](stored))

    def _copy(self, name: str, video: str, content: Content) -> Plan | None:
        """The caption of the same content under another name, so that a copy or a link is not paid for twice."""
        if self._overwrite:
            return None
        for entry in self.record.of_content(content.id):
            holder = self._holder(entry.name)
            stored = holder and (holder.caption or self.record.caption(entry))
            if not holder or not stored or holder.content_id != content.id or self._differences(entry.key, stored):
                continue
            copied = replace(stored, video=spelled_out(Path(video).name) if "://" not in video else stored.video)
            remark = f"the same video as {entry.name}"
            return Plan("render", name, self.formats, copied, remark, problems=len(stored.problems))
        return None

    def _write(self, format: str, path: Path, captioned: VideoCaption, plan: Plan) -> None:
        """Raises FileExistsError if another file came there in the meantime: it stays."""
        content = FORMATS[format](captioned)
        try:
            write_whole(path, content, replace=plan.replaces)
        except FileExistsError:
            if not _has(path, content):
                raise

    def _note(self, plan: Plan, captioned: VideoCaption, content: Content) -> None:
        """Add the line of a caption to the record, unless nobody knows what its stored caption describes."""
        if plan.action != "caption" and not captioned.content_id:
            return
        entry = self.record.find(plan.name)
        before = entry.formats if entry and entry.content_id == content.id else ()
        formats = tuple(dict.fromkeys([*before, *plan.formats]))
        caption = "" if "json" in formats else captioned.to_json(indent=None)
        key = Key.of(captioned)
        if plan.action == "caption":
            key = replace(self.key, settings=key.settings)
        self.record.add(Entry(plan.name, content.id, key, formats, len(captioned.problems), caption=caption), content)


def with_path(captioned: VideoCaption, content: Content, folder: Path) -> VideoCaption:
    """The caption, which says where its video lies, as seen from the folder that its file goes to."""
    return replace(captioned, video_path=spelled_out(seen_from(str(folder.absolute()), content.location)))


def partial_path(folder: Path, name: str) -> Path:
    """Where an unfinished caption goes."""
    return folder / f"{fitted(name, PARTIAL, folder)}{PARTIAL}"


def keep_partial(folder: Path, name: str, captioned: VideoCaption) -> Path:
    """Write down an unfinished caption, unless a longer one, made alike, of the video is there. Raises OSError."""
    path = partial_path(folder, name)
    before = _read(path)
    alike = before and before.content_id == captioned.content_id and not Key.of(before).differences(Key.of(captioned))
    if not (before and alike and len(before.steps) > len(captioned.steps)):
        write_whole(path, FORMATS["json"](captioned))
    return path


def keep_elsewhere(name: str, captioned: VideoCaption) -> Path | None:
    """Save a caption that its folder does not take; None if the folder for temporary files does not either."""
    try:
        return write_in_temporary(f"{fitted(name, LONGEST)}.json", FORMATS["json"](captioned))
    except OSError:
        return None


def _has(path: Path, content: str) -> bool:
    """Whether a file has just this content."""
    try:
        return read_bytes(path) == content.encode()
    except OSError:
        return False


def _read(path: Path) -> VideoCaption | None:
    """A stored caption; None where there is none, or something else."""
    try:
        state = path.stat()
        return _parsed(path, state.st_ino, state.st_mtime_ns, state.st_size)
    except (OSError, ValueError):
        return None


@lru_cache(maxsize=16)  # one video's files are asked about a few times in a row
def _parsed(path: Path, *_: int) -> VideoCaption:
    return VideoCaption.from_json(read_bytes(path))
