"""What every exporter promises about the files that it reads or names: what was captioned, and no more of it."""

from __future__ import annotations

import io
import json
import os
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import pytest

from export_readers import READERS, formats, written
from made_dataset import MADE, caption_row, clip_of, made_store, row_id, story, worse_before
from media import numbered_run, write_video
from sharegpt4video.dataset.export import EXPORTERS, export
from sharegpt4video.dataset.rows import CaptionRow, SourceVideo
from sharegpt4video.dataset.settings import DatasetSettings
from sharegpt4video.dataset.sources.sources import find_sources
from sharegpt4video.dataset.store.store import Store
from sharegpt4video.files import content_id
from sharegpt4video.t2v.record import read_records

REPLACED = "videos whose file was replaced since it was captioned"


def captioned_files(*paths: object) -> list[CaptionRow]:
    """A caption for each video that these inputs name, with the id that the listing gives it."""
    sources = [source for source in find_sources([str(path) for path in paths]) if isinstance(source, SourceVideo)]
    return [
        CaptionRow.of(replace(source, user_id=source.id), replace(story(number), provenance=MADE))
        for number, source in enumerate(sources)
    ]


def without_identity(row: CaptionRow) -> CaptionRow:
    """The row as earlier versions wrote it."""
    return replace(row, content_id="", size_bytes=0, modified="")


def a_store(root: Path, rows: list[CaptionRow], *, older: bool = False) -> Store:
    store = Store.create(root, DatasetSettings(), "tiny", "0123456789ab")
    store.append("sources", [replace(row.original, id=row.id, user_id=row.user_id) for row in rows])
    store.append("captions", [without_identity(row) for row in rows] if older else rows)
    return store


def told(path: Path, text: str, nanoseconds: int) -> None:
    path.write_text(text)
    os.utime(path, ns=(nanoseconds, nanoseconds))


def written_over(folder: Path) -> None:
    told(folder / "a.mp4", "something else", 9)


def same_size(folder: Path) -> None:
    told(folder / "a.mp4", "A-video", 9)


def renamed_over(folder: Path) -> None:
    (folder / "a.mp4").unlink()
    told(folder / "new.mp4", "new one", 1)
    (folder / "new.mp4").replace(folder / "a.mp4")


def swapped(folder: Path) -> None:
    (folder / "a.mp4").rename(folder / "aside")
    (folder / "c.mp4").rename(folder / "a.mp4")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    for name in "abc":
        told(tmp_path / "in" / f"{name}.mp4", f"{name} video", ord(name))
    return tmp_path / "in"


@pytest.mark.parametrize("older", [False, True])
@pytest.mark.parametrize("change", [written_over, same_size, renamed_over, swapped])
@formats
def test_a_replaced_file_is_left_out_and_told(
    format: str, change: Callable[[Path], None], older: bool, folder: Path, tmp_path: Path
) -> None:
    rows = captioned_files(folder / "a.mp4", folder / "b.mp4")
    store = a_store(tmp_path / "set", rows, older=older)
    change(folder)
    result = written(store, format, tmp_path / "out")
    assert READERS[format](tmp_path / "out").keys() == {rows[1].id}
    assert (result.left_out, result.failed, result.videos) == ({REPLACED: 1}, 1, 1)
    assert [note for note in result.notes if "a.mp4" in note]
    assert json.loads((tmp_path / "out" / "export.json").read_text("utf-8"))["failed"] == 1


@formats
def test_a_file_that_was_touched_or_moved_stays_with_its_caption(format: str, folder: Path, tmp_path: Path) -> None:
    rows = captioned_files(folder)
    store = a_store(tmp_path / "set", rows)
    os.utime(folder / "a.mp4", ns=(9, 9))
    (folder / "b.mp4").rename(folder / "moved.mp4")
    store.append("sources", [replace(row.original, location=str(folder / "moved.mp4")) for row in rows[1:2]])
    (folder / "c.mp4").unlink()
    result = written(store, format, tmp_path / "out")
    assert READERS[format](tmp_path / "out").keys() == {row.id for row in rows}
    assert (result.failed, result.left_out) == (0, {})
    assert [note for note in result.notes if "no longer where they were" in note]
    if format in ("csv", "sharegpt4video", "llava"):
        text = "".join(file.read_text("utf-8") for file in (tmp_path / "out").glob("[cst]*.*"))
        assert "moved.mp4" in text
        assert "b.mp4" not in text


