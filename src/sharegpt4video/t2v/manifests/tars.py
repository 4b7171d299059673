"""Tar shards in the layout of github.com/webdataset/webdataset: members of a sample next to each other, by its key."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ...errors import SettingsError, StorageError
from .writing import new_paths

_BLOCK = 512


@dataclass
class Tars:
    """Shards that are being written, one after the other; ``written`` holds those that are complete."""

    folder: Path
    pattern: str
    most_bytes: int
    overwrite: bool
    written: list[Path] = field(default_factory=list)
    _open: ExitStack = field(default_factory=ExitStack)
    _tar: tarfile.TarFile | None = None
    _bytes: int = 0

    def room_for(self, size: int) -> tarfile.TarFile:
        """The open shard, or a new one where the sample does not fit."""
        if self._tar is not None and self._bytes + size > self.most_bytes:
            self.close()
        if self._tar is None:
            name = self.pattern.format(len(self.written))
            (path,) = self._open.enter_context(new_paths(self.folder, [name], overwrite=self.overwrite))
            self._tar = self._open.enter_context(tarfile.open(path, "w", format=tarfile.GNU_FORMAT))  # noqa: SIM115
        self._bytes += size
        return self._tar

    def close(self) -> None:
        """Complete the open shard."""
        if self._tar is not None:
            self._open.close()
            self.written.append(self.folder / self.pattern.format(len(self.written)))
            self._tar, self._bytes = None, 0

    def abandon(self, *problem: object) -> None:
        self._open.__exit__(*problem)  # type: ignore[arg-type]


@contextmanager
def new_tars(folder: Path, pattern: str, most_bytes: int, *, overwrite: bool) -> Iterator[Tars]:
    """Shards to write; ``pattern`` takes their number. Those of an earlier, longer run are removed with ``overwrite``.

    Raises SettingsError if there are some and ``overwrite`` is off.
    """
    tars = Tars(folder, pattern, most_bytes, overwrite)
    try:
        yield tars
        tars.close()
    except BaseException as problem:
        tars.abandon(type(problem), problem, problem.__traceback__)
        raise
    number = len(tars.written)
    while overwrite and (old := folder / pattern.format(number)).exists():
        old.unlink()
        number += 1


def add_member(tars: Tars, key: str, video: Path, texts: Mapping[str, str]) -> None:
    """Add a sample: the video, and its texts as ``KEY.NAME``. Raises SettingsError if the video is not there."""
    members = {name: text.encode() for name, text in texts.items()}
    try:
        with video.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            tar = tars.room_for(sum(map(_padded, (size, *map(len, members.values())))))
            _add(tar, f"{key}{video.suffix}", file, size)
            for name, data in members.items():
                _add(tar, f"{key}.{name}", io.BytesIO(data), len(data))
    except FileNotFoundError:
        raise SettingsError(f"{video}: there is no such video to pack; cut the clips first") from None
    except OSError as error:
        raise StorageError(f"{video}: cannot be packed ({error.strerror or error})") from error


def _add(tar: tarfile.TarFile, name: str, file: io.BufferedIOBase, size: int) -> None:
    info = tarfile.TarInfo(name)  # with the time 0, so that the same samples make the same bytes
    info.size, info.mode = size, 0o644
    tar.addfile(info, file)
    tar.members.clear()  # type: ignore[attr-defined]  # it would keep every header


def _padded(size: int) -> int:
    return _BLOCK + -(-size // _BLOCK) * _BLOCK


def read_tars(paths: Sequence[Path], endings: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """For each sample the name of its video, as ``TAR::MEMBER``, and its texts by column."""
    for path in paths:
        key, video, texts = "", "", dict[str, str]()
        with tarfile.open(path) as tar:
            for member in tar:
                tar.members.clear()  # type: ignore[attr-defined]
                this, _, column = member.name.partition(".")
                if this != key and video:
                    yield video, texts
                if this != key:
                    key, video, texts = this, "", {}
                if f".{column}" in endings:
                    video = f"{path.name}::{member.name}"
                elif column.endswith("txt") and (held := tar.extractfile(member)):
                    texts[column] = held.read().decode()
        if video:
            yield video, texts
