"""What a release is made of: metadata, the readme as PyPI shows it, the sdist's files, and what stands against it."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tarfile
import types
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
REPOSITORY = re.findall(r'^Repository = "([^"]+)"', (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE)[0]
RELATIVE = re.compile(r"(?:\]\(|(?:href|src|srcset)=\")(?![a-z]+:|#)([^)\s\"]*)")


def loaded(path: Path) -> Any:
    """A script of the project as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Any:
    """``hatch_build``, whose one import is there only while a package is built."""
    if importlib.util.find_spec("hatchling") is None:
        for name in (
            "hatchling",
            "hatchling.metadata",
            "hatchling.metadata.plugin",
            "hatchling.metadata.plugin.interface",
        ):
            monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
        sys.modules["hatchling.metadata.plugin.interface"].MetadataHookInterface = object  # type: ignore[attr-defined]
    return loaded(ROOT / "hatch_build.py")


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("[a](docs/a.md)", "[a](https://h.org/blob/v1/docs/a.md)"),
        ("[a](docs/a.md#part)", "[a](https://h.org/blob/v1/docs/a.md#part)"),
        ("[`a[0]`](docs/a.md)", "[`a[0]`](https://h.org/blob/v1/docs/a.md)"),
        ('[a](a.md "A title")', '[a](https://h.org/blob/v1/a.md "A title")'),
        ("[a](#part) [b](https://b.org/c) [c](mailto:a@b.org)", "[a](#part) [b](https://b.org/c) [c](mailto:a@b.org)"),
        ("![a](docs/a.png)", "![a](https://h.org/raw/v1/docs/a.png)"),
        ("[![a](a.svg)](docs/b.md)", "[![a](https://h.org/raw/v1/a.svg)](https://h.org/blob/v1/docs/b.md)"),
        ("[![a](https://c.org/a.svg)](b.md)", "[![a](https://c.org/a.svg)](https://h.org/blob/v1/b.md)"),
        ('<a href="b.md"><img src="a.png"></a>', '<a href="https://h.org/blob/v1/b.md"><img src="https://h.org/raw/v1/a.png"></a>'),
        ('<source srcset="a.png">', '<source srcset="https://h.org/raw/v1/a.png">'),
        ("text\n[a]: docs/a.md\n", "text\n[a]: https://h.org/blob/v1/docs/a.md\n"),
        ("```python\nrows[0](a)\n```\n[a](b)", "```python\nrows[0](a)\n```\n[a](https://h.org/blob/v1/b)"),
    ],
)  # fmt: skip
def test_links_are_made_absolute(hook: Any, written: str, shown: str) -> None:
    assert hook.absolute_links(written, "https://h.org", "v1") == shown


def test_every_link_of_the_readme_works_on_pypi_too(hook: Any) -> None:
    """Each relative link leads to a file of the repository, and none is left in what PyPI shows."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = hook.absolute_links(text, REPOSITORY, "v1")
    assert not RELATIVE.findall(re.sub(r"```.*?```", "", shown, flags=re.DOTALL))
    paths = re.findall(rf"{re.escape(REPOSITORY)}/(?:blob|raw)/v1/([^)\s\"#]+)", shown)
    assert len(paths) > 10
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_the_address_is_named_in_one_place() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    urls = dict(re.findall(r'^(\w+) = "(http[^"]+)"', text.split("[project.urls]")[1].split("\n[")[0], re.MULTILINE))
    assert {"Repository", "Documentation", "Changelog", "Issues", "Paper"} <= urls.keys()
    assert urls.pop("Paper") == "https://arxiv.org/abs/2406.04325"
    for url in urls.values():
        assert url.startswith(REPOSITORY)
        if "/blob/main/" in url:
            assert (ROOT / url.split("/blob/main/")[1]).is_file(), url
    owner = REPOSITORY.removeprefix("https://")
    listed = subprocess.run(["git", "grep", "-lF", owner], cwd=ROOT, capture_output=True, text=True, check=False)
    assert listed.returncode != 0 or listed.stdout.split() == ["pyproject.toml"]


def test_the_authors_are_those_of_the_citation() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    authors = re.findall(
        r'^authors = \[\{ name = "([^"]+)" \}\]', (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE
    )
    assert authors == [author["name"] for author in citation["authors"]]


def checkout(to: Path) -> set[str]:
    """The files of the repository in another folder; their paths."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    paths = {path for path in listed.stdout.split("\0") if path and (ROOT / path).exists()}
    for path in paths:
        (to / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, to / path)
    return paths


def built(source: Path, out: Path, **environment: str) -> dict[str, Path]:
    """The sdist and the wheel of a checkout, by their endings."""
    build = [sys.executable, "-m", "hatchling", "build", "--directory", str(out)]
    subprocess.run(build, cwd=source, check=True, capture_output=True, env={**os.environ, **environment})
    return {path.suffix: path for path in out.iterdir()}


