"""What surrounds the code: workflows, hooks, forms and pages for people and for coding agents."""

from __future__ import annotations

import importlib
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from made_sets import write_clips
from sharegpt4video.cli.app import app
from sharegpt4video.records import VideoCaption

ROOT = Path(__file__).resolve().parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
# What a job may do beyond reading the repository, and nothing else may.
MAY_WRITE = {
    ("docs.yml", "deploy"): {"pages", "id-token"},
    ("release.yml", "publish"): {"id-token"},
    ("release.yml", "announce"): {"contents"},
}


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def jobs() -> list[Any]:
    found = [(path, name) for path in WORKFLOWS for name in load(path)["jobs"]]
    return [pytest.param(path, name, id=f"{path.stem}-{name}") for path, name in found]


def runs(job: dict[str, Any]) -> list[str]:
    lines = [line for step in job.get("steps", []) for line in step.get("run", "").splitlines()]
    return [line.strip() for line in lines if line.strip()]


def targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))


@pytest.mark.parametrize(("path", "name"), jobs())
def test_a_job_runs_what_there_is(path: Path, name: str) -> None:
    workflow = load(path)["jobs"]
    job = workflow[name]
    for line in runs(job):
        program, *words = shlex.split(line)
        if program == "make":
            assert {word for word in words if "=" not in word} <= targets(), line
        elif program.startswith(".ci/"):
            assert (ROOT / program).stat().st_mode & 0o111, line
        elif program == "python3":
            assert (ROOT / words[0]).is_file(), line
        else:
            assert program == "gh", f"{path.name}: {line}"
        # What others may name (branches, titles) is text in a shell only by way of the environment.
        assert "${{" not in line, line
    assert job.get("needs", name) in workflow
    assert "uses" in job or 0 < job["timeout-minutes"] <= 60


@pytest.mark.parametrize(("path", "name"), jobs())
def test_actions_are_pinned(path: Path, name: str) -> None:
    """A tag can be moved to other code; a commit cannot. The version beside it is for people and for Dependabot."""
    text, job = path.read_text(encoding="utf-8"), load(path)["jobs"][name]
    for action in [step["uses"] for step in job.get("steps", []) if "uses" in step]:
        assert re.fullmatch(r"[\w-]+/[\w.-]+@[0-9a-f]{40}", action), action
        assert re.search(rf"{re.escape(action)} # v\d+\.\d+\.\d+\n", text), action
    if "uses" in job:
        assert job["uses"].startswith("./"), job["uses"]
        assert (ROOT / job["uses"]).is_file()
    for step in job.get("steps", []):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize(("path", "name"), jobs())
def test_a_job_may_do_no_more_than_it_has_to(path: Path, name: str) -> None:
    workflow = load(path)
    job = workflow["jobs"][name]
    assert workflow["permissions"] == {"contents": "read"}
    granted = {scope for scope, access in job.get("permissions", {}).items() if access != "read"}
    assert granted == MAY_WRITE.get((path.name, name), set())
    triggers = workflow[True]  # YAML 1.1 reads the key `on` so
    assert "pull_request_target" not in triggers
    assert "workflow_run" not in triggers
    assert "secrets." not in path.read_text(encoding="utf-8")


def test_one_commit_for_each_action() -> None:
    used = {line for path in WORKFLOWS for line in re.findall(r"uses: (\S+@.*)", path.read_text(encoding="utf-8"))}
    assert len({line.split("@")[0] for line in used}) == len(used), sorted(used)


def test_every_supported_python_is_tested() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    named = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', project)
    least, below = re.findall(r'requires-python = ">=3\.(\d+),<3\.(\d+)"', project)[0]
    assert named == [f"3.{minor}" for minor in range(int(least), int(below))]
    assert load(ROOT / ".github" / "workflows" / "ci.yml")["jobs"]["test"]["strategy"]["matrix"]["python"] == named


def test_a_release_waits_for_the_tests_and_keeps_no_token() -> None:
    workflow = load(ROOT / ".github" / "workflows" / "release.yml")
    assert workflow[True] == {"push": {"tags": ["v*"]}}
    release = workflow["jobs"]
    assert (release["ci"]["needs"], release["publish"]["needs"]) == ("ready", "ci")
    assert release["publish"]["environment"]["name"] == "pypi"
    uploaded = [step["with"] for step in load(WORKFLOWS[0])["jobs"]["wheel"]["steps"] if "upload-artifact" in str(step)]
    assert uploaded[0]["name"] == release["publish"]["steps"][0]["with"]["name"] == "dist"
    assert "with" not in release["publish"]["steps"][1]  # no user, no password


