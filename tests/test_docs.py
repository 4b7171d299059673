"""What the README and the docs show is what happens: commands are run or parsed, settings loaded, code executed."""

from __future__ import annotations

import ast
import asyncio
import csv
import difflib
import importlib
import inspect
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml
from PIL import Image
from pydantic import TypeAdapter
from typer.testing import CliRunner

from media import write_video
from scenes import panned, texture
from sharegpt4video.cli.app import app
from sharegpt4video.config import CaptionSettings, load_yaml
from sharegpt4video.dataset import build
from sharegpt4video.dataset.clips import media
from sharegpt4video.dataset.settings import DatasetSettings
from sharegpt4video.errors import SettingsError
from sharegpt4video.prompts import prompt_set
from sharegpt4video.vlm import BACKENDS, OWN_OPTIONS, Request, open_model
from sharegpt4video.vlm.hub_models import HUB_MODELS
from sharegpt4video.vlm.providers import PROVIDERS

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
OUTPUT = re.compile(r"<!-- output: (?P<command>[^\n]+) -->\n(?P<shown>.*?)<!-- end of output -->", re.DOTALL)
SAME_WORDS = 0.9  # processors differ in the last bits, and a word of a sentence may hang on them


def blocks(language: str) -> Iterator[tuple[str, str]]:
    """Every fenced block of a language, with a name for the test's report."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for number, match in enumerate(re.finditer(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)):
            yield f"{page.name}-{number}", match[1]


def commands() -> list[str]:
    """Every command line that begins with sg4v, as the docs show it."""
    lines = [line for _, block in blocks("bash") for line in block.replace("\\\n", " ").splitlines()]
    parts = [part.strip() for line in lines for part in re.split(r"&&|\|", line)]
    return sorted({re.sub(r"^\.venv/bin/", "", part) for part in parts if re.match(r"(\.venv/bin/)?sg4v\b", part)})


def outputs() -> list[tuple[str, str]]:
    return [(match["command"], match["shown"]) for page in PAGES for match in OUTPUT.finditer(page.read_text("utf-8"))]


@pytest.mark.parametrize("command", commands())
def test_every_command_can_be_parsed(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    # --help comes last, so everything before it is read first; an option that does not exist is an error all the same.
    program, *arguments = shlex.split(command, comments=True)
    assert program == "sg4v"
    with pytest.raises(SystemExit) as ended:
        app([*arguments, "--help"])
    assert ended.value.code in (0, None), capsys.readouterr().err


def test_the_docs_show_commands() -> None:
    assert len(commands()) > 8


@pytest.mark.parametrize(("command", "shown"), outputs())
def test_output_is_what_the_command_prints(command: str, shown: str) -> None:
    expected = re.sub(r"\n  ", " ", shown.strip().removeprefix("```text\n").removesuffix("\n```")).splitlines()
    run = [sys.executable, "-c", "from sharegpt4video.cli import main; main()", *shlex.split(command)[1:]]
    printed = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
    assert printed.returncode == 0, printed.stderr
    lines = printed.stdout.strip().splitlines()
    assert [_times(line) for line in lines] == [_times(line) for line in expected], printed.stdout
    for line, wanted in zip(lines, expected, strict=True):
        likeness = difflib.SequenceMatcher(None, line.split(), wanted.split(), autojunk=False).ratio()
        assert likeness >= SAME_WORDS, f"{wanted!r} is now {line!r}"


def _times(line: str) -> str:
    return match[0] if (match := re.match(r"\[[^\]]*\]|Summary:", line)) else ""


def offline_blocks() -> list[Any]:
    """The commands below ``<!-- runs offline -->``, page by page."""
    found = {
        page.name: re.findall(r"^<!-- runs offline -->\n```bash\n(.*?)^```", page.read_text("utf-8"), re.M | re.S)
        for page in PAGES
    }
    return [pytest.param("".join(commands), id=name) for name, commands in found.items() if commands]


@pytest.mark.parametrize("commands", offline_blocks())
def test_commands_that_need_no_model_work(commands: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order in which they stand there, with fewer videos than they say."""
    monkeypatch.chdir(tmp_path)
    for line in re.sub(r"--videos \d+", "--videos 2 --workers 1", commands).splitlines():
        call, _, redirected = line.partition(" #")[0].partition(" > ")
        program, *words = shlex.split(call)
        assert program == "sg4v", line
        arguments = [str(path) for word in words for path in (sorted(Path().glob(word)) if "*" in word else [word])]
        ended = CliRunner().invoke(app, arguments)
        assert ended.exit_code == 0, f"{line}\n{ended.output}"
        assert ended.stdout, line
        if redirected:
            Path(redirected.strip()).write_text(ended.stdout, encoding="utf-8")


