"""The bytes of a video as they are, wherever they lie: for copying without coding again."""

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
from .entries import Entry

COPY_BYTES = 1 << 20
_HELD_BYTES = 32 << 20


def reading_errors() -> tuple[type[Exception], ...]:
    """What opening and reading a source can raise."""
    return (SG4VError, *storage_errors())


@contextmanager
def media_bytes(entry: Entry) -> Iterator[tuple[IO[bytes], int]]:
    """The file of an entry, open at its start, and its size; nothing that can still fail half-way but a local disk.

    Media in storage or an archive are copied into a temporary file first. Raises VideoError if they cannot be read.
    """
    from ..sources.sources import open_source

    with ExitStack() as stack:
        try:
            opened = stack.enter_context(open_source(entry.source))
            file: BinaryIO = stack.enter_context(open_bytes(opened)) if isinstance(opened, str) else opened
            if isinstance(opened, str) and not scheme_of(opened):
                size = Path(opened).stat().st_size
            else:
                file, size = _spooled(stack, file)
        except reading_errors() as error:
            raise VideoError(f"{entry.location}: cannot be copied: {error}") from error
        yield file, size


def _spooled(stack: ExitStack, file: BinaryIO) -> tuple[BinaryIO, int]:
    held = stack.enter_context(tempfile.SpooledTemporaryFile(max_size=_HELD_BYTES))  # noqa: SIM115
    shutil.copyfileobj(file, held, COPY_BYTES)
    size = held.tell()
    held.seek(0)
    return cast(BinaryIO, held), size
