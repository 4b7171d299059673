"""Refuse a release whose tag, version, changelog, citation or address do not agree.

    python tools/check_release.py v1.0.0rc1 https://github.com/OWNER/REPOSITORY

Needs nothing but Python, and exits with 1 if anything is wrong.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def problems(tag: str, repository: str, root: Path = ROOT) -> list[str]:
    """What stands against releasing this checkout under ``tag`` from ``repository``."""
    version = _find(root / "src" / "sharegpt4video" / "__init__.py", r'^__version__ = "([^"]+)"')
    found = []
    if tag != f"v{version}":
        found.append(f"the tag is {tag}, and the package is version {version}: tag v{version}, or change __version__")
    if (cited := _find(root / "CITATION.cff", r"^version: (\S+)")) != version:
        found.append(f"CITATION.cff names version {cited}, not {version}")
    heading = _find(root / "CHANGELOG.md", rf"^## ({re.escape(version)}\b.*)")
    if not re.search(r"\d{4}-\d\d-\d\d$", heading):
        found.append(f"CHANGELOG.md has no '## {version} – YYYY-MM-DD' (it has {heading or 'no such heading'!r})")
    named = _find(root / "pyproject.toml", r'^Repository = "([^"]+)"')
    if named.lower() != repository.lower():
        found.append(f"[project.urls] in pyproject.toml names {named}, and this is {repository}: links would mislead")
    return found


def _find(path: Path, pattern: str) -> str:
    match = re.search(pattern, path.read_text(encoding="utf-8"), re.MULTILINE)
    return match[1] if match else ""


def main() -> None:
    found = problems(*sys.argv[1:3])
    for problem in found:
        print(problem, file=sys.stderr)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
