"""The user's lists: which rows a file has, of whatever kind; a bad one is named by its line and costs no other."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from listed_sources import failures, put
from sharegpt4video.dataset.rows import Failure, SourceVideo
from sharegpt4video.dataset.sources import lists
from sharegpt4video.dataset.sources.lists import Row, read_rows
from sharegpt4video.dataset.sources.sources import find_sources
from sharegpt4video.dataset.sources.tables import Listed
from sharegpt4video.errors import SettingsError


class _Head(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html" if "page" in self.path else "application/x-tar")
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Head) as answering:
        thread = threading.Thread(target=answering.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"127.0.0.1:{answering.server_port}"
        answering.shutdown()
        thread.join()


def rows_of(path: Path, text: str | bytes) -> list[Row]:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return list(read_rows(str(path)))


def only(rows: list[Row]) -> list[Listed]:
    assert not [row.problem for row in rows if row.problem]
    return [listed for row in rows for listed in row.listed]


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
    assert [row.problem for row in rows if "no path of a video" in row.problem or "columns" in row.problem]
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
    with pytest.raises(SettingsError, match=r"no column has the videos' paths; the columns are name, size"):
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
    assert "no path of a video" in rows[2].problem


def paths(rows: list[Row]) -> list[str]:
    return [listed.path for row in rows for listed in row.listed]


CASES = Path(__file__).resolve().parents[4] / "shared" / "cases" / "tables"


@pytest.mark.parametrize("name", ["bigint.jsonl", "deep983.jsonl"])
def test_one_absurd_row_is_one_failure(tmp_path: Path, name: str) -> None:
    if not CASES.is_dir():
        pytest.skip("needs ../shared/cases")
    put(tmp_path / "v.mp4")
    put(tmp_path / name, (CASES / name).read_bytes())
    rows = list(find_sources([str(tmp_path / name)]))
    failed = [row for row in rows if isinstance(row, Failure)]
    assert len(rows) == 2
    assert len(failed) == 1
    assert f"{name}, line " in failed[0].message


@pytest.mark.parametrize(
    ("text", "bad", "good"),
    [
        ('path,caption\na,x\nb,"open\nc,y\nd,z\n', [3], ["a", "c", "d"]),
        ('path,caption\na,x\nb,"open\nc,"y"\nd,z\n', [3], ["a", "c", "d"]),
        ('path,caption\na,x\nb,"open', [3], ["a"]),
        ('path,caption\na,5" screen\nb,"5" screen"\nc,"two\nlines"\n', [], ["a", "b", "c"]),
        ("path,caption\na,x\nb," + "y" * 200_000 + "\nc,z\n", [], ["a", "b", "c"]),
        ("path\ra\rb\n\r\nc\n", [], ["a", "b", "c"]),
    ],
)
def test_a_quotation_mark_swallows_no_rows(tmp_path: Path, text: str, bad: list[int], good: list[str]) -> None:
    rows = rows_of(tmp_path / "t.csv", text)
    assert [row.number for row in rows if row.problem] == bad
    assert paths(rows) == good


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl", "t.txt"])
def test_an_endless_line_is_one_bad_row(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "MAX_LINE_CHARACTERS", 100)
    line = {"t.csv": "{}", "t.jsonl": '{{"path": "{}"}}', "t.txt": "{}"}[name]
    text = "\n".join(line.format(one) for one in ("a", "b" * 1000, "c"))
    rows = rows_of(tmp_path / name, ("path\n" if name == "t.csv" else "") + text)
    assert [row.problem.partition(" is longer")[0] for row in rows] == ["", "the line", ""]
    assert paths(rows) == ["a", "c"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("name", ["t.csv", "t.jsonl", "t.txt"])
def test_another_encoding_of_the_whole_list_is_said_at_once(tmp_path: Path, name: str, encoding: str) -> None:
    with pytest.raises(SettingsError, match="save the list as UTF-8"):
        rows_of(tmp_path / name, "path\na.mp4\n".encode(encoding))


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_two_columns_of_one_name_are_a_wrong_call(tmp_path: Path, name: str) -> None:
    if name == "t.csv":
        put(tmp_path / name, "path,path,,\na,b,,\n")
    else:
        pq.write_table(
            pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], names=["path", "path"]), tmp_path / name
        )
    with pytest.raises(SettingsError, match="several columns are called 'path'"):
        list(read_rows(str(tmp_path / name)))


@pytest.mark.parametrize("header", ["path,PATH", "Path, path ", "path,end,End"])
def test_upper_and_lower_case_make_no_two_columns(tmp_path: Path, header: str) -> None:
    put(tmp_path / "t.csv", f"{header}\na,b\n")
    with pytest.raises(SettingsError, match="several columns are called"):
        list(read_rows(str(tmp_path / "t.csv")))


def arrow_text(*values: bytes) -> pa.Array:
    """A column of text whose bytes nobody has checked."""
    ends = pa.array([sum(map(len, values[:at])) for at in range(len(values) + 1)], pa.int32()).buffers()[1]
    return pa.Array.from_buffers(pa.string(), len(values), [None, ends, pa.py_buffer(b"".join(values))])


@pytest.mark.parametrize(
    ("column", "bad"),
    [
        (arrow_text(b"x", b"\xff\xfe", b"y"), [2]),
        (pa.array([1, 2**62, 3], pa.timestamp("ms")), []),
        (pa.array([1, 2**30, 3], pa.date32()), []),
        (pa.array([1, 2, 3], pa.timestamp("us", tz="Nowhere/Land")), []),
        (pa.array([[b"\xff"], None, []], pa.list_(pa.binary())), []),
    ],
    ids=["not UTF-8", "year 146 million", "date", "time zone", "bytes"],
)
def test_a_value_that_python_cannot_hold_costs_its_row_at_most(
    tmp_path: Path, column: pa.Array, bad: list[int]
) -> None:
    pq.write_table(pa.table({"path": ["a", "b", "c"], "x": column}), tmp_path / "t.parquet")
    rows = list(read_rows(str(tmp_path / "t.parquet")))
    assert [row.number for row in rows] == [1, 2, 3]
    assert [row.number for row in rows if row.problem] == bad


def test_a_damaged_row_group_costs_its_rows_alone(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    table = pa.table({"path": [f"{number:06}.mp4" for number in range(300)]})
    pq.write_table(table, path, row_group_size=100, use_dictionary=False, compression="snappy")
    column = pq.ParquetFile(path).metadata.row_group(1).column(0)
    data = bytearray(path.read_bytes())
    start, end = column.data_page_offset, column.data_page_offset + column.total_compressed_size
    data[start:end] = bytes(byte ^ 0xA5 for byte in data[start:end])
    path.write_bytes(data)
    rows = list(read_rows(str(path)))
    assert [row.problem.partition(" cannot")[0] for row in rows if row.problem] == ["rows 101 to 200"]
    assert paths(rows) == [f"{number:06}.mp4" for number in (*range(100), *range(200, 300))]


@pytest.mark.parametrize("row", ["s3://b/a.tar::b.zip", "http://{server}/a.tar", "http://{server}/page.tar"])
def test_an_archive_at_an_address_that_is_not_read_costs_no_other_row(tmp_path: Path, row: str, server: str) -> None:
    put(tmp_path / "v.mp4")
    put(tmp_path / "l.txt", f"{row.format(server=server)}\nv.mp4\n")
    failure, video = find_sources([str(tmp_path / "l.txt")])
    assert isinstance(failure, Failure)
    assert "not opened here" in failure.message or "web page" in failure.message
    assert isinstance(video, SourceVideo)


def test_a_list_whose_storage_fails_in_the_middle_is_one_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "a.mp4")
    put(tmp_path / "other.mp4")
    put(tmp_path / "l.txt", "a.mp4\nb.mp4\n")
    lines = lists._lines

    def failing(text: object) -> object:
        yield next(lines(text))  # type: ignore[arg-type]
        raise OSError("the disk is gone")

    monkeypatch.setattr(lists, "_lines", failing)
    rows = list(find_sources([str(tmp_path / "l.txt"), str(tmp_path / "other.mp4")]))
    assert [isinstance(row, Failure) for row in rows] == [False, True, False]
    assert "the disk is gone; what comes after line 1 is not listed" in failures(tmp_path / "l.txt")[0].message


def test_no_flipped_bit_loses_rows_of_a_parquet_table_in_silence(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table = pa.table({"path": ["v.mp4"] * 20, "id": [str(at) for at in range(20)]})
    pq.write_table(table, path, compression="none", row_group_size=7)
    data = path.read_bytes()
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    silent = []
    for at in range(footer, len(data)):
        flipped = bytearray(data)
        flipped[at] ^= 1 << at % 8
        path.write_bytes(flipped)
        try:
            rows = list(read_rows(str(path)))
        except SettingsError:
            continue
        if sum(len(row.listed) for row in rows) < 20 and not any(row.problem for row in rows):
            silent.append(at)
    assert silent == []


def test_a_parquet_table_that_says_it_has_no_groups_is_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"path": ["v.mp4"] * 20}), path)
    monkeypatch.setattr(pq.ParquetFile, "num_row_groups", property(lambda _file: 0))
    (row,) = read_rows(str(path))
    assert "says it has 20 rows, but lists 0" in row.problem
