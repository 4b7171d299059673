"""Whole sets: what is in them, the same for the same seed, finished when stopped, refused when they differ."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sharegpt4video.errors import SettingsError, StorageError
from sharegpt4video.t2v.record import read_records
from sharegpt4video.world import sizes
from sharegpt4video.world.check import check, compare
from sharegpt4video.world.files import SetSettings, read_scenes, write_set
from sharegpt4video.world.sampling import held_out_pairs

SMALL = SetSettings(seed=3, width=32, height=32, seconds=1.0)
TEXTS = ("scenes.jsonl", "train-dense.json", "train-short.json", "train-questions.json", "questions.json", "set.json")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("set")
    write_set(folder, 6, SMALL, captions=("dense", "short"), learn_questions=2, workers=1)
    return folder


def test_a_set_holds_what_it_should(made: Path) -> None:
    scenes = read_scenes(made)
    assert list(scenes) == [f"{number:06d}.mp4" for number in range(6)]
    for name, scene in scenes.items():
        assert compare(check(made / "videos" / name), scene).hits["shape"] == (True,)
    dense, short = (json.loads((made / f"train-{kind}.json").read_text()) for kind in ("dense", "short"))
    assert [sample["video"] for sample in dense] == [f"videos/{number:06d}.mp4" for number in range(6)]
    for one, two in zip(dense, short, strict=True):
        asked, told = one["conversations"]
        assert (asked["from"], told["from"]) == ("human", "gpt")
        assert asked == two["conversations"][0]
        assert asked["value"].startswith("<video>\n")
        assert len(told["value"]) > len(two["conversations"][1]["value"])
    assert len(json.loads((made / "train-questions.json").read_text())) == 12


def test_questions_are_there_in_all_layouts(made: Path) -> None:
    rows = json.loads((made / "questions.json").read_text())
    assert {row["video"] for row in rows} == {f"{number:06d}.mp4" for number in range(6)}
    for row in rows:
        assert row["options"][row["right"]] == row["answer"]
    table = json.loads((made / "tempcompass" / "multi-choice.json").read_text())
    asked = [each for video in table.values() for found in video.values() for each in found]
    assert len(asked) == sum(row["benchmark"] == "tempcompass" and row["form"] == "multi-choice" for row in rows)
    assert all(f"\n{each['answer']}" in each["question"] for each in asked)
    told = json.loads((made / "tempcompass" / "captioning.json").read_text())
    for video, aspects in told.items():
        for aspect, (only,) in aspects.items():  # of the aspect's first choice, which the official judge is shown
            assert table[video][aspect][0]["answer"].split(". ", 1)[1] in only["answer"]
    task = json.loads((made / "mvbench" / "egocentric_navigation.json").read_text())
    assert all(each["answer"] in each["candidates"] and (made / "videos" / each["video"]).exists() for each in task)


def test_the_same_seed_gives_the_same_bytes_in_any_number_of_processes(made: Path, tmp_path: Path) -> None:
    write_set(tmp_path, 6, SMALL, captions=("dense", "short"), learn_questions=2, workers=2)
    for name in (*TEXTS, "videos/000000.mp4", "videos/000005.mp4"):
        assert (tmp_path / name).read_bytes() == (made / name).read_bytes()


def test_a_stopped_run_is_finished_and_a_longer_one_begins_the_same(tmp_path: Path) -> None:
    write_set(tmp_path, 3, SMALL, ask=False, workers=1)
    first = (tmp_path / "scenes.jsonl").read_text().splitlines()
    stamp = (tmp_path / "videos" / "000001.mp4").stat().st_mtime_ns
    (tmp_path / "videos" / "000002.mp4").unlink()
    result = write_set(tmp_path, 5, SMALL, ask=False, workers=1)
    assert (result.videos, result.rendered) == (5, 3)
    assert (tmp_path / "videos" / "000001.mp4").stat().st_mtime_ns == stamp
    assert (tmp_path / "scenes.jsonl").read_text().splitlines()[:3] == first
    assert not list(tmp_path.rglob("*.part"))


def test_a_longer_run_brings_all_texts_along_and_a_shorter_one_takes_nothing_away(tmp_path: Path) -> None:
    write_set(tmp_path, 3, SMALL, captions=("short",), learn_questions=2, workers=1)
    assert write_set(tmp_path, 5, SMALL, ask=False, workers=1).videos == 5
    assert write_set(tmp_path, 2, SMALL, ask=False, workers=1).videos == 5
    assert len(read_scenes(tmp_path)) == 5
    for name in ("train-short.json", "train-dense.json", "train-questions.json", "questions.json"):
        found = {Path(row["video"]).name for row in json.loads((tmp_path / name).read_text())}
        assert len(found) == 5, name


def test_the_questions_can_be_loaded_as_mvbench(made: Path) -> None:
    from sharegpt4video.evaluate.mvbench import load

    asked = list(load(made / "mvbench", "strict", {}))
    assert len(asked) == sum(row["benchmark"] == "mvbench" for row in json.loads((made / "questions.json").read_text()))


def test_videos_and_settings_of_something_else_are_refused(tmp_path: Path) -> None:
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "000000.mp4").write_bytes(b"a film of mine")
    with pytest.raises(SettingsError, match="of no set"):
        write_set(tmp_path, 1, SMALL)
    for text in ("[]", "{"):
        (tmp_path / "set.json").write_text(text)
        with pytest.raises(SettingsError, match="not the settings of a set"):
            write_set(tmp_path, 1, SMALL)


def test_composition_sets_have_the_pairs_that_train_sets_lack(tmp_path: Path) -> None:
    for split, there in (("train", False), ("composition", True)):
        settings = SetSettings(split=split, width=16, height=16, seconds=0.25)  # type: ignore[arg-type]
        write_set(tmp_path / split, 8, settings, ask=False, workers=1)
        assert all(bool(list(held_out_pairs(scene))) is there for scene in read_scenes(tmp_path / split).values())


def test_wrong_captions_say_what_is_wrong(tmp_path: Path) -> None:
    write_set(tmp_path, 2, SMALL, captions=("wrong",), ask=False, workers=1)
    for sample in json.loads((tmp_path / "train-wrong.json").read_text()):
        assert sample["replaced"][0]["fact"]


def test_many_videos_are_made_by_several_processes(tmp_path: Path) -> None:
    settings = SetSettings(width=16, height=16, seconds=0.25)
    assert write_set(tmp_path, 34, settings, ask=False, workers=2).rendered == 34
    assert len(list((tmp_path / "videos").iterdir())) == 34


def test_another_set_in_the_folder_and_bad_settings_are_refused(made: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="another seed"):
        write_set(made, 6, SetSettings(seed=4, width=32, height=32, seconds=1.0))
    with pytest.raises(SettingsError, match="long"):
        write_set(tmp_path, 2, SMALL, captions=("long",))  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match=r"width must be at least 16 .*; difficulty"):
        SetSettings(difficulty="epic", width=4)
    with pytest.raises(StorageError, match="write the set again"):
        read_scenes(tmp_path)


def test_pictures_that_no_encoder_takes_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match=r"width must be .* at most 16,384"):
        SetSettings(width=99_999, height=99_999)

    def too_large(*_: object) -> None:
        raise MemoryError("no room for 3 GiB")

    monkeypatch.setattr("sharegpt4video.world.render._Backdrop", too_large)
    with pytest.raises(StorageError, match="no room for 3 GiB"):
        write_set(tmp_path, 1, SetSettings(seconds=1.0))


def test_a_tiny_set_is_read_back_and_told_to_trainers(tmp_path: Path) -> None:
    tiny = SetSettings(difficulty="tiny", width=24, height=24, split="train")
    result = write_set(tmp_path, 3, tiny, captions=("dense", "short", "shuffled"), workers=1)
    assert result.questions == 0
    assert not (tmp_path / "questions.json").exists()
    scenes, records = read_scenes(tmp_path), list(read_records(tmp_path / "records.jsonl"))
    assert [record.video for record in records] == [f"videos/{name}" for name in scenes]
    for record, (name, scene) in zip(records, scenes.items(), strict=True):
        assert sizes.compare(sizes.check(tmp_path / "videos" / name, scene), scene).all_right
        assert set(record.texts) == {"dense", "short", "shuffled"}
        assert record.texts["dense"] == record.caption.summary
    with pytest.raises(SettingsError, match="no questions"):
        write_set(tmp_path, 3, tiny, learn_questions=1)
    with pytest.raises(SettingsError, match="first-second"):
        SetSettings(difficulty="tiny", split="composition", pairing="direction-speed")
