"""On-screen text: what is drawn is read, at the right place, once; and a reading that jitters is not a new text."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from sharegpt4video.facts.text import TextReader, bounding_box, is_content, new_texts, same_letters, same_text
from sharegpt4video.records import Box, ScreenText


@pytest.fixture(scope="module")
def reader() -> TextReader:
    return TextReader()


def drawn(lines: list[tuple[str, tuple[int, int], int]], size: tuple[int, int] = (640, 360)) -> np.ndarray:
    picture = Image.new("RGB", size, (40, 70, 120))
    pen = ImageDraw.Draw(picture)
    for text, place, height in lines:
        pen.text(place, text, fill=(250, 250, 250), font=ImageFont.load_default(height))
    return np.asarray(picture)


def line(text: str) -> ScreenText:
    return ScreenText(text, 0.99, 1.0, Box(0, 0, 1, 0.1))


def test_reads_what_is_drawn_where_it_is_drawn(reader: TextReader) -> None:
    read = reader(drawn([("Morning News", (60, 40), 40), ("Page 217", (380, 280), 32)]), 2.5)
    assert [text.text for text in read] == ["Morning News", "Page 217"]
    assert all(text.seconds == 2.5 and text.score >= 0.85 for text in read)
    first, second = (text.box for text in read)
    assert first.left == pytest.approx(60 / 640, abs=0.03)
    assert first.top < 60 / 360 < first.bottom
    assert second.left == pytest.approx(380 / 640, abs=0.03)
    assert second.top < 298 / 360 < second.bottom


def test_colour_order_is_rgb(reader: TextReader) -> None:
    picture = np.zeros((200, 500, 3), np.uint8)
    picture[..., 0] = 200
    ink = Image.fromarray(picture)
    ImageDraw.Draw(ink).text((40, 60), "RED WALL", fill=(255, 255, 0), font=ImageFont.load_default(60))
    assert [text.text for text in reader(np.asarray(ink), 0.0)] == ["RED WALL"]


def test_repeated_text_is_listed_once(reader: TextReader) -> None:
    read = reader(drawn([("preview copy", (40, 40), 30), ("preview copy", (340, 260), 30)]), 0.0)
    assert [text.text for text in read] == ["preview copy"]


def test_short_marks_and_plain_pictures_give_nothing(reader: TextReader) -> None:
    assert reader(drawn([("ab", (100, 100), 60)]), 0.0) == ()
    assert reader(np.full((360, 640, 3), 90, np.uint8), 0.0) == ()
    assert reader(np.random.default_rng(1).integers(0, 255, (120, 160, 3), np.uint8), 0.0) == ()


def test_odd_sizes_do_not_fail(reader: TextReader) -> None:
    for shape in ((1, 1, 3), (2, 300, 3), (700, 3, 3)):
        assert reader(np.zeros(shape, np.uint8), 0.0) == ()


def test_large_pictures_are_read_too(reader: TextReader) -> None:
    read = reader(drawn([("WELCOME TO LISBON", (600, 900), 90)], size=(1920, 1080)), 0.0)
    assert [text.text for text in read] == ["WELCOME TO LISBON"]
    assert read[0].box.top == pytest.approx(900 / 1080, abs=0.04)


def test_other_loggers_are_left_alone(reader: TextReader, capfd: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before = root.level, list(root.handlers), logging.root.manager.disable
    reader(np.zeros((100, 100, 3), np.uint8), 0.0)
    TextReader()
    assert (root.level, list(root.handlers), logging.root.manager.disable) == before
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("clideo.com", "clideo.com"),
        ("clideo.com", "Clideo com"),
        ("clideo.com", "cl1deo.com"),
        ("Evening News", "Evenlng News"),
        ("SUBSCRIBE!", "SUBSCRlBE"),
        ("今日は良い天気", "今日は良い天气"),
    ],
)
def test_jitter_of_the_reader_is_the_same_text(one: str, other: str) -> None:
    assert same_text(one, other)
    assert new_texts([line(one)], [line(other)]) == ()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Room 101", "Room 102"),
        ("Chapter 1", "Chapter 11"),
        ("HOME 2 GUEST 0", "HOME 2 GUEST 1"),
        ("Morning News", "Evening News Tonight"),
        ("stop", "go slow"),
        ("", "anything"),
    ],
)
def test_other_words_and_numbers_are_new(one: str, other: str) -> None:
    assert not same_text(one, other)
    assert new_texts([line(one)], [line(other)]) == (line(other),)


@pytest.mark.parametrize(
    "text", ["12:34", "30/90", "x2", "+250", "1080p", "00:12 km", "JAN 12 2024", "fps 60.0", "a1b2c3"]
)
def test_clocks_counters_and_figures_are_no_content(text: str) -> None:
    assert not is_content(text)


@pytest.mark.parametrize("text", ["clideo.com", "Page 217", "Room 101", "EXIT", "出口", "Level 2!", "50% OFF"])
def test_words_are_content(text: str) -> None:
    assert is_content(text)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Score 100", "Score 250", True),
        ("Lap 1 of 3", "Lap 2 of 3", True),
        ("Part 1", "Side 1", False),
        ("7", "8", False),
    ],
)
def test_a_counter_that_goes_on_has_the_same_letters(one: str, other: str, same: bool) -> None:
    assert same_letters(one, other) is same


@given(st.text(max_size=40))
def test_every_text_is_the_same_as_itself(text: str) -> None:
    assert same_text(text, text)


def test_boxes_stay_inside_the_picture() -> None:
    assert bounding_box([[-5, -5], [110, 0], [110, 60], [0, 60]], 100, 50) == Box(0.0, 0.0, 1.0, 1.0)
