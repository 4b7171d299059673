"""One part of a table: a Parquet file that carries its own checksums, and the record of which parts count.

The name of a part is ``TIME-RANDOM-SUMS.parquet``: when it was written (nanoseconds), eight random digits, and the
CRC-32 sums of its footer and of the whole file. The sum of the footer is checked whenever it is opened, that of the
whole whenever all of it is read, and Parquet's own page sums when only some columns are. Parts from elsewhere, whose
names hold no sums, are read as they are.
"""

from __future__ import annotations

import io
import json
import re
import secrets
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ...errors import SG4VError, StorageError
from ...given import from_json, read_bytes
from . import storage
from .schema import SCHEMA_VERSION, VERSION_KEY

ROW_GROUP_ROWS = 256
ROW_GROUP_BYTES = 32 << 20  # of Arrow memory: what a reader holds at least
WRITTEN_KEY = b"sg4v_written"
MADE_KEY = b"sg4v_made"
"""In the footer of a part: what ``dataset.json`` said when it was written, so that this can be held against it."""
MAGIC = b"PAR1"
MOST_PART_BYTES = 1 << 36

NAME = re.compile(r"(?P<stamp>\d{20})-(?P<token>[0-9a-f]{8})-(?P<footer>[0-9a-f]{8})(?P<whole>[0-9a-f]{8})(\.g\d{20})?")


class DamagedPart(StorageError):
    """A part that cannot be read as it was written. ``part`` is its path, ``problem`` what is wrong with it."""

    def __init__(self, part: str, problem: str) -> None:
        super().__init__(
            f"{part}: {problem}; move it away (Store.set_aside puts it into the folder damaged) and build again:"
            " its videos are done again, from the reply cache as far as that goes"
        )
        self.part, self.problem = part, problem


@dataclass(frozen=True)
class Written:
    """Rows written at one time: ``seconds`` since 1970."""

    seconds: float
    rows: int


