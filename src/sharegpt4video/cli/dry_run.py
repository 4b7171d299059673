"""``sg4v caption --dry-run``: the requests that a run would send, pictures and sound in a folder. Nobody is asked."""

from __future__ import annotations

import base64
import hashlib
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from .. import pipeline
from ..config import CaptionSettings
from ..errors import VideoError, VLMError
from ..foreign import json_text, terminal_line
from ..wording import counted
from .console import FAILED, error, print_text, say
from .files import fitted, video_name

if TYPE_CHECKING:
    from ..records import Image
    from ..vlm.base import VLM, Request
    from ..vlm.preview import Preview

FOLDER = Path("sg4v-requests")
"""Where pictures go without ``--out``."""
_WIDTH = 100
_DATA = "data:image/jpeg;base64,"
_VIDEO = "data:video/jpeg;base64,"


@dataclass
class Files:
    """Writes pictures and sounds to a folder; one that is sent several times is one file."""

    folder: Path
    size_bytes: int = 0
    pictures: int = 0
    sounds: int = 0
    _paths: dict[str, Path] = field(default_factory=dict)

    def picture(self, jpeg: bytes, name: str) -> Path:
        """The file of a picture, ``name`` if it is new. Raises OSError if it cannot be written."""
        self.pictures += 1
        return self._path(jpeg, f"{name}.jpg")

    def sound(self, data: bytes, name: str) -> Path:
        """The same for a sound, whose name has its ending."""
        self.sounds += 1
        return self._path(data, name)

    def _path(self, data: bytes, name: str) -> Path:
        self.size_bytes += len(data)
        digest = hashlib.sha256(data).hexdigest()
        if digest not in self._paths:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._paths[digest] = self.folder / name
            self._paths[digest].write_bytes(data)
        return self._paths[digest]


def dry_run(videos: Sequence[str], model: VLM, settings: CaptionSettings, out: Path | None, *, json: bool) -> None:
    """Print what each video would be asked about; a video that cannot be read is told, and the program ends as failed.

    Raises SettingsError for settings that the model cannot work with.
    """
    failed = 0
    for video in videos:
        try:
            _one(video, model, settings, out or FOLDER, json=json, several=len(videos) > 1)
        except BrokenPipeError:  # whoever reads our stdout has gone
            raise
        except (VideoError, VLMError, OSError) as wrong:
            failed += 1
            error(f"{terminal_line(video)}: {wrong}")
    if failed:
        raise typer.Exit(FAILED)


def _one(video: str, model: VLM, settings: CaptionSettings, out: Path, *, json: bool, several: bool) -> None:
    import json as format

    from ..vlm.preview import PreviewVLM

    name = video_name(video)
    files, previews = Files(out / fitted(name, "", out if out.is_dir() else None)), list["Preview"]()
    pipeline.caption(video, model=PreviewVLM(model, previews.append), settings=settings)
    plain = [_plain(preview, files) for preview in previews]
    if json:
        whole = {"video": video, "model": model.name, "requests": plain}
        print_text(json_text(format.dumps(whole, ensure_ascii=False, indent=None if several else 2)))
    else:
        system = ""
        for request in plain:
            print_text("\n".join(_lines(request, system)))
            system = _system(request) or system
    say(_total(terminal_line(video), model, previews, files))


def _total(video: str, model: VLM, previews: Sequence[Preview], files: Files) -> str:
    parts = [counted(len(previews), "request")]
    if files.pictures:
        sounds = f" and {counted(files.sounds, 'sound')}" if files.sounds else ""
        sent = f"{counted(files.pictures, 'picture')}{sounds}"
        parts.append(f"{sent} ({files.size_bytes / 1e6:.1f} MB) in {files.folder}")
    tokens = [preview.input_tokens for preview in previews]
    known = [count for count in tokens if count is not None]
    if known and len(known) == len(tokens):
        parts.append(f"about {sum(known):,} input tokens")
        if (cost := model.cost_usd(sum(known), 0)) is not None:
            parts.append(f"{cost:.4f} US dollars for them")
    if all(preview.body is None for preview in previews):
        parts.append(f"which {model.name} answers without sending them anywhere")
    return f"{video}: {', '.join(parts)}; nothing was sent"


