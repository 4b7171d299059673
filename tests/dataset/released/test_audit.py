"""Released files are made here in the documented layout, with one thing wrong at a time."""

from __future__ import annotations

import json
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from made_dataset import caption_row, clip_of, made_store
from media import numbered_run, write_video
from sharegpt4video.dataset.export import export
from sharegpt4video.dataset.released.audit import KINDS, AuditReport, audit
from sharegpt4video.dataset.released.convert import convert
from sharegpt4video.dataset.released.rows import clock_text, seconds
from sharegpt4video.dataset.store.store import Store
from sharegpt4video.errors import SettingsError

Row = dict[str, Any]
SUMMARIES = Path(__file__).resolve().parents[4] / "shared" / "eval" / "sharegpt4video_60_summaries.json"


def released(number: int = 0, windows: int = 3, **more: Any) -> Row:
    """A row as the release has it, with nothing wrong."""
    captions = [{"idx": str(one), "content": f"Window {one} of {number}."} for one in range(windows)]
    return {
        "video_id": f"id{number}",
        "video_path": f"panda/id{number}.mp4",
        "timestamp": ["0:00:00", "0:00:08"],
        "keyframe": [2 * one for one in range(windows)],
        "captions": [*captions, {"idx": "-1", "content": f"The whole of {number}."}],
        "zip_folder": "panda_videos_1.zip",
    } | more


