"""What the user's own words stand for: files, folders, patterns, braces, lists, archives, members and addresses."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterable, Iterator

from ...errors import InputMissing, SettingsError, VideoError
from .found import matches
from .kinds import Found, kind_of, single_kind, skip_reason, split_member
from .lists import check_list
from .places import Stat, absolute, is_web, stat, storage_errors
from .tables import shown

MOST_EXPANSIONS = 1_000_000
_BRACES = re.compile(r"\{([^{}]*)\}")
_RANGE = re.compile(r"(\d+)\.\.(\d+)")
_NEITHER = (".json", ".yaml", ".yml", ".gz", ".7z", ".rar", ".xlsx", ".arrow", ".feather")


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


def checked_inputs(inputs: Iterable[str]) -> list[Found]:
    """What the user's words stand for. Raises SettingsError naming every word that stands for nothing."""
    names = input_names(inputs)
    found: list[Found] = []
    problems, missing = [], 0
    for text in names:
        try:
            found += _named(text)
        except InputMissing as error:
            problems.append(str(error))
            missing += 1
        except (SettingsError, VideoError) as error:
            problems.append(str(error))
        except storage_errors() as error:
            problems.append(f"{text}: cannot be looked up: {error}")
    if not names:
        problems.append("no videos are named; give files, folders, patterns, lists, archives or addresses")
    if problems:
        raise (InputMissing if missing == len(problems) else SettingsError)("; ".join(problems))
    return found


def _named(text: str) -> list[Found]:
    if not text.removeprefix("@").strip():
        raise SettingsError("the name of an input is empty (an unset variable?); name the working directory '.'")
    if text.startswith("@") and not os.path.exists(text):  # noqa: PTH110
        return [_list(text, absolute(text[1:]))]
    if is_web(text):
        if kind_of(text.partition("?")[0]) in ("archive", "list"):
            raise SettingsError(f"{text}: only single videos are read from web addresses; download this file first")
        return [Found(absolute(text), single_kind(text))]
    location = absolute(text)
    there = _stat_or_none(location)
    if there is not None:
        return [_of_stat(text, location, there)]
    member = split_member(location)
    if member is not None and _stat_or_none(member[0]) is not None:
        return [Found(location, "member")]
    words = expanded(text)
    if words != [text]:
        return [one for word in words for one in _named(word)]
    if has_pattern(text):
        return _of_pattern(text, location)
    raise InputMissing(f"{text}: no such file or folder")


def _stat_or_none(location: str) -> Stat | None:
    try:
        return stat(location)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _of_stat(text: str, location: str, stat: Stat) -> Found:
    if stat.is_folder:
        return Found(location, "folder", stat)
    kind = kind_of(location)
    if kind == "list":
        return _list(text, location)
    if kind == "other" and location.lower().endswith(_NEITHER):
        raise SettingsError(
            f"{text}: this kind of file is neither a video nor a list; lists are .txt, .lst, .csv, .tsv, .jsonl, "
            ".parquet, archives are .tar (also .gz, .bz2, .xz) and .zip"
        )
    if kind == "archive":
        return Found(location, "other" if skip_reason(location.rpartition("/")[2]) else "archive", stat)
    return Found(location, "video", stat)  # named by the user himself, it is one whatever its ending


def _list(text: str, location: str) -> Found:
    if _stat_or_none(location) is None:
        raise InputMissing(f"{text}: no such list")
    check_list(location)
    return Found(location, "list")


def _of_pattern(text: str, location: str) -> list[Found]:
    found = matches(location)
    if not found:
        raise SettingsError(f"{text}: no file matches this pattern")
    return [_list(one.location, one.location) for one in found] if kind_of(text) == "list" else found


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
