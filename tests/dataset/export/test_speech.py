"""What is said goes out with the captions, at the times of what is exported."""

from __future__ import annotations

import json
import tarfile
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq

from made_dataset import caption_row, made_store
from sharegpt4video.dataset.export import export
from sharegpt4video.records import Sound, SoundSpan, Utterance

SOUND = Sound(
    0.0, 8.0, True, (SoundSpan("speech", 1.0, 3.0, 0.9),), 0.1, 0.2, 0.0, (Utterance("Watch out!", 1.0, 2.0, -0.2),)
)
SAID = {"start_seconds": 1.0, "end_seconds": 2.0, "text": "Watch out!"}
ROWS = [
    replace(caption_row(0), sound=SOUND),
    replace(caption_row(1), sound=replace(SOUND, speech=None)),
    caption_row(2),
]


def test_speech_is_a_column_of_parquet_and_a_field_of_webdataset(tmp_path: Path) -> None:
    store = made_store(tmp_path / "set", ROWS)
    export(store, "parquet", str(tmp_path / "parquet"))
    table = pq.read_table(tmp_path / "parquet" / "data")
    found = dict(zip(table["id"].to_pylist(), table["speech"].to_pylist(), strict=True))
    assert [found[row.id] for row in ROWS] == [[SAID], None, None]
    export(store, "webdataset", str(tmp_path / "web"), options={"media": False})
    (shard,) = (tmp_path / "web").glob("*.tar")
    with tarfile.open(shard) as tar:
        files = [json.load(tar.extractfile(one)) for one in tar.getmembers() if one.name.endswith("json")]  # type: ignore[arg-type]
    assert {one["id"]: one["speech"] for one in files} == found


def test_subtitles_have_it(tmp_path: Path) -> None:
    export(made_store(tmp_path / "set", ROWS), "srt", str(tmp_path / "srt"))
    texts = [path.read_text(encoding="utf-8") for path in (tmp_path / "srt").rglob("*.srt")]
    assert sorted(text.count("[speech] Watch out!") for text in texts) == [0, 0, 1]