def write(path: Path, rows: list[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def kinds(report: AuditReport) -> dict[str, int]:
    return dict(report.found)


def test_a_good_file_has_nothing_wrong(tmp_path: Path) -> None:
    report = audit(write(tmp_path / "a.jsonl", [released(number) for number in range(5)]))
    assert kinds(report) == {}
    assert (report.rows, report.windows, report.summaries) == (5, 15, 5)
    assert "nothing wrong was found" in report.text()
    assert "5  from panda" in report.text()


def captions(*pairs: tuple[Any, Any]) -> dict[str, Any]:
    return {"captions": [{"idx": idx, "content": content} for idx, content in pairs], "keyframe": [0, 2]}


WRONG: dict[str, Row | str] = {
    "numeric idx": captions((0, "a"), (1, "b"), (-1, "c")),
    "no summary": captions(("0", "a"), ("1", "b")),
    "summary not last": captions(("-1", "c"), ("0", "a"), ("1", "b")),
    "duplicate idx": captions(("0", "a"), ("0", "b"), ("-1", "c")),
    "gap in idx": captions(("0", "a"), ("4", "b"), ("-1", "c")),
    "idx out of order": captions(("1", "a"), ("0", "b"), ("-1", "c")),
    "unknown idx": captions(("0", "a"), ("1", "b"), ("all", "x"), ("-1", "c")) | {"keyframe": [0, 2, 4]},
    "empty content": captions(("0", "a"), ("1", None), ("-1", "c")),
    "no captions": {"captions": None, "keyframe": []},
    "unknown source": {"video_path": "youtube/a.mp4"},
    "mixkit misspelt": {"video_path": "mixit/a.mp4"},
    "unsafe path": {"video_path": "panda/../../a.mp4"},
    "unknown times": {"timestamp": "8 s"},
    "span not positive": {"timestamp": [8, 8]},
    "keyframes not in order": {"keyframe": [0, 4, 2]},
    "keyframe count": {"keyframe": [0, 2]},
    "keyframe outside": {"keyframe": [0, 2, 40]},
    "unknown key": {"extra": 1},
    "broken row": '{"video_id": ',
    "unknown row": {},
}


@pytest.mark.parametrize("kind", WRONG)
def test_one_thing_wrong_is_found_and_nothing_else(kind: str, tmp_path: Path) -> None:
    wrong = WRONG[kind]
    path = write(tmp_path / "a.jsonl", [released(0), released(2)])
    line = wrong if isinstance(wrong, str) else json.dumps((released(1) | wrong) if wrong else {"a": 1})
    first, second = path.read_text("utf-8").splitlines()
    path.write_text(f"{first}\n{line}\n\n{second}\n", "utf-8")
    report = audit(path)
    also = {"duplicate idx": {"gap in idx"}, "unsafe path": set()}.get(kind, set())
    assert set(kinds(report)) - also == {kind}
    assert kinds(report)[kind] == 1
    assert report.examples[kind][0].startswith("a.jsonl:2")
    assert KINDS[kind] in report.text()


def test_both_spellings_of_mixkit(tmp_path: Path) -> None:
    rows = [
        released(0, video_path="mixkit/a.mp4", zip_folder="mixkit_videos.zip"),
        released(1, video_path="mixit/b.mp4", zip_folder="mixkit_videos.zip"),
    ]
    report = audit(write(tmp_path / "a.jsonl", rows))
    assert report.sources == {"mixkit": 2}
    assert kinds(report) == {"mixkit misspelt": 1}


def test_what_is_there_twice(tmp_path: Path) -> None:
    rows = [released(number) for number in range(6)]
    rows[4]["video_id"] = "id1"
    rows[3]["captions"][0]["content"] = "Window  0 of 2."  # blanks are no difference
    rows[5]["captions"][1]["content"] = rows[5]["captions"][0]["content"]  # twice in one row
    report = audit(write(tmp_path / "a.jsonl", rows))
    assert kinds(report) == {"duplicate video_id": 1, "same caption": 1}
    assert report.examples["duplicate video_id"] == ["a.jsonl:2 and a.jsonl:5: 2 rows"]
    assert report.examples["same caption"] == ["a.jsonl:3 and a.jsonl:4: 2 rows"]


def test_many_repeats_are_counted_in_full(tmp_path: Path) -> None:
    rows = [released(number) for number in range(40)]
    for number, row in enumerate(rows):
        row["captions"][-1]["content"] = f"Refined {number // 4}."
    report = audit(write(tmp_path / "a.jsonl", rows))
    assert kinds(report) == {"same caption": 30}
    assert len(report.examples["same caption"]) == 5


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """A folder as it lies after downloading: a JSONL and zips, with eight seconds of video in each file."""
    write_video(tmp_path / "v.mp4", numbered_run(80), fps=10)
    root = tmp_path / "release"
    for name, members in {
        "zip_folder/panda/panda_videos_1.zip": ["panda/id0.mp4", "panda/id1.mp4", "panda/extra.mp4"],
        "zip_folder/mixit/mixkit_videos.zip": ["mixkit/id2.mp4"],
        "zip_folder/ego4d/ego4d_videos_1.zip": ["ego4d_videos_1/id4.mp4", "readme.txt"],
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(root / name, "w") as packed:
            for member in members:
                packed.write(tmp_path / "v.mp4", member)
    (root / "zip_folder" / "pexels").mkdir()
    (root / "zip_folder" / "pexels" / "broken.zip").write_bytes(b"PK\x03\x04 and no more")
    rows = [
        released(0),
        released(1, timestamp=["0:00:00", "0:00:30"]),
        released(2, video_path="mixit/id2.mp4", zip_folder="mixkit_videos.zip"),
        released(3),
        released(4, video_path="ego4d/id4.mp4", zip_folder="ego4d_videos_1.zip", timestamp=["0:00:00", "0:00:04"]),
    ]
    write(root / "sharegpt4video_40k.jsonl", rows)
    return root


def test_media_in_zips(release: Path) -> None:
    report = audit(release)
    assert report.media == 5
    assert kinds(report) == {
        "missing media": 1,
        "unreadable zip": 1,
        "unlisted media": 1,
        "span beyond the file": 1,
        "span shorter than the file": 1,
        "mixkit misspelt": 1,
    }
    assert report.examples["missing media"] == ["sharegpt4video_40k.jsonl:4: panda/id3.mp4"]
    assert report.examples["unlisted media"][0].endswith("panda_videos_1.zip::panda/extra.mp4")
    assert "4.00 s of the 8.00 s" in report.examples["span shorter than the file"][0]
    assert "ends at 8.00 s, the span at 30.00 s" in report.examples["span beyond the file"][0]
    assert "span beyond the file" not in audit(release, probe=False).found


def test_media_as_loose_files(release: Path, tmp_path: Path) -> None:
    loose = tmp_path / "loose" / "panda" / "panda_videos_1"
    loose.mkdir(parents=True)
    (loose / "id0.mp4").write_bytes(b"no video")
    report = audit(release / "sharegpt4video_40k.jsonl", media=tmp_path / "loose")
    assert kinds(report)["missing media"] == 4
    assert "id0.mp4" in report.examples["unreadable media"][0]


def test_media_of_the_same_name_are_told_apart_by_path_and_zip(tmp_path: Path) -> None:
    for name in ("pexels_videos_1.zip", "pixabay_videos_1.zip", "panda_videos_2.zip", "panda_videos_1.zip"):
        with zipfile.ZipFile(tmp_path / name, "w") as packed:
            packed.writestr(f"{name.split('_')[0]}/7.mp4", b"")
    rows = [
        released(0, video_path="pixabay/7.mp4", zip_folder="pixabay_videos_1.zip"),
        released(1, video_path="panda/7.mp4", zip_folder="panda_videos_2.zip"),
    ]
    store = Store(tmp_path / "set")
    convert(write(tmp_path / "a.jsonl", rows), store, media=tmp_path)
    places = [row.location for row in store.rows("sources")]
    assert places == [f"{tmp_path}/pixabay_videos_1.zip::pixabay/7.mp4", f"{tmp_path}/panda_videos_2.zip::panda/7.mp4"]


def sft(number: int = 0, **more: Any) -> Row:
    return {
        "id": f"q{number}",
        "image": f"panda/{number}.jpg",
        "conversations": [
            {"from": "human", "value": "<image>\nWhat happens?"},
            {"from": "gpt", "value": f"Answer {number}."},
        ],
    } | more


def turns(*pairs: tuple[str, Any]) -> dict[str, Any]:
    return {"conversations": [{"from": role, "value": value} for role, value in pairs]}


WRONG_SFT: dict[str, Row] = {
    "token count": turns(("human", "<image>\n<image>\nWhat?"), ("gpt", "a")),
    "roles not alternating": turns(("human", "<image>"), ("human", "What?"), ("gpt", "a")),
    "no answer": turns(("human", "<image>"), ("gpt", "a"), ("human", "And?")),
    "empty value": turns(("human", "<image>"), ("gpt", None)),
    "unknown role": turns(("human", "<image>"), ("robot", "x"), ("gpt", "a")),
    "no turns": {"conversations": []},
    "unknown key": {"data_source": "x"},
    "duplicate id": {"id": "q0"},
}


@pytest.mark.parametrize("kind", WRONG_SFT)
def test_training_lists(kind: str, tmp_path: Path) -> None:
    rows = [sft(0), sft(1) | WRONG_SFT[kind], sft(2, image=None), sft(3)]
    rows[2] = {"id": "text", **turns(("human", "Who are you?"), ("gpt", "A model."))}
    path = tmp_path / "mix.json"
    path.write_text(json.dumps(rows, indent=1), "utf-8")
    report = audit(path)
    assert kinds(report) == {kind: 1}
    assert report.layouts == {"conversation": 4}
    if kind != "duplicate id":
        line = path.read_text("utf-8")[: path.read_text("utf-8").index('"q1"')].count("\n")
        assert report.examples[kind][0].startswith(f"mix.json:{line}")


@pytest.mark.parametrize(
    ("row", "fine"),
    [
        ({"video": "a.mp4", **turns(("human", "<video>\nWhat?"), ("gpt", "a"))}, True),
        ({"video": "a.mp4", **turns(("human", "<image>\nWhat?"), ("gpt", "a"))}, True),
        ({"video": "a.mp4", **turns(("human", "What?"), ("gpt", "a"))}, False),
        ({"image": ["a", "b"], **turns(("human", "<image><image>"), ("gpt", "a"))}, True),
        ({"image": ["a", "b"], **turns(("human", "<image>"), ("gpt", "a"))}, False),
        ({"image": [], **turns(("human", "hm"), ("gpt", "a"))}, True),
        (turns(("system", "Be kind."), ("human", "hm"), ("gpt", "a")), True),
        (turns(("human", "<image>"), ("gpt", "a")), False),
    ],
)
def test_places_for_media(row: Row, fine: bool, tmp_path: Path) -> None:
    report = audit(write(tmp_path / "a.jsonl", [{"id": "a", **row}]))
    assert kinds(report) == ({} if fine else {"token count": 1})


@pytest.mark.parametrize("cut", [1, 40, 200, 350])
def test_an_array_that_breaks_off(cut: int, tmp_path: Path) -> None:
    whole = json.dumps([sft(number) for number in range(3)], indent=1)
    (tmp_path / "a.json").write_text(whole[:cut], "utf-8")
    assert kinds(audit(tmp_path / "a.json")) == {"broken row": 1}


def test_a_large_array_is_never_held_whole(tmp_path: Path) -> None:
    text = "word " * 4000
    with (tmp_path / "a.json").open("w", encoding="utf-8") as file:
        file.write("[")
        for number in range(2000):
            row = sft(number, **turns(("human", "<image>\n" + text), ("gpt", f"{number}")))
            file.write(("," if number else "") + json.dumps(row))
        file.write("]")
    assert (tmp_path / "a.json").stat().st_size > 40_000_000
    tracemalloc.start()
    report = audit(tmp_path / "a.json")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (report.rows, kinds(report)) == (2000, {})
    assert peak < 12_000_000


def test_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no such file"):
        audit(tmp_path / "none.jsonl")
    with pytest.raises(SettingsError, match=r"no \.jsonl"):
        audit(tmp_path)
    write(tmp_path / "a.jsonl", [])
    assert audit(tmp_path / "a.jsonl").rows == 0


def test_exports_of_ours_pass_the_audit(release: Path, tmp_path: Path) -> None:
    store = Store(tmp_path / "set")
    convert(release, store)
    for format in ("llava", "captioner"):
        export(store, format, str(tmp_path / format), options={"pictures": False})
    assert audit(tmp_path / "captioner" / "train.json").found == {}
    # names of pictures that are not made: one for one <image>
    assert audit(tmp_path / "llava" / "train.json").found == {}


def converted(tmp_path: Path, *rows: Row, **more: Any) -> tuple[Any, Any]:
    store = Store(tmp_path / "set")
    done = convert(write(tmp_path / "a.jsonl", list(rows)), store, **more)
    return done, next(store.rows("captions"))


def test_steps_get_the_times_of_their_keyframes(tmp_path: Path) -> None:
    done, row = converted(tmp_path, released(0))
    assert [(step.kind, step.start_seconds, step.end_seconds) for step in row.steps] == [
        ("opening", 0.0, 0.0),
        ("change", 0.0, 2.0),
        ("change", 2.0, 4.0),
    ]
    assert (row.start_seconds, row.end_seconds, row.summary) == (0.0, 8.0, "The whole of 0.")
    assert (row.user_id, row.location) == ("id0", "panda_videos_1.zip::panda/id0.mp4")
    assert row.provenance.model == "GPT-4V (as released)"
    assert row.provenance.prompt_hash == ""
    assert (row.warnings, row.width, done.videos, done.windows) == ((), 0, 1, 3)


@pytest.mark.parametrize(
    ("keyframe", "unit", "spans", "told"),
    [
        ([0, 1, 2, 4], "seconds", [(0, 1), (1, 2), (2, 4)], True),
        ([0, 1, 3], "candidates", [(0, 0), (0, 2), (2, 6)], True),
        (["00:00:00", "0:00:02.5", "7"], "seconds", [(0, 0), (0, 2.5), (2.5, 7)], True),
        (None, "seconds", [(0, 0), (0, 2), (2, 4)], False),
        ([0, 48, 300], "seconds", [(0, 0), (0, 2), (2, 4)], False),
        ([4, 2, 0], "seconds", [(0, 0), (0, 2), (2, 4)], False),
        ([0, 2], "seconds", [(0, 0), (0, 2), (2, 4)], False),
    ],
)
def test_times_are_never_guessed_silently(
    keyframe: Any, unit: Any, spans: list[tuple[float, float]], told: bool, tmp_path: Path
) -> None:
    done, row = converted(tmp_path, released(0, keyframe=keyframe), keyframe_unit=unit)
    assert [(step.start_seconds, step.end_seconds) for step in row.steps] == spans
    assert bool(row.warnings) == (not told)
    assert all(bool(step.frame_seconds) == told for step in row.steps)
    assert ("set 2 s apart" in done.text()) == (not told)


def test_an_incomplete_row_keeps_what_it_has(tmp_path: Path) -> None:
    row = {"video_id": "a", "captions": [{"idx": 0, "content": "Only this."}, {"idx": "1", "content": None}]}
    done, stored = converted(tmp_path, row)
    assert [step.text for step in stored.steps] == ["Only this."]
    assert (stored.summary, stored.summary_problem) == ("", "empty")
    assert stored.location == "a"
    assert "videos without a summary" in done.text()


def test_halves_of_characters_are_mended(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(
        '{"video_id": "a\\ud83d", "captions": [{"idx": "-1", "content": "half \\ud83d"}], "x": "\\udc00"}\n', "utf-8"
    )
    store = Store(tmp_path / "set")
    convert(tmp_path / "a.jsonl", store)
    assert next(store.rows("captions")).summary == "half ?"


def test_a_whole_release_into_a_data_set(release: Path, tmp_path: Path) -> None:
    store = Store(tmp_path / "set")
    done = convert(release, store)
    assert (done.videos, done.media) == (5, 4)
    assert done.missing["videos whose media were not found"] == 1
    sources = list(store.rows("sources"))
    assert sources[2].location.endswith("zip_folder/mixit/mixkit_videos.zip::mixkit/id2.mp4")
    assert sources[2].tags == {"released_source": "mixkit"}
    assert len({source.id for source in sources}) == 5
    result = export(store, "llava", str(tmp_path / "out"), options={"images": "frames", "frames": 2})
    assert result.videos == 3  # one has no media, the span of one ends after its file


def test_conversations_are_not_taken_for_captions(tmp_path: Path) -> None:
    store = Store(tmp_path / "set")
    done = convert(write(tmp_path / "a.jsonl", [sft(0), released(0)]), store)
    assert done.videos == 1
    assert done.missing["rows without captions (training conversations or other)"] == 1


def test_real_summaries(tmp_path: Path) -> None:
    if not SUMMARIES.is_file():
        pytest.skip(f"{SUMMARIES} is not there")
    report = audit(SUMMARIES)
    assert (report.rows, report.summaries) == (60, 60)
    assert set(report.found) <= {"missing key"}
    store = Store(tmp_path / "set")
    assert convert(SUMMARIES, store).videos == 60
    export(store, "csv", str(tmp_path / "out"))
    expected = {row["video_id"]: row["summary"] for row in json.loads(SUMMARIES.read_text("utf-8"))}
    pandas = pytest.importorskip("pandas")
    table = pandas.read_csv(tmp_path / "out" / "captions.csv")
    assert dict(zip(table["user_id"], table["caption"], strict=True)) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (12, 12.0),
        (1.5, 1.5),
        ("12", 12.0),
        ("0:00:02.500", 2.5),
        ("01:02", 62.0),
        ("1:01:02,25", 3662.25),
        (True, None),
        (None, None),
        ("soon", None),
        (float("nan"), None),
        (float("inf"), None),
        ([1], None),
    ],
)
def test_times_in_all_their_variants(value: Any, expected: float | None) -> None:
    assert seconds(value) == expected


def test_clock_times_come_back() -> None:
    for milliseconds in (0, 1, 999, 1000, 59_999, 60_000, 3_599_999, 3_600_000, 86_399_999):
        assert seconds(clock_text(milliseconds / 1000)) == milliseconds / 1000


def test_every_kind_is_tested() -> None:
    elsewhere = {
        "missing key": test_real_summaries,
        "duplicate video_id": test_what_is_there_twice,
        "same caption": test_what_is_there_twice,
        "missing media": test_media_in_zips,
        "unreadable media": test_media_as_loose_files,
        "unreadable zip": test_media_in_zips,
        "unlisted media": test_media_in_zips,
        "span shorter than the file": test_media_in_zips,
        "span beyond the file": test_media_in_zips,
    }
    tests: dict[str, Callable[..., None]] = elsewhere
    assert {*WRONG, *WRONG_SFT, *tests} == set(KINDS)


def exported(folder: Path, format: str, video: Path, **more: Any) -> Path:
    """An export of ours: two videos and a clip, of a file that is there."""
    rows = [caption_row(number, location=str(video)) for number in range(2)]
    store = made_store(folder / "set", rows)
    store.append("clips", [clip_of(rows[0], 0, 2)])
    export(store, format, str(folder / format), clips=True, **more)
    return folder / format


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("media") / "a.mp4"
    write_video(path, numbered_run(80, 320, 240), fps=10)
    return path


@pytest.mark.parametrize("below", [False, True])
@pytest.mark.parametrize("options", [{}, {"exact_times": True}])
def test_our_own_export_has_nothing_wrong(video: Path, tmp_path: Path, options: dict[str, Any], below: bool) -> None:
    root = str(video.parent) if below else ""
    folder = exported(tmp_path, "sharegpt4video", video, options=options, media_root=root)
    for path in (folder, *folder.glob("*.jsonl")):
        report = audit(path)
        assert kinds(report) == {}, report.text()
        assert (report.rows, report.summaries) == (3, 3)


@pytest.mark.parametrize("options", [{}, {"images": "frames", "frames": 2}, {"lines": True}])
def test_our_own_conversations_have_nothing_wrong(video: Path, tmp_path: Path, options: dict[str, Any]) -> None:
    assert kinds(audit(exported(tmp_path, "llava", video, options=options))) == {}
    options = {"lines": True} if "lines" in options else {"pictures": bool(options)}
    report = audit(exported(tmp_path / "two", "captioner", video, options=options))
    assert kinds(report) == {}
    assert report.rows > 6


def test_an_export_without_rows_is_said_to_have_none(video: Path, tmp_path: Path) -> None:
    folders = [exported(tmp_path / format, format, video) for format in ("csv", "messages")]
    for path in (*folders, folders[0] / "export.json"):
        with pytest.raises(SettingsError, match=r"rows; "):
            audit(path)
    with pytest.raises(SettingsError, match="in the format messages"):
        audit(folders[1] / "train.jsonl")
    exported(tmp_path / "llava", "llava", video)
    with pytest.raises(SettingsError, match="belongs to an export in the format messages"):
        audit(tmp_path)  # what can be read there would hide that this was not


def test_a_list_that_is_only_called_like_a_manifest_is_read(tmp_path: Path) -> None:
    assert audit(write(tmp_path / "export.json", [released()])).rows == 1
    assert audit(tmp_path).rows == 1


def test_a_video_of_an_export_that_is_gone_is_missed(tmp_path: Path) -> None:
    folder = exported(tmp_path, "sharegpt4video", tmp_path / "gone.mp4")
    assert kinds(audit(folder)) == {"missing media": 3}


@pytest.mark.parametrize(
    ("path", "unsafe"),
    [("../a.jpg", True), ("a/../../b.jpg", True), ("..\\a.jpg", True), ("a/../b.jpg", False), ("/a/../b.jpg", False)],
)
def test_what_is_unsafe_is_what_climbs_out(tmp_path: Path, path: str, unsafe: bool) -> None:
    turns = [{"from": "human", "value": "<image>\nWhat?"}, {"from": "gpt", "value": "A dog."}]
    row = {"id": "a", "image": path, "conversations": turns}
    assert kinds(audit(write(tmp_path / "a.jsonl", [row]))) == ({"unsafe path": 1} if unsafe else {})


@pytest.mark.parametrize(
    "more",
    [
        {"timestamp": ["9" * 5000 + ":00:00", "0:00:08"]},
        {"timestamp": ["9" * 400, "1"]},
        {"keyframe": [10**400, 2, 4]},
        captions(("9" * 5000, "a"), ("-1", "c")),
        {"captions": [[["x"]]]},
    ],
)
def test_an_absurd_value_costs_its_row_alone(tmp_path: Path, more: Row) -> None:
    path = write(tmp_path / "a.jsonl", [released(0), released(1) | more, released(2)])
    report = audit(path)
    assert report.rows == 3
    assert report.found
    assert all(place.startswith("a.jsonl:2") for places in report.examples.values() for place in places)
    assert convert(path, Store(tmp_path / "set")).videos >= 2


def test_videos_that_an_export_names_from_its_folder_are_found(video: Path, tmp_path: Path) -> None:
    folder = exported(tmp_path, "sharegpt4video", video)
    rows = [json.loads(line) for line in (folder / "sharegpt4video_train.jsonl").read_text().splitlines()]
    assert {row["video_path"][:3] for row in rows} == {"../"}
    video.rename(video.with_name("gone.mp4"))
    try:
        assert kinds(audit(folder)) == {"missing media": 3}
    finally:
        video.with_name("gone.mp4").rename(video)
    assert kinds(audit(folder)) == {}
    (folder / "export.json").unlink()  # then it is anybody's file, and leads out of its folder
    assert kinds(audit(folder))["unsafe path"] == 3
