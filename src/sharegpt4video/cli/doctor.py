"""``sg4v doctor``: what is installed here, what is missing, and the line that adds it."""

from __future__ import annotations

import os
import platform
import re
from dataclasses import asdict, dataclass
from importlib import metadata, resources
from typing import Literal

import typer

from .. import __version__
from ..cores import cores
from ..foreign import terminal
from .console import FAILED, print_json, print_text, rich_console
from .options import Json

State = Literal["ok", "missing", "absent"]  # absent: optional, and not here
MARKS = {"ok": ("ok", "green"), "missing": ("MISSING", "red"), "absent": ("-", "yellow")}
CODECS = {
    "h264": "H.264",
    "hevc": "H.265",
    "av1": "AV1",
    "vp9": "VP9",
    "mpeg4": "MPEG-4",
    "mjpeg": "MJPEG",
    "gif": "GIF",
}
MODELS = {
    "embedded": "states what was measured; nothing to set up",
    "server:MODEL@URL": "any OpenAI-compatible chat server",
    "fake": "canned replies, for trying things out",
}
WEIGHTS = ("nanodet-g-416.onnx", "movenet-lightning-192.onnx")


@dataclass(frozen=True)
class Check:
    """One thing looked at; ``remedy`` is the line that adds what is not there."""

    group: str
    name: str
    state: State
    detail: str
    remedy: str = ""


def doctor(json: Json = False) -> None:
    """Say what is installed, what is missing, and how to add it."""
    found = [*packages(), *decoders(), *weights(), *models(), *machine()]
    if json:
        print_json({"version": __version__, "checks": [asdict(check) for check in found]})
    else:
        _print(found)
    if any(check.state == "missing" for check in found):
        raise typer.Exit(FAILED)


def packages() -> list[Check]:
    """The packages that ours asks for, in the core and in each extra."""
    found = []
    for line in metadata.requires("sharegpt4video") or ():
        name, extra = read_requirement(line)
        if extra in ("all", "dev", "docs") or name == "sharegpt4video":
            continue
        remedy = f"pip install 'sharegpt4video[{extra}]'" if extra else f"pip install '{line}'"
        version = _version(name)
        state: State = "ok" if version else "absent" if extra else "missing"
        found.append(
            Check(f"extra {extra}" if extra else "core", name, state, version or "", "" if version else remedy)
        )
    return found


def read_requirement(line: str) -> tuple[str, str]:
    """The package and the extra ("" for the core) that a requirement line names."""
    name = re.match(r"[\w.-]+", line)
    extra = re.search(r"""extra\s*==\s*['"]([\w-]+)['"]""", line)
    return name[0] if name else line, extra[1] if extra else ""


def decoders() -> list[Check]:
    """What the FFmpeg libraries inside PyAV can read."""
    try:
        import av
        from av.codec.codec import UnknownCodecError
    except ImportError as error:
        return [Check("video", "FFmpeg", "missing", str(error), "pip install av")]
    libraries = ", ".join(
        f"{name} {'.'.join(map(str, version))}"
        for name, version in sorted(av.library_versions.items())
        if name in ("libavcodec", "libavformat")
    )
    found = [Check("video", "FFmpeg", "ok", libraries)]
    for codec, name in CODECS.items():
        try:
            av.codec.Codec(codec, "r")
            found.append(Check("video", name, "ok", "can be read"))
        except UnknownCodecError:
            found.append(Check("video", name, "absent", "cannot be read", "pip install --upgrade av"))
    return found


def weights() -> list[Check]:
    """The weights of the embedded model, which come with the package."""
    folder = resources.files("sharegpt4video") / "facts" / "weights"
    found = []
    for name in WEIGHTS:
        file = folder / name
        if file.is_file():
            found.append(Check("weights", name, "ok", f"{len(file.read_bytes()) / 1e6:.1f} MB"))
        else:
            remedy = "pip install --force-reinstall --no-deps sharegpt4video"
            found.append(Check("weights", name, "missing", "", remedy))
    return found


def models() -> list[Check]:
    """The names that ``--model`` takes: ours, and those that other packages add."""
    from ..vlm import model_names

    return [Check("models", name, "ok", MODELS.get(name, "a plug-in")) for name in model_names()]


def machine() -> list[Check]:
    system = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    return [
        Check("machine", "system", "ok", system),
        Check("machine", "cores", "ok", str(cores())),
        Check("machine", "memory", "ok", _memory()),
    ]


def _memory() -> str:
    try:
        return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.1f} GiB"
    except (AttributeError, ValueError, OSError):
        return "unknown"


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _print(found: list[Check]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_header=False)
    for column in ("group", "name", "state", "detail"):
        table.add_column(column, no_wrap=column != "detail")
    group = ""
    for check in found:
        mark, colour = MARKS[check.state]
        shown = "" if check.group == group else check.group
        group = check.group
        name, detail = terminal(check.name), terminal(check.detail)  # names of plug-ins, words of an exception
        table.add_row(Text(shown, style="bold"), Text(name), Text(mark, style=colour), Text(detail))
    console = rich_console(stderr=False)
    console.print(f"sharegpt4video {__version__}")
    console.print(table)
    for remedy in dict.fromkeys(check.remedy for check in found if check.remedy):
        names = ", ".join(check.name for check in found if check.remedy == remedy)
        print_text(f"to add {names}: {remedy}")
