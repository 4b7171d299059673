"""``sg4v t2v budget``: what is printed and written, and the exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sharegpt4video.cli.app import app

runner = CliRunner()
SHORT = "A dog runs."
LONG = "A brown dog runs over the beach, suggesting joy. " + "The overall mood is calm and serene. " * 40


@pytest.fixture(autouse=True)
def no_tokenizers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "none"))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)


def test_the_report_says_how_many_are_over_and_that_it_is_an_estimate(tmp_path: Path) -> None:
    (tmp_path / "captions.txt").write_text(f"{SHORT}\n{LONG}\n", encoding="utf-8")
    done = runner.invoke(app, ["t2v", "budget", str(tmp_path / "captions.txt"), "-e", "cogvideox"])
    assert done.exit_code == 0, done.output
    assert "1 of 2 captions (50.0%) are longer" in done.stdout
    assert "estimated" in done.stdout


def test_fitted_captions_are_written_in_order(tmp_path: Path) -> None:
    (tmp_path / "captions.txt").write_text(f"{SHORT}\n{LONG}\n", encoding="utf-8")
    out = tmp_path / "fitted.jsonl"
    done = runner.invoke(app, ["t2v", "budget", str(tmp_path / "captions.txt"), "--json", "--out", str(out)])
    assert done.exit_code == 0, done.output
    (report,) = json.loads(done.stdout)
    assert (report["captions"], report["over"], report["estimated"]) == (2, 1, True)
    first, second = (json.loads(line) for line in out.read_text(encoding="utf-8").splitlines())
    assert first["caption"] == SHORT
    assert second["caption"].startswith("A brown dog runs over the beach")
    assert second["tokens"] <= 226 < second["tokens_before"]


def test_lost_events_exit_with_3(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("A dog runs. " + "The dog jumps over the wall. " * 60, encoding="utf-8")
    done = runner.invoke(app, ["t2v", "budget", str(tmp_path), "--out", str(tmp_path / "out.txt")])
    assert done.exit_code == 3
    assert "WARNING: 1 caption without" in done.stdout
    assert len((tmp_path / "out.txt").read_text(encoding="utf-8").splitlines()) == 1


def test_a_pair_is_reported_for_both(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(LONG, encoding="utf-8")
    done = runner.invoke(app, ["t2v", "budget", str(tmp_path), "-e", "HunyuanVideo", "--json"])
    assert [report["encoder"] for report in json.loads(done.stdout)] == ["Llama-256", "CLIP-77"]
    wrong = runner.invoke(app, ["t2v", "budget", str(tmp_path), "-e", "HunyuanVideo", "--tokenizer", str(tmp_path)])
    assert (wrong.exit_code, "Llama-256 and CLIP-77" in wrong.stderr) == (2, True)
    assert runner.invoke(app, ["t2v", "budget", str(tmp_path), "-e", "T5-22"]).exit_code == 2
