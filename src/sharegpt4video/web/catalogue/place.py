"""Where an index lies: in the data set if that is a folder one may write to, else in the user's cache.

A second server on the same data set gets a place of its own, so two never write to one file.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ...dataset.store import flock as locks
from ...dataset.store.storage import is_local
from ...dataset.store.store import Store
from ...errors import StorageError
from ...files import user_cache

FOLDER = ".catalogue"
MOST_PLACES = 16


@dataclass
class Place:
    """A folder that this object alone may use until ``close``. ``lasting``: whether it is kept for the next time."""

    folder: Path
    lasting: bool
    _handle: int = -1

    def clear(self) -> None:
        """Delete what is in it. Raises StorageError where that cannot be done."""
        try:
            for path in self.folder.iterdir():
                if path.is_dir():
                    shutil.rmtree(path)
                else:
                    path.unlink()
        except OSError as error:
            raise StorageError(f"{self.folder}: cannot be emptied: {error}; delete it yourself") from error

    def close(self) -> None:
        if not self.lasting:
            shutil.rmtree(self.folder, ignore_errors=True)
        if self._handle >= 0:
            locks.held.discard(self._handle)
            os.close(self._handle)
            self._handle = -1


def place_for(store: Store, cache: Path | None = None) -> Place:
    """A place for the index of a data set. ``cache`` is used where the data set cannot be written to.

    Raises StorageError if there is no place at all.
    """
    name = hashlib.blake2b(store.address.encode(), digest_size=12).hexdigest()
    folders = [Path(store.root) / FOLDER] if is_local(store.fs) else []
    folders.append((cache or user_cache()) / "catalogue" / name)
    for folder in folders:
        try:
            return _taken(folder)
        except OSError:
            continue
    try:
        return Place(Path(tempfile.mkdtemp(prefix="sg4v-catalogue-")), lasting=False)
    except OSError as error:
        raise StorageError(f"the index of {store.root} can be written nowhere: {error}; set TMPDIR") from error


def _taken(folder: Path) -> Place:
    """The first place in a folder that nobody uses. Raises OSError where locks or files cannot be made."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(MOST_PLACES):
        handle = locks.open_file(folder / f"{number}.lock")
        try:
            taken = locks.flock(handle)
        except ImportError as error:  # a system without such locks
            os.close(handle)
            raise OSError(str(error)) from error
        except OSError:
            os.close(handle)
            raise
        if taken:
            locks.held.add(handle)
            inside = folder / str(number)
            place = Place(inside, lasting=number == 0, _handle=handle)
            try:
                inside.mkdir(exist_ok=True)
            except OSError:
                place.close()
                raise
            return place
        os.close(handle)
    raise OSError(f"{folder}: {MOST_PLACES} servers use it already")
