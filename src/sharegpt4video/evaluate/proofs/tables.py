"""Read rows of stored result files: JSON Lines, JSON, tab- or comma-separated text, Excel."""

from __future__ import annotations

import csv
import io
import math
import zipfile
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ...errors import MissingExtra, SettingsError
from ...given import MOST_BYTES, from_json, read_bytes

Row = dict[str, Any]
_TRUTH = {"true": 1.0, "false": 0.0}

# What pandas (``io.parsers``) reads as a missing value in tables, so tools that use it never see these as text.
_MISSING = frozenset(
    (
        *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A"),
        *("NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
    )
)
_MOST_SHOWN = 80
_AFTER_THE_END = "\ue000 after the end"  # the row after the last; inside a field if quotes were left open
_WANTED = "wanted is .jsonl, .json, .tsv, .csv or .xlsx as the tool wrote it"


def read_rows(path: Path) -> list[Row]:
    """The rows of a file in any of the formats, by column name; None for a missing value.

    Raises SettingsError for an unreadable or empty file, MissingExtra for Excel without its reader.
    """
    try:
        data = read_bytes(path)
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error}") from error
    if data[:4] == b"PK\x03\x04" or path.suffix.lower() in (".xlsx", ".xlsm"):
        rows = _excel_rows(path, data)
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise SettingsError(f"{path}: is neither UTF-8 text nor an Excel file; {_WANTED}") from error
        rows = _text_rows(path, text)
    if not rows:
        raise SettingsError(f"{path}: holds no rows; {_WANTED}")
    return rows


def stored_score(value: Any, where: str) -> float | None:
    """A score that a tool stored: 1, 0 or -1 (a request that failed), also written as text; None for a missing value.

    Raises SettingsError for anything else; the message says ``where``.
    """
    if value is None or _is_nan(value) or (isinstance(value, str) and value.strip() in _MISSING):
        return None
    try:
        text = str(value).strip().lower() if isinstance(value, (str, bool, int, float)) else ""
        score = _TRUTH[text] if text in _TRUTH else float(text)
    except ValueError:
        score = math.inf
    if score not in (-1, 0, 1):
        raise SettingsError(f"{where}: its score is {shortened(value)}; known are 0 and 1, and -1 for a failed request")
    return score


def stored_text(value: Any, where: str) -> str:
    """A text that a tool stored, "" for a missing value. Raises SettingsError for anything but text."""
    if value is None or isinstance(value, str):
        return value or ""
    raise SettingsError(f"{where} is {shortened(value)}, not text; is the file as the tool wrote it?")


def shortened(value: Any) -> str:
    """Format a value for a message."""
    told = repr(value)
    return told if len(told) <= _MOST_SHOWN else f"{told[:_MOST_SHOWN]} ..."


def repeated_note(names: Iterable[object], what: str = "count each time") -> list[str]:
    """A note about duplicate names, if any."""
    more = sum(count > 1 for count in Counter(map(str, names)).values())
    return [f"{more} questions are in the file more than once, and {what}"] if more else []


def _text_rows(path: Path, text: str) -> list[Row]:
    if text.lstrip()[:1] in ("{", "["):
        return _json_rows(path, text)
    if path.suffix.lower() in (".json", ".jsonl"):
        raise SettingsError(f"{path}: is not valid JSON; is it damaged? {_WANTED}")
    delimiter = "," if path.suffix.lower() == ".csv" else "\t"
    before = csv.field_size_limit(len(text) + len(_AFTER_THE_END) + 2)
    try:
        read = list(csv.reader(io.StringIO(f"{text}\n{_AFTER_THE_END}", newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise SettingsError(f"{path}: cannot be read as a table: {error}") from error
    finally:
        csv.field_size_limit(before)
    if read[-1] != [_AFTER_THE_END]:
        raise SettingsError(f"{path}: ends inside quotes, so rows may be missing; was it cut short? Copy it again")
    for number, values in enumerate(read[:-1], 1):
        if len(values) > len(read[0]) and any(values[len(read[0]) :]):
            raise SettingsError(
                f"{path}, row {number}: has {len(values)} fields where the first row has {len(read[0])}; "
                "is a quote lost?"
            )
    return _table(read[:-1])


def _json_rows(path: Path, text: str) -> list[Row]:
    """One document (a list of rows, or an object with ``logs``), or one object per line."""
    try:
        whole = from_json(text)
    except (ValueError, RecursionError):
        return [_json_line(path, number, line) for number, line in enumerate(_lines(text), 1) if line.strip()]
    if isinstance(whole, dict):
        whole = whole.get("logs", [whole])
    if not isinstance(whole, list) or not all(isinstance(row, dict) for row in whole):
        raise SettingsError(f"{path}: is not a list of rows; {_WANTED}")
    return [_without_nan(row) for row in whole]


def _without_nan(row: Row) -> Row:
    return {key: None if _is_nan(value) else value for key, value in row.items()}


def _lines(text: str) -> list[str]:
    """Lines of JSON Lines: only a line feed ends one, so U+2028 and the like may be inside a string."""
    return text.split("\n")


def _json_line(path: Path, number: int, line: str) -> Row:
    try:
        row = from_json(line)
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{path}, line {number}: is not valid JSON (cut short?): {error}") from error
    if not isinstance(row, dict):
        raise SettingsError(f"{path}, line {number}: is not a JSON object")
    return _without_nan(row)


def _excel_rows(path: Path, data: bytes) -> list[Row]:
    try:
        import openpyxl
    except ImportError as error:
        raise MissingExtra(f"{path}: reading Excel files", "evaluate") from error
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            if sum(part.file_size for part in packed.infolist()) > MOST_BYTES:
                raise ValueError(f"it unpacks to more than {MOST_BYTES:,} bytes")
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # else each row is as wide as the file claims, up to 16,384 cells
        return _table([list(row) for row in sheet.iter_rows(values_only=True) if row])
    except (zipfile.BadZipFile, KeyError, ValueError, OSError, IndexError, SyntaxError) as error:
        raise SettingsError(f"{path}: cannot be read as an Excel file: {error}") from error


def _table(read: Sequence[Sequence[Any]]) -> list[Row]:
    """Rows by the names in the first one; short ones are padded, empty ones skipped."""
    if not read:
        return []
    names = [str(name) for name in read[0]]
    rows = []
    for values in read[1:]:
        row = dict.fromkeys(names) | dict(zip(names, map(_value, values), strict=False))
        if any(value is not None for value in row.values()):
            rows.append(row)
    return rows


def _value(value: Any) -> Any:
    return None if _is_nan(value) or (isinstance(value, str) and value in _MISSING) else value


def _is_nan(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))
