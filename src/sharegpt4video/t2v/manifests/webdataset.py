"""WebDataset: tar shards with ``KEY.mp4``, ``KEY.txt``, ``KEY.json`` and a member for each further caption.

The layout is that of github.com/webdataset/webdataset and of video2dataset. A key ends at its first dot, so keys are
numbers. finetrainers takes captions from members, not from the JSON: ``long_caption.txt`` and ``short_caption.txt``.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from ...checking import Limits
from ...errors import SettingsError
from ...given import from_json
from .base import Manifest, Row, Window
from .beside import ENDINGS
from .tars import add_member, new_tars
from .writing import NOT_A_ROW, Options, caption_of, json_item, path_of, texts_of

COLUMNS = {"dense": "long_caption", "medium": "medium_caption", "short": "short_caption"}
_KEPT = ("frames", "fps", "width", "height", "has_sound", "camera", "record")
_THEIRS = {"frames": "num_frames"}


@dataclass(frozen=True)
class WebDatasetOptions(Options):
    """Options of the tar shards."""

    shard_bytes: Annotated[int, Limits(1, 1 << 50)] = 1 << 30
    """Maximum bytes per shard; a larger sample gets its own shard."""


def write_webdataset(rows: Iterable[Row], folder: Path, options: WebDatasetOptions) -> list[Path]:
    """Write ``train-000000.tar`` and so on, with the videos in them."""
    with new_tars(folder, "train-{:06d}.tar", options.shard_bytes, overwrite=options.overwrite) as tars:
        for number, row in enumerate(rows):
            texts = {name: caption_of(text, row.video) for name, text in row.texts.items()}
            path = folder / path_of(row.video, endings=ENDINGS)
            add_member(tars, f"{number:09d}", path, _members(row, texts))
    return tars.written


def _members(row: Row, texts: dict[str, str]) -> dict[str, str]:
    named = {COLUMNS.get(name, f"{name}_caption"): text for name, text in texts.items()}
    plain: dict[str, Any] = {"video": row.video, **named, "captions": texts}
    plain |= {_THEIRS.get(name, name): getattr(row, name) for name in _KEPT} | {"scores": dict(row.scores)}
    members = {"json": json_item(plain), "txt": next(iter(texts.values()))}
    return members | {f"{name}.txt": text for name, text in named.items()}


def read_webdataset(folder: Path) -> Iterator[Row]:
    """The rows of all shards in a folder; ours come back whole, others with the captions that they have."""
    for path in sorted(folder.glob("*.tar")):
        try:
            yield from _read(path)
        except (tarfile.TarError, *NOT_A_ROW) as wrong:
            raise SettingsError(f"{path}: cannot be read ({wrong}); is the shard whole?") from None


def _read(path: Path) -> Iterator[Row]:
    key, video, members = "", "", dict[str, bytes]()
    with tarfile.open(path) as tar:
        for member in tar:
            this, _, column = member.name.partition(".")
            if this != key and video:
                yield _row(f"{path.name}::{video}", members)
            if this != key:
                key, video, members = this, "", {}
            if f".{column}" in ENDINGS:
                video = member.name
            elif column.endswith(("txt", "json")) and (held := tar.extractfile(member)):
                members[column] = held.read()
            tar.members.clear()  # type: ignore[attr-defined]  # else it remembers every member
    if video:
        yield _row(f"{path.name}::{video}", members)


def _row(video: str, members: dict[str, bytes]) -> Row:
    plain = from_json(members.get("json", b"{}"))
    texts = plain.get("captions")
    if not isinstance(texts, dict):
        texts = texts_of([text.decode() for name, text in members.items() if name.endswith("txt")])
    return Row(
        video,
        texts,
        int(plain.get("num_frames", 0)),
        float(plain.get("fps", 0.0)),
        int(plain.get("width", 0)),
        int(plain.get("height", 0)),
        bool(plain.get("has_sound", False)),
        {name: float(score) for name, score in plain.get("scores", {}).items()},
        str(plain.get("camera", "")),
        record=str(plain.get("record", "")),
    )


WEBDATASET = Manifest(
    name="webdataset",
    summary="tar shards with the clips, for any reader of WebDataset",
    window=Window("whole", source="github.com/webdataset/webdataset: the reader decides"),
    write=write_webdataset,
    read=read_webdataset,
    options=WebDatasetOptions,
    variants=True,
)
