import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharegpt4video.times import parse_time, show_span, show_time


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90.0),
        ("12.5", 12.5),
        (".5", 0.5),
        ("1:30", 90.0),
        ("0:01:30.5", 90.5),
        ("75:00", 4500.0),
        (" 2:03 ", 123.0),
        ("0", 0.0),
    ],
)
def test_reads_times(text: str, seconds: float) -> None:
    assert parse_time(text) == seconds


@pytest.mark.parametrize("text", ["", "abc", "-3", "1:75", "1:60:00", "1:2:3:4", "1,5", "5s", "nan", "inf", "1e3"])
def test_refuses_what_is_not_a_time(text: str) -> None:
    with pytest.raises(ValueError, match="not a time"):
        parse_time(text)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.0, "0:00.0"),
        (2.0, "0:02.0"),
        (59.96, "1:00.0"),
        (90.54, "1:30.5"),
        (3599.97, "1:00:00.0"),
        (3723.4, "1:02:03.4"),
        (-0.04, "0:00.0"),
        (-1.5, "-0:01.5"),
    ],
)
def test_shows_times(seconds: float, shown: str) -> None:
    assert show_time(seconds) == shown


@given(st.integers(0, 10**6))
def test_what_is_shown_reads_back(tenths: int) -> None:
    assert round(parse_time(show_time(tenths / 10)) * 10) == tenths


def test_an_instant_is_one_time() -> None:
    assert show_span(2.0, 2.0) == "0:02.0"
    assert show_span(2.0, 4.0) == "0:02.0 – 0:04.0"
