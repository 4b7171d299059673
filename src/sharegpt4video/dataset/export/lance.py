"""Lance: one table that is read in any order, a row for each caption (extra ``lance``).

Lance names its files at random and writes them itself: the table is made in a temporary folder, then copied when whole.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from ...checking import Count, raise_for, wrong_values
from ...config import STRICT
from ...errors import MissingExtra
from .job import ExportJob
from .media import COPY_BYTES
from .parquet import SCHEMA, row_of

TABLE = "captions.lance"
_BATCH_ROWS = 1000


@dataclass(frozen=True)
class LanceOptions:
    """Options of the format ``lance``."""

    __pydantic_config__ = STRICT

    file_rows: Count = 1_000_000
    """Maximum rows per file of the table."""

    def __post_init__(self) -> None:
        raise_for(wrong_values(self).values())


def write_lance(job: ExportJob) -> None:
    """``captions.lance``, with the columns of Parquet and ``split``. Raises MissingExtra without the extra."""
    try:
        import lance
    except ImportError as error:
        raise MissingExtra("Writing Lance tables", "lance") from error
    schema = SCHEMA.append(pa.field("split", pa.string()))
    with tempfile.TemporaryDirectory(prefix="sg4v-lance-") as folder:
        made = Path(folder) / TABLE
        rows = pa.RecordBatchReader.from_batches(schema, _batches(job, schema))
        lance.write_dataset(rows, str(made), max_rows_per_file=job.options.file_rows)
        for path in sorted(path for path in made.rglob("*") if path.is_file()):
            name = f"{TABLE}/{path.relative_to(made).as_posix()}"
            with path.open("rb") as file, job.target.writing(name) as copy:
                shutil.copyfileobj(file, copy, COPY_BYTES)


def _batches(job: ExportJob, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    waiting: list[dict[str, Any]] = []
    for entry in job.entries():
        waiting.append(row_of(job, entry) | {"split": entry.split})
        job.wrote(entry, 1 + len(entry.steps))
        if len(waiting) == _BATCH_ROWS:
            yield pa.RecordBatch.from_pylist(waiting, schema=schema)
            waiting = []
    yield pa.RecordBatch.from_pylist(waiting, schema=schema)
