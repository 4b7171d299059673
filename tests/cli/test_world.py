"""``sg4v world`` and ``sg4v world-check``."""

from __future__ import annotations

from pathlib import Path

import typer
from typer.testing import CliRunner

from sharegpt4video.cli.world import world, world_check
from sharegpt4video.world.render import write_video
from sharegpt4video.world.scenes import Event, Scene, Thing

app = typer.Typer()
app.command("world")(world)
app.command("world-check")(world_check)
run = CliRunner()


def test_a_set_is_written_and_checked(tmp_path: Path) -> None:
    made = run.invoke(app, ["world", str(tmp_path), "--videos", "3", "--captions", "dense,short", "--size", "64x48"])
    assert made.exit_code == 0, made.output
    assert "3 rendered" in made.output
    assert (tmp_path / "train-short.json").exists()
    clips = sorted(str(path) for path in (tmp_path / "videos").iterdir())
    checked = run.invoke(app, ["world-check", *clips, "--scenes", str(tmp_path)])
    assert checked.exit_code == 0, checked.output
    assert checked.output.count("all as it should be") == 3


def test_a_clip_that_is_not_what_its_set_says_fails(tmp_path: Path) -> None:
    run.invoke(app, ["world", str(tmp_path), "--videos", "1", "--captions", "none", "--no-questions"])
    other = Scene((Thing("ring", "cyan", "large", 0.7, 0.5),), (Event("turns", 0, 0.0, 1.0, "left", "fast"),))
    write_video(other, tmp_path / "videos" / "000000.mp4")
    checked = run.invoke(app, ["world-check", str(tmp_path / "videos" / "000000.mp4"), "--scenes", str(tmp_path)])
    assert checked.exit_code == 1
    assert "large cyan ring: turns left" in checked.output


def test_wrong_usage_is_named(tmp_path: Path) -> None:
    assert run.invoke(app, ["world", str(tmp_path), "--size", "big"]).exit_code == 2
    assert run.invoke(app, ["world", str(tmp_path), "--difficulty", "epic"]).exit_code == 2
