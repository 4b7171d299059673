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
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO, cast

from ...errors import VideoError
from ...files import content_id
from ..rows import Failure, FailureKind
from .failures import failure, member_failure
from .ids import HashLookup
from .members import (
    MAX_MEMBERS,
    MAX_SIDECAR_BYTES,
    Bounded,
    Draft,
    Spot,
    drafts_of,
    is_sidecar,
    keys_of,
    member_skip,
    refusal,
    sidecar_key,
)
from .places import Stat, UnsafeSource

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
_NO_FILES = (b"V", b"D")
"""Types of GNU tar that hold no file: the archive's label, and the listing of a folder (incremental backups)."""
UNPACK_ERRORS = (EOFError, zlib.error, lzma.LZMAError, OSError)
_TAR_ERRORS = (*UNPACK_ERRORS, tarfile.TarError, ValueError, OverflowError, struct.error, IndexError, KeyError)


class Unpacked:
    """The bytes of a compressed tar from its start on, counted against bombs. Closing it leaves the tar itself open."""

    def __init__(self, file: BinaryIO, archive: str, packing: str) -> None:
        if packing not in UNPACKERS:
            raise VideoError(f"{archive}: {packing} is not unpacked here; make a plain .tar of it")
        self._packed = file
        self._file = UNPACKERS[packing](file)
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


class _LongHeader(UnsafeSource):
    """An extended header (of a name or of attributes) that is too long to be read: its member alone is refused."""


