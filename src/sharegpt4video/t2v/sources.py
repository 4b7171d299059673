"""Where records come from: ``records.jsonl``, or the caption files that ``sg4v caption`` writes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ..caption_files import read_caption, video_of
from ..errors import InputMissing, SettingsError, SG4VError
from .record import RECORDS, Record, read_records


def records_from(source: Path, *, media: Path | None = None) -> Iterator[Record]:
    """The records of a file, of a folder with ``records.jsonl``, or of the captions (``.json``) in a folder.

    Videos come out as absolute paths or addresses. Where they lie, the file says; with ``media``, they are looked for
    in that folder. Raises InputMissing if there is nothing, SettingsError naming the record that cannot be read.
    """
    if not source.exists():
        raise InputMissing(f"{source}: no such file or folder")
    file = source / RECORDS if source.is_dir() and (source / RECORDS).exists() else source
    if file.is_file() and file.suffix != ".json":
        for record in read_records(file):
            yield _found(record, media or file.parent)
        return
    files = [file] if file.is_file() else sorted(source.glob("*.json"))
    if not files:
        raise InputMissing(f"{source}: holds no {RECORDS} and no captions (.json); see sg4v t2v export --help")
    yield from _captions(files, media)


def _captions(files: list[Path], media: Path | None) -> Iterator[Record]:
    taken = set[str]()
    for file in files:
        try:
            caption = read_caption(file)
        except InputMissing:
            raise
        except SG4VError as wrong:
            raise SettingsError(str(wrong)) from None
        id = _id(file.stem, taken)
        taken.add(id)
        yield Record(id, video_of(caption, file, media), "train", caption)


def _id(name: str, taken: set[str]) -> str:
    plain = re.sub(r"[^A-Za-z0-9_-]+", "_", name).strip("_")[:80]
    if not plain or plain != name or plain in taken:
        plain = (
            f"{plain or 'clip'}-{hashlib.blake2b(name.encode('utf-8', 'surrogateescape'), digest_size=4).hexdigest()}"
        )
    return plain


def _found(record: Record, folder: Path) -> Record:
    if "://" in record.video or Path(record.video).is_absolute():
        return record
    return replace(record, video=str((folder / record.video).absolute()))
