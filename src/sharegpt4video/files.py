"""Files and folders that are there whole or not at all, and what a file holds, whatever it is called."""

from __future__ import annotations

import contextlib
import errno
import glob
import hashlib
import os
import re
import secrets
import shutil
import socket
import stat
import sys
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any, BinaryIO

from .foreign import is_text

UNFINISHED = ".unfinished"
"""How the name of a file ends that is still being written, or was when its writer was killed."""

OLD_SECONDS = 86_400.0
BUFFER_BYTES = 1 << 16
CONTENT_ID_BYTES = 16
_CHUNK_BYTES = 1 << 20
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV}
_MARK = re.compile(r"\.[0-9a-f]{8}-(\d+)-[0-9a-f]{8}\.\w+$")
_NAME_BYTES = 120  # of the target's name; the rest of the 255 that file systems take is for the mark of the writer


def content_id(chunks: Iterable[bytes]) -> str:
    """The id of a content: BLAKE2b of 128 bits over all of its bytes, as 32 hex digits."""
    hashed = hashlib.blake2b(digest_size=CONTENT_ID_BYTES)
    for chunk in chunks:
        hashed.update(chunk)
    return hashed.hexdigest()


def file_content_id(path: str | os.PathLike[str]) -> str:
    """The id of a local file's content. Raises OSError if it cannot be read."""
    with open(path, "rb") as file:  # noqa: PTH123 - a Path would drop what is odd in a name
        return content_id(iter(lambda: file.read(_CHUNK_BYTES), b""))


def seen_from(folder: str, location: str, real: Callable[[str], str] = os.path.realpath) -> str:
    """A local path relative to a folder, as the system resolves it there (``..`` after a link leads elsewhere).

    For ``ARCHIVE::MEMBER``, this applies to the archive. Addresses of storage do not change, nor does a path whose
    links lead through a folder with a name that is not UTF-8, since only the given name can be written down. ``real``
    resolves links, and may cache.
    """
    archive, mark, member = location.partition("::")
    if not archive.startswith("/"):
        return location
    above, _, name = archive.rpartition("/")
    seen = os.path.relpath(f"{real(above or '/')}/{name}", real(folder))
    return f"{seen}{mark}{member}" if is_text(seen) else location


def file_state(path: str | os.PathLike[str]) -> tuple[int, int] | None:
    """Size in bytes and modification time, which change with a file's content; None if there is no file."""
    try:
        state = os.stat(path)  # noqa: PTH116 - a Path would drop what is odd in a name
    except (OSError, ValueError):
        return None
    return state.st_size, state.st_mtime_ns


def user_cache() -> Path:
    """This user's cache folder, where the system keeps caches (``XDG_CACHE_HOME`` on Linux)."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or str(Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = str(Path.home() / "Library" / "Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "sharegpt4video"


def write_whole(path: Path, content: str | bytes, *, replace: bool = True) -> None:
    """Write a file so that readers see the old content or all of the new, whatever happens meanwhile.

    Text is written as UTF-8. The file gets the permissions that the umask leaves. The folder is made if need be. After
    a failure only the old file is left; what a kill leaves is called ``.NAME.WRITER.unfinished``, and
    ``remove_unfinished`` removes it. Raises OSError when it cannot be written, FileExistsError without ``replace`` when
    there is one already.
    """
    with whole_file(path, replace=replace) as file:
        write_all(file.fileno(), content.encode() if isinstance(content, str) else content)


@contextlib.contextmanager
def whole_file(path: Path, *, replace: bool = True, sync: bool = True) -> Iterator[BinaryIO]:
    """A file to write into, as ``write_whole`` writes one.

    Without ``sync`` a power cut may lose it, which is fine for one of a million files that can be written again.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_path(path, replace=replace) as unfinished, unfinished.open("xb", buffering=BUFFER_BYTES) as file:
        yield file
        file.flush()
        if sync:
            os.fsync(file.fileno())


@contextlib.contextmanager
def whole_path(path: Path, *, replace: bool = True, ending: str = UNFINISHED) -> Iterator[Path]:
    """The name of a file to write that becomes ``path`` when all went well, and disappears when not.

    For writers that open files by name; the folder has to be there. Raises OSError as ``write_whole`` does.
    """
    unfinished = path.with_name(f".{unfinished_name(path.name, ending)}")
    try:
        yield unfinished
        if replace:
            unfinished.replace(path)
        else:
            _move_new(unfinished, path)
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink()


