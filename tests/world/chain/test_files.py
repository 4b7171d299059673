"""Sets of chains on the disk, and data sets made of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from made_chains import chains
from sharegpt4video.cli.world import world
from sharegpt4video.dataset.export import export
from sharegpt4video.dataset.recorded import write_recorded
from sharegpt4video.dataset.store.store import Store
from sharegpt4video.errors import InputMissing, SettingsError
from sharegpt4video.t2v.record import RECORDS, read_records
from sharegpt4video.world.files import SetSettings, write_set
from sharegpt4video.world.sizes import check, compare


def test_videos_are_as_long_as_their_events_and_read_back(tmp_path: Path) -> None:
    found = chains(tmp_path, 3, (1, 3))
    for name, scene in found.items():
        assert compare(check(tmp_path / "videos" / name, scene), scene).misses == ()
    records = list(read_records(tmp_path / RECORDS))
    assert [record.caption.end_seconds for record in records] == [scene.seconds for scene in found.values()]
    assert [len(record.caption.steps) for record in records] == [len(scene.deeds) + 1 for scene in found.values()]
    with pytest.raises(SettingsError, match="another events"):
        write_set(tmp_path, 3, SetSettings(seed=5, difficulty="chain", width=46, height=46, events=(1, 4)), ask=False)


def test_a_data_set_of_the_truth_can_be_exported(tmp_path: Path) -> None:
    world(out=tmp_path / "set", videos=2, difficulty="chain", events="3-4", questions=False, data_set=tmp_path / "data",
          parts=2, workers=1)  # fmt: skip
    store = Store.open(tmp_path / "data")
    options = {"pictures": False, "prompts": "brief"}
    result = export(store, "captioner", str(tmp_path / "roles"), clips=True, options=options)
    assert (result.videos, result.clips) == (2, 4)
    assert result.notes == (), "the files are known, so nobody need doubt them"
    rows = json.loads((tmp_path / "roles" / "train.json").read_text("utf-8"))
    summaries = [row for row in rows if row["role"] == "summary"]
    assert len(summaries) == 6
    assert all(row["conversations"][1]["value"].startswith("1 a ") for row in summaries)
    with pytest.raises(SettingsError, match="there is a data set already"):
        write_recorded([], tmp_path / "set", tmp_path / "data", model="world")


def test_a_record_without_its_video_is_named(tmp_path: Path) -> None:
    chains(tmp_path / "set", 1)
    (tmp_path / "set" / "videos" / "000000.mp4").unlink()
    with pytest.raises(InputMissing, match=r"000000\.mp4: the video of record 000000 cannot be read"):
        write_recorded(read_records(tmp_path / "set" / RECORDS), tmp_path / "set", tmp_path / "data", model="world")
