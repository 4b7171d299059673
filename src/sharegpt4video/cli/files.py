"""Output files: named after the video, complete or not there at all."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
import time
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ..files import remove_unfinished, write_whole

NAME_BYTES = 255  # of a file's name at most, where the folder does not say; characters take up to four
LEFTOVER_SECONDS = 3600.0


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


def write_in_temporary(name: str, content: str) -> Path:
    """Write what its own folder does not take to a new folder among the temporary files. Raises OSError."""
    path = Path(tempfile.mkdtemp(prefix="sg4v-kept-")) / name
    write_whole(path, content)
    return path


def remove_leftovers(folder: Path) -> None:
    """Delete what killed runs left half-written in a folder."""
    remove_unfinished(folder)
    before = time.time() - LEFTOVER_SECONDS
    for path in folder.glob(".sg4v-*.part"):  # as earlier versions called it; a young one may still be written
        with contextlib.suppress(OSError):  # another run may have been faster
            if path.stat().st_mtime < before:
                path.unlink()


def _name_bytes(folder: Path | None) -> int:
    while folder is not None:
        try:
            return min(os.pathconf(folder, "PC_NAME_MAX"), NAME_BYTES)
        except FileNotFoundError:
            folder = folder.parent if folder.parent != folder else None
        except (OSError, ValueError, AttributeError):
            break
    return NAME_BYTES
