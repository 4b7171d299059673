"""Files of strangers on their way in: streamed to random names, not too large, not too slow, and videos by their look.

Whatever lies in the folder of uploads is ours alone and goes when the server ends; what a killed server left is removed
by the next one.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from ..foreign import UNSEEN
from .refusals import Refused

_PREFIX = "sg4v-web-"
_HEAD_BYTES = 512
_LEAST_FREE_BYTES = 256 << 20
_CHECKED_BYTES = 1 << 20
"""After so many bytes of a file it is seen whether there is still room."""
_LONGEST_NAME = 120
_ISO_BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot")
_STARTS = (
    b"\x1a\x45\xdf\xa3",  # Matroska, WebM
    b"\x00\x00\x01\xba",  # MPEG-PS
    b"\x00\x00\x01\xb3",  # MPEG video
    b"FLV",
    b"OggS",
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",  # ASF
    b"\x06\x0e\x2b\x34",  # MXF
    b"DKIF",
    b"YUV4MPEG2",
    b"GIF8",
    b"\x89PNG\r\n\x1a\n",
)


def is_video(head: bytes) -> bool:
    """Whether a file begins like one of the containers that are read here."""
    if head.startswith(_STARTS) or head[4:8] in _ISO_BOXES:
        return True
    if head[:4] == b"RIFF":
        return head[8:12] in (b"AVI ", b"WEBP")
    return any(len(head) > at + 188 and head[at] == head[at + 188] == 0x47 for at in (0, 4))  # MPEG-TS, M2TS


def shown_name(name: str) -> str:
    """What an upload is called in pages and captions: the last part of its name, without what steers or hides text."""
    last = re.split(r"[/\\]", UNSEEN.sub("", name))[-1]
    return " ".join(last.split())[:_LONGEST_NAME].rstrip() or "video"


class Uploads:
    """A folder for files of strangers. ``most_bytes`` for each, ``stored_bytes`` for all."""

    def __init__(self, most_bytes: int, stored_bytes: int) -> None:
        _remove_abandoned()
        self.most_bytes, self._stored_bytes = most_bytes, stored_bytes
        self.folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))

    def new_path(self, ending: str = "") -> Path:
        return self.folder / f"{secrets.token_hex(16)}{ending}"

    def bytes_stored(self) -> int:
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())

    async def save(self, chunks: AsyncIterator[bytes], announced_bytes: int | None) -> Path:
        """Write what comes to a new file. Raises Refused when it is too large, empty or no video."""
        self._check_size(announced_bytes or 0)
        path, written, unchecked, head = self.new_path(), 0, 0, b""
        try:
            with path.open("xb") as file:
                async for chunk in chunks:
                    written += len(chunk)
                    self._check_size(written)
                    unchecked += len(chunk)
                    if unchecked >= _CHECKED_BYTES:  # others may be writing as well
                        unchecked = 0
                        self._check_room()
                    if len(head) < _HEAD_BYTES:
                        head += chunk[:_HEAD_BYTES]
                        if len(head) >= _HEAD_BYTES:
                            _check_head(head)
                    file.write(chunk)
            if not written:
                raise Refused(422, "the file is empty (0 bytes); choose another one", "video")
            _check_head(head)
        except OSError as error:
            path.unlink(missing_ok=True)
            raise Refused(507, f"the file cannot be stored: {error.strerror or error}") from error
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return path

    def has_room(self, more_bytes: int) -> bool:
        """Whether so many bytes more may be stored."""
        free = shutil.disk_usage(self.folder).free
        return self.bytes_stored() + more_bytes <= self._stored_bytes and free - more_bytes >= _LEAST_FREE_BYTES

    def close(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def _check_room(self) -> None:
        if not self.has_room(0):
            raise Refused(507, "there is no room for this file; try again when others have finished", retry_seconds=60)

    def _check_size(self, count: int) -> None:
        if count > self.most_bytes:
            most = self.most_bytes // 1_000_000
            raise Refused(413, f"the file is larger than the {most} MB that may be uploaded here")


def _check_head(head: bytes) -> None:
    if not is_video(head):
        raise Refused(415, "this is not a video in a supported format, such as MP4, MOV, MKV, WebM or AVI")


def _remove_abandoned() -> None:
    """Remove what servers of ours that were killed have left."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        process = folder.name.removeprefix(_PREFIX).partition("-")[0]
        try:
            if folder.is_symlink() or folder.stat().st_uid != os.getuid() or not process.isdecimal():
                continue
            os.kill(int(process), 0)
        except ProcessLookupError:
            shutil.rmtree(folder, ignore_errors=True)
        except (OSError, OverflowError, AttributeError):
            continue
