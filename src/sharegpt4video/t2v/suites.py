"""Prompts read from files: text with a prompt a line, JSON, JSON Lines, CSV, and VBench's own lists of requirements."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..checking import check_text
from ..errors import InputMissing, SettingsError
from ..given import from_json, read_text
from .manifests.tables import csv_rows

PROMPT_KEYS = ("prompt_en", "prompt", "text", "caption", "cap", "original", "input", "description", "title")
REWRITTEN_KEYS = ("rewritten", "augmented", "extended", "refined", "long_prompt", "rewritten_prompt", "output")


@dataclass(frozen=True)
class Prompt:
    """A prompt, and what a benchmark says it requires.

    requires  what must be there by kind of requirement (``color``, ``object``, ``relation``, ``order``): the words, in
              order. Empty where the file says nothing
    suite     the dimensions of the benchmark that it belongs to
    """

    text: str
    requires: tuple[tuple[str, tuple[str, ...]], ...] = ()
    suite: tuple[str, ...] = ()


def read_prompts(file: str | Path, *, rewritten: bool = False) -> tuple[Prompt, ...]:
    """The prompts of a file, in its order; an empty line of a text file is an empty prompt, so that lines still match.

    Raises InputMissing where it cannot be read, and SettingsError where no prompts are found in it, or one is no text.
    """
    path = Path(file)
    found = _prompts_of(path, (*REWRITTEN_KEYS, *PROMPT_KEYS) if rewritten else PROMPT_KEYS)
    for number, prompt in enumerate(found, start=1):
        check_text(prompt.text, f"{path}, prompt {number}")
    return found


def text_in(file: Path) -> str:
    """The text of a file, without a byte order mark. Raises InputMissing, or SettingsError where it is not UTF-8."""
    try:
        return read_text(file, "utf-8-sig")
    except OSError as problem:
        raise InputMissing(f"{file}: cannot be read: {problem.strerror}") from problem
    except UnicodeDecodeError as problem:
        raise SettingsError(f"{file}: not UTF-8 text ({problem.reason}); save it as UTF-8") from None


def _prompts_of(path: Path, keys: tuple[str, ...]) -> tuple[Prompt, ...]:
    text = text_in(path)
    suffix = path.suffix.lower()
    if suffix == ".json":
        return _of_json(_parsed(text, str(path)), keys, path)
    if suffix in (".jsonl", ".ndjson"):
        lines = [(number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
        return tuple(
            _prompt(_parsed(line, f"{path}, line {number}"), keys, f"{path}, line {number}") for number, line in lines
        )
    if suffix in (".csv", ".tsv"):
        return _of_table(text, keys, path, "\t" if suffix == ".tsv" else ",")
    # Only line feeds end a line: other marks of Unicode may stand in a prompt.
    lines_of_text = text.removesuffix("\n").split("\n") if text.strip() else []
    if not lines_of_text:
        raise SettingsError(f"{path}: holds no prompt; write one on each line")
    return tuple(Prompt(line.strip("\r\t ")) for line in lines_of_text)


def _parsed(text: str, where: str) -> Any:
    try:
        return from_json(text)
    except ValueError as problem:
        raise SettingsError(f"{where}: not valid JSON: {problem}") from None


def _of_json(plain: Any, keys: tuple[str, ...], path: Path) -> tuple[Prompt, ...]:
    """A list of prompts or objects; an object of such a list, or of texts by prompt or file name."""
    if isinstance(plain, Mapping):
        lists = [value for value in plain.values() if isinstance(value, list)]
        if len(lists) == 1:
            plain = lists[0]
        elif plain and all(isinstance(value, str) for value in plain.values()):
            return tuple(Prompt(value.strip()) for value in plain.values())
    if not isinstance(plain, list) or not plain:
        raise SettingsError(f"{path}: a list of prompts is needed, of texts or of objects with {' or '.join(keys[:3])}")
    return tuple(_prompt(one, keys, f"{path}, item {number}") for number, one in enumerate(plain, start=1))


def _of_table(text: str, keys: tuple[str, ...], path: Path, delimiter: str) -> tuple[Prompt, ...]:
    try:
        # Strict, or a quotation mark that is never closed would take all later rows into one prompt.
        rows = list(csv_rows(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as problem:
        raise SettingsError(f"{path}: not a proper table: {problem}; texts with quotation marks go in quotes") from None
    if wide := next((number for number, row in enumerate(rows, start=1) if None in row), 0):
        raise SettingsError(f"{path}, row {wide}: has more cells than the header; texts with commas go in quotes")
    if not rows:
        raise SettingsError(f"{path}: holds no rows below its header")
    return tuple(_prompt(row, keys, f"{path}, row {number}") for number, row in enumerate(rows, start=1))


def _prompt(one: Any, keys: tuple[str, ...], where: str) -> Prompt:
    if isinstance(one, str):
        return Prompt(one.strip())
    if not isinstance(one, Mapping):
        raise SettingsError(f"{where}: a text or an object is needed, not {type(one).__name__}")
    found = next((one[key] for key in keys if isinstance(one.get(key), str)), None)
    if found is None:
        wrong = next((key for key in keys if one.get(key) is not None), None)
        if wrong is not None:
            raise SettingsError(f"{where}: {wrong} is {str(one[wrong])[:40]!r}, and a text is needed")
        names = ", ".join(map(str, one)) or "nothing"
        raise SettingsError(f"{where}: has {names}, and none of {', '.join(keys)}; name the column of the prompts so")
    suite = one.get("dimension", ())
    dimensions = (suite,) if isinstance(suite, str) else tuple(map(str, suite or ()))
    return Prompt(found.strip(), tuple(_required(one.get("auxiliary_info"), dimensions)), dimensions)


def _required(info: Any, dimensions: tuple[str, ...]) -> list[tuple[str, tuple[str, ...]]]:
    """The requirements of VBench's ``auxiliary_info``; ``Motion_Order_Understanding`` lists its actions in order."""
    if isinstance(info, list) and "Motion_Order_Understanding" in dimensions:
        return [("order", tuple(map(str, info)))] if len(info) > 1 else []
    if not isinstance(info, Mapping):
        return []
    found: list[tuple[str, tuple[str, ...]]] = []
    for dimension, value in info.items():
        inner = value.get(dimension, value) if isinstance(value, Mapping) else value
        if dimension == "color":
            found.append(("color", (str(inner),)))
        elif dimension in ("multiple_objects", "object_class"):
            named = inner.get("object", "") if isinstance(inner, Mapping) else inner
            found.append(("object", tuple(filter(None, re.split(r"\s+and\s+", str(named))))))
        elif dimension == "spatial_relationship" and isinstance(inner, Mapping):
            parts = ("object_a", "relationship", "object_b")
            found.append(("relation", tuple(str(inner.get(part, "")) for part in parts)))
    return found
