"""The configurations of the package are found by name wherever one is; a file of the user's comes first."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from sharegpt4video.cli.app import app
from sharegpt4video.config import load_yaml
from sharegpt4video.errors import SettingsError
from sharegpt4video.learning.configs import FOLDER, config_names, find_config
from sharegpt4video.lvlm.settings import TrainSettings


@pytest.mark.parametrize("name", ["tiny", "tiny.yaml", "configs/tiny.yaml", "./configs/tiny"])
def test_a_name_is_enough(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_config(name) == FOLDER / "tiny.yaml"


def test_a_file_of_the_user_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    mine = Path("configs/tiny.yaml")
    mine.parent.mkdir()
    Path("tiny").mkdir()  # a folder is no configuration
    assert find_config("tiny") == find_config(mine) == FOLDER / "tiny.yaml"
    mine.write_text("name: mine")
    assert find_config("configs/tiny.yaml") == mine
    assert find_config("tiny") == FOLDER / "tiny.yaml"


@pytest.mark.parametrize(
    "name", ["tini", "elsewhere/tiny.yaml", "/configs/tiny.yaml", "../configs/tiny.yaml", "", "tiny.json"]
)
def test_what_is_nowhere_is_an_error_that_names_what_there_is(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match=r"no such file.*\bqwen3-vl-4b, .*\btiny\)"):
        find_config(name)


def test_they_are_listed_and_printed() -> None:
    listed = CliRunner().invoke(app, ["train", "configs"])
    assert [line.split()[0] for line in listed.stdout.splitlines()] == config_names()
    printed = CliRunner().invoke(app, ["train", "configs", "tiny"]).stdout
    assert printed == (FOLDER / "tiny.yaml").read_text(encoding="utf-8")
    assert CliRunner().invoke(app, ["train", "configs", "tini"]).exit_code == 2


def test_a_copy_is_a_configuration_of_its_own(tmp_path: Path) -> None:
    copy = tmp_path / "mine.yaml"
    copy.write_text(CliRunner().invoke(app, ["train", "configs", "sharegpt4video-8b"]).stdout, encoding="utf-8")
    assert load_yaml(find_config(copy), TrainSettings) == load_yaml(FOLDER / "sharegpt4video-8b.yaml", TrainSettings)
