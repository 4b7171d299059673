"""Plain ``.txt`` captions, as captioning tools write them: ``clip.txt`` beside ``clip.mp4``, or all in a folder.

Into a data set that has captions of these videos, each text becomes the summary, as one bulk change that can be undone.
Into a new one, each video that has a text becomes a caption of one step, which says the same: to be browsed, mended and
exported at once, and told again step by step by a model if that is wanted. No model is asked.

A text belongs to the video that lies beside it under its name (``clip.txt`` or ``clip.mp4.txt``), else to the only one
of the data set, or of ``videos``, that is called so. Every file that is left out is told with the reason.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from ... import __version__
from ...display import Result
from ...errors import SettingsError, SG4VError, VideoError
from ...given import open_file
from ...records import Provenance, Shot, Step, VideoCaption
from ...video.reader import VideoReader
from ...wording import counted
from ..export.pictures import even_times
from ..rows import CaptionRow, Failure, Review, SourceVideo
from ..settings import DatasetSettings
from ..sources.kinds import VIDEO_ENDINGS
from ..sources.listed import Listed
from ..sources.sources import find_sources, open_source
from ..store.lock import lock
from ..store.store import Store
from .single import MOST_CHARACTERS, Proposal, add_all
from .table import commit, new_id

MODEL = "imported texts"
PART_ROWS = 1024
FRAMES = 16
"""How many frames another model would be shown of a video, spread evenly."""
_TEXT = ".txt"
_MOST_BYTES = 4 * MOST_CHARACTERS + 1024
"""More is no caption, whatever is in it, and is not read."""


@dataclass(repr=False)
class Imported(Result):
    """What an import did. ``skipped``: each file that was left out, and why; ``unchanged`` said what was there already.

    ``batch`` is the change to undo; "" for a new data set, or where nothing was changed.
    """

    imported: int = 0
    unchanged: int = 0
    skipped: list[tuple[str, str]] = field(default_factory=list)
    batch: str = ""

    def text(self) -> str:
        lines = [f"{counted(self.imported, 'text', number=f'{self.imported:,}')} imported"]
        if self.unchanged:
            lines.append(f"{self.unchanged:,} were there already")
        lines += [f"left out: {file}: {why}" for file, why in self.skipped]
        if self.batch:
            lines.append(f"batch {self.batch}")
        return "\n".join(lines)


@dataclass(frozen=True)
class _Text:
    """A text file. ``place`` is where its video would lie, without its ending (or with it: ``clip.mp4.txt``)."""

    path: Path

    @property
    def place(self) -> str:
        return str(self.path)[: -len(_TEXT)]

    @property
    def name(self) -> str:
        name = self.path.name[: -len(_TEXT)]
        return name if Path(name).suffix.lower() not in VIDEO_ENDINGS else Path(name).stem

    def read(self) -> str:
        """Raises SettingsError for a file that holds no caption."""
        try:
            with open_file(self.path) as file:
                content = file.read(_MOST_BYTES + 1)
            if len(content) > _MOST_BYTES:
                raise SettingsError(f"has more than {MOST_CHARACTERS:,} characters")
            text = content.decode("utf-8-sig").strip()
        except UnicodeDecodeError as error:
            raise SettingsError("is not UTF-8; convert it") from error
        except OSError as error:
            raise SettingsError(f"cannot be read: {error.strerror or error}") from error
        if not text:
            raise SettingsError("is empty")
        if len(text) > MOST_CHARACTERS:
            raise SettingsError(f"has more than {MOST_CHARACTERS:,} characters")
        return text


def import_texts(store: Store, folder: str | os.PathLike[str], *, author: str = "") -> Imported:
    """Make the texts of a folder the summaries of the captions that a data set has of these videos.

    Takes no lock. Raises SettingsError if the folder has no texts, StorageError if the reviews cannot be written.
    """
    done = Imported()
    texts = list(_texts(Path(folder), done))
    by_text = _captions_of(store, texts)
    about = {"kind": "import", "folder": os.fspath(folder)}
    batch = new_id()
    begin: Review | None = Review(
        new_id(), "", 0, author, "begin", text=json.dumps(about, ensure_ascii=False), batch=batch
    )
    rest = iter(texts)
    while part := list(islice(rest, PART_ROWS)):
        proposals = list(_proposals(part, by_text, author, done))
        found = add_all(store, [one for _, one in proposals], stale="keep", batch=batch, begin=begin)
        for (path, _), row in zip(proposals, found, strict=True):
            if isinstance(row, SG4VError):
                done.skipped.append((str(path), "its video is not captioned yet"))
            elif row.text == row.was:
                done.unchanged += 1
            else:
                done.imported += 1
                begin, done.batch = None, batch
    if done.batch:
        told = json.dumps({"rows": done.imported})
        commit(store, [Review(new_id(), "", 0, author, "end", text=told, batch=batch)])
    return done


def new_from_texts(
    out: str | os.PathLike[str], folder: str | os.PathLike[str], *, videos: str | os.PathLike[str] | None = None
) -> Imported:
    """Make a new data set of the videos that have a text in a folder; ``videos``: where they lie, if not beside them.

    Raises SettingsError if there is no text with a video, StorageError if ``out`` is a data set or cannot be written.
    """
    done = Imported()
    pairs = _beside(list(_texts(Path(folder), done)), Path(videos) if videos is not None else None, done)
    if not pairs:
        raise SettingsError(f"{os.fspath(folder)}: no text there has a video; {_first(done)}")
    with lock(out) as held:
        store = Store.create(out, DatasetSettings(), MODEL, "")
        store.guard = held.check
        rows = _rows(pairs, done)
        while part := list(islice(rows, PART_ROWS)):
            store.append("sources", [source for source, _ in part])
            store.append("captions", [row for _, row in part])
            done.imported += len(part)
    return done


def _first(done: Imported) -> str:
    return f"{done.skipped[0][0]}: {done.skipped[0][1]}" if done.skipped else "there is none"


def _texts(folder: Path, done: Imported) -> Iterator[_Text]:
    """The text files below a folder, in order. Raises SettingsError if it is none or has none."""
    if not folder.is_dir():
        raise SettingsError(f"{folder}: is not a folder")
    found = sorted(path for path in folder.rglob(f"*{_TEXT}") if not path.name.startswith("."))
    if not found:
        raise SettingsError(f"{folder}: has no {_TEXT} files")
    inside = folder.resolve()
    for path in found:
        if not path.resolve().is_relative_to(inside):
            done.skipped.append((str(path), "is a link to outside of the folder"))
        elif path.is_file():
            yield _Text(Path(os.path.abspath(path)))  # noqa: PTH100 - links stay as they are named


def _captions_of(store: Store, texts: Iterable[_Text]) -> dict[Path, list[str]]:
    """The ids of the videos that each text may belong to: the one beside it, else those of its name."""
    texts = list(texts)
    beside: dict[Path, list[str]] = {}
    named: dict[Path, list[str]] = {}
    by_place: dict[str, list[Path]] = {}
    by_name: dict[str, list[Path]] = {}
    for text in texts:
        by_place.setdefault(text.place, []).append(text.path)
        by_name.setdefault(text.name, []).append(text.path)
    for rows in Listed(store).sources(store):
        for source in rows:
            stem = os.path.splitext(source.location)[0]  # noqa: PTH122 - may be an address
            for path in (*by_place.get(source.location, ()), *by_place.get(stem, ())):
                _note(beside, path, source.id)
            for path in by_name.get(stem.replace("::", "/").rpartition("/")[2], ()):
                _note(named, path, source.id)
    return {**named, **beside}


def _note(found: dict[Path, list[str]], path: Path, id: str) -> None:
    ids = found.setdefault(path, [])
    if id not in ids:
        ids.append(id)


def _proposals(
    texts: Iterable[_Text], by_text: dict[Path, list[str]], author: str, done: Imported
) -> Iterator[tuple[Path, Proposal]]:
    for text in texts:
        ids = by_text.get(text.path, [])
        try:
            if not ids:
                raise SettingsError("no video of the data set has this name")
            if len(ids) > 1:
                raise SettingsError(f"{len(ids)} videos of the data set are called so")
            yield text.path, Proposal(ids[0], text=text.read(), author=author, kind="import")
        except SettingsError as error:
            done.skipped.append((str(text.path), str(error)))


def _beside(texts: Iterable[_Text], videos: Path | None, done: Imported) -> dict[str, _Text]:
    """The video of each text, by its path."""
    if videos is not None and not videos.is_dir():
        raise SettingsError(f"{videos}: is not a folder")
    elsewhere: dict[str, list[Path]] = {}
    for path in sorted(videos.rglob("*")) if videos is not None else ():
        if path.suffix.lower() in VIDEO_ENDINGS:
            elsewhere.setdefault(path.stem, []).append(path)
    found: dict[str, _Text] = {}
    folders: dict[Path, list[Path]] = {}
    for text in texts:
        there = folders.setdefault(text.path.parent, sorted(text.path.parent.iterdir()))
        own = [path for path in there if path.suffix.lower() in VIDEO_ENDINGS]
        candidates = [path for path in own if text.place in (str(path), str(path.with_suffix("")))]
        candidates = candidates or elsewhere.get(text.name, [])
        if len(candidates) == 1:
            found.setdefault(os.path.abspath(candidates[0]), text)  # noqa: PTH100
        else:
            why = "several videos are called so" if candidates else "no video is called so"
            done.skipped.append((str(text.path), why))
    return found


def _rows(pairs: dict[str, _Text], done: Imported) -> Iterator[tuple[SourceVideo, CaptionRow]]:
    for source in find_sources(pairs):
        if isinstance(source, Failure):
            done.skipped.append((source.location, source.message))
            continue
        text = pairs[source.location]
        try:
            told = text.read()
        except SettingsError as error:
            done.skipped.append((str(text.path), str(error)))
            continue
        try:
            source = replace(source, user_id=source.user_id or text.name)
            yield source, CaptionRow.of(source, _caption(source, told))
        except VideoError as error:
            done.skipped.append((source.location, str(error).removeprefix(f"{source.location}: ")))


def _caption(source: SourceVideo, text: str) -> VideoCaption:
    with open_source(source) as video, VideoReader(video) as reader:
        info = reader.info
        end = reader.info.duration_seconds
    if end is None:
        raise VideoError("its length is not known; convert it again")
    times = even_times(0.0, end, FRAMES)
    step = Step("whole", 0.0, end, text, 0, times)
    return VideoCaption(
        video=Path(source.location).name,
        width=info.width,
        height=info.height,
        start_seconds=0.0,
        end_seconds=end,
        mode="fast",
        shots=(Shot(0.0, end),),
        steps=(step,),
        summary=text,
        provenance=Provenance(MODEL, "", "", __version__, {}),
    )
