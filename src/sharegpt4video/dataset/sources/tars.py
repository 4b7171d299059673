"""Tar archives and WebDataset shards: which videos are in them and where, in one pass in constant memory.

Plain tars are read by their headers alone and their members are opened where they lie. Compressed ones have to be
unpacked from the start to reach a member, so their videos are hashed in the pass that lists them.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import struct
import tarfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO, cast

from ...errors import VideoError
from ..rows import Failure
from .folders import failure
from .ids import Known, content_id
from .members import (
    MAX_MEMBERS,
    MAX_SIDECAR_BYTES,
    Bounded,
    Draft,
    Spot,
    drafts_of,
    is_sidecar,
    keys_of,
    member_failure,
    member_skip,
    refusal,
)
from .places import Stat, UnsafeSource, open_bytes

MAX_HEADER_BYTES = 1 << 20
"""Longest extended header (long names, attributes) that is read."""
MAX_GROUP = 1000
"""So many members in a row with one key are no sample of a WebDataset any more."""
CHUNK_BYTES = 1 << 20
BLOCK = tarfile.BLOCKSIZE
UNPACKERS: dict[str, Callable[[BinaryIO], Any]] = {
    "gz": lambda file: gzip.GzipFile(fileobj=file),
    "bz2": bz2.BZ2File,
    "xz": lzma.LZMAFile,
}
SHORT_ENDINGS = {"tgz": "gz", "tbz2": "bz2", "txz": "xz"}
UNPACK_ERRORS = (EOFError, zlib.error, lzma.LZMAError, OSError)
_TAR_ERRORS = (*UNPACK_ERRORS, tarfile.TarError, ValueError, OverflowError, struct.error, IndexError, KeyError)


def packing_of(archive: str) -> str:
    """``gz``, ``bz2``, ``xz`` or ``zst`` for a compressed tar, "" for a plain one."""
    ending = archive.lower().rpartition(".")[2]
    return "" if ending == "tar" else SHORT_ENDINGS.get(ending, ending)


class Unpacked:
    """The bytes of a compressed tar from its start on, counted against bombs."""

    def __init__(self, archive: str) -> None:
        packing = packing_of(archive)
        if packing not in UNPACKERS:
            raise VideoError(f"{archive}: {packing} is not unpacked here; make a plain .tar of it")
        self._packed = open_bytes(archive)
        self._file = UNPACKERS[packing](self._packed)
        self._bound = Bounded(archive, 1 << 50)

    def read(self, size: int) -> bytes:
        data: bytes = self._file.read(size)
        self._bound.count(len(data), self._packed.tell())
        return data

    def skip(self, size: int) -> None:
        """Raises EOFError where the stream ends before."""
        while size > 0:
            read = len(self.read(min(size, CHUNK_BYTES)))
            if not read:
                raise EOFError("the archive ends before this member")
            size -= read

    def close(self) -> None:
        self._file.close()
        self._packed.close()


class _Tape:
    """What ``tarfile`` reads from: forward only, and never much at once, whatever a header claims."""

    def __init__(self, file: Any, seeks: bool) -> None:
        self._file, self._seeks = file, seeks
        self._position = self._at = 0
        self._last = b""
        self.block = b""
        """What tarfile read last: in the end the block at which it found no further header."""

    def tell(self) -> int:
        return self._position

    def seek(self, position: int) -> int:
        if position < self._at - 1:
            raise UnsafeSource("a header points back to what was read already")
        self._position = position
        return position

    def read(self, size: int) -> bytes:
        if size < 0 or size > MAX_HEADER_BYTES:
            raise UnsafeSource(f"a header of {size:,} bytes is refused")
        if size == 1 and self._last and self._position == self._at - 1:  # tarfile looks at a member's last byte
            self._position += 1
            return self._last
        self.block = self.content(self._position, size)
        return self.block

    def content(self, start: int, size: int) -> bytes:
        """Bytes of the archive from ``start`` on, not before what was read last."""
        if self._seeks:
            self._file.seek(start)
        elif start > self._at:
            self._file.skip(start - self._at)
        data: bytes = self._file.read(size)
        self._at = self._position = start + len(data)
        self._last = data[-1:]
        return data

    def chunks(self, start: int, size: int) -> Iterator[bytes]:
        while size > 0:
            data = self.content(start, min(size, CHUNK_BYTES))
            if not data:
                raise EOFError("the archive ends inside this member")
            yield data
            start, size = start + len(data), size - len(data)


@dataclass
class _Group:
    """The members in a row with one key: a sample of a WebDataset."""

    key: str = ""
    count: int = 0
    videos: list[tuple[str, int, int, str]] = field(default_factory=list)
    sidecars: dict[str, bytes] = field(default_factory=dict)


class _Listing:
    def __init__(self, archive: str, stat: Stat, skipped: Counter[str], known: Known | None) -> None:
        self._archive, self._stat, self._skipped, self._known = archive, stat, skipped, known
        self._packed = bool(packing_of(archive))
        self._names: set[int] = set()
        self._group = _Group()

    def __iter__(self) -> Iterator[Draft | Failure]:
        try:
            file: Any = Unpacked(self._archive) if self._packed else open_bytes(self._archive, self._stat.size_bytes)
        except FileNotFoundError:
            yield failure(self._archive, "this archive is not there any more", "vanished")
            return
        except (OSError, VideoError) as error:
            yield failure(self._archive, _said(error, self._archive))
            return
        try:
            self._tape = _Tape(file, not self._packed)
            yield from self._read()
        except UnsafeSource as error:
            yield from self._flushed()
            yield failure(self._archive, f"{_said(error, self._archive)}; what follows in it is not listed", "unsafe")
        except _TAR_ERRORS as error:
            yield from self._flushed()
            yield failure(self._archive, f"damaged or cut short ({_said(error, self._archive)}), the rest is left out")
        finally:
            file.close()

    def _read(self) -> Iterator[Draft | Failure]:
        tar: Any = tarfile.TarFile(fileobj=cast(BinaryIO, self._tape), mode="r", errors="surrogateescape")
        while (member := tar.next()) is not None:
            tar.members = []  # tarfile would keep them all
            if not member.isdir():
                yield from self._member(member)
        yield from self._flushed()
        end = self._tape.block
        if len(end) < BLOCK or end.strip(b"\0"):
            what = "a damaged header follows" if end.strip(b"\0") else "no end mark follows; it may be cut short"
            yield failure(self._archive, f"{what} at byte {tar.offset}; what is before it is listed")

    def _member(self, member: tarfile.TarInfo) -> Iterator[Draft | Failure]:
        refused = refusal(self._archive, member.name) or self._odd(member)
        if refused:
            yield refused
            return
        key = keys_of(member.name)[1]
        if key != self._group.key or self._group.count >= MAX_GROUP:
            yield from self._flushed()
            self._group = _Group(key)
        self._group.count += 1
        reason = member_skip(member.name)
        if not reason:
            self._group.videos.append((member.name, member.offset_data, member.size, self._content(member)))
        elif is_sidecar(member.name) and reason != "hidden" and member.size <= MAX_SIDECAR_BYTES:
            self._group.sidecars[member.name] = self._tape.content(member.offset_data, member.size)
        else:
            self._skipped[reason] += 1

    def _odd(self, member: tarfile.TarInfo) -> Failure | None:
        name, archive = member.name, self._archive
        if not member.isreg():
            return member_failure(archive, name, "a link or device in an archive is refused")
        if member.issparse():
            return member_failure(archive, name, "a sparse member is not read; pack it again without --sparse")
        if hash(name) in self._names:
            return member_failure(archive, f"{name} (again)", "a second member of the same name is refused")
        self._names.add(hash(name))
        if len(self._names) > MAX_MEMBERS:
            raise UnsafeSource(f"more than {MAX_MEMBERS:,} members; divide the archive")
        if member.size < 0:
            raise UnsafeSource("a member of negative size")
        if not self._packed and member.offset_data + member.size > self._stat.size_bytes:
            return member_failure(archive, name, "the archive ends inside this member; it was cut short", "unreadable")
        return None

    def _content(self, member: tarfile.TarInfo) -> str:
        """The content's id where it has to be made now, since this pass is the only one."""
        if not self._packed or not member.size:
            return ""
        location, modified = f"{self._archive}::{member.name}", str(Spot(self._stat.modified, member.offset_data))
        found = self._known(location, member.size, modified) if self._known else None
        return found or content_id(self._tape.chunks(member.offset_data, member.size))

    def _flushed(self) -> Iterator[Draft | Failure]:
        """The sources of the group that has just ended."""
        group, self._group = self._group, _Group()
        if not group.videos and group.sidecars:
            self._skipped["description without a video beside it"] += len(group.sidecars)
        for name, offset, size, content in group.videos:
            spot = Spot(self._stat.modified, offset)
            yield from drafts_of(self._archive, name, size, spot, group.sidecars, content)


def list_tar(archive: str, stat: Stat, skipped: Counter[str], known: Known | None = None) -> Iterator[Draft | Failure]:
    """The videos of a tar in its own order; what is wrong with a member or the archive comes as a Failure."""
    return iter(_Listing(archive, stat, skipped, known))


def _said(error: Exception, archive: str) -> str:
    text = str(error).removeprefix(f"{archive}: ")
    return text or os.strerror(getattr(error, "errno", None) or 0) if isinstance(error, OSError) else text or "damaged"
