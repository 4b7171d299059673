import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from made_captions import captioned, step
from made_dataset import caption_row, clip_of, dropped, kept, made_store, row_id
from sharegpt4video.dataset.export import export
from sharegpt4video.dataset.released.convert import convert
from sharegpt4video.dataset.rows import SourceVideo
from sharegpt4video.dataset.store.store import Store


def exported(store: Store, out: Path, **more: Any) -> list[dict[str, Any]]:
    export(store, "sharegpt4video", str(out), **more)
    return [json.loads(line) for line in (out / "sharegpt4video_train.jsonl").read_text("utf-8").splitlines()]


def test_the_layout_by_hand(tmp_path: Path) -> None:
    row = caption_row(0, location="/data/zip_folder/panda/panda_videos_1.zip::panda/abc.mp4", user_id="abc")
    (found,) = exported(made_store(tmp_path / "set", [row]), tmp_path / "out")
    assert found == {
        "video_id": "abc",
        "video_path": "panda/abc.mp4",
        "timestamp": ["0:00:00.000", "0:00:08.000"],
        "keyframe": [0, 2, 4, 4],
        "captions": [
            {"idx": "0", "content": "Room 0 is empty."},
            {"idx": "1", "content": "Person 0 comes in."},
            {"idx": "2", "content": "They sit down."},
            {"idx": "3", "content": "A street with rain."},
            {"idx": "-1", "content": "Person 0 sits down in a room. Then it rains."},
        ],
        "zip_folder": "panda_videos_1.zip",
    }
    assert list(found) == ["video_id", "video_path", "timestamp", "keyframe", "captions", "zip_folder"]
    assert all(type(one) is int for one in found["keyframe"])


def test_in_fast_mode_the_summary_is_not_told_twice(tmp_path: Path) -> None:
    caption = captioned([step("whole", 0.0, 8.0, "All of it.")], 8.0, "All of it.")
    row = caption_row(0, replace(caption, mode="fast"))
    (found,) = exported(made_store(tmp_path / "set", [row]), tmp_path / "out")
    assert found["captions"] == [{"idx": "-1", "content": "All of it."}]


@pytest.mark.parametrize("format", ["sharegpt4video", "parquet"])
@pytest.mark.parametrize("selection", ["none", "before", "of others"])
def test_what_was_replaced_and_listed_anew_is_left_out_by_its_own_reason(
    format: str, selection: str, tmp_path: Path
) -> None:
    rows = [caption_row(number) for number in range(3)]
    chosen = {"none": None, "before": [kept(0), kept(1), dropped(2, "too long")], "of others": [kept(1), kept(2)]}
    store = made_store(tmp_path / "set", [], selected=chosen[selection])
    store.append("sources", [SourceVideo(row.id, row.location, size_bytes=9, modified="1") for row in rows])
    store.append("sources", [SourceVideo(row_id(7), rows[0].location, size_bytes=9, modified="2")])
    store.append("captions", rows)
    result = export(store, format, str(tmp_path / "out"))
    anew, filtered = "videos of a file that was replaced and listed anew", "videos dropped by the filters"
    assert result.left_out == {anew: 1} | ({filtered: 1} if selection == "before" else {})
    assert (result.videos, result.splits) == ((1, {"train": 1}) if selection == "before" else (2, {"train": 2}))


def test_an_export_of_nothing_is_an_empty_file(tmp_path: Path) -> None:
    assert exported(made_store(tmp_path / "set", []), tmp_path / "out") == []


def test_paths_are_relative_to_the_media_root(tmp_path: Path) -> None:
    rows = [caption_row(0, location="/data/videos/a/0.mp4"), caption_row(1, location="/data/videos2/1.mp4")]
    found = exported(made_store(tmp_path / "set", rows), tmp_path / "out", media_root="/data/videos/")
    assert found[0]["video_path"] == "a/0.mp4"
    assert (tmp_path / "out" / found[1]["video_path"]).resolve() == Path("/data/videos2/1.mp4").resolve()
    store = Store(tmp_path / "set")
    found = exported(store, tmp_path / "other", media_root="/data/videos/", paths="absolute")
    assert [row["video_path"] for row in found] == ["a/0.mp4", "/data/videos2/1.mp4"]


def test_a_media_root_may_be_named_as_seen_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [caption_row(0, location=f"{tmp_path}/videos/a/0.mp4"), caption_row(1, location="videos/b/1.mp4")]
    found = exported(made_store(tmp_path / "set", rows), tmp_path / "out", media_root="./videos/")
    assert [row["video_path"] for row in found] == ["a/0.mp4", "b/1.mp4"]


@pytest.mark.parametrize("root", ["https://host/videos", "https://host/videos/", ""])
def test_an_address_below_the_media_root_keeps_no_key(root: str, tmp_path: Path) -> None:
    rows = [caption_row(0, location="https://host/videos/0.mp4?X-Amz-Signature=ab12&id=7")]
    (found,) = exported(made_store(tmp_path / "set", rows), tmp_path / "out", media_root=root)
    below = "" if root else "https://host/videos/"
    assert found["video_path"] == f"{below}0.mp4?X-Amz-Signature=***&id=7"