def test_hooks_before_a_commit_are_those_of_ci() -> None:
    (repo,) = load(ROOT / ".pre-commit-config.yaml")["repos"]
    assert repo["repo"] == "local"
    for hook in repo["hooks"]:
        assert {"id", "name", "entry", "language"} <= hook.keys()
        program, target = hook["entry"].split()
        assert (program, hook["language"]) == ("make", "system")
        assert target in targets()
    recipes = {name: re.findall(rf"^{name}:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)[0] for name in ("lint", "types")}
    assert "ruff check" in recipes["lint"]
    assert "ruff format --check" in recipes["lint"]
    assert "mypy" in recipes["types"]


def test_dependabot_looks_at_what_there_is() -> None:
    watched = load(ROOT / ".github" / "dependabot.yml")
    assert watched["version"] == 2
    assert {one["package-ecosystem"] for one in watched["updates"]} == {"github-actions", "pip"}
    assert all(one["directory"] == "/" and one["schedule"]["interval"] == "weekly" for one in watched["updates"])


@pytest.mark.parametrize(
    "path", sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("[!c]*.yml")), ids=lambda path: path.stem
)
def test_issue_forms_can_be_shown(path: Path) -> None:
    """By the rules of GitHub's forms: a form that breaks one is not offered at all."""
    form = load(path)
    assert form.keys() <= {"name", "description", "title", "labels", "assignees", "body", "projects", "type"}
    assert all(isinstance(form[key], str) and form[key] for key in ("name", "description"))
    ids = []
    for field in form["body"]:
        assert field.keys() <= {"type", "id", "attributes", "validations"}
        if field["type"] == "markdown":
            assert field["attributes"].keys() == {"value"}
            continue
        ids.append(field["id"])
        assert field["type"] in ("input", "textarea", "dropdown", "checkboxes")
        assert field["attributes"]["label"]
        if field["type"] == "checkboxes":
            assert all(option["label"] for option in field["attributes"]["options"])
    assert ids
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]+", one) for one in ids)


@pytest.mark.parametrize("page", ["SECURITY.md", "CODE_OF_CONDUCT.md", "skills/sg4v/SKILL.md", "docs/llms.txt"])
def test_links_of_other_pages_lead_somewhere(page: str) -> None:
    path = ROOT / page
    targets = re.findall(r"\]\(([^)#\s]+)", path.read_text(encoding="utf-8"))
    assert [one for one in targets if not one.startswith("https:") and not (path.parent / one).is_file()] == []


def pages(nav: list[Any]) -> set[str]:
    """The files that the documentation's menu names."""
    found: set[str] = set()
    for entry in nav:
        for value in entry.values() if isinstance(entry, dict) else [entry]:
            found |= pages(value) if isinstance(value, list) else {value}
    return found


def test_llms_txt_lists_every_page() -> None:
    """In the form of llmstxt.org: a title, a summary, and sections of links with a note."""
    text = (ROOT / "docs" / "llms.txt").read_text(encoding="utf-8")
    title, summary, _, *sections = re.split(r"\n\n(?=> |## )|(?<=\.)\n\n(?=Install)", text)
    assert title.startswith("# ")
    assert summary.startswith("> ")
    lines = [line for section in sections for line in section.strip().splitlines()[2:]]
    links = [re.fullmatch(r"- \[[^\]]+\]\(([^)]+)\): \S.*", line) for line in lines]
    assert all(links), [line for line, link in zip(lines, links, strict=True) if not link]
    listed = [link[1] for link in links if link]
    assert len(set(listed)) == len(listed)
    menu = re.sub(r"!ENV \[.*\]", "null", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    schemas = {f"schemas/{path.name}" for path in (ROOT / "docs" / "schemas").iterdir()}
    assert set(listed) == (pages(yaml.safe_load(menu)["nav"]) - {"api.md"}) | schemas  # api.md is made by mkdocstrings


@pytest.fixture(name="build_docs")
def build_docs_module() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "tools"))
        yield importlib.import_module("build_docs")


def test_pages_are_published_as_markdown_too(build_docs: ModuleType, tmp_path: Path) -> None:
    """Beside the HTML, where `llms.txt` links to them."""
    build_docs.copy_markdown(ROOT / "docs", tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in (ROOT / "docs").glob("*.md")}
    assert "tools/build_docs.py" in MAKEFILE


