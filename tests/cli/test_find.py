"""``sg4v find`` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from chat_server import ChatServer, answer
from made_dataset import caption_row, made_store, story
from sharegpt4video.cli.find import find

app = typer.Typer()
app.command()(find)


@pytest.fixture
def captions(tmp_path: Path) -> Path:
    path = tmp_path / "a.json"
    path.write_text(story(7).to_json(), encoding="utf-8")
    return path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--text-encoder", "none"])


def test_a_line_a_moment(captions: Path) -> None:
    done = run(str(captions), "rain in a street")
    assert done.exit_code == 0
    assert done.stdout == "[0:04.0 – 0:08.0] 1.00  7.mp4  A street with rain.\n"
    assert "1 moment of 4 steps" in done.stderr


def test_json_and_playlist(captions: Path, tmp_path: Path) -> None:
    made_store(tmp_path / "set", [caption_row(number) for number in range(3)])
    found = json.loads(run(str(tmp_path / "set"), "person", "--json", "-n", "2").stdout)
    assert len(found["moments"]) == 2
    assert found["moments"][0]["link"] == "file:///videos/0.mp4#t=0.00,2.00"
    assert run(str(captions), "rain", "--format", "m3u").stdout.startswith("#EXTM3U\n#EXTINF:4,A street with rain.\n")


def test_nothing_found_is_no_failure_but_an_unseen_moment_is(captions: Path) -> None:
    assert run(str(captions), "zebra").exit_code == 0
    with ChatServer(default=answer("5")) as server:
        done = run(str(captions), "rain", "--model", f"server:m@{server.base_url}")
    assert done.exit_code == 1
    assert "7.mp4: No such file" in done.stdout


def test_wrong_use_is_told(captions: Path, tmp_path: Path) -> None:
    assert run(str(captions), "the").exit_code == 2
    assert "names nothing to look for" in run(str(captions), "the").stderr
    assert run(str(tmp_path), "dog").exit_code == 0  # the folder holds a caption
    (tmp_path / "no").mkdir()
    assert run(str(tmp_path / "no"), "dog").exit_code == 1
