"""The store: which rows count, swapping and merging, other readers, damage, and writers that die."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest

from growth import assert_in_proportion
from sharegpt4video.config import CaptionSettings
from sharegpt4video.dataset.rows import Selected, SourceVideo, Survey
from sharegpt4video.dataset.settings import DatasetSettings, FilterSettings, NoveltySettings, SplitSettings
from sharegpt4video.dataset.store import generations, parts, storage
from sharegpt4video.dataset.store.schema import VERSION_KEY, to_table
from sharegpt4video.dataset.store.store import DamagedPart, Store, packed_ids, unpacked_id
from sharegpt4video.errors import SettingsError, SG4VError, StorageError
from store_rows import caption_row, id_of, source_row

TESTS = Path(__file__).resolve().parents[2]


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return Store(tmp_path / "set" if request.param == "local" else f"memory://{tmp_path.name}-{time.time_ns()}")


def selected(number: int, split: str = "train") -> Selected:
    return Selected(id_of(number), True, "", id_of(number), split)


def files(store: Store, table: str) -> list[str]:
    return sorted(path.rpartition("/")[2] for path in store.fs.ls(f"{store.root}/{table}", detail=False))


# Which rows count


def test_rows_come_back_in_the_order_they_were_written(store: Store) -> None:
    rows = [caption_row(number) for number in range(7)]
    store.append("captions", rows[:4])
    store.append("captions", rows[4:])
    assert list(store.rows("captions", batch_rows=3)) == rows
    assert list(Store(store.fs.unstrip_protocol(store.root)).rows("captions")) == rows


def test_nothing_is_written_for_no_rows(store: Store) -> None:
    assert store.append("captions", []) == ""
    assert store.parts("captions") == list(store.rows("captions")) == []
    assert len(store.ids("captions")) == 0


def test_of_equal_ids_the_last_row_counts(store: Store) -> None:
    store.append("captions", [caption_row(1), caption_row(2), caption_row(1, revision=1)])
    store.append("captions", [caption_row(2, revision=1), caption_row(3)])
    counting = [(row.id, row.revision) for row in store.rows("captions")]
    assert counting == [(id_of(1), 1), (id_of(2), 1), (id_of(3), 0)]
    assert sum(batch.num_rows for batch in store.batches("captions", [], superseded=True)) == 5


def test_every_row_with_an_empty_id_counts(store: Store) -> None:
    store.append("sources", [SourceVideo("", "a"), SourceVideo("", "b"), source_row(1, "c"), source_row(1, "d")])
    assert store.column("sources", "location").to_pylist() == ["a", "b", "d"]


def test_a_writer_with_a_clock_behind_still_comes_last(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.append("captions", [caption_row(1)])
    monkeypatch.setattr(time, "time_ns", lambda: 1_000_000_000)
    late = Store(store.fs.unstrip_protocol(store.root))
    late.append("captions", [caption_row(1, revision=1)])
    late.append("captions", [caption_row(1, revision=2)])
    assert [row.revision for row in store.rows("captions")] == [2]


def test_columns_and_paths_into_nested_ones(store: Store) -> None:
    store.append("captions", [caption_row(1, steps=2, problem="cut off")])
    (batch,) = store.batches("captions", ["summary", "provenance.input_tokens", "steps.list.element.problem"])
    assert batch.to_pylist() == [
        {
            "id": id_of(1),
            "steps": [{"problem": "cut off"}, {"problem": ""}],
            "summary": "Summary 1.",
            "provenance": {"input_tokens": 5200},
        }
    ]


def test_ids_are_sorted_each_once_and_packed(store: Store) -> None:
    numbers = [5, 3, 5, 9, 1]
    store.append("sources", [source_row(number) for number in numbers])
    ids = store.ids("sources")
    assert ids.dtype == "S16"
    assert [unpacked_id(one) for one in ids] == sorted({id_of(number) for number in numbers})


def test_packing_ids_keeps_zero_bytes_and_slices() -> None:
    texts = ["00" * 16, "ab" * 15 + "00", "", "0F" * 16, "ff" * 16]
    column = pa.chunked_array([pa.array(["no id", *texts, "no id"]).slice(1, 5), pa.array(texts)])
    expected = ["", "ab" * 15 + "00", "", "0f" * 16, "ff" * 16]
    assert [unpacked_id(one) for one in packed_ids(column)] == expected * 2
    assert [unpacked_id(one) for one in packed_ids(pa.array(texts).dictionary_encode())] == expected


@pytest.mark.parametrize("text", ["0" * 31, "0" * 33, "g" * 32, "ü" * 16, None])
def test_what_is_no_id_is_named(text: str | None) -> None:
    with pytest.raises(ValueError, match="32 hex digits"):
        packed_ids(pa.array(["0" * 32, text]))


@dataclass(frozen=True)
class OldSurvey:
    """The table of surveys before most of its columns."""

    id: str
    container: str


def test_a_column_that_an_older_part_lacks_holds_its_default(store: Store) -> None:
    store.append_arrow("surveys", to_table(OldSurvey, [OldSurvey(id_of(1), "mp4")]))
    store.append("surveys", [Survey(id_of(2), width=640, hashes=("0" * 16,))])
    assert store.column("surveys", "width").to_pylist() == [0, 640]
    assert store.column("surveys", "hashes").to_pylist() == [[], ["0" * 16]]
    assert [row.codec for row in store.rows("surveys")] == ["", ""]


@dataclass(frozen=True)
class OldSource:
    """The table of sources before the columns that hold anything but text."""

    id: str
    location: str


def test_a_default_that_is_made_for_each_row_is_stored_as_the_others_are(store: Store) -> None:
    store.append_arrow("sources", to_table(OldSource, [OldSource(id_of(1), "a"), OldSource(id_of(2), "b")]))
    assert list(store.rows("sources")) == [SourceVideo(id_of(1), "a"), SourceVideo(id_of(2), "b")]
    assert store.column("sources", "tags").to_pylist() == ["{}", "{}"]


def test_a_part_of_a_newer_layout_is_refused_by_both_numbers(store: Store) -> None:
    table = to_table(Survey, [Survey(id_of(1))]).replace_schema_metadata({VERSION_KEY: b"7"})
    part = store.append_arrow("surveys", table)
    with pytest.raises(StorageError, match=r"version 7 .* up to version 1") as caught:
        list(store.rows("surveys"))
    assert part in str(caught.value)


def test_listing_many_parts_takes_time_in_proportion(tmp_path: Path) -> None:
    stores = {size: Store(tmp_path / str(size)) for size in (250, 2000)}
    for size, store in stores.items():
        data = Path(store.append("selection", [selected(1)])).read_bytes()
        for number in range(size - 1):
            (tmp_path / f"{size}/selection/{number:020d}-00000000-{'0' * 16}.parquet").write_bytes(data)
        assert len(store.parts("selection")) == size
    assert_in_proportion(lambda size: stores[size].parts("selection"), 2000)


# Swapping and merging


def test_replace_makes_these_the_only_rows(store: Store) -> None:
    store.append("selection", [selected(number) for number in range(5)])
    for count in (7, 3, 0, 4):
        assert (
            store.replace("selection", (selected(number, str(count)) for number in range(count)), part_rows=2) == count
        )
        assert list(store.rows("selection")) == [selected(number, str(count)) for number in range(count)]
        assert len(files(store, "selection")) == 1 + (count + 1) // 2, "the old ones are gone"
    store.append("selection", [selected(9), selected(0, "test")])
    assert list(store.rows("selection")) == [*map(selected2, (1, 2, 3)), selected(9), selected(0, "test")]


def selected2(number: int) -> Selected:
    return selected(number, "4")


def test_the_old_rows_count_until_all_new_ones_are_there(store: Store) -> None:
    old = [selected(number) for number in range(3)]
    store.replace("selection", old)

    def failing() -> Any:
        yield selected(10)
        assert list(store.rows("selection")) == old
        yield selected(11)
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        store.replace("selection", failing(), part_rows=1)
    assert list(store.rows("selection")) == old
    assert store.clean(older_than_seconds=3600) == 0, "they might belong to a run that lives"
    assert store.clean(older_than_seconds=0) == 2
    assert list(store.rows("selection")) == old


def test_the_first_swap_of_a_table_counts_only_once_it_is_recorded(store: Store) -> None:
    store.append("selection", [selected(1)])

    def failing() -> Any:
        yield selected(2)
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        store.replace("selection", failing(), part_rows=1)
    assert len(files(store, "selection")) == 2
    assert list(store.rows("selection")) == [selected(1)]
    assert store.clean(older_than_seconds=0) == 1


def test_killed_before_the_old_parts_are_deleted(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.append("selection", [selected(1)])
    with monkeypatch.context() as patch:
        patch.setattr(generations.storage, "remove", lambda *_: None)  # the moment of death
        store.replace("selection", [selected(2)])
    assert len(files(store, "selection")) == 3
    assert list(store.rows("selection")) == [selected(2)]
    store.set_aside(store.parts("selection")[0])
    assert list(store.rows("selection")) == [], "what was replaced stays replaced"
    assert store.clean() == 0


def test_merging_keeps_every_row_in_its_place(store: Store) -> None:
    for number in range(12):
        store.append("captions", [caption_row(number % 7, revision=number)])
    rows, written = list(store.rows("captions")), store.written("captions")

    assert store.compact("captions", part_rows=5) == 3
    assert list(store.rows("captions")) == rows
    store.append("captions", [caption_row(3, revision=20)])
    assert store.compact("captions", part_rows=5) == 3
    assert store.compact("captions") == 1
    assert store.compact("captions") == 1

    expected = [row for row in rows if row.id != id_of(3)] + [caption_row(3, revision=20)]
    assert list(store.rows("captions")) == expected
    assert sum(batch.num_rows for batch in store.batches("captions", [], superseded=True)) == 13
    assert store.written("captions")[:12] == written
    assert store.verify() == []


def test_parts_that_are_large_or_of_another_layout_are_left_alone(store: Store) -> None:
    store.append("surveys", [Survey(id_of(1))])
    store.append_arrow("surveys", to_table(OldSurvey, [OldSurvey(id_of(2), "mp4")]))
    store.append("surveys", [Survey(id_of(number)) for number in range(3, 9)])
    store.append("surveys", [Survey(id_of(9))])
    rows = list(store.rows("surveys"))
    assert store.compact("surveys", part_rows=6) == 4
    assert store.compact("surveys", part_bytes=10) == 4
    assert store.compact("surveys", part_rows=7) == 3
    assert list(store.rows("surveys")) == rows


def test_rows_written_while_others_merge_are_kept(store: Store) -> None:
    other = Store(store.fs.unstrip_protocol(store.root))
    other.append("selection", [selected(1)])

    def new() -> Any:
        other.append("selection", [selected(2)])
        yield selected(3)

    store.replace("selection", new())
    assert {row.id for row in store.rows("selection")} == {id_of(2), id_of(3)}


def test_a_guard_is_asked_before_each_write(store: Store) -> None:
    store.append("selection", [selected(1)])
    part = store.parts("selection")[0]

    def lost() -> None:
        raise StorageError("lost")

    store.guard = lost
    for write in (
        lambda: store.append("selection", [selected(2)]),
        lambda: store.replace("selection", []),
        lambda: store.set_aside(part),
        lambda: store.clean(),
    ):
        with pytest.raises(StorageError, match="lost"):
            write()
    assert list(store.rows("selection")) == [selected(1)]


# dataset.json


def test_a_data_set_knows_what_it_was_built_with(store: Store) -> None:
    root = store.fs.unstrip_protocol(store.root)
    settings = DatasetSettings(CaptionSettings(mode="fast"), filters=FilterSettings(max_seconds=120))
    assert not store.exists()
    Store.create(root, settings, "model-a", "ab12")
    again = Store.open(root)
    assert again.exists()
    assert again.settings() == settings
    assert (again.description["model"], again.description["prompt_hash"]) == ("model-a", "ab12")
    with pytest.raises(StorageError, match="already a data set"):
        Store.create(root, settings, "model-b", "")


def test_captions_of_two_kinds_are_not_mixed(tmp_path: Path) -> None:
    store = Store.create(tmp_path, DatasetSettings(), "model-a", "ab12")
    other = DatasetSettings(CaptionSettings(mode="fast", fast_frames=9))
    store.check_same(other, "model-b", "cd34")  # there is no caption yet
    store.append("captions", [caption_row(0)])
    store.check_same(DatasetSettings(), "model-a", "ab12")
    with pytest.raises(SettingsError) as caught:
        store.check_same(other, "model-b", "cd34")
    for part in (
        "model was 'model-a', is 'model-b'",
        "'ab12'",
        "caption.mode was 'sliding', is 'fast'",
        "was 16, is 9",
    ):
        assert part in str(caught.value)
    with pytest.raises(SettingsError, match=r"caption\.mode"):
        store.update_settings(other)


def test_filters_novelty_and_splits_may_change(tmp_path: Path) -> None:
    store = Store.create(tmp_path, DatasetSettings(), "model-a", "ab12")
    other = DatasetSettings(
        filters=FilterSettings(min_novelty=0.2), novelty=NoveltySettings(use_given=False), splits=SplitSettings(val=0.1)
    )
    store.check_same(other, "model-a", "ab12")
    store.update_settings(other)
    assert Store.open(tmp_path).settings() == other
    assert store.description["model"] == "model-a"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "not a data set"),
        ("{", "is damaged"),
        ('{"a": 1}', "not written by this package"),
        ('{"format": "sharegpt4video data set", "schema_version": 9}', r"version 9 .* version 1"),
    ],
)
def test_a_directory_that_is_no_data_set_of_ours(tmp_path: Path, text: str | None, message: str) -> None:
    if text is not None:
        (tmp_path / "dataset.json").write_text(text)
    with pytest.raises(StorageError, match=message) as caught:
        Store.open(tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_settings_that_this_version_does_not_know(tmp_path: Path) -> None:
    store = Store.create(tmp_path, DatasetSettings(), "m", "")
    path = tmp_path / "dataset.json"
    plain = json.loads(path.read_text())
    plain["settings"]["survey"]["smell"] = True
    path.write_text(json.dumps(plain))
    with pytest.raises(SettingsError, match=r"dataset\.json: survey\.smell"):
        store.settings()


# Readers that are not ours


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A table with nested values, empty lists, facts whose texts were not looked for, unicode, and a swap behind it."""
    store = Store(tmp_path_factory.mktemp("foreign"))
    for number in range(3):
        store.append("captions", [caption_row(number, steps=number, text="naïve 映像 🎬")])
    store.compact("captions", part_rows=2)
    return store