@pytest.mark.parametrize(
    ("shown", "problem"),
    [
        ('<a href="other/">x</a><a href="other/#part">x</a><a href="#here">x</a><a href="https://h.org">x</a>', ""),
        ('<link rel="canonical" href="https://h.org"><img src="a.png"><img src="data:image/png;base64,AA">', ""),
        ('<a href="gone/">x</a>', "index.html links to gone/, which is not there"),
        ('<a href="other/#gone">x</a>', "index.html links to other/#gone, and there is no such place on that page"),
        ('<a href="#gone">x</a>', "index.html links to #gone, and there is no such place on that page"),
        ('<a href="../">x</a>', "index.html links to ../, which is not there"),
        ('<img src="gone.png">', "index.html links to gone.png, which is not there"),
        ('<video poster="gone.webp"></video>', "index.html links to gone.webp, which is not there"),
        ('<script src="https://h.org/a.js"></script>', "index.html loads https://h.org/a.js"),
        ('<img src="//h.org/a.png">', "index.html loads //h.org/a.png"),
        ('<link rel="stylesheet" href="https://h.org/a.css">', "index.html loads https://h.org/a.css"),
    ],
)
def test_broken_links_and_foreign_files_fail_the_docs(
    build_docs: ModuleType, tmp_path: Path, shown: str, problem: str
) -> None:
    (tmp_path / "site" / "other").mkdir(parents=True)
    (tmp_path / "index.html").write_text("beside the site, not in it")
    (tmp_path / "site" / "a.png").write_bytes(b"")
    (tmp_path / "site" / "other" / "index.html").write_text('<h2 id="part">Part</h2><a href="../#here">back</a>')
    (tmp_path / "site" / "index.html").write_text(f'<h1 id="here">Here</h1>{shown}')
    assert list(build_docs.problems(tmp_path / "site")) == [problem] * bool(problem)


def test_aligned_lists_of_docstrings_are_lists_on_the_api_page() -> None:
    pytest.importorskip("griffe")
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        from griffe_lists import as_markdown
    finally:
        sys.path.remove(str(ROOT / "tools"))
    text = "What it is.\n\nlow, high  both ends,\n           in seconds\nname       its name\n\n    a  b"
    wanted = "What it is.\n\n- `low`, `high`: both ends,\n  in seconds\n- `name`: its name\n\n    a  b"
    assert as_markdown(text) == wanted
    assert "tools/griffe_lists.py" in (ROOT / "mkdocs.yml").read_text(encoding="utf-8")


SKILL = ROOT / "skills" / "sg4v" / "SKILL.md"


def skill_lines() -> list[str]:
    return [line for block in re.findall(r"^```bash\n(.*?)^```", SKILL.read_text("utf-8"), re.M | re.S)
            for line in block.splitlines()]  # fmt: skip


def test_the_skill_is_one() -> None:
    """Front matter by agentskills.io: a name that is the folder's, a description that says what and when."""
    _, front, body = SKILL.read_text(encoding="utf-8").split("---\n", 2)
    head = yaml.safe_load(front)
    assert head.keys() <= {"name", "description", "license", "compatibility", "metadata", "allowed-tools"}
    assert head["name"] == SKILL.parent.name
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", head["name"])
    assert 0 < len(head["description"]) <= 1024
    assert "Use when" in head["description"]
    assert len(head["compatibility"]) <= 500
    assert body.count("\n") < 500


def test_the_commands_of_the_skill_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order in which they stand there, offline, on made videos."""
    monkeypatch.chdir(tmp_path)
    write_clips(tmp_path / "videos", 2, seconds=2.0)
    outputs = {}
    for line in skill_lines():
        program, *words = shlex.split(line)
        assert program == "sg4v"
        arguments = [str(path) for word in words for path in (sorted(Path().glob(word)) if "*" in word else [word])]
        ended = CliRunner().invoke(app, arguments)
        assert ended.exit_code == 0, f"{line}\n{ended.output}"
        outputs[line] = ended.stdout
    first = VideoCaption.from_json(outputs["sg4v caption videos/clip-000.mp4 --json"])
    assert first.summary
    assert first.steps[-1].end_seconds == pytest.approx(2.0)
    assert {path.suffix for path in Path("captions").iterdir()} == {".json", ".srt", ".jsonl"}
    assert Path("report.html").stat().st_size > 10_000
    assert list(Path("export").rglob("*.parquet"))
    assert '"captioned": 2' in outputs["sg4v dataset status my-set --json"].replace(":2", ": 2")
