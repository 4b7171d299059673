"""What a thing that was named or found is. This is decided once, and carried with its location from there on."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Literal

from .places import Stat, is_web, scheme_of

_VIDEO = (
    "mp4 m4v mov qt 3gp 3g2 mkv webm avi ts mts m2ts mpg mpeg mpe m1v m2v vob flv f4v ogv ogm wmv asf mxf nut rm rmvb "
    "dv gif apng ivf obu h264 264 h265 265 hevc mjpeg mjpg y4m divx"
)
VIDEO_ENDINGS = frozenset(f".{ending}" for ending in _VIDEO.split())
TAR_ENDINGS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst")
ARCHIVE_ENDINGS = (*TAR_ENDINGS, ".zip")
LIST_ENDINGS = frozenset([".txt", ".lst", ".csv", ".tsv", ".jsonl", ".ndjson", ".parquet"])
_MEMBER = re.compile(rf"(.*?(?:{'|'.join(re.escape(ending) for ending in ARCHIVE_ENDINGS)}))::(.+)", re.I | re.S)

SingleKind = Literal["video", "member", "address"]
"""One video: a file, local or in storage; a member of an archive, ``ARCHIVE::MEMBER``; a web address."""
Kind = Literal["video", "member", "address", "folder", "archive", "list", "other"]
"""``other`` is what is left out and counted."""


@dataclass(frozen=True)
class Found:
    """A thing that was named or found, with what the search told about it already."""

    location: str
    kind: Kind
    stat: Stat | None = None


def kind_of(name: str) -> Literal["video", "archive", "list", "other"]:
    """What a file is by its name's ending."""
    lower = name.lower()
    ending = os.path.splitext(lower)[1]  # noqa: PTH122 - names of storage are no local paths
    if ending in VIDEO_ENDINGS:
        return "video"
    if lower.endswith(ARCHIVE_ENDINGS):
        return "archive"
    return "list" if ending in LIST_ENDINGS else "other"


def skip_reason(name: str) -> str:
    """Why a file of a folder or archive is left out, for the count of what was; "" for a video or an archive."""
    if name.startswith("."):
        return "hidden"
    if kind_of(name) in ("video", "archive"):
        return ""
    ending = os.path.splitext(name)[1].lower()  # noqa: PTH122
    return f"not a video ({ending if re.fullmatch(r'[.][a-z0-9]{1,8}', ending) else 'no known ending'})"


def single_kind(location: str) -> SingleKind:
    """What a single video is by its location. A local file that has ``::`` in its name is a file."""
    if split_member(location) is not None and (scheme_of(location) or not os.path.lexists(location)):
        return "member"
    return "address" if is_web(location) else "video"


def split_member(location: str) -> tuple[str, str] | None:
    """The archive and the member of ``ARCHIVE::MEMBER``; None for other locations."""
    match = _MEMBER.fullmatch(location) if "::" in location else None
    return (match[1], match[2]) if match else None
