"""What lies in folders and behind the words of the user, as drafts in an order that is the same on every machine."""

from __future__ import annotations

import glob
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial

from ...errors import SettingsError
from ..rows import Failure, FailureKind, SourceVideo
from .archives import list_archive
from .failures import failure
from .ids import HashLookup, place_id
from .kinds import Found, kind_of, single_kind, skip_reason
from .lists import read_rows, row_unit
from .members import Draft
from .places import Stat, UnsafeSource, absolute, filesystem, opening_errors, scheme_of, stat_of, storage_errors
from .places import stat as look_up
from .tables import Listed


def drafts_of(
    found: Iterable[Found | Failure], skipped: Counter[str], lookup: HashLookup | None
) -> Iterator[Draft | Failure]:
    """The drafts of all that was found, one after the other; what is left out is counted in ``skipped``."""
    for one in found:
        if isinstance(one, Failure):
            yield one
        elif one.kind == "folder":
            yield from drafts_of(walk(one.location, skipped), skipped, lookup)
        elif one.kind == "archive":
            yield from _of_archive(one, skipped, lookup)
        elif one.kind == "list":
            yield from _of_list(one.location, skipped, lookup)
        elif one.kind == "other":
            skipped[skip_reason(one.location.rpartition("/")[2])] += 1
        elif one.stat is None:
            yield Draft(SourceVideo("", one.location), one.kind)
        else:
            size_bytes, modified = one.stat.size_bytes, one.stat.modified
            yield Draft(SourceVideo("", one.location, size_bytes=size_bytes, modified=modified), one.kind, True)


def _of_archive(found: Found, skipped: Counter[str], lookup: HashLookup | None) -> Iterator[Draft | Failure]:
    try:
        stat = found.stat or look_up(found.location)
    except FileNotFoundError:
        yield failure(found.location, "this archive is not there any more", "vanished")
    except opening_errors() as error:
        reason = str(error).removeprefix(f"{found.location}: ")
        kind: FailureKind = "unsafe" if isinstance(error, UnsafeSource) else "unreadable"
        yield failure(found.location, f"this archive cannot be read: {reason}", kind)
    else:
        yield from list_archive(found.location, stat, skipped, lookup)


def _of_list(location: str, skipped: Counter[str], lookup: HashLookup | None) -> Iterator[Draft | Failure]:
    unit, number = row_unit(location), 0
    try:
        for row in read_rows(location):
            number = row.number
            where = f"{location}, {unit} {number}"
            if row.problem:
                yield _row_failure(where, location, "", row.problem)
            for listed in row.listed:
                yield from _of_listed(listed, location, where, skipped, lookup)
    except SettingsError as error:  # the storage fails, or the file is another one than when it was checked
        reason = str(error).removeprefix(f"{location}: ")
        yield failure(location, f"{reason}; what comes after {unit} {number} is not listed")


def _of_listed(
    listed: Listed, location: str, where: str, skipped: Counter[str], lookup: HashLookup | None
) -> Iterator[Draft | Failure]:
    """What a list at ``location`` names: a video, a span of one, or all videos of an archive."""
    try:
        path = absolute(listed.path, location.rpartition("/")[0] or "/")
    except UnsafeSource as error:
        yield replace(_row_failure(where, location, listed.user_id, str(error)), kind="unsafe")
        return
    if kind_of(path) == "archive" and listed.start_seconds is None and listed.end_seconds is None:
        yield from _of_archive(Found(path, "archive"), skipped, lookup)
        return
    source = SourceVideo(
        "",
        path,
        user_id=listed.user_id,
        start_seconds=listed.start_seconds,
        end_seconds=listed.end_seconds,
        caption=listed.caption,
        tags=listed.tags,
    )
    yield Draft(source, single_kind(path), where=where)


def _row_failure(where: str, location: str, user_id: str, reason: str) -> Failure:
    return Failure(place_id(where), location, user_id, "list", "unreadable", f"{where}: {reason}")


