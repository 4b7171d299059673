"""What the user may name as an input, and the drafts of sources that each input stands for, in order."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from ...errors import SettingsError, VideoError
from ..rows import Failure, SourceVideo
from .archives import list_archive
from .folders import Found, expanded, failure, has_pattern, kind_of, matches, skip_reason, walk
from .ids import HashLookup, place_id
from .lists import Row, check_list, read_rows
from .members import Draft, split_member
from .places import Stat, UnsafeSource, absolute, is_web, stat, storage_errors
from .tables import Listed, shown

InputKind = Literal["video", "folder", "archive", "list"]


_NEITHER = (".json", ".yaml", ".yml", ".gz", ".7z", ".rar", ".xlsx", ".arrow", ".feather")


@dataclass(frozen=True)
class Input:
    """One thing to list, known to exist when the call began."""

    kind: InputKind
    location: str
    stat: Stat | None = None
    chosen: bool = True
    """Named by the user himself, not found by a pattern: then it is a video whatever its ending."""


def input_names(inputs: Iterable[str]) -> list[str]:
    """The inputs as a list, so that a generator is used up only once. Raises SettingsError if they are not names.

    A single string is refused: it would be taken for a list of its letters.
    """
    if isinstance(inputs, (str, bytes)) or not isinstance(inputs, Iterable):
        raise SettingsError(f"inputs must be a list of names, such as ['videos/'], not {shown(inputs)}")
    names = list(inputs)
    if wrong := [name for name in names if not isinstance(name, str)]:
        raise SettingsError(f"inputs must be a list of names, each a string; {shown(wrong[0])} is not one")
    return names


def checked_inputs(inputs: Iterable[str]) -> list[Input]:
    """What the user's words stand for. Raises SettingsError naming every word that stands for nothing."""
    names = input_names(inputs)
    found: list[Input] = []
    problems = []
    for text in names:
        try:
            found += _inputs_of(text)
        except (SettingsError, VideoError) as error:
            problems.append(str(error))
        except storage_errors() as error:
            problems.append(f"{text}: cannot be looked up: {error}")
    if not names:
        problems.append("no videos are named; give files, folders, patterns, lists, archives or addresses")
    if problems:
        raise SettingsError("; ".join(problems))
    return found


def _inputs_of(text: str) -> list[Input]:
    if not text.removeprefix("@").strip():
        raise SettingsError("the name of an input is empty (an unset variable?); name the working directory '.'")
    if text.startswith("@") and not os.path.exists(text):  # noqa: PTH110
        return [_list_input(text, absolute(text[1:]))]
    if is_web(text):
        if kind_of(text.partition("?")[0]) in ("archive", "table", "list"):
            raise SettingsError(f"{text}: only single videos are read from web addresses; download this file first")
        return [Input("video", absolute(text))]
    location = absolute(text)
    found = _stat_or_none(location)
    if found is not None:
        return [_input_of(text, location, found)]
    member = split_member(location)
    if member is not None and _stat_or_none(member[0]) is not None:
        return [Input("video", location)]
    words = expanded(text)
    if words != [text]:
        return [found for word in words for found in _inputs_of(word)]
    if has_pattern(text):
        return _pattern_inputs(text, location)
    raise SettingsError(f"{text}: there is no such file or folder")


def _stat_or_none(location: str) -> Stat | None:
    try:
        return stat(location)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _input_of(text: str, location: str, found: Stat) -> Input:
    if found.is_folder:
        return Input("folder", location, found)
    kind = kind_of(location)
    if kind in ("list", "table"):
        return _list_input(text, location)
    if kind == "other" and location.lower().endswith(_NEITHER):
        raise SettingsError(
            f"{text}: this kind of file is neither a video nor a list; lists are .txt, .lst, .csv, .tsv, .jsonl, "
            ".parquet, archives are .tar (also .gz, .bz2, .xz) and .zip"
        )
    return Input("archive" if kind == "archive" else "video", location, found)