def encode(data: pa.Table, written: Sequence[Written] = (), made: str = "") -> bytes:
    """A table as the bytes of a part. ``written`` is kept for parts that are made of others; ``made``: see MADE_KEY."""
    when = [[one.seconds, one.rows] for one in written] or [[time.time(), data.num_rows]]
    schema = data.schema.with_metadata({**(data.schema.metadata or {}), WRITTEN_KEY: json.dumps(when).encode()})
    if made:
        schema = schema.with_metadata({**schema.metadata, MADE_KEY: made.encode()})
    rows = ROW_GROUP_ROWS
    if data.num_rows:
        rows = max(1, min(rows, ROW_GROUP_BYTES * data.num_rows // max(1, data.nbytes)))
    buffer = io.BytesIO()
    pq.write_table(
        data.replace_schema_metadata(schema.metadata),
        buffer,
        compression="zstd",
        row_group_size=rows,
        write_page_checksum=True,
    )
    return buffer.getvalue()


def new_name(data: bytes, stamp: int, token: str = "", *, generation: int | None = None) -> str:
    """The name for the bytes of a part."""
    length = int.from_bytes(data[-8:-4], "little")
    sums = f"{zlib.crc32(data[-8 - length : -8]):08x}{zlib.crc32(data):08x}"
    suffix = "" if generation is None else f".g{generation:020d}"
    return f"{stamp:020d}-{token or secrets.token_hex(4)}-{sums}{suffix}.parquet"


def stamp_of(name: str) -> int:
    """When a part was written, by its name; 0 for one from elsewhere."""
    match = NAME.match(name)
    return int(match["stamp"]) if match else 0


def token_of(name: str) -> str:
    """The random digits in the name of a part; "" for one from elsewhere."""
    match = NAME.match(name)
    return match["token"] if match else ""


@contextmanager
def opened(fs: Any, path: str, *, whole: bool) -> Iterator[pq.ParquetFile]:
    """A part opened for reading some columns, or (``whole``) all of them; then it is held in memory, compressed.

    Raises DamagedPart, also while it is read, and StorageError for a part that is gone, cannot be reached or that a
    newer version of this package has written.
    """
    try:
        source = _whole(fs, path) if whole else _source(fs, path)
        with source:
            footer = _footer(path, source)
            # On other storage the footer, here already, is not fetched a second time; locally that is what is quick.
            metadata = None if whole or storage.is_local(fs) else pq.read_metadata(footer)
            file = pq.ParquetFile(source, metadata=metadata, page_checksum_verification=True, pre_buffer=not whole)
            _check_version(path, file.metadata)
            yield file
    except FileNotFoundError as error:
        raise StorageError(
            f"{path}: is gone; run again if its table was just replaced, else put it back from a copy or set it aside"
        ) from error
    except (pa.ArrowException, EOFError, UnicodeDecodeError) as error:
        raise DamagedPart(path, f"is damaged ({_short(error)})") from error
    except storage.storage_errors() as error:
        if getattr(error, "errno", None) is None and type(error) is OSError:  # pyarrow's word for a bad page
            raise DamagedPart(path, f"is damaged ({_short(error)})") from error
        raise storage.storage_problem(path, "read", error) from error


def rows_at(
    fs: Any, path: str, places: NDArray[np.int64], columns: Sequence[str] | None = None
) -> Iterator[tuple[NDArray[np.int64], pa.RecordBatch]]:
    """Single rows of a part by their places in it, ascending, and no row group but theirs; None: all columns.

    Each batch comes with the places of its rows. Raises as ``opened``.
    """
    if not len(places):
        return
    with opened(fs, path, whole=False) as file:
        first = 0
        for number in range(file.metadata.num_row_groups):
            rows = file.metadata.row_group(number).num_rows
            here = places[(places >= first) & (places < first + rows)]
            if len(here):
                read = file.read_row_group(number, columns=None if columns is None else list(columns))
                yield here, read.take(here - first).combine_chunks().to_batches()[0]
            first += rows


def written(file: pq.ParquetFile) -> list[Written]:
    """When the rows of a part were written; unknown ([]) for one from elsewhere."""
    told = (file.metadata.metadata or {}).get(WRITTEN_KEY)
    return [Written(float(seconds), int(rows)) for seconds, rows in from_json(told)] if told else []


def made(file: pq.ParquetFile) -> str:
    """What ``dataset.json`` said when a part was written; "" for one of an earlier version or from elsewhere."""
    return bytes((file.metadata.metadata or {}).get(MADE_KEY, b"")).decode()


def problem_of(fs: Any, path: str) -> str:
    """What is wrong with a part ("" for nothing), after reading all of it."""
    try:
        with opened(fs, path, whole=True) as file:
            for _ in file.iter_batches(batch_size=ROW_GROUP_ROWS):
                pass
    except DamagedPart as error:
        return error.problem
    except SG4VError as error:
        return str(error).removeprefix(f"{path}: ")
    return ""


def _source(fs: Any, path: str) -> pa.NativeFile:
    return pa.OSFile(path) if storage.is_local(fs) else pa.PythonFile(fs.open(path, "rb"), mode="r")


def _whole(fs: Any, path: str) -> pa.NativeFile:
    data = read_bytes(Path(path), MOST_PART_BYTES) if storage.is_local(fs) else fs.cat_file(path)
    match = NAME.match(_name(path))
    if match and zlib.crc32(data) != int(match["whole"], 16):
        raise DamagedPart(path, f"is damaged (its {len(data)} bytes are not those that were written)")
    return pa.BufferReader(data)


def _footer(path: str, source: pa.NativeFile) -> pa.BufferReader:
    """The footer, compared with its sum before anything looks into it, as a Parquet file without pages."""
    size = source.size()
    if size < 12:
        raise DamagedPart(path, f"is damaged (it has {size} bytes)")
    source.seek(max(0, size - (64 << 10)))
    tail = source.read()
    length = int.from_bytes(tail[-8:-4], "little")
    if tail[-4:] != MAGIC or length + 8 > size:
        raise DamagedPart(path, "is damaged (it is cut off or no Parquet file)")
    if length + 8 > len(tail):
        source.seek(size - length - 8)
        tail = source.read()
    footer = tail[-8 - length : -8]
    match = NAME.match(_name(path))
    if match and zlib.crc32(footer) != int(match["footer"], 16):
        raise DamagedPart(path, "is damaged (its footer is not the one that was written)")
    return pa.BufferReader(MAGIC + footer + tail[-8:])


def _check_version(path: str, metadata: pq.FileMetaData) -> None:
    found = (metadata.metadata or {}).get(VERSION_KEY)
    if found and int(found) > SCHEMA_VERSION:
        raise StorageError(
            f"{path}: was written with version {int(found)} of the table layout, this package knows"
            f" up to version {SCHEMA_VERSION}; upgrade it: pip install -U sharegpt4video"
        )


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
