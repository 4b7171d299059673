"""``sg4v world`` and ``sg4v world-check``."""

from __future__ import annotations

import json
from pathlib import Path

import typer
from typer.testing import CliRunner

from sharegpt4video.cli.world import world, world_check
from sharegpt4video.t2v.record import RECORDS, read_records
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


def test_generated_clips_are_held_against_their_prompts(tmp_path: Path) -> None:
    made = ["world", str(tmp_path), "--videos", "2", "--difficulty", "chain", "--events", "1-2", "--workers", "1"]
    assert run.invoke(app, made).exit_code == 0
    clips = sorted((tmp_path / "videos").iterdir())
    prompts = [record.texts["dense"] for record in read_records(tmp_path / RECORDS)]
    rows = [json.dumps({"video": clip.name, "prompt": prompt}) for clip, prompt in zip(clips, prompts, strict=True)]
    asked = tmp_path / "prompts.jsonl"
    asked.write_text("\n".join(rows))
    command = ["world-check", *map(str, clips), "--prompts", str(asked)]
    checked = run.invoke(app, command)
    assert checked.exit_code == 0, checked.output
    assert checked.output.count("all as it should be") == 2
    asked.write_text("\n".join([rows[0], json.dumps({"video": clips[1].name, "prompt": "a dog."})]))
    checked = run.invoke(app, command)
    assert checked.exit_code == 1
    assert "no full caption" in checked.output
    assert "2 clips, 0 not matching the facts" in checked.output
    assert run.invoke(app, [*command, "--scenes", str(tmp_path)]).exit_code == 2
    asked.write_text(rows[0])
    assert "000001.mp4 is not in" in run.invoke(app, command).output