def test_what_is_built_is_the_same_bytes_again_and_holds_what_it_should(tmp_path: Path) -> None:
    """From another folder, at another time, by somebody whose files are private: the sdist and the wheel are equal."""
    pytest.importorskip("hatchling", reason="part of the extra dev")
    paths = checkout(tmp_path / "one")
    first = built(tmp_path / "one", tmp_path / "first")
    shutil.copytree(tmp_path / "one", tmp_path / "deep" / "er" / "two")
    for path in (tmp_path / "deep").rglob("*"):
        os.utime(path, (978307200, 978307200))
        path.chmod(path.stat().st_mode & 0o700)
    again = built(
        tmp_path / "deep" / "er" / "two", tmp_path / "second", TZ="Asia/Tokyo", LC_ALL="C", PYTHONHASHSEED="7"
    )
    assert first.keys() == again.keys() == {".gz", ".whl"}
    assert {kind: path.read_bytes() for kind, path in first.items()} == {k: p.read_bytes() for k, p in again.items()}
    with tarfile.open(first[".gz"]) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    assert packed == paths | {"PKG-INFO"}, "an sdist has every file of the repository, and nothing else"
    _check_wheel(first[".whl"], paths)


def _check_wheel(wheel: Path, paths: set[str]) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if ".dist-info/" not in name]
        told = {name.partition(".dist-info/")[2] for name in archive.namelist() if ".dist-info/" in name}
        modes = {entry.external_attr >> 16 & 0o777 for entry in archive.infolist()}
    package = {path.removeprefix("src/") for path in paths if path.startswith("src/sharegpt4video/")}
    assert sorted(names) == sorted(package | {"sharegpt4video/web/sample/park.mp4"})
    licences = {f"licenses/{path}" for path in paths if re.search(r"(^|/)(LICENSE|NOTICE)[^/]*$", path)}
    assert {"licenses/LICENSE", "licenses/src/sharegpt4video/facts/weights/NOTICE",
            "licenses/src/sharegpt4video/web/static/vendor/LICENSE-preact"} <= licences  # fmt: skip
    assert told == {"METADATA", "WHEEL", "entry_points.txt", "RECORD"} | licences
    assert modes <= {0o644, 0o755}


def made(root: Path, version: str = "0.2.0", cited: str = "0.2.0", heading: str = "0.2.0 – 2026-12-01") -> Path:
    """A checkout with no more than what a release is held against."""
    files = {
        "src/sharegpt4video/__init__.py": f'__version__ = "{version}"\n',
        "CITATION.cff": f"cff-version: 1.2.0\nversion: {cited}\n",
        "CHANGELOG.md": f"# Changelog\n\n## {heading}\n\n## 0.1.0 – 2026-01-01\n",
        "pyproject.toml": '[project.urls]\nRepository = "https://github.com/me/mine"\n',
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


@pytest.mark.parametrize(
    ("tag", "repository", "changes", "problem"),
    [
        ("v0.2.0", "https://github.com/Me/mine", {}, ""),
        ("v0.2.1", "https://github.com/me/mine", {}, "the tag is v0.2.1, and the package is version 0.2.0"),
        ("0.2.0", "https://github.com/me/mine", {}, "the tag is 0.2.0"),
        ("v0.2.0", "https://github.com/fork/mine", {}, "links would mislead"),
        ("v0.2.0", "https://github.com/me/mine", {"cited": "0.1.0"}, "CITATION.cff names version 0.1.0"),
        ("v0.2.0", "https://github.com/me/mine", {"heading": "0.2.0 – not released yet"}, "CHANGELOG.md has no"),
        ("v0.2.0", "https://github.com/me/mine", {"heading": "0.3.0 – 2026-12-01"}, "CHANGELOG.md has no"),
    ],
)  # fmt: skip
def test_what_stands_against_a_release(
    tmp_path: Path, tag: str, repository: str, changes: dict[str, str], problem: str
) -> None:
    found = loaded(ROOT / "tools" / "check_release.py").problems(tag, repository, made(tmp_path, **changes))
    assert len(found) == (1 if problem else 0), found
    assert problem in "".join(found)


def test_this_checkout_can_be_asked() -> None:
    from sharegpt4video import __version__

    found = loaded(ROOT / "tools" / "check_release.py").problems(f"v{__version__}", REPOSITORY)
    assert all(problem.startswith("CHANGELOG.md") for problem in found), found


def test_the_package_runs_as_a_module() -> None:
    from sharegpt4video import __version__

    for option in ("--version", "-V"):
        command = [sys.executable, "-m", "sharegpt4video", option]
        assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == f"{__version__}\n"
    failed = subprocess.run([*command[:-1], "caption"], capture_output=True, text=True, check=False)
    assert failed.returncode != 0
