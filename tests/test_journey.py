"""The journey of the examples is walked from its first command to its last, and prints what the page shows."""

from __future__ import annotations

import difflib
import importlib.util
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

for _needed in ("torch", "transformers", "peft", "accelerate", "diffusers", "fastapi", "uvicorn", "duckdb"):
    pytest.importorskip(_needed)

from sharegpt4video.web.run import free_port  # noqa: E402

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "journey.md"
SAME_WORDS, LEARNED_WORDS = 0.95, 0.5
"""How alike the words of a block must be, numbers left out, and of one that hangs on what a model has learned."""


def loaded(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look for their module
    spec.loader.exec_module(module)
    return module


walkthrough = loaded(ROOT / "tools" / "walkthrough.py")


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, list[tuple[Any, str]]]]:
    """The folder that it was walked in, and each block with what it printed."""
    folder = tmp_path_factory.mktemp("journey")
    page = PAGE.read_text(encoding="utf-8").replace("8317", str(free_port("127.0.0.1")))
    with pytest.MonkeyPatch.context() as patch, walkthrough.Walk() as walk:
        patch.chdir(folder)
        yield folder, [(block, walk.run(block)) for block in walkthrough.blocks_of(page)]


def words(text: str) -> list[str]:
    return re.sub(r"\d[\d,.]*", "N", text).split()


def test_it_prints_what_it_shows(walked: tuple[Path, list[tuple[Any, str]]]) -> None:
    for block, printed in walked[1]:
        if block.shown:
            likeness = difflib.SequenceMatcher(None, words(printed), words(block.shown), autojunk=False).ratio()
            least = LEARNED_WORDS if block.learned else SAME_WORDS
            assert likeness >= least, f"run tools/walkthrough.py docs/{PAGE.name}\n{block.code}\n{printed}"


def test_each_room_gets_what_the_room_before_has_made(walked: tuple[Path, list[tuple[Any, str]]]) -> None:
    folder, blocks = walked
    exported = (folder / "roles" / "train.json").read_text(encoding="utf-8")
    assert " ring " in exported
    assert "hoop" not in exported, "the mended captions are those that are learned from"
    card = (folder / "models" / "captioner" / "README.md").read_text(encoding="utf-8")
    assert "asks it with the prompts it knows: `brief`" in card
    (scores,) = [printed for _, printed in blocks if "my-set:" in printed and "facts right" in printed]
    (first, all_first), (second, all_second) = re.findall(r"(\d+) of (\d+) facts right", scores)
    assert first == all_first
    assert int(second) > 0.3 * int(all_second), "it was to learn something of these captions"
    report = json.loads((folder / "t2v" / "t2v.json").read_text(encoding="utf-8"))
    assert report["clips"] >= 4
    assert report["finished"]
    assert len(list((folder / "samples").glob("*.mp4"))) == 2


def test_every_room_lies_on_the_way() -> None:
    lines = [line for block in walkthrough.blocks_of(PAGE.read_text("utf-8")) for line in block.code.splitlines()]
    rooms = {tuple(line.split()[1:3]) for line in lines if line.startswith("sg4v")}
    assert {("web", "--dataset"), ("dataset", "compare"), ("train", "captioner"), ("t2v", "sample")} <= rooms
