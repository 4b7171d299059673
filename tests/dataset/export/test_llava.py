import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from made_captions import captioned, step
from made_dataset import caption_row, clip_of, made_store
from media import number_of, numbered_run, write_video
from sharegpt4video.dataset.export import export
from sharegpt4video.dataset.export.conversations import check
from sharegpt4video.dataset.rows import CaptionRow


@pytest.fixture
def row(tmp_path: Path) -> CaptionRow:
    """Eight seconds of pictures that carry their number, ten a second."""
    write_video(tmp_path / "a.mp4", numbered_run(80, 320, 240), fps=10)
    return caption_row(0, location=str(tmp_path / "a.mp4"))


def samples(folder: Path, split: str = "train") -> list[dict[str, Any]]:
    return json.loads((folder / f"{split}.json").read_text("utf-8"))


def picture(path: Path) -> Any:
    with Pillow.open(io.BytesIO(path.read_bytes())) as opened:
        assert opened.format == "JPEG"
        return np.array(opened.convert("RGB"))


def test_a_grid_shows_sixteen_frames_in_order(row: CaptionRow, tmp_path: Path) -> None:
    export(made_store(tmp_path / "set", [row]), "llava", str(tmp_path / "out"))
    (sample,) = samples(tmp_path / "out")
    pixels = picture(tmp_path / "out" / sample["image"])
    assert pixels.shape == (4 * 240 + 3 * 50, 4 * 320 + 3 * 50, 3)
    cells = [pixels[r * 290 : r * 290 + 240, c * 370 : c * 370 + 320] for r in range(4) for c in range(4)]
    assert [number_of(cell) for cell in cells] == [2, 7, 12, 17, 22, 27, 32, 37, 42, 47, 52, 57, 62, 67, 72, 77]
    assert pixels[245:285].min() > 240  # a white band
    assert sample["seconds"][:2] == [0.25, 0.75]
    assert (sample["source_video"], "video" in sample) == ("../a.mp4", False)
    human, gpt = sample["conversations"]
    assert human["value"].startswith("<image>\nThe provided image arranges keyframes from a video in a grid view")
    assert human["value"].count("<image>") == 1
    assert (human["from"], gpt) == ("human", {"from": "gpt", "value": row.summary})


def test_frames_as_pictures_of_their_own(row: CaptionRow, tmp_path: Path) -> None:
    options = {"images": "frames", "frames": 4, "lines": True, "question": "What is this?"}
    export(made_store(tmp_path / "set", [row]), "llava", str(tmp_path / "out"), options=options)
    (sample,) = [json.loads(line) for line in (tmp_path / "out" / "train.jsonl").read_text("utf-8").splitlines()]
    assert [number_of(picture(tmp_path / "out" / name)) for name in sample["image"]] == [10, 30, 50, 70]
    assert sample["conversations"][0]["value"] == "<image>\n" * 4 + "What is this?"


def test_pictures_that_begin_after_the_sound(row: CaptionRow, tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    write_video(path, numbered_run(60, 320, 240), fps=10, pts=range(20, 80), audio_seconds=(0, 8))
    options = {"images": "frames", "frames": 4}
    export(made_store(tmp_path / "set", [row]), "llava", str(tmp_path / "out"), options=options)
    (sample,) = samples(tmp_path / "out")
    assert [number_of(picture(tmp_path / "out" / name)) for name in sample["image"]] == [0, 10, 30, 50]


def test_clips_show_their_own_part(row: CaptionRow, tmp_path: Path) -> None:
    store = made_store(tmp_path / "set", [row])
    store.append("clips", [clip_of(row, 3, 3)])
    export(store, "llava", str(tmp_path / "out"), clips=True, options={"images": "frames", "frames": 2})
    names = samples(tmp_path / "out")[1]["image"]
    assert [number_of(picture(tmp_path / "out" / name)) for name in names] == [50, 70]


def test_a_video_that_cannot_be_read_is_left_out(row: CaptionRow, tmp_path: Path) -> None:
    (tmp_path / "b.mp4").write_bytes(b"no video")
    late = caption_row(2, captioned([step("opening", 0.0, 99.0, "Long.")], 99.0), location=row.location)
    rows = [row, caption_row(1, location=str(tmp_path / "b.mp4")), late]
    result = export(made_store(tmp_path / "set", rows), "llava", str(tmp_path / "out"))
    assert len(samples(tmp_path / "out")) == result.videos == 1
    assert result.left_out == {"videos without readable pictures": 2}
    assert "b.mp4" in result.text()


def test_without_pictures_their_names_are_told(tmp_path: Path) -> None:
    result = export(
        made_store(tmp_path / "set", [caption_row(0)]), "llava", str(tmp_path / "out"), options={"pictures": False}
    )
    assert samples(tmp_path / "out")[0]["image"] == f"images/00/{caption_row(0).id}.jpg"
    assert not (tmp_path / "out" / "images").exists()
    assert "pictures were not made" in result.text()


def test_a_sample_with_the_wrong_number_of_pictures_is_never_written() -> None:
    with pytest.raises(ValueError, match="1 places for 2 pictures"):
        check({"id": "a", "image": ["a.jpg", "b.jpg"], "conversations": [{"from": "human", "value": "<image>\nWhat?"}]})
    with pytest.raises(ValueError, match="trainers would open both"):
        check({"id": "a", "image": "a.jpg", "video": "a.mp4", "conversations": [{"from": "human", "value": "<image>"}]})


def test_the_hub_loader_reads_it(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    rows = [caption_row(number) for number in range(3)]
    export(made_store(tmp_path / "set", rows), "llava", str(tmp_path / "out"), options={"pictures": False})
    loaded = datasets.load_dataset(
        "json", data_files=str(tmp_path / "out" / "train.json"), split="train", cache_dir=str(tmp_path / "cache")
    )
    assert [one["conversations"][1]["value"] for one in loaded] == [row.summary for row in rows]