def _list_input(text: str, location: str) -> Input:
    if _stat_or_none(location) is None:
        raise SettingsError(f"{text}: there is no such list")
    check_list(location)
    return Input("list", location)


def _pattern_inputs(text: str, location: str) -> list[Input]:
    found = matches(location)
    if not found:
        raise SettingsError(f"{text}: no file matches this pattern")
    if kind_of(text) in ("list", "table"):
        return [_list_input(one.location, one.location) for one in found]
    return [
        Input("folder", one.location, one.stat) if one.location.endswith("/") else
        Input("archive" if kind_of(one.location) == "archive" else "video", one.location, one.stat, chosen=False)
        for one in found
    ]  # fmt: skip


def drafts_of_inputs(
    inputs: Iterable[Input], skipped: Counter[str], lookup: HashLookup | None
) -> Iterator[Draft | Failure]:
    """The drafts of all inputs, one after the other."""
    for one in inputs:
        if one.kind == "folder":
            for found in walk(one.location, skipped):
                yield from [found] if isinstance(found, Failure) else _of_file(found, skipped, lookup)
        elif one.kind == "list":
            yield from _of_list(one.location, skipped, lookup)
        elif one.chosen and one.kind == "video":
            yield _draft(Found(one.location, one.stat))
        elif reason := skip_reason(one.location.rpartition("/")[2]):
            skipped[reason] += 1
        else:
            yield from _of_file(Found(one.location, one.stat), skipped, lookup)


def _of_file(found: Found, skipped: Counter[str], lookup: HashLookup | None) -> Iterator[Draft | Failure]:
    """A video, or those in an archive."""
    if kind_of(found.location) != "archive":
        yield _draft(found)
        return
    try:
        told = found.stat or stat(found.location)
    except FileNotFoundError:
        yield failure(found.location, "this archive is not there any more", "vanished")
    except storage_errors() as error:
        yield failure(found.location, f"this archive cannot be read: {error}")
    else:
        yield from list_archive(found.location, told, skipped, lookup)


def _draft(found: Found) -> Draft:
    if found.stat is None:
        return Draft(SourceVideo("", found.location))
    return Draft(SourceVideo("", found.location, size_bytes=found.stat.size_bytes, modified=found.stat.modified), True)


def _of_list(location: str, skipped: Counter[str], lookup: HashLookup | None) -> Iterator[Draft | Failure]:
    folder = location.rpartition("/")[0] or "/"
    unit = "row" if location.lower().endswith(".parquet") else "line"
    number = 0
    try:
        for row in read_rows(location):
            number = row.number
            yield from _of_row(row, f"{location}, {unit} {number}", folder, skipped, lookup)
    except SettingsError as error:  # the storage fails, or the file is another one than when it was checked
        reason = str(error).removeprefix(f"{location}: ")
        yield failure(location, f"{reason}; what comes after {unit} {number} is not listed")


def _of_row(
    row: Row, where: str, folder: str, skipped: Counter[str], lookup: HashLookup | None
) -> Iterator[Draft | Failure]:
    location = where.rpartition(", ")[0]
    if row.problem:
        yield _row_failure(where, location, "", row.problem)
    for listed in row.listed:
        try:
            path = absolute(listed.path, folder)
        except UnsafeSource as error:
            yield replace(_row_failure(where, location, listed.user_id, str(error)), kind="unsafe")
            continue
        if kind_of(path) == "archive" and listed.start_seconds is None and listed.end_seconds is None:
            yield from _of_file(Found(path), skipped, lookup)
        else:
            yield _listed_draft(path, listed, where)


def _row_failure(where: str, location: str, user_id: str, reason: str) -> Failure:
    return Failure(place_id(where), location, user_id, "list", "unreadable", f"{where}: {reason}")


def _listed_draft(path: str, listed: Listed, where: str) -> Draft:
    source = SourceVideo(
        "",
        path,
        user_id=listed.user_id,
        start_seconds=listed.start_seconds,
        end_seconds=listed.end_seconds,
        caption=listed.caption,
        tags=listed.tags,
    )
    return Draft(source, where=where)