def test_the_tutorial_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its commands in their order, in a folder with the sample; what a block prints is what is shown below it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    page = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    found = re.findall(r"^```bash\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", page, re.MULTILINE | re.DOTALL)
    assert len(found) > 3
    for commands, shown in found:
        # What serves until it is stopped is tested in a browser, in tests/browser.
        lines = [line for line in commands.splitlines() if not line.startswith("sg4v web")]
        printed = "".join(map(printed_by, lines))
        likeness = difflib.SequenceMatcher(None, printed.split(), shown.split(), autojunk=False).ratio()
        assert not shown or likeness >= SAME_WORDS, f"{commands}\n{printed}"
    assert "a woman enters" in json.loads(Path("sft/train.json").read_text())[0]["conversations"][1]["value"]
    assert list(Path("shards").glob("*.tar"))


def printed_by(line: str) -> str:
    # Without the extra `novelty`, whose encoder would take longer to load than all of the rest.
    program, *words = shlex.split(line.replace("sg4v find", "sg4v find --text-encoder none"), comments=True)
    if program != "sg4v":
        return subprocess.run(line, shell=True, check=True, capture_output=True, text=True).stdout
    ended = CliRunner().invoke(app, words)
    assert ended.exit_code == 0, f"{line}\n{ended.output}"
    return ended.stdout or ended.stderr


