"""Archives by construction, and reading them back through the package."""

from __future__ import annotations

import io
import os
import struct
import tarfile
import tempfile
import zipfile
from collections import Counter
from pathlib import Path

from sharegpt4video.dataset.rows import Failure
from sharegpt4video.dataset.sources.archives import list_archive, open_member
from sharegpt4video.dataset.sources.members import Draft
from sharegpt4video.dataset.sources.places import stat
from sharegpt4video.dataset.sources.unpack import PREFIX

NOISE = os.urandom(3_000_000)


def content(number: int, size: int = 1000) -> bytes:
    return NOISE[number * 1000 : number * 1000 + size]


def write_tar(path: Path, entries: list[tuple[str, bytes | tarfile.TarInfo]], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        for name, value in entries:
            info = value if isinstance(value, tarfile.TarInfo) else tarfile.TarInfo(name)
            if isinstance(value, bytes):
                info.size = len(value)
            tar.addfile(info, io.BytesIO(value) if isinstance(value, bytes) else None)
    return path


def write_zip(path: Path, entries: list[tuple[str, bytes]], packing: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", packing) as opened:
        for name, data in entries:
            opened.writestr(name, data)
    return path


def special(name: str, kind: bytes, target: str = "") -> tuple[str, tarfile.TarInfo]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return name, info


def listed(path: Path) -> tuple[dict[str, Draft], list[Failure], Counter[str]]:
    skipped: Counter[str] = Counter()
    rows = list(list_archive(str(path), stat(str(path)), skipped))
    drafts = {d.source.location.partition("::")[2]: d for d in rows if isinstance(d, Draft)}
    return drafts, [row for row in rows if isinstance(row, Failure)], skipped


def read(draft: Draft) -> bytes:
    source = draft.source
    with open_member(source.location, source.size_bytes, source.modified) as video:
        return Path(video).read_bytes() if isinstance(video, str) else video.read()


def left_behind() -> list[Path]:
    return [path for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*") if path.stat().st_uid == os.getuid()]


PACKINGS = ["a.tar", "a.tar.gz", "a.tgz", "a.tar.bz2", "a.tar.xz", "a.zip", "deflated.zip"]


def write_any(path: Path, entries: list[tuple[str, bytes]]) -> Path:
    if path.suffix == ".zip":
        return write_zip(path, entries, zipfile.ZIP_DEFLATED if "deflated" in path.name else zipfile.ZIP_STORED)
    mode = {"gz": "w:gz", "tgz": "w:gz", "bz2": "w:bz2", "xz": "w:xz"}.get(path.name.rpartition(".")[2], "w")
    return write_tar(path, list(entries), mode)


def patched(path: Path, name: str, **values: int) -> Path:
    """Write other numbers into the directory entry of a member."""
    data = bytearray(path.read_bytes())
    at = data.rfind(name.encode()) - 46
    assert data[at : at + 4] == b"PK\1\2"
    places = {"flags": (8, "<H"), "method": (10, "<H"), "crc": (16, "<I"), "packed": (20, "<I"), "size": (24, "<I")}
    places["offset"] = (42, "<I")
    for key, value in values.items():
        struct.pack_into(places[key][1], data, at + places[key][0], value)
    path.write_bytes(data)
    return path
