"""The user's lists: what each row of each kind of table stands for, and which rows are refused with which words."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharegpt4video.dataset.sources.tables import (
    Listed,
    Row,
    RowProblem,
    checked_span,
    listed_of,
    parse_seconds,
    read_rows,
)
from sharegpt4video.errors import SettingsError


def rows_of(path: Path, text: str | bytes) -> list[Row]:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return list(read_rows(str(path)))


def only(rows: list[Row]) -> list[Listed]:
    assert not [row.problem for row in rows if row.problem]
    return [listed for row in rows for listed in row.listed]


@given(st.integers(0, 99), st.integers(0, 59), st.integers(0, 59), st.integers(0, 999))
def test_every_way_to_write_a_time_reads_as_its_seconds(h: int, m: int, s: int, ms: int) -> None:
    seconds = h * 3600 + m * 60 + s + ms / 1000
    assert parse_seconds(f"{h}:{m:02}:{s:02}.{ms:03}") == pytest.approx(seconds, abs=1e-9)
    assert parse_seconds(f" {h:02}:{m:02}:{s:02}.{ms:03} ") == pytest.approx(seconds, abs=1e-9)
    assert parse_seconds(repr(seconds)) == seconds
    assert parse_seconds(f"{seconds:e}") == pytest.approx(seconds, rel=1e-6)
    assert parse_seconds(seconds) == seconds
    assert parse_seconds(datetime.timedelta(hours=h, minutes=m, seconds=s, milliseconds=ms)) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "value", ["1:60", "1:60:00", "soon", "-1", "1e400", "nan", "1:2:3:4", "٣", -1, float("inf"), True, []]
)
def test_what_is_no_time_is_refused(value: object) -> None:
    with pytest.raises(RowProblem):
        parse_seconds(value)


@pytest.mark.parametrize("value", [None, "", "  ", float("nan")])
def test_an_empty_cell_is_no_time(value: object) -> None:
    assert parse_seconds(value) is None


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_a_span_ends_after_it_starts(start: float, end: float) -> None:
    if end > start:
        assert checked_span(repr(start), end) == (start, end)
    else:
        with pytest.raises(RowProblem, match="not after its start"):
            checked_span(start, end)


def test_a_text_list_has_paths_spans_and_comments(tmp_path: Path) -> None:
    text = "\ufeff# videos\na.mp4\n\n  b c.mp4 , 0:01 , 0:02.5\r\nd,e.mp4\nd,e.mp4,3,\nodd name,1,2\nf.mp4,,9\n"
    assert only(rows_of(tmp_path / "l.txt", text)) == [
        Listed("a.mp4"),
        Listed("b c.mp4", start_seconds=1.0, end_seconds=2.5),
        Listed("d,e.mp4"),
        Listed("d,e.mp4", start_seconds=3.0),
        Listed("odd name", start_seconds=1.0, end_seconds=2.0),
        Listed("f.mp4", end_seconds=9.0),
    ]


def test_bad_lines_of_a_text_list_are_named_with_their_number(tmp_path: Path) -> None:
    rows = rows_of(tmp_path / "l.txt", "a.mp4\na.mp4,x,2\na.mp4,2,1\na.mp4,1,2,3\nb.mp4\n")
    assert [row.number for row in rows if row.problem] == [2, 3, 4]
    assert "'x' is not a time" in rows[1].problem
    assert "not after its start" in rows[2].problem
    assert [listed.path for row in rows for listed in row.listed] == ["a.mp4", "b.mp4"]


def test_a_csv_gives_ids_spans_captions_and_tags(tmp_path: Path) -> None:
    text = 'Video,ID,start,end_seconds,Caption,licence\n"a,b.mp4",7,0:01,2,"two\nlines",cc-by\nc.mp4,8,,,,\n'
    assert only(rows_of(tmp_path / "t.csv", text)) == [
        Listed("a,b.mp4", "7", 1.0, 2.0, "two\nlines", {"licence": "cc-by"}),
        Listed("c.mp4", "8"),
    ]


def test_bad_rows_of_a_csv_are_named_and_the_rest_is_read(tmp_path: Path) -> None:
    text = "path,start,end\na.mp4,1,2\n,1,2\nb.mp4,1,2,3\nc.mp4,x,2\nd.mp4,9,2\ne.mp4\n"
    rows = rows_of(tmp_path / "t.csv", text)
    assert [row.number for row in rows if row.problem] == [3, 4, 5, 6]
    assert [row.problem for row in rows if "where the video is" in row.problem or "columns" in row.problem]
    assert [listed.path for row in rows for listed in row.listed] == ["a.mp4", "e.mp4"]


def test_an_open_quote_does_not_swallow_a_table_silently(tmp_path: Path) -> None:
    text = 'path,caption\na.mp4,fine\nb.mp4,"never closed\n' + "c.mp4,x\n" * 40_000
    rows = rows_of(tmp_path / "t.csv", text)
    assert rows[0].listed[0].path == "a.mp4"
    assert any("not proper CSV" in row.problem for row in rows)


def test_a_table_in_another_encoding_is_refused_row_by_row(tmp_path: Path) -> None:
    rows = rows_of(tmp_path / "t.csv", b"path,caption\na.mp4,caf\xe9\nb.mp4,tea\n")
    assert "not UTF-8" in rows[0].problem
    assert rows[1].listed[0].caption == "tea"


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.parquet"])
def test_a_table_without_a_path_column_is_a_wrong_call(tmp_path: Path, name: str) -> None:
    if name.endswith("parquet"):
        pq.write_table(pa.table({"name": ["a.mp4"], "size": [1]}), tmp_path / name)
    else:
        (tmp_path / name).write_text("name,size\na.mp4,1\n".replace(",", "\t" if name.endswith("tsv") else ","))
    with pytest.raises(SettingsError, match=r"no column says where the videos are; there is name, size"):
        list(read_rows(str(tmp_path / name)))


def test_what_is_called_parquet_but_is_none_is_a_wrong_call(tmp_path: Path) -> None:
    (tmp_path / "t.parquet").write_bytes(b"PAR0 nothing")
    with pytest.raises(SettingsError, match="cannot be read as Parquet"):
        list(read_rows(str(tmp_path / "t.parquet")))


def test_json_lines_keep_nested_columns_as_tags(tmp_path: Path) -> None:
    lines = [{"file": "a.mp4", "video_id": 3, "text": "t", "scores": [1, 2], "none": None}, {"url": "http://h/b.mp4"}]
    rows = rows_of(tmp_path / "t.jsonl", "\n".join(json.dumps(line) for line in lines))
    assert only(rows) == [Listed("a.mp4", "3", caption="t", tags={"scores": "[1, 2]"}), Listed("http://h/b.mp4")]


def test_bad_json_lines_are_named(tmp_path: Path) -> None:
    rows = rows_of(tmp_path / "t.jsonl", '{"path": "a.mp4"}\n{"path": \n[1]\n{"path": "\\ud800.mp4"}\n' + "[" * 9000)
    assert [row.number for row in rows if row.problem] == [2, 3, 4, 5]


def test_parquet_durations_and_missing_values(tmp_path: Path) -> None:
    table = {
        "video_path": ["a.mp4", "b.mp4", None],
        "start": pa.array([1500, None, 0], pa.duration("ms")),
        "end": [2.5, None, 1.0],
        "n": [1, None, 3],
    }
    pq.write_table(pa.table(table), tmp_path / "t.parquet", row_group_size=1)
    rows = list(read_rows(str(tmp_path / "t.parquet")))
    assert rows[0].listed == (Listed("a.mp4", "", 1.5, 2.5, "", {"n": "1"}),)
    assert rows[1].listed[0].start_seconds is None
    assert rows[2].number == 3
    assert "where the video is" in rows[2].problem


PANDA = "[['0:00:02.1', '0:00:07.3'], ['0:01:00.0', '0:01:09.5']]"


@pytest.mark.parametrize("as_text", [True, False])
def test_a_list_of_timestamps_is_one_source_for_each_span(as_text: bool) -> None:
    spans = [["0:00:02.1", "0:00:07.3"], ["0:01:00.0", "0:01:09.5"]]
    captions, scores = ["one, 'quoted'", "two"], [0.5, 0.25]
    row = {
        "videoID": "abc",
        "path": "a.mp4",
        "timestamp": str(spans) if as_text else spans,
        "caption": str(captions) if as_text else captions,
        "matching_score": str(scores) if as_text else scores,
        "source": "[panda]",
    }
    assert listed_of(row) == [
        Listed("a.mp4", "abc_0", 2.1, 7.3, "one, 'quoted'", {"matching_score": "0.5", "source": "[panda]"}),
        Listed("a.mp4", "abc_1", 60.0, 69.5, "two", {"matching_score": "0.25", "source": "[panda]"}),
    ]


def test_a_single_pair_of_times_is_one_span() -> None:
    row = {
        "video_id": "x",
        "video_path": "panda/x.mp4",
        "timestamp": ["0:00:01", "0:00:03"],
        "captions": [{"idx": "-1"}],
    }
    assert listed_of(row) == [Listed("panda/x.mp4", "x", 1.0, 3.0, "", {"captions": '[{"idx": "-1"}]'})]


@pytest.mark.parametrize(
    "cell", ["soon", "[1, 2, 3]", "[['0:01']]", "[['5', '4']]", "__import__('os').getpid()", 7, [["a", "b"]]]
)
def test_odd_timestamps_are_refused(cell: object) -> None:
    with pytest.raises(RowProblem):
        listed_of({"path": "a.mp4", "timestamp": cell})


def test_webvid_names_captions_name() -> None:
    row = {"videoid": 5, "contentUrl": "https://h/5.mp4", "duration": "PT01S", "page_dir": "p", "name": "A dog"}
    assert listed_of(row) == [
        Listed("https://h/5.mp4", "5", caption="A dog", tags={"duration": "PT01S", "page_dir": "p"})
    ]