def test_the_recipes_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order in which they stand there, offline, on made videos and a list with the columns of Panda-70M."""
    monkeypatch.chdir(tmp_path)
    for module in (build, media):
        monkeypatch.setattr(module, "cores", lambda: 1)
    Path("videos").mkdir()
    for number in range(2):
        wide = texture(number + 1, 192, 80)
        write_video(Path(f"videos/{number}.mp4"), [panned(wide, 2 * at, 96, 72) for at in range(44)], fps=8)
    spans = "\"[['0:00:00.000', '0:00:01.200'], ['0:00:01.200', '0:00:02.400']]\",\"['a room', 'a door']\""
    Path("panda.csv").write_text(f"videoID,url,timestamp,caption,path\nx,https://h/x,{spans},videos/0.mp4\n")
    for line in "".join(block for name, block in blocks("bash") if name.startswith("recipes.md")).splitlines():
        program, *words = shlex.split(line.replace("MODEL", "embedded"), comments=True)
        if program == "sg4v":
            ended = CliRunner().invoke(app, words)
            assert ended.exit_code == 0, f"{line}\n{ended.output}"
        else:
            subprocess.run(line, shell=True, check=True)
    for trainer in ("wan", "ltx"):
        assert len(list(Path(trainer, "train", "clips").glob("*.mp4"))) > 2  # of two videos
    assert rows("panda-list")[0]["start_seconds"] == "0.0"
    sample = json.loads(Path("swift/train.jsonl").read_text().splitlines()[0])
    assert len(sample["image"]) == 8
    assert all((Path("swift") / image).exists() for image in sample["image"])
    assert len(json.loads(Path("sft/train.json").read_text())[0]["image"]) == 8
    assert isinstance(json.loads(Path("grids/train.json").read_text())[0]["image"], str)
    assert {Path(row["file_path"]).stem for row in rows("videox")} > {"0", "1"}
    assert all((Path("videox") / row["file_path"]).exists() for row in rows("videox"))
    assert {path.name for path in Path("videos").glob("*.srt")} == {"0.srt", "1.srt"}


def rows(export: str) -> list[dict[str, str]]:
    with (Path(export) / "captions.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("block", [pytest.param(block, id=name) for name, block in blocks("yaml")])
def test_settings_in_the_docs_can_be_loaded(block: str, tmp_path: Path) -> None:
    (tmp_path / "shown.yaml").write_text(block, encoding="utf-8")
    only_of_a_data_set = DatasetSettings().to_plain().keys() - CaptionSettings().to_plain().keys()
    kind = DatasetSettings if yaml.safe_load(block).keys() & only_of_a_data_set else CaptionSettings
    assert isinstance(load_yaml(tmp_path / "shown.yaml", kind), kind)


def test_the_settings_of_a_data_set_are_all_there_with_their_defaults() -> None:
    path = ROOT / "examples" / "dataset.yaml"
    assert load_yaml(path, DatasetSettings) == DatasetSettings()
    shown = yaml.safe_load(path.read_text(encoding="utf-8"))
    for name, group in DatasetSettings().to_plain().items():
        for_one_video = {"start_seconds", "end_seconds"}
        assert shown[name].keys() == group.keys() - for_one_video, name


def test_the_settings_of_the_examples_are_all_there_are_with_their_defaults() -> None:
    path = ROOT / "examples" / "settings.yaml"
    assert load_yaml(path, CaptionSettings) == CaptionSettings()
    assert yaml.safe_load(path.read_text(encoding="utf-8")).keys() == CaptionSettings().to_plain().keys()


@pytest.mark.parametrize("block", [pytest.param(block, id=name) for name, block in blocks("python")])
def test_python_in_the_docs_uses_what_exists(block: str) -> None:
    import sharegpt4video

    for node in ast.walk(ast.parse(block)):
        if isinstance(node, ast.ImportFrom) and node.module == "sharegpt4video":
            assert {name.name for name in node.names} <= set(sharegpt4video.__all__)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sharegpt4video."):
            module = importlib.import_module(node.module or "")
            assert all(hasattr(module, name.name) for name in node.names), ast.unparse(node)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "sg4v":
            assert node.attr in sharegpt4video.__all__


def test_the_model_of_the_docs_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The class that docs/models.md shows for a model of one's own, named in a package as it says there."""
    (shown,) = [block for name, block in blocks("python") if name.startswith("models.md")]
    (named,) = [block for name, block in blocks("toml") if name.startswith("models.md")]
    (tmp_path / "my_package.py").write_text(shown)
    metadata = tmp_path / "my_package-1.0.dist-info"  # as pip leaves it
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: my-package\nVersion: 1.0\n")
    group, point = re.fullmatch(r'\[project\.entry-points\."([^"]+)"\]\n(\w+ = "[^"]+")\n', named).groups()  # type: ignore[union-attr]
    (metadata / "entry_points.txt").write_text(f"[{group}]\n{point}\n".replace('"', ""))
    monkeypatch.syspath_prepend(tmp_path)
    model = open_model("length", prompts=prompt_set("default"))
    reply = asyncio.run(model.generate(Request("summary", start_seconds=1.0, end_seconds=3.5)))
    assert reply.text == "2.5 seconds."
    with pytest.raises(SettingsError, match="'length' takes nothing after its name"):
        open_model("length:x", prompts=prompt_set("default"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if not target.startswith(("http:", "https:")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_tables_are_whole(page: Path) -> None:
    """An empty line ends a table: what follows it without a head of its own would be shown as text with bars."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for table in re.findall(r"(?:^\|.*\n?)+", text, re.MULTILINE):
        head, line, *rows = table.splitlines()
        assert re.fullmatch(r"\|(?:\s*:?-+:?\s*\|)+", line), f"{page.name}: no table begins with {head!r}"
        cells = [len(re.findall(r"(?<!\\)\|", re.sub(r"`[^`]*`", "", row))) for row in (head, line, *rows)]
        assert len(set(cells)) == 1, f"{page.name}: rows of {sorted(set(cells))} cells after {head!r}"


def test_the_models_page_names_every_model_and_its_options() -> None:
    page = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
    sections = {re.sub(r":.*", "", title): text for title, text in re.findall(r"^## `([^`]+)`\n(.*?)(?=^## |\Z)",
                                                                           page, re.MULTILINE | re.DOTALL)}  # fmt: skip
    given_otherwise = {"model", "folder", "base_url", "api_key", *OWN_OPTIONS}
    for name, backend in BACKENDS.items():
        assert name in sections
        module, _, attribute = backend.path.partition(":")
        taken = inspect.signature(getattr(importlib.import_module(module), attribute)).parameters
        if name != "fake":  # which is for tests
            missing = [
                option for option in taken if option not in given_otherwise and f"`{option}`" not in sections[name]
            ]
            assert not missing, f"{name}: {missing}"
    for name, provider in PROVIDERS.items():
        assert f"`{name}`" in page
        place = provider.url.split("/")[2]
        assert f"`{name}` ({place})" in " ".join(page.split()) or not provider.is_local, name
        assert provider.key in (f"{name.upper()}_API_KEY", "HF_TOKEN") or provider.is_local, name
    assert not [name for name in HUB_MODELS if f"`{name}`" not in page]


def test_the_api_page_lists_every_public_word() -> None:
    """Each with a sentence, and a reference that ``make docs`` looks up on the page."""
    import sharegpt4video

    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[`(\w+)`\]\[([\w.]+)\.(\w+)\] \| \S.* \|$", page, re.MULTILINE)
    assert sorted(name for name, _, _ in rows) == sorted(sharegpt4video.__all__)
    for name, home, attribute in rows:
        assert getattr(importlib.import_module(home), attribute) is getattr(sharegpt4video, name)


def test_the_citation_names_this_version() -> None:
    from sharegpt4video import __version__

    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == __version__
    assert citation["references"][0]["url"].endswith("2406.04325")


def test_the_file_formats_page_names_every_field() -> None:
    from sharegpt4video import records

    page = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
    for record in (records.VideoCaption, records.Step, records.Facts, records.Shot, records.Provenance, records.Pose):
        for field in TypeAdapter(record).json_schema()["properties"]:
            assert f"`{field}`" in page, f"{record.__name__}.{field}"


def test_the_benchmarks_page_names_every_script() -> None:
    page = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    scripts = {path.name for path in (ROOT / "benchmarks").glob("[!_]*.py")}
    assert scripts == set(re.findall(r"^\| `(\w+\.py)`", page, re.MULTILINE))


@pytest.mark.parametrize("image", sorted((ROOT / "docs" / "pictures").glob("*.svg")), ids=lambda path: path.stem)
def test_pictures_show_the_figures_of_their_page(image: Path) -> None:
    """``tools/plots.py`` draws them from the table below each, and keeps the table it drew in the file."""
    (page,) = [text for page in PAGES if f"pictures/{image.name})" in (text := page.read_text(encoding="utf-8"))]
    described = ElementTree.parse(image).find(".//{http://purl.org/dc/elements/1.1/}description")
    assert described is not None
    assert described.text
    assert described.text in page, f"a table changed since {image.name} was drawn: run tools/plots.py"
    assert f"](pictures/{image.name})" in page


def test_the_picture_of_a_caption_shows_the_caption_of_today() -> None:
    """``tools/pictures.py`` keeps the summary that it drew in the file."""
    (shown,) = [shown for command, shown in outputs() if command == "sg4v caption examples/park.mp4"]
    summary = shown.partition("Summary: ")[2].removesuffix("```\n").split()
    with Image.open(ROOT / "docs" / "pictures" / "caption.webp") as picture:
        drawn = picture.getexif()[0x010E].split()
    assert difflib.SequenceMatcher(None, drawn, summary, autojunk=False).ratio() >= SAME_WORDS, "run tools/pictures.py"


def test_pictures_are_small_and_shown() -> None:
    shown = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    for image in (ROOT / "docs" / "pictures").iterdir():
        assert f"pictures/{image.name})" in shown, image
        assert image.stat().st_size < (400_000 if image.stem == "recording" else 150_000), image


def test_the_sample_is_attributed() -> None:
    text = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
    for clip in (ROOT / "examples").glob("*.mp4"):
        assert f"## {clip.name}" in text
        assert clip.stat().st_size < 1_500_000