class _Tape:
    """What ``tarfile`` reads from: forward only, and never much at once, whatever a header claims."""

    def __init__(self, file: Any, seeks: bool) -> None:
        self._file, self._seeks = file, seeks
        self._position = self._at = 0
        self._last = self._again = b""
        self.block = b""
        """What tarfile read last: in the end the block at which it found no further header."""

    def tell(self) -> int:
        return self._position

    def seek(self, position: int) -> int:
        if position < self._at - 1:
            raise UnsafeSource("a header points back to bytes already read")
        self._position = position
        return position

    def read(self, size: int) -> bytes:
        if size < 0 or size > MAX_HEADER_BYTES:
            raise _LongHeader(f"a header of {size:,} bytes is refused, and the member that it belongs to")
        if size == 1 and self._last and self._position == self._at - 1:  # tarfile looks at a member's last byte
            self._position += 1
            return self._last
        self.block = self.content(self._position, size)
        return self.block

    def rewind(self, start: int, block: bytes) -> None:
        """Begin again at a block that was read last, or, of a plain tar, anywhere."""
        self._at = self._position = start
        self._again, self._last = (b"" if self._seeks else block), b""

    def content(self, start: int, size: int) -> bytes:
        """Bytes of the archive from ``start`` on, not before what was read last."""
        if self._seeks:
            self._file.seek(start)
        elif start > self._at:
            dropped, self._again = self._again, self._again[start - self._at :]
            self._file.skip(start - self._at - len(dropped) + len(self._again))
        held, self._again = self._again[:size], self._again[size:]
        data: bytes = held + self._file.read(size - len(held))
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
    def __init__(
        self,
        file: BinaryIO | Unpacked,
        archive: str,
        stat: Stat,
        skipped: Counter[str],
        lookup: HashLookup | None,
    ) -> None:
        self._archive, self._stat, self._skipped, self._lookup = archive, stat, skipped, lookup
        self._packed = isinstance(file, Unpacked)
        self._tape = _Tape(file, not self._packed)
        self._is_tar = True
        self._names: set[int] = set()
        self._group = _Group()
        self._foreign = False

    def __iter__(self) -> Iterator[Draft | Failure]:
        try:
            first = self._tape.content(0, BLOCK)
            self._is_tar = first[257:262] == b"ustar" or is_header(first)
            start: tuple[int, bytes] | None = (0, first)
            while start is not None:
                start = yield from self._stretch(*start)
        except (UnsafeSource, *_TAR_ERRORS) as error:
            yield from self._flushed()
            kind: FailureKind = "unsafe" if isinstance(error, UnsafeSource) else "unreadable"
            yield failure(self._archive, f"{error_text(error, self._archive)}; what follows in it is not listed", kind)

    def _stretch(self, start: int, block: bytes) -> Generator[Draft | Failure, None, tuple[int, bytes] | None]:
        """The members from a header on, up to what cannot be read; returns the next good header, if there is one."""
        self._tape.rewind(start, block)
        kind: FailureKind = "unreadable"
        try:
            reason, behind = yield from self._read()
        except (_LongHeader, *_TAR_ERRORS) as error:
            reason, behind = error_text(error, self._archive), self._tape.tell()
            if isinstance(error, _LongHeader):  # the header behind it is the member's, with a part of its name only
                kind = "unsafe"
                behind = (self._next_header(behind) or (behind, b""))[0] + BLOCK
        yield from self._flushed()
        if not reason:
            return self._second_part(behind)
        following = self._next_header(behind) if self._is_tar else None
        rest = "the rest is left out" if following is None else f"it is read on from byte {following[0]}"
        yield failure(self._archive, f"damaged or cut short ({reason}); {rest}", kind)
        return following

    def _second_part(self, position: int) -> tuple[int, bytes] | None:
        """The first header of a tar that follows the end of another one, as ``cat`` joins them.

        A compressed one is always read to its end, where the checksum of the unpacked data is.
        """
        header = self._next_header(position)
        if header is None and self._foreign:
            self._skipped["data after the end of a tar that is not a tar"] += 1
        return header

    def _next_header(self, position: int) -> tuple[int, bytes] | None:
        """The next block that is a header of POSIX or GNU with a good checksum, and where it lies; None at the end."""
        position = -(-position // BLOCK) * BLOCK
        step = BLOCK if self._packed else CHUNK_BYTES
        self._foreign = False
        while data := self._tape.content(position, step):
            self._foreign |= bool(data.strip(b"\0"))
            for at in range(0, len(data) - BLOCK + 1, BLOCK):
                block = data[at : at + BLOCK]
                if block[257:262] == b"ustar" and is_header(block):
                    return position + at, block
            position += len(data)
        return None

    def _read(self) -> Generator[Draft | Failure, None, tuple[str, int]]:
        """The members from a header on; then what is wrong behind the last one ("" at a proper end), and where."""
        tar: Any = tarfile.TarFile(fileobj=cast(BinaryIO, self._tape), mode="r", errors="surrogateescape")
        while (member := tar.next()) is not None:
            tar.members = []  # tarfile would keep them all
            if member.size < 0:
                return f"a member of negative size at byte {member.offset}", member.offset_data
            stored = member.isreg() and not member.issparse()
            if stored and not self._packed and member.offset_data + member.size > self._stat.size_bytes:
                yield member_failure(self._archive, member.name, _CUT, "unreadable")
                return "this member claims an impossible length", member.offset_data
            if member.type in _NO_FILES:
                self._skipped["label or folder listing of a GNU tar"] += 1
            elif not member.isdir():
                yield from self._member(member)
        end = self._tape.block
        if end.strip(b"\0"):
            return f"a damaged header at byte {tar.offset}", tar.offset + BLOCK
        return ("" if len(end) == BLOCK else f"no end mark at byte {tar.offset}"), tar.offset + len(end)

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
            self._group.sidecars[sidecar_key(member.name)] = self._tape.content(member.offset_data, member.size)
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
        return None

    def _content(self, member: tarfile.TarInfo) -> str:
        """The content's id where it has to be made now, since this pass is the only one."""
        if not self._packed or not member.size:
            return ""
        location, modified = f"{self._archive}::{member.name}", str(Spot(self._stat.modified, member.offset_data))
        stored = self._lookup(location, member.size, modified) if self._lookup else None
        return stored or content_id(self._tape.chunks(member.offset_data, member.size))

    def _flushed(self) -> Iterator[Draft | Failure]:
        """The sources of the group that has just ended."""
        group, self._group = self._group, _Group()
        if not group.videos and group.sidecars:
            self._skipped["description without a video beside it"] += len(group.sidecars)
        for name, offset, size, content in group.videos:
            spot = Spot(self._stat.modified, offset)
            yield from drafts_of(self._archive, name, size, spot, group.sidecars, content)


_CUT = "the archive ends inside this member; it was cut short"


def is_header(block: bytes) -> bool:
    try:
        tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except (tarfile.TarError, ValueError):
        return False
    return True


def list_tar(
    file: BinaryIO | Unpacked, archive: str, stat: Stat, skipped: Counter[str], lookup: HashLookup | None = None
) -> Iterator[Draft | Failure]:
    """The videos of an open tar in its own order; what is wrong with a member or the archive comes as a Failure."""
    return iter(_Listing(file, archive, stat, skipped, lookup))


def error_text(error: BaseException, archive: str) -> str:
    text = str(error).removeprefix(f"{archive}: ")
    return text or os.strerror(getattr(error, "errno", None) or 0) if isinstance(error, OSError) else text or "damaged"
