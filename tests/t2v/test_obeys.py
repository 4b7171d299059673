"""From rendered clips to a generator that obeys its prompts: the proof's path, reduced to what seconds can show.

Four clips differ in their colour alone. After 600 steps the loss has fallen and the colours are those asked for: the
text reaches the picture, and no more is shown. Moves and shapes take thousands of steps (docs/proofs.md).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from made_generators import WAN, changed, settings  # noqa: E402
from sharegpt4video.t2v.record import RECORDS, write_records  # noqa: E402
from sharegpt4video.t2v.sample import Sampling, open_model  # noqa: E402
from sharegpt4video.t2v.train import train  # noqa: E402
from sharegpt4video.world.files import SetSettings, record_of  # noqa: E402
from sharegpt4video.world.render import write_clip  # noqa: E402
from sharegpt4video.world.tiny.captions import caption  # noqa: E402
from sharegpt4video.world.tiny.check import check  # noqa: E402
from sharegpt4video.world.tiny.render import render  # noqa: E402
from sharegpt4video.world.tiny.scenes import TinyScene  # noqa: E402

COLOURS = ("red", "green", "blue", "yellow")
TINY = SetSettings(difficulty="tiny", width=24, height=24, seconds=1.0)


def test_colours_are_those_asked_for_beyond_chance(tmp_path: Path) -> None:
    first = TinyScene("square", "red", "left", "", "up", "still", 0.85, 0.85)
    scenes = [replace(first, colour=colour) for colour in COLOURS]
    (tmp_path / "videos").mkdir()
    for number, scene in enumerate(scenes):
        write_clip(render(scene, seconds=1.0), tmp_path / "videos" / f"{number:06d}.mp4", fps=8, seconds=1.0)
    write_records(tmp_path / RECORDS, [record_of(TINY, at, scene, ()) for at, scene in enumerate(scenes)])
    shape = {**WAN, "patch_size": [4, 8, 8], "num_attention_heads": 4, "ffn_dim": 96}
    asked = settings(steps=600, batch=8, micro_batch=8, rate=3e-3, ema=0.95, time_mean=0.4, shift=3.0)
    asked = changed(changed(changed(asked, "model", shape=shape), "data", frames=8), "run", save_every_steps=1000)
    losses: list[float] = []
    train(asked, str(tmp_path), tmp_path / "run", on_step=lambda report: losses.append(report.loss))
    assert sum(losses[-10:]) < 0.2 * sum(losses[:10])
    model, prompts = open_model(tmp_path / "run"), [caption(scene).text for scene in scenes]
    seen = [
        check(list(video)).colour
        for seed in range(4)
        for video in model.videos(prompts, Sampling(steps=8, guidance=1.5, seed=seed))
    ]
    right = sum(colour == wanted for colour, wanted in zip(seen, COLOURS * 4, strict=True))
    assert right >= 8, seen  # of 16; by chance so many are right three times in a hundred
