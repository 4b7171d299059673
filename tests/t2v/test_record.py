"""Master records: written, read back equal, and refused with the line where they are broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from made_captions import captioned, step
from sharegpt4video.errors import SettingsError
from sharegpt4video.t2v.record import Record, read_records, write_records

CAPTION = captioned([step("opening", 0, 0, "A dog."), step("change", 0, 2, "It runs.")], 2.0)


def test_records_come_back_as_they_were(tmp_path: Path) -> None:
    records = [
        Record("a", "clips/a.mp4", "train", CAPTION, {"motion": 0.5}, {"short": "A dog runs.\u2028 Twice."}),
        Record("b", "/videos/b.mp4", "val", CAPTION),
    ]
    assert write_records(tmp_path / "records.jsonl", records) == 2
    assert list(read_records(tmp_path / "records.jsonl")) == records


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("[]", "line 2: not a record: a record is a JSON object"),
        ('{"id": "a"}', "line 2: not a record: the record has no video and no caption"),
        ("{", "line 2: not a record"),
        ('{"id": "a", "video": "a.mp4", "caption": {"video": 3}}', "line 2: not a record"),
        ('{"id": "a", "video": "a.mp4", "caption": {"video": 3}, "scores": [1]}', "line 2: not a record"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, line: str, problem: str) -> None:
    file = tmp_path / "records.jsonl"
    file.write_text(Record("a", "a.mp4", "train", CAPTION).to_json() + "\n" + line + "\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=problem):
        list(read_records(file))


def test_a_missing_file_says_what_makes_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="--format t2v"):
        list(read_records(tmp_path / "none.jsonl"))
