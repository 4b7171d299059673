"""Folders, patterns and braces: which files are meant, in an order that is the same on every machine."""

from __future__ import annotations

import glob
import itertools
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal

from ...errors import SettingsError
from ..rows import Failure, FailureKind
from .ids import place_id
from .places import Stat, filesystem, scheme_of, stat_of, storage_errors

_VIDEO = (
    "mp4 m4v mov qt 3gp 3g2 mkv webm avi ts mts m2ts mpg mpeg mpe m1v m2v vob flv f4v ogv ogm wmv asf mxf nut rm rmvb "
    "dv gif apng ivf obu h264 264 h265 265 hevc mjpeg mjpg y4m divx"
)
VIDEO_ENDINGS = frozenset(f".{ending}" for ending in _VIDEO.split())
TAR_ENDINGS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst")
ARCHIVE_ENDINGS = (*TAR_ENDINGS, ".zip")
LIST_ENDINGS = frozenset({".txt", ".lst"})
TABLE_ENDINGS = frozenset([".csv", ".tsv", ".jsonl", ".ndjson", ".parquet"])

MOST_EXPANSIONS = 1_000_000
_BRACES = re.compile(r"\{([^{}]*)\}")
_RANGE = re.compile(r"(\d+)\.\.(\d+)")

Kind = Literal["video", "archive", "list", "table", "other"]


@dataclass(frozen=True)
class Found:
    """A file that was found, with what the search told about it already."""

    location: str
    stat: Stat | None = None


def kind_of(name: str) -> Kind:
    """What a file is by its name's ending."""
    lower = name.lower()
    ending = os.path.splitext(lower)[1]  # noqa: PTH122 - names of storage are no local paths
    if ending in VIDEO_ENDINGS:
        return "video"
    if lower.endswith(ARCHIVE_ENDINGS):
        return "archive"
    if ending in LIST_ENDINGS:
        return "list"
    return "table" if ending in TABLE_ENDINGS else "other"


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


def skip_reason(name: str) -> str:
    """Why a file of a folder or archive is left out, for the count of what was; "" for a video or an archive."""
    if name.startswith("."):
        return "hidden"
    if kind_of(name) in ("video", "archive"):
        return ""
    ending = os.path.splitext(name)[1].lower()  # noqa: PTH122
    return f"not a video ({ending if re.fullmatch(r'[.][a-z0-9]{1,8}', ending) else 'no known ending'})"


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
            yield Found(f"{path}{name}", stat)


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
        names = {fs.unstrip_protocol(name): stat_of(info) for name, info in fs.glob(path, detail=True).items()}
        return [Found(_slashed(name, names[name].is_folder), names[name]) for name in sorted(names, key=path_key)]
    paths = sorted(glob.iglob(pattern, recursive=True), key=path_key)  # noqa: PTH207 - patterns with a root
    return [Found(_slashed(path, os.path.isdir(path))) for path in paths]  # noqa: PTH112


def _slashed(name: str, is_folder: bool) -> str:
    return f"{name.rstrip('/')}/" if is_folder else name


def has_pattern(text: str) -> bool:
    return any(sign in text for sign in "*?[")


def expanded(text: str) -> list[str]:
    """``shard-{000..012}.tar`` or ``{a,b}.mp4`` written out; a text without braces stands for itself.

    Raises SettingsError where that would be more than a million.
    """
    done: list[str] = []
    todo = [text]
    while todo:
        if len(todo) + len(done) > MOST_EXPANSIONS:
            raise SettingsError(f"{text}: the braces stand for more than {MOST_EXPANSIONS:,} names")
        word = todo.pop()
        match = next((m for m in _BRACES.finditer(word) if _choices(m[1])), None)
        if match is None:
            done.append(word)
        else:
            options = itertools.islice(_choices(match[1]), MOST_EXPANSIONS + 1)
            words = [word[: match.start()] + option + word[match.end() :] for option in options]
            todo += reversed(words)
    return done


def _choices(inner: str) -> list[str] | _Numbers:
    if match := _RANGE.fullmatch(inner):
        return _Numbers(match[1], match[2])
    return inner.split(",") if "," in inner else []


class _Numbers:
    """``000..012`` as texts, one after the other, with the zeros of the first."""

    def __init__(self, first: str, last: str) -> None:
        self._first, self._last, self._digits = int(first), int(last), len(first) if first.startswith("0") else 1

    def __iter__(self) -> Iterator[str]:
        step = 1 if self._last >= self._first else -1
        return (str(number).zfill(self._digits) for number in range(self._first, self._last + step, step))


def failure(location: str, reason: str, kind: FailureKind = "unreadable", *, user_id: str = "") -> Failure:
    """A Failure of the listing. Its id stands for the place, since there is no content to make one of."""
    shown = printable(location)
    return Failure(place_id(location), shown, user_id, "list", kind, f"{shown}: {printable(reason)}")


def printable(text: str) -> str:
    """The text as it can be stored and shown: what is no UTF-8 becomes a question mark."""
    return text.encode(errors="replace").decode() if _has_strays(text) else text


def _has_strays(text: str) -> bool:
    if text.isascii():
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def is_text(text: str) -> bool:
    """Whether a name is proper Unicode, as every stored text must be."""
    return not _has_strays(text)
