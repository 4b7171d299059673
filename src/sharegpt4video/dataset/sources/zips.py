"""Zip archives: which videos are in them and where; their members read by the local header, without the directory."""

from __future__ import annotations

import io
import stat as modes
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from typing import BinaryIO, cast

from ...errors import VideoError
from ..rows import Failure
from .failures import failure, member_failure
from .members import (
    FREE_BYTES,
    MAX_MEMBERS,
    MAX_RATIO,
    MAX_SIDECAR_BYTES,
    MAX_UNPACKED_BYTES,
    Bounded,
    Draft,
    Spot,
    drafts_of,
    is_sidecar,
    keys_of,
    member_skip,
    read_exactly,
    refusal,
    sidecar_key,
)
from .places import Slice, Stat, UnsafeSource

MAX_DIRECTORY_BYTES = 64 << 20
"""Longest list of members (the central directory) that is read: over half a million members."""
MAX_VERSION = 63
"""The latest version of the zip format that is read, times ten; a later one may mean anything."""
_DIRECTORY_ENTRY, _ENTRY_BYTES = b"PK\1\2", 46
LOCAL_HEADER = struct.Struct("<4s5H3I2H")
CHUNK_BYTES = 1 << 18
STORED, DEFLATED = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED
_ENCRYPTED = 0x1 | 0x40
_UTF8_NAME = 0x800
_ZIP_ERRORS = (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error, zlib.error, EOFError)


class _Capped(io.RawIOBase):
    """What ``zipfile`` reads from: never more at once than a directory may have.

    ``versions`` are the versions of the format that the members need. ``zipfile`` gives up on the whole archive if one
    member needs a version that it does not know, so it is never shown such a version.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.versions: list[int] = []

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def read(self, size: int = -1) -> bytes:
        if size > MAX_DIRECTORY_BYTES:
            raise UnsafeSource(f"its list of members has {size:,} bytes; divide the archive")
        data = self._file.read(size)
        return self._readable(data) if data.startswith(_DIRECTORY_ENTRY) else data

    def _readable(self, directory: bytes) -> bytes:
        readable, at, self.versions = bytearray(directory), 0, []
        while directory.startswith(_DIRECTORY_ENTRY, at) and len(directory) - at >= _ENTRY_BYTES:
            (version,) = struct.unpack_from("<H", directory, at + 6)
            self.versions.append(version)
            struct.pack_into("<H", readable, at + 6, min(version, MAX_VERSION))
            at += _ENTRY_BYTES + sum(struct.unpack_from("<3H", directory, at + 28))
        return bytes(readable)


def list_zip(file: BinaryIO, archive: str, stat: Stat, skipped: Counter[str]) -> Iterator[Draft | Failure]:
    """The videos of an open zip in its directory's order; what is wrong with a member or the archive is a Failure."""
    try:
        with closing(_Capped(file)) as capped, zipfile.ZipFile(cast(BinaryIO, capped)) as opened:
            infos = opened.infolist()
            for info, version in zip(infos, capped.versions, strict=False):
                info.extract_version = version
            if len(infos) > MAX_MEMBERS:
                raise UnsafeSource(f"more than {MAX_MEMBERS:,} members; divide the archive")
            yield from _listed(archive, stat, opened, infos, skipped)
    except UnsafeSource as error:
        yield failure(archive, str(error), "unsafe")
    except _ZIP_ERRORS as error:
        yield failure(archive, f"not a zip, damaged or cut short ({error}); copy or download it again")


def _listed(
    archive: str, stat: Stat, opened: zipfile.ZipFile, infos: list[zipfile.ZipInfo], skipped: Counter[str]
) -> Iterator[Draft | Failure]:
    sidecars = {sidecar_key(info.filename): info for info in infos if is_sidecar(info.filename)}
    overlapping = _overlapping(infos, stat.size_bytes)
    names: set[str] = set()
    described: set[str] = set()
    for info in infos:
        if info.filename.endswith("/"):
            continue
        refused = refusal(archive, info.orig_filename) or _odd(archive, info, overlapping, names)
        names.add(info.filename)
        if refused:
            yield refused
            continue
        reason = member_skip(info.filename)
        if reason and not is_sidecar(info.filename):
            skipped[reason] += 1
        if reason:
            continue
        spot = Spot(stat.modified, info.header_offset, info.CRC)
        try:
            beside = _beside(opened, info.filename, sidecars)
        except (*_ZIP_ERRORS, RuntimeError) as error:
            reason = f"the description beside it cannot be read: {error}"
            yield member_failure(archive, info.filename, reason, "unreadable")
            continue
        described |= beside.keys()
        yield from drafts_of(archive, info.filename, info.file_size, spot, beside)
    if left := len(sidecars.keys() - described):
        skipped["description without a video beside it"] += left


def _overlapping(infos: list[zipfile.ZipInfo], archive_bytes: int) -> set[int]:
    """The offsets of members that share bytes with another one or with the end of the archive: a kind of bomb."""
    offsets: set[int] = set()
    ordered = sorted(infos, key=lambda info: info.header_offset)
    last_end, last_start = 0, -1
    for info in ordered:
        if info.header_offset < last_end:
            offsets |= {last_start, info.header_offset}
        end = info.header_offset + LOCAL_HEADER.size + _name_bytes(info) + info.compress_size
        if end > last_end:
            last_end, last_start = end, info.header_offset
        if end > archive_bytes:
            offsets.add(info.header_offset)
    return offsets


