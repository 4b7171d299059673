"""Sources: what the user names, as a stream of videos with ids, in an order that is the same on every machine."""

from __future__ import annotations

import os
import threading
import zlib
from collections import Counter, OrderedDict, deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from http.client import HTTPException
from typing import BinaryIO

from ...errors import VideoError
from ..rows import Failure, FailureKind, SourceVideo
from .archives import member_stat, member_stream, open_member
from .folders import failure, is_text, printable
from .ids import Known, KnownContents, content_id, place_id, with_span
from .inputs import Input, checked_inputs, drafts_of_inputs
from .members import Draft, split_member, spot_of
from .places import (
    SourceGone,
    Stat,
    UnsafeSource,
    as_named_on_disk,
    is_web,
    open_bytes,
    scheme_of,
    stat,
    storage_errors,
    web_chunks,
)
from .spool import Readable
from .tars import UNPACK_ERRORS

__all__ = ["Known", "KnownContents", "Listing", "SourceGone", "UnsafeSource", "find_sources", "open_source"]

THREADS = 4
AHEAD = 64
"""How many videos may be looked up and hashed ahead of the one that is handed out."""
CHUNK_BYTES = 1 << 20
KEPT_CONTENTS = 4096
"""Of so many files the content's id is kept while listing, for further spans of them."""


def find_sources(inputs: Sequence[str], *, known: Known | None = None) -> Listing:
    """Every video that the inputs name, each with its id; what cannot be used comes as a Failure in its place.

    Inputs are files, folders, patterns (``*``, ``**``, ``{0..9}``), list files (``.txt``, ``.lst``, ``@any``), tables
    (``.csv``, ``.tsv``, ``.jsonl``, ``.parquet``), tar and zip archives, addresses of storage (``s3://...``) and web
    addresses of single videos. Files keep the order of the inputs; in a folder it is natural order, in lists and
    archives their own. ``known`` spares reading what was hashed before (see ``KnownContents``); it is called from
    several threads, one at a time.

    Raises SettingsError at once when an input does not exist or a list is none, naming all of them.
    """
    return Listing(checked_inputs(inputs), known)


class Listing(Iterator["SourceVideo | Failure"]):
    """The sources of some inputs, once through. ``skipped`` counts by reason what is left out without being wrong."""

    def __init__(self, inputs: Sequence[Input], known: Known | None = None) -> None:
        self.skipped: Counter[str] = Counter()
        self._contents = _Contents(known)
        self._rows = self._settle(drafts_of_inputs(inputs, self.skipped, self._contents.known_only))

    def __next__(self) -> SourceVideo | Failure:
        return next(self._rows)

    def close(self) -> None:
        """Stop listing; files that are being read are finished first."""
        self._rows.close()

    def _settle(self, drafts: Iterator[Draft | Failure]) -> Generator[SourceVideo | Failure, None, None]:
        pool = ThreadPoolExecutor(THREADS, thread_name_prefix="sg4v-hash")
        waiting: deque[Failure | Future[SourceVideo | Failure]] = deque()
        try:
            for draft in drafts:
                waiting.append(draft if isinstance(draft, Failure) else pool.submit(_settled, draft, self._contents))
                if len(waiting) > AHEAD:
                    yield _done(waiting.popleft())
            while waiting:
                yield _done(waiting.popleft())
        finally:
            pool.shutdown(cancel_futures=True)


def _done(row: Failure | Future[SourceVideo | Failure]) -> SourceVideo | Failure:
    return row if isinstance(row, Failure) else row.result()


def _settled(draft: Draft, contents: _Contents) -> SourceVideo | Failure:
    """The draft with its size, its date and its id, or why it cannot have one."""
    try:
        source = draft.source if draft.known else _looked_up(draft.source)
        if not is_text(source.location):
            raise VideoError("the file's name is no UTF-8, so it cannot be stored; rename it")
        if source.size_bytes == 0 and not is_web(source.location):
            raise VideoError("the file is empty (0 bytes); copy or download it again")
        content = draft.content or contents.of(source)
    except UnsafeSource as error:
        return _failed(draft, error, "unsafe")
    except (FileNotFoundError, NotADirectoryError, SourceGone) as error:
        return _failed(draft, error, "vanished")
    except _reading_errors() as error:
        return _failed(draft, error, "unreadable")
    return replace(source, id=with_span(content, source.start_seconds, source.end_seconds))


def _reading_errors() -> tuple[type[BaseException], ...]:
    return (VideoError, ValueError, HTTPException, *UNPACK_ERRORS, *storage_errors())


