"""Output files: named after the video, complete or not there at all."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import tempfile
import time
from pathlib import Path
from urllib.parse import unquote, urlsplit

NAME_BYTES = 255  # of a file's name at most, where the folder does not say; characters take up to four
LEFTOVER_SECONDS = 3600.0
_PREFIX, _SUFFIX = ".sg4v-", ".part"
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV}


def video_name(video: str) -> str:
    """The video's file name without its ending; for a URL, the last part of its path."""
    if "://" not in video:
        return Path(video).stem or "video"
    last = unquote(urlsplit(video).path).rstrip("/").rpartition("/")[2]
    return Path(re.sub(r"[\x00-\x1f\x7f]", "_", last)).stem or "video"


def fitted(stem: str, suffix: str, folder: Path | None = None) -> str:
    """The stem, shortened so that the folder takes it with the suffix; the same stem always becomes the same.

    A shortened one ends in ``~`` and a hash of the whole.
    """
    raw, room = os.fsencode(stem), _name_bytes(folder) - len(os.fsencode(suffix))
    if len(raw) <= room:
        return stem
    tail = f"~{hashlib.blake2b(raw, digest_size=4).hexdigest()}"
    kept = raw[: room - len(tail)]
    while kept and (raw[len(kept)] & 0xC0) == 0x80:  # not in the middle of a character
        kept = kept[:-1]
    return os.fsdecode(kept).rstrip() + tail


def write_whole(path: Path, content: str | bytes, *, replace: bool = True) -> None:
    """Write a file so that it is there completely or not at all, whatever happens meanwhile.

    Raises OSError when the folder cannot be written, FileExistsError without ``replace`` when there is one already.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=_PREFIX, suffix=_SUFFIX, dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
        os.chmod(temporary, 0o666 & ~_umask())  # noqa: PTH101 - mkstemp makes files that only the owner can read
        if replace:
            os.replace(temporary, path)  # noqa: PTH105
        else:
            _move_new(temporary, path)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(temporary)  # noqa: PTH108


def write_in_temporary(name: str, content: str) -> Path:
    """Write what its own folder does not take to a new folder among the temporary files. Raises OSError."""
    path = Path(tempfile.mkdtemp(prefix="sg4v-kept-")) / name
    write_whole(path, content)
    return path


def remove_leftovers(folder: Path) -> None:
    """Delete what killed runs left half-written in a folder; what is young may belong to one that is at work."""
    before = time.time() - LEFTOVER_SECONDS
    for path in folder.glob(f"{_PREFIX}*{_SUFFIX}"):
        with contextlib.suppress(OSError):  # another run may have been faster
            if path.stat().st_mtime < before:
                path.unlink()


def _move_new(temporary: str, path: Path) -> None:
    try:
        os.link(temporary, path)  # unlike a rename, it fails where there is a file of that name
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if path.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
        os.replace(temporary, path)  # noqa: PTH105


def _name_bytes(folder: Path | None) -> int:
    while folder is not None:
        try:
            return min(os.pathconf(folder, "PC_NAME_MAX"), NAME_BYTES)
        except FileNotFoundError:
            folder = folder.parent if folder.parent != folder else None
        except (OSError, ValueError, AttributeError):
            break
    return NAME_BYTES


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
