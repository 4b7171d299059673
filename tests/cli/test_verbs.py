"""What all verbs have in common: exit codes in their help, earlier spellings, no types of Python, the right width."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import typer
from typer.testing import CliRunner

from sharegpt4video import cli
from sharegpt4video.cli.app import app
from sharegpt4video.cli.verbs import flowing, with_current_names

SG4V = [sys.executable, "-c", "from sharegpt4video.cli import main; main()"]


def verbs(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    below = getattr(command, "commands", {})
    yield from [path] if not below else (one for name, each in below.items() for one in verbs(each, (*path, name)))


VERBS = list(verbs(typer.main.get_command(app)))


@pytest.mark.parametrize("path", VERBS, ids=" ".join)
def test_help_says_the_exit_codes_and_names_no_type_of_python(path: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(app, [*path, "--help"])
    assert shown.exit_code == 0
    assert "Exit codes: 0 all fine" in shown.output
    assert not re.search(r"^│ +[\w.|-]+>", shown.output, re.MULTILINE), "a list of choices is broken: give it a metavar"
    assert not re.search(r"<(bool|str|int|float|list)|\w(Settings|Options|Inputs)\b|earlier_out|\[OUT\]", shown.output)


def test_a_folder_to_write_to_is_given_in_one_way() -> None:
    for path in VERBS:
        command = typer.main.get_command(app)
        for name in path:
            command = command.commands[name]  # type: ignore[attr-defined]
        seen = {one.name: one.opts for one in command.params if not getattr(one, "hidden", False)}
        if "out" in seen:
            assert seen["out"] == ["--out", "-o"], path


@pytest.mark.parametrize("option", ["--out", "-o", "--output"])
def test_a_positional_folder_of_an_earlier_version_still_works(option: str, tmp_path: Path) -> None:
    more = ["--videos", "1", "--seconds", "0.5", "--no-questions", "--captions", "none"]
    made = CliRunner().invoke(app, ["world", option, str(tmp_path / "new"), *more])
    assert made.exit_code == 0, made.output
    made = CliRunner().invoke(app, ["world", str(tmp_path / "old"), *more])
    assert made.exit_code == 0, made.output
    assert {path.name for path in (tmp_path / "new").iterdir()} == {path.name for path in (tmp_path / "old").iterdir()}


@pytest.mark.parametrize("arguments", [["x", "--base", "y"], ["x", "y", "--out", "z"]])
def test_no_folder_or_two_are_wrong_usage(arguments: list[str]) -> None:
    ended = CliRunner().invoke(app, ["convert", *arguments])
    assert ended.exit_code == 2
    assert "--out" in ended.output


def test_names_are_replaced_up_to_the_end_of_options() -> None:
    aliases = {"--output": "--out"}
    given = ["a", "--output", "b", "--output=c", "--outputs", "--", "--output"]
    assert with_current_names(given, aliases) == ["a", "--out", "b", "--out=c", "--outputs", "--", "--output"]


def test_paragraphs_are_one_line_each() -> None:
    assert flowing("First line\n    goes on.\n\n    Second\n    one.\n    ") == "First line goes on.\n\nSecond one."


@pytest.mark.parametrize(
    ("columns", "width"), [("70", 70), ("100", 100), ("400", 120), ("", 100), ("0", 100), ("x", 100)]
)
def test_help_is_as_wide_as_the_terminal_up_to_a_width(
    columns: str, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr(cli, "_columns", lambda _: 0)
    assert cli.help_columns() == width


def test_help_into_a_pipe_is_not_cut() -> None:
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "TERMINAL_WIDTH")}
    command = [*SG4V, "dataset", "filter", "--help"]
    shown = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
    )
    assert max(map(len, shown.stdout.splitlines())) == 100
    assert "…" not in shown.stdout


def test_what_is_missing_is_explained() -> None:
    told = CliRunner().invoke(app, ["dataset", "export", "my-set"])
    assert told.exit_code == 2
    assert re.search(r"Missing option '--format'.*webdataset", told.output, re.DOTALL)


@pytest.mark.parametrize(("name", "why"), [("wan", "that is a model"), ("diffsynt", "did you mean")])
def test_a_model_is_no_trainer(name: str, why: str) -> None:
    told = CliRunner().invoke(app, ["t2v", "export", "my-set", "--for", name, "--out", "x"])
    assert told.exit_code == 2
    assert why in " ".join(told.output.split())
