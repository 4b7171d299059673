"""Rows to Arrow and Parquet and back: equal, whatever they hold."""

from __future__ import annotations

import io
import typing
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from sharegpt4video.dataset.rows import TABLES, CaptionRow, SourceVideo, Survey
from sharegpt4video.dataset.store.schema import arrow_schema, to_rows, to_table
from store_rows import caption_row

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXTS,
    int: st.integers(-(1 << 63), (1 << 63) - 1),
    float: st.floats(allow_nan=False),
    bool: st.booleans(),
    bytes: st.binary(max_size=8),
}
OPEN_ENDED = st.none() | st.booleans() | st.integers() | TEXTS | st.lists(TEXTS, max_size=2)


def rows_of(row_type: type) -> st.SearchStrategy[Any]:
    """Any value of a dataclass of plain data, after its type hints; ids are such as ids are."""
    hints = typing.get_type_hints(row_type)
    values = {one.name: anything(hints[one.name]) for one in fields(row_type)}
    if "id" in values:
        values["id"] = st.integers(1, (1 << 128) - 1).map(lambda number: f"{number:032x}")
    return st.builds(row_type, **values)


def anything(hint: Any) -> st.SearchStrategy[Any]:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint in PLAIN:
        return PLAIN[hint]
    if is_dataclass(hint) and isinstance(hint, type):
        return rows_of(hint)
    if origin is typing.Literal:
        return st.sampled_from(arguments)
    if origin is dict:
        return (
            st.dictionaries(TEXTS, TEXTS, max_size=2)
            if arguments[1] is str
            else st.dictionaries(TEXTS, OPEN_ENDED, max_size=3)
        )
    if origin is tuple and arguments[-1] is Ellipsis:
        return st.lists(anything(arguments[0]), max_size=2).map(tuple)
    if origin is tuple:
        return st.tuples(*map(anything, arguments))
    return st.one_of(*(st.none() if inner is type(None) else anything(inner) for inner in arguments))


SLOW = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def through_parquet(table: pa.Table) -> pa.Table:
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return pq.read_table(io.BytesIO(buffer.getvalue()))


@pytest.mark.parametrize("name", TABLES)
@SLOW
@given(data=st.data())
def test_any_rows_come_back_equal(name: str, data: st.DataObject) -> None:
    rows = data.draw(st.lists(rows_of(TABLES[name]), max_size=3))

    table = to_table(TABLES[name], rows)

    assert table.schema.equals(arrow_schema(TABLES[name]), check_metadata=True)
    assert to_rows(TABLES[name], through_parquet(table)) == rows
    if rows:
        assert to_rows(TABLES[name], table.slice(1)) == rows[1:], "a slice of a table"


def test_nothing_tried_and_nothing_found_are_told_apart() -> None:
    row = caption_row(1, steps=1)
    tried = replace(row.steps[0].facts[0], texts=())
    row = replace(row, steps=(replace(row.steps[0], facts=(row.steps[0].facts[0], tried)),))

    back = to_rows(CaptionRow, through_parquet(to_table(CaptionRow, [row])))[0]

    assert [facts.texts for facts in back.steps[0].facts] == [None, ()]


def test_ten_thousand_steps() -> None:
    few, bare = caption_row(1, steps=100).steps, replace(caption_row(1, steps=1).steps[0], facts=())
    row = replace(caption_row(1), steps=few + 9_900 * (bare,))
    assert to_rows(CaptionRow, through_parquet(to_table(CaptionRow, [row]))) == [row]


def test_half_a_surrogate_pair_does_not_stop_a_build() -> None:
    row = SourceVideo("0" * 32, "a\ud83d.mp4", caption="\ud83d\ude00", tags={"b": "\ude00"})
    back = to_rows(SourceVideo, to_table(SourceVideo, [row, row]))[1]
    assert (back.location, back.caption) == ("a\ufffd.mp4", "\U0001f600")


@dataclass(frozen=True)
class Before:
    """A table as an older version wrote it: without the columns added since, with one that went away."""

    id: str
    container: str
    went_away: int


def test_columns_that_are_not_there_take_their_defaults() -> None:
    old = to_table(Before, [Before("0" * 32, "mp4", 3)])
    assert to_rows(Survey, old) == [Survey("0" * 32, container="mp4")]


def test_nested_columns_that_are_not_there_take_their_defaults() -> None:
    plain = to_table(CaptionRow, [caption_row(1, steps=2)]).to_pylist()
    for step in plain[0]["steps"]:
        del step["problem"]
        step["facts"] = []
    old = pa.Table.from_pylist(plain)
    expected = caption_row(1, steps=2)
    without = tuple(replace(step, problem="", facts=()) for step in expected.steps)
    assert to_rows(CaptionRow, old) == [replace(expected, steps=without)]


@pytest.mark.parametrize("tags", ['{"a": 1}', '{"a": "b", "c": 1}', '{"a": null, "c": "d"}'])
def test_tags_are_texts_or_the_row_is_named(tags: str) -> None:
    plain = to_table(SourceVideo, [SourceVideo("0" * 32, "a", tags={"a": "b"})]).to_pylist()
    assert to_rows(SourceVideo, pa.Table.from_pylist(plain)) == [SourceVideo("0" * 32, "a", tags={"a": "b"})]
    table = pa.Table.from_pylist([{**plain[0], "tags": tags}], schema=arrow_schema(SourceVideo))
    with pytest.raises(ValidationError, match="tags"):
        to_rows(SourceVideo, table)


@pytest.mark.parametrize(
    ("column", "value"), [("mode", "quick"), ("width", None), ("revision", "first"), ("warnings", None)]
)
def test_a_value_that_does_not_fit_is_named(column: str, value: Any) -> None:
    plain = to_table(CaptionRow, [caption_row(1)]).to_pylist()
    plain[0][column] = value
    with pytest.raises(ValidationError, match=column):
        to_rows(CaptionRow, pa.Table.from_pylist(plain))


@pytest.mark.parametrize(("column", "value"), [("mode", "quick"), ("width", None), ("warnings", None)])
def test_nor_does_it_in_a_column_of_the_right_type(column: str, value: Any) -> None:
    plain = to_table(CaptionRow, [caption_row(1), caption_row(2)]).to_pylist()
    plain[1][column] = value
    with pytest.raises(ValidationError, match=column):
        to_rows(CaptionRow, pa.Table.from_pylist(plain, schema=arrow_schema(CaptionRow)))
