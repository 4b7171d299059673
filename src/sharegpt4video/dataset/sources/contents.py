"""What a source holds, and whether it is still that: the one place where a file is held against what was hashed."""

from __future__ import annotations

import os
import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from http.client import HTTPException

from ...errors import VideoError
from ...files import content_id
from ...foreign import without_secrets
from ..rows import SourceVideo
from .archives import member_stat, member_stream
from .failures import printable
from .ids import HashLookup, place_id
from .kinds import SingleKind, single_kind, split_member
from .members import spot_of
from .places import (
    SourceGone,
    SourceReplaced,
    Stat,
    as_named_on_disk,
    open_bytes,
    scheme_of,
    stat,
    storage_errors,
    web_chunks,
)
from .tars import UNPACK_ERRORS
from .unpack import Readable

CHUNK_BYTES = 1 << 20
KEPT_CONTENTS = 4096
"""While listing, the ids of this many contents are kept, for further spans of the same files."""


def looked_up(source: SourceVideo, kind: SingleKind | None = None) -> SourceVideo:
    """The source with its size and date, under the name that is on disk. Raises what ``reading_errors`` lists.

    ``kind``, here and below, is its ``single_kind`` where the caller knows it already.
    """
    location = source.location
    if (kind or single_kind(location)) == "member":
        file_stat = member_stat(location)
    else:
        location = as_named_on_disk(location)
        file_stat = stat(location)
    if file_stat.is_folder:
        raise VideoError("this is a folder, not a video; name it in the command itself")
    return replace(source, location=location, size_bytes=file_stat.size_bytes, modified=file_stat.modified)


class Contents:
    """The ids of contents: from earlier runs, from this one, or by reading. Each file is read once at a time."""

    def __init__(self, lookup: HashLookup | None) -> None:
        self._lookup = lookup
        self._lock, self._lookup_lock = threading.Lock(), threading.Lock()
        self._kept: OrderedDict[tuple[str, int, str], Future[str]] = OrderedDict()

    def stored(self, location: str, size_bytes: int, modified: str) -> str | None:
        if self._lookup is None or not modified:
            return None
        with self._lookup_lock:
            return self._lookup(location, size_bytes, modified)

    def of(self, source: SourceVideo, kind: SingleKind) -> str:
        key = (source.location, source.size_bytes, source.modified)
        with self._lock:
            future = self._kept.get(key)
            if mine := future is None:
                future = self._kept[key] = Future()
                if len(self._kept) > KEPT_CONTENTS:
                    self._kept.popitem(last=False)
        if mine:
            try:
                future.set_result(self.stored(*key) or read_content(source, kind))
            except BaseException as error:  # whatever it is: other threads may be waiting for this future
                future.set_exception(error)
                raise
        return future.result()


def read_content(source: SourceVideo, kind: SingleKind | None = None) -> str:
    location, size = source.location, source.size_bytes
    kind = kind or single_kind(location)
    if kind == "address":
        # Downloading a whole video to list it would cost more than captioning it: the server's word counts.
        if source.modified:
            # Without its signature: an address that is signed again is still the same file.
            return place_id("web", without_secrets(location), str(size), source.modified)
        return content_id(web_chunks(location, CHUNK_BYTES))
    spot = spot_of(source.modified) if kind == "member" else None
    if spot is not None:
        with member_stream(location, size, spot) as stream:
            return content_id(_chunks(stream, size, spot.crc))
    with open_bytes(location, size) as file:
        content = content_id(_chunks(file, size))
        if not scheme_of(location) and os.fstat(file.fileno()).st_mtime_ns != int(source.modified):
            raise VideoError("the file changes while it is being read; try again when it is complete")
    return content


def _chunks(stream: Readable, size_bytes: int, crc: int | None = None) -> Iterator[bytes]:
    """A stream's bytes. Raises VideoError when there are not ``size_bytes`` of them, or with another checksum."""
    read = crc_read = 0
    while chunk := stream.read(CHUNK_BYTES):
        read += len(chunk)
        crc_read = zlib.crc32(chunk, crc_read) if crc is not None else 0
        yield chunk
    if read != size_bytes:
        raise VideoError(f"has {read:,} bytes instead of {size_bytes:,}; it is changing or cut short, try again later")
    if crc is not None and crc_read != crc:
        raise VideoError("its checksum is not the one in the archive's list; the archive is damaged")


def reading_errors() -> tuple[type[BaseException], ...]:
    """What looking up and reading a source raises."""
    return (VideoError, ValueError, HTTPException, *UNPACK_ERRORS, *storage_errors())


Look = Callable[[str], Stat]


def confirmed(
    source: SourceVideo, look: Look = stat, contents: Contents | None = None, kind: SingleKind | None = None
) -> SourceVideo:
    """The source with the size and date that it has now, if it is still the file that was hashed.

    Equal size and date are taken as proof. With another date but the size of before (copied, touched, restored, packed
    anew) it is read, and its hash decides; behind a web address, where nothing is hashed, the date alone does. What
    has neither size nor date (``SourceVideo.can_compare``) is only looked for. ``look`` is ``places.stat``, or one
    that remembers; ``contents`` spares reading what was hashed before.

    Raises SourceGone when there is nothing there any more, SourceReplaced when something else is, and VideoError when
    it cannot be looked up.
    """
    try:
        return _confirmed(source, kind or single_kind(source.location), look, contents or Contents(None))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise SourceGone(f"{printable(source.location)}: the file is not there any more") from error
    except VideoError:
        raise
    except reading_errors() as error:
        raise VideoError(f"{printable(source.location)}: cannot be read: {error}") from error


def _confirmed(source: SourceVideo, kind: SingleKind, look: Look, contents: Contents) -> SourceVideo:
    location, web = source.location, kind == "address"
    if kind == "member":
        spot = spot_of(source.modified)
        archive = look((split_member(location) or ("", ""))[0])
        if not source.can_compare or (spot is not None and spot.modified == archive.modified):
            return source
        file_stat = member_stat(location)
    else:
        file_stat = look(location)
        if not source.can_compare or _looks_same(source, file_stat, web=web):
            return replace(source, size_bytes=file_stat.size_bytes)
    now = replace(source, size_bytes=file_stat.size_bytes, modified=file_stat.modified)
    if web or file_stat.size_bytes != source.size_bytes or contents.of(now, kind) != source.content_id:
        raise SourceReplaced(
            f"{printable(location)}: the file was changed since it was listed ({source.size_bytes:,} bytes then,"
            f" {now.size_bytes:,} now); build again, naming it, to caption what is there now"
        )
    return now


def _looks_same(source: SourceVideo, now: Stat, *, web: bool) -> bool:
    """Whether size and date are as before. A server may give neither: what it does not give is not compared."""
    if web:
        same_size = not (source.size_bytes and now.size_bytes) or source.size_bytes == now.size_bytes
        return same_size and (not source.modified or not now.modified or source.modified == now.modified)
    return source.size_bytes == now.size_bytes and (not source.modified or source.modified == now.modified)
