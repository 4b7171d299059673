"""Tests run with the extra `dev` alone: what needs another one asks for it by ``importorskip`` before it imports it.

Seen are imports and what they import in turn, of our own modules and of the helpers of the tests; not what our code
imports only when it is called. `make test` in an environment with `dev` alone shows that.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable, Iterator
from pathlib import Path

from declared import CORE, EXTRAS, ROOT, brought, named, package

TESTS, SOURCE = ROOT / "tests", ROOT / "src"
OF_EXTRAS = set().union(*map(brought, EXTRAS)) - brought("dev") - CORE


@functools.cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def at_once(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """The imports that importing a module runs; those in ``try`` may fail."""
    for node in body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If):
            yield from at_once([] if "TYPE_CHECKING" in ast.unparse(node.test) else node.body)
            yield from at_once(node.orelse)
        elif isinstance(node, ast.With | ast.ClassDef):
            yield from at_once(node.body)


def modules(node: ast.AST, path: Path) -> list[str]:
    """All that an import may mean: of ``from a import b``, `a` and `a.b`."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    within = path.relative_to(SOURCE).parts[: -node.level] if node.level else ()
    origin = ".".join([*within, *filter(None, [node.module])])
    return [origin, *(f"{origin}.{alias.name}" for alias in node.names)]


@functools.cache
def ours(module: str) -> Path | None:
    """The file of a module of ours, or of a helper of the tests."""
    base = (SOURCE if module.startswith("sharegpt4video") else TESTS) / module.replace(".", "/")
    return next((path for path in (base.with_suffix(".py"), base / "__init__.py") if path.exists()), None)


Wanted = tuple[set[str], set[Path]]
"""Packages of extras, and files of ours."""


def named_in(nodes: Iterable[ast.AST], path: Path) -> Wanted:
    """What these imports name themselves."""
    found = [module for node in nodes for module in modules(node, path)]
    parents = {name.rsplit(".", end)[0] for name in found for end in range(name.count(".") + 1)}
    return {package(name) for name in found} & OF_EXTRAS, set(filter(None, map(ours, parents)))


@functools.cache
def named_by(file: Path) -> Wanted:
    return named_in(at_once(tree(file).body), file)


def needed(nodes: Iterable[ast.AST], path: Path) -> set[str]:
    """The packages of extras that have to be there for these imports, and for all that they import in turn."""
    packages, waiting = named_in(nodes, path)
    seen: set[Path] = set()
    while waiting := waiting - seen:
        file = waiting.pop()
        seen.add(file)
        more, files = named_by(file)
        packages, waiting = packages | more, waiting | files
    return packages


def asked(nodes: Iterable[ast.AST]) -> set[str]:
    """What is asked for, with all that comes with it: each package stands for the smallest of its extras."""
    found: set[str] = set()
    for node in (inner for outer in nodes for inner in ast.walk(outer)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            name = package(node.value)
            with_it = [brought(extra) for extra in EXTRAS if name in named(EXTRAS[extra])]
            found |= min(with_it, key=len, default=set())
    return found


def skips(node: ast.AST) -> bool:
    called = {getattr(inner, "attr", getattr(inner, "id", "")) for inner in ast.walk(node)}
    return not called.isdisjoint({"importorskip", "find_spec"})


def above(path: Path) -> set[str]:
    """What the conftest.py of a folder asks for before a file of it is imported."""
    found = path.with_name("conftest.py")
    return asked(filter(skips, outside_functions(tree(found)))) if found.exists() else set()


def outside_functions(module: ast.Module) -> list[ast.stmt]:
    return [node for node in module.body if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)]


def faults() -> Iterator[str]:
    for path in TESTS.rglob("test_*.py"):
        module = tree(path)
        first = asked(filter(skips, outside_functions(module))) | above(path)
        missing = needed(at_once(module.body), path) - first
        everywhere = (node for node in ast.walk(module) if isinstance(node, ast.Import | ast.ImportFrom))
        later = needed(everywhere, path) - first
        missing |= later - asked([module]) if later and skips(module) else later
        if missing:
            yield f"{path.relative_to(TESTS)}: {', '.join(sorted(missing))}"


def test_what_only_an_extra_brings_is_asked_for() -> None:
    assert {"torch", "ray", "nltk"} <= OF_EXTRAS
    assert sorted(faults()) == []