def walk(folder: str, skipped: Counter[str]) -> Iterator[Found | Failure]:
    """Every video and archive in a folder and the folders in it, one folder in memory at a time.

    What is left out is counted in ``skipped``. Links to folders are followed, each folder once. A folder that cannot
    be read is a Failure.
    """
    scan = partial(_storage_names if scheme_of(folder) else _local_names, skipped=skipped, seen=set())
    stack: list[tuple[str, Iterator[tuple[str, Stat | None]]]] = [("", iter([(f"{folder.rstrip('/')}/", None)]))]
    while stack:
        path, names = stack[-1]
        name, stat = next(names, ("", None))
        if not name:
            stack.pop()
        elif name.endswith("/"):
            inner = f"{path}{name}"
            try:
                stack.append((inner, iter(scan(inner))))
            except storage_errors() as error:
                yield _unlisted(inner, error)
        else:
            yield Found(f"{path}{name}", kind_of(name), stat)


def _unlisted(folder: str, error: BaseException) -> Failure:
    reason = f"this folder cannot be read: {getattr(error, 'strerror', None) or error}"
    return failure(folder, reason, "vanished" if isinstance(error, FileNotFoundError) else "unreadable")


def _local_names(folder: str, skipped: Counter[str], seen: set[tuple[int, int]]) -> Iterator[tuple[str, Stat | None]]:
    """The names in a local folder that count, sorted, those of folders with a slash behind."""
    found = os.stat(folder)  # noqa: PTH116 - a Path would drop what is odd in a name
    if (found.st_dev, found.st_ino) in seen:
        skipped["folder seen already (through a link)"] += 1
        return iter(())
    seen.add((found.st_dev, found.st_ino))
    with os.scandir(folder) as entries:
        names = [named for entry in entries if (named := _counted(entry.name, _is_folder(entry), skipped))]
    names.sort(key=natural_key)
    return ((name, None) for name in names)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads in circles
        return False


def _storage_names(folder: str, skipped: Counter[str], seen: object) -> Iterator[tuple[str, Stat | None]]:
    """As ``_local_names``, for a folder in storage; sizes come with the names there."""
    del seen
    fs, path = filesystem(folder)
    stats = {}
    for info in fs.ls(path, detail=True):
        name = info["name"].rstrip("/").rpartition("/")[2]
        if info["name"].rstrip("/") == path.rstrip("/"):  # the empty object that some clients make for a folder
            continue
        if named := _counted(name, info.get("type") == "directory", skipped):
            stats[named] = stat_of(info)
    return ((name, stats[name]) for name in sorted(stats, key=natural_key))


def _counted(name: str, is_folder: bool, skipped: Counter[str]) -> str:
    """The name as it goes on, or "" after counting why it does not."""
    if is_folder and not name.startswith("."):
        return f"{name}/"
    reason = "hidden folder" if is_folder else skip_reason(name)
    if reason:
        skipped[reason] += 1
    return "" if reason else name


def matches(pattern: str) -> list[Found]:
    """What a pattern (``*``, ``?``, ``[...]``, ``**``) stands for, in natural order. A folder ends with a slash."""
    if scheme_of(pattern):
        fs, path = filesystem(pattern)
        stats = {fs.unstrip_protocol(name): stat_of(info) for name, info in fs.glob(path, detail=True).items()}
        return [_matched(name, stats[name].is_folder, stats[name]) for name in sorted(stats, key=path_key)]
    paths = sorted(glob.iglob(pattern, recursive=True), key=path_key)  # noqa: PTH207 - patterns with a root
    return [_matched(path, os.path.isdir(path)) for path in paths]  # noqa: PTH112


def _matched(location: str, is_folder: bool, stat: Stat | None = None) -> Found:
    if is_folder:
        return Found(f"{location.rstrip('/')}/", "folder", stat)
    name = location.rpartition("/")[2]
    return Found(location, "other" if skip_reason(name) else kind_of(name), stat)


def natural_key(name: str) -> str:
    """A sort key under which ``clip2`` comes before ``clip10``; case and Unicode form decide only between equals."""
    folded = unicodedata.normalize("NFC", name).casefold()
    return re.sub("[0-9]+", _number_key, folded) + "\0" + name


def _number_key(match: re.Match[str]) -> str:
    digits = match[0].lstrip("0")
    return f"0{chr(min(len(digits), 0x7FFF))}{digits}"  # longer numbers are larger; all of them sort like a digit


def path_key(location: str) -> tuple[str, ...]:
    """``natural_key`` for each part of a path."""
    return tuple(natural_key(part) for part in location.split("/"))
