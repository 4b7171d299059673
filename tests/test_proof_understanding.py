"""The proof of understanding: what its arms differ in, its figures, and the whole way in small."""

from __future__ import annotations

import importlib
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "proof_understanding"


@pytest.fixture(scope="module")
def proof() -> Iterator[SimpleNamespace]:
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        names = ("data", "figures", "runs")
        parts: dict[str, ModuleType] = {name: importlib.import_module(f"_understanding_{name}") for name in names}
        yield SimpleNamespace(main=importlib.import_module("proof_understanding").main, **parts)
    finally:
        sys.path.remove(str(ROOT / "benchmarks"))


def test_the_base_knows_none_of_what_the_arms_bring(proof: SimpleNamespace) -> None:
    known = [proof.data.scene_of("base", number) for number in range(60)]
    new = [proof.data.scene_of("learned", number) for number in range(60)]
    for scenes, colours, events in ((known, 4, False), (new, 6, True)):
        shown = {
            colour for scene in scenes for number in range(len(scene.things)) for colour in scene.colours_of(number)
        }
        assert len(shown) == colours
        assert len({thing.shape for scene in scenes for thing in scene.things}) == colours
        kinds = {event.kind for scene in scenes for event in scene.events}
        assert ({"turns", "appears", "disappears"} <= kinds) is events
    assert {event.speed for scene in (*known, *new) for event in scene.events} <= {"fast", None}


def test_the_examination_asks_each_kind_as_often_about_videos_of_its_own(proof: SimpleNamespace) -> None:
    data = proof.data
    asked = data.examination("new", data.EXAM, data.Sizes(new_videos=200, per_kind=20))
    assert Counter(one.kind for _, one in asked) == dict.fromkeys(data.EXAM, 20)
    assert max(Counter(video for video, _ in asked).values()) <= 2
    assert not {*data.EXAM} & {*data.LEFT_OUT}
    assert [one.id for _, one in asked] == [
        one.id for _, one in data.examination("new", data.EXAM, data.Sizes(new_videos=200, per_kind=20))
    ]


def test_frames_lie_on_each_other_and_their_rims_tell_the_time(proof: SimpleNamespace) -> None:
    data = proof.data
    scene = data.scene_of("new", 0)
    frames = np.asarray(data.strip(scene)).reshape(data.FRAMES, data.SIDE, data.SIDE, 3)
    whole = np.stack(list(data.render(scene, data.SIDE, data.SIDE, data.FRAMES / data.SECONDS, data.SECONDS)))
    assert (frames[:, 2:-2, 2:-2] == whole[:, 2:-2, 2:-2]).all()
    assert [np.unique(np.concatenate([frame[:2].ravel(), frame[:, -2:].ravel()])).tolist() for frame in frames] == [
        [0], [51], [102], [153], [204], [255]
    ]  # fmt: skip


def test_single_frames_are_told_as_they_are(proof: SimpleNamespace, tmp_path: Path) -> None:
    """Each is cut out of its video's strip, its rim says which it is, and its sentence holds at that time."""
    data = proof.data
    data.write_data(tmp_path, replace(data.QUICK, videos=2, new_videos=1, gate_videos=1))
    told = json.loads((tmp_path / "frames.json").read_text("utf-8"))
    assert len(told) == data.QUICK.frames
    for row in told[:20]:
        scene = data.scene_of("base", int(row["id"].removeprefix("frame-")) % data.QUICK.base_videos)
        seen = np.asarray(Image.open(tmp_path / row["image"]))
        number = int(seen[0, 0, 0]) // 51
        assert (seen == np.asarray(data.strip(scene))[number * data.SIDE :][: data.SIDE]).all()
        now = data.state(scene, 0, number / (data.FRAMES - 1))
        for word in (now.colour, scene.things[0].shape, data.place_words(now.x, now.y)):
            assert word in row["conversations"][1]["value"]


def test_intervals_grow_with_what_seeds_and_videos_differ_by(proof: SimpleNamespace) -> None:
    rng = np.random.default_rng(0)
    videos = np.repeat(np.arange(100), 2)
    alike = np.tile((rng.random(200) < 0.5).astype(float), (5, 1))
    low, high = proof.figures.bootstrapped(alike, videos)
    assert low < alike.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * (0.25 / 200) ** 0.5, rel=0.15)
    moved = alike + np.array([-0.2, -0.1, 0, 0.1, 0.2])[:, None]
    wide = proof.figures.bootstrapped(moved, videos)
    assert wide[1] - wide[0] > 1.5 * (high - low)


def test_power_is_small_for_nothing_and_large_for_much(proof: SimpleNamespace) -> None:
    found = dict(proof.figures.power(list(range(400)), seeds=5, trials=12))
    assert found[0] <= 0.25
    assert found[8] >= 0.75


def test_the_whole_way_and_nothing_done_twice(
    proof: SimpleNamespace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    asked = ["--quick", "--folder", str(tmp_path), "--seeds", "0", "--arms", "dense", "short"]
    proof.main(asked)
    first = capsys.readouterr().out
    cells = r" \d+ \|( [\d.]+ \|){4} [+-][\d.]+ \(.*\) "
    assert re.search(rf"^\| temporal \|{cells}\|$", first, re.MULTILINE), first
    costs = [json.loads((tmp_path / "results" / f"{arm}-0.json").read_text("utf-8")) for arm in ("dense", "short")]
    assert costs[0]["steps"] == costs[1]["steps"]
    assert costs[1]["samples"] > costs[0]["samples"], "short captions are seen more often"
    proof.main(asked)
    assert "loss" not in capsys.readouterr().out


def test_the_page_shows_the_stored_results(proof: SimpleNamespace) -> None:
    page = (ROOT / "docs" / "proofs.md").read_text("utf-8")
    assert proof.figures.table(RESULTS) in page, "run benchmarks/proof_understanding.py --only table"
