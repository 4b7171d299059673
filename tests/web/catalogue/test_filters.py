"""Filters: what is typed becomes known SQL and parameters, whatever it is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharegpt4video.errors import SettingsError
from sharegpt4video.web.catalogue.columns import COLUMNS
from sharegpt4video.web.catalogue.filters import Filter, parsed

numbers = st.sampled_from([name for name, column in COLUMNS.items() if column.kind == "number"])
words = st.sampled_from([name for name, column in COLUMNS.items() if column.kind in ("word", "words")])
SHAPES = re.compile(
    r'"[a-z_]+" (=|<>|<|<=|>|>=) \?|contains\(lower\("[a-z_]+"\), lower\(\?\)\)|(NOT )?list_contains\("[a-z_]+", \?\)'
    r'|(NOT )?\(?len\("[a-z_]+"\) > 0\)?|(NOT )?\(?"[a-z_]+" <> \'\'\)?'
)


@given(numbers, st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_read_as_they_are_written(name: str, operator: str, value: float) -> None:
    (found,) = parsed([f" {name} {operator} {value!r} "])
    assert found == Filter(name, operator, value)
    assert parsed([str(found)]) == (found,)


@given(words, st.sampled_from(["=", "!="]), st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
def test_whatever_a_word_holds_it_is_a_parameter(name: str, operator: str, value: str) -> None:
    value = value.strip()
    if not value or re.match("[<>=!~]", value):
        return
    (found,) = parsed([f"{name}{operator}{value}"])
    sql, parameters = found.sql()
    assert SHAPES.fullmatch(sql)
    assert parameters == ([] if value in ("none", "any") else [value])


@given(st.text(max_size=400))
def test_any_text_is_a_filter_or_refused_in_words(text: str) -> None:
    try:
        found = parsed([text])[0]
    except SettingsError:
        return
    if not found.searches_text:
        sql, _ = found.sql()
        assert SHAPES.fullmatch(sql)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("max_moton>0.3", "did you mean 'max_motion'"),
        ("motion>fast", "with a number"),
        ("motion>nan", "with a number"),
        ("motion>inf", "with a number"),
        ("kept>true", "compared by = or !="),
        ("kept=maybe", "true or false"),
        ("camera<static", "compared by = or !="),
        ("motion", "is not a filter"),
        ("motion>", "a value is missing"),
        ("", "is not a filter"),
        ('motion">0 OR 1=1 --', "is not a filter"),
        ("x" * 301, "at most 300 characters"),
    ],
)
def test_a_wrong_filter_says_what_is_wrong(text: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        parsed([text])


def test_the_docs_name_every_filter_with_the_comparisons_it_takes() -> None:
    text = (Path(__file__).parents[3] / "docs" / "web.md").read_text("utf-8")
    rows = [
        row.split(" | ")
        for row in text.partition("### Filters")[2].partition("## Two")[0].splitlines()
        if row.startswith("| `")
    ]
    told = {name: signs for names, signs, _ in rows for name in re.findall("`(.+?)`", names)}
    assert told.keys() == COLUMNS.keys()
    for name, signs in told.items():
        for sign in ("=", "!=", "<", "<=", ">", ">=", "~"):
            value = "true" if COLUMNS[name].kind == "flag" else "1"
            taken = True
            try:
                parsed([f"{name}{sign}{value}"])
            except SettingsError:
                taken = False
            assert taken == (sign in signs.strip("`").split()), (name, sign)


def test_only_so_many_filters_at_a_time() -> None:
    with pytest.raises(SettingsError, match="at most 20"):
        parsed(["motion>0"] * 21)


def test_none_and_any_ask_whether_there_is_one() -> None:
    assert [parsed([text])[0].sql()[0] for text in ("verdict=none", "verdict!=none", "check=any", "check!=any")] == [
        "NOT (\"verdict\" <> '')",
        "\"verdict\" <> ''",
        'len("check") > 0',
        'NOT (len("check") > 0)',
    ]
