"""Measure what each extra adds to an installation, and print the table of docs/extras.md.

    python tools/extra_sizes.py WORK [EXTRA ...]

Each extra goes into a copy of the environment of the largest extra that it brings along, or of the core alone, so
that shared packages are fetched and compiled once; sizes are those of the whole environment less that of the core.
WORK keeps the environments (many GB) and what was measured: extras that are there already are not measured again.
Needs a package index, about half an hour, and a file system with hard links.
"""

from __future__ import annotations

import json
import platform
import re
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import tomllib
from licences import PERMISSIVE, licences

ROOT = Path(__file__).resolve().parent.parent
LEFT_OUT = {"docs", "dev"}  # for work on the package itself


@dataclass(frozen=True)
class Measured:
    """One environment: what it holds on disk, and the licences of its packages that are not plainly permissive."""

    extra: str
    megabytes: float
    packages: tuple[str, ...]
    other_licences: tuple[str, ...]
    python: str


def extras() -> dict[str, list[str]]:
    """Each extra of pyproject.toml with those that it brings along."""
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    inner = {name: re.findall(r"sharegpt4video\[([^\]]+)\]", " ".join(wanted)) for name, wanted in listed.items()}
    return {name: [part for one in found for part in one.split(",")] for name, found in inner.items()}


def measure(extra: str, work: Path, base: Path | None) -> Measured:
    """Install an extra ("" for the core alone) in a copy of ``base`` and look at what is there."""
    place = work / (extra or "core")
    if base is None:
        run(sys.executable, "-m", "venv", place)
    else:
        run("cp", "-al", base, place)
    run(place / "bin" / "python", "-m", "pip", "install", "--quiet", f"{ROOT}[{extra}]" if extra else ROOT)
    (packages,) = place.glob("lib/python*/site-packages")
    found = [one for one in licences([str(packages)]) if one.package not in ("pip", "setuptools")]
    size = int(run("du", "-s", "--block-size=1K", place).split()[0]) * 1024 / 1e6
    plain = set(PERMISSIVE.split())
    other = tuple(f"{one.package}: {one.expression or 'unknown'}" for one in found
                  if not set(re.split(r" AND | OR ", one.expression.replace(" WITH ", "-with-"))) <= plain)  # fmt: skip
    return Measured(
        extra, size, tuple(f"{one.package} {one.version}" for one in found), other, platform.python_version()
    )


def table(work: Path) -> str:
    """What was measured, as the table of docs/extras.md: each extra less the core."""
    core = Measured(**json.loads((work / "core.json").read_text(encoding="utf-8")))
    lines = ["| extra | adds | packages | licences besides permissive ones |", "|---|---|---|---|"]
    for extra in (name for name in extras() if (work / f"{name}.json").exists()):
        found = Measured(**json.loads((work / f"{extra}.json").read_text(encoding="utf-8")))
        other = {one.rpartition(": ")[2] for one in set(found.other_licences) - set(core.other_licences)}
        more = len(set(found.packages) - set(core.packages))
        size = f"{found.megabytes - core.megabytes:,.0f} MB"
        lines.append(f"| `{extra}` | {size} | {more} | {', '.join(sorted(other)) or '-'} |")
    return "\n".join(lines)


def run(*command: object) -> str:
    ended = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    if ended.returncode:
        sys.exit(f"{' '.join(map(str, command))} ended with {ended.returncode}\n{ended.stderr}")
    return ended.stdout


def main() -> None:
    work = Path(sys.argv[1])
    work.mkdir(parents=True, exist_ok=True)
    known = extras()
    for extra in ["", *(sys.argv[2:] or [name for name in known if name not in LEFT_OUT])]:
        kept = work / f"{extra or 'core'}.json"
        if kept.exists():
            continue
        inner = [work / name for name in known.get(extra, ()) if (work / f"{name}.json").exists()]
        base = inner[-1] if inner else work / "core" if extra else None
        measured = measure(extra, work, base)
        kept.write_text(json.dumps(asdict(measured), indent=1), encoding="utf-8")
        print(f"{extra or 'core'}: {measured.megabytes:,.0f} MB, {len(measured.packages)} packages", flush=True)
    print(table(work))


if __name__ == "__main__":
    main()
