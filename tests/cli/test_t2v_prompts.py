"""``sg4v t2v`` for prompts: what is printed, and the exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sharegpt4video.cli.app import app

runner = CliRunner()


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    (tmp_path / "original.txt").write_text("a red car, zoom in\na dog\n", encoding="utf-8")
    (tmp_path / "rewritten.txt").write_text("A blue car waits.\nA small dog runs.\n", encoding="utf-8")
    return str(tmp_path / "original.txt"), str(tmp_path / "rewritten.txt")


def test_an_audit_with_findings_exits_with_3(files: tuple[str, str]) -> None:
    done = runner.invoke(app, ["t2v", "audit-prompts", *files, "--json"])
    assert done.exit_code == 3
    (wrong,) = json.loads(done.stdout)["each"]
    assert [found["kind"] for found in wrong["found"]] == ["lost", "contradicted"]
    assert runner.invoke(app, ["t2v", "audit-prompts", *files]).stdout.count("camera") == 1


def test_an_audit_without_findings_exits_with_0(files: tuple[str, str]) -> None:
    Path(files[1]).write_text("A red car waits as the camera zooms in.\nA small dog runs.\n", encoding="utf-8")
    done = runner.invoke(app, ["t2v", "audit-prompts", *files])
    assert (done.exit_code, "2 texts without a finding" in done.stdout) == (0, True)


def test_wrong_usage_is_named(files: tuple[str, str]) -> None:
    done = runner.invoke(app, ["t2v", "audit-prompts", *files, "--encoder", "T5-22"])
    assert (done.exit_code, "did you mean 'T5-226'?" in done.stderr) == (2, True)
    Path(files[1]).write_text("one\n", encoding="utf-8")
    done = runner.invoke(app, ["t2v", "audit-prompts", *files])
    assert (done.exit_code, "2 prompts, but 1 rewritten" in done.stderr) == (2, True)
    assert runner.invoke(app, ["t2v", "audit-prompts", "none.txt", files[1]]).exit_code == 1
