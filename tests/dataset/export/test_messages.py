"""Messages about whole videos: what ms-swift and LLaMA-Factory count, and where they look for the files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from made_captions import captioned, step
from made_dataset import caption_row, kept, made_store
from sharegpt4video.dataset.export import export
from sharegpt4video.errors import SettingsError


def test_the_line_is_the_layout_that_both_read(tmp_path: Path) -> None:
    video = tmp_path / "videos" / "a.mp4"
    video.parent.mkdir()
    text = "A screen says <video> and <|im_end|>."
    row = caption_row(0, captioned([step("opening", 0.0, 2.0, text)], 2.0, text), location=str(video))
    options = {"question": "What happens?", "name": "mine"}
    export(made_store(tmp_path / "set", [row], selected=[kept(0)]), "messages", str(tmp_path / "out"), options=options)
    (line,) = (tmp_path / "out" / "train.jsonl").read_text("utf-8").splitlines()
    assert json.loads(line) == {
        "id": row.id,
        "messages": [
            {"role": "user", "content": "<video>What happens?"},
            {"role": "assistant", "content": "A screen says < video> and < |im_end|>."},
        ],
        "videos": ["../videos/a.mp4"],
    }
    info = json.loads((tmp_path / "out" / "dataset_info.json").read_text("utf-8"))
    assert (info.keys(), info["mine"]["file_name"]) == ({"mine"}, "train.jsonl")


def test_the_splits_have_names_of_their_own(tmp_path: Path) -> None:
    store = made_store(tmp_path / "set", [caption_row(0), caption_row(1)], selected=[kept(0), kept(1, "val")])
    export(store, "messages", str(tmp_path / "out"))
    info = json.loads((tmp_path / "out" / "dataset_info.json").read_text("utf-8"))
    assert {name: told["file_name"] for name, told in info.items()} == {
        "captions": "train.jsonl",
        "captions_val": "val.jsonl",
    }


def test_a_data_set_needs_a_name(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="name"):
        export(made_store(tmp_path / "set", [caption_row(0)]), "messages", str(tmp_path / "o"), options={"name": " "})
