"""The bridge to VBench: names as its loops look for them, its results, and flickering of videos made to measure."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from media import write_video
from sharegpt4video.errors import InputMissing, SettingsError, VideoError
from sharegpt4video.t2v.vbench import (
    PROMPTS,
    VIDEOS,
    Sample,
    missing,
    place,
    read_results,
    read_samples,
    temporal_flickering,
)

LONG = "a dog " * 50


@pytest.fixture
def videos(tmp_path: Path) -> list[Path]:
    found = [tmp_path / f"sample{number}.mp4" for number in range(4)]
    for number, file in enumerate(found):
        file.write_bytes(bytes([number]))
    return found


def test_standard_names_are_those_that_vbench_looks_for(videos: list[Path], tmp_path: Path) -> None:
    prompts = ["a dog", "a cat", "a dog", "a dog"]
    named = place([*map(Sample, videos, prompts)], tmp_path / "out")
    assert (named.mode, named.prompt_file) == ("vbench_standard", None)
    for prompt, files in {"a dog": [0, 2, 3], "a cat": [1]}.items():
        for index, number in enumerate(files):  # as its build_full_info_json does
            assert (tmp_path / "out" / VIDEOS / f"{prompt}-{index}.mp4").read_bytes() == bytes([number])
    assert missing(named, ["a dog", "a cat", "a fox"]) == {"a dog": 3, "a cat": 1, "a fox": 0}
    assert named.command(["color"]).endswith("videos --dimension color --mode vbench_standard")


@pytest.mark.parametrize("prompt", [LONG, "a sign 1/2", "狗" * 90])
def test_prompts_that_are_no_names_go_into_a_file(videos: list[Path], tmp_path: Path, prompt: str) -> None:
    named = place([Sample(videos[0], "a cat"), Sample(videos[1], prompt.strip())], tmp_path / "out", copy=True)
    told = json.loads((tmp_path / "out" / PROMPTS).read_text(encoding="utf-8"))
    assert (named.mode, list(told.values())) == ("custom_input", ["a cat", prompt.strip()])
    files = sorted((tmp_path / "out" / VIDEOS).iterdir())
    assert [file.name for file in files] == sorted(told)
    assert not files[1].is_symlink()
    assert "--prompt_file" in named.command(["temporal_flickering"])
    with pytest.raises(SettingsError, match="use custom_input"):
        place([Sample(videos[0], prompt.strip())], tmp_path / "other", mode="vbench_standard")


def test_samples_that_vbench_cannot_take_are_refused(videos: list[Path], tmp_path: Path) -> None:
    for sample, problem in [
        (Sample(tmp_path / "a.avi", "a"), r"\.mp4 and \.gif, not \.avi"),
        (Sample(videos[0], ""), "empty prompt"),
        (Sample(tmp_path / "a.gif", "a"), "one ending only"),
    ]:
        with pytest.raises(SettingsError, match=problem):
            place([sample, Sample(videos[1], "b")], tmp_path / "out")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    with pytest.raises(FileExistsError):
        place([Sample(videos[0], "a")], tmp_path / "full")


def test_lists_of_samples(videos: list[Path], tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"video": "sample0.mp4", "prompt": " a dog "}\n', encoding="utf-8")
    (tmp_path / "a.json").write_text('{"sample0.mp4": "a dog"}', encoding="utf-8")
    expected = (Sample(videos[0], "a dog"),)
    assert read_samples(tmp_path / "a.jsonl") == read_samples(tmp_path / "a.json") == expected
    (tmp_path / "a.json").write_text('{"none.mp4": "a dog", "sample0.mp4": "a"}', encoding="utf-8")
    with pytest.raises(InputMissing, match=r"none\.mp4: no such video.*1 of 2"):
        read_samples(tmp_path / "a.json")
    for text in ("[]", "[1]", "{"):
        (tmp_path / "a.json").write_text(text, encoding="utf-8")
        with pytest.raises(SettingsError, match=r"a\.json"):
            read_samples(tmp_path / "a.json")


def test_results_are_read(tmp_path: Path) -> None:
    each = [{"video_path": "/x/a dog-0.mp4", "video_results": 0.25}, {"video_path": "b.mp4", "video_results": [1]}]
    plain = {"temporal_flickering": [0.5, each], "color": [True, [{"video_path": "c.mp4", "video_results": True}]]}
    (tmp_path / "r.json").write_text(json.dumps(plain), encoding="utf-8")
    flickering, colour = read_results(tmp_path / "r.json")
    assert (flickering.name, flickering.score, flickering.videos) == (
        "temporal_flickering", 0.5, (("a dog-0.mp4", 0.25),),
    )  # fmt: skip
    assert colour.videos == (("c.mp4", 1.0),)
    (tmp_path / "r.json").write_text("[]", encoding="utf-8")
    with pytest.raises(SettingsError, match="no results of VBench"):
        read_results(tmp_path / "r.json")


def test_flickering_is_what_opencv_says_of_the_same_file(tmp_path: Path) -> None:
    """The oracle reads the file by itself, as VBench's own function does: mean absolute change of its frames."""
    chance = np.random.default_rng(0)
    still = np.kron(chance.integers(0, 255, (6, 8, 3), dtype=np.uint8), np.ones((8, 8, 1), np.uint8))
    scores = {}
    for name, frames in {"still": [still] * 6, "flash": [still // (1 + at % 2) for at in range(6)]}.items():
        file = tmp_path / f"{name}.mp4"
        write_video(file, frames, fps=6)
        reader, shown = cv2.VideoCapture(str(file)), []
        while (read := reader.read())[0]:
            shown.append(read[1].astype(np.float64))
        reader.release()
        change = np.mean([np.abs(after - before).mean() for before, after in itertools.pairwise(shown)])
        scores[name] = temporal_flickering(file)
        assert scores[name] == pytest.approx((255 - change) / 255, abs=1e-6)
    assert scores["still"] > 0.999 > scores["flash"] + 0.1


def test_one_frame_does_not_flicker(tmp_path: Path) -> None:
    file = tmp_path / "one.mp4"
    write_video(file, [np.zeros((48, 64, 3), np.uint8)], fps=6)
    with pytest.raises(VideoError, match="has one frame"):
        temporal_flickering(file)
