"""Whether what a package asks for is installed: all of it, in a version that will do, with its files still there.

What is asked for is read from the packages' own metadata, to the last dependency, so no list here can grow stale.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from packaging.requirements import Requirement

GONE = "its files are gone"
NOT_MODULES = frozenset({"tests", "test", "docs", "examples", "benchmarks", "scripts"})  # left behind by some packages


@dataclass(frozen=True)
class Found:
    """One requirement: the version that is there ("" if none), and what is wrong with it ("" if nothing)."""

    name: str
    version: str
    problem: str


def extras(package: str) -> list[str]:
    """The extras of an installed package, by name."""
    return sorted(metadata.metadata(package).get_all("Provides-Extra") or ())


def required(package: str, extra: str = "") -> list[Found]:
    """What a package asks for itself (or for an ``extra``, and nothing else), each with all that it needs in turn."""
    found: dict[str, Found] = {}
    for one in _direct(package, {extra} if extra else set(), only_extra=bool(extra)):
        if canonical(one.name) == canonical(package):  # extras that are made of others
            found |= {each.name: each for name in sorted(one.extras) for each in required(package, name)}
        else:
            found[one.name] = _looked_at(one)
    return [found[name] for name in sorted(found, key=str.lower)]


def _looked_at(wanted: Requirement) -> Found:
    problem = _problem(wanted)
    if not problem:
        deep = sorted(set(_deep(wanted)))
        problem = "; ".join(deep[:3]) + (f" and {len(deep) - 3} more" if len(deep) > 3 else "")
    return Found(wanted.name, version(wanted.name), problem)


def _deep(wanted: Requirement) -> Iterator[str]:
    """What is wrong with what a package needs, and what that needs, and so on."""
    seen: set[tuple[str, str]] = set()
    waiting = [wanted]
    while waiting:
        one = waiting.pop()
        for name in ("", *sorted(one.extras)):
            key = (canonical(one.name), name)
            if key in seen:
                continue
            seen.add(key)
            for needed in _direct(one.name, {name} if name else set(), only_extra=bool(name)):
                if problem := _problem(needed):
                    yield (
                        f"needs {needed.name}, which {problem}"
                        if not version(needed.name)
                        else (f"needs {needed.name}, and that {problem}")
                    )
                else:
                    waiting.append(needed)


def _problem(wanted: Requirement) -> str:
    """What is wrong with one package by itself."""
    here = version(wanted.name)
    if not here:
        return "is not installed"
    if not wanted.specifier.contains(here, prereleases=True):
        return f"is {here}, where {wanted.specifier} is needed"
    modules = _modules().get(canonical(wanted.name), set())
    # Its entry in the list of packages is there, but its files may be gone, or never have been written.
    if modules and not any(_is_there(module) for module in modules):
        return f"is listed as {here}, but {GONE}"
    return ""


def _direct(package: str, wanted_extras: set[str], *, only_extra: bool) -> Iterator[Requirement]:
    """The requirements of a package that count here: for this Python and system, and those of extras if asked for."""
    for one in _requirements(package):
        always = one.marker is None or one.marker.evaluate({"extra": ""})
        with_extra = one.marker is not None and any(one.marker.evaluate({"extra": name}) for name in wanted_extras)
        if (with_extra and not always) if only_extra else always:
            yield one


@cache
def _requirements(package: str) -> tuple[Requirement, ...]:
    """All requirements of a package. Many packages need the same few, so each is read once."""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        lines = metadata.requires(package) or []
    except metadata.PackageNotFoundError:
        return ()
    found = []
    for line in lines:
        try:
            found.append(Requirement(line))
        except InvalidRequirement:  # of an old package; pip passes over it, too
            continue
    return tuple(found)


def canonical(name: str) -> str:
    """A package's name as all spellings of it come out (PEP 503)."""
    from packaging.utils import canonicalize_name

    return str(canonicalize_name(name))


@cache
def version(package: str) -> str:
    """The version of a package that is installed; "" if it is not."""
    try:
        return metadata.version(package) or ""
    except metadata.PackageNotFoundError:
        return ""


def modules_of(package: str) -> list[str]:
    """The modules that a package is imported by; none for a package of data or of programs.

    One that has the package's own name stands for all: what else comes with it may need packages that it does not
    (the ``adbc_driver_duckdb`` of DuckDB).
    """
    names = [name for name in _modules().get(canonical(package), []) if name.isidentifier() and name[0] != "_"
             and name not in NOT_MODULES]  # fmt: skip
    return [name for name in names if canonical(name) == canonical(package)] or names


@cache
def _modules() -> dict[str, set[str]]:
    """The modules that each package brings, as it says itself: also those whose files are gone.

    ``metadata.packages_distributions`` leaves those out from Python 3.12 on (and in late releases of 3.10 and 3.11).
    """
    found: dict[str, set[str]] = {}
    for one in metadata.distributions():
        declared = (one.read_text("top_level.txt") or "").split()
        rows = csv.reader((one.read_text("RECORD") or "").splitlines())
        first = {PurePosixPath(row[0]).parts[0] for row in rows if row and row[0].endswith((".py", ".so", ".pyd"))}
        names = declared or [part.partition(".")[0] for part in first if not part.endswith((".dist-info", ".."))]
        found.setdefault(canonical(one.metadata["Name"] or ""), set()).update(filter(str.isidentifier, names))
    return found


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError, AttributeError):  # what cannot be looked for is not there
        return False
