"""What is special to one layout or another: settings that trainers read, and what a layout cannot hold."""

from __future__ import annotations

import json
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from sharegpt4video.errors import SettingsError
from sharegpt4video.t2v.manifests import MANIFESTS, Row
from sharegpt4video.t2v.manifests.toml import read_toml, toml_text

DENSE, SHORT = "A dog runs, then it stops.", "A dog."


def row(video: str = "clips/a.mp4", **more: Any) -> Row:
    told = {"texts": {"dense": DENSE}, "frames": 81, "fps": 16.0, "width": 832, "height": 480, **more}
    return Row(video, **told)


def write(name: str, rows: list[Row], folder: Path, **options: Any) -> list[Path]:
    one = MANIFESTS[name]
    return one.write(rows, folder, one.options(**options))


def test_toml_is_read_back_equal(tmp_path: Path) -> None:
    top = {"a": 1, "rate": 24.0, "on": True, "text": 'ü "q" \\ \x7f \t', "list": [[1, 2], [3.5]], "words": ["a", "b"]}
    text = toml_text(top, {"tables": [{"path": "/x y/ü"}, {"n": 2}]})
    (tmp_path / "a.toml").write_text(text, "utf-8", newline="")
    assert read_toml(tmp_path / "a.toml") == {**top, "tables": [{"path": "/x y/ü"}, {"n": 2}]}


def test_toml_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("a = ", "utf-8")
    with pytest.raises(SettingsError, match="is not TOML"):
        read_toml(tmp_path / "a.toml")
    with pytest.raises(SettingsError, match="cannot be read"):
        read_toml(tmp_path / "none.toml")


def test_the_settings_of_musubi_tuner(tmp_path: Path) -> None:
    config, listed = write("musubi-tuner", [row(), row("../b.mp4")], tmp_path, frame_extraction="full")
    told = read_toml(config)
    assert told["general"]["resolution"] == [960, 544]
    (dataset,) = told["datasets"]
    assert isinstance(dataset["source_fps"], float)
    assert (dataset["video_jsonl_file"], dataset["target_frames"], dataset["max_frames"]) == (str(listed), [81], 81)
    assert dataset["cache_directory"].startswith(str(tmp_path))
    paths = [json.loads(line)["video_path"] for line in listed.read_text("utf-8").splitlines()]
    assert paths == [str(tmp_path / "clips/a.mp4"), str(tmp_path.parent / "b.mp4")]
    with pytest.raises(SettingsError, match="choose 81"):
        write("musubi-tuner", [row()], tmp_path / "b", frames=83)


def test_the_settings_of_diffusion_pipe(tmp_path: Path) -> None:
    told = {"dense": DENSE, "short": SHORT}
    rows = [row(texts=told), row("more/b.mp4", texts=told)]
    config, *captions = write("diffusion-pipe", rows, tmp_path, frames=81, weights={"dense": 3, "short": 1})
    plain = read_toml(config)
    assert [one["path"] for one in plain["directory"]] == [str(tmp_path / "clips"), str(tmp_path / "more")]
    assert plain["frame_buckets"] == [1, 81]
    assert [path.parent.name for path in captions] == ["clips", "more"]
    assert json.loads(captions[0].read_bytes())["a.mp4"] == [DENSE, DENSE, DENSE, SHORT]


@pytest.mark.parametrize("video", ["/videos/a.mp4", "../a.mp4"])
@pytest.mark.parametrize("name", ["diffusion-pipe", "ai-toolkit", "simpletuner", "ltx-video-trainer"])
def test_trainers_of_folders_get_nothing_from_outside(name: str, video: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"copy or cut the clips"):
        write(name, [row(video)], tmp_path)


def test_ai_toolkit_takes_frames_of_the_whole_clip(tmp_path: Path) -> None:
    config, text = write("ai-toolkit", [row()], tmp_path, fps=16, frames=41)
    plain = yaml.safe_load(config.read_text("utf-8"))
    (dataset,) = plain["config"]["process"][0]["datasets"]
    assert (dataset["shrink_video_to_frames"], dataset["num_frames"], dataset["fps"]) == (True, 41, 16)
    assert text.read_bytes() == DENSE.encode()  # a line end would be part of the caption


def test_a_text_beside_a_video_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"v")
    (tmp_path / "a.txt").write_bytes("a caf\xe9".encode("latin-1"))
    with pytest.raises(SettingsError, match=r"a\.txt: is not UTF-8"):
        list(MANIFESTS["finetrainers"].read(tmp_path))


