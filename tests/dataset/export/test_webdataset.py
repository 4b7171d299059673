import io
import json
import tarfile
import zipfile
from pathlib import Path

import pytest

from made_dataset import caption_row, clip_of, kept, made_store
from sharegpt4video.dataset.export import export
from sharegpt4video.dataset.rows import CaptionRow
from sharegpt4video.dataset.store.store import Store


def videos(folder: Path, count: int = 3, size: int = 70_000) -> list[CaptionRow]:
    """Captions of files whose bytes are known; nobody has to play them."""
    folder.mkdir()
    rows = []
    for number in range(count):
        (folder / f"{number}.mkv").write_bytes(bytes([number]) * (size + number))
        rows.append(caption_row(number, location=str(folder / f"{number}.mkv")))
    return rows


def test_media_are_copied_byte_for_byte(tmp_path: Path) -> None:
    webdataset = pytest.importorskip("webdataset")
    rows = videos(tmp_path / "videos")
    export(made_store(tmp_path / "set", rows), "webdataset", str(tmp_path / "out"))
    samples = list(webdataset.WebDataset(str(tmp_path / "out" / "train-000000.tar"), shardshuffle=False))
    assert [sample["__key__"] for sample in samples] == [row.id for row in rows]
    for number, sample in enumerate(samples):
        assert sample["mkv"] == bytes([number]) * (70_000 + number)
        assert sample["txt"].decode() == rows[number].summary
        said = json.loads(sample["json"])
        assert said["start_seconds"] == 0.0
        assert [step["text"] for step in said["steps"]] == [step.text for step in rows[number].steps]


def test_members_of_archives_are_copied_too(tmp_path: Path) -> None:
    data = bytes(range(256)) * 400
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr("in/x.mp4", data)
    with tarfile.open(tmp_path / "b.tar", "w") as tar:
        info = tarfile.TarInfo("y.mp4")
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
    rows = [
        caption_row(0, location=f"{tmp_path}/a.zip::in/x.mp4"),
        caption_row(1, location=f"{tmp_path}/b.tar::y.mp4"),
    ]
    result = export(made_store(tmp_path / "set", rows), "webdataset", str(tmp_path / "out"))
    assert result.left_out == {}
    with tarfile.open(tmp_path / "out" / "train-000000.tar") as tar:
        for row in rows:
            member = tar.extractfile(f"{row.id}.mp4")
            assert member is not None
            assert member.read() == data


def test_shards_end_by_count_and_by_size(tmp_path: Path) -> None:
    rows = videos(tmp_path / "videos", 5)
    store = made_store(tmp_path / "set", rows, selected=[*map(kept, range(4)), kept(4, "val")])
    export(store, "webdataset", str(tmp_path / "count"), options={"shard_samples": 3})
    assert shards(tmp_path / "count") == {"train-000000.tar": 3, "train-000001.tar": 1, "val-000000.tar": 1}
    export(store, "webdataset", str(tmp_path / "size"), options={"shard_bytes": 160_000})
    assert shards(tmp_path / "size") == {"train-000000.tar": 2, "train-000001.tar": 2, "val-000000.tar": 1}
    assert all(file.stat().st_size <= 160_000 + 2 * tarfile.RECORDSIZE for file in (tmp_path / "size").glob("*.tar"))
    export(store, "webdataset", str(tmp_path / "tiny"), options={"shard_bytes": 1})
    assert set(shards(tmp_path / "tiny").values()) == {1}


def shards(folder: Path) -> dict[str, int]:
    found = {}
    for file in sorted(folder.glob("*.tar")):
        with tarfile.open(file) as tar:
            found[file.name] = sum(name.endswith(".json") for name in tar.getnames())
    return found


def test_a_video_that_is_gone_is_left_out_and_named(tmp_path: Path) -> None:
    rows = videos(tmp_path / "videos")
    (tmp_path / "videos" / "1.mkv").unlink()
    result = export(made_store(tmp_path / "set", rows), "webdataset", str(tmp_path / "out"))
    assert (result.videos, result.left_out) == (2, {"media that cannot be read": 1})
    assert "1.mkv" in result.text()
    assert shards(tmp_path / "out") == {"train-000000.tar": 2}


def test_clips_need_a_file_of_their_own(tmp_path: Path) -> None:
    rows = videos(tmp_path / "videos", 1)
    (tmp_path / "clip.webm").write_bytes(b"clip")
    store = made_store(tmp_path / "set", rows)
    store.append("clips", [clip_of(rows[0], 2, 3, media=str(tmp_path / "clip.webm")), clip_of(rows[0], 0, 1)])
    result = export(store, "webdataset", str(tmp_path / "out"), clips=True, options={"cut": False})
    assert (result.videos, result.clips) == (1, 1)
    assert result.left_out == {"clips that are part of a longer file (they would have to be cut)": 1}
    with tarfile.open(tmp_path / "out" / "train-000000.tar") as tar:
        names = tar.getnames()
        said = json.loads(tar.extractfile(names[4]).read())  # type: ignore[union-attr]
    assert names[3].endswith(".webm")
    assert (said["start_seconds"], said["end_seconds"], said["steps"][0]["start_seconds"]) == (0.0, 6.0, 0.0)


def test_nothing_of_a_tar_depends_on_the_day(tmp_path: Path) -> None:
    export(made_store(tmp_path / "set", videos(tmp_path / "v", 1)), "webdataset", str(tmp_path / "out"))
    with tarfile.open(tmp_path / "out" / "train-000000.tar") as tar:
        assert {(member.mtime, member.uid, member.uname, member.mode) for member in tar} == {(0, 0, "", 0o644)}


def test_no_split_no_shard(tmp_path: Path) -> None:
    export(Store(tmp_path / "set"), "webdataset", str(tmp_path / "out"))
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["export.json"]