def glob(store: Store) -> str:
    return f"{store.root}/captions/*.parquet"


def check_foreign(rows: list[dict[str, Any]]) -> None:
    rows = sorted(rows, key=lambda row: row["summary"])
    assert [len(row["steps"]) for row in rows] == [0, 1, 2]
    second = rows[2]["steps"][1]
    assert second["text"] == "naïve 映像 🎬"
    assert second["facts"][0]["texts"] is None
    assert second["facts"][1]["texts"][0]["text"] == "EXIT"
    assert second["facts"][1]["look"]["palette"][0] == {"item0": "light blue", "item1": 0.45}
    assert second["facts"][1]["objects"][0]["end_box"]["left"] == 0.35
    assert rows[0]["provenance"]["cost_usd"] == 0.004


def test_pyarrow_datasets_as_spark_reads_folders(foreign: Store) -> None:
    table = pyarrow.dataset.dataset(f"{foreign.root}/captions", format="parquet").to_table()
    check_foreign(table.to_pylist())


def test_pandas(foreign: Store) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_parquet(f"{foreign.root}/captions")
    rows = [{**row, "steps": list(row["steps"])} for row in frame.to_dict("records")]
    check_foreign(rows)


def test_duckdb(foreign: Store) -> None:
    duckdb = pytest.importorskip("duckdb")
    found = duckdb.sql(f"SELECT summary, steps, provenance FROM '{glob(foreign)}'")
    check_foreign([dict(zip(found.columns, row, strict=True)) for row in found.fetchall()])
    counted = duckdb.sql(f"SELECT count(*) FROM (SELECT unnest(steps) AS step FROM '{glob(foreign)}')").fetchall()
    assert counted == [(3,)]