def _failed(draft: Draft, error: BaseException, kind: FailureKind) -> Failure:
    source = draft.source
    reason = str(error).removeprefix(f"{source.location}: ")
    if isinstance(error, OSError) and error.strerror:
        reason = error.strerror
    if kind == "vanished" and not scheme_of(source.location) and isinstance(error, OSError):
        reason = "there is no such file" if draft.where else "the file is not there any more"
    found = failure(source.location, reason, kind, user_id=source.user_id)
    if not draft.where:
        return found
    span = f"{source.start_seconds} {source.end_seconds}"
    return replace(found, id=place_id(draft.where, span), message=f"{draft.where}: {found.message}")


def _looked_up(source: SourceVideo) -> SourceVideo:
    location = source.location
    if _is_member(location):
        found = member_stat(location)
    else:
        location = location if scheme_of(location) else as_named_on_disk(location)
        found = stat(location)
    if found.is_folder:
        raise VideoError("this is a folder, not a video; name it in the command itself")
    return replace(source, location=location, size_bytes=found.size_bytes, modified=found.modified)


def _is_member(location: str) -> bool:
    if split_member(location) is None:
        return False
    return bool(scheme_of(location)) or not os.path.lexists(location)


class _Contents:
    """The ids of contents: from earlier runs, from this one, or by reading. Each file is read once at a time."""

    def __init__(self, known: Known | None) -> None:
        self._known = known
        self._lock, self._known_lock = threading.Lock(), threading.Lock()
        self._kept: OrderedDict[tuple[str, int, str], Future[str]] = OrderedDict()

    def known_only(self, location: str, size_bytes: int, modified: str) -> str | None:
        if self._known is None or not modified:
            return None
        with self._known_lock:
            return self._known(location, size_bytes, modified)

    def of(self, source: SourceVideo) -> str:
        key = (source.location, source.size_bytes, source.modified)
        with self._lock:
            future = self._kept.get(key)
            if mine := future is None:
                future = self._kept[key] = Future()
                if len(self._kept) > KEPT_CONTENTS:
                    self._kept.popitem(last=False)
        if mine:
            try:
                future.set_result(self.known_only(*key) or _read_content(source))
            except BaseException as error:
                future.set_exception(error)
                raise
        return future.result()


def _read_content(source: SourceVideo) -> str:
    location, size = source.location, source.size_bytes
    if is_web(location):
        # Downloading a whole video to list it would cost more than captioning it: the server's word counts.
        if source.modified:
            return place_id("web", location, str(size), source.modified)
        return content_id(web_chunks(location, CHUNK_BYTES))
    spot = spot_of(source.modified) if _is_member(location) else None
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
    read = found = 0
    while chunk := stream.read(CHUNK_BYTES):
        read += len(chunk)
        found = zlib.crc32(chunk, found) if crc is not None else 0
        yield chunk
    if read != size_bytes:
        raise VideoError(f"has {read:,} bytes instead of {size_bytes:,}; it is changing or cut short, try again later")
    if crc is not None and found != crc:
        raise VideoError("its checksum is not the one in the archive's list; the archive is damaged")


@contextmanager
def open_source(source: SourceVideo) -> Iterator[str | BinaryIO]:
    """What ``VideoReader`` takes for a source: a path, a web address, or an open file that reads only what is needed.

    Stored members of archives and files in storage are read in place. Deflated members and those of compressed tars
    are unpacked into a private temporary folder (``TMPDIR``), which is gone afterwards.

    Raises SourceGone when the source is not there any more, UnsafeSource when it is refused, and VideoError when it
    is not the file that was hashed or cannot be read.
    """
    location = source.location
    if is_web(location):
        _check_unchanged(source, location, source.modified)
        yield location
    elif _is_member(location):
        spot = spot_of(source.modified)
        archive = (split_member(location) or ("", ""))[0]
        _check_unchanged(source, archive, spot.modified if spot else "")
        with open_member(location, source.size_bytes, source.modified) as video:
            yield video
    else:
        found = _check_unchanged(source, location, source.modified)
        if not scheme_of(location):
            yield location
        else:
            with open_bytes(location, found.size_bytes) as file:
                yield file


def _check_unchanged(source: SourceVideo, location: str, modified: str) -> Stat:
    """The state of the file now. Raises VideoError when it is not the one that was hashed; "" is not compared."""
    shown = printable(source.location)
    try:
        found = stat(location)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise SourceGone(f"{shown}: the file is not there any more") from error
    except VideoError:
        raise
    except _reading_errors() as error:
        raise VideoError(f"{shown}: cannot be read: {error}") from error
    same_size = location != source.location or found.size_bytes == source.size_bytes
    if modified and (found.modified != modified or not same_size):
        raise VideoError(f"{shown}: the file was changed since it was listed; start the command again to list it anew")
    return found
