"""``sg4v t2v lint``: exit codes, words and JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from linted_folders import FRAMES, clips
from sharegpt4video.cli.app import app
from sharegpt4video.t2v.manifests import MANIFESTS


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    one = MANIFESTS["diffsynth"]
    one.write(clips(tmp_path, ["A dog runs.", "The video shows a cat."]), tmp_path, one.options())
    return tmp_path


def run(*arguments: object) -> tuple[int, str, str]:
    ended = CliRunner().invoke(app, ["t2v", "lint", *map(str, arguments)])
    return ended.exit_code, ended.stdout, ended.stderr


def test_warnings_end_with_0_and_errors_with_1(folder: Path) -> None:
    code, shown, _ = run(folder, "--for", "diffsynth", "--frames", FRAMES)
    assert (code, shown.splitlines()[-1]) == (0, "0 errors, 1 warning")
    code, shown, _ = run(folder, "--for", "diffsynth", "--frames", 9)
    assert (code, shown.splitlines()[-1]) == (1, "2 errors, 1 warning")
    assert "caption-tells-more (2)" in shown


def test_json_has_what_the_words_say(folder: Path) -> None:
    code, shown, _ = run(folder, "--for", "diffsynth", "--frames", 9, "--size", "64x48", "--encoder", "Mochi", "--json")
    told = json.loads(shown)
    assert (code, told["errors"], told["counts"]["caption-tells-more"]) == (1, 2, 2)
    assert told["findings"][0].keys() == {
        *("kind", "level", "file", "line", "video", "detail", "happens", "fix", "source")
    }


@pytest.mark.parametrize(
    ("wrong", "said"),
    [(("--for", "sora"), "known are: open-sora-plan"), (("--for", "ltx-2", "--size", "big"), "WIDTHxHEIGHT")],
)
def test_wrong_usage_is_named(wrong: tuple[str, ...], said: str, folder: Path) -> None:
    code, _, told = run(folder, *wrong)
    assert code == 2
    assert said in " ".join(told.split())


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    code, _, told = run(tmp_path / "none", "--for", "ltx-2")
    assert code != 0
    assert "is not a folder" in told