def test_captions_as_names_in_simpletuner(tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "a.mp4").write_bytes(b"v")
    config, named = write("simpletuner", [row()], tmp_path, layout="filename")
    assert named.name == "A_dog_runs,_then_it_stops..mp4"
    assert json.loads(config.read_text("utf-8"))[0]["caption_strategy"] == "filename"
    for text in ("word " * 60, "either/or", "snake_case"):
        with pytest.raises(SettingsError, match="choose pairs"):
            write("simpletuner", [row(texts={"dense": text})], tmp_path, layout="filename", overwrite=True)
    with pytest.raises(SettingsError, match="two clips have this caption"):
        write("simpletuner", [row(), row()], tmp_path, layout="filename", overwrite=True)
    with pytest.raises(SettingsError, match="is there already"):
        write("simpletuner", [row()], tmp_path, layout="filename")


def test_masks_of_ltx_2(tmp_path: Path) -> None:
    """For inpainting: a mask is a video of the clip's name or a picture, of sound a wave or a tensor."""
    for name in ("masks/a.mp4", "masks/b.png", "quiet/a.wav", "quiet/b.pt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    clips = [row("clips/a.mp4"), row("clips/b.mp4")]
    (table,) = write("ltx-2", clips, tmp_path, video_mask="masks", audio_mask="quiet")
    found = [json.loads(line) for line in table.read_text("utf-8").splitlines()]
    assert [(one["video_mask"], one["audio_mask"]) for one in found] == [
        ("masks/a.mp4", "quiet/a.wav"),
        ("masks/b.png", "quiet/b.pt"),
    ]
    with pytest.raises(SettingsError, match=r"masks/c\.mp4 or .*masks/c\.png: is not there"):
        write("ltx-2", [row("clips/c.mp4")], tmp_path, video_mask="masks", overwrite=True)


def test_sound_and_references_of_ltx_2(tmp_path: Path) -> None:
    for name in ("depth/a.mp4", "sound/a.wav"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(b"x")
    (table,) = write("ltx-2", [row()], tmp_path, audio="sound", reference="depth")
    assert json.loads(table.read_text("utf-8")) == {
        "caption": DENSE,
        "video": "clips/a.mp4",
        "audio": "sound/a.wav",
        "reference_video": "depth/a.mp4",
    }
    with pytest.raises(SettingsError, match=r"depth/b.mp4: is not there"):
        write("ltx-2", [row(), row("clips/b.mp4")], tmp_path, reference="depth", overwrite=True)


def test_fastvideo_needs_numbers_and_looks_in_videos(tmp_path: Path) -> None:
    (path,) = write("fastvideo", [row(), row("videos/b.mp4")], tmp_path)
    told = json.loads(path.read_text("utf-8"))
    assert [one["path"] for one in told] == ["../clips/a.mp4", "b.mp4"]
    assert (told[0]["num_frames"], told[0]["fps"], told[0]["duration"]) == (81, 16.0, 5.0625)
    with pytest.raises(SettingsError, match="fps are not known"):
        write("fastvideo", [replace(row(), fps=0.0)], tmp_path, overwrite=True)


def test_a_tar_holds_captions_as_members_and_all_that_is_known(tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "a.mp4").write_bytes(b"video")
    full = row(
        texts={"dense": DENSE, "short": SHORT}, has_sound=True, scores={"motion": 0.5}, camera="pan left", record="r"
    )
    write("webdataset", [full], tmp_path)
    with tarfile.open(tmp_path / "train-000000.tar") as tar:
        assert tar.getnames() == [
            *("000000000.mp4", "000000000.json", "000000000.txt"),
            *("000000000.long_caption.txt", "000000000.short_caption.txt"),
        ]
    (back,) = MANIFESTS["webdataset"].read(tmp_path)
    assert replace(back, video=full.video) == full
    assert back.video == "train-000000.tar::000000000.mp4"


def test_files_of_others_are_read_too(tmp_path: Path) -> None:
    (tmp_path / "captions.json").write_text(json.dumps({"a.mp4": ["x", "y"], "b.mp4": ["z"]}, indent=2), "utf-8")
    assert [tuple(one.texts.values()) for one in MANIFESTS["diffusion-pipe"].read(tmp_path)] == [("x", "y"), ("z",)]
    (tmp_path / "captions.json").write_text('{"a.mp4": "x"}', "utf-8")
    with pytest.raises(SettingsError, match="a list of captions"):
        list(MANIFESTS["diffusion-pipe"].read(tmp_path))
    (tmp_path / "videos2caption.json").write_text('[{"path": "a.mp4", "cap": ["x", "y"]}]', "utf-8")
    assert [one.text for one in MANIFESTS["fastvideo"].read(tmp_path)] == ["x"]


@pytest.mark.parametrize("text", ["None", "NA"])
def test_a_caption_that_a_csv_cannot_hold(text: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="read as no text from CSV"):
        write("diffsynth", [row(texts={"dense": text})], tmp_path, layout="csv")
    write("diffsynth", [row(texts={"dense": text})], tmp_path, layout="jsonl")
