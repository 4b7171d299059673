"""Plain texts beside videos: into a data set, into a new one, and every file that is left out is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from made_dataset import caption_row, made_store, row_id
from made_sets import write_clips
from sharegpt4video.dataset.dataset import open_dataset
from sharegpt4video.dataset.reviews.importing import new_from_texts
from sharegpt4video.dataset.rows import SourceVideo
from sharegpt4video.errors import SettingsError, StorageError


def text(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_a_folder_of_videos_and_texts_becomes_a_data_set_to_mend_and_export(tmp_path: Path) -> None:
    videos = write_clips(tmp_path / "videos", 3)
    text(videos[0].with_suffix(".txt"), "\ufeffA grey texture moves. \r\n")
    text(videos[1].parent / f"{videos[1].name}.txt", "Another texture.")
    lone = text(videos[0].parent / "notes.txt", "To do.")
    empty = text(videos[2].with_suffix(".txt"), "  \n")
    done = new_from_texts(tmp_path / "set", tmp_path / "videos")
    assert done.imported == 2
    assert sorted(done.skipped) == sorted([(str(lone), "no video is called so"), (str(empty), "is empty")])
    ds = open_dataset(tmp_path / "set")
    rows = {row.user_id: row for row in ds.captions()}
    assert {name: row.summary for name, row in rows.items()} == {
        "clip-000": "A grey texture moves.",
        "clip-001": "Another texture.",
    }
    row = rows["clip-000"]
    assert (row.width, row.height, row.mode, [step.text for step in row.steps]) == (64, 48, "fast", [row.summary])
    assert row.end_seconds == pytest.approx(3.0, abs=0.2)
    ds.reviews.add(row.id, "A grey texture moves to the left.")
    result = ds.export("csv", tmp_path / "out")
    assert result.videos == 2
    assert "moves to the left" in (tmp_path / "out" / "captions.csv").read_text("utf-8")
    assert ds.reviews.recaption("embedded", dry_run=True).text()
    with pytest.raises(StorageError, match="already a data set"):
        new_from_texts(tmp_path / "set", tmp_path / "videos")


def test_texts_in_a_folder_of_their_own(tmp_path: Path) -> None:
    videos = write_clips(tmp_path / "videos", 2)
    text(tmp_path / "texts" / "clip-001.txt", "The second.")
    done = new_from_texts(tmp_path / "set", tmp_path / "texts", videos=tmp_path / "videos")
    assert (done.imported, done.skipped) == (1, [])
    assert [row.location for row in open_dataset(tmp_path / "set").captions()] == [str(videos[1])]


def test_what_is_no_video_is_told(tmp_path: Path) -> None:
    text(tmp_path / "videos" / "broken.mp4", b"not a video")
    text(tmp_path / "videos" / "broken.txt", "Text.")
    write_clips(tmp_path / "videos", 1)
    text(tmp_path / "videos" / "clip-000.txt", "Text.")
    done = new_from_texts(tmp_path / "set", tmp_path / "videos")
    assert done.imported == 1
    ((file, why),) = done.skipped
    assert file.endswith("broken.mp4")
    assert "not a video" in why


def test_into_a_data_set_as_summaries_and_undone(tmp_path: Path) -> None:
    folder = tmp_path / "videos"
    rows = [caption_row(number, location=str(folder / f"clip {number}.mp4")) for number in range(3)]
    store = made_store(tmp_path / "set", rows)
    store.append("sources", [SourceVideo(row_id(7), str(folder / "late.mp4")), SourceVideo(row_id(8), "/b/twin.mp4")])
    store.append("sources", [SourceVideo(row_id(9), "/c/twin.mp4")])
    text(folder / "clip 0.txt", "Mended by hand.")
    text(folder / "clip 1.txt", rows[1].summary)
    bad = text(folder / "clip 2.txt", b"\xff\xfe\x00")
    late, twin, alien = (text(folder / f"{name}.txt", "Text.") for name in ("late", "twin", "alien"))
    outside = text(tmp_path / "secret.txt", "Secret.")
    (folder / "clip 9.txt").symlink_to(outside)
    ds = open_dataset(tmp_path / "set")
    done = ds.reviews.import_texts(folder, author="ada")
    assert (done.imported, done.unchanged) == (1, 1)
    assert dict(done.skipped) == {
        str(bad): "is not UTF-8; convert it",
        str(late): "its video is not captioned yet",
        str(twin): "2 videos of the data set are called so",
        str(alien): "no video of the data set has this name",
        str(folder / "clip 9.txt"): "is a link to outside of the folder",
    }
    assert [row.summary for row in ds.captions()] == ["Mended by hand.", rows[1].summary, rows[2].summary]
    assert (ds.reviews.batches()[0].rows, ds.reviews.batches()[0].finished) == (1, True)
    again = ds.reviews.import_texts(folder)
    assert (again.imported, again.unchanged, again.batch) == (0, 2, "")
    assert len(ds.reviews.batches()) == 1
    ds.reviews.undo(done.batch)
    assert [row.summary for row in ds.captions()] == [row.summary for row in rows]


def test_nothing_to_import_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="is not a folder"):
        new_from_texts(tmp_path / "set", tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(SettingsError, match=r"has no \.txt files"):
        new_from_texts(tmp_path / "set", tmp_path / "empty")
    text(tmp_path / "lone" / "lone.txt", "Text.")
    with pytest.raises(SettingsError, match="no video is called so"):
        new_from_texts(tmp_path / "set", tmp_path / "lone")
    assert not (tmp_path / "set").exists()


def test_a_file_that_is_no_caption_is_not_read_whole(tmp_path: Path) -> None:
    made_store(tmp_path / "set", [caption_row(0)]).append("sources", [SourceVideo(row_id(0), str(tmp_path / "a.mp4"))])
    with (tmp_path / "a.txt").open("wb") as file:
        file.truncate(1 << 42)  # 4 TB, of which nothing is on the disk
    done = open_dataset(tmp_path / "set").reviews.import_texts(tmp_path)
    assert (done.imported, done.skipped) == (0, [(str(tmp_path / "a.txt"), "has more than 100,000 characters")])