def _plain(preview: Preview, files: Files) -> dict[str, Any]:
    """A request as plain data: pictures and sound are names of files."""
    request = preview.request
    stem = f"{preview.number:03d}"
    seconds = request.seconds if len(request.seconds) == len(request.images) else ()
    plain: dict[str, Any] = {
        "number": preview.number,
        "task": request.task,
        "start_seconds": request.start_seconds,
        "end_seconds": request.end_seconds,
        "seconds": list(request.seconds),
        "input_tokens": preview.input_tokens,
    }
    if preview.body is None:  # what becomes of it is the model's own affair
        own = [_picture(files, image.jpeg, f"{stem}-{n}", image) for n, image in enumerate(request.images, 1)]
        return {**plain, "pictures": own, "body": None}
    shown, heard = list[dict[str, Any]](), list[dict[str, Any]]()

    def written(value: Any) -> Any:
        if isinstance(value, str) and value.startswith((_DATA, _VIDEO)):
            found = []
            for data in value.partition(",")[2].split(","):
                found.append(_picture(files, base64.b64decode(data), f"{stem}-{len(shown) + 1}"))
                shown.append(found[-1])
            names = [one["file"] for one in found]
            return names[0] if value.startswith(_DATA) else names
        if isinstance(value, Mapping) and value.get("type") == "input_audio":
            heard.append(_sound(files, value["input_audio"], stem, request))
            return {**value, "input_audio": {**value["input_audio"], "data": heard[-1]["file"]}}
        if isinstance(value, Mapping):
            return {name: written(one) for name, one in value.items()}
        return [written(one) for one in value] if isinstance(value, list | tuple) else value

    body = written(preview.body)
    for one, moment in zip(shown, seconds, strict=False):
        one["seconds"] = moment
    return {**plain, "pictures": shown, **({"sound": heard[0]} if heard else {}), "body": body}


def _picture(files: Files, jpeg: bytes, name: str, image: Image | None = None) -> dict[str, Any]:
    width, height = (image.width, image.height) if image else _size(jpeg)
    return {"file": str(files.picture(jpeg, name)), "width": width, "height": height, "bytes": len(jpeg)}


def _sound(files: Files, sent: Mapping[str, str], stem: str, request: Request) -> dict[str, Any]:
    assert request.sound is not None
    data = base64.b64decode(sent["data"])
    file = files.sound(data, f"{stem}-sound.{sent['format']}")
    start, end = request.sound.start_seconds, request.sound.end_seconds
    return {"file": str(file), "start_seconds": start, "end_seconds": end, "bytes": len(data)}


def _size(jpeg: bytes) -> tuple[int, int]:
    import io

    import PIL.Image

    with PIL.Image.open(io.BytesIO(jpeg)) as opened:
        return int(opened.width), int(opened.height)


def _system(plain: Mapping[str, Any]) -> str:
    messages = plain["body"]["messages"] if plain["body"] else []
    return next((str(message["content"]) for message in messages if message["role"] == "system"), "")


def _lines(plain: Mapping[str, Any], system: str) -> Iterator[str]:
    """A request for a reader: each role, its texts and its pictures in the order in which they are sent.

    ``system`` is the system text of the request before, which is not shown again.
    """
    start, end = plain["start_seconds"], plain["end_seconds"]
    span = f"at {start:.2f} s" if start == end else f"{start:.2f} s to {end:.2f} s"
    yield f"request {plain['number']}: {plain['task']}, {span}"
    told = {one["file"]: _told(one) for one in plain["pictures"]}
    if (sound := plain.get("sound")) is not None:
        length = sound["end_seconds"] - sound["start_seconds"]
        told[sound["file"]] = f"[{sound['file']}: {length:.2f} s of sound, {sound['bytes'] / 1000:.0f} kB]"
    if plain["body"] is None:
        yield from (f"  {line}" for line in told.values())
        yield ""
        return
    for message in plain["body"]["messages"]:
        content = message["content"]
        if message["role"] == "system" and str(content) == system:
            yield "  system: as before"
            continue
        yield f"  {message['role']}:"
        for part in [{"type": "text", "text": content}] if isinstance(content, str) else content:
            yield from (f"    {line}" for line in _part(part, told))
    others = {name: value for name, value in plain["body"].items() if name != "messages"}
    yield f"  {', '.join(f'{name}: {value}' for name, value in others.items())}"
    yield ""


def _part(part: Mapping[str, Any], told: Mapping[str, str]) -> Iterator[str]:
    if part["type"] == "text":
        for line in part["text"].splitlines():
            yield from textwrap.wrap(line, _WIDTH, break_long_words=False) or [""]
        return
    value = part.get(part["type"])
    files = value.get("url", value.get("data")) if isinstance(value, Mapping) else value
    if isinstance(files, str):
        yield told.get(files, files)
        return
    yield f"a video of {len(files or ())} frames:"
    yield from (f"  {told.get(file, file)}" for file in files or ())


def _told(picture: Mapping[str, Any]) -> str:
    time = f", at {picture['seconds']:.2f} s" if "seconds" in picture else ""
    return f"[{picture['file']}: {picture['width']}x{picture['height']}, {picture['bytes'] / 1000:.0f} kB{time}]"