@formats
def test_what_was_listed_anew_under_the_name_counts(format: str, folder: Path, tmp_path: Path) -> None:
    old = captioned_files(folder / "a.mp4")
    written_over(folder)
    new = captioned_files(folder / "a.mp4")
    store = a_store(tmp_path / "set", [*old, *new], older=True)
    (folder / "a.mp4").unlink()  # the list alone tells
    written(store, format, tmp_path / "out")
    assert READERS[format](tmp_path / "out").keys() == {new[0].id}


@pytest.mark.parametrize("ending", ["tar", "zip"])
@formats
def test_a_member_of_an_archive_is_compared_as_well(format: str, ending: str, tmp_path: Path) -> None:
    archive = tmp_path / f"v.{ending}"
    pack(archive, {"a.mp4": b"one", "b.mp4": b"two"})
    rows = captioned_files(archive)
    store = a_store(tmp_path / "set", rows)
    pack(archive, {"b.mp4": b"two", "a.mp4": b"eno"})
    result = written(store, format, tmp_path / "out")
    assert READERS[format](tmp_path / "out").keys() == {rows[1].id}
    assert result.left_out == {REPLACED: 1}


def pack(archive: Path, members: dict[str, bytes]) -> None:
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive, "w") as zipped:
            for name, data in members.items():
                zipped.writestr(name, data)
        return
    with tarfile.open(archive, "w") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


@formats
def test_a_replaced_clip_is_left_out_and_one_of_a_replaced_video_stays(
    format: str, folder: Path, tmp_path: Path
) -> None:
    rows = captioned_files(folder / "a.mp4")
    store = a_store(tmp_path / "set", rows)
    spans = ((0, 1), (0, 2), (2, 3))
    clips = [replace(clip_of(caption_row(0), *span), video_id=rows[0].id, location=rows[0].location) for span in spans]
    cut = [replace(clip, media=str(tmp_path / f"{clip.id}.mp4"), media_bytes=5) for clip in clips[1:]]
    Path(cut[0].media).write_bytes(b"12345")
    Path(cut[1].media).write_bytes(b"123456")
    store.append("clips", [clips[0], *cut])
    written_over(folder)
    result = written(store, format, tmp_path / "out", clips=True)
    assert READERS[format](tmp_path / "out").keys() <= {cut[0].id}
    # Pairs are made of whole videos: nobody repairs a clip.
    assert (result.videos, result.clips, result.failed) == (0, 0 if format == "preferences" else 1, 3)
    assert result.left_out == {
        REPLACED: 1,
        "clips whose file was replaced since it was captioned": 1,
        "clips whose cut file was replaced": 1,
        **({"clips (pairs are of whole videos)": 1} if format == "preferences" else {}),
    }


# Parts of longer files

NUMBERS_PER_SECOND = 10
WHOLE_FILES_ONLY = [
    ("csv", {"columns": "opensora"}),
    ("csv", {"columns": "videox"}),
    ("csv", {"columns": "ltx"}),
    ("webdataset", {"cut": False}),
    ("messages", {}),
]


@pytest.fixture(scope="module")
def parted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, list[CaptionRow]]:
    """Ten seconds of numbered pictures: the whole, [1, 9), and a clip [0, 4) of the whole that was not cut out."""
    folder = tmp_path_factory.mktemp("parted")
    write_video(folder / "v.mp4", numbered_run(100), fps=NUMBERS_PER_SECOND)
    data = (folder / "v.mp4").read_bytes()
    told_of = folder.joinpath("v.mp4").stat()
    file = SourceVideo(
        content_id([data]), str(folder / "v.mp4"), "", size_bytes=len(data), modified=str(told_of.st_mtime_ns)
    )
    rows = [
        replace(caption_row(0, replace(story(0), end_seconds=10.0)), user_id=row_id(0)),
        moved_by(1.0, caption_row(1)),
    ]
    rows = [
        replace(row, location=file.location, content_id=file.id, size_bytes=file.size_bytes, modified=file.modified)
        for row in rows
    ]
    store = made_store(folder / "set", rows)
    store.append("clips", [clip_of(rows[0], 0, 2)])
    return store, rows