@contextlib.contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """A new folder to write into that becomes ``path`` when all went well, and disappears when not.

    ``path`` may be there if it is empty. What killed writers left beside it is removed. Raises OSError if it cannot be
    made, and FileExistsError if there is something, at the start or, if it has been made meanwhile, at the end.
    """
    _require_free(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path.parent)) from error
    unfinished = path.with_name(f".{unfinished_name(path.name)}")
    before = path.parent.glob(f".{glob.escape(_start(path.name))}.*{UNFINISHED}")
    for old in filter(is_abandoned, (*before, path.with_name(f".{path.name}{UNFINISHED}"))):  # as it was called once
        shutil.rmtree(old, ignore_errors=True)
    unfinished.mkdir()
    try:
        yield unfinished
        _require_free(path)
        if path.exists():
            path.rmdir()
        unfinished.rename(path)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _require_free(path: Path) -> None:
    if path.is_symlink() or (path.exists() and not (path.is_dir() and not any(path.iterdir()))):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))


def _move_new(unfinished: Path, path: Path) -> None:
    try:
        os.link(unfinished, path)  # unlike a rename, it fails where there is a file of that name
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if path.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
        unfinished.replace(path)


def unfinished_name(name: str, ending: str = UNFINISHED) -> str:
    """What a file is called until it is written: it tells the machine and the process, and is not too long."""
    return f"{_start(name)}.{_writer(os.getpid())}{secrets.token_hex(4)}{ending}"


def _start(name: str) -> str:
    return name.encode("utf-8", "surrogateescape")[:_NAME_BYTES].decode("utf-8", "ignore")


def is_abandoned(path: Path) -> bool:
    """Whether the process that was writing this file is gone.

    Files of earlier versions do not say which it was, and count as abandoned. Processes of other machines cannot be
    looked up: their files count as abandoned after a day without a change.
    """
    match = _MARK.search(path.name)
    if match is None:
        return True
    if match[0].startswith(f".{_writer(None)}"):
        return not _runs(int(match[1]))
    try:
        return time.time() - path.stat().st_mtime > OLD_SECONDS
    except OSError:
        return False


def leading_out(folder: Path) -> Path | None:
    """A link below a folder that leads out of it, if there is one: to send the folder away would send what is there."""
    real = folder.resolve()
    links = (path for path in sorted(folder.rglob("*")) if path.is_symlink())
    return next((link for link in links if not link.resolve().is_relative_to(real)), None)


def open_own(path: Path, mode: str, *, buffering: int = -1, encoding: str | None = None) -> IO[Any]:
    """Open a file in the folder of a resumed run, to append to it or to lock it.

    Raises OSError as opening does, and where a link or a pipe stands in its place: whoever made the folder would have
    us write to any file, or wait.
    """
    return open(path, mode, buffering, encoding, opener=_own_handle)


def _own_handle(name: str, flags: int) -> int:
    more = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        handle = os.open(name, flags | more, 0o666)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise OSError(errno.ELOOP, "it is a link, through which nothing is written; remove it", str(name)) from None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "it is a device or a pipe, not a file", str(name))
    return handle


def write_all(descriptor: int, content: bytes) -> None:
    """Write to an open file, however many calls that takes; the system may take a part. Raises OSError."""
    left = memoryview(content)
    while left:
        left = left[os.write(descriptor, left) :]


def remove_unfinished(folder: Path) -> int:
    """Remove what killed writers of this machine left in a folder; says how many files. Others' are left alone."""
    here, removed = _writer(None), 0
    for path in folder.glob(f".*{here}*{UNFINISHED}"):
        process = path.name.rpartition(here)[2].partition("-")[0]
        if process.isdecimal() and not _runs(int(process)):
            with contextlib.suppress(OSError):
                path.unlink()
                removed += 1
    return removed


def _writer(process: int | None) -> str:
    """The mark of a process of this machine, or (None) how the marks of all of them begin."""
    machine = f"{zlib.crc32(socket.gethostname().encode()):08x}-"
    return machine if process is None else f"{machine}{process}-"


def _runs(process: int) -> bool:
    """Whether a process is there, as far as can be told."""
    if os.name != "posix":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True
