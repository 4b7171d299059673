"""Where an export goes: a folder, local or on fsspec storage, in which every file is complete or absent.

``export.json`` in that folder says what wrote it, what was left out, and which files are its own, so that a later
export can replace them and nothing else.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, Literal, cast

from ... import files
from ...errors import SettingsError
from ...given import from_json
from ..store.storage import FULL, is_local, open_storage, read, storage_errors, storage_problem

MANIFEST = "export.json"
Paths = Literal["relative", "absolute"]
"""How an export names videos: relative to its own folder, so that both can move together, or absolutely."""


class Target:
    """The folder of one export. ``prepare`` comes first, then ``writing`` for each file, then ``finish``."""

    def __init__(self, out: str, *, overwrite: bool = False) -> None:
        self.fs, self.root = open_storage(out)
        self.out = out
        self._overwrite = overwrite
        self._manifest: dict[str, Any] = {}

    def prepare(self, format: str) -> None:
        """Claim the folder. With ``overwrite``, the files of an earlier export are removed first.

        Raises SettingsError if the folder is not empty and ``overwrite`` is off, or if it is a file.
        """
        self._manifest = {"format": format, "finished": False, "files": [], "folders": []}
        if self.fs.exists(self.root):
            if not self.fs.isdir(self.root):
                raise SettingsError(f"{self.out}: is a file; an export needs a folder")
            if is_local(self.fs):
                _remove_abandoned(Path(self.root))
            if self.fs.ls(self.root, detail=False):
                self._clear()
        self.fs.makedirs(self.root, exist_ok=True)
        self._note()

    def _clear(self) -> None:
        if not self._overwrite:
            raise SettingsError(f"{self.out}: is not empty; choose another folder, or overwrite the export in it")
        for name in self._earlier():
            if self.fs.exists(f"{self.root}/{name}"):
                self.fs.rm(f"{self.root}/{name}", recursive=True)

    def _earlier(self) -> list[str]:
        """The files an earlier export lists as its own; names that leave the folder are refused."""
        data = read(self.fs, f"{self.root}/{MANIFEST}")
        if data is None:
            return []
        try:
            said = from_json(data)
            names = [*said["files"], *said["folders"]]
        except (ValueError, KeyError, TypeError) as error:
            raise SettingsError(f"{self.out}/{MANIFEST}: cannot be read ({error}); empty the folder by hand") from error
        for name in names:
            if not isinstance(name, str) or name in ("", ".", "..") or "/" in name or "\\" in name:
                raise SettingsError(f"{self.out}/{MANIFEST}: lists {name!r}, which is not a file of an export")
        return names

    @contextmanager
    def writing(self, name: str, *, sync: bool = True) -> Iterator[IO[bytes]]:
        """A file to write, by its name below the folder. It appears when it is complete, or never.

        ``sync`` also waits for the disk, which is not worth it for one of a million files.
        """
        self._claim(name)
        with self._whole(f"{self.root}/{name}", sync) as file:
            yield file

    def _claim(self, name: str) -> None:
        first, _, rest = name.partition("/")
        kind = "folders" if rest else "files"
        if first in self._manifest[kind]:
            return
        # A folder that existed before is somebody else's: it is written into, but never removed.
        if not (rest and self.fs.exists(f"{self.root}/{first}")):
            self._manifest[kind].append(first)
            self._note()

    def _whole(self, path: str, sync: bool = True) -> AbstractContextManager[IO[bytes]]:
        return whole_file(path, sync=sync) if is_local(self.fs) else whole_object(self.fs, path)

    def finish(self, said: dict[str, Any]) -> None:
        """Mark the export as complete, with its own description."""
        self._manifest |= {"finished": True, **said}
        self._note()

    def _note(self) -> None:
        text = json.dumps(self._manifest, ensure_ascii=False, indent=1) + "\n"
        path = f"{self.root}/{MANIFEST}"
        with self._whole(path) as file:
            file.write(text.encode())


def _remove_abandoned(folder: Path) -> None:
    """Delete half-written files of killed exports in their folder."""
    for path in filter(files.is_abandoned, folder.glob(f"*{files.UNFINISHED}")):
        path.unlink(missing_ok=True)


@contextmanager
def whole_file(path: str, *, sync: bool = True) -> Iterator[IO[bytes]]:
    """``files.whole_file``. Raises SG4VError if it cannot be created or the disk is full."""
    with ExitStack() as stack:
        with _told(path):
            file = stack.enter_context(files.whole_file(Path(path), sync=sync))
        with _told(path, {*FULL, errno.EFBIG}):
            yield file
        with _told(path):
            stack.close()


@contextmanager
def whole_object(fs: Any, path: str) -> Iterator[IO[bytes]]:
    """A file on other storage, which appears when closed, or never. Raises SG4VError if it cannot be created."""
    with _told(path):
        fs.makedirs(path.rpartition("/")[0], exist_ok=True)
        file = fs.open(path, "wb", autocommit=False)
    with ExitStack() as undo:
        undo.callback(file.discard)
        yield cast("IO[bytes]", file)
        undo.pop_all()
    with _told(path):
        file.close()
        file.commit()


@contextmanager
def _told(path: str, numbers: set[int] | None = None) -> Iterator[None]:
    """Turn storage errors into messages for the user; with ``numbers`` only these, as others may concern reading."""
    try:
        yield
    except storage_errors() as error:
        if numbers is not None and getattr(error, "errno", None) not in numbers:
            raise
        raise storage_problem(path, "written", error) from error


class SplitFiles:
    """One file for each split, opened at its first line; a context manager. All are complete, or none exists."""

    def __init__(self, target: Target, pattern: str) -> None:
        self._target, self._pattern = target, pattern
        self._files: dict[str, IO[bytes]] = {}
        self._stack = ExitStack()

    def file(self, split: str) -> IO[bytes]:
        """The file of a split; ``{split}`` in ``pattern`` stands for its name."""
        if split not in self._files:
            name = self._pattern.format(split=split)
            self._files[split] = self._stack.enter_context(self._target.writing(name))
        return self._files[split]

    @property
    def opened(self) -> tuple[str, ...]:
        return tuple(self._files)

    def __enter__(self) -> SplitFiles:
        self._stack.__enter__()
        return self

    def __exit__(self, *problem: Any) -> None:
        self._stack.__exit__(*problem)


_LINE_ENDS = {"\u2028": "\\u2028", "\u2029": "\\u2029", "\x85": "\\u0085"}


def json_line(value: object) -> bytes:
    """A value as one line of JSON in UTF-8. Characters that some readers treat as line breaks are escaped."""
    text = json.dumps(value, ensure_ascii=False)
    for character, escape in _LINE_ENDS.items():
        if character in text:
            text = text.replace(character, escape)
    return text.encode() + b"\n"
