"""Sources: what the user names, as a stream of videos with ids, in an order that is the same on every machine."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import BinaryIO

from ...errors import VideoError
from ...foreign import is_text, without_secrets
from ..rows import Failure, FailureKind, SourceVideo
from .archives import open_member
from .contents import Contents, confirmed, looked_up, reading_errors
from .failures import failure
from .found import drafts_of
from .ids import HashLookup, StoredHashes, place_id, with_span
from .kinds import Found, single_kind
from .members import Draft
from .named import checked_inputs
from .places import SourceGone, SourceReplaced, UnsafeSource, open_bytes, scheme_of

__all__ = [
    "HashLookup",
    "Listing",
    "SourceGone",
    "SourceReplaced",
    "StoredHashes",
    "UnsafeSource",
    "find_sources",
    "open_source",
]

THREADS = 4
AHEAD = 64
"""How many videos may be looked up and hashed ahead of the one that is handed out."""


def find_sources(inputs: Iterable[str], *, known: HashLookup | None = None) -> Listing:
    """Every video that the inputs name, each with its id; what cannot be used comes as a Failure in its place.

    Inputs are files, folders, patterns (``*``, ``**``, ``{0..9}``), list files (``.txt``, ``.lst``, ``@any``), tables
    (``.csv``, ``.tsv``, ``.jsonl``, ``.parquet``), tar and zip archives, addresses of storage (``s3://...``) and web
    addresses of single videos. Files keep the order of the inputs; in a folder it is natural order, in lists and
    archives their own. ``known`` spares reading what was hashed before (see ``StoredHashes``); it is called from
    several threads, one at a time.

    Raises SettingsError at once when an input does not exist or a list is none, naming all of them.
    """
    return Listing(checked_inputs(inputs), known)


class Listing(Iterator["SourceVideo | Failure"]):
    """The sources of some inputs, once through. ``skipped`` counts by reason what is left out without being wrong."""

    def __init__(self, inputs: Sequence[Found], known: HashLookup | None = None) -> None:
        self.skipped: Counter[str] = Counter()
        self._contents = Contents(known)
        self._rows = self._settle(drafts_of(inputs, self.skipped, self._contents.stored))

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


def _settled(draft: Draft, contents: Contents) -> SourceVideo | Failure:
    """The draft with its size, its date and its id, or why it cannot have one."""
    try:
        source = draft.source if draft.has_stat else looked_up(draft.source, draft.kind)
        if not is_text(source.location):
            raise VideoError("the file's name is not UTF-8, so it cannot be stored; rename it")
        if source.size_bytes == 0 and draft.kind != "address":
            raise VideoError("the file is empty (0 bytes); copy or download it again")
        content = draft.content or contents.of(source, draft.kind)
    except UnsafeSource as error:
        return _failed(draft, error, "unsafe")
    except (FileNotFoundError, NotADirectoryError, SourceGone) as error:
        return _failed(draft, error, "vanished")
    except reading_errors() as error:
        return _failed(draft, error, "unreadable")
    return replace(source, id=with_span(content, source.start_seconds, source.end_seconds))


def _failed(draft: Draft, error: BaseException, kind: FailureKind) -> Failure:
    source = draft.source
    reason = without_secrets(str(error)).removeprefix(f"{without_secrets(source.location)}: ")
    if isinstance(error, OSError) and error.strerror:
        reason = error.strerror
    if kind == "vanished" and not scheme_of(source.location) and isinstance(error, OSError):
        reason = "there is no such file" if draft.where else "the file is not there any more"
    failed = failure(source.location, reason, kind, user_id=source.user_id)
    if not draft.where:
        return failed
    span = f"{source.start_seconds} {source.end_seconds}"
    return replace(failed, id=place_id(draft.where, span), message=f"{draft.where}: {failed.message}")


@contextmanager
def open_source(source: SourceVideo) -> Iterator[str | BinaryIO]:
    """What ``VideoReader`` takes for a source: a path, a web address, or an open file that reads only what is needed.

    Stored members of archives and files in storage are read in place. Deflated members and those of compressed tars
    are unpacked into a private temporary folder (``TMPDIR``), which is gone afterwards.

    Raises SourceGone when the source is not there any more, SourceReplaced when another file is (see ``confirmed``),
    UnsafeSource when it is refused, and VideoError when it cannot be read.
    """
    location, kind = source.location, single_kind(source.location)
    source = confirmed(source, kind=kind)
    if kind == "member":
        with open_member(location, source.size_bytes, source.modified) as video:
            yield video
    elif kind == "address" or not scheme_of(location):
        yield location
    else:
        with open_bytes(location, source.size_bytes) as file:
            yield file
