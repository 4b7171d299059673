"""The videos that a command names: files and addresses as they are; folders, lists and patterns by their contents."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ..errors import SettingsError
from ..wording import counted

STDIN = "-"


@dataclass
class Named:
    """The videos that the words of a command stand for, in order.

    Videos of folders, lists and patterns come once each; a file that is named twice is meant twice.
    ``unusable`` has the reason for each row of a list, or the like, that is not a video; ``skipped`` counts the other
    files in folders.
    """

    videos: list[str] = field(default_factory=list)
    unusable: list[str] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)

    def left_out(self) -> str:
        """What was left out of folders, in one line; "" if nothing was."""
        parts = (f"{count} {reason}" for reason, count in sorted(self.skipped.items()))
        return f"left out: {', '.join(parts)}" if self.skipped else ""


def named_videos(words: Sequence[str]) -> Named:
    """The videos of words of a command line.

    A file or address is a video, whether it is there or not. Folders, list files (``.txt``, ``.csv``, ``.jsonl``,
    ``.parquet``, ``@any``), patterns and braces are read as ``sg4v dataset build`` reads them; ``-`` stands for words
    on stdin, one on a line. Raises SettingsError for a list that cannot be read, and if there is no video at all.
    """
    found = Named()
    for word in with_stdin(words):
        if _is_listing(word):
            _look_into(word, found)
        else:
            found.videos.append(word)
    if not found.videos and not found.unusable:
        more = f" ({found.left_out()})" if found.skipped else ""
        raise SettingsError(f"{', '.join(words)}: {'holds' if len(words) == 1 else 'hold'} no video{more}")
    return found


def with_stdin(words: Sequence[str]) -> list[str]:
    """The words, with those on stdin in place of ``-``: one on a line, or ended by zero bytes (``find -print0``).

    Empty lines and those that begin with ``#`` are left out, as in list files. Raises SettingsError for a closed stdin.
    """
    return [one for word in words for one in (_words_on_stdin() if word == STDIN else [word])]


def _words_on_stdin() -> Iterator[str]:
    if sys.stdin is None:
        raise SettingsError("- reads names from stdin, but stdin is closed")
    data = sys.stdin.buffer.read()
    separator = b"\0" if b"\0" in data else b"\n"
    for line in data.split(separator):
        name = line if separator == b"\0" else line.strip()
        if name and not name.startswith(b"#"):
            yield os.fsdecode(name)


def _is_listing(word: str) -> bool:
    """Whether a word stands for the videos in something, not for one video."""
    from ..dataset.sources.kinds import kind_of, split_member
    from ..dataset.sources.named import expanded, has_pattern

    if "://" in word:
        return False
    if os.path.isdir(word):  # noqa: PTH112 - a Path would normalise odd names
        return True
    if os.path.exists(word):  # noqa: PTH110
        return kind_of(word) in ("list", "archive")
    member = split_member(word)
    if member is not None and os.path.isfile(member[0]):  # noqa: PTH113
        return True
    return has_pattern(word) or expanded(word) != [word] or (word.startswith("@") and os.path.isfile(word[1:]))  # noqa: PTH113


def _look_into(word: str, found: Named) -> None:
    from ..dataset.rows import Failure
    from ..dataset.sources.found import drafts_of
    from ..dataset.sources.kinds import split_member
    from ..dataset.sources.named import checked_inputs

    archives: Counter[str] = Counter()
    known = set(found.videos)
    for draft in drafts_of(checked_inputs([word]), found.skipped, None):
        if isinstance(draft, Failure):
            found.unusable.append(draft.message)
        elif member := split_member(draft.source.location):
            archives[member[0]] += 1
        elif draft.source.start_seconds is not None or draft.source.end_seconds is not None:
            found.unusable.append(f"{draft.where}: a part of a video; sg4v dataset build takes lists of parts")
        elif (name := _as_named(draft.source.location, word)) not in known:
            known.add(name)
            found.videos.append(name)
    for archive, count in archives.items():
        inside = counted(count, "video")
        found.unusable.append(f"{archive}: {inside} in an archive; unpack it, or let sg4v dataset build read it there")


def _as_named(location: str, word: str) -> str:
    """A path seen from the working directory, if the user named it from there."""
    here = f"{os.getcwd()}/"  # noqa: PTH109
    if not word.removeprefix("@").startswith("/") and location.startswith(here):
        return location[len(here) :]
    return location
