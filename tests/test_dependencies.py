"""What is imported is declared, by the core or the extra that the error names; what is declared is used."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator

import pytest

from declared import CORE, EXTRAS, ROOT, brought, canonical, package

SOURCES = sorted((ROOT / "src" / "sharegpt4video").rglob("*.py"))
OF_THEIR_OWN = {"deepspeed", "flash_attn", "gradio", "liger_kernel", "wandb"}
"""In no extra, since they need a GPU, an account or a place to be built; errors say how to install them."""
NOT_IMPORTED = {
    "protobuf": "transformers reads sentencepiece's models with it",
    "torchvision": "transformers' video processors need it",
    "num2words": "transformers' processor of SmolVLM needs it",
    "bitsandbytes": "transformers loads quantized weights with it",
    "tensorboard": "torch.utils.tensorboard needs it",
    "ftfy": "diffusers' pipelines clean prompts with it",
    "s3fs": "fsspec opens s3:// with it",
}
STANDARD = {*sys.stdlib_module_names, "tomllib", "sharegpt4video"}  # tomllib: since 3.11, asked for there alone


def imported(tree: ast.AST) -> Iterator[str]:
    """Modules of others that are imported anywhere below, also by ``import_module`` and ``find_spec``."""
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [str(node.module)]
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            names = [str(node.args[0].value)] if called in ("import_module", "find_spec") else []
        yield from (name for name in names if name.partition(".")[0] not in STANDARD and name[:1].isalpha())


TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in SOURCES}


def test_there_is_something_to_look_at() -> None:
    assert {"numpy", "pydantic", "typer"} < CORE
    assert {"hf", "t2v", "web", "all"} < EXTRAS.keys()
    assert "torch" in brought("t2v")


def test_every_import_is_declared() -> None:
    declared = CORE.union(*map(brought, EXTRAS), map(canonical, OF_THEIR_OWN))
    missing = {f"{path.relative_to(ROOT)}: {name}" for path, tree in TREES.items() for name in imported(tree)
               if package(name) not in declared}  # fmt: skip
    assert missing == set()


def extras_named(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Each ``MissingExtra(..., EXTRA)`` below: its line, and the extra."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "MissingExtra":
            last = node.args[-1]
            if isinstance(last, ast.Constant):
                yield node.lineno, str(last.value)


def guarded() -> Iterator[tuple[str, str, str]]:
    """Where an import that fails names an extra: the place, the module and the extra."""
    for path, tree in TREES.items():
        for node in (node for node in ast.walk(tree) if isinstance(node, ast.Try)):
            for line, extra in (found for handler in node.handlers for found in extras_named(handler)):
                yield from ((f"{path.name}:{line}", name, extra) for part in node.body for name in imported(part))


@pytest.mark.parametrize(("place", "module", "extra"), [pytest.param(*one, id=" ".join(one)) for one in guarded()])
def test_the_extra_that_an_error_names_brings_what_is_missing(place: str, module: str, extra: str) -> None:
    if module.partition(".")[0] in OF_THEIR_OWN:
        path = next(path for path in SOURCES if path.name == place.partition(":")[0])
        assert re.search(rf"pip install '?{module.partition('.')[0]}", path.read_text(encoding="utf-8"))
        return
    assert package(module) in brought(extra) | CORE, f"{place} says {extra}, which does not bring {module}"


def test_every_extra_that_an_error_names_is_there() -> None:
    said = {extra for tree in TREES.values() for _, extra in extras_named(tree)}
    assert len(said) > 10
    assert said <= EXTRAS.keys()


def test_what_is_declared_is_used() -> None:
    used = {package(name) for tree in TREES.values() for name in imported(tree)} | NOT_IMPORTED.keys()
    assert CORE - used == set()
    wanted = set().union(*map(brought, EXTRAS))
    assert wanted - used == set()
    assert NOT_IMPORTED.keys() <= wanted


def test_every_extra_is_told_of() -> None:
    page = (ROOT / "docs" / "extras.md").read_text(encoding="utf-8")
    assert [name for name in EXTRAS if f"| `{name}` |" not in page and name != "ocr"] == []
