"""What one row of a table stands for: times, spans, captions and tags; whatever is in it, only the row is refused."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sharegpt4video.dataset.sources.tables import (
    MAX_NESTING,
    Listed,
    RowProblem,
    checked_span,
    json_object,
    listed_of,
    parse_seconds,
)


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


BIG = 10**400


@pytest.mark.parametrize(
    "value", [BIG, -BIG, 1e10, float("-inf"), Decimal(BIG), Decimal("NaN"), "9" * 5000, f"{'9' * 400}:00:01"]
)
def test_an_absurd_number_is_no_time(value: object) -> None:
    with pytest.raises(RowProblem) as told:
        listed_of({"path": "a.mp4", "start": value})
    assert len(str(told.value)) < 300


def test_a_decimal_is_a_time() -> None:
    assert parse_seconds(Decimal("2.50")) == 2.5


CELLS: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(10**300, 10**500) | st.floats() | st.text(max_size=20)
    | st.binary(max_size=9) | st.decimals() | st.dates() | st.datetimes() | st.times() | st.timedeltas()
    | st.sampled_from(["[[0, 1]]", "[{[]: 1}]", "({}, [])", "[1j]", "[" * 300, "\ud800", "\0", f"[[{'9' * 5000}]]"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
COLUMNS = st.sampled_from(["path", "id", "start", "end", "spans", "caption", "Timestamp", "x", "", "\ud800"])


@settings(max_examples=60)
@given(st.dictionaries(COLUMNS, CELLS))
def test_whatever_a_row_holds_it_is_read_or_refused(row: dict[str, Any]) -> None:
    try:
        found = listed_of(row)
    except RowProblem:
        return
    for one in found:
        assert one.path
        assert one.end_seconds is None or one.end_seconds > (one.start_seconds or 0.0)
        assert all(type(text) is str for text in one.tags.values())


@pytest.mark.parametrize("deep", ["[" * 983 + "]" * 983, '{"a":' * 983 + "1" + "}" * 983, "[" * 200_000])
def test_values_nested_too_deep_are_refused_whoever_asks(deep: str) -> None:
    with pytest.raises(RowProblem, match=f"nested more than {MAX_NESTING} deep"):
        json_object(f'{{"path": "a.mp4", "x": {deep}}}')


def test_brackets_in_a_text_are_no_nesting() -> None:
    text = {"path": "a.mp4", "x": "[" * 500 + '\\"' + "{" * 500, "y": [[1]] * 200}
    assert json_object(json.dumps(text)) == text
    assert json_object(b"\xef\xbb\xbf{}") == {}


@pytest.mark.parametrize("path", [["a.mp4"], {"bytes": None, "path": "a.mp4"}, True, b"\xff.mp4"])
def test_what_is_no_path_is_refused(path: object) -> None:
    with pytest.raises(RowProblem, match=r"is not a path|is not UTF-8"):
        listed_of({"path": path})


def test_bytes_are_the_text_that_they_are() -> None:
    row = {"path": b"a.mp4", "caption": "ä".encode(), "poster": b"\xff\xd8"}
    assert listed_of(row) == [Listed("a.mp4", caption="ä", tags={"poster": str(b"\xff\xd8")})]


def test_lists_in_cells_are_json_where_they_can_be() -> None:
    spans = json.dumps([[1, 2], [3, None]])
    captions = json.dumps(["a smile \U0001f600", None])
    rows = listed_of({"path": "v.mp4", "spans": spans, "caption": captions, "seen": "[true, false]"})
    assert [(row.start_seconds, row.end_seconds, row.caption, row.tags) for row in rows] == [
        (1.0, 2.0, "a smile \U0001f600", {"seen": "True"}),
        (3.0, None, "", {"seen": "False"}),
    ]
    with pytest.raises(RowProblem, match="not UTF-8"):
        listed_of({"path": "v.mp4", "spans": "[[1, 2], [3, 4]]", "caption": '["a", "\\ud83d"]'})


@pytest.mark.parametrize("cell", [[], (), "[]", "()", " [ ] "])
def test_an_empty_list_of_spans_is_a_row_that_cannot_be_used(cell: object) -> None:
    with pytest.raises(RowProblem, match="list of spans is empty"):
        listed_of({"path": "a.mp4", "timestamp": cell})


@pytest.mark.parametrize("cell", [None, "", float("nan")])
def test_an_empty_cell_is_the_whole_video(cell: object) -> None:
    assert listed_of({"path": "a.mp4", "timestamp": cell}) == [Listed("a.mp4")]
