"""A running export: what it reads, where it writes, and its counts so far."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...display import Result
from ...files import seen_from
from ...foreign import without_secrets
from ..reviews.clips import outdated_clips
from ..rows import Clip
from ..sources.listed import Listed
from ..sources.originals import GONE, UNKNOWN, UNREADABLE, Originals
from ..sources.places import absolute, scheme_of
from ..store.schema import to_rows
from ..store.storage import is_local
from ..store.store import Ids, Store, packed_ids
from .entries import ALL_BUT_FACTS, REVIEWED, Entry, caption_rows, clip_text, clips_of
from .multimap import DiskMultimap
from .selection import REASONS, SPLITS, SUPERSEDED, Selection
from .selection import UNKNOWN as NOT_SELECTED
from .target import Paths, Target

_DOUBTS = {
    GONE: "videos are no longer where they were when captioned",
    UNREADABLE: "videos could not be looked up, so they may not be the ones that were captioned",
    UNKNOWN: "captions come without size and date of their files, so these may not be the ones that were captioned",
}


@dataclass(frozen=True, repr=False)
class ExportResult(Result):
    """What an export wrote. ``texts`` counts every text a model could be trained on; ``left_out`` what is missing, by
    reason; ``notes`` are sentences that a reader of the numbers should know. ``failed`` counts those of
    ``left_out`` whose file was replaced or cannot be read.
    """

    format: str
    out: str
    videos: int
    clips: int
    texts: int
    splits: dict[str, int]
    left_out: dict[str, int]
    notes: tuple[str, ...]
    failed: int = 0

    def text(self) -> str:
        """The result as lines for a terminal."""
        rows = [("videos", self.videos), ("clips", self.clips), ("texts", self.texts)]
        rows += [(f"in {split}", count) for split, count in self.splits.items()]
        rows += [(f"left out: {reason}", count) for reason, count in sorted(self.left_out.items())]
        width = max(len(name) for name, _ in rows)
        lines = [f"{self.format} in {self.out or 'the folders of the videos'}"]
        lines += [f"  {name:<{width}}  {count:>10,}" for name, count in rows]
        return "\n".join([*lines, *(f"  note: {note}" for note in self.notes)])


@dataclass
class Tally:
    """The counts of an export while it runs."""

    videos: int = 0
    clips: int = 0
    texts: int = 0
    splits: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    failed: int = 0
    edited: int = 0
    notes: list[str] = field(default_factory=list)


@dataclass
class ExportJob:
    """The argument of an exporter, which reads ``entries``, writes into ``target`` and calls ``wrote`` for each.

    ``options`` is a value of the format's own options class, ``parts`` why this export cannot hold a part of a longer
    file ("": it can). ``location`` says how a video is named in the export.
    """

    store: Store
    target: Target
    selection: Selection
    options: Any
    clips: bool = False
    include_problems: bool = False
    media_root: str = ""
    paths: Paths = "relative"
    overwrite: bool = False
    parts: str = ""
    tally: Tally = field(default_factory=Tally)

    @cached_property
    def originals(self) -> Originals:
        """The state of the files of the exported captions."""
        return Originals(self.store, self._listed, lambda ids: self._codes(ids) < len(SPLITS))

    @cached_property
    def _outdated(self) -> set[str]:
        return outdated_clips(self.store)

    @cached_property
    def _listed(self) -> Listed:
        return Listed(self.store)

    def _codes(self, ids: Ids) -> NDArray[np.uint8]:
        """As ``Selection.codes``, for videos whose file may have been replaced since the selection was made."""
        codes = self.selection.codes(ids)
        codes[((codes < len(SPLITS)) | (codes == NOT_SELECTED)) & ~self._listed.current(ids)] = SUPERSEDED
        return codes

    def entries(self, *, facts: bool = False, usable: bool = True) -> Iterator[Entry]:
        """The entries to export, video by video, each followed by its clips if requested.

        Unless problems are included, entries without a usable caption are left out and counted; ``usable=False`` is for
        formats that need only the steps. ``facts`` also reads measured facts, which takes several times longer.
        """
        with self._clips() as clips_by_id:
            reviewed = REVIEWED if len(self.store.overlay.reviews.edited) else ()
            for batch in self.store.batches("captions", None if facts else (*ALL_BUT_FACTS, *reviewed)):
                ids = packed_ids(batch.column("id"))
                codes = self._codes(ids)
                for code in codes[codes >= len(SPLITS)]:
                    self.tally.left_out[f"videos {REASONS[int(code)]}"] += 1
                kept = batch.filter(codes < len(SPLITS))
                for row, code in zip(caption_rows(kept, facts=facts), codes[codes < len(SPLITS)], strict=True):
                    entry = Entry(self.originals.now(row), SPLITS[int(code)], None, self.include_problems)
                    yield from self._with_clips(entry, clips_by_id, usable)

    def _with_clips(self, entry: Entry, clips_by_id: DiskMultimap | None, usable: bool) -> Iterator[Entry]:
        if self._has_file(entry, "videos") and (not usable or self._usable(entry, "videos")):
            yield entry
        for clip in clips_of(clips_by_id.get(bytes.fromhex(entry.row.id))) if clips_by_id is not None else ():
            found = replace(entry, clip=clip)
            if self._has_file(found, "clips") and self._usable(found, "clips"):
                yield found

    def _has_file(self, entry: Entry, kind: str) -> bool:
        """Whether the file that the entry names is the one that was captioned, and not longer."""
        own_file = entry.clip is not None and entry.clip.media
        if entry.clip is not None and own_file and not _as_cut(entry.clip.media, entry.clip.media_bytes):
            self.leave_out("clips whose cut file was replaced", example=entry.clip.media, failed=True)
            return False
        if not own_file and entry.row.id in self.originals.replaced:
            self.leave_out(f"{kind} {REPLACED}", example=self.originals.examples["replaced"], failed=True)
            return False
        if entry.clip is not None and entry.clip.id in self._outdated:
            self.leave_out("clips whose steps were reviewed since (make the clips again)")
            return False
        if self.parts and entry.is_part:
            self.leave_out(f"{kind} that are part of a longer file ({self.parts})")
            return False
        return True

    def _usable(self, entry: Entry, kind: str) -> bool:
        why = unusable(entry.text, entry.problem, self.include_problems)
        if why:
            self.tally.left_out[f"{kind} {why}"] += 1
        return not why

    @contextmanager
    def _clips(self) -> Iterator[DiskMultimap | None]:
        """The clips of the exported videos, by video."""
        with ExitStack() as stack:
            yield stack.enter_context(DiskMultimap(self._clip_pairs())) if self.clips else None

    def _clip_pairs(self) -> Iterator[tuple[bytes, str]]:
        for batch in self.store.batches("clips"):
            codes = self._codes(packed_ids(batch.column("video_id")))
            for clip in to_rows(Clip, batch.filter(codes < len(SPLITS))):
                yield bytes.fromhex(clip.video_id), clip_text(clip)

    def count_by_split(self) -> dict[str, int]:
        """How many entries (of ``entries()``) each split will have, without reading the steps."""
        counts: Counter[str] = Counter()
        tables = {"captions": ("id", "summary", "summary_problem")}
        if self.clips:
            tables["clips"] = ("video_id", "text", "problem")
        known = self.store.ids("captions") if self.clips else None
        for table, (key, *columns) in tables.items():
            columns += ["media", "media_bytes"] if table == "clips" else []
            for batch in self.store.batches(table, [key, *columns]):
                codes = self._codes(packed_ids(batch.column(key)))
                if table == "clips" and known is not None:
                    codes[~np.isin(packed_ids(batch.column(key)), known)] = NOT_SELECTED
                for code, row in zip(codes.tolist(), batch.to_pylist(), strict=True):
                    text, problem, *cut = (row[name] for name in columns)
                    lost = table == "clips" and row["id"] in self._outdated
                    lost = lost or (not _as_cut(*cut) if any(cut[:1]) else row[key] in self.originals.replaced)
                    if code < len(SPLITS) and not lost and not unusable(text, problem, self.include_problems):
                        counts[SPLITS[code]] += 1
        return {split: counts[split] for split in SPLITS if counts[split]}

    def add_notes(self) -> None:
        """Note how many files may not be the captioned ones, and how many captions people have edited."""
        found = self.originals
        for kind, words in _DOUBTS.items():
            if count := found.counts[kind]:
                self.note(f"{count:,} {words} (first: {found.examples[kind]})")
        if self.tally.edited:
            what = "captions of videos and clips" if self.tally.clips else "captions"
            self.note(f"{what} with texts that were rewritten in review: {self.tally.edited:,}")

    def wrote(self, entry: Entry, texts: int = 1) -> None:
        """Count an exported entry and its texts."""
        if entry.clip is None:
            self.tally.videos += 1
        else:
            self.tally.clips += 1
        self.tally.texts += texts
        self.tally.edited += bool(entry.edited_by)
        self.tally.splits[entry.split] += 1

    def leave_out(self, reason: str, count: int = 1, *, example: str = "", failed: bool = False) -> None:
        """Count an entry that is left out, under a short reason; the first example is noted.

        ``failed`` is for entries that should be in the export and cannot, unlike those the format or the selection
        excludes.
        """
        self.tally.failed += count * failed
        if example and not self.tally.left_out[reason]:
            self.note(f"the first of the {reason}: {example}")
        self.tally.left_out[reason] += count

    def note(self, sentence: str) -> None:
        """Add a note for a reader of the numbers, once."""
        sentence = without_secrets(sentence)
        if sentence not in self.tally.notes:
            self.tally.notes.append(sentence)

    def location(self, entry: Entry) -> str:
        """How the export names a video: relative to ``media_root`` if below that, else as ``seen_from`` its folder.

        Exports are shared, so keys and passwords are removed from addresses.
        """
        location = without_secrets(entry.location)
        for root in self._media_roots:
            if location.startswith(f"{root}/"):
                return str(PurePosixPath(location[len(root) + 1 :]))
        if self.paths == "relative" and is_local(self.target.fs):
            return seen_from(self.target.root, location, self._real)
        return location

    @cached_property
    def _media_roots(self) -> tuple[str, ...]:
        """``media_root`` as given, for the relative paths of released rows, and absolute, for all others."""
        given = without_secrets(self.media_root).rstrip("/")
        if not given:
            return ()
        return (given,) if scheme_of(given) else (given, os.path.normpath(given), absolute(given))

    @cached_property
    def _real(self) -> Callable[[str], str]:
        """``os.path.realpath`` for the folders of this export; by the next one, links may lead elsewhere."""
        return lru_cache(maxsize=1024)(os.path.realpath)


Write = Callable[[ExportJob], None]
REPLACED = "whose file was replaced since it was captioned"


@dataclass(frozen=True)
class Exporter:
    """A format: a one-line summary, its options (a frozen dataclass with defaults), and the function that writes.

    ``beside`` formats can write into the folders of the videos themselves (an empty ``out``). ``parts`` says why an
    export cannot hold a part of a longer file: its readers open whole files. "": it can. ``paths`` says how its readers
    want videos named.
    """

    says: str
    options: type
    write: Write
    beside: bool = False
    parts: Callable[[Any, str], str] = lambda _options, _out: ""
    paths: Callable[[Any], Paths] = lambda _options: "relative"


def _as_cut(media: str, media_bytes: int) -> bool:
    """Whether the file of a clip still has the size it was cut with; a missing one is reported on opening."""
    try:
        return not media_bytes or Path(media).stat().st_size == media_bytes
    except OSError:
        return True


def unusable(text: str, problem: str, include_problems: bool) -> str:
    """Why a caption is not exported, in a few words; "" if it is."""
    if not text.strip():
        return "without a caption"
    return "whose caption has a problem" if problem and not include_problems else ""
