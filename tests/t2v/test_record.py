"""Master records: written, read back equal, and refused with the line where they are broken."""

from __future__ import annotations

import json
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
        ("[" * 100_000, "line 2: not a record"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, line: str, problem: str) -> None:
    file = tmp_path / "records.jsonl"
    file.write_text(Record("a", "a.mp4", "train", CAPTION).to_json() + "\n" + line + "\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=problem):
        list(read_records(file))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("id", id) for id in ("../x", "/etc/x", "a/b", "..", "C:\\x", "a\n", "é", "a" * 201, 5, ["a"])),
        *(("split", split) for split in ("../..", "/tmp", ".", "clips", "TRAIN", 5, ["train"])),
        ("video", 5),
        *(("scores", scores) for scores in ([1], "x", {"flow": None}, {"flow": 10**400}, {"flow": "x"})),
        ("texts", ["x"]),
    ],
)
def test_nothing_of_a_strangers_record_can_lead_out_of_an_export(tmp_path: Path, field: str, value: object) -> None:
    plain = json.loads(Record("a", "a.mp4", "train", CAPTION).to_json()) | {field: value}
    (tmp_path / "records.jsonl").write_text(json.dumps(plain) + "\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=f"line 1: not a record: .*{field.rstrip('s')}"):
        list(read_records(tmp_path / "records.jsonl"))


@pytest.mark.parametrize("part", ["caption", "shots", "steps"])
@pytest.mark.parametrize("seconds", [float("nan"), float("inf")])
def test_times_are_numbers(tmp_path: Path, part: str, seconds: float) -> None:
    plain = json.loads(Record("a", "a.mp4", "train", CAPTION).to_json())
    (plain["caption"] if part == "caption" else plain["caption"][part][0])["end_seconds"] = seconds
    (tmp_path / "records.jsonl").write_text(json.dumps(plain) + "\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=f"a {part.rstrip('s')} has the times"):
        list(read_records(tmp_path / "records.jsonl"))


def test_marks_of_other_editors_are_no_part_of_a_record(tmp_path: Path) -> None:
    record = Record("a", "a.mp4", "train", CAPTION)
    (tmp_path / "records.jsonl").write_text(f"\ufeff{record.to_json()}\r\n", encoding="utf-8", newline="")
    assert list(read_records(tmp_path / "records.jsonl")) == [record]


def test_a_video_in_place_of_records_is_told_apart(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"\x00\x00ftyp\x98\xff")
    with pytest.raises(SettingsError, match=r"not UTF-8 text; give the records\.jsonl"):
        list(read_records(tmp_path / "a.mp4"))


def test_a_missing_file_says_what_makes_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="--format t2v"):
        list(read_records(tmp_path / "none.jsonl"))