def moved_by(seconds: float, row: CaptionRow) -> CaptionRow:
    """The row as that of the span [1, 9) of a longer file."""
    steps = tuple(
        replace(
            step,
            start_seconds=step.start_seconds + seconds,
            end_seconds=step.end_seconds + seconds,
            frame_seconds=tuple(at + seconds for at in step.frame_seconds),
        )
        for step in row.steps
    )
    shots = tuple(
        replace(shot, start_seconds=shot.start_seconds + seconds, end_seconds=shot.end_seconds + seconds)
        for shot in row.shots
    )
    settings = {**MADE.settings, "start_seconds": seconds, "end_seconds": row.end_seconds + seconds}
    return replace(
        row,
        user_id=row.id,
        steps=steps,
        shots=shots,
        start_seconds=seconds,
        end_seconds=row.end_seconds + seconds,
        provenance=replace(MADE, settings=settings),
    )


@pytest.mark.parametrize(("format", "options"), WHOLE_FILES_ONLY)
def test_readers_of_whole_files_get_no_part_of_one(
    format: str, options: dict[str, Any], parted: tuple[Store, list[CaptionRow]], tmp_path: Path
) -> None:
    store, rows = parted
    result = export(store, format, str(tmp_path / "out"), clips=True, options=options)
    everything = b"".join(file.read_bytes() for file in (tmp_path / "out").iterdir())
    assert rows[0].id.encode() in everything
    assert rows[1].id.encode() not in everything
    assert (result.videos, result.clips, result.failed) == (1, 0, 0)
    assert {reason.partition(" (")[0]: count for reason, count in result.left_out.items()} == {
        "videos that are part of a longer file": 1,
        "clips that are part of a longer file": 1,
    }


Part = tuple[float, float]  # what the export says it is of the file that it names or holds


def csv_parts(folder: Path) -> dict[str, Part]:
    pandas = pytest.importorskip("pandas")
    table = pandas.read_csv(folder / "captions.csv")
    return {row["id"]: (row["start_seconds"], row["end_seconds"]) for row in table.to_dict("records")}


def parquet_parts(folder: Path) -> dict[str, Part]:
    duckdb = pytest.importorskip("duckdb")
    rows = duckdb.sql(f"SELECT id, start_seconds, end_seconds FROM read_parquet('{folder}/data/*.parquet')").fetchall()
    return {id: (start, end) for id, start, end in rows}


def released_parts(folder: Path) -> dict[str, Part]:
    lines = (folder / "sharegpt4video_train.jsonl").read_text("utf-8").splitlines()
    return {row["video_id"]: tuple(map(clock, row["timestamp"])) for row in map(json.loads, lines)}  # type: ignore[misc]


def clock(text: str) -> float:
    hours, minutes, seconds = text.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def shown_parts(folder: Path) -> dict[str, Part]:
    """From the times of the pictures: they lie in the middle of 16 equal parts."""
    found = {}
    for sample in json.loads((folder / "train.json").read_text("utf-8")):
        times = sample["seconds"]
        half = (times[1] - times[0]) / 2
        found[sample["id"]] = (times[0] - half, times[-1] + half)
    return found


def role_parts(folder: Path) -> dict[str, Part]:
    found: dict[str, Part] = {}
    for sample in json.loads((folder / "train.json").read_text("utf-8")):
        id = sample["id"].partition("-")[0]
        times = [*sample["seconds"], *found.get(id, ())]
        if times:
            found[id] = (min(times), max(times))
    return found


def pair_parts(folder: Path) -> dict[str, Part]:
    found: dict[str, list[float]] = {}
    for pair in map(json.loads, (folder / "train.jsonl").read_text("utf-8").splitlines()):
        found.setdefault(pair["id"].partition("-")[0], []).extend(pair["seconds"])
    return {id: (min(times), max(times)) for id, times in found.items()}


