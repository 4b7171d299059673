"""``sg4v convert``, there and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

pytest.importorskip("torch")
pytest.importorskip("transformers")

from safetensors.torch import load_file

from made_checkpoints import llama3_tokenizer, save_original
from sharegpt4video.cli.convert import convert

app = typer.Typer()
app.command()(convert)


def run(*arguments: Any) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_there_and_back(tmp_path: Path) -> None:
    weights = save_original(tmp_path / "original", tokenizer=llama3_tokenizer(), rows=261)
    there = run(tmp_path / "original", tmp_path / "new")
    assert there.exit_code == 0, there.stderr
    assert "file 1 of 1 written" in there.stderr
    assert "vocabulary of 262 rows, <image> is 261" in there.stdout
    assert "chat template llama3" in there.stdout
    back = run(tmp_path / "new", tmp_path / "back", "--back")
    assert back.exit_code == 0, back.stderr
    made = load_file(tmp_path / "back" / "model.safetensors")
    assert all(made[name].equal(weight) for name, weight in weights.items())


def test_wrong_usage_is_explained(tmp_path: Path) -> None:
    save_original(tmp_path / "original")
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "mine").touch()
    for arguments, code, message in (
        ([tmp_path / "nowhere", tmp_path / "out"], 1, "no such folder"),
        ([tmp_path / "original", tmp_path / "there"], 1, "is there already"),
        ([tmp_path / "original", tmp_path / "out", "--back"], 2, "nothing to convert back"),
        ([tmp_path / "original", tmp_path / "out", "--back", "--dtype", "float16"], 2, "--back takes neither"),
        ([tmp_path / "original", tmp_path / "out", "--dtype", "int4"], 2, "dtype is one of"),
    ):
        result = run(*arguments)
        assert (result.exit_code, message in result.stderr) == (code, True), result.stderr
    assert not (tmp_path / "out").exists()
