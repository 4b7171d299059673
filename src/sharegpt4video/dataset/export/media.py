"""The bytes of a video, wherever it is, for copying without re-encoding."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, BinaryIO, cast

from ...errors import SG4VError, VideoError
from ..sources.places import open_bytes, scheme_of
from ..store.storage import storage_errors
from .entries import Entry, suffix_of

COPY_BYTES = 1 << 20
_HELD_BYTES = 32 << 20


def reading_errors() -> tuple[type[Exception], ...]:
    """The exceptions of opening and reading a source."""
    return (SG4VError, *storage_errors())


@contextmanager
def media_bytes(entry: Entry) -> Iterator[tuple[IO[bytes], int, str]]:
    """The file of an entry, open at its start, its size and its extension; only a local disk can still fail.

    Media in storage or an archive are copied to a temporary file first; a part of a longer file is cut out into one.
    Raises VideoError if they cannot be read.
    """
    from ..sources.sources import open_source

    with ExitStack() as stack:
        try:
            opened = stack.enter_context(open_source(entry.source))
            if entry.is_part:
                path = _cut_out(stack, opened, entry)
                file: IO[bytes] = stack.enter_context(path.open("rb"))
                size, ending = path.stat().st_size, path.suffix
            elif isinstance(opened, str) and not scheme_of(opened):
                file = stack.enter_context(open_bytes(opened))
                size, ending = Path(opened).stat().st_size, suffix_of(entry.location)
            else:
                read = stack.enter_context(open_bytes(opened)) if isinstance(opened, str) else opened
                (file, size), ending = _spooled(stack, read), suffix_of(entry.location)
        except reading_errors() as error:
            raise VideoError(f"{entry.location}: cannot be copied: {error}") from error
        yield file, size, ending


def _cut_out(stack: ExitStack, opened: str | BinaryIO, entry: Entry) -> Path:
    """The part that an entry describes, as a temporary file."""
    from ...video.clips import FORMATS, cut

    ending = suffix_of(entry.location)
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="sg4v-export-"))
    path = Path(folder) / f"{entry.id}{ending if ending in FORMATS else '.mp4'}"
    cut(opened, str(path), entry.start_seconds, entry.end_seconds)
    return path


def _spooled(stack: ExitStack, file: BinaryIO) -> tuple[BinaryIO, int]:
    held = stack.enter_context(tempfile.SpooledTemporaryFile(max_size=_HELD_BYTES))  # noqa: SIM115
    shutil.copyfileobj(file, held, COPY_BYTES)
    size = held.tell()
    held.seek(0)
    return cast(BinaryIO, held), size