def cue_parts(folder: Path) -> dict[str, Part]:
    found = {}
    for file in [*folder.rglob("*.srt"), *folder.rglob("*.vtt")]:
        with av.open(str(file)) as container:
            packets = [packet for packet in container.demux() if packet.size]
        ends = [
            (packet.pts * packet.time_base, (packet.pts + packet.duration) * packet.time_base) for packet in packets
        ]
        found[file.stem] = (float(ends[0][0]), float(ends[-1][1]))
    return found


def media_parts(folder: Path) -> dict[str, Part]:
    """What a shard says, once its pictures have been counted: they must be those of the part and no others."""
    found = {}
    with tarfile.open(folder / "train-000000.tar") as tar:
        members = {name: tar.extractfile(name).read() for name in tar.getnames()}  # type: ignore[union-attr]
    for name, data in members.items():
        id, _, ending = name.partition(".")
        if ending == "json":
            plain = json.loads(data)
            with av.open(io.BytesIO(members[f"{id}.mp4"])) as container:
                pictures = sum(1 for _ in container.decode(video=0))
            at = plain["cut_at_seconds"]
            assert pictures == round(NUMBERS_PER_SECOND * (plain["end_seconds"] - plain["start_seconds"]))
            assert plain["start_seconds"] == 0
            assert plain["steps"][0]["start_seconds"] == 0
            found[id] = (plain["start_seconds"] + at, plain["end_seconds"] + at)
    return found


def lance_parts(folder: Path) -> dict[str, Part]:
    lance = pytest.importorskip("lance")
    rows = lance.dataset(str(folder / "captions.lance")).to_table().to_pylist()
    return {row["id"]: (row["start_seconds"], row["end_seconds"]) for row in rows}


def record_parts(folder: Path) -> dict[str, Part]:
    captions = {record.id: record.caption for record in read_records(folder / "records.jsonl")}
    return {id: (caption.start_seconds, caption.end_seconds) for id, caption in captions.items()}


PARTS: dict[str, Callable[[Path], dict[str, Part]]] = {
    "sharegpt4video": released_parts,
    "parquet": parquet_parts,
    "webdataset": media_parts,
    "llava": shown_parts,
    "captioner": role_parts,
    "preferences": pair_parts,
    "t2v": record_parts,
    "srt": cue_parts,
    "vtt": cue_parts,
    "csv": csv_parts,
    "lance": lance_parts,
}


@formats
def test_a_part_of_a_file_is_cut_out_or_comes_with_its_times(
    format: str, parted: tuple[Store, list[CaptionRow]], tmp_path: Path
) -> None:
    store, rows = parted
    whole = {name for name, options in WHOLE_FILES_ONLY if not options}
    assert {*PARTS, *whole} == EXPORTERS.keys()
    if format not in PARTS:
        return  # held by the test above
    options = {"captioner": {"pictures": False, "roles": ["sliding", "fast"]}, "llava": {"side_pixels": 64}}.get(format)
    if format == "preferences":
        store = made_store(tmp_path / "set", rows)
        store.append("clips", [clip_of(rows[0], 0, 2)])
        worse_before(store, openings=True)
    result = export(store, format, str(tmp_path / "out"), clips=True, options=options)
    (clip,) = store.rows("clips")
    found = {id: pytest.approx(part, abs=0.01) for id, part in PARTS[format](tmp_path / "out").items()}
    if format == "preferences":  # of videos alone: nobody repairs a clip; pairs are of the openings of both shots
        assert (result.videos, result.clips, result.left_out) == (2, 0, {"clips (pairs are of whole videos)": 1})
        assert found == {rows[0].id: (0.0, 4.0), rows[1].id: (1.0, 5.0)}
        return
    assert (result.videos, result.clips, result.left_out) == (2, 1, {})
    if format == "captioner":  # the first and the last picture that is asked about, of 16 in fast mode
        assert found == {rows[0].id: (0.0, 9.6875), rows[1].id: (1.0, 8.75), clip.id: (0.125, 3.875)}
    else:
        assert found == {rows[0].id: found[rows[0].id], rows[1].id: (1.0, 9.0), clip.id: (0.0, 4.0)}
