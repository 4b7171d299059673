"""The media of a folder, loose or in zips, found by the names in released files. 40 bytes a file, and its name."""

from __future__ import annotations

import os
import zipfile
from array import array
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np

from ...errors import InputMissing
from .rows import ReleasedRow, member_names, mended

VIDEO_ENDINGS = frozenset(
    (".mp4", ".webm", ".mkv", ".mov", ".avi", ".m4v", ".mpg", ".mpeg", ".ts", ".flv", ".wmv", ".gif")
)
MEMBER = "::"


class MediaIndex:
    """The videos below a folder, as files or as members of its zips. ``damaged`` lists zips that cannot be read.

    Raises SettingsError if the folder is none.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._folder = Path(folder)
        if not self._folder.is_dir():
            raise InputMissing(f"{folder}: not a folder; give the one that holds zip_folder/ or the videos")
        self.damaged: list[str] = []
        self._archives: list[str] = []
        self._names = bytearray()
        self._starts, self._archive_of = array("q", [0]), array("i")
        hashes = array("q")
        for archive, name in self._found():
            self._names += name.encode("utf-8", "surrogateescape")
            self._starts.append(len(self._names))
            self._archive_of.append(archive)
            hashes.append(_hash(name))
        keys = np.frombuffer(hashes, np.int64) if len(hashes) else np.empty(0, np.int64)
        self._order = np.argsort(keys, kind="stable").astype(np.int64)
        self._keys = keys[self._order]
        self._used = np.zeros(len(keys), bool)

    def __len__(self) -> int:
        return len(self._archive_of)

    def find(self, row: ReleasedRow) -> str | None:
        """Where the video of a row lies (``ARCHIVE::MEMBER`` in a zip), None if nowhere.

        Of several files of that name, the one whose path and zip agree with the row the most.
        """
        if not row.video_path:
            return None
        names = member_names(row)
        base = PurePosixPath(names[-1]).name
        low, high = np.searchsorted(self._keys, [_hash(base), _hash(base) + 1])
        best, most = -1, 0
        for number in self._order[low:high].tolist():
            agreement = self._agreement(number, row, names)
            if agreement > most:
                best, most = number, agreement
        if best < 0:
            return None
        self._used[best] = True
        return self._location(best)

    def unlisted(self, limit: int) -> tuple[int, list[str]]:
        """How many videos no row has asked for, and the first of them."""
        left = np.flatnonzero(~self._used)
        return len(left), [self._location(int(number)) for number in left[:limit]]

    def _found(self) -> Iterator[tuple[int, str]]:
        for folder, folders, files in os.walk(self._folder):
            folders.sort()
            for name in sorted(files):
                path = Path(folder, name)
                if name.lower().endswith(".zip"):
                    yield from self._members(path)
                elif path.suffix.lower() in VIDEO_ENDINGS:
                    yield -1, path.relative_to(self._folder).as_posix()

    def _members(self, path: Path) -> Iterator[tuple[int, str]]:
        number = len(self._archives)
        self._archives.append(str(path))
        try:
            with zipfile.ZipFile(path) as archive:
                for info in archive.infolist():
                    if PurePosixPath(info.filename).suffix.lower() in VIDEO_ENDINGS:
                        yield number, info.filename
        except (zipfile.BadZipFile, OSError) as error:
            self.damaged.append(f"{path}: {error}")

    def _name(self, number: int) -> str:
        return self._names[self._starts[number] : self._starts[number + 1]].decode("utf-8", "surrogateescape")

    def _location(self, number: int) -> str:
        archive = self._archive_of[number]
        name = self._name(number)
        return str(self._folder / name) if archive < 0 else f"{self._archives[archive]}{MEMBER}{name}"

    def _agreement(self, number: int, row: ReleasedRow, names: tuple[str, ...]) -> int:
        """0 for another file; more, the more of the path is the same, and for the zip that the row names."""
        name = mended(self._name(number))
        same = max(
            (len(names) - at for at, one in enumerate(names) if name == one or name.endswith(f"/{one}")), default=0
        )
        archive = self._archive_of[number]
        zipped = archive >= 0 and mended(Path(self._archives[archive]).name) == mended(row.zip_folder)
        return 0 if not same else 2 * same + zipped


def _hash(name: str) -> int:
    """A hash of a file's name without its folders; equal ones are compared in full."""
    import hashlib

    base = mended(name.rpartition("/")[2])
    found = hashlib.blake2b(base.encode("utf-8", "surrogateescape"), digest_size=8).digest()
    return int.from_bytes(found, "big") >> 2  # room for + 1 within 64 bits