def test_polars(foreign: Store) -> None:
    polars = pytest.importorskip("polars")
    check_foreign(polars.read_parquet(glob(foreign)).to_dicts())


def test_datasets(foreign: Store, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    loaded = datasets.load_dataset("parquet", data_files=glob(foreign), split="train", cache_dir=str(tmp_path))
    check_foreign(list(loaded))


# Damage


def errors_on_reading(store: Store, whole: list[Any]) -> list[DamagedPart]:
    """Reads everything, and one column: either all is as it was, or the error is returned."""
    found = []
    for reading in (
        lambda: list(store.rows("captions")) == whole,
        lambda: store.column("captions", "summary").to_pylist() == [row.summary for row in whole],
    ):
        try:
            assert reading(), "damage was taken for data"
        except DamagedPart as error:
            found.append(error)
    return found


@pytest.fixture
def one_part(tmp_path: Path) -> tuple[Path, list[Any]]:
    whole = [caption_row(number, steps=2) for number in range(4)]
    return Path(Store(tmp_path).append("captions", whole)), whole


def test_a_part_cut_off_anywhere_is_named(one_part: tuple[Path, list[Any]], tmp_path: Path) -> None:
    part, whole = one_part
    data = part.read_bytes()
    for twentieth in range(20):
        part.write_bytes(data[: len(data) * twentieth // 20])
        errors = errors_on_reading(Store(tmp_path), whole)
        assert [error.part for error in errors] == [str(part)] * 2
        assert all(str(part) in str(error) and "set_aside" in str(error) for error in errors)
        assert [path for path, _ in Store(tmp_path).verify()] == [str(part)]


def test_flipped_bytes_are_found(one_part: tuple[Path, list[Any]], tmp_path: Path) -> None:
    part, whole = one_part
    data = part.read_bytes()
    dice = random.Random(3)
    for _ in range(150):
        broken = bytearray(data)
        for _ in range(dice.choice((1, 1, 2, 8))):
            broken[dice.randrange(len(data))] ^= dice.randrange(1, 256)
        part.write_bytes(broken)
        store = Store(tmp_path)
        assert all(error.part == str(part) for error in errors_on_reading(store, whole))
        with pytest.raises(DamagedPart):
            list(store.rows("captions"))
        assert [path for path, _ in store.verify()] == [str(part)]


def test_a_part_set_aside_no_longer_counts(store: Store) -> None:
    store.append("captions", [caption_row(1)])
    part = store.append("captions", [caption_row(2)])
    store.fs.pipe_file(part, b"")
    target = store.set_aside(part)
    assert target.startswith(f"{store.root}/damaged/captions-")
    assert store.fs.exists(target)
    assert list(store.rows("captions")) == [caption_row(1)]
    assert store.verify() == []


def test_a_swapped_part_that_is_gone_is_missed_and_can_be_given_up(store: Store) -> None:
    store.replace("selection", [selected(number) for number in range(4)], part_rows=2)
    gone = store.parts("selection")[0]
    store.fs.rm_file(gone)
    with pytest.raises(StorageError, match="is gone"):
        list(store.rows("selection"))
    assert [path for path, _ in store.verify()] == [gone]
    store.set_aside(gone)
    assert list(store.rows("selection")) == [selected(2), selected(3)]


def test_only_parts_are_set_aside(store: Store, tmp_path: Path) -> None:
    (tmp_path / "mine.parquet").write_bytes(b"")
    with pytest.raises(StorageError, match="is no part of"):
        store.set_aside(str(tmp_path / "mine.parquet"))
    assert (tmp_path / "mine.parquet").exists()


@pytest.mark.parametrize("bare", [False, True], ids=["with our metadata", "with none"])
def test_a_part_from_elsewhere_is_read_as_it_is(tmp_path: Path, bare: bool) -> None:
    (tmp_path / "captions").mkdir()
    table = to_table(type(caption_row(1)), [caption_row(1)]).replace_schema_metadata(None if bare else {b"a": b"b"})
    pq.write_table(table, tmp_path / "captions" / "mine.parquet", store_schema=not bare)
    store = Store(tmp_path)
    assert list(store.rows("captions")) == [caption_row(1)]
    assert store.written("captions") == []
    store.append("captions", [caption_row(2)])
    assert store.compact("captions") == 2


# Disks and writers that fail


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    store = Store(tmp_path / "file" / "set")
    with pytest.raises(StorageError, match="Not a directory") as caught:
        store.append("captions", [caption_row(1)])
    assert str(tmp_path / "file" / "set" / "captions") in str(caught.value)


def test_a_read_only_file_system() -> None:
    root = Path("/proc/self/set")
    if not Path("/proc/self").is_dir():
        pytest.skip("no /proc here, whose folders nobody can write")
    with pytest.raises(StorageError, match="/proc/self/set"):
        Store(root).append("captions", [caption_row(1)])


def child(code: str, *arguments: str, **options: Any) -> subprocess.Popen[str]:
    start = f"import sys; sys.path.insert(0, {str(TESTS)!r})\nfrom store_rows import *\n"
    imports = "from sharegpt4video.dataset.store.store import Store\nfrom sharegpt4video.dataset.rows import Selected\n"
    return subprocess.Popen(
        [sys.executable, "-c", start + imports + code, *arguments], stdout=subprocess.PIPE, text=True, **options
    )


FULL = """
import resource
from sharegpt4video.errors import StorageError
store = Store(sys.argv[1])
rows = [caption_row(number) for number in range(400)]
store.append("captions", rows[:5])
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
try:
    store.append("captions", rows)
except StorageError as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
store.append("captions", rows[5:])
"""


def test_a_disk_that_takes_no_more(tmp_path: Path) -> None:
    said, _ = child(FULL, str(tmp_path)).communicate(timeout=240)
    assert f"{tmp_path}/captions/" in said
    assert "cannot be written: File too large" in said
    store = Store(tmp_path)
    assert [row.id for row in store.rows("captions")] == [id_of(number) for number in range(400)]
    assert len(files(store, "captions")) == 2, "nothing half-written is left"


@pytest.mark.parametrize(("number", "text"), [(28, "No space left"), (122, "quota"), (30, "Read-only")])
def test_what_the_system_says_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, text: str) -> None:
    def fails(_: int) -> None:
        raise OSError(number, os.strerror(number))

    store = Store(tmp_path)
    monkeypatch.setattr("os.fsync", fails)  # the disk's answer, the one thing that is not ours here
    with pytest.raises(StorageError, match=rf"(?i){text}.*run") as caught:
        store.append("captions", [caption_row(1)])
    assert str(tmp_path) in str(caught.value)
    assert files(store, "captions") == []


def test_a_new_name_is_made_to_last_as_well_as_what_is_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("no /proc here, which tells what is open")
    synced: list[Path] = []
    monkeypatch.setattr("os.fsync", lambda handle: synced.append(Path(f"/proc/self/fd/{handle}").readlink()))
    Store(tmp_path).append("captions", [caption_row(1)])
    assert len(synced) == 2
    assert synced[1] == tmp_path / "captions", "the folder, after the file"


KILLED = """
import os, random, signal, time

def write(store, number):
    if sys.argv[2] == "append":
        store.append("captions", [caption_row(number * 10 + at, revision=number) for at in range(10)])
    elif sys.argv[2] == "compact":
        store.append("captions", [caption_row(at, revision=number) for at in range(10)])
        store.compact("captions", part_rows=30)
    else:
        store.replace("selection", (Selected(id_of(at), True, str(number), "", "") for at in range(10)), part_rows=3)

dice = random.Random(sys.argv[2])
for life in range(6):
    hears, says = os.pipe()
    process = os.fork()
    if not process:
        store = Store(sys.argv[1])
        for number in range(life * 100_000, 1 << 62):
            write(store, number)
            os.write(says, b".")
    os.read(hears, 1)
    time.sleep(dice.uniform(0, 0.1))
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    print("killed", flush=True)
    sys.stdin.readline()
"""


@pytest.mark.parametrize("what", ["append", "replace", "compact"])
def test_a_writer_killed_at_any_moment_leaves_only_whole_things(tmp_path: Path, what: str) -> None:
    process = child(KILLED, str(tmp_path), what, stdin=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdin is not None
    for _ in process.stdout:
        check_whole(Store(tmp_path), what)
        process.stdin.write("\n")
        process.stdin.flush()
    assert process.wait() == 0
    store = Store(tmp_path)
    table = "selection" if what == "replace" else "captions"
    store.clean(older_than_seconds=0)
    check_whole(store, what)
    records = 0 if what == "append" else 1
    assert len(files(store, table)) == len(store.parts(table)) + records, "nothing is left behind"
    process.communicate()


def check_whole(store: Store, what: str) -> None:
    assert store.verify() == []
    if what == "append":
        assert len(store.ids("captions")) % 10 == 0
    elif what == "replace":
        rows = list(store.rows("selection"))
        assert len({row.reason for row in rows}) == 1, "never two generations"
        assert len(rows) == 10
    else:
        rows = list(store.rows("captions"))
        assert sorted(row.id for row in rows) == sorted(id_of(at) for at in range(10))
        assert len({row.revision for row in rows}) == 1


def test_unfinished_files_are_not_there_and_go_when_they_are_old(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.append("captions", [caption_row(1)])
    left = tmp_path / "captions" / ".00000000000000000001-x.parquet.0a0b.unfinished"
    left.write_bytes(b"half")
    assert list(store.rows("captions")) == [caption_row(1)]
    assert store.verify() == []
    assert store.clean() == 0
    assert store.clean(older_than_seconds=0) == 1
    assert not left.exists()


def test_a_value_that_no_column_takes_is_named(tmp_path: Path) -> None:
    rows = [source_row(1), replace(source_row(2), size_bytes=1 << 70)]
    with pytest.raises(SG4VError, match=id_of(2)):
        Store(tmp_path).append("sources", rows)


def test_groups_of_rows_are_held_to_a_size_in_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path)
    monkeypatch.setattr(parts, "ROW_GROUP_BYTES", 20_000)
    for sizes, groups in (([1000] * 100, 5), ([10] * 600, 3), ([50_000] * 2, 2)):
        rows = [SourceVideo(id_of(number), "x" * size) for number, size in enumerate(sizes)]
        found = pq.ParquetFile(store.append("sources", rows)).metadata
        assert groups <= found.num_row_groups <= groups + groups // 2
        assert found.num_rows == len(sizes)


@pytest.mark.parametrize(
    ("verb", "call"),
    [
        ("written", lambda fs, path: storage.put(fs, path, b"")),
        ("written", lambda fs, path: storage.create(fs, path, b"")),
        ("read", storage.read),
        ("listed", storage.names),
        ("deleted", lambda fs, path: storage.remove(fs, [path])),
        ("moved", lambda fs, path: storage.move(fs, path, "/elsewhere")),
    ],
)
def test_what_storage_refuses_is_told_with_its_path(verb: str, call: Any) -> None:
    class Refusing:
        def __getattr__(self, _: str) -> Any:
            return self

        def __call__(self, *_: object, **__: object) -> None:
            raise PermissionError(13, "Permission denied")

    way_out = "choose another directory" if verb == "written" else "see that it can be reached"
    with pytest.raises(StorageError, match=rf"^/set/a: cannot be {verb}: Permission denied; .*{way_out}"):
        call(Refusing(), "/set/a")


def test_a_kind_of_storage_that_is_not_known() -> None:
    with pytest.raises(StorageError, match="carrier-pigeon://x"):
        Store("carrier-pigeon://x")


def test_columns_of_equal_ids_in_a_million_rows_take_tens_of_bytes_each(tmp_path: Path) -> None:
    store = Store(tmp_path)
    digits = np.frombuffer(b"0123456789abcdef", "S1")[np.random.default_rng(0).integers(0, 16, (200_000, 32))]
    ids = pa.array(digits.view("S32").reshape(-1).astype(str))
    empty = pa.array([""] * len(ids))
    table = pa.table({"id": ids, "kept": pa.array([True] * len(ids)), "reason": empty, "group": ids, "split": empty})
    store.append_arrow("selection", table)
    assert store.ids("selection").nbytes == 200_000 * 16