def _name_bytes(info: zipfile.ZipInfo) -> int:
    """How long the name is in the archive: UTF-8 where a flag says so, else one byte for each character."""
    return len(info.orig_filename.encode(errors="replace") if info.flag_bits & _UTF8_NAME else info.orig_filename)


def _odd(archive: str, info: zipfile.ZipInfo, overlapping: set[int], names: set[str]) -> Failure | None:
    name = info.filename
    if name in names:
        return member_failure(archive, f"{name} (again)", "a second member of the same name is refused")
    if info.create_system == 3 and modes.S_IFMT(info.external_attr >> 16) not in (0, modes.S_IFREG):
        return member_failure(archive, name, "a link or device in an archive is refused")
    if info.header_offset in overlapping or (info.compress_type == STORED and info.compress_size != info.file_size):
        return member_failure(archive, name, "its bytes overlap another member's or leave the archive; refused")
    if info.flag_bits & _ENCRYPTED:
        return member_failure(archive, name, "encrypted; unpack it with its password", "unreadable")
    if info.extract_version > MAX_VERSION:
        version = f"{info.extract_version / 10:g}"
        return member_failure(
            archive,
            name,
            f"needs version {version} of the zip format, which is not read; pack it again",
            "unreadable",
        )
    if info.compress_type not in (STORED, DEFLATED):
        return member_failure(
            archive, name, f"packed with method {info.compress_type}, which is not read; pack it again", "unreadable"
        )
    if info.file_size > MAX_UNPACKED_BYTES and info.compress_type != STORED:
        return member_failure(archive, name, f"unpacks to {info.file_size:,} bytes; unpack it yourself")
    if info.file_size > FREE_BYTES and info.file_size > MAX_RATIO * max(info.compress_size, 1):
        return member_failure(archive, name, f"unpacks to over {MAX_RATIO} times its size, as a bomb does; refused")
    return None


def _beside(opened: zipfile.ZipFile, name: str, sidecars: dict[str, zipfile.ZipInfo]) -> dict[str, bytes]:
    texts = {}
    for other in (f"{key}.{ending}" for key in keys_of(name) for ending in ("json", "txt")):
        info = sidecars.get(other)
        if (
            info
            and info.extract_version <= MAX_VERSION
            and not info.flag_bits & _ENCRYPTED
            and info.compress_type in (STORED, DEFLATED)
        ):
            with opened.open(info) as file:
                text = file.read(MAX_SIDECAR_BYTES + 1)
            if len(text) <= MAX_SIDECAR_BYTES:
                texts[other] = text
    return texts


def open_zip_member(file: BinaryIO, archive: str, name: str, size_bytes: int, spot: Spot) -> Slice | Inflating:
    """A member's bytes in an open zip: a seekable slice of it where they are stored, a stream where they are deflated.

    Raises UnsafeSource, VideoError or OSError where the archive does not hold it as it was listed.
    """
    file.seek(spot.offset)
    head = read_exactly(file, LOCAL_HEADER.size, name)
    signature, _, flags, method, *_, name_bytes, extra_bytes = LOCAL_HEADER.unpack(head)
    if signature != b"PK\3\4":
        raise VideoError(f"{archive}::{name}: the archive's list points to something else; it is damaged")
    written = read_exactly(file, name_bytes, name)
    if flags & _ENCRYPTED or written not in (name.encode(), name.encode("cp437", errors="replace")):
        raise UnsafeSource(f"{archive}::{name}: the archive's list and the member itself disagree; refused")
    start = spot.offset + LOCAL_HEADER.size + name_bytes + extra_bytes
    if method not in (STORED, DEFLATED):
        raise VideoError(f"{archive}::{name}: packed with method {method}, which is not read; pack it again")
    file.seek(start)
    if method == STORED:
        return Slice(file, start, size_bytes, name.rpartition("/")[2])
    return Inflating(file, f"{archive}::{name}", size_bytes, spot.crc)


class Inflating:
    """A deflated member from its first byte on. Reading raises UnsafeSource for a bomb, OSError where it is damaged."""

    def __init__(self, file: BinaryIO, name: str, size_bytes: int, crc: int | None) -> None:
        self._file, self._name, self._size, self._expected = file, name, size_bytes, crc
        self._unpack = zlib.decompressobj(-15)
        self._bound = Bounded(name, max(size_bytes, 1))
        self._taken = self._crc = 0
        self._packed = b""

    def read(self, size: int) -> bytes:
        while not self._unpack.eof:
            if not self._packed:
                self._packed = _some(self._file)
                self._taken += len(self._packed)
            try:
                data = self._unpack.decompress(self._packed, size)
            except zlib.error as error:
                raise OSError(f"damaged: {error}") from error
            self._packed = self._unpack.unconsumed_tail
            if data:
                self._crc = zlib.crc32(data, self._crc)
                self._bound.count(len(data), self._taken)
                return data
        if self._bound.given != self._size or self._expected not in (None, self._crc):
            raise OSError("its length or checksum is not the one in the archive's list; it is damaged")
        return b""


def _some(file: BinaryIO) -> bytes:
    data = file.read(CHUNK_BYTES)
    if not data:
        raise OSError("the archive ends inside this member; it was cut short")
    return data
