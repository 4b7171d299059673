from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from made_dataset import caption_row, clip_of, dropped, kept, made_store
from sharegpt4video.dataset.export import export
from sharegpt4video.dataset.export.card import _size
from sharegpt4video.dataset.rows import Failure
from sharegpt4video.errors import SettingsError


def test_shards_say_how_many_there_are(tmp_path: Path) -> None:
    rows = [caption_row(number) for number in range(7)]
    chosen = [kept(number, "val" if number == 3 else "train") for number in range(7)]
    store = made_store(tmp_path / "set", rows, selected=chosen)
    export(store, "parquet", str(tmp_path / "out"), options={"shard_rows": 4})
    assert sorted(file.name for file in (tmp_path / "out" / "data").iterdir()) == [
        "train-00000-of-00002.parquet",
        "train-00001-of-00002.parquet",
        "val-00000-of-00001.parquet",
    ]


def test_a_clip_whose_file_was_replaced_is_in_no_shard(tmp_path: Path) -> None:
    row = caption_row(0)
    (tmp_path / "clip.mp4").write_bytes(b"another cut")
    store = made_store(tmp_path / "set", [row])
    store.append("clips", [replace(clip_of(row, 0, 2, media=str(tmp_path / "clip.mp4")), media_bytes=5)])
    found = export(store, "parquet", str(tmp_path / "out"), clips=True, options={"shard_rows": 1})
    assert (found.videos, found.clips, found.left_out) == (1, 0, {"clips whose cut file was replaced": 1})
    assert [file.name for file in (tmp_path / "out" / "data").iterdir()] == ["train-00000-of-00001.parquet"]


def test_the_hub_loader_reads_the_folder_by_its_card(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    rows = [caption_row(number) for number in range(4)]
    store = made_store(tmp_path / "set", rows, selected=[kept(0), kept(1), kept(2, "val"), kept(3, "test")])
    store.append("clips", [clip_of(rows[0], 0, 2)])
    export(store, "parquet", str(tmp_path / "out"), clips=True)
    loaded = datasets.load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    assert {split: len(rows) for split, rows in loaded.items()} == {"train": 3, "val": 1, "test": 1}
    first, clip = loaded["train"][0], loaded["train"][1]
    assert first["caption"] == rows[0].summary
    assert [step["text"] for step in first["steps"]] == [step.text for step in rows[0].steps]
    assert first["steps"][1]["frame_seconds"] == [0.0, 2.0]
    assert (clip["kind"], clip["video_id"], clip["end_seconds"]) == ("clip", rows[0].id, 4.0)


def test_other_readers_see_nested_steps(tmp_path: Path) -> None:
    polars = pytest.importorskip("polars")
    duckdb = pytest.importorskip("duckdb")
    rows = [caption_row(number) for number in range(3)]
    export(made_store(tmp_path / "set", rows), "parquet", str(tmp_path / "out"))
    pattern = str(tmp_path / "out" / "data" / "*.parquet")
    assert polars.read_parquet(pattern)["steps"].list.len().to_list() == [4, 4, 4]
    longest = duckdb.sql(f"SELECT max(s.end_seconds) FROM (SELECT unnest(steps) s FROM read_parquet('{pattern}'))")
    assert longest.fetchall() == [(8.0,)]


def test_the_card_says_how_it_was_made_and_what_was_left_out(tmp_path: Path) -> None:
    rows = [caption_row(number) for number in range(4)]
    chosen = [kept(0), kept(1), dropped(2, "too long: 130.0 s"), dropped(3, "too long: 140.0 s")]
    store = made_store(tmp_path / "set", rows, selected=chosen)
    store.append("failures", [Failure("f" * 32, "/videos/x.mp4", "", "survey", "unreadable", "no video stream")])
    export(store, "parquet", str(tmp_path / "out"), options={"license": "cc-by-nc-4.0"})
    card = (tmp_path / "out" / "README.md").read_text("utf-8")
    _, header, text = card.split("---\n", 2)
    said = yaml.safe_load(header)
    assert said["license"] == "cc-by-nc-4.0"
    assert said["configs"][0]["data_files"] == [{"split": "train", "path": "data/train-*.parquet"}]
    assert said["size_categories"] == ["n<1K"]
    for part in ("| model | tiny | 2 |", "0123456789ab", "| filtered | too long | 2 |", "| failed | unreadable | 1 |"):
        assert part in text
    assert "max_black_share: 0.9" in text
    assert "Licence" in text


@pytest.mark.parametrize(
    ("rows", "size"),
    [
        (0, "n<1K"),
        (999, "n<1K"),
        (1000, "1K<n<10K"),
        (9999, "1K<n<10K"),
        (10_000, "10K<n<100K"),
        (999_999, "100K<n<1M"),
        (10**9 - 1, "100M<n<1B"),
        (10**9, "n>1B"),
    ],
)
def test_sizes_are_the_classes_of_the_hub(rows: int, size: str) -> None:
    assert _size(rows) == size


def test_without_a_licence_the_card_says_so(tmp_path: Path) -> None:
    export(made_store(tmp_path / "set", [caption_row(0)]), "parquet", str(tmp_path / "out"))
    card = (tmp_path / "out" / "README.md").read_text("utf-8")
    assert "license:" not in card
    assert "No licence is stated here" in card


def test_shards_of_nothing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="shard_rows"):
        export(
            made_store(tmp_path / "set", [caption_row(0)]), "parquet", str(tmp_path / "o"), options={"shard_rows": 0}
        )
