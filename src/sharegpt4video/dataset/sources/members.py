"""What tar and zip archives have in common: how members are named, which names are refused, what describes a video.

A member is written ``ARCHIVE::MEMBER``. Its ``modified`` is that of the archive with the member's own place in it,
``MODIFIED@OFFSET`` or ``MODIFIED@OFFSET#CRC``, so a member is opened without reading the archive's list again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

from ...foreign import is_text
from ..rows import Failure, SourceVideo
from .failures import failure, member_failure
from .kinds import SingleKind, kind_of, skip_reason
from .places import UnsafeSource
from .tables import RowProblem, json_object, listed_of

MAX_MEMBERS = 1_000_000
"""Archives with more are refused."""
MAX_SIDECAR_BYTES = 1 << 20
"""Longest description (.json, .txt) beside a video in an archive."""
MAX_UNPACKED_BYTES = 64 << 30
"""Longest member that is unpacked."""
FREE_BYTES, MAX_RATIO = 64 << 20, 200
"""From ``FREE_BYTES`` on, more than ``MAX_RATIO`` bytes out of a packed one are a bomb: coded video gives about 1."""

SIDECAR_ENDINGS = ("json", "txt")
_PLACE = re.compile(r"(.*)@(\d+)(?:#([0-9a-f]{8}))?", re.S)


@dataclass(frozen=True)
class Draft:
    """A source whose id is not known yet. ``has_stat``: its size and date are; ``where`` is its row in a list."""

    source: SourceVideo
    kind: SingleKind
    has_stat: bool = False
    content: str = ""
    where: str = ""


@dataclass(frozen=True)
class Spot:
    """Where a member lies: the archive's ``modified``, the offset of its data or header, its checksum if it has one."""

    modified: str
    offset: int
    crc: int | None = None

    def __str__(self) -> str:
        return f"{self.modified}@{self.offset}" + ("" if self.crc is None else f"#{self.crc:08x}")


def spot_of(modified: str) -> Spot | None:
    """What ``str(Spot)`` wrote; None for anything else."""
    match = _PLACE.fullmatch(modified)
    return Spot(match[1], int(match[2]), int(match[3], 16) if match[3] else None) if match else None


def refusal(archive: str, name: str) -> Failure | None:
    """Why a member is not used because of its name; None for a proper one."""
    if not is_text(name) or not name:
        return failure(f"{archive}::{name}", "the member's name is empty or no Unicode; pack it again with UTF-8 names")
    if "\0" in name or "\\" in name:
        return member_failure(archive, name, "a member's name with a backslash or zero byte is refused")
    if name.startswith("/") or re.match(r"[a-zA-Z]:", name):
        return member_failure(archive, name, "a member with an absolute path is refused")
    if ".." in name.split("/"):
        return member_failure(archive, name, "a member whose path leaves its folder (..) is refused")
    if kind_of(name) == "archive":
        return member_failure(archive, name, "an archive inside an archive is not opened; unpack the outer one first")
    return None


def member_skip(name: str) -> str:
    """Why a member is left out without being wrong; "" for a video. Folders that hide hide what is in them."""
    *folders, last = name.split("/")
    if any((folder.startswith(".") and folder != ".") or folder == "__MACOSX" for folder in folders):
        return "hidden"
    return skip_reason(last)


def is_sidecar(name: str) -> bool:
    return name.lower().endswith(tuple(f".{ending}" for ending in SIDECAR_ENDINGS))


def sidecar_key(name: str) -> str:
    """The name of a description with its ending in lower case, as it is looked up."""
    stem, _, ending = name.rpartition(".")
    return f"{stem}.{ending.lower()}"


def keys_of(name: str) -> tuple[str, str]:
    """What a description is found by: the name up to its last dot, or up to its first (the key of a WebDataset)."""
    folder, slash, last = name.rpartition("/")
    return folder + slash + last.rpartition(".")[0], folder + slash + last.partition(".")[0]


def drafts_of(
    archive: str, name: str, size_bytes: int, spot: Spot, sidecars: Mapping[str, bytes], content: str = ""
) -> list[Draft | Failure]:
    """The sources that a video in an archive stands for, with what the members beside it (.json, .txt) say of it."""
    source = SourceVideo("", f"{archive}::{name}", size_bytes=size_bytes, modified=str(spot))
    if size_bytes == 0:
        return [member_failure(archive, name, "the member is empty (0 bytes)", "unreadable")]
    described = [(key, ending) for key in keys_of(name) for ending in SIDECAR_ENDINGS if f"{key}.{ending}" in sidecars]
    if not described:
        return [Draft(source, "member", True, content)]
    key = described[0][0]
    try:
        listed = listed_of(_row_of(key, sidecars), path=name)
    except RowProblem as problem:
        return [member_failure(archive, name, f"the description beside it cannot be used: {problem}", "unreadable")]
    return [
        Draft(
            replace(
                source,
                user_id=row.user_id or key,
                start_seconds=row.start_seconds,
                end_seconds=row.end_seconds,
                caption=row.caption,
                tags=row.tags,
            ),
            "member",
            True,
            content,
        )
        for row in listed
    ]


def _row_of(key: str, sidecars: Mapping[str, bytes]) -> dict[str, Any]:
    row: dict[str, Any] = json_object(sidecars[f"{key}.json"]) if f"{key}.json" in sidecars else {}
    if f"{key}.txt" in sidecars:
        try:
            text = sidecars[f"{key}.txt"].decode("utf-8-sig").strip()
        except UnicodeDecodeError as error:
            raise RowProblem(f"not UTF-8: {error}") from error
        if not {"caption", "text"} & {name.lower() for name in row}:
            row["caption"] = text
    return row


class Bounded:
    """Counts what comes out of packed bytes, and stops a bomb by what it really gives.

    Raises UnsafeSource from ``count`` on.
    """

    def __init__(self, name: str, most_bytes: int = MAX_UNPACKED_BYTES) -> None:
        self._name, self._most = name, most_bytes
        self.given = 0

    def count(self, given: int, taken: int) -> None:
        """``given`` more bytes came out, of ``taken`` packed ones in all."""
        self.given += given
        if self.given > self._most:
            raise UnsafeSource(f"{self._name}: unpacks to more than {self._most:,} bytes; unpack it yourself")
        if self.given > FREE_BYTES and self.given > MAX_RATIO * max(taken, 1):
            raise UnsafeSource(f"{self._name}: unpacks to over {MAX_RATIO} times its size, as a bomb does; refused")


def read_exactly(file: BinaryIO, size: int, what: str) -> bytes:
    """Raises OSError where the file ends before."""
    data = file.read(size)
    if len(data) != size:
        raise OSError(f"{what}: the archive ends here; it was cut short")
    return data
