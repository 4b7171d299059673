"""Samples: the same for the same seed, guided by the text, written as files that play and a sheet to look at."""

from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from PIL import Image  # noqa: E402
from typer.testing import CliRunner  # noqa: E402

from made_generators import clips, settings  # noqa: E402
from sharegpt4video.cli.app import app  # noqa: E402
from sharegpt4video.errors import InputMissing, SettingsError, StorageError  # noqa: E402
from sharegpt4video.t2v.sample import Sampling, open_model, sheet, write_mp4, write_samples  # noqa: E402
from sharegpt4video.t2v.train import train  # noqa: E402

PROMPTS = ["at the beginning there is a red ring.", "then it moves up.", ""]


@pytest.fixture(scope="module", params=["wan", "latte"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run")
    train(settings(request.param, steps=3, rate=0.02), clips(tmp_path_factory.mktemp("clips"), 4), out)
    return out


def test_a_seed_decides_the_video_and_the_batch_does_not(run: Path) -> None:
    model = open_model(run)
    one = list(model.videos(PROMPTS, Sampling(steps=3, batch=3)))
    two = list(open_model(run / "model").videos(PROMPTS, Sampling(steps=3, batch=2)))
    other = list(model.videos(PROMPTS, Sampling(steps=3, seed=1)))
    assert [video.shape for video in one] == [(4, 24, 24, 3)] * 3
    assert max(int(np.abs(mine.astype(int) - theirs).max()) for mine, theirs in zip(one, two, strict=True)) <= 1
    assert not np.array_equal(one[0], other[0])


def test_guidance_pulls_away_from_what_is_made_without_a_text(run: Path) -> None:
    model = open_model(run)
    plain, none, twice = (next(model.videos(PROMPTS[:1], Sampling(steps=1, guidance=g))) for g in (1.0, 0.0, 2.0))
    untold = next(model.videos([""], Sampling(steps=1, guidance=1.0)))
    assert np.array_equal(none, untold)
    assert not np.array_equal(plain, none)
    expected = np.clip(2.0 * plain.astype(int) - none.astype(int), 0, 255)
    inside = (plain > 0) & (plain < 255) & (none > 0) & (none < 255)
    assert np.abs(twice.astype(int) - expected)[inside].max() <= 3


def test_samples_are_files_that_play_and_a_sheet(run: Path, tmp_path: Path) -> None:
    path = write_samples(open_model(run), PROMPTS, tmp_path, Sampling(steps=1), fps=8)
    rows = [json.loads(line) for line in (tmp_path / "prompts.jsonl").read_text().splitlines()]
    assert [row["prompt"] for row in rows] == PROMPTS
    for row in rows:
        with av.open(str(tmp_path / row["video"])) as container:
            frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
            assert (len(frames), float(container.streams.video[0].average_rate)) == (4, 8.0)
    with Image.open(path) as picture:
        assert picture.size == (4 * 98 + 2, 3 * 98 + 2)


def test_the_verbs_train_and_sample(tmp_path: Path) -> None:
    runner, data = CliRunner(), clips(tmp_path / "data", 4)
    small = ["-s", "optimiser.steps=2", "-s", "optimiser.batch=2", "-s", "optimiser.micro_batch=2"]
    trained = runner.invoke(app, ["t2v", "train", "t2v-tiny", "--data", data, "--out", str(tmp_path / "run"), *small])
    assert trained.exit_code == 0, trained.output
    assert "2 of 2 steps" in trained.stdout
    (tmp_path / "prompts.txt").write_text("a red ring.\n\n" + "then it moves up. " * 12 + "\n")
    asked = ["--prompts", str(tmp_path / "prompts.txt"), "--out", str(tmp_path / "samples"), "--steps", "1"]
    sampled = runner.invoke(app, ["t2v", "sample", str(tmp_path / "run"), *asked])
    assert sampled.exit_code == 0, sampled.output
    assert "3 videos" in sampled.stdout
    assert "longer than the window of 36 tokens" in sampled.output
    (tmp_path / "prompts.txt").write_text('{"prompt": "a ring", "rewritten": "a red ring."}\n')
    rewritten = (tmp_path / "prompts.txt").rename(tmp_path / "rewritten.jsonl")
    asked[1] = str(rewritten)
    assert runner.invoke(app, ["t2v", "sample", str(tmp_path / "run"), *asked]).exit_code == 0
    assert json.loads((tmp_path / "samples" / "prompts.jsonl").read_text())["prompt"] == "a red ring."
    wrong = runner.invoke(app, ["t2v", "train", "t2v-tiny", "--data", data, "--out", "x", "-s", "optimiser.stps=1"])
    assert wrong.exit_code == 2
    missing = runner.invoke(app, ["t2v", "sample", str(tmp_path), *asked])
    assert missing.exit_code == 1
    assert "generator.json" in missing.output


def test_a_sheet_has_a_row_for_each_video() -> None:
    videos = [np.full((8, 10, 20, 3), 10 * at, np.uint8) for at in range(3)]
    made = sheet(videos, frames=4)
    assert made.size == (4 * 82 + 2, 3 * 42 + 2)
    assert made.getpixel((10, 10)) == (0, 0, 0)
    assert made.getpixel((10, 90)) == (20, 20, 20)
    assert sheet([np.zeros((4, 480, 832, 3), np.uint8)]).size[0] <= 1600


def test_a_small_video_keeps_its_colours(tmp_path: Path) -> None:
    video = np.zeros((4, 24, 24, 3), np.uint8)
    video[:, ::2] = (230, 30, 30)
    write_mp4(video, tmp_path / "one.mp4", 8)
    with av.open(str(tmp_path / "one.mp4")) as container:
        read = np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])
    assert np.abs(read.astype(int) - video).mean() < 12


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputMissing, match=r"generator\.json"):
        open_model(tmp_path)
    (tmp_path / "generator.json").write_text("{}")
    with pytest.raises(StorageError, match="damaged"):
        open_model(tmp_path)
    with pytest.raises(SettingsError, match="guidance"):
        Sampling(guidance=-1)
