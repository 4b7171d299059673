"""The user's own lists of videos: text files, CSV, TSV, JSON lines and Parquet, row by row in constant memory."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, BinaryIO, NamedTuple

from ...errors import SettingsError
from .kinds import VIDEO_ENDINGS
from .places import open_bytes, storage_errors
from .tables import (
    CLOCK,
    ROLES,
    VALUE_ERRORS,
    Listed,
    RowProblem,
    checked_span,
    json_object,
    listed_of,
    roles_of,
    shown,
)

MAX_LINE_CHARACTERS = 1 << 24
"""A longer line is a row that cannot be used; so is a row of CSV with a longer field."""
PARQUET_ROWS = 1024
_DAMAGED = "it is damaged; copy it or write it again"
_TOO_LONG = f"the line is longer than {MAX_LINE_CHARACTERS:,} characters"
_VIDEO_NAME = re.compile(rf"(?:{'|'.join(re.escape(ending) for ending in sorted(VIDEO_ENDINGS))}),", re.IGNORECASE)


@dataclass(frozen=True)
class Row:
    """One row of a list: where it stands, and the videos in it, or why it cannot be used."""

    number: int
    listed: tuple[Listed, ...] = ()
    problem: str = ""


class _NoList(ValueError):
    """Why a file as a whole cannot be used as a list."""


def read_rows(location: str) -> Iterator[Row]:
    """The rows of a list file or table, in order; empty lines are left out.

    Raises SettingsError when the file as a whole cannot be used: it cannot be opened, is no such table, or has no
    column that names videos; also in the middle, when the storage fails.
    """
    try:
        with open_bytes(location) as file:
            yield from _format_of(location).rows(file)
    except _NoList as error:
        raise SettingsError(f"{location}: {error}") from error
    except storage_errors() as error:
        raise SettingsError(f"{location}: this list cannot be read: {error}") from error


def row_unit(location: str) -> str:
    """What a message calls a row of this list: a row of Parquet, a line of everything else."""
    return _format_of(location).unit


def check_list(location: str) -> None:
    """Read the head of a list. Raises SettingsError as ``read_rows`` does."""
    for _ in islice(read_rows(location), 1):
        pass


def _text_of(file: BinaryIO) -> io.TextIOWrapper:
    """A list as text. What is not UTF-8 comes as lone surrogates, so that its row alone is refused."""
    start = file.read(4)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or start[:1] == b"\0" or start[1:2] == b"\0":
        raise _NoList("looks like UTF-16, not UTF-8; save the list as UTF-8")
    file.seek(0)
    return io.TextIOWrapper(file, "utf-8-sig", errors="surrogateescape", newline="")


def _lines(text: io.TextIOWrapper) -> Iterator[tuple[int, str | None]]:
    """Numbered lines with their ends; None in place of one that is too long to be held."""
    number = 0
    while line := text.readline(MAX_LINE_CHARACTERS):
        number += 1
        rest = line
        while len(rest) == MAX_LINE_CHARACTERS and rest[-1] not in "\r\n":
            rest = text.readline(MAX_LINE_CHARACTERS)
        yield number, line if rest is line else None


def _plain_rows(file: BinaryIO) -> Iterator[Row]:
    return _line_rows(file, _line_listed, comment="#")


def _json_rows(file: BinaryIO) -> Iterator[Row]:
    return _line_rows(file, lambda line: listed_of(json_object(line)))


def _line_rows(file: BinaryIO, read: Callable[[str], list[Listed]], *, comment: str = "") -> Iterator[Row]:
    for number, line in _lines(_text_of(file)):
        if line is None:
            yield Row(number, problem=_TOO_LONG)
        elif (stripped := line.strip()) and not (comment and stripped.startswith(comment)):
            yield _row(number, partial(read, stripped))


def _row(number: int, make: Callable[[], list[Listed]]) -> Row:
    try:
        return Row(number, tuple(make()))
    except RowProblem as problem:
        return Row(number, problem=str(problem))


def _line_listed(line: str) -> list[Listed]:
    """``path`` or ``path,start,end``. A path may have commas: the times begin behind the last video name."""
    names = list(_VIDEO_NAME.finditer(line))
    if names:
        path, times = line[: names[-1].end() - 1], line[names[-1].end() :].split(",")
    else:
        path, times = _by_times(line)
    if len(times) > 2:
        raise RowProblem(f"{shown(line)} has more behind the path than a start and an end")
    start, end = checked_span(*[*times, "", ""][:2])
    return [Listed(path.strip(), start_seconds=start, end_seconds=end)]


def _by_times(line: str) -> tuple[str, list[str]]:
    """Divide a line whose path has no known ending: up to two last fields, if both are times or empty."""
    path, *times = line.rsplit(",", 2)
    if len(times) == 2 and all(not part.strip() or CLOCK.fullmatch(part.strip()) for part in times):
        return path, times
    return line, []


def _csv_rows(file: BinaryIO, delimiter: str = ",") -> Iterator[Row]:
    records = _csv_records(_lines(_text_of(file)), delimiter)
    _, names, problem = next(records, (0, [], ""))
    if problem:
        raise _NoList(f"the line with the names of the columns is not usable: {problem}")
    _require_path(names)
    for number, cells, problem in records:
        if problem:
            yield Row(number, problem=problem)
        elif len(cells) > len(names):
            yield Row(number, problem=f"{len(cells)} fields, but the table has {len(names)} columns")
        elif any(cells):
            yield _row(number, partial(listed_of, dict(zip(names, cells, strict=False))))


def _csv_records(lines: Iterator[tuple[int, str | None]], delimiter: str) -> Iterator[tuple[int, list[str], str]]:
    """Rows of CSV: the line each begins on, its fields, and what is wrong with it.

    A quotation mark that is never closed, or closed in another row, would swallow the rows in between. So a row of
    several lines has to be proper CSV; if it is not, its first line is the bad one and the others are read again. In a
    row of one line, quotation marks may stand as they like.
    """
    csv.field_size_limit(max(csv.field_size_limit(), MAX_LINE_CHARACTERS))  # for the whole process; it is only raised
    feed = _Feed(lines)
    strict = csv.reader(feed, delimiter=delimiter, strict=True)
    while True:
        feed.taken = []
        try:
            cells = next(strict, None)
        except csv.Error as error:
            number, line = feed.taken[0]
            several = len(feed.taken) > 1 or feed.ended
            feed.put_back(feed.taken[1:])
            if several or line is None:
                yield number, [], _TOO_LONG if line is None else f"not proper CSV from this line on: {error}"
                continue
            try:
                yield number, next(csv.reader([line], delimiter=delimiter)), ""
            except csv.Error as lenient:
                yield number, [], f"not proper CSV: {lenient}"
            continue
        if cells is None:
            return
        yield feed.taken[0][0], cells, ""


class _Feed(Iterator[str]):
    """Lines for ``csv.reader``: ``taken`` since it was last emptied, ``ended`` once there are no more."""

    def __init__(self, lines: Iterator[tuple[int, str | None]]) -> None:
        self._lines = lines
        self._again: list[tuple[int, str | None]] = []
        self.taken: list[tuple[int, str | None]] = []
        self.ended = False

    def __next__(self) -> str:
        numbered = self._again.pop() if self._again else next(self._lines, None)
        if numbered is None:
            self.ended = True
            raise StopIteration
        self.ended = False
        self.taken.append(numbered)
        if numbered[1] is None:
            raise csv.Error(_TOO_LONG)
        return numbered[1]

    def put_back(self, lines: list[tuple[int, str | None]]) -> None:
        self._again += reversed(lines)


def _parquet_rows(file: BinaryIO) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        parquet = pq.ParquetFile(file)
        names = parquet.schema_arrow.names
    except (pa.ArrowException, *VALUE_ERRORS) as error:
        raise _NoList(f"cannot be read as Parquet: {error}") from error
    _require_path(names)
    before, promised = 0, parquet.metadata.num_rows
    for group in range(parquet.num_row_groups):
        number, end = before, before + parquet.metadata.row_group(group).num_rows
        try:
            for batch in parquet.iter_batches(batch_size=PARQUET_ROWS, row_groups=[group]):
                for values in _batch_values(batch):
                    number += 1
                    yield _row(number, partial(_listed_of, values))
        except (pa.ArrowException, OSError) as error:
            reason = " ".join(str(error).split())
            yield Row(number + 1, problem=f"rows {number + 1} to {end} cannot be read: {reason}")
        else:
            if number != end:
                yield Row(number + 1, problem=f"the rows end at {number}, but the file says {end}; {_DAMAGED}")
        before = end
    if before != promised:
        yield Row(before + 1, problem=f"the file says it has {promised} rows, but lists {before}; {_DAMAGED}")


def _listed_of(values: Callable[[], dict[str, Any]]) -> list[Listed]:
    return listed_of(values())


def _batch_values(batch: Any) -> Iterator[Callable[[], dict[str, Any]]]:
    """The rows of a batch, each as a function: where Arrow holds values that Python cannot, only their row fails."""
    import pyarrow as pa

    try:
        rows = batch.to_pylist()
    except (pa.ArrowException, *VALUE_ERRORS):
        yield from (partial(_row_values, batch, at) for at in range(batch.num_rows))
    else:
        yield from (partial(dict, row) for row in rows)


def _row_values(batch: Any, at: int) -> dict[str, Any]:
    return {name: _value(name, batch.column(place), at) for place, name in enumerate(batch.schema.names)}


def _value(name: str, column: Any, at: int) -> Any:
    """One cell; a date beyond Python's calendar or in a zone that is not known here as Arrow writes it."""
    import pyarrow as pa

    try:
        return column[at].as_py()
    except (pa.ArrowException, *VALUE_ERRORS) as error:
        if pa.types.is_temporal(column.type):
            return str(column.slice(at, 1).cast(pa.int64() if column.type.bit_width == 64 else pa.int32())[0])
        raise RowProblem(f"the column {name!r} cannot be read here: {error}") from error


def _require_path(names: Sequence[str]) -> None:
    roles = dict(roles_of(tuple(names)))
    plain = [name.strip().lower() for name in names]
    if twice := sorted(name for name in roles if plain.count(name.strip().lower()) > 1):
        raise _NoList(f"several columns are called {twice[0]!r}; rename all but one of them")
    if "path" not in roles.values():
        raise _NoList(
            f"no column has the videos' paths; the columns are {', '.join(names) or 'nothing'}; "
            f"name one of them {', '.join(ROLES['path'])}"
        )


class _Format(NamedTuple):
    rows: Callable[[BinaryIO], Iterator[Row]]
    unit: str = "line"


_FORMATS = {
    "parquet": _Format(_parquet_rows, "row"),
    "csv": _Format(_csv_rows),
    "tsv": _Format(partial(_csv_rows, delimiter="\t")),
    "jsonl": _Format(_json_rows),
    "ndjson": _Format(_json_rows),
}


def _format_of(location: str) -> _Format:
    return _FORMATS.get(location.lower().rpartition(".")[2], _Format(_plain_rows))
