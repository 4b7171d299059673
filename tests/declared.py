"""The packages that pyproject.toml declares: those of the core, and those that each extra brings."""

from __future__ import annotations

import re
import sys
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


MODULES = {
    "PIL": "pillow", "cv2": "opencv-python-headless", "faiss": "faiss-cpu", "lance": "pylance", "yaml": "pyyaml",
    "scenedetect": "scenedetect-headless",
}  # fmt: skip
"""Modules that are not called as their packages are."""
FOR_DEVELOPERS = ("dev", "docs")


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def named(requirements: list[str]) -> set[str]:
    """The packages in a list of requirements."""
    return {canonical(re.split(r"[^\w.-]", one)[0]) for one in requirements} - {"sharegpt4video"}


CORE = named(PROJECT["dependencies"])
EXTRAS = {name: wanted for name, wanted in PROJECT["optional-dependencies"].items() if name not in FOR_DEVELOPERS}


def brought(extra: str) -> set[str]:
    """The packages of an extra and of those that it brings along."""
    wanted = PROJECT["optional-dependencies"][extra]
    inner = re.findall(r"sharegpt4video\[([^\]]+)\]", " ".join(wanted))
    return named(wanted).union(*(brought(part) for found in inner for part in found.split(",")))


def package(module: str) -> str:
    top = module.partition(".")[0]
    return canonical(MODULES.get(top, top))
