"""Archives read in place, whatever their kind: listing their videos, finding one, opening one."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import lru_cache
from typing import BinaryIO, cast

from ...errors import VideoError
from ..rows import Failure, FailureKind
from .failures import failure
from .ids import HashLookup
from .kinds import split_member
from .members import Draft, Spot, spot_of
from .places import Slice, SourceGone, Stat, UnsafeSource, open_bytes, opening_errors, stat
from .tars import BLOCK, UNPACK_ERRORS, Unpacked, error_text, is_header, list_tar
from .unpack import Readable, unpacked
from .zips import list_zip, open_zip_member

_MAGIC = (
    (b"\x1f\x8b", "gz"),
    (b"BZh", "bz2"),
    (b"\xfd7zXZ\0", "xz"),
    (b"\x28\xb5\x2f\xfd", "zst"),
    (b"PK\3\4", "zip"),
    (b"PK\5\6", "zip"),
)
_SHORT_ENDINGS = {"tgz": "gz", "tbz2": "bz2", "txz": "xz"}


def list_archive(
    archive: str, archive_stat: Stat, skipped: Counter[str], lookup: HashLookup | None = None
) -> Iterator[Draft | Failure]:
    """The videos of a tar or zip, with size and place; a Failure for each member that is refused.

    What is neither video nor archive is counted in ``skipped``. Memory is that of a zip's directory, of a tar eight
    bytes a member. ``lookup`` spares hashing in compressed tars.
    """
    with ExitStack() as stack:
        try:
            file = stack.enter_context(open_bytes(archive, archive_stat.size_bytes))
            packing = _packing_in(file, archive)
            tape = file if packing in ("", "zip") else stack.enter_context(closing(Unpacked(file, archive, packing)))
        except FileNotFoundError:
            yield failure(archive, "this archive is not there any more", "vanished")
        except opening_errors() as error:
            kind: FailureKind = "unsafe" if isinstance(error, UnsafeSource) else "unreadable"
            yield failure(archive, error_text(error, archive), kind)
        else:
            if packing == "zip":
                yield from list_zip(file, archive, archive_stat, skipped)
            else:
                yield from list_tar(tape, archive, archive_stat, skipped, lookup)


def member_stat(location: str) -> Stat:
    """Size and place of one member. Raises FileNotFoundError where the archive has no (usable) member of that name."""
    archive, name = cast("tuple[str, str]", split_member(location))
    archive_stat = stat(archive)
    index = _index(archive, archive_stat)
    if name not in index:
        raise FileNotFoundError(f"{location}: the archive has no video of that name, or it is refused")
    return index[name]


@lru_cache(maxsize=4)
def _index(archive: str, archive_stat: Stat) -> dict[str, Stat]:
    index = {}
    for draft in list_archive(archive, archive_stat, Counter(), lambda *_: "0" * 32):
        if isinstance(draft, Draft):
            name = draft.source.location.removeprefix(f"{archive}::")
            index[name] = Stat(draft.source.size_bytes, draft.source.modified)
    return index


@contextmanager
def member_stream(location: str, size_bytes: int, spot: Spot) -> Iterator[Readable]:
    """A member's bytes from first to last; a ``Slice``, which can seek, where it lies in the archive as it is."""
    archive, name = cast("tuple[str, str]", split_member(location))
    packing = _packing_of(archive, spot.modified)
    with open_bytes(archive) as file:
        if packing == "zip":
            yield open_zip_member(file, archive, name, size_bytes, spot)
        elif packing:
            with closing(Unpacked(file, archive, packing)) as tape:
                tape.skip(spot.offset)
                yield _Limited(tape, size_bytes)
        else:
            yield Slice(file, spot.offset, size_bytes, name.rpartition("/")[2])


@lru_cache(maxsize=256)
def _packing_of(archive: str, modified: str) -> str:  # noqa: ARG001 - part of the cache's key
    """How the archive of a member is packed: looked up once for all of its members, as storage bills each request."""
    with open_bytes(archive) as file:
        return _packing_in(file, archive)


def _packing_in(file: BinaryIO, archive: str) -> str:
    """``gz``, ``bz2``, ``xz`` or ``zst`` for a compressed tar, ``zip``, or "" for a plain tar.

    The content decides, and the name only where the content is of no known kind. The file is at its start afterwards.
    """
    head = file.read(BLOCK)
    file.seek(0)
    packed = next((packing for magic, packing in _MAGIC if head.startswith(magic)), None)
    if packed is not None or head[257:262] == b"ustar":
        return packed or ""
    ending = archive.lower().rpartition(".")[2]
    return "" if ending == "tar" or is_header(head) else _SHORT_ENDINGS.get(ending, ending)


@contextmanager
def open_member(location: str, size_bytes: int, modified: str) -> Iterator[str | BinaryIO]:
    """A member as ``VideoReader`` takes it: a seekable file, or the path of its unpacked copy, gone afterwards.

    Raises SourceGone, UnsafeSource or another VideoError saying what is wrong.
    """
    spot = spot_of(modified)
    if spot is None:
        now = member_stat(location)
        size_bytes, spot = now.size_bytes, cast(Spot, spot_of(now.modified))
    with ExitStack() as stack:
        try:
            stream = stack.enter_context(member_stream(location, size_bytes, spot))
            if isinstance(stream, Slice):
                video: str | BinaryIO = cast(BinaryIO, io.BufferedReader(stream, 1 << 16))
            else:
                video = stack.enter_context(unpacked(stream, (split_member(location) or ("", location))[1], size_bytes))
        except FileNotFoundError as error:
            raise SourceGone(f"{location}: the archive is not there any more") from error
        except UNPACK_ERRORS as error:
            raise VideoError(f"{location}: the member cannot be read: {error}") from error
        yield video


class _Limited:
    """The next ``size_bytes`` of a stream."""

    def __init__(self, stream: Readable, size_bytes: int) -> None:
        self._stream, self._left = stream, size_bytes

    def read(self, size: int, /) -> bytes:
        data = self._stream.read(min(size, self._left))
        if not data and self._left:
            raise OSError("the archive ends inside this member; it was cut short")
        self._left -= len(data)
        return data
