"""``sg4v evaluate captions-answer`` as a user runs it: sets and their names, data sets, the exit code."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from made_benchmarks import write_json
from made_dataset import caption_row, made_store, story
from sharegpt4video.cli.app import app
from sharegpt4video.world.files import SetSettings, write_set


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world") / "set"
    write_set(folder, 3, SetSettings(width=32, height=32, crf=30), captions=("dense", "short"), workers=1)
    return folder


def answer(world: Path, out: Path, *more: object) -> Result:
    where = ("--annotations", world / "tempcompass", "--judge", "world", "--out", out)
    return CliRunner().invoke(
        app, [str(part) for part in ("evaluate", "captions-answer", "tempcompass", *where, *more)]
    )


def test_two_sets_are_compared_and_kept(world: Path, tmp_path: Path) -> None:
    sets = ("-c", world / "train-dense.json", "-c", f"few={world / 'train-short.json'}")
    ended = answer(world, tmp_path / "out", *sets, "--videos", world / "videos", "--by", "aspect")
    assert ended.exit_code == 0, ended.output
    assert "few - train-dense: -" in ended.stdout
    assert "score by aspect" in ended.stdout
    kept = {path.name for path in (tmp_path / "out").iterdir()}
    assert kept == {"train-dense", "few", "no caption", "report.json", "report.md"}
    report = json.loads(answer(world, tmp_path / "out", *sets, "--json", "--limit", 5).stdout)
    assert (report["questions"], list(report["sets"])) == (5, ["train-dense", "few"])


def test_a_video_without_a_caption_ends_with_1_and_wrong_usage_with_2(world: Path, tmp_path: Path) -> None:
    samples = json.loads((world / "train-dense.json").read_text())
    part = write_json(tmp_path / "part.json", samples[:2])
    ended = answer(world, tmp_path / "out", "-c", part)
    assert ended.exit_code == 1
    assert "FAILED: part: 1 video without a usable caption" in ended.stdout
    for more in (("-c", part, "-c", part), ("-c", part, "--by", "task"), ("-c", "ours="), ("-c", "")):
        assert answer(world, tmp_path / "out", *more).exit_code == 2, more
    assert "no such file or folder" in answer(world, tmp_path / "out", "-c", tmp_path / "gone.json").output
    fake = answer(world, tmp_path / "out2", "-c", part, "--judge", "fake", "--limit", 3)
    assert fake.exit_code == 1
    assert "no readable answer" in fake.stdout


def test_a_group_that_no_question_has_is_refused_before_anything_is_asked(world: Path, tmp_path: Path) -> None:
    ended = answer(world, tmp_path / "out", "-c", world / "train-dense.json", "--by", "task")
    assert ended.exit_code == 2
    assert "no question has the group 'task'; there are: " in ended.output
    assert not (tmp_path / "out").exists()


def test_a_data_set_is_a_set_of_captions(world: Path, tmp_path: Path) -> None:
    samples = json.loads((world / "train-dense.json").read_text())
    texts = [(one["video"], one["conversations"][1]["value"]) for one in samples]
    rows = [caption_row(n, replace(story(n), summary=text), location=video) for n, (video, text) in enumerate(texts)]
    made_store(tmp_path / "ds", rows)
    ended = answer(world, tmp_path / "out", "-c", f"ours={tmp_path / 'ds'}")
    assert ended.exit_code == 0, ended.output
    assert "ours - no caption: +" in ended.stdout