def test_a_link_may_lead_elsewhere_by_the_next_export(tmp_path: Path) -> None:
    link = tmp_path / "near" / "link"
    link.parent.mkdir()
    store = made_store(tmp_path / "set", [caption_row(0, location=str(link / "0.mp4"))])
    for disk in ("one", "deep/other"):
        (tmp_path / disk).mkdir(parents=True)
        (tmp_path / disk / "0.mp4").write_text(disk)
        link.unlink(missing_ok=True)
        link.symlink_to(tmp_path / disk)
        (found,) = exported(store, tmp_path / "out", overwrite=True)
        assert (tmp_path / "out" / found["video_path"]).read_text() == disk


def test_a_video_behind_a_link_to_a_name_that_is_not_utf_8_is_named_absolutely(tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/d\xe9j\xe0"))
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    (tmp_path / "link").symlink_to(folder)
    location = str(tmp_path / "link" / "0.mp4")
    (found,) = exported(made_store(tmp_path / "set", [caption_row(0, location=location)]), tmp_path / "out")
    assert found["video_path"] == location


def test_a_cut_clip_has_the_times_of_its_own_file(tmp_path: Path) -> None:
    row = caption_row(0)
    store = made_store(tmp_path / "set", [row])
    store.append("clips", [clip_of(row, 2, 3, media="/clips/a.mp4"), clip_of(row, 1, 2)])
    options = {"exact_times": True}
    _, whole, cut = exported(store, tmp_path / "out", clips=True, paths="absolute", options=options)
    assert (whole["video_path"], whole["timestamp"]) == ("/videos/0.mp4", ["0:00:00.000", "0:00:04.000"])
    assert (cut["video_path"], cut["timestamp"]) == ("/clips/a.mp4", ["0:00:00.000", "0:00:06.000"])
    assert cut["step_seconds"] == [[0.0, 2.0], [2.0, 6.0]]
    assert whole["step_seconds"] == [[0.0, 2.0], [2.0, 4.0]]


@pytest.mark.parametrize("exact", [False, True])
def test_what_was_exported_comes_back_equal(exact: bool, tmp_path: Path) -> None:
    steps = [
        replace(step("opening", 0.0, 0.0, "A beginning."), frame_seconds=(0.0,)),
        step("change", 0.0, 2.502, "Something moves."),
        step("change", 2.502, 9.75, "It stops.\nAt last."),
    ]
    rows = [caption_row(0, captioned(steps, 9.75)), caption_row(1)]
    options = {"exact_times": exact}
    first = exported(made_store(tmp_path / "set", rows), tmp_path / "out", options=options, paths="absolute")
    again = Store(tmp_path / "again")
    done = convert(tmp_path / "out" / "sharegpt4video_train.jsonl", again)
    assert (done.videos, done.windows) == (2, 7)
    assert exported(again, tmp_path / "second", options=options) == first
    back = next(again.rows("captions"))
    assert [one.text for one in back.steps] == [one.text for one in steps]
    if exact:
        assert [(one.start_seconds, one.end_seconds) for one in back.steps] == [
            (one.start_seconds, one.end_seconds) for one in steps
        ]
    else:
        assert [one.end_seconds for one in back.steps] == [0, 3, 10]  # the layout holds whole seconds


@pytest.mark.parametrize(
    "released",
    [
        {
            "video_id": "a",
            "video_path": "mixit/a.mp4",
            "timestamp": [0, 12],
            "keyframe": [0, 4],
            "odd": {"b": 1, "a": 2},
        },
        {
            "video_path": "panda/a.mp4",
            "video_id": "a",
            "zip_folder": "panda_videos_1.zip",
            "keyframe": ["00:00", "00:04"],
        },
        {"video_id": "a", "timestamp": ["00:00:01", "00:01:00.5"]},
    ],
)
def test_released_rows_keep_every_field(released: dict[str, Any], tmp_path: Path) -> None:
    captions = [{"idx": 0, "content": "One."}, {"idx": 4, "content": "Two."}, {"idx": -1, "content": "Both."}]
    (tmp_path / "in.jsonl").write_text(json.dumps(released | {"captions": captions}), "utf-8")
    store = Store(tmp_path / "set")
    convert(tmp_path / "in.jsonl", store)
    (found,) = exported(store, tmp_path / "out")
    texts = found.pop("captions")
    assert found == released
    assert list(found) == list(released)
    assert texts == [
        {"idx": "0", "content": "One."},
        {"idx": "1", "content": "Two."},
        {"idx": "-1", "content": "Both."},
    ]


def test_the_hub_loader_reads_it(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    exported(made_store(tmp_path / "set", [caption_row(0), caption_row(1)]), tmp_path / "out")
    loaded = datasets.load_dataset(
        "json", data_files=str(tmp_path / "out" / "*.jsonl"), split="train", cache_dir=str(tmp_path / "cache")
    )
    assert loaded[1]["video_id"] == "user-1"
    assert loaded[1]["captions"][-1]["idx"] == "-1"
    assert loaded[1]["keyframe"] == [0, 2, 4, 4]
