"""Tables of captions with named columns, as JSON, JSON Lines, CSV or Parquet, each trainer with its own names."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, cast

from ...errors import SettingsError
from .writing import NO_TEXT, json_item, new_files, opened, read_lines, read_list, write_list

Kind = Literal["json", "jsonl", "csv"]
KINDS: tuple[Kind, ...] = ("json", "jsonl", "csv")
_MOST_CHARACTERS = 1 << 30
CHUNK_ROWS = 1000


def csv_rows(lines: Iterable[str], *, delimiter: str = ",", strict: bool = False) -> Iterator[dict[str | None, Any]]:
    """The rows of a CSV by their column, one at a time, with cells as long as pandas takes them. Raises csv.Error.

    What stands beyond the header's columns comes under None.
    """
    csv.field_size_limit(max(csv.field_size_limit(), _MOST_CHARACTERS))  # for the whole process; it is only raised
    yield from cast("Iterator[dict[str | None, Any]]", csv.DictReader(lines, delimiter=delimiter, strict=strict))


def read_csv(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a CSV, one at a time. Raises SettingsError where it cannot be read."""
    with opened(path) as file:
        try:
            yield from cast("Iterator[dict[str, Any]]", csv_rows(file))
        except csv.Error as wrong:
            raise SettingsError(f"{path}: cannot be read ({wrong}); is the file whole?") from None


@contextmanager
def csv_of(path: Path) -> Iterator[Iterator[Mapping[str, Any]]]:
    """The rows of a CSV. Raises SettingsError where it cannot be read."""
    yield read_csv(path)


@contextmanager
def parquet_rows(path: Path, columns: Sequence[str] | None = None) -> Iterator[Iterator[Mapping[str, Any]]]:
    """The rows of a Parquet file, a thousand in memory at a time. Raises OSError, or ValueError for another file."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        yield (item for batch in file.iter_batches(CHUNK_ROWS, columns=columns) for item in batch.to_pylist())


def write_table(
    items: Iterable[Mapping[str, str]], folder: Path, stem: str, kind: Kind, columns: Sequence[str], *, overwrite: bool
) -> Path:
    """Write ``STEM.KIND``. Raises SettingsError for a text that a reader of CSV would take for none."""
    name = f"{stem}.{kind}"
    with new_files(folder, [name], overwrite=overwrite) as (file,):
        if kind == "json":
            write_list(file, iter(items))
        elif kind == "jsonl":
            file.writelines(f"{json_item(item)}\n" for item in items)
        else:
            table = csv.DictWriter(file, columns, lineterminator="\n")
            table.writeheader()
            for item in items:
                if empty := [text for text in item.values() if text in NO_TEXT]:
                    raise SettingsError(f"{folder / name}: {empty[0]!r} is read as no text from CSV; choose jsonl")
                table.writerow(item)
    return folder / name


def table_in(folder: Path, stem: str) -> Path:
    """The table of that name in a folder. Raises SettingsError where there is none."""
    for kind in KINDS:
        if (folder / f"{stem}.{kind}").exists():
            return folder / f"{stem}.{kind}"
    raise SettingsError(
        f"{folder}: has no {stem}.json, {stem}.jsonl or {stem}.csv; is this the folder of the manifest?"
    )


def read_table(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a table, one at a time. Raises SettingsError where one cannot be read."""
    if path.suffix == ".csv":
        yield from read_csv(path)
    else:
        yield from read_list(path) if path.suffix == ".json" else read_lines(path)


def cell(item: Mapping[str, Any], column: str, path: Path) -> str:
    """A text of a row. Raises SettingsError where the row has no such column."""
    value = item.get(column)
    if not isinstance(value, str):
        raise SettingsError(f"{path}: a row has no {column}: {str(dict(item))[:80]}")
    return value
